//! Real servers: MySQL and MariaDB, each in a folder of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use certrotor::clock::{Clock as _, SystemClock};
use certrotor::core::time::Span;
use certrotor::pki::{
    Algorithm, Authority, Encoding, Entropy, Lifetime, PrivateKey, Profile, SigningRequest,
};
use tokio::net::TcpStream;

use crate::support::eventually::eventually;
use crate::support::parts::{self, Missing};
use crate::support::process::{Process, Scratch};

/// How long a server may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// ring makes no keys of this kind, so it is one that OpenSSL made, and nobody's.
const RSA: &str = include_str!("../../../src/pki/tests/rsa.pem");

/// Whose server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    MySql,
    MariaDb,
}

/// A server that runs.
pub(super) struct RealServer {
    product: Product,
    folder: PathBuf,
    client: PathBuf,
    process: Process,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

/// The programs of a product: the server, what makes its data folder, and a client.
struct Programs {
    server: PathBuf,
    client: PathBuf,
    install: PathBuf,
}

impl Product {
    fn programs(self) -> Result<Programs, Missing> {
        let (server, install) = match self {
            Self::MySql => ("mysqld", "mysqld"),
            Self::MariaDb => ("mariadbd", "mariadb-install-db"),
        };
        let programs = Programs {
            server: parts::find(server)?,
            client: parts::find("mysql")?,
            install: parts::find(install)?,
        };
        for program in [server, install, "mysql"] {
            parts::used(program);
        }
        Ok(programs)
    }

    fn make_data(self, programs: &Programs, data: &Path) {
        std::fs::create_dir(data).unwrap();
        let mut command = Command::new(&programs.install);
        command.args(["--no-defaults", "--user=root"]).arg(format!("--datadir={}", data.display()));
        if self == Self::MySql {
            command.arg("--initialize-insecure");
        }
        let made = command.output().unwrap();
        assert!(made.status.success(), "{self:?}: {}", String::from_utf8_lossy(&made.stderr));
    }
}

impl RealServer {
    /// Makes a data folder and starts a server on it, without TLS unless it is told.
    pub(super) async fn start(
        product: Product,
        scratch: &Scratch,
        args: &[&str],
    ) -> Result<Self, Missing> {
        let programs = product.programs()?;
        let folder = scratch.path().to_owned();
        let data = folder.join("data");
        if !data.exists() {
            product.make_data(&programs, &data);
        }
        // Another run of these tests has other addresses.
        let [.., high, low] = std::process::id().to_be_bytes();
        let host = Ipv4Addr::new(127, 79 + product as u8, high, low.clamp(1, 254));
        let address = SocketAddr::from((host, 3306));
        let mut all = vec![
            "--no-defaults".to_owned(),
            "--user=root".to_owned(),
            format!("--datadir={}", data.display()),
            format!("--socket={}", folder.join("socket").display()),
            format!("--pid-file={}", folder.join("pid").display()),
            format!("--bind-address={host}"),
            "--innodb-buffer-pool-size=32M".to_owned(),
            "--skip-log-bin".to_owned(),
        ];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        let process = Process::start(&programs.server, &all, &folder.join("log"));
        let server = Self { product, folder, client: programs.client, process, address };
        eventually(PATIENCE, "the server", async || match TcpStream::connect(address).await {
            Ok(_) if server.log().contains("ready for connections") => Ok(()),
            Ok(_) | Err(_) if server.process.ended().is_none() => Err("not yet".to_owned()),
            Ok(_) | Err(_) => panic!("it ended: {}", server.process.tail(20)),
        })
        .await;
        Ok(server)
    }

    /// Carries statements out as root, over the socket file; gives the rows, a line each.
    pub(super) fn sql(&self, statements: &str) -> String {
        let mut command = Command::new(&self.client);
        command.args(["--no-defaults", "--user=root", "--batch", "--skip-column-names"]);
        command.arg(format!("--socket={}", self.folder.join("socket").display()));
        let answer = command.args(["--execute", statements]).output().unwrap();
        let stderr = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success(), "{statements}: {stderr}");
        String::from_utf8_lossy(&answer.stdout).trim_end().to_owned()
    }

    /// A counter of the server.
    pub(super) fn status(&self, name: &str) -> u64 {
        let row = self.sql(&format!("SHOW GLOBAL STATUS LIKE '{name}'"));
        let (_, value) = row.split_once('\t').unwrap_or_else(|| panic!("no status {name}"));
        value.parse().unwrap()
    }

    /// All of its error log.
    pub(super) fn log(&self) -> String {
        self.process.printed()
    }

    /// Replaces its certificate, and has it loaded without a restart.
    pub(super) fn load(&self, pair: &Pair) {
        pair.write(&self.folder);
        self.sql(match self.product {
            Product::MySql => "ALTER INSTANCE RELOAD TLS",
            Product::MariaDb => "FLUSH SSL",
        });
    }

    /// Ends it.
    pub(super) fn kill(self) {
        self.process.kill();
    }
}

/// A certificate for the servers of these tests, its key and its CA, in PEM.
pub(super) struct Pair {
    pub(super) ca: String,
    certificate: String,
    key: String,
}

/// What signs.
pub(super) fn authority() -> Authority {
    let profile = Profile::authority("tests");
    let lifetime = Lifetime::of(SystemClock.now() - Span::HOUR, Span::days(30));
    Authority::root(&profile, Algorithm::EcdsaP256, lifetime, &Entropy::system()).unwrap()
}

impl Pair {
    /// One with a new key of this kind, or with the one RSA key that there is.
    pub(super) fn new(authority: &Authority, algorithm: Algorithm) -> Self {
        let entropy = Entropy::system();
        let key = match algorithm {
            Algorithm::Rsa { .. } => PrivateKey::from_pem(RSA.as_bytes()).unwrap(),
            Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::Ed25519 => {
                PrivateKey::generate(algorithm, &entropy).unwrap()
            }
        };
        let profile = Profile::server("db", &["db.example"]);
        let lifetime = Lifetime::of(SystemClock.now() - Span::MINUTE, Span::days(9));
        let request = SigningRequest::make(&profile, &key, false).unwrap();
        let request = SigningRequest::from_pem(request.as_bytes()).unwrap();
        let issued = authority.sign(&request, &profile.usages, false, lifetime, &entropy).unwrap();
        Self { ca: issued.ca, certificate: issued.certificate, key: key.to_pem(Encoding::Pkcs8) }
    }

    /// Writes it to where [`options`] has a server look for it.
    pub(super) fn write(&self, folder: &Path) {
        for (name, content) in
            [("ca.crt", &self.ca), ("tls.crt", &self.certificate), ("tls.key", &self.key)]
        {
            std::fs::write(folder.join(name), content).unwrap();
        }
    }
}

/// The options that make a server load a pair.
pub(super) fn options(folder: &Path) -> [String; 3] {
    [("ca", "ca.crt"), ("cert", "tls.crt"), ("key", "tls.key")]
        .map(|(option, file)| format!("--ssl-{option}={}", folder.join(file).display()))
}
