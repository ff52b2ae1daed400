//! The result of a statement: "Text Resultset".

use super::bytes::{push_counted, push_length};
use super::reply::OkPacket;

/// `MYSQL_TYPE_VAR_STRING`
const VAR_STRING: u8 = 0xfd;
/// `utf8mb4_0900_ai_ci`
const CHARACTER_SET: u16 = 255;
/// The first byte of an `EOF_Packet`, by which rows end where `CLIENT_DEPRECATE_EOF` is not used.
const EOF: u8 = 0xfe;

/// One row of texts, each under its column's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Names and values.
    pub columns: Vec<(String, String)>,
}

impl Rows {
    /// The payloads that say this, in their order.
    pub(super) fn write(&self, ok: OkPacket, deprecate_eof: bool) -> Vec<Vec<u8>> {
        let mut count = Vec::new();
        push_length(&mut count, self.columns.len() as u64);
        let mut payloads = vec![count];
        payloads.extend(self.columns.iter().map(|(name, _)| definition(name)));
        if !deprecate_eof {
            payloads.push(eof(ok));
        }
        let mut row = Vec::new();
        for (_, value) in &self.columns {
            push_counted(&mut row, value.as_bytes());
        }
        payloads.push(row);
        payloads.push(if deprecate_eof { ok.write_after_rows() } else { eof(ok) });
        payloads
    }
}

/// `Protocol::ColumnDefinition41`
fn definition(name: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    push_counted(&mut payload, b"def");
    // Of no schema, table and original table.
    payload.extend([0; 3]);
    push_counted(&mut payload, name.as_bytes());
    payload.push(0);
    payload.push(0x0c); // The length of what follows.
    payload.extend(CHARACTER_SET.to_le_bytes());
    payload.extend(1024_u32.to_le_bytes());
    payload.push(VAR_STRING);
    payload.extend([0; 5]); // Flags, decimals, filler.
    payload
}

fn eof(ok: OkPacket) -> Vec<u8> {
    let mut payload = vec![EOF, 0, 0];
    payload.extend(ok.status.to_le_bytes());
    payload
}
