//! How to look further: commands that work as they stand.

use super::ink::{Ink, Line, escaped};
use crate::core::fleet::Key;
use crate::demo::picture::{Picture, Places};

/// The commands, each with what it is for. The first must come first.
pub(super) fn commands(places: &Places, database: Option<&Key>) -> Vec<(String, &'static str)> {
    let Places { kubeconfig, request, config, metrics, page: _ } = places;
    let mut commands = vec![
        (
            format!("export KUBECONFIG={}", escaped(&quoted(&kubeconfig.display().to_string()))),
            "for the kubectl that you have",
        ),
        ("kubectl get rotations -A -w".to_owned(), "the fleet, as it changes"),
        ("kubectl get mysql,myops,certificates,pods -A".to_owned(), "what it is made of"),
    ];
    if let Some(Key { namespace, name }) = database {
        let patch = r#"'{"spec":{"requestedAt":"1"}}'"#;
        commands.push((
            format!("kubectl patch rot {name} -n {namespace} --type merge -p {patch}"),
            "rotate it by hand; any new value will do",
        ));
    }
    let file = escaped(&quoted(&request.display().to_string()));
    commands.push((
        format!("kubectl apply -f {file}"),
        "or add-tls, change-certificates, remove-tls, rotate-tls",
    ));
    commands.push((format!("curl -s http://{metrics}/metrics"), "the same for Prometheus"));
    let edit = format!("$EDITOR {}", escaped(&quoted(&config.display().to_string())));
    commands.push((edit, "the daemon's config, reloaded when it changes"));
    commands
}

/// Where to look with a browser.
pub(super) fn page(places: &Places) -> String {
    format!("Open http://{}", places.page)
}

/// The same as lines of the screen. A command that is cut works no more, so it is left out; but
/// without the first, kubectl would show some other cluster, so that one goes on in a next line.
pub(super) fn lines(picture: &Picture, width: usize) -> Vec<Line> {
    /// So wide are commands, as a rule.
    const COLUMN: usize = 80;
    // The shortest, so that its command fits.
    let keys = picture.databases.iter().map(|row| &row.key);
    let key = keys.min_by_key(|key| key.namespace.len() + key.name.len());
    let commands = commands(&picture.places, key);
    let page = page(&picture.places);
    let title = format!("{page}, or look from another terminal (Ctrl-C ends it all):");
    let short = "From another terminal (Ctrl-C: the end):".to_owned();
    let title = if title.len() <= width { title } else { short };
    let mut lines = vec![Line::of(Ink::Dim, title)];
    for (index, (command, purpose)) in commands.iter().enumerate() {
        let command = format!("  {command}");
        if command.len() > width {
            match broken(&command, width).filter(|_| index == 0) {
                Some(pieces) => lines.extend(pieces.map(|piece| Line::of(Ink::Plain, piece))),
                None if index == 0 => return vec![Line::of(Ink::Dim, "Ctrl-C ends it all")],
                None => {}
            }
            continue;
        }
        let mut line = Line::of(Ink::Plain, command);
        if width >= COLUMN + 4 + purpose.len() {
            line.pad(COLUMN);
            line.push(Ink::Dim, format!("  # {purpose}"));
        }
        lines.push(line);
    }
    lines
}

/// A command in lines that a shell joins again; none where it would not, or where it were many.
fn broken(command: &str, width: usize) -> Option<impl Iterator<Item = String>> {
    const MOST: usize = 4;
    let room = width.checked_sub(1).filter(|room| *room > 0)?;
    let characters: Vec<char> = command.chars().collect();
    let count = characters.len().div_ceil(room);
    if command.contains('\'') || count > MOST {
        return None;
    }
    let pieces: Vec<String> = characters.chunks(room).map(|piece| piece.iter().collect()).collect();
    let joint = move |(index, piece): (usize, String)| {
        if index + 1 < count { format!("{piece}\\") } else { piece }
    };
    Some(pieces.into_iter().enumerate().map(joint))
}

/// As a shell takes it for one word.
fn quoted(path: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if path.chars().all(harmless) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}
