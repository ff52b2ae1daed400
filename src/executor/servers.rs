//! What is said to the servers themselves: by SQL, over TLS that leads to the CA that their Secret
//! holds, as the database's own root user. And what they serve, seen from outside.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder, SslOpts};
use tokio::time::timeout;

use super::Hand;
use super::decide::notes::Note;
use super::decide::seen::Serving;
use super::hand_over::Voice;
use super::look::Looked;
use super::swap::Done;
use crate::api::mysql::MySql;
use crate::api::pod::Pod;
use crate::cluster::client::ApiFailure;
use crate::core::certificate::{Chain, Fingerprint, sanitize};
use crate::core::fleet::Text;
use crate::probe::{Manners, Prober, allowed};

/// Where mysqld listens.
const PORT: u16 = 3306;
/// How long all of one conversation may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// What makes MySQL load its certificates anew …
const RELOAD_TLS: &str = "ALTER INSTANCE RELOAD TLS";
/// … and what makes MariaDB.
const FLUSH_SSL: &str = "FLUSH SSL";
/// A statement that a server does not know.
const SYNTAX: u16 = 1064;
/// What it says to a pair that it cannot load, such as one that is being written: MySQL, MariaDB.
const NOT_LOADED: [u16; 2] = [3888, 1105];

/// What a function of a server says that it will not do now, nor perhaps ever, and that one says
/// which could not end what it began.
const NOT_DONE: [u16; 2] = [1123, 3910];

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// It may be different in a moment.
    #[error("{0}")]
    ForNow(String),
    /// It never will.
    #[error("{0}")]
    ForGood(String),
}

/// How to speak to the servers of a database. It has no `Debug`: it holds a password.
#[derive(Clone)]
pub struct Access {
    user: String,
    password: String,
    /// What their certificates lead to, in PEM.
    ca: Vec<u8>,
    /// A name that their certificates are good for.
    host: String,
    /// The leaf that they should serve.
    pub(super) leaf: Fingerprint,
}

impl Access {
    #[cfg(test)]
    pub(super) fn nobody() -> Self {
        let text = String::new;
        let leaf = Fingerprint::of(b"none");
        Self { user: text(), password: text(), ca: Vec::new(), host: text(), leaf }
    }

    fn options(&self, address: IpAddr) -> OptsBuilder {
        let ssl = SslOpts::default()
            .with_root_certs(vec![self.ca.clone().into()])
            .with_disable_built_in_roots(true)
            .with_danger_tls_hostname_override(Some(self.host.clone()));
        OptsBuilder::default()
            .ip_or_hostname(address.to_string())
            .tcp_port(PORT)
            .user(Some(self.user.clone()))
            .pass(Some(self.password.clone()))
            .prefer_socket(false)
            .ssl_opts(ssl)
    }

    /// One conversation: a statement, or another where the server does not know the first.
    async fn say(&self, address: IpAddr, statements: [&str; 2]) -> Result<(), Unheard> {
        within_deadline(async {
            let mut connection = Conn::new(self.options(address)).await?;
            let mut said = connection.query_drop(statements[0]).await;
            if matches!(&said, Err(mysql_async::Error::Server(error)) if error.code == SYNTAX) {
                said = connection.query_drop(statements[1]).await;
            }
            // Whoever leaves without a word is counted by the server as a client that broke off.
            connection.disconnect().await?;
            said
        })
        .await
    }
}

/// Speaks by sockets.
pub(super) struct Spoken;

impl Voice for Spoken {
    fn ask<'a>(
        &'a self,
        access: &'a Access,
        server: IpAddr,
        statements: &'a [&'a str],
    ) -> Pin<Box<dyn Future<Output = Result<Vec<String>, Unheard>> + Send + 'a>> {
        Box::pin(within_deadline(async move {
            let mut connection = Conn::new(access.options(server)).await?;
            let mut answers = Vec::new();
            for statement in statements {
                match connection.query_first::<Option<String>, _>(*statement).await {
                    Ok(answer) => answers.push(answer.flatten().unwrap_or_default()),
                    Err(error) => {
                        connection.disconnect().await?;
                        return Err(error);
                    }
                }
            }
            connection.disconnect().await?;
            Ok(answers)
        }))
    }
}

