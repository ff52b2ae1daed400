//! The show: what happens is told as it happens, on the terminal or line by line.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::once::Once;
use super::picture::{News, Picture, Tone};
use super::screen::{Ability, Terminal, draw, opening, sentence};
use super::sights::Sights;
use super::story;
use super::words::clock;
use crate::clock::Clock;
use crate::core::fleet::Key;
use crate::core::time::Span;
use crate::daemon::View;
use crate::embedded::api::ApiServer;

/// How often to look for something new.
const EVERY: Duration = Duration::from_millis(250);

/// What a show is made from.
pub(super) struct Sources {
    /// What happens in the cluster.
    pub(super) server: ApiServer,
    /// What the daemon decides.
    pub(super) views: watch::Receiver<Arc<View>>,
    /// What is seen on the wire.
    pub(super) sights: watch::Receiver<Sights>,
    /// News from there.
    pub(super) seen: mpsc::Receiver<News>,
    /// The time.
    pub(super) clock: Arc<dyn Clock>,
}

/// Tells what happens, until it is over.
pub(super) struct Show {
    sources: Sources,
    picture: Picture,
    out: Out,
    once: Option<(Once, Span)>,
    /// Up to which change all has been told.
    told: u64,
    began: Instant,
}

/// Where it is told.
enum Out {
    Terminal(Terminal),
    Lines(Ability),
}

impl Out {
    /// Waits for Ctrl-Z, and stops until the process is let go on.
    async fn pause(&mut self) -> io::Result<()> {
        match self {
            Self::Terminal(terminal) => {
                terminal.asked_to_pause().await;
                terminal.pause()
            }
            Self::Lines(_) => std::future::pending().await,
        }
    }
}

/// How the show ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// What there is to say at the end.
    pub(super) summary: String,
}

impl Show {
    /// Begins; with `once`, ends by itself when all of these databases were rotated, or fails
    /// after so long.
    pub(super) fn begin(
        sources: Sources,
        picture: Picture,
        databases: Vec<Key>,
        once: Option<Span>,
    ) -> io::Result<Self> {
        let terminal = io::IsTerminal::is_terminal(&io::stdout());
        let ability = Ability::of(terminal, |name| std::env::var_os(name));
        let out = match Terminal::open(ability)? {
            Some(terminal) => Out::Terminal(terminal),
            None => Out::Lines(ability),
        };
        if let Out::Lines(ability) = out {
            say(opening(picture.now, &picture.places, &databases, ability))?;
        }
        let once = once.map(|patience| (Once::new(databases), patience));
        Ok(Self { sources, picture, out, once, told: 0, began: Instant::now() })
    }

    /// Shows until it is stopped, or until there is nothing left to wait for.
    pub(super) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<Ended> {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                _ = ticks.tick() => false,
                paused = self.out.pause() => {
                    paused.context("cannot stop and go on")?;
                    false
                }
            };
            self.show().context("cannot write to standard output")?;
            if stopped {
                return self.asked_to_end();
            }
            if let Some(ended) = self.once()? {
                self.show().context("cannot write to standard output")?;
                return Ok(ended);
            }
        }
    }

    /// Gathers what is new, and shows it.
    fn show(&mut self) -> io::Result<()> {
        let commits = self.sources.server.commits_after(self.told);
        self.told = commits.last().map_or(self.told, |commit| commit.revision);
        let mut news: Vec<News> = commits.iter().flat_map(story::news).collect();
        while let Ok(seen) = self.sources.seen.try_recv() {
            news.push(seen);
        }
        self.tell(news)?;
        let now = self.sources.clock.now();
        let view = Arc::clone(&self.sources.views.borrow_and_update());
        self.picture.look(&view, &self.sources.sights.borrow_and_update(), now);
        if let Out::Terminal(terminal) = &mut self.out {
            let screen = terminal.screen();
            terminal.show(&screen, draw(&self.picture, &screen))?;
        }
        Ok(())
    }

    fn tell(&mut self, news: Vec<News>) -> io::Result<()> {
        if let Out::Lines(ability) = self.out {
            say(news.iter().map(|news| sentence(news, ability)))?;
        }
        self.picture.tell(news);
        Ok(())
    }

    /// Whether all that `--once` waits for has been seen; an error when it takes too long.
    fn once(&mut self) -> anyhow::Result<Option<Ended>> {
        let Some((once, patience)) = &mut self.once else { return Ok(None) };
        let view = Arc::clone(&self.sources.views.borrow());
        let through = once.look(&view, &self.sources.sights.borrow());
        let (at, waited) = (self.sources.clock.now(), self.began.elapsed());
        let done = once.is_done();
        if !done && waited >= patience.to_std() {
            let missing = once.missing(&view).join("; ");
            bail!("not every database was rotated within {patience}: {missing}");
        }
        let news = through.iter().map(|key| News {
            at,
            about: key.to_string(),
            text: "every server was seen to serve the new certificate".to_owned(),
            tone: Tone::Good,
            ended: None,
        });
        self.tell(news.collect())?;
        Ok(done.then(|| Ended {
            summary: format!(
                "every database was rotated and serves its new certificate, after {}",
                elapsed(waited)
            ),
        }))
    }

    fn asked_to_end(self) -> anyhow::Result<Ended> {
        let waited = elapsed(self.began.elapsed());
        if let Some((once, _)) = self.once.filter(|(once, _)| !once.is_done()) {
            let missing = once.missing(&self.sources.views.borrow()).join("; ");
            bail!("stopped after {waited}, before every database was rotated: {missing}");
        }
        let verified = super::words::count(self.picture.tally.verified as usize, "rotation");
        Ok(Ended { summary: format!("stopped after {waited}: {verified} verified") })
    }
}

fn elapsed(waited: Duration) -> String {
    clock(Span::seconds(i64::try_from(waited.as_secs()).unwrap_or(i64::MAX)))
}

fn say(lines: impl IntoIterator<Item = String>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
