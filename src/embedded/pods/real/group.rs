//! Group Replication among the servers of one runtime: what KubeDB's coordinator does beside each of
//! them. A member is let into its group when it has started, and again when it has fallen out; whoever
//! finds nobody in it begins it.
//!
//! The servers are on loopback, where each has an address of its own and port 3306. The group's own
//! communication (`XCom`) is at 127.0.0.1, which is the only address that an interface has, on a port
//! that is the member's alone.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder};
use tokio::time::sleep;

use crate::embedded::pods::runtime::{Order, Part};

/// The plugin, as a file in the folder of plugins.
pub(super) const PLUGIN: &str = "group_replication.so";
/// How often a member is asked how it is.
const FOLLOW: Duration = Duration::from_millis(200);
/// How long after a vain attempt a member is let in again, and how often in all: one that holds what
/// the group does not has to be made anew.
const AGAIN: Duration = Duration::from_secs(3);
const ATTEMPTS: u32 = 5;
/// Below the ports that clients get.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// What a member is, as it says itself.
const STATE: &str = "SELECT MEMBER_STATE, MEMBER_ROLE FROM \
                     performance_schema.replication_group_members WHERE MEMBER_ID = @@server_uuid";

/// The groups of a runtime, by name.
#[derive(Clone, Default)]
pub(super) struct Groups(Arc<Mutex<BTreeMap<String, Arc<Group>>>>);

/// A group.
#[derive(Default)]
struct Group {
    /// One enters at a time: two would each begin a group.
    door: tokio::sync::Mutex<()>,
    members: Mutex<BTreeMap<Ipv4Addr, Member>>,
}

#[derive(Clone, Copy)]
struct Member {
    port: u16,
    online: bool,
}

/// The account by which members copy from each other.
pub(super) struct Account {
    user: String,
    password: String,
}

/// The place of a server in its group, until it is dropped.
pub(super) struct Seat {
    group: Arc<Group>,
    name: String,
    address: Ipv4Addr,
    port: u16,
    account: Account,
}

/// Why a member is not in its group.
#[derive(Debug, thiserror::Error)]
pub(super) enum Outside {
    #[error("its group does not let it in: {0}")]
    Refused(mysql_async::Error),
    #[error("it does not say how it is in its group: {0}")]
    Silent(#[from] mysql_async::Error),
}

impl Groups {
    /// A place for this server; none where it is to be in no group.
    pub(super) fn seat(&self, order: &Order) -> Option<Seat> {
        let name = order.group()?.to_owned();
        let password = order.env.get("MYSQL_ROOT_PASSWORD")?.clone();
        let user = order.env.get("MYSQL_ROOT_USERNAME").map_or("root", String::as_str).to_owned();
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|_, group| Arc::strong_count(group) > 1);
        let group = Arc::clone(groups.entry(name.clone()).or_default());
        let port = free_port()?;
        group.members().insert(order.address, Member { port, online: false });
        let account = Account { user, password };
        Some(Seat { group, name, address: order.address, port, account })
    }
}

impl Group {
    fn members(&self) -> MutexGuard<'_, BTreeMap<Ipv4Addr, Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// The options of a server that is to take this place.
    pub(super) fn options(&self) -> Vec<String> {
        let Self { name, address, port, .. } = self;
        let mut options = vec![
            format!("--server-id={}", address.to_bits()),
            "--gtid-mode=ON".to_owned(),
            "--enforce-gtid-consistency=ON".to_owned(),
            format!("--plugin-load-add={PLUGIN}"),
            format!("--report-host={address}"),
        ];
        options.extend(
            [
                format!("group-name={name}"),
                format!("local-address=127.0.0.1:{port}"),
                "start-on-boot=OFF".to_owned(),
                // Every server has a certificate: of its Secret, or one of its own making.
                "ssl-mode=REQUIRED".to_owned(),
                "recovery-use-ssl=ON".to_owned(),
                "autorejoin-tries=0".to_owned(),
                "unreachable-majority-timeout=5".to_owned(),
                "message-cache-size=134217728".to_owned(),
            ]
            .map(|option| format!("--loose-group-replication-{option}")),
        );
        options
    }

