//! The probe against real MySQL and real MariaDB: what it sees, and what it leaves behind.

mod server;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use certrotor::clock::{Clock as _, SystemClock};
use certrotor::mysql::{Credentials, ErrorCode};
use certrotor::pki::Algorithm;
use certrotor::probe::{
    Account, Expected, Failure, Manners, Parting, Prober, Seen, Trust, Verdict, judge,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpSocket;

use crate::support::parts::{Missing, skipped};
use crate::support::process::Scratch;
use server::{Pair, Product, RealServer, authority, options};

/// From where the looks come: 127.0.0.1 is exempt from what mysqld keeps of hosts.
const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// So many looks, where 100 connect errors block a host.
const LOOKS: u32 = 500;
/// So many where none leaves a trace.
const LOGINS: u32 = 120;
/// Slower answers were delayed on purpose.
const DELAY: Duration = Duration::from_millis(900);

fn prober(from: Ipv4Addr) -> Prober {
    Prober::default().from_address(SocketAddr::from((from, 0)))
}

/// What looks leave behind on a server.
struct Traces {
    connect_errors: Option<u64>,
    aborted: u64,
    lines: Vec<String>,
}

/// Looks so often, and says what that has left behind.
async fn traces(
    server: &RealServer,
    product: Product,
    looks: u32,
    account: Option<&Account<'_>>,
    check: impl Fn(Seen),
) -> Traces {
    let (aborted, log) = (server.status("Aborted_connects"), server.log().len());
    let (prober, mut manners) = (prober(SOURCE), Manners::new("pod"));
    for _ in 0..looks {
        let look = prober.look(server.address, &mut manners, account).await;
        check(look.result.unwrap());
    }
    let of_source =
        format!("SELECT SUM_CONNECT_ERRORS FROM performance_schema.host_cache WHERE IP='{SOURCE}'");
    let kept = server.sql(&of_source);
    let lines = server.log()[log..].lines().map(str::to_owned).collect();
    let traces = Traces {
        connect_errors: kept.parse().ok(),
        aborted: server.status("Aborted_connects") - aborted,
        lines,
    };
    println!(
        "{product:?}: {looks} looks, connect errors {:?}, Aborted_connects +{}, log lines {}",
        traces.connect_errors,
        traces.aborted,
        traces.lines.len()
    );
    traces
}

/// Starts a server with TLS; a test that has none is skipped.
async fn started(
    test: &str,
    product: Product,
    scratch: &Scratch,
    pair: &Pair,
    more: &[&str],
) -> Option<RealServer> {
    pair.write(scratch.path());
    let options = options(scratch.path());
    let args: Vec<&str> = options.iter().map(String::as_str).chain(more.iter().copied()).collect();
    match RealServer::start(product, scratch, &args).await {
        Ok(server) => Some(server),
        Err(missing) => {
            skip(test, &missing);
            None
        }
    }
}

fn skip(test: &str, missing: &Missing) {
    skipped(test, &missing.to_string());
}

fn refused(seen: &Seen) {
    assert_eq!(seen.parting, Parting::Refused(ErrorCode::ACCESS_DENIED));
    assert!(seen.tls.is_some());
}

#[tokio::test]
async fn mysql_holds_nothing_against_the_probe() {
    let scratch = Scratch::new("mysql");
    let authority = authority();
    let pair = Pair::new(&authority, Algorithm::Rsa { bits: 2048 });
    let test = "mysql_holds_nothing_against_the_probe";
    let Some(server) = started(test, Product::MySql, &scratch, &pair, &[]).await else { return };
    leaves_no_trace_on_mysql(&server).await;
    an_account_leaves_none_at_all(&server, &pair).await;
    connection_control_does_not_delay(&server).await;
    each_kind_of_certificate_is_seen(&server, &authority).await;
    each_version_of_tls_is_seen(&server).await;
    tls_that_is_required_is_no_hindrance(&server).await;
    a_full_server_is_told(&server).await;
    a_server_that_lost_its_tls_is_told(&server).await;
    who_may_not_connect_is_told(&server).await;
    who_hangs_up_is_blocked(&server).await;
    server.kill();
}

/// With an account that is for any host: the name is unknown, the login is refused.
async fn leaves_no_trace_on_mysql(server: &RealServer) {
    server.sql("CREATE USER app@'%' IDENTIFIED BY 'app'");
    let traces = traces(server, Product::MySql, LOOKS, None, |seen| refused(&seen)).await;
    assert_eq!(traces.connect_errors, Some(0));
    assert_eq!(traces.aborted, u64::from(LOOKS), "a refused login is one");
    // One that says the host has no name, and one for each name until one is quiet.
    let deprecated = traces.lines.iter().filter(|line| line.contains("MY-013360")).count();
    assert!(deprecated < 20, "{:#?}", traces.lines);
    assert!(traces.lines.len() <= deprecated + 1, "{:#?}", traces.lines);
}

async fn an_account_leaves_none_at_all(server: &RealServer, pair: &Pair) {
    server.sql("CREATE USER certrotor@'%' IDENTIFIED BY 'watch'");
    let trust = Trust::from_pem(pair.ca.as_bytes()).unwrap();
    let credentials = Credentials { user: "certrotor".to_owned(), password: "watch".to_owned() };
    let account = Account { credentials: &credentials, trust: &trust, now: SystemClock.now() };
    let logged_in = |seen: Seen| assert_eq!(seen.parting, Parting::LoggedIn);
    let traces = traces(server, Product::MySql, LOGINS, Some(&account), logged_in).await;
    assert_eq!((traces.connect_errors, traces.aborted, traces.lines.len()), (Some(0), 0, 0));
}

async fn connection_control_does_not_delay(server: &RealServer) {
    server.sql("INSTALL COMPONENT 'file://component_connection_control'");
    let (prober, mut manners) = (prober(SOURCE), Manners::new("controlled pod"));
    let mut slow = Vec::new();
    for _ in 0..40 {
        let look = prober.look(server.address, &mut manners, None).await;
        refused(&look.result.unwrap());
        if look.took >= DELAY {
            slow.push(look.took);
        }
    }
    println!("connection_control: of 40 looks these were delayed: {slow:?}");
    assert!(slow.len() <= 1, "one delay tells how often a name may fail: {slow:?}");
    assert!(slow.iter().all(|took| *took < Duration::from_secs(2)), "{slow:?}");
    server.sql("UNINSTALL COMPONENT 'file://component_connection_control'");
}

async fn each_kind_of_certificate_is_seen(
    server: &RealServer,
    authority: &certrotor::pki::Authority,
) {
    let mut manners = Manners::new("pod");
    for (algorithm, key) in [
        (Algorithm::EcdsaP256, "EC P-256"),
        (Algorithm::EcdsaP384, "EC P-384"),
        (Algorithm::Ed25519, "Ed25519"),
        (Algorithm::Rsa { bits: 2048 }, "RSA 2048"),
    ] {
        let pair = Pair::new(authority, algorithm);
        server.load(&pair);
        let seen = prober(SOURCE).look(server.address, &mut manners, None).await.result.unwrap();
        let tls = seen.tls.as_ref().unwrap();
        assert_eq!(tls.presented.chain.leaf.key.to_string(), key);
        let trust = Trust::from_pem(pair.ca.as_bytes()).unwrap();
        let expected =
            Expected { trust: Some(&trust), host: Some("db.example"), ..Expected::default() };
        assert_eq!(judge(&seen, &expected, SystemClock.now()), [], "{key}");
    }
}

async fn each_version_of_tls_is_seen(server: &RealServer) {
    for version in ["TLSv1.2", "TLSv1.3"] {
        server.sql(&format!("SET GLOBAL tls_version='{version}'; ALTER INSTANCE RELOAD TLS"));
        let mut manners = Manners::new("pod");
        let seen = prober(SOURCE).look(server.address, &mut manners, None).await.result.unwrap();
        assert_eq!(seen.tls.as_ref().unwrap().version.to_string(), version);
        refused(&seen);
    }
}

async fn tls_that_is_required_is_no_hindrance(server: &RealServer) {
    server.sql("SET GLOBAL require_secure_transport=ON");
    let mut manners = Manners::new("pod");
    let seen = prober(SOURCE).look(server.address, &mut manners, None).await.result.unwrap();
    refused(&seen);
    server.sql("SET GLOBAL require_secure_transport=OFF");
}

/// One more than `max_connections` still gets a greeting. MariaDB takes no less than ten.
async fn a_full_server_is_told(server: &RealServer) {
    server.sql("SET GLOBAL max_connections=10");
    let guests = futures::future::join_all((0..11).map(|_| guest(server))).await;
    let mut manners = Manners::new("pod");
    let unseen = prober(SOURCE).look(server.address, &mut manners, None).await.result.unwrap_err();
    assert_eq!(unseen.failure, Failure::TooManyConnections, "{unseen}");
    drop(guests);
    let quiet = async {
        while server.status("Threads_connected") > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), quiet).await.unwrap();
    server.sql("SET GLOBAL max_connections=151");
}

