//! The picture of the demo's terminal in the documents: what is drawn, as SVG.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::{Ability, Screen, UNICODE, draw, picture};

const FILE: &str = "docs/pictures/demo.svg";
/// The size of a character, and the room around all of them.
const WIDTH: f32 = 8.0;
const HEIGHT: f32 = 19.0;
const ROOM: f32 = 18.0;

/// The colours that a dark terminal gives the names.
fn style(code: &str) -> &'static str {
    match code {
        "1" => r##"fill="#e6e9ed" font-weight="700""##,
        "2" => r##"fill="#8b95a1""##,
        "32" => r##"fill="#7ccf9b""##,
        "33" => r##"fill="#e3b65c""##,
        "1;36" => r##"fill="#74c7d9" font-weight="700""##,
        "1;31" => r##"fill="#f0837a" font-weight="700""##,
        _ => r##"fill="#d3d8de""##,
    }
}

fn drawn(lines: &[String], width: u16) -> String {
    let rows = u16::try_from(lines.len()).unwrap();
    let size =
        (f32::from(width).mul_add(WIDTH, 2.0 * ROOM), f32::from(rows).mul_add(HEIGHT, 2.0 * ROOM));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" \
         aria-label=\"certrotor demo in a terminal\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" \
         fill=\"#15181c\"/>\n<g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, \
         monospace\" font-size=\"13\">\n",
        size.0, size.1
    );
    for (row, line) in (0u16..).zip(lines) {
        let y = f32::from(row).mul_add(HEIGHT, ROOM + 14.0);
        let mut column = 0u16;
        for (index, piece) in line.split("\x1b[").enumerate() {
            let (code, text) = match piece.split_once('m') {
                Some((code, text)) if index > 0 => (code, text),
                _ => ("0", piece),
            };
            let length = u16::try_from(text.chars().count()).unwrap();
            if !text.trim().is_empty() {
                let (x, long) = (f32::from(column).mul_add(WIDTH, ROOM), f32::from(length) * WIDTH);
                // Blanks of the other kind would be taken together.
                let text = text.replace('&', "&amp;").replace('<', "&lt;").replace(' ', "\u{a0}");
                let look = style(code);
                writeln!(
                    svg,
                    "<text x=\"{x}\" y=\"{y}\" textLength=\"{long}\" {look}>{text}</text>"
                )
                .unwrap();
            }
            column += length;
        }
    }
    svg + "</g>\n</svg>\n"
}

#[test]
fn the_picture_in_the_documents_is_what_is_drawn() {
    let screen =
        Screen { width: 100, height: 22, ability: Ability { colour: true, glyphs: &UNICODE } };
    let svg = drawn(&draw(&picture(), &screen), 100);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("CERTROTOR_UPDATE").is_some() {
        fs::write(&path, &svg).unwrap();
    }
    let is = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        is == svg,
        "{FILE}: CERTROTOR_UPDATE=1 cargo test --lib -- demo::screen writes it anew"
    );
}
