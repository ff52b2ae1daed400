//! A forecast as a calendar (RFC 5545).

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use crate::core::time::Time;
use crate::report::{Outlook, Rotation};

/// The longest line, in bytes, without its end.
const LINE: usize = 75;

pub(super) fn calendar(outlook: &Outlook) -> String {
    let mut text = String::new();
    for line in ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//certrotor//plan//EN"] {
        put(&mut text, line);
    }
    for rotation in &outlook.rotations {
        event(&mut text, rotation, outlook.source.at);
    }
    put(&mut text, "END:VCALENDAR");
    text
}

fn event(text: &mut String, rotation: &Rotation, made: Time) {
    let database = format!("{}/{}", rotation.namespace, rotation.name);
    // The same rotation is the same event when the calendar is made anew, unless it moves.
    let uid =
        format!("{}-{}-{}@certrotor", rotation.namespace, rotation.name, rotation.starts.unix());
    let about = format!("{}, {}", rotation.cause, rotation.cause.meaning());
    for (name, value) in [
        ("BEGIN", "VEVENT".to_owned()),
        ("UID", escaped(&uid)),
        ("DTSTAMP", stamp(made)),
        ("DTSTART", stamp(rotation.starts)),
        ("DTEND", stamp(rotation.ends)),
        ("SUMMARY", escaped(&format!("Rotate the certificates of {database}"))),
        ("DESCRIPTION", escaped(&about)),
        ("TRANSP", "TRANSPARENT".to_owned()),
        ("END", "VEVENT".to_owned()),
    ] {
        put(text, &format!("{name}:{value}"));
    }
}

fn stamp(at: Time) -> String {
    at.timestamp().to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// One line, folded where it is too long; never within a character.
fn put(text: &mut String, line: &str) {
    let mut room = LINE;
    for c in line.chars() {
        if c.len_utf8() > room {
            text.push_str("\r\n ");
            room = LINE - 1;
        }
        room -= c.len_utf8();
        // Writing to a String cannot fail.
        text.write_char(c).ok();
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_between_characters_and_text_is_escaped() {
        let mut text = String::new();
        put(&mut text, &"ä".repeat(60));
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.len() <= LINE), "{lines:?}");
        assert!(lines[1].starts_with(" ä"));
        assert_eq!(escaped("a,b;c\\d\ne\u{7}"), "a\\,b\\;c\\\\d\\ne");
    }
}