/// Somebody who only listens.
async fn guest(server: &RealServer) -> tokio::net::TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((IpAddr::from([127, 0, 0, 3]), 0).into()).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    stream.read_u8().await.unwrap();
    stream
}

/// As mysqld starts when its key does not fit.
async fn a_server_that_lost_its_tls_is_told(server: &RealServer) {
    server.sql("SET GLOBAL ssl_key='/nowhere'; ALTER INSTANCE RELOAD TLS NO ROLLBACK ON ERROR");
    let mut manners = Manners::new("pod");
    let seen = prober(SOURCE).look(server.address, &mut manners, None).await.result.unwrap();
    assert_eq!(judge(&seen, &Expected::default(), SystemClock.now()), [Verdict::NoTls]);
    assert_eq!(seen.parting, Parting::Refused(ErrorCode::ACCESS_DENIED));
}

/// With no account for the host that the looks come from.
async fn who_may_not_connect_is_told(server: &RealServer) {
    server.sql("DROP USER app@'%', certrotor@'%'; FLUSH PRIVILEGES");
    let (prober, mut manners) = (prober(SOURCE), Manners::new("pod"));
    let mut failures = BTreeMap::new();
    let aborted = server.status("Aborted_connects");
    for _ in 0..LOOKS {
        let result = prober.look(server.address, &mut manners, None).await.result;
        let word = result.map_or_else(|unseen| unseen.failure.as_str(), |_| "seen");
        *failures.entry(word).or_insert(0) += 1;
    }
    println!(
        "no account: {failures:?}, Aborted_connects +{}",
        server.status("Aborted_connects") - aborted
    );
    let kept = server.sql(&format!(
        "SELECT SUM_CONNECT_ERRORS, COUNT_HOST_BLOCKED_ERRORS, COUNT_HOST_ACL_ERRORS \
         FROM performance_schema.host_cache WHERE IP='{SOURCE}'"
    ));
    println!("no account: {kept}");
    assert_eq!(failures, BTreeMap::from([("notAllowed", LOOKS)]));
    assert!(kept.starts_with("0\t0\t"), "never blocked: {kept}");
}

