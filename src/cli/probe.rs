//! `certrotor probe`: what does this MySQL serve?

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::clock::{Clock as _, SystemClock};
use crate::config::values;
use crate::core::certificate::{Chain, Leaf, MAX_BYTES};
use crate::core::time::{Span, Time};
use crate::mysql::Product;
use crate::probe::{Expected, Look, Manners, Parting, Prober, Seen, Trust, Verdict, judge};

/// Where mysqld listens.
const PORT: u16 = 3306;
/// The longest that anybody waits for one look.
const LONGEST: Span = Span::MINUTE;

#[derive(Debug, Args)]
pub(super) struct Probe {
    /// The server: a name or an address, and its port [default: 3306]
    #[arg(value_name = "HOST[:PORT]", value_parser = server)]
    server: Server,
    /// The CA that it should be trusted by, in PEM: `ca.crt`
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// How the answer is written
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// How long the look may take
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    timeout: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// One JSON object; times are RFC 3339, in UTC
    Json,
}

/// A server as it is named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    host: String,
    port: u16,
}

impl Probe {
    pub(super) fn main(&self) -> anyhow::Result<ExitCode> {
        let trust = self.ca.as_deref().map(trust).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("could not start the runtime")?;
        let deadline = self.timeout.to_std();
        let (address, look) = runtime.block_on(async {
            let address = timeout(deadline, resolve(&self.server)).await;
            let address = address.map_err(|_| {
                anyhow!("the address of {} was not found in time", self.server.host)
            })??;
            let prober = Prober::default().with_deadline(deadline);
            let mut manners = Manners::new(&format!("{} {}", self.server.host, std::process::id()));
            anyhow::Ok((address, prober.look(address, &mut manners, None).await))
        })?;
        let now = SystemClock.now();
        let expected =
            Expected { issued: None, trust: trust.as_ref(), host: Some(&self.server.host) };
        let verdicts = look.result.as_ref().map(|seen| judge(seen, &expected, now));
        let verdicts = verdicts.unwrap_or_default();
        let text = match self.output {
            Output::Text => text(address, &look, &verdicts, trust.as_ref(), now)?,
            Output::Json => format!("{:#}\n", as_json(address, &look, &verdicts)),
        };
        io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")?;
        let good = look.result.is_ok() && !verdicts.iter().any(|verdict| verdict.is_bad());
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn trust(file: &Path) -> anyhow::Result<Trust> {
    let name = file.display();
    let size = std::fs::metadata(file).with_context(|| format!("cannot read {name}"))?.len();
    if size > MAX_BYTES as u64 {
        bail!("{name} has {size} bytes: no CA bundle has more than {MAX_BYTES}");
    }
    let pem = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
    Trust::from_pem(&pem).with_context(|| format!("{name} is no CA bundle"))
}

async fn resolve(server: &Server) -> anyhow::Result<SocketAddr> {
    let found = lookup_host((server.host.as_str(), server.port)).await;
    let mut found = found.with_context(|| format!("cannot find the host {}", server.host))?;
    found.next().with_context(|| format!("the host {} has no address", server.host))
}

fn server(text: &str) -> Result<Server, String> {
    let wrong = |why: &str| format!("{why}; expected HOST, HOST:PORT or [IPV6]:PORT");
    let bare_v6 = text.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6());
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !bare_v6 && !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (text, None),
    };
    let port = match port {
        None => PORT,
        Some(port) => match port.parse() {
            Ok(port) if port > 0 => port,
            Ok(_) | Err(_) => return Err(wrong(&format!("`{port}` is no port"))),
        },
    };
    let host = match host.strip_prefix('[') {
        Some(host) => host.strip_suffix(']').ok_or_else(|| wrong("a `[` without its `]`"))?,
        None if host.contains(':') && !bare_v6 => return Err(wrong("an address without brackets")),
        None => host,
    };
    if host.is_empty() {
        return Err(wrong("no host"));
    }
    Ok(Server { host: host.to_owned(), port })
}

fn duration(text: &str) -> Result<Span, String> {
    values::duration(text, Span::seconds(1), LONGEST)
}

fn product(product: Product) -> &'static str {
    match product {
        Product::MySql => "MySQL",
        Product::MariaDb => "MariaDB",
    }
}

/// What people read.
fn text(
    address: SocketAddr,
    look: &Look,
    verdicts: &[Verdict],
    trust: Option<&Trust>,
    now: Time,
) -> Result<String, fmt::Error> {
    let mut out = format!("{address}: ");
    match &look.result {
        Ok(seen) => describe(&mut out, seen, look, now)?,
        Err(unseen) => {
            writeln!(out, "not seen after {} ms: {unseen}", look.took.as_millis())?;
            if let Some(presented) = &unseen.unproven {
                writeln!(
                    out,
                    "It presented this certificate, and did not prove that it is its own:"
                )?;
                describe_chain(&mut out, &presented.chain, now)?;
            }
        }
    }
    let tls = look.result.as_ref().ok().and_then(|seen| seen.tls.as_ref());
    if let (Some(trust), Some(tls)) = (trust, tls) {
        let said = match trust.holds(&tls.presented, now) {
            Some(true) => "it leads to the CA",
            Some(false) => "it does not lead to the CA",
            None => "whether it leads to the CA cannot be told",
        };
        writeln!(out, "trust     {said}")?;
    }
    for verdict in verdicts.iter().filter(|verdict| verdict.is_bad()) {
        writeln!(out, "wrong     {verdict}: {}", verdict.meaning())?;
    }
    Ok(out)
}

