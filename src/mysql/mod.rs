//! What a MySQL server and its clients say to each other until somebody is logged in, and a little
//! after it. Bytes in, events out: nothing here reads a socket, knows a clock or speaks TLS.
//!
//! [`Client`] is the side of a probe: greeting, `SSLRequest`, then (once its driver has shaken hands
//! in TLS) a login, and the server's answer to it. [`Server`] is the other side, for a simulated
//! mysqld. Both are driven alike:
//!
//! ```text
//! loop {
//!     send take_output()
//!     while let Some(event) = next_event()? { react to it }
//!     read at most missing() bytes, receive(them)
//! }
//! ```
//!
//! Reading no more than [`missing`](Client::missing) keeps what belongs to TLS in the socket, and
//! memory bounded: a packet longer than [`MAX_PACKET`] is refused by its header, and no input makes
//! either side panic ([`fuzz`] is how that is tried).
//!
//! Facts are from the pages "Client/Server Protocol" of the MySQL Source Code Documentation 9.5
//! (<https://dev.mysql.com/doc/dev/mysql-server/9.5.0/PAGE_PROTOCOL.html>), where each packet has its
//! page; those on MariaDB from "Connecting" in its Knowledge Base.

mod authentication;
mod bytes;
mod capabilities;
mod client;
mod command;
pub mod fuzz;
mod greeting;
mod login;
mod packet;
mod reply;
mod rows;
mod server;
mod violation;

pub use authentication::{CACHING_SHA2, Credentials, SHA256};
pub use capabilities::Capabilities;
pub use client::{Answer, Client, ClientEvent, Login};
pub use command::Command;
pub use greeting::{Greeting, Product};
pub use login::{HandshakeResponse, Opening, ssl_request};
pub use packet::{MAX_PACKET, Packet, Packets, TooLong, write_packet};
pub use reply::{AuthReply, ErrorCode, ErrorPacket, OkPacket};
pub use rows::Rows;
pub use server::{Policy, Server, ServerEvent};
pub use violation::Violation;

#[cfg(test)]
mod tests;
