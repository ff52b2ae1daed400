//! The simulated mysqld on real sockets.

use std::net::{Ipv4Addr, SocketAddrV4};

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::future::join_all;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::clients::{Seen, Visitor, ask, connect, nobody, visit};
use super::*;
use crate::clock::SystemClock;
use crate::mysql::{Answer, Credentials, Login};

static OLD: [&SupportedProtocolVersion; 1] = [&TLS12];
static NEW: [&SupportedProtocolVersion; 1] = [&TLS13];

/// A server without a pod.
struct Alone {
    server: Arc<dyn Server>,
    address: SocketAddrV4,
    _changes: UnboundedReceiver<PodName>,
}

/// Quick, at a port that nobody listens on.
fn quick(address: Ipv4Addr) -> SimulatedMysqld {
    let free = std::net::TcpListener::bind((address, 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    SimulatedMysqld {
        port,
        starts_in: Duration::ZERO,
        stops_in: Duration::ZERO,
        ..SimulatedMysqld::default()
    }
}

impl Alone {
    /// With this pair, or without TLS; `more` are further options.
    async fn start(
        settings: SimulatedMysqld,
        address: Ipv4Addr,
        pair: Option<&Pair>,
        more: &str,
    ) -> Self {
        let (sender, changes) = unbounded();
        let mut args: Vec<String> = more.split_whitespace().map(str::to_owned).collect();
        let mut files = BTreeMap::new();
        if let Some(pair) = pair {
            for ((option, file), (_, content)) in
                [("ca", "ca.crt"), ("cert", "server.crt"), ("key", "server.key")]
                    .iter()
                    .zip(pair.files())
            {
                args.push(format!("--ssl-{option}=/certs/{file}"));
                files.insert(format!("/certs/{file}"), content.as_bytes().to_vec());
            }
        }
        let password = ("MYSQL_ROOT_PASSWORD".to_owned(), "secret".to_owned());
        let port = settings.port;
        let server = settings.start(Order {
            id: format!("simulated://{address}"),
            args,
            env: BTreeMap::from([password]),
            files: Files::new(files),
            address,
            clock: Arc::new(SystemClock),
            changed: Changed::new(
                sender,
                PodName { namespace: String::new(), name: String::new() },
            ),
        });
        while server.state() == ServerState::Starting {
            sleep(Duration::from_millis(1)).await;
        }
        Self { server, address: SocketAddrV4::new(address, port), _changes: changes }
    }

    async fn visit(&self, visitor: &Visitor) -> Seen {
        visit(visitor, self.address).await.unwrap()
    }

    /// Connects, sends this, reads the greeting, and hangs up.
    async fn hang_up(&self, from: [u8; 4]) {
        let mut stream = connect(from, self.address).await.unwrap();
        let mut greeting = [0; 64];
        stream.read_exact(&mut greeting).await.unwrap();
        stream.shutdown().await.unwrap();
        // The server has taken note when it has hung up as well.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    }
}

fn root(from: [u8; 4], password: &str) -> Visitor {
    let credentials = Credentials { user: "root".to_owned(), password: password.to_owned() };
    Visitor { login: Login::User(credentials), ..nobody(from) }
}

#[tokio::test]
async fn the_leaf_of_a_renewed_secret_is_on_the_wire_when_the_pod_is_another() {
    let own = Ipv4Addr::new(127, 78, 0, 1);
    let mut scene = Scene::with(quick(own), |_| Fault::None);
    scene.settings.subnet = "127.78.0.0/24".parse().unwrap();
    scene.settings.files_follow = Duration::ZERO;
    scene.reboot().await;
    let authority = Authority::new();
    let (old, new) = (authority.sign(), authority.sign());
    scene.seed_secrets(&old);
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    let first = scene.served.get(NAMESPACE, "db-0").unwrap();
    assert_eq!(*first.address.ip(), own);
    let visitor = nobody([127, 78, 9, 2]);
    let seen = visit(&visitor, first.address).await.unwrap();
    assert_eq!(seen.leaf(), Some(old.leaf));
    assert!(seen.refusal().starts_with("1045: Access denied for user 'nobody'@'127.78.9.2'"));

    scene.renew(&new).await;
    sleep(Duration::from_millis(300)).await;
    let seen = visit(&visitor, first.address).await.unwrap();
    assert_eq!(seen.leaf(), Some(old.leaf), "the Secret is new, what is served is not");

    scene.delete("db-0", None).await;
    scene.until("it is gone", |scene| scene.pod("db-0").is_none()).await;
    let refused = visit(&visitor, first.address).await.err().unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    let second = scene.served.get(NAMESPACE, "db-0").unwrap();
    let seen = visit(&visitor, second.address).await.unwrap();
    assert_eq!(seen.leaf(), Some(new.leaf));
    assert_eq!(second.presents.unwrap().certificates(), seen.chain);

    // The user of the auth Secret can log in.
    let mut seen = visit(&root([127, 78, 9, 2], "secret"), second.address).await.unwrap();
    assert_eq!(ask(&mut *seen.stream, "SELECT 1").await.unwrap(), "1");
    scene.stop.cancel();
    scene.runner.await.unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_listen_dies_and_says_why() {
    let own = Ipv4Addr::new(127, 78, 1, 1);
    let settings = quick(own);
    let taken = std::net::TcpListener::bind((own, settings.port)).unwrap();
    let alone = Alone::start(settings, own, None, "").await;
    assert_eq!(alone.server.ended().await, Exit::FAILED);
    let log = alone.server.log_tail().join("\n");
    let text = "Do you already have another mysqld server running on port";
    assert!(log.contains(text) && log.contains("Address already in use"), "{log}");
    drop(taken);
}

#[tokio::test]
async fn a_probe_is_never_blocked_and_hurts_nobody() {
    let pair = Authority::new().sign();
    let own = Ipv4Addr::new(127, 78, 2, 1);
    let alone = Alone::start(quick(own), own, Some(&pair), "").await;
    let mut tallies = BTreeMap::new();
    for number in 0..120 {
        let login = Login::Unknown(format!("nobody{}", number % 10));
        let seen = alone.visit(&Visitor { login, ..nobody([127, 78, 2, 2]) }).await;
        assert_eq!((seen.offered_tls, seen.leaf()), (true, Some(pair.leaf)));
        *tallies.entry(seen.refusal()[..4].to_owned()).or_insert(0) += 1;
    }
    assert_eq!(tallies, BTreeMap::from([("1045".to_owned(), 120)]));
    let lines = alone.server.log_tail();
    let deprecated = lines.iter().filter(|line| line.contains("MY-013360")).count();
    assert!(deprecated > 0, "some names are asked by sha256_password, which is logged");
}

#[tokio::test]
async fn who_hangs_up_a_hundred_times_before_a_login_is_blocked() {
    let pair = Authority::new().sign();
    let own = Ipv4Addr::new(127, 78, 3, 1);
    let alone = Alone::start(quick(own), own, Some(&pair), "").await;
    let [bad, good, local] = [[127, 78, 3, 2], [127, 78, 3, 3], [127, 0, 0, 1]];
    for _ in 0..99 {
        alone.hang_up(bad).await;
        alone.hang_up(local).await;
    }
    assert!(alone.visit(&nobody(bad)).await.refusal().starts_with("1045"), "99 are not enough");
    // A login that works forgives.
    assert_eq!(alone.visit(&root(bad, "secret")).await.answer, Answer::LoggedIn);
    for _ in 0..100 {
        alone.hang_up(bad).await;
        alone.hang_up(local).await;
    }
    for visitor in [nobody(bad), root(bad, "secret")] {
        let refusal = alone.visit(&visitor).await.refusal();
        let blocked = "1129: Host '127.78.3.2' is blocked because of many connection errors";
        assert!(refusal.starts_with(blocked), "{refusal}");
    }
    for innocent in [nobody(good), nobody(local)] {
        assert!(alone.visit(&innocent).await.refusal().starts_with("1045"));
    }
}

#[tokio::test]
async fn tls_1_2_and_1_3_show_the_same() {
    let pair = Authority::new().sign_until(2001);
    let own = Ipv4Addr::new(127, 78, 4, 1);
    let alone = Alone::start(quick(own), own, Some(&pair), "").await;
    for versions in [&OLD, &NEW] {
        let version = versions[0].version;
        let seen = alone.visit(&Visitor { versions, ..nobody([127, 78, 4, 2]) }).await;
        assert_eq!(seen.tls, Some(version));
        assert_eq!(seen.leaf(), Some(pair.leaf), "expired, and presented all the same");
    }
}

#[tokio::test]
async fn statements_of_health_checks_are_answered() {
    let pair = Authority::new().sign();
    let own = Ipv4Addr::new(127, 78, 5, 1);
    let alone = Alone::start(quick(own), own, Some(&pair), "--require-secure-transport=ON").await;
    let mut seen = alone.visit(&root([127, 78, 5, 2], "secret")).await;
    for (statement, answer) in [
        ("SELECT 1", "1"),
        ("  select  1 ; ", "1"),
        ("SELECT @@version", "9.7.0"),
        ("SELECT VERSION()", "9.7.0"),
        ("SET AUTOCOMMIT = 0", "OK"),
    ] {
        assert_eq!(ask(&mut *seen.stream, statement).await.unwrap(), answer, "{statement}");
    }
    let error = ask(&mut *seen.stream, "DROP DATABASE shop").await.unwrap_err();
    assert_eq!((error.code.0, error.state.as_deref()), (1235, Some("42000")));
    let refusal = alone.visit(&root([127, 78, 5, 2], "guessed")).await.refusal();
    assert!(refusal.ends_with("(using password: YES)"), "{refusal}");
}

#[tokio::test]
async fn without_a_certificate_there_is_no_tls() {
    let own = Ipv4Addr::new(127, 78, 6, 1);
    let alone = Alone::start(quick(own), own, None, "").await;
    assert!(alone.server.presents().is_none());
    let seen = alone.visit(&nobody([127, 78, 6, 2])).await;
    assert!(!seen.offered_tls && seen.refusal().starts_with("1045"), "{}", seen.refusal());
}

#[tokio::test]
async fn connections_are_limited() {
    let pair = Authority::new().sign();
    let own = Ipv4Addr::new(127, 78, 7, 1);
    // One more than that is let in.
    let settings = SimulatedMysqld { max_connections: 2, ..quick(own) };
    let alone = Alone::start(settings, own, Some(&pair), "").await;
    let visitor = root([127, 78, 7, 2], "secret");
    let guests = join_all((0..3).map(|_| alone.visit(&visitor))).await;
    assert_eq!(alone.visit(&visitor).await.refusal(), "1040: Too many connections");
    drop(guests);
    let again = async {
        while alone.visit(&visitor).await.answer != Answer::LoggedIn {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(5), again).await.unwrap();
}

#[tokio::test]
async fn who_takes_too_long_to_log_in_is_hung_up_on_and_counted() {
    let own = Ipv4Addr::new(127, 78, 8, 1);
    let settings = SimulatedMysqld {
        connect_timeout: Duration::from_millis(20),
        max_connect_errors: 1,
        ..quick(own)
    };
    let alone = Alone::start(settings, own, None, "").await;
    let mut slow = connect([127, 78, 8, 2], alone.address).await.unwrap();
    let mut heard = Vec::new();
    slow.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard[4], 10, "a greeting and nothing else");
    assert!(alone.visit(&nobody([127, 78, 8, 2])).await.refusal().starts_with("1129"));
}

#[tokio::test]
async fn nonsense_is_refused_and_the_server_lives_on() {
    let pair = Authority::new().sign();
    let own = Ipv4Addr::new(127, 78, 9, 1);
    let alone = Alone::start(quick(own), own, Some(&pair), "").await;
    for nonsense in [&b"GET / HTTP/1.1\r\nHost: db\r\n\r\n"[..], &[0; 5000], &[0xff; 5000], b"\x01"]
    {
        let mut stream = connect([127, 78, 9, 3], alone.address).await.unwrap();
        stream.write_all(nonsense).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut heard = Vec::new();
        // It may have hung up with more to read.
        drop(stream.read_to_end(&mut heard).await);
    }
    assert!(alone.visit(&nobody([127, 78, 9, 2])).await.refusal().starts_with("1045"));
    alone.server.stop();
    assert_eq!(alone.server.ended().await, Exit::CLEAN);
    let refused = connect([127, 78, 9, 2], alone.address).await.err().unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}
