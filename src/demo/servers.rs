//! Which servers a demo has: real ones where this machine has a program for them, else simulated
//! ones.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::folder::Folder;
use super::scene::VERSION;
use crate::embedded::pods::{Program, RealMysqld, Runtime, SimulatedMysqld};

/// Where mysqld listens.
const PORT: u16 = 3306;
/// More real servers than this take more memory than a demo should, unless somebody asks for them.
const MOST_REAL: usize = 8;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mysqld {
    /// Real ones if there is a program, and they are few.
    Auto,
    /// Tasks of this process.
    Simulated,
    /// Real ones of this program.
    At(PathBuf),
}

impl From<&str> for Mysqld {
    fn from(text: &str) -> Self {
        match text {
            "auto" => Self::Auto,
            "simulated" => Self::Simulated,
            path => Self::At(path.into()),
        }
    }
}

/// What runs the servers, and what they are, for people.
pub(super) struct Chosen {
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) are: String,
}

/// Chooses for so many servers, of which the first will listen at `first`.
pub(super) async fn choose(
    asked: &Mysqld,
    count: usize,
    first: Ipv4Addr,
    folder: &Folder,
) -> anyhow::Result<Chosen> {
    is_free(SocketAddrV4::new(first, PORT).into()).await?;
    let (program, why) = match asked {
        Mysqld::Simulated => (None, "as asked".to_owned()),
        Mysqld::At(path) => (Some(Program::at(path).context("--mysqld")?), String::new()),
        Mysqld::Auto if count > MOST_REAL => {
            (None, format!("{count} real ones would take much memory; --mysqld PATH insists"))
        }
        Mysqld::Auto => {
            (Program::find(), "no mysqld was found; --mysqld PATH names one".to_owned())
        }
    };
    let Some(program) = program else {
        return Ok(Chosen { runtime: Arc::new(simulated()), are: format!("simulated ({why})") });
    };
    let path = program.path().display().to_string();
    let servers = RealMysqld::prepare(program, folder.path()).await.context("--mysqld")?;
    let are = format!("real: {} ({path})", servers.version());
    Ok(Chosen { runtime: Arc::new(servers), are })
}

/// Simulated servers that start and stop as fast as one likes to watch.
fn simulated() -> SimulatedMysqld {
    SimulatedMysqld {
        version: VERSION.to_owned(),
        starts_in: Duration::from_secs(2),
        stops_in: Duration::from_secs(1),
        ..SimulatedMysqld::default()
    }
}

/// Whoever listens on all addresses of this machine takes those of the servers too.
async fn is_free(address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await;
    drop(listener.with_context(|| {
        format!(
            "the servers cannot listen on {address}: does a MySQL on this machine listen on all \
             addresses? Stop it, or bind it to 127.0.0.1"
        )
    })?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Ipv4Addr = Ipv4Addr::new(127, 91, 7, 1);

    async fn refused(asked: Mysqld) -> String {
        let folder = Folder::private().unwrap();
        match choose(&asked, 5, HERE, &folder).await {
            Ok(chosen) => panic!("it took {}", chosen.are),
            Err(error) => format!("{error:#}"),
        }
    }

    #[tokio::test]
    async fn a_program_that_is_no_server_is_told() {
        let nowhere = refused(Mysqld::from("/nowhere/mysqld")).await;
        assert!(nowhere.starts_with("--mysqld: cannot start /nowhere/mysqld: "), "{nowhere}");
        let other = refused(Mysqld::from("/bin/sh")).await;
        let expected = "--mysqld: /bin/sh is neither mysqld nor mariadbd: its --version says ";
        assert!(other.starts_with(expected), "{other}");
    }

    #[tokio::test]
    async fn a_server_that_makes_no_data_is_told_with_its_last_words() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("mysqld");
        let script = "#!/bin/sh\n[ \"$1\" = --version ] && echo 'mysqld  Ver 9.9.9 for tests (MySQL)' \
                      && exit\necho '[ERROR] the disk is full' >&2; exit 3\n";
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let told = refused(Mysqld::At(program)).await;
        assert!(told.contains("makes no data folder (exit status: 3)"), "{told}");
        assert!(told.ends_with("[ERROR] the disk is full"), "{told}");
    }

    #[tokio::test]
    async fn a_port_in_use_is_told() {
        let taken = TcpListener::bind((Ipv4Addr::new(127, 91, 7, 2), 0)).await.unwrap();
        let told = is_free(taken.local_addr().unwrap()).await.unwrap_err();
        let told = format!("{told:#}");
        assert!(told.contains("does a MySQL on this machine listen on all addresses?"), "{told}");
        assert!(told.contains("Address already in use"), "{told}");
    }

    #[tokio::test]
    async fn many_servers_are_simulated_unless_somebody_insists() {
        let folder = Folder::private().unwrap();
        for (asked, count, said) in [
            (Mysqld::Simulated, 1, "simulated (as asked)"),
            (
                Mysqld::Auto,
                9,
                "simulated (9 real ones would take much memory; --mysqld PATH insists)",
            ),
        ] {
            let chosen = choose(&asked, count, HERE, &folder).await.unwrap();
            assert_eq!((&*chosen.are, chosen.runtime.name()), (said, "simulated"));
        }
    }
}
