//! Reading the file itself, within bounds.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::problem::{Position, Problems};

/// The largest file, in bytes; a ConfigMap holds no more.
const LARGEST: u64 = 1 << 20;

/// Reads a config file: a regular one of at most 1 MiB in UTF-8. Blocks.
pub fn read(path: &Path) -> Result<String, Problems> {
    let name = path.display().to_string();
    let unreadable =
        |error: std::io::Error| Problems::with_file(&name, format!("cannot be read: {error}"));
    // Before it is opened: that alone would wait for ever on a pipe.
    let metadata = path.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(Problems::with_file(&name, "is a directory; name the file in it"));
    }
    if !metadata.is_file() {
        return Err(Problems::with_file(&name, "is not a regular file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    check_size(bytes.len() as u64, &name)?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let at = end_of(&String::from_utf8_lossy(good));
        Problems::one(&name, Some(at), "this byte is not UTF-8; save the file as UTF-8")
    })
}

/// Whether a file of so many bytes is too large.
pub(super) fn check_size(bytes: u64, name: &str) -> Result<(), Problems> {
    if bytes > LARGEST {
        return Err(Problems::with_file(name, "is larger than 1 MiB"));
    }
    Ok(())
}

/// The place after this text.
fn end_of(text: &str) -> Position {
    let line = text.matches('\n').count() + 1;
    let column = text.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: number(line), column: number(column) }
}
