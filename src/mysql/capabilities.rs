//! What each side can do: "Capabilities Flags".

use std::ops::{BitAnd, BitOr};

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(pub u32);

impl Capabilities {
    /// `CLIENT_LONG_PASSWORD`: always set by MySQL. A MariaDB server leaves it out to say that it is
    /// none, and that flags of its own follow.
    pub const MYSQL: Self = Self(1);
    /// `CLIENT_FOUND_ROWS`
    pub const FOUND_ROWS: Self = Self(1 << 1);
    /// `CLIENT_LONG_FLAG`
    pub const LONG_FLAG: Self = Self(1 << 2);
    /// `CLIENT_CONNECT_WITH_DB`: the login names a database.
    pub const CONNECT_WITH_DB: Self = Self(1 << 3);
    /// `CLIENT_PROTOCOL_41`: the protocol of this century.
    pub const PROTOCOL_41: Self = Self(1 << 9);
    /// `CLIENT_SSL`: TLS begins after an `SSLRequest`.
    pub const SSL: Self = Self(1 << 11);
    /// `CLIENT_TRANSACTIONS`
    pub const TRANSACTIONS: Self = Self(1 << 13);
    /// `CLIENT_SECURE_CONNECTION`: the answer of the authentication may hold NULs.
    pub const SECURE_CONNECTION: Self = Self(1 << 15);
    /// `CLIENT_PLUGIN_AUTH`: the method of authentication has a name.
    pub const PLUGIN_AUTH: Self = Self(1 << 19);
    /// `CLIENT_CONNECT_ATTRS`: the login ends with attributes of the client.
    pub const CONNECT_ATTRS: Self = Self(1 << 20);
    /// `CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA`: the answer of the authentication may be long.
    pub const PLUGIN_AUTH_LENENC: Self = Self(1 << 21);
    /// `CLIENT_DEPRECATE_EOF`: results end with an OK packet.
    pub const DEPRECATE_EOF: Self = Self(1 << 24);

    /// Whether all of `others` are in it.
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// With `others` if `given`, else without them.
    #[must_use]
    pub const fn with(self, others: Self, given: bool) -> Self {
        Self(self.0 & !others.0 | if given { others.0 } else { 0 })
    }
}

impl BitOr for Capabilities {
    type Output = Self;
    fn bitor(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

impl BitAnd for Capabilities {
    type Output = Self;
    fn bitand(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }
}
