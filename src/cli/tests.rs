use std::fs;
use std::path::Path;

use clap::CommandFactory as _;

use super::Cli;

const PAGE: &str = "docs/cli.md";

const HEAD: &str = "\
# Command line

Each command's own `--help`. Exit status: 0 all is well; 1 it failed, or what was looked at is not good; 2 the command line was wrong.
Errors go to standard error, answers to standard output. Colours are used on a terminal only, and not where `NO_COLOR` is set.
Times are RFC 3339 in UTC, or how far they are away.
";

/// The help of a command and of those under it.
fn sections(mut command: clap::Command, name: &str) -> String {
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let own = format!("\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    let below = command.get_subcommands().filter(|below| below.get_name() != "help");
    let below = below.map(|below| {
        let name = format!("{name} {}", below.get_name());
        sections(below.clone().bin_name(&name), &name)
    });
    own + &below.collect::<String>()
}

#[test]
#[cfg(feature = "demo")]
fn the_page_of_the_command_line_is_what_the_commands_say_themselves() {
    let mut command = Cli::command().term_width(100);
    command.build();
    let page = HEAD.to_owned() + &sections(command, "certrotor");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if std::env::var_os("CERTROTOR_UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let is = fs::read_to_string(&path).unwrap_or_default();
    assert!(is == page, "{PAGE}: CERTROTOR_UPDATE=1 cargo test --lib -- cli::tests writes it anew");
}

#[test]
fn the_command_line_makes_sense_to_clap() {
    Cli::command().debug_assert();
}
