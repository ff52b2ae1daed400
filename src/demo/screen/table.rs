//! The table: a row per database, and the columns for which there is room.

use super::ink::{Ink, Line, escaped};
use super::{Glyphs, Screen};
use crate::core::fleet::Topology;
use crate::core::time::{Span, Time};
use crate::core::vocabulary::{Outcome, Stage, State};
use crate::demo::picture::{Life, Picture, Row, Server};
use crate::demo::words::clock;

/// Longer names are cut.
pub(super) const LONGEST_NAME: usize = 32;
/// Between two columns.
const GAP: usize = 2;
/// A bar shorter than this says nothing.
const SHORTEST_BAR: usize = 6;
/// What is left of a life, behind its bar.
const LEFT: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Database,
    Servers,
    Certificate,
    State,
    Reason,
    Next,
    Last,
    Message,
}

/// Which columns go first when there is no room; the two that are not here stay.
const DROPPED: [Column; 6] =
    [Column::Message, Column::Last, Column::Reason, Column::Next, Column::Servers, Column::State];
/// Which columns grow first when there is, and to which width.
const GROWING: [(Column, usize); 8] = [
    (Column::Certificate, 16),
    (Column::Reason, 15),
    (Column::Servers, 16),
    (Column::Certificate, 24),
    (Column::Last, 18),
    (Column::Reason, 18),
    (Column::Certificate, 36),
    (Column::Message, 160),
];

impl Column {
    const ALL: [Self; 8] = [
        Self::Database,
        Self::Servers,
        Self::Certificate,
        Self::State,
        Self::Reason,
        Self::Next,
        Self::Last,
        Self::Message,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::Database => "DATABASE",
            Self::Servers => "SERVERS",
            Self::Certificate => "CERTIFICATE",
            Self::State => "STATE",
            Self::Reason => "REASON",
            Self::Next => "NEXT",
            Self::Last => "LAST",
            Self::Message => "MESSAGE",
        }
    }

    /// The least width that makes sense, and the most that is of use.
    fn widths(self, picture: &Picture) -> (usize, usize) {
        let longest = |length: fn(&Row) -> usize| {
            let longest = picture.databases.iter().map(length).max();
            longest.unwrap_or_default().max(self.title().len())
        };
        match self {
            Self::Database => {
                let width = longest(|row| name(row).len()).min(LONGEST_NAME);
                (width, width)
            }
            Self::Servers => (
                longest(|row| row.servers.len()),
                longest(|row| row.servers.len() + arrangement(row.topology).len()),
            ),
            Self::Certificate => (SHORTEST_BAR + 1 + LEFT, usize::MAX),
            Self::State => (9, 9),
            Self::Reason => (10, usize::MAX),
            Self::Next => (5, 5),
            Self::Last => (8, usize::MAX),
            Self::Message => (24, usize::MAX),
        }
    }

    fn cell(self, row: &Row, width: usize, now: Time, glyphs: &Glyphs) -> Line {
        let none = || Line::of(Ink::Dim, glyphs.none);
        match self {
            Self::Database => Line::of(Ink::Plain, name(row)),
            Self::Servers => servers(row, width, glyphs),
            Self::Certificate => row.life.map_or_else(none, |life| {
                certificate(&life, urgency(row, &life, now), width, now, glyphs)
            }),
            Self::State => Line::of(state_ink(row.state), row.state.as_str()),
            Self::Reason => row.reason.map_or_else(none, |reason| Line::of(Ink::Plain, reason)),
            Self::Next => next(row, width, now, glyphs),
            Self::Last => row.last.map_or_else(none, |last| ended(last, width, now)),
            Self::Message => {
                row.message.as_deref().map_or_else(none, |text| Line::of(Ink::Dim, escaped(text)))
            }
        }
    }
}

/// `namespace/name`, harmless.
pub(super) fn name(row: &Row) -> String {
    escaped(&row.key.to_string())
}

/// At most `room` lines: the title, and the rows, of which the last are only counted when there
/// are too many.
pub(super) fn lines(picture: &Picture, screen: &Screen, room: usize) -> Vec<Line> {
    let columns = layout(picture, screen.width);
    let mut lines = Vec::new();
    if picture.databases.is_empty() || room == 0 {
        return lines;
    }
    let glyphs = screen.ability.glyphs;
    lines.push(joined(
        columns
            .iter()
            .map(|(column, width)| (Line::of(Ink::Dim, aligned_title(*column, *width)), *width)),
        glyphs,
    ));
    let room = room - 1;
    let all = picture.databases.len();
    let shown = if all > room { room.saturating_sub(1) } else { all };
    for row in picture.databases.iter().take(shown) {
        let cells = columns
            .iter()
            .map(|(column, width)| (column.cell(row, *width, picture.now, glyphs), *width));
        lines.push(joined(cells, glyphs));
    }
    if shown < all && room > 0 {
        let more = format!("{} and {} more", glyphs.more, all - shown);
        lines.push(Line::of(Ink::Dim, more));
    }
    lines
}

/// What the signs mean that are there, as far as it fits.
pub(super) fn legend(picture: &Picture, screen: &Screen) -> Line {
    let glyphs = screen.ability.glyphs;
    let columns = layout(picture, screen.width);
    let shown = |wanted| columns.iter().any(|(column, _)| *column == wanted);
    let mut line = Line::default();
    for (column, ink, sign, meaning) in [
        (Column::Servers, Ink::Good, glyphs.newest, "serves the newest certificate"),
        (Column::Servers, Ink::Warn, glyphs.older, "an older one"),
        (Column::Servers, Ink::Dim, glyphs.down, "down"),
        (Column::Certificate, Ink::Dim, glyphs.due_gone, "a rotation is due"),
    ] {
        if shown(column) && line.width() + 2 + meaning.len() <= screen.width {
            line.push(ink, sign);
            line.push(Ink::Dim, format!(" {meaning}  "));
        }
    }
    line
}

