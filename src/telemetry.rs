//! The log: to standard error, as text for people or JSON for machines.

use std::env;
use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::sync::Mutex;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;
use tracing_subscriber::{fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be understood.
    #[error(
        "log filter {filter:?}: {problem}; use off, error, warn, info, debug or trace, \
         or a list such as info,certrotor=debug"
    )]
    Filter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Somebody has set up a log before.
    #[error("the log was set up twice")]
    Twice(#[source] TryInitError),
}

/// Sets up the log of this process.
///
/// Without `format`: text on a terminal, JSON otherwise. Without `level`: `$RUST_LOG`, or `info`.
pub fn init(format: Option<LogFormat>, level: Option<&str>) -> Result<(), TelemetryError> {
    let from_environment = env::var("RUST_LOG").ok();
    let filter = filter(level, from_environment.as_deref())?;
    let terminal = io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    let done = match format_for(format, terminal) {
        LogFormat::Text => {
            let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            registry.with(lines.with_ansi(terminal && !no_color)).try_init()
        }
        LogFormat::Json => {
            registry.with(lines.json().flatten_event(true).with_current_span(false)).try_init()
        }
    };
    done.map_err(TelemetryError::Twice)
}

/// Sets up the log of this process to be text in a file. Without `$RUST_LOG`: `info`.
pub fn init_file(file: File) -> Result<(), TelemetryError> {
    let filter = filter(None, env::var("RUST_LOG").ok().as_deref())?;
    let lines = fmt::layer().with_ansi(false).with_writer(Mutex::new(file));
    let registry = tracing_subscriber::registry().with(filter).with(lines);
    registry.try_init().map_err(TelemetryError::Twice)
}

fn format_for(asked: Option<LogFormat>, terminal: bool) -> LogFormat {
    match asked {
        Some(format) => format,
        None if terminal => LogFormat::Text,
        None => LogFormat::Json,
    }
}

fn filter(level: Option<&str>, environment: Option<&str>) -> Result<EnvFilter, TelemetryError> {
    let asked = level.map(str::trim).filter(|text| !text.is_empty());
    let text = asked.or(environment).unwrap_or("info");
    let error = |problem: String| TelemetryError::Filter { filter: text.to_owned(), problem };
    // A bare word that is no level would be taken as the name of a module, and silence the rest.
    if let Some(word) = asked.and_then(|text| text.split(',').find(|part| is_mistaken(part))) {
        return Err(error(format!("{:?} is not a level", word.trim())));
    }
    EnvFilter::try_new(text).map_err(|source| error(source.to_string()))
}

fn is_mistaken(directive: &str) -> bool {
    let directive = directive.trim();
    !directive.contains(['=', '[']) && directive.parse::<LevelFilter>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_beats_the_environment_and_mistakes_are_told() {
        for (level, environment, expected) in [
            (None, None, Ok("info")),
            (None, Some("warn"), Ok("warn")),
            (None, Some("kube"), Ok("kube=trace")),
            (Some("debug"), Some("warn"), Ok("debug")),
            (Some("  "), Some("warn"), Ok("warn")),
            (Some("info,certrotor=debug"), None, Ok("certrotor=debug,info")),
            (Some("verbose"), None, Err("\"verbose\" is not a level")),
            (Some("info,kube"), None, Err("\"kube\" is not a level")),
            (Some("certrotor=loud"), None, Err("error parsing level")),
        ] {
            let filter = filter(level, environment);
            match (expected, filter) {
                (Ok(expected), Ok(filter)) => assert_eq!(filter.to_string(), expected),
                (Err(part), Err(error)) => {
                    let text = error.to_string();
                    assert!(text.contains(part) && text.contains("info,certrotor=debug"), "{text}");
                }
                (expected, filter) => panic!("{level:?}: {expected:?} but {filter:?}"),
            }
        }
    }

    #[test]
    fn people_read_text_and_machines_json() {
        assert_eq!(format_for(None, true), LogFormat::Text);
        assert_eq!(format_for(None, false), LogFormat::Json);
        assert_eq!(format_for(Some(LogFormat::Text), false), LogFormat::Text);
        assert_eq!(format_for(Some(LogFormat::Json), true), LogFormat::Json);
    }
}