    /// It is on its way out: others need not ask it for anything.
    pub(super) fn leave(&self) {
        self.note(false);
    }

    fn note(&self, online: bool) {
        if let Some(member) = self.group.members().get_mut(&self.address) {
            member.online = online;
        }
    }

    /// Keeps a server that has started in its group, and tells its part there whenever it is asked.
    /// Ends when that cannot be.
    pub(super) async fn keep(
        &self,
        socket: &Path,
        tell: impl Fn(Option<Part>),
    ) -> Result<Infallible, Outside> {
        let options = OptsBuilder::default()
            .user(Some(&self.account.user))
            .pass(Some(&self.account.password))
            .socket(Some(socket.display().to_string()));
        let mut connection = Conn::new(options).await?;
        let mut attempts = 0;
        loop {
            let row: Option<(String, String)> = connection.query_first(STATE).await?;
            let (state, role) = row.unwrap_or_default();
            let part = match (&*state, &*role) {
                ("ONLINE", role) if role == Part::Primary.member_role() => Some(Part::Primary),
                ("ONLINE", _) => Some(Part::Secondary),
                _ => None,
            };
            self.note(part.is_some());
            tell(part);
            if part.is_some() {
                attempts = 0;
            } else if state != "RECOVERING" {
                match self.enter(&mut connection).await {
                    Ok(()) => continue,
                    Err(error) if attempts < ATTEMPTS && !error.is_fatal() => attempts += 1,
                    Err(error) => return Err(Outside::Refused(error)),
                }
                sleep(AGAIN).await;
            }
            sleep(FOLLOW).await;
        }
    }

    /// Joins the others, or begins the group where there are none.
    async fn enter(&self, connection: &mut Conn) -> mysql_async::Result<()> {
        let _door = self.group.door.lock().await;
        let members = self.group.members().clone();
        let others = || members.iter().filter(|(address, _)| **address != self.address);
        let seeds: Vec<String> =
            others().map(|(_, member)| format!("127.0.0.1:{}", member.port)).collect();
        let seeds = seeds.join(",");
        let begins = !others().any(|(_, member)| member.online);
        let set = |what: &str| format!("SET GLOBAL group_replication_{what}");
        // One that has fallen out has to leave before it comes in again.
        connection.query_drop("STOP GROUP_REPLICATION").await?;
        connection.query_drop(set(&format!("group_seeds = '{seeds}'"))).await?;
        connection.query_drop(set(&format!("bootstrap_group = {}", u8::from(begins)))).await?;
        let Account { user, password } = &self.account;
        let start = format!(
            "START GROUP_REPLICATION USER = {}, PASSWORD = {}",
            super::life::quoted(user),
            super::life::quoted(password)
        );
        let started = connection.query_drop(start).await;
        connection.query_drop(set("bootstrap_group = 0")).await?;
        started?;
        if begins {
            self.note(true);
        }
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.group.members().remove(&self.address);
    }
}

/// A port on which nobody listens. `XCom` listens on all addresses, whatever it is told.
fn free_port() -> Option<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = PORTS.end - PORTS.start;
    // Other processes like this one begin elsewhere.
    let first = u16::try_from(std::process::id() % u32::from(count)).unwrap_or(0);
    (0..count).find_map(|_| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = (u32::from(first) * 7 + u32::from(step)) % u32::from(count);
        let port = PORTS.start + u16::try_from(offset).ok()?;
        let free = |address: SocketAddr| TcpListener::bind(address).is_ok();
        let is_free = free((Ipv4Addr::UNSPECIFIED, port).into());
        // Where there is no IPv6 nobody has the port there.
        let has_v6 = || free((Ipv6Addr::LOCALHOST, 0).into());
        (is_free && (!has_v6() || free((Ipv6Addr::UNSPECIFIED, port).into()))).then_some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_members_get_the_same_port_nor_one_that_is_taken() {
        let first = free_port().unwrap();
        let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, first + 1));
        let second = free_port().unwrap();
        assert!(PORTS.contains(&first) && PORTS.contains(&second));
        assert_ne!(first, second);
        assert!(taken.is_err() || second != first + 1);
    }
}
