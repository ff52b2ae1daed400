//! The config file: YAML in, typed and checked values out.
//!
//! After [`Config::parse`] nothing is checked again. What is wrong is told all at once, each with
//! its line, column and setting. `keys.rs` is the one list of what can be set.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use self::check::{Format, check};
pub use self::file::read;
pub use self::problem::{Position, Problem, Problems, Warning};
use self::report::Report;
use self::section::Section;
use crate::core::policy::Policy;
use crate::core::time::Span;
use crate::core::vocabulary::words;
use crate::probe::Login;

mod check;
mod file;
pub mod keys;
mod problem;
pub mod reload;
mod report;
mod rotation;
pub mod schema;
mod section;
mod tree;
pub(crate) mod values;

/// Everything that the config file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The id of this installation, as records and requests carry it.
    pub installation: Arc<str>,
    /// What decisions go by.
    pub policy: Arc<Policy>,
    /// How to look at servers.
    pub probe: Probe,
    /// What certrotor serves.
    pub server: Server,
    /// For `operate` alone.
    pub executor: Executor,
}

/// How to look at what servers serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whether to look at all.
    pub enabled: bool,
    /// How often to look at each server.
    pub every: Span,
    /// At so many at once.
    pub concurrency: u32,
    /// An account to log in with.
    pub login: Option<Login>,
}

/// Where certrotor listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// Metrics and health checks.
    pub metrics: SocketAddr,
    /// The status page.
    pub page: SocketAddr,
}

/// What the executor goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executor {
    /// Who issues certificates.
    pub issue_with: IssueWith,
    /// Whether servers may reload instead of restart.
    pub reload: Reload,
    /// How long clients are given to read a new CA before anything is served from it.
    pub ca_overlap: Span,
}

words! {
    /// Who issues certificates for the executor.
    IssueWith {
        /// cert-manager, asked by the `Issuing` condition.
        CertManager = "certManager",
        /// The executor itself, with the CA in the Issuer's Secret.
        OwnIssuer = "self",
    }
}

words! {
    /// Whether the executor makes servers reload their certificates instead of restarting them.
    Reload {
        /// Where that is enough.
        Auto = "auto",
        /// Never.
        Never = "never",
    }
}

impl Default for Config {
    /// What an empty file means.
    fn default() -> Self {
        Self {
            installation: Arc::from("certrotor"),
            policy: Arc::new(Policy::default()),
            probe: Probe { enabled: true, every: Span::HOUR, concurrency: 50, login: None },
            server: Server {
                metrics: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9440)),
                page: SocketAddr::from((Ipv4Addr::LOCALHOST, 9441)),
            },
            executor: Executor {
                issue_with: IssueWith::CertManager,
                reload: Reload::Auto,
                ca_overlap: Span::minutes(2),
            },
        }
    }
}

impl Config {
    /// Reads a whole file; `file` is its name in what is said about it.
    pub fn parse(text: &str, file: &str) -> Result<(Self, Vec<Warning>), Problems> {
        file::check_size(text.len() as u64, file)?;
        // A mark that some editors put first; it would count as a column.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let node =
            tree::read(text).map_err(|error| Problems::one(file, Some(error.at), error.message))?;
        let report = Report::new(file);
        let config = Self::from_section(&Section::root(&report, &node));
        report.finish().map(|warnings| (config, warnings))
    }

    /// The settings in which `next` differs and that only a restart brings into force.
    pub fn needs_restart(&self, next: &Self) -> Vec<&'static str> {
        let differs = [
            ("installation", self.installation != next.installation),
            ("server.metrics", self.server.metrics != next.server.metrics),
            ("server.page", self.server.page != next.server.page),
        ];
        differs.iter().filter(|(_, differs)| *differs).map(|(key, _)| *key).collect()
    }

    fn from_section(root: &Section<'_>) -> Self {
        let default = Self::default();
        let installation = root.value("installation", |text, _| values::name(text));
        Self {
            installation: installation.map_or(default.installation, Arc::from),
            policy: Arc::new(rotation::policy(root)),
            probe: Probe::from_section(&root.section("probe"), &default.probe),
            server: Server::from_section(&root.section("server"), default.server),
            executor: Executor::from_section(&root.section("executor"), default.executor),
        }
    }
}

impl Probe {
    fn from_section(section: &Section<'_>, default: &Self) -> Self {
        Self {
            enabled: section.switch("enabled").unwrap_or(default.enabled),
            every: section.duration("every").unwrap_or(default.every),
            concurrency: section.count("concurrency").unwrap_or(default.concurrency),
            login: (section.has("login") && !section.is_null("login"))
                .then(|| login(&section.section("login")))
                .flatten(),
        }
    }
}

fn login(section: &Section<'_>) -> Option<Login> {
    let line = |name| section.value(name, |text, _| values::line(text));
    let (user, password_file) = (line("user"), line("passwordFile"));
    Some(Login { user: user?, password_file: password_file?.into() })
}

impl Server {
    fn from_section(section: &Section<'_>, default: Self) -> Self {
        let address = |name| section.value(name, |text, _| values::address(text));
        let server = Self {
            metrics: address("metrics").unwrap_or(default.metrics),
            page: address("page").unwrap_or(default.page),
        };
        if server.collides() {
            let wrong = if section.has("page") { "page" } else { "metrics" };
            let (metrics, page) = (server.metrics, server.page);
            section.problem(
                wrong,
                format!("metrics ({metrics}) and page ({page}) cannot listen on the same port"),
            );
        }
        server
    }

    /// Whether the second of the two could not listen: an unspecified address takes all others in.
    fn collides(&self) -> bool {
        let (one, other) = (self.metrics, self.page);
        one.port() != 0
            && one.port() == other.port()
            && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
    }
}

impl Executor {
    fn from_section(section: &Section<'_>, default: Self) -> Self {
        Self {
            issue_with: section.word("issueWith").unwrap_or(default.issue_with),
            reload: section.word("reload").unwrap_or(default.reload),
            ca_overlap: section.duration("caOverlap").unwrap_or(default.ca_overlap),
        }
    }
}

#[cfg(test)]
mod tests;