/// The columns that fit, each with its width.
fn layout(picture: &Picture, width: usize) -> Vec<(Column, usize)> {
    let widths = |column: &Column| (*column, column.widths(picture));
    let mut columns: Vec<_> = Column::ALL.iter().map(widths).collect();
    let needed = |columns: &[(Column, (usize, usize))]| {
        let widths = columns.iter().map(|(_, (least, _))| least + GAP);
        widths.sum::<usize>().saturating_sub(GAP)
    };
    for dropped in DROPPED {
        if needed(&columns) > width {
            columns.retain(|(column, _)| *column != dropped);
        }
    }
    let mut spare = width.saturating_sub(needed(&columns));
    let mut fixed: Vec<_> = columns.iter().map(|(column, (least, _))| (*column, *least)).collect();
    for (growing, target) in GROWING {
        if let Some(place) = columns.iter().position(|(column, _)| *column == growing) {
            let most = target.min(columns[place].1.1);
            let grown = spare.min(most.saturating_sub(fixed[place].1));
            fixed[place].1 += grown;
            spare -= grown;
        }
    }
    fixed
}

fn aligned_title(column: Column, width: usize) -> String {
    let title = column.title();
    if column == Column::Next { format!("{title:>width$}") } else { title.to_owned() }
}

fn joined(cells: impl Iterator<Item = (Line, usize)>, glyphs: &Glyphs) -> Line {
    let mut line = Line::default();
    let mut end = 0;
    for (mut cell, width) in cells {
        line.pad(end);
        cell.cut(width, glyphs.more);
        end = line.width() + width + GAP;
        line.append(cell);
    }
    line
}

const fn state_ink(state: State) -> Ink {
    match state {
        State::Fresh => Ink::Good,
        State::Rotating | State::Verifying => Ink::Busy,
        State::Waiting => Ink::Warn,
        State::Stuck => Ink::Bad,
        State::Unmanaged | State::Unknown => Ink::Dim,
    }
}

/// What stands behind the signs of its servers.
const fn arrangement(topology: Topology) -> &'static str {
    match topology {
        Topology::Standalone => "",
        Topology::GroupReplication | Topology::InnoDbCluster => " group",
        Topology::SemiSync => " semi",
        Topology::RemoteReplica => " replica",
    }
}

fn servers(row: &Row, width: usize, glyphs: &Glyphs) -> Line {
    let mut line = Line::default();
    for server in &row.servers {
        let (ink, sign) = match server {
            Server::Newest => (Ink::Good, glyphs.newest),
            Server::Older => (Ink::Warn, glyphs.older),
            Server::Down => (Ink::Dim, glyphs.down),
        };
        line.push(ink, sign);
    }
    let arrangement = arrangement(row.topology);
    if line.width() + arrangement.len() <= width {
        line.push(Ink::Dim, arrangement);
    }
    line
}

fn next(row: &Row, width: usize, now: Time, glyphs: &Glyphs) -> Line {
    let (ink, text) = match row.next.map(|next| next.since(now)) {
        None => (Ink::Dim, glyphs.none.to_string()),
        Some(wait) if wait > Span::ZERO => (Ink::Plain, clock(wait)),
        Some(_) => (Ink::Plain, "now".to_owned()),
    };
    Line::of(ink, format!("{text:>width$}"))
}

/// How urgent what is left of a certificate's life is.
fn urgency(row: &Row, life: &Life, now: Time) -> Ink {
    match row.stage {
        Stage::Emergency | Stage::Expired => Ink::Bad,
        Stage::Urgent => Ink::Warn,
        Stage::Normal if life.due <= now => Ink::Warn,
        Stage::Normal => Ink::Good,
    }
}

/// A bar that shrinks to the left as time goes, with a mark where a rotation is due; and the rest
/// of the life in figures.
fn certificate(life: &Life, ink: Ink, width: usize, now: Time, glyphs: &Glyphs) -> Line {
    let rest = life.ends.since(now);
    let length = width.saturating_sub(LEFT + 1);
    let lifetime = life.ends.since(life.begins).max(Span::seconds(1));
    let halves = |span: Span| {
        let most = i64::try_from(2 * length).unwrap_or(0);
        let share = span.clamp(Span::ZERO, lifetime).as_seconds();
        let count = Span::seconds(most).scaled(share, lifetime.as_seconds());
        usize::try_from(count.as_seconds()).unwrap_or(0)
    };
    let (filled, due) = (halves(rest), halves(life.ends.since(life.due)) / 2);
    let mut bar = Line::default();
    for cell in 0..length {
        let (ink, sign) = match (filled.saturating_sub(2 * cell), cell == due) {
            (2.., true) => (ink, glyphs.due_left),
            (2.., false) => (ink, glyphs.left),
            (_, true) => (Ink::Dim, glyphs.due_gone),
            (1, false) => (ink, glyphs.half),
            (0, false) => (Ink::Dim, glyphs.gone),
        };
        bar.push(ink, sign);
    }
    let figures = if rest > Span::ZERO { clock(rest) } else { "ended".to_owned() };
    bar.push(ink, format!(" {figures:>LEFT$}"));
    bar
}

fn ended((outcome, at): (Outcome, Time), width: usize, now: Time) -> Line {
    let ink = if outcome == Outcome::Verified { Ink::Good } else { Ink::Bad };
    let mut line = Line::of(ink, outcome.as_str());
    let ago = format!(" {} ago", clock(now.since(at)));
    if line.width() + ago.len() <= width {
        line.push(Ink::Dim, ago);
    }
    line
}
