//! What a person watches: a picture as lines of text. A pure function of the picture and the size.

use std::ffi::OsString;

use self::ink::{Ink, Line, escaped};
use super::picture::{News, Picture, Tone};
use super::words::{clock, count};

mod ink;
mod look;
mod plain;
mod table;
mod terminal;
#[cfg(test)]
mod tests;

pub(super) use plain::{opening, sentence};
pub(super) use terminal::Terminal;

/// The most news that is shown at once, and the least that is worth the room.
const NEWS: (usize, usize) = (10, 3);

/// What is drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Screen {
    /// Its columns.
    pub(super) width: usize,
    /// Its rows; the last one is left to the cursor.
    pub(super) height: usize,
    /// What it can show.
    pub(super) ability: Ability,
}

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ability {
    /// Colours.
    pub(super) colour: bool,
    /// Its characters.
    pub(super) glyphs: &'static Glyphs,
}

/// The characters beyond letters; each takes one column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Glyphs {
    /// A server that serves the newest certificate, another one, and one that is down.
    newest: char,
    older: char,
    down: char,
    /// A bar: what is left, half a step of it, what is gone, and where a rotation is due in either.
    left: char,
    half: char,
    gone: char,
    due_left: char,
    due_gone: char,
    /// Something is missing here.
    more: char,
    /// Nothing.
    none: char,
    /// Between two things.
    and: char,
}

/// For terminals that speak UTF-8.
pub(super) static UNICODE: Glyphs = Glyphs {
    newest: '●',
    older: '○',
    down: '·',
    left: '━',
    half: '╸',
    gone: '─',
    due_left: '┿',
    due_gone: '┼',
    more: '…',
    none: '–',
    and: '·',
};

/// For all others.
pub(super) static ASCII: Glyphs = Glyphs {
    newest: '*',
    older: 'o',
    down: '.',
    left: '=',
    half: '-',
    gone: '-',
    due_left: '|',
    due_gone: '|',
    more: '~',
    none: '-',
    and: '-',
};

impl Ability {
    /// What the environment says: `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` (no-color.org,
    /// bixense.com/clicolors) and the locale. A locale that nobody has set is taken for UTF-8.
    pub(super) fn of(terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let wanted = set("CLICOLOR").is_none_or(|value| value != "0");
        let colour = set("NO_COLOR").is_none() && (forced || terminal && wanted);
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
        let utf8 = locale.is_none_or(|locale| {
            let locale = locale.to_string_lossy().to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        Self { colour, glyphs: if utf8 { &UNICODE } else { &ASCII } }
    }
}

/// The picture, as lines that fit the screen.
pub(super) fn draw(picture: &Picture, screen: &Screen) -> Vec<String> {
    let look = look::lines(picture, screen.width);
    let mut room = Room(screen.height.saturating_sub(1));
    let mut lines = Vec::new();
    if room.take(1) {
        lines.push(header(picture, screen));
    }
    let rows = room.take_up_to(1 + picture.databases.len());
    let mut table = table::lines(picture, screen, rows);
    let least = room.take_up_to(NEWS.1 + 1);
    let spaced = room.take(1);
    let look = if room.take(look.len() + 1) { look } else { Vec::new() };
    let legend = room.take(1);
    let most = least + room.take_up_to(NEWS.0 - NEWS.1);
    if spaced {
        lines.push(Line::default());
    }
    lines.append(&mut table);
    if legend {
        lines.push(table::legend(picture, screen));
    }
    if most > 1 {
        lines.push(Line::default());
        lines.extend(news(picture, most - 1));
    }
    if !look.is_empty() {
        lines.push(Line::default());
        lines.extend(look);
    }
    let written = |mut line: Line| {
        line.cut(screen.width, screen.ability.glyphs.more);
        line.written(screen.ability.colour)
    };
    lines.into_iter().map(written).collect()
}

/// Rows of the screen that are still free.
struct Room(usize);

impl Room {
    fn take(&mut self, rows: usize) -> bool {
        let enough = self.0 >= rows;
        if enough {
            self.0 -= rows;
        }
        enough
    }

    fn take_up_to(&mut self, rows: usize) -> usize {
        let taken = rows.min(self.0);
        self.0 -= taken;
        taken
    }
}

/// As much of it as fits, the most important first.
fn header(picture: &Picture, screen: &Screen) -> Line {
    let databases = picture.databases.len();
    let servers = picture.databases.iter().map(|row| row.servers.len()).sum();
    let tally = picture.tally;
    let mut rest = vec![(Ink::Plain, format!("up {}", clock(picture.now.since(picture.started))))];
    if databases == 0 {
        rest.push((Ink::Busy, "starting".to_owned()));
    } else {
        let verified = count(tally.verified as usize, "rotation");
        rest.push((Ink::Good, format!("{verified} verified")));
        if tally.otherwise > 0 {
            rest.push((Ink::Bad, format!("{} not verified", tally.otherwise)));
        }
        let size = format!("{}, {}", count(databases, "database"), count(servers, "server"));
        rest.push((Ink::Dim, size));
    }
    let mut line = Line::of(Ink::Bold, "certrotor demo");
    for (ink, text) in rest {
        if line.width() + 3 + text.chars().count() > screen.width {
            break;
        }
        line.push(Ink::Dim, format!(" {} ", screen.ability.glyphs.and));
        line.push(ink, text);
    }
    line
}

/// Always so many lines, so that what stands below does not move.
fn news(picture: &Picture, lines: usize) -> Vec<Line> {
    let names = picture.databases.iter().map(|row| table::name(row).len());
    let width = names.max().unwrap_or_default().min(table::LONGEST_NAME);
    let first = picture.news.len().saturating_sub(lines);
    let mut shown: Vec<Line> =
        picture.news.iter().skip(first).map(|news| one_news(news, width, picture)).collect();
    shown.resize(lines, Line::default());
    shown
}

fn one_news(news: &News, width: usize, picture: &Picture) -> Line {
    let mut line = Line::of(Ink::Dim, format!("{:>6}  ", clock(news.at.since(picture.started))));
    let ink = match news.tone {
        Tone::Step => Ink::Plain,
        Tone::Good => Ink::Good,
        Tone::Bad => Ink::Bad,
    };
    if !news.about.is_empty() {
        line.push(Ink::Plain, escaped(&news.about));
        line.pad(8 + width);
        line.push(Ink::Plain, "  ");
    }
    line.push(ink, escaped(&news.text));
    line
}
