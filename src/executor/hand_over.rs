//! Handing the primary's role of a group over, by SQL on the server that gets it. Asking again does no
//! harm: a server that has the role already says so.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;

use super::Hand;
use super::decide::notes::{Note, Status};
use super::decide::seen::{Role, Seen};
use super::look::Looked;
use super::servers::{Access, Unheard};
use super::swap::Done;
use super::vocabulary::ExecutorWrite;
use crate::api::mysql::MySql;
use crate::cluster::client::ApiFailure;
use crate::core::fleet::Text;

/// Who the server is …
const UUID: &str = "SELECT @@server_uuid";
/// … what it is in its group …
const ROLE: &str = "SELECT MEMBER_ROLE FROM performance_schema.replication_group_members \
                    WHERE MEMBER_ID = @@server_uuid";
/// … and how many are well in there.
const ONLINE: &str = "SELECT COUNT(*) FROM performance_schema.replication_group_members \
                      WHERE MEMBER_STATE = 'ONLINE'";

/// What speaks to servers in SQL: sockets, or what stands in for them where there are none.
pub trait Voice: Send + Sync {
    /// Says statements to a server, one after the other, and returns the first value of each answer;
    /// the empty text where there is none. The first that is refused ends it.
    fn ask<'a>(
        &'a self,
        access: &'a Access,
        server: IpAddr,
        statements: &'a [&'a str],
    ) -> Pin<Box<dyn Future<Output = Result<Vec<String>, Unheard>> + Send + 'a>>;
}

impl Hand {
    /// How many members of a group are online, as one that has been restarted says when nothing but
    /// the primary is left to restart.
    pub(super) async fn online(
        &self,
        seen: &Seen,
        mysql: &MySql,
        addresses: &BTreeMap<Text, IpAddr>,
    ) -> Result<Option<u32>, ApiFailure> {
        let asked = witness(seen).and_then(|pod| addresses.get(pod));
        let (Some(voice), Some(server)) = (&self.voice, asked) else { return Ok(None) };
        let Some(access) = self.access(mysql).await? else { return Ok(None) };
        let answers = voice.ask(&access, *server, &[ONLINE]).await;
        Ok(answers.ok().and_then(|answers| answers.first()?.parse().ok()))
    }

    /// Has a server become the primary. It is it when its pod's label says so: clients are led there
    /// by that.
    pub(super) async fn switch_primary(
        &self,
        looked: &Looked,
        from: &Text,
        to: &Text,
    ) -> Result<Done, ApiFailure> {
        let (Some(voice), Some(plan)) = (&self.voice, &looked.plan) else {
            return Ok(Done::Overtaken);
        };
        let access = self.access(&plan.now).await?;
        let asked = match (access, looked.addresses.get(to)) {
            (Some(access), Some(address)) => {
                let replicas = plan.now.replicas();
                ask_to_lead(&**voice, &access, *address, replicas).await
            }
            (None, _) => Err(Unheard::ForGood("there is no account to log in with".to_owned())),
            (_, None) => Err(Unheard::ForGood(format!("Pod {to} has no address to speak to"))),
        };
        match asked {
            Ok(()) => Ok(Done::Yes),
            Err(Unheard::ForNow(why)) => {
                tracing::info!(pod = &**to, why, "the primary's role is not handed over yet");
                Ok(Done::Refused)
            }
            Err(Unheard::ForGood(why)) => {
                let (request, notes) = (&looked.seen.request, [Note::not_switched(from, to, &why)]);
                let done = self.note(request, None, &notes).await?;
                if done == Done::Yes {
                    self.tell_noted(request, ExecutorWrite::NoteSwitched, &notes);
                }
                Ok(done)
            }
        }
    }
}

/// Whom to ask how the group is, when that is about to matter.
fn witness(seen: &Seen) -> Option<&Text> {
    let evictions = seen.request.progress.evictions();
    let left: Vec<_> = evictions.filter(|it| it.status == Status::False).collect();
    let role = |pod: &str| seen.pods.get(pod).map(|pod| pod.role);
    let primary = left.iter().find(|it| role(it.pod) == Some(Role::Primary))?;
    let others_wait = left.iter().any(|it| role(it.pod) == Some(Role::Standby));
    let mut others = seen.servers().filter(|(name, pod)| &***name != primary.pod && pod.ready);
    let witness = others.next().map(|(name, _)| name);
    witness.filter(|_| seen.switches && !others_wait)
}

/// Asks a server of a group that is whole to take the primary's role.
async fn ask_to_lead(
    voice: &dyn Voice,
    access: &Access,
    server: IpAddr,
    replicas: u32,
) -> Result<(), Unheard> {
    let answers = voice.ask(access, server, &[UUID, ROLE, ONLINE]).await?;
    let [uuid, role, online] = &answers[..] else {
        return Err(Unheard::ForGood("it does not answer what it was asked".to_owned()));
    };
    if role == "PRIMARY" {
        return Err(Unheard::ForNow(
            "it is the primary, and its pod's label is not there yet".into(),
        ));
    }
    if online.parse() != Ok(replicas) {
        return Err(Unheard::ForNow(format!("{online} of {replicas} members are online")));
    }
    let is_uuid = |sign: char| sign.is_ascii_hexdigit() || sign == '-';
    if uuid.is_empty() || !uuid.chars().all(is_uuid) {
        return Err(Unheard::ForGood("its server_uuid is none".to_owned()));
    }
    let statement = format!("SELECT group_replication_set_as_primary('{uuid}')");
    voice.ask(access, server, &[&statement]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Mutex;

    use super::*;

    /// A server that answers this, and what it was asked.
    struct Told(&'static [&'static str], Mutex<Vec<String>>);

    impl Voice for Told {
        fn ask<'a>(
            &'a self,
            _: &'a Access,
            _: IpAddr,
            statements: &'a [&'a str],
        ) -> Pin<Box<dyn Future<Output = Result<Vec<String>, Unheard>> + Send + 'a>> {
            self.1.lock().unwrap().extend(statements.iter().map(|it| (*it).to_owned()));
            let answers = self.0.iter().map(|it| (*it).to_owned()).collect();
            Box::pin(std::future::ready(Ok(answers)))
        }
    }

    #[tokio::test]
    async fn only_a_standby_of_a_whole_group_is_asked_to_lead() {
        const ID: &str = "ff8a5624-e82c-11f1-9384-02fc00000001";
        for (answers, expected) in [
            (&[ID, "SECONDARY", "3"], "asked"),
            (&[ID, "PRIMARY", "3"], "for now"),
            (&[ID, "SECONDARY", "2"], "for now"),
            (&[ID, "", "0"], "for now"),
            (&["'); DROP", "SECONDARY", "3"], "for good"),
        ] {
            let voice = Told(answers, Mutex::default());
            let server = Ipv4Addr::LOCALHOST.into();
            let said = match ask_to_lead(&voice, &Access::nobody(), server, 3).await {
                Ok(()) => "asked",
                Err(Unheard::ForNow(_)) => "for now",
                Err(Unheard::ForGood(_)) => "for good",
            };
            assert_eq!(said, expected, "{answers:?}");
            let last = voice.1.lock().unwrap().last().cloned().unwrap();
            let asked = last == format!("SELECT group_replication_set_as_primary('{ID}')");
            assert_eq!(asked, expected == "asked", "{answers:?}");
        }
    }
}
