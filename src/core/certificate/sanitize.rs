//! Making hostile text harmless.

const MAX_CHARACTERS: usize = 256;

/// `text` with whatever could break a line, drive a terminal, reverse or hide what is read written
/// as an escape (`\n`, `\u{202e}`), cut to 256 characters. The cut shows as `…`, and never splits
/// an escape. HTML is another matter: the page escapes for itself.
pub fn sanitize(text: &str) -> String {
    let mut safe = String::new();
    let mut length = 0;
    // Where to cut: the last end of a whole piece that leaves room for the ellipsis.
    let mut cut = 0;
    for character in text.chars() {
        let piece = if is_harmful(character) {
            character.escape_default().to_string()
        } else {
            character.to_string()
        };
        length += piece.chars().count();
        if length > MAX_CHARACTERS {
            safe.truncate(cut);
            safe.push('…');
            return safe;
        }
        safe.push_str(&piece);
        if length < MAX_CHARACTERS {
            cut = safe.len();
        }
    }
    safe
}

fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}