fn describe(out: &mut String, seen: &Seen, look: &Look, now: Time) -> fmt::Result {
    let (product, version, took) = (product(seen.product), &seen.version, look.took.as_millis());
    let Some(tls) = &seen.tls else {
        return writeln!(out, "{product} {version}, without TLS, {took} ms");
    };
    writeln!(out, "{product} {version}, {}, {took} ms", tls.version)?;
    describe_chain(out, &tls.presented.chain, now)
}

fn describe_chain(out: &mut String, chain: &Chain, now: Time) -> fmt::Result {
    let leaf = &chain.leaf;
    writeln!(out, "subject   {}", leaf.subject)?;
    writeln!(out, "issuer    {}", leaf.issuer)?;
    writeln!(out, "serial    {}", leaf.serial)?;
    writeln!(out, "sha256    {}", leaf.fingerprint)?;
    writeln!(out, "key       {}", leaf.key)?;
    writeln!(out, "names     {}", leaf.names().into_iter().collect::<Vec<_>>().join(", "))?;
    let left = leaf.remaining(now);
    let left = if left > Span::ZERO {
        format!("{left} left")
    } else {
        format!("ended {} ago", left.abs())
    };
    writeln!(out, "valid     {} to {} ({left})", leaf.not_before, leaf.not_after)?;
    for ca in &chain.others {
        writeln!(out, "sent too  {} until {}", ca.subject, ca.not_after)?;
    }
    Ok(())
}

fn as_json(address: SocketAddr, look: &Look, verdicts: &[Verdict]) -> Value {
    let verdicts: Vec<&str> = verdicts.iter().map(|verdict| verdict.as_str()).collect();
    let milliseconds = u64::try_from(look.took.as_millis()).unwrap_or(u64::MAX);
    let mut json = json!({
        "address": address.to_string(),
        "latencyMilliseconds": milliseconds,
        "verdicts": verdicts,
    });
    match &look.result {
        Ok(seen) => {
            json["product"] = product(seen.product).into();
            json["version"] = (&*seen.version).into();
            json["tls"] = seen.tls.as_ref().map(|tls| tls.version.to_string()).into();
            json["login"] = match seen.parting {
                Parting::Refused(code) => json!({"refused": code.0}),
                Parting::LoggedIn => "accepted".into(),
                Parting::Unanswered => "unanswered".into(),
            };
            json["certificate"] =
                seen.tls.as_ref().map(|tls| chain_json(&tls.presented.chain)).into();
        }
        Err(unseen) => {
            json["failure"] = unseen.failure.as_str().into();
            json["detail"] = (&*unseen.detail).into();
            let unproven = unseen.unproven.as_ref();
            json["unprovenCertificate"] =
                unproven.map(|presented| chain_json(&presented.chain)).into();
        }
    }
    json
}

fn chain_json(chain: &Chain) -> Value {
    let leaf = &chain.leaf;
    let Leaf { subject, issuer, serial, not_before, not_after, key, .. } = leaf;
    let others = chain.others.iter().map(|ca| {
        json!({
            "subject": ca.subject,
            "sha256": ca.fingerprint.to_string(),
            "notBefore": ca.not_before.to_string(),
            "notAfter": ca.not_after.to_string(),
        })
    });
    json!({
        "subject": subject,
        "issuer": issuer,
        "serial": serial,
        "sha256": leaf.fingerprint.to_string(),
        "key": key.to_string(),
        "names": leaf.names(),
        "notBefore": not_before.to_string(),
        "notAfter": not_after.to_string(),
        "chain": others.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_as_people_name_them() {
        for (text, host, port) in [
            ("db", "db", 3306),
            ("db:3307", "db", 3307),
            ("shop-0.shop-pods.prod.svc:3306", "shop-0.shop-pods.prod.svc", 3306),
            ("127.0.0.2:3306", "127.0.0.2", 3306),
            ("::1", "::1", 3306),
            ("[::1]:3307", "::1", 3307),
            ("[::1]", "::1", 3306),
        ] {
            let found = server(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!((&*found.host, found.port), (host, port), "{text}");
        }
        for (text, why) in [
            ("db:0", "`0` is no port"),
            ("db:mysql", "`mysql` is no port"),
            ("db:", "`` is no port"),
            (":3306", "no host"),
            ("", "no host"),
            ("[::1:3306", "a `[` without its `]`"),
            ("a:b:3306", "an address without brackets"),
        ] {
            let said = server(text).unwrap_err();
            assert!(said.starts_with(why) && said.ends_with("[IPV6]:PORT"), "{text}: {said}");
        }
    }
}
