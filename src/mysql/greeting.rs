//! What a server says first: `Protocol::HandshakeV10`.

use super::bytes::{Reader, push_until_nul, text};
use super::capabilities::Capabilities;
use super::violation::Violation;

/// The first byte of a greeting that we know.
const PROTOCOL: u8 = 10;
/// MariaDB before 11 begins its version with this, for replicas that would not know a 10.
const OLD_MARIADB: &str = "5.5.5-";
/// How many bytes of the nonce stand in the old part of the greeting.
const FIRST_PART: usize = 8;
/// The shortest second part, with the NUL that ends it.
const SECOND_PART: usize = 13;

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// MariaDB.
    MariaDb,
    /// MySQL, or a fork that stayed close to it.
    MySql,
}

/// The greeting of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Its version as it was sent: foreign text.
    pub version: String,
    /// The number that the server gave this connection.
    pub connection: u32,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The collation of the server, its lower 8 bits.
    pub character_set: u8,
    /// `SERVER_STATUS_…`
    pub status: u16,
    /// What a password is mixed with, 20 bytes as a rule.
    pub nonce: Vec<u8>,
    /// The method of authentication that the nonce is for; empty in servers before 5.5.
    pub plugin: String,
}

impl Greeting {
    /// Reads the payload of the first packet of a server.
    pub fn read(payload: &[u8]) -> Result<Self, Violation> {
        let mut reader = Reader::new(payload);
        if reader.u8()? != PROTOCOL {
            return Err(Violation::NotMySql);
        }
        let version = text(reader.until_nul()?);
        let connection = reader.u32()?;
        let mut nonce = reader.take(FIRST_PART)?.to_vec();
        reader.take(1)?;
        let low = reader.u16()?;
        let mut greeting = Self {
            version,
            connection,
            capabilities: Capabilities(u32::from(low)),
            character_set: 0,
            status: 0,
            nonce: Vec::new(),
            plugin: String::new(),
        };
        if !reader.is_empty() {
            greeting.character_set = reader.u8()?;
            greeting.status = reader.u16()?;
            let high = reader.u16()?;
            greeting.capabilities = Capabilities(u32::from(high) << 16 | u32::from(low));
            let length = usize::from(reader.u8()?);
            reader.take(10)?;
            if greeting.capabilities.has(Capabilities::SECURE_CONNECTION) {
                let second = reader.take(length.saturating_sub(FIRST_PART).max(SECOND_PART))?;
                nonce.extend(second.strip_suffix(&[0]).unwrap_or(second));
            }
            if greeting.capabilities.has(Capabilities::PLUGIN_AUTH) {
                greeting.plugin = text(reader.until_nul_or_end());
            }
        }
        greeting.nonce = nonce;
        Ok(greeting)
    }

    /// The payload that says this.
    pub fn write(&self) -> Vec<u8> {
        let mut payload = vec![PROTOCOL];
        push_until_nul(&mut payload, self.version.as_bytes());
        payload.extend(self.connection.to_le_bytes());
        let mut nonce = self.nonce.clone();
        nonce.resize(nonce.len().clamp(FIRST_PART + SECOND_PART - 1, 0xfe), 0);
        let (first, second) = nonce.split_at(FIRST_PART);
        payload.extend(first);
        payload.push(0);
        let [low, higher, high, highest] = self.capabilities.0.to_le_bytes();
        payload.extend([low, higher, self.character_set]);
        payload.extend(self.status.to_le_bytes());
        payload.extend([high, highest]);
        let named = self.capabilities.has(Capabilities::PLUGIN_AUTH);
        payload.push(if named { u8::try_from(nonce.len() + 1).unwrap_or(u8::MAX) } else { 0 });
        payload.extend([0; 10]);
        if self.capabilities.has(Capabilities::SECURE_CONNECTION) {
            payload.extend(second);
            payload.push(0);
        }
        if named {
            push_until_nul(&mut payload, self.plugin.as_bytes());
        }
        payload
    }

    /// Whether the server would begin TLS.
    pub fn offers_tls(&self) -> bool {
        self.capabilities.has(Capabilities::SSL)
    }

    /// Whose server it is: MariaDB says so in its version, and by leaving out a capability that
    /// every MySQL has.
    pub fn product(&self) -> Product {
        let named = self.version.to_ascii_lowercase().contains("mariadb");
        if named || !self.capabilities.has(Capabilities::MYSQL) {
            Product::MariaDb
        } else {
            Product::MySql
        }
    }

    /// The version without what MariaDB puts before it for old replicas.
    pub fn own_version(&self) -> &str {
        match self.product() {
            Product::MariaDb => self.version.strip_prefix(OLD_MARIADB).unwrap_or(&self.version),
            Product::MySql => &self.version,
        }
    }
}
