//! Who is let in.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use rustls::crypto::ring;
use sha2::{Digest as _, Sha256};

use crate::embedded::api::pages::hex;

/// The header by which an administrator acts as somebody else: `kubectl --as`.
const IMPERSONATE: &str = "impersonate-user";

/// One user and the token that proves it.
pub(super) struct Access {
    user: String,
    token: String,
}

impl Access {
    /// A new token for this user.
    pub(super) fn new(user: &str) -> Result<Self, rustls::Error> {
        let mut bytes = [0; 32];
        let random = ring::default_provider().secure_random;
        random
            .fill(&mut bytes)
            .map_err(|_| rustls::Error::General("the system gives no random bytes".to_owned()))?;
        Ok(Self { user: user.to_owned(), token: hex(&bytes) })
    }

    /// What the user has to show.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Who sends a request with these headers; none if that is not proven.
    pub(super) fn user(&self, headers: &HeaderMap) -> Option<String> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (scheme, token) = text(AUTHORIZATION.as_str())?.trim().split_once(' ')?;
        // Digests: how long comparing takes tells nothing of the token.
        let same = Sha256::digest(token.trim()) == Sha256::digest(&self.token);
        let proven = scheme.eq_ignore_ascii_case("bearer") && same;
        proven.then(|| text(IMPERSONATE).unwrap_or(&self.user).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_opens() {
        let access = Access::new("admin").unwrap();
        assert_ne!(access.token(), Access::new("admin").unwrap().token());
        let user = |header: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, header.parse().unwrap());
            access.user(&headers)
        };
        let token = access.token();
        assert_eq!(user(&format!("Bearer {token}")).as_deref(), Some("admin"));
        assert_eq!(user(&format!("bearer {token}")).as_deref(), Some("admin"));
        for wrong in ["", "Bearer", "Bearer ", "Bearer x", &format!("Basic {token}"), token] {
            assert_eq!(user(wrong), None, "{wrong}");
        }
        assert_eq!(access.user(&HeaderMap::new()), None);
    }

    #[test]
    fn an_administrator_may_act_as_somebody_else() {
        let access = Access::new("admin").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(IMPERSONATE, "jane".parse().unwrap());
        assert_eq!(access.user(&headers), None);
        headers.insert(AUTHORIZATION, format!("Bearer {}", access.token()).parse().unwrap());
        assert_eq!(access.user(&headers).as_deref(), Some("jane"));
    }
}