async fn within_deadline<T>(
    talk: impl Future<Output = Result<T, mysql_async::Error>>,
) -> Result<T, Unheard> {
    match timeout(DEADLINE, talk).await {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(error)) => Err(unheard(&error)),
        Err(_) => Err(Unheard::ForNow(format!("no answer within {DEADLINE:?}"))),
    }
}

/// What an error means. Nothing that it says is passed on unsanitised.
fn unheard(error: &mysql_async::Error) -> Unheard {
    let text = sanitize(&error.to_string());
    // Whoever cannot be reached, or is not trusted yet, may be in a moment.
    let mysql_async::Error::Server(said) = error else { return Unheard::ForNow(text) };
    if [NOT_LOADED, NOT_DONE].as_flattened().contains(&said.code) {
        Unheard::ForNow(text)
    } else {
        Unheard::ForGood(text)
    }
}

impl Hand {
    /// How to speak to the servers of a database; none when that is not known.
    pub(super) async fn access(&self, mysql: &MySql) -> Result<Option<Access>, ApiFailure> {
        let api = self.api::<Secret>(mysql.namespace());
        let (account, pair) = (mysql.auth_secret_name(), mysql.secret_name("server"));
        let account = super::found(self.calls.run("get", api.get(&account)).await)?;
        let pair = super::found(self.calls.run("get", api.get(&pair)).await)?;
        let (Some(account), Some(pair)) = (account, pair) else { return Ok(None) };
        let text = |key| Some(String::from_utf8(part(&account, key)?).ok()?.trim_end().to_owned());
        let leaf = part(&pair, "tls.crt").and_then(|pem| Chain::from_pem(&pem).ok());
        let access = || {
            Some(Access {
                user: text("username")?,
                password: text("password")?,
                ca: part(&pair, "ca.crt")?,
                host: format!("{}.{}.svc", mysql.name(), mysql.namespace()),
                leaf: leaf?.leaf.fingerprint,
            })
        };
        Ok(access())
    }

    /// What a server serves, compared with what it should.
    pub(super) async fn serving(&self, address: IpAddr, leaf: Fingerprint) -> Serving {
        let address = SocketAddr::new(address, PORT);
        let mut manners = Manners::new(&address.to_string());
        let look = Prober::default().look(address, &mut manners, None).await;
        match look.result {
            Ok(seen) => match seen.tls {
                Some(tls) if tls.presented.leaf().fingerprint == Some(leaf) => Serving::New,
                Some(_) | None => Serving::Old,
            },
            Err(_) => Serving::Unseen,
        }
    }

    /// Has a server load its certificates anew. What it loads may be old still: kubelets bring
    /// Secrets to their pods when they come to it.
    pub(super) async fn reload(&self, looked: &Looked, pod: &Text) -> Result<Done, ApiFailure> {
        let (Some(plan), Some(address)) = (&looked.plan, looked.addresses.get(pod)) else {
            return Ok(Done::Overtaken);
        };
        let Some(access) = self.access(&plan.now).await? else {
            let note = Note::not_reloaded("there is no account to log in with");
            return self.note(&looked.seen.request, None, &[note]).await;
        };
        match access.say(*address, [RELOAD_TLS, FLUSH_SSL]).await {
            Ok(()) if self.serving(*address, access.leaf).await == Serving::New => Ok(Done::Yes),
            Ok(()) => Ok(Done::Refused),
            Err(Unheard::ForNow(why)) => {
                tracing::info!(pod = &**pod, why, "TLS is not reloaded yet");
                Ok(Done::Refused)
            }
            Err(Unheard::ForGood(why)) => {
                let note = Note::not_reloaded(&why);
                self.note(&looked.seen.request, None, &[note]).await
            }
        }
    }

    /// The address of a pod, if it is one that may be spoken to.
    pub(super) fn address(&self, pod: &Pod) -> Option<IpAddr> {
        let node = pod.status.host_ip.parse().ok();
        let address = pod.status.pod_ip.parse().ok()?;
        allowed(address, node, self.loopback).is_ok().then_some(address)
    }
}

fn part(secret: &Secret, key: &str) -> Option<Vec<u8>> {
    Some(secret.data.as_ref()?.get(key)?.0.clone())
}
