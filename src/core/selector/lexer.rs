//! The words and signs of a label selector.

use super::SelectorError;

/// A word or a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Close,
    Comma,
    Equal,
    Not,
    NotEqual,
    Open,
    Word(&'a str),
}

impl<'a> Token<'a> {
    pub(super) const fn as_str(self) -> &'a str {
        match self {
            Self::Close => ")",
            Self::Comma => ",",
            Self::Equal => "=",
            Self::Not => "!",
            Self::NotEqual => "!=",
            Self::Open => "(",
            Self::Word(word) => word,
        }
    }
}

/// Splits a selector into words and signs; blanks only separate.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, SelectorError> {
    const SIGNS: [(&str, Token<'_>); 7] = [
        ("==", Token::Equal),
        ("=", Token::Equal),
        ("!=", Token::NotEqual),
        ("!", Token::Not),
        ("(", Token::Open),
        (")", Token::Close),
        (",", Token::Comma),
    ];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some((sign, token)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            tokens.push(*token);
            rest = rest[sign.len()..].trim_start();
            continue;
        }
        let end = rest.find(ends_word).unwrap_or(rest.len());
        if end == 0 {
            return Err(SelectorError::Sign(first));
        }
        let (word, after) = rest.split_at(end);
        tokens.push(Token::Word(word));
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || "=!(),<>".contains(c)
}