/// The rule by which the others are measured: without a login a host is blocked.
async fn who_hangs_up_is_blocked(server: &RealServer) {
    server.sql("CREATE USER app@'%' IDENTIFIED BY 'app'");
    for _ in 0..101 {
        drop(guest(server).await);
    }
    let rude = prober(Ipv4Addr::new(127, 0, 0, 3));
    let unseen = rude.look(server.address, &mut Manners::new("pod"), None).await.result;
    assert_eq!(unseen.unwrap_err().failure, Failure::Blocked);
    assert!(
        prober(SOURCE).look(server.address, &mut Manners::new("pod"), None).await.result.is_ok()
    );
}

#[tokio::test]
async fn mariadb_holds_nothing_against_the_probe() {
    let scratch = Scratch::new("mariadb");
    let authority = authority();
    let pair = Pair::new(&authority, Algorithm::EcdsaP256);
    let test = "mariadb_holds_nothing_against_the_probe";
    let pfs = &["--performance-schema=ON"];
    let Some(server) = started(test, Product::MariaDb, &scratch, &pair, pfs).await else { return };
    server.sql("CREATE USER app@'%' IDENTIFIED BY 'app'");
    let left = traces(&server, Product::MariaDb, LOOKS, None, |seen| refused(&seen)).await;
    assert_eq!(left.connect_errors, Some(0));
    assert_eq!(left.aborted, u64::from(LOOKS), "a refused login is one");
    let denied = left.lines.iter().filter(|line| line.contains("Access denied")).count();
    assert_eq!(denied, LOOKS as usize, "MariaDB writes a line for each");
    assert!(left.lines.len() <= denied + 1, "{:#?}", left.lines);

    an_account_leaves_none_on_mariadb(&server, &pair).await;
    each_kind_of_certificate_is_seen(&server, &authority).await;
    a_full_server_is_told(&server).await;
    server.kill();

    for (args, version) in [(&["--tls-version=TLSv1.2"][..], "TLSv1.2"), (&[], "TLSv1.3")] {
        let server = started(test, Product::MariaDb, &scratch, &pair, args).await.unwrap();
        let mut manners = Manners::new("pod");
        let seen = prober(SOURCE).look(server.address, &mut manners, None).await.result.unwrap();
        assert_eq!(seen.tls.unwrap().version.to_string(), version);
        server.kill();
    }
    let plain = RealServer::start(Product::MariaDb, &scratch, &["--skip-ssl"]).await.unwrap();
    let mut manners = Manners::new("pod");
    let seen = prober(SOURCE).look(plain.address, &mut manners, None).await.result.unwrap();
    assert_eq!(judge(&seen, &Expected::default(), SystemClock.now()), [Verdict::NoTls]);
}

async fn an_account_leaves_none_on_mariadb(server: &RealServer, pair: &Pair) {
    server.sql("CREATE USER certrotor@'%'");
    let trust = Trust::from_pem(pair.ca.as_bytes()).unwrap();
    let credentials = Credentials { user: "certrotor".to_owned(), password: String::new() };
    let account = Account { credentials: &credentials, trust: &trust, now: SystemClock.now() };
    let logged_in = |seen: Seen| assert_eq!(seen.parting, Parting::LoggedIn);
    let traces = traces(server, Product::MariaDb, LOGINS, Some(&account), logged_in).await;
    assert_eq!((traces.connect_errors, traces.aborted, traces.lines.len()), (Some(0), 0, 0));
}
