//! Where the daemon is served.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::web;

/// Where a daemon is served.
pub struct Listeners {
    /// Metrics and health.
    pub metrics: TcpListener,
    /// The status page.
    pub page: Option<TcpListener>,
}

/// Certificates must be rotated whether or not anybody can look at a page.
pub(super) async fn bind_page(address: SocketAddr) -> Option<TcpListener> {
    match web::bind("server.page", address).await {
        Ok(listener) => {
            let at = listener.local_addr().unwrap_or(address);
            tracing::info!(address = %at, "serving the status page and /api/v1");
            if !address.ip().is_loopback() {
                tracing::warn!(%address, "whoever reaches server.page sees every tenant");
            }
            Some(listener)
        }
        Err(error) => {
            tracing::error!("{error}; there is no status page until the next start");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_that_cannot_listen_keeps_nothing_from_being_rotated() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let page = bind_page(any).await.expect("a port that is free");
        let taken = page.local_addr().unwrap();
        assert!(bind_page(taken).await.is_none());
        drop(page);
        assert!(bind_page(taken).await.is_some());
    }
}
