//! What the daemon looks with: the seam between it and the sockets.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use super::edge::{Account, Prober};
use super::look::Look;
use super::manners::Manners;
use super::trust::Trust;
use crate::core::time::Time;
use crate::mysql::Credentials;

/// What looks at servers: a [`Prober`], or what stands in for one where there are no sockets.
pub trait Eyes: Send + Sync {
    /// Looks at a server once.
    fn look(&self, subject: Subject) -> Pin<Box<dyn Future<Output = (Look, Manners)> + Send + '_>>;
}

/// What to look at, and how.
pub struct Subject {
    /// Where it is.
    pub address: SocketAddr,
    /// How to take leave of it.
    pub manners: Manners,
    /// An account that may log in.
    pub login: Option<Login>,
    /// The CA that is published for it.
    pub trust: Option<Arc<Trust>>,
    /// The moment.
    pub now: Time,
}

/// An account, with its password in a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Its name.
    pub user: String,
    /// Where its password is: what is in the file up to the end of its first line.
    pub password_file: PathBuf,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Login {
    /// The account with its password as it is now; none when that cannot be read.
    async fn credentials(&self) -> Option<Credentials> {
        let password = match read_line(&self.password_file).await {
            Ok(password) => password,
            Err(error) => {
                let file = self.password_file.display();
                tracing::warn!(%error, %file, "probe.login: cannot read the password; not used");
                return None;
            }
        };
        Some(Credentials { user: self.user.clone(), password })
    }
}

async fn read_line(file: &Path) -> std::io::Result<String> {
    let text = tokio::fs::read_to_string(file).await?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

impl Eyes for Prober {
    fn look(&self, subject: Subject) -> Pin<Box<dyn Future<Output = (Look, Manners)> + Send + '_>> {
        Box::pin(async move {
            let Subject { address, mut manners, login, trust, now } = subject;
            let credentials = match &login {
                Some(login) => login.credentials().await,
                None => None,
            };
            let account = match (&credentials, &trust) {
                (Some(credentials), Some(trust)) => Some(Account { credentials, trust, now }),
                (None, _) | (_, None) => None,
            };
            let look = Self::look(self, address, &mut manners, account.as_ref()).await;
            (look, manners)
        })
    }
}
