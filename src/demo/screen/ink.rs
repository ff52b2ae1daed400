//! Lines of text in ink: what stands on the screen, and how it looks.

/// How a piece of text looks. The colours are those that the terminal's theme gives these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// As everything else.
    Plain,
    /// Less important.
    Dim,
    /// More important.
    Bold,
    /// All is well.
    Good,
    /// Something is under way.
    Busy,
    /// Something waits, or is about to happen.
    Warn,
    /// Something is wrong.
    Bad,
}

/// One line; never longer than what it is cut to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pieces: Vec<(Ink, String)>,
    width: usize,
}

impl Ink {
    /// The parameters of the escape sequence that selects it; none: no sequence is needed.
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Dim => Some("2"),
            Self::Bold => Some("1"),
            Self::Good => Some("32"),
            Self::Busy => Some("1;36"),
            Self::Warn => Some("33"),
            Self::Bad => Some("1;31"),
        }
    }
}

impl Line {
    /// A line of one piece.
    pub(super) fn of(ink: Ink, text: impl Into<String>) -> Self {
        let mut line = Self::default();
        line.push(ink, text);
        line
    }

    /// How many columns it takes: every character that gets here takes one.
    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// Adds a piece at the end. Its characters are ours or went through [`escaped`].
    pub(super) fn push(&mut self, ink: Ink, text: impl Into<String>) {
        let text = text.into();
        self.width += text.chars().count();
        match self.pieces.last_mut().filter(|last| last.0 == ink) {
            Some((_, last)) => last.push_str(&text),
            None if text.is_empty() => {}
            None => self.pieces.push((ink, text)),
        }
    }

    /// Adds another line at the end.
    pub(super) fn append(&mut self, other: Self) {
        self.width += other.width;
        self.pieces.extend(other.pieces);
    }

    /// Adds blanks until it is so wide.
    pub(super) fn pad(&mut self, width: usize) {
        if self.width < width {
            self.push(Ink::Plain, " ".repeat(width - self.width));
        }
    }

    /// Cuts it to so many columns; `more` shows that something is missing.
    pub(super) fn cut(&mut self, width: usize, more: char) {
        if self.width <= width {
            return;
        }
        let mut room = width.saturating_sub(1);
        let mut kept = Vec::new();
        for (ink, text) in std::mem::take(&mut self.pieces) {
            let taken: String = text.chars().take(room).collect();
            room -= taken.chars().count();
            if !taken.is_empty() {
                kept.push((ink, taken));
            }
        }
        if width > 0 {
            kept.push((Ink::Dim, more.to_string()));
        }
        self.pieces = kept;
        self.width = width;
    }

    /// The text, with the sequences that colour it or without.
    pub(super) fn written(&self, colour: bool) -> String {
        let mut written = String::new();
        for (ink, text) in &self.pieces {
            match ink.code().filter(|_| colour) {
                Some(code) => written.extend(["\x1b[", code, "m", text, "\x1b[0m"]),
                None => written.push_str(text),
            }
        }
        written.truncate(written.trim_end_matches(' ').len());
        written
    }
}

/// Foreign text as it may stand on a screen: whatever is not plain ASCII is written as an escape,
/// so that nothing in it drives the terminal and every character takes one column.
pub(in crate::demo) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character == ' ' || character.is_ascii_graphic() {
            escaped.push(character);
        } else {
            escaped.extend(character.escape_default());
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_at_its_width_whatever_its_pieces() {
        for (width, expected) in [
            (9, "one two"),
            (7, "one two"),
            (6, "one t~"),
            (4, "one~"),
            (3, "on~"),
            (1, "~"),
            (0, ""),
        ] {
            let mut line = Line::of(Ink::Good, "one");
            line.push(Ink::Plain, " two");
            line.cut(width, '~');
            assert_eq!((line.written(false).as_str(), line.width()), (expected, width.min(7)));
        }
    }

    #[test]
    fn colour_is_asked_for() {
        let mut line = Line::of(Ink::Good, "Fresh");
        line.push(Ink::Plain, " shop");
        assert_eq!(line.written(true), "\x1b[32mFresh\x1b[0m shop");
        assert_eq!(line.written(false), "Fresh shop");
    }

    #[test]
    fn foreign_text_cannot_drive_the_terminal_and_has_the_width_it_seems_to_have() {
        for (foreign, expected) in [
            ("shop/orders", "shop/orders"),
            ("\x1b[2J", "\\u{1b}[2J"),
            ("数据", "\\u{6570}\\u{636e}"),
            ("a\nb\u{202e}", "a\\nb\\u{202e}"),
        ] {
            assert_eq!(escaped(foreign), expected);
        }
    }
}
