//! A client that notes when a watch hears from the apiserver.
//!
//! kube's watcher tells neither of bookmarks nor that a watch was begun again, and in a quiet
//! cluster there is nothing else to hear for days.

use std::sync::Arc;

use http::Request;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use tower::{BoxError, service_fn};

use super::client::is_watch;
use super::shared::{Shared, Watched};

/// `client` for one watch alone, which it tells `shared` of.
pub(super) fn listening(client: &Client, shared: &Arc<Shared>, watched: &Watched) -> Client {
    let (inner, shared, watched) = (client.clone(), Arc::clone(shared), watched.clone());
    let service = service_fn(move |request: Request<Body>| {
        let (inner, shared, watched) = (inner.clone(), Arc::clone(&shared), watched.clone());
        async move {
            let goes_on = is_watch(request.uri());
            let answer = inner.send(request).await?;
            let accepted = answer.status().is_success();
            if accepted && goes_on {
                shared.goes_on(&watched);
            }
            Ok::<_, BoxError>(answer.map(|body| {
                body.map_frame(move |frame| {
                    if accepted {
                        shared.heard(&watched);
                    }
                    frame
                })
            }))
        }
    });
    Client::new(service, client.default_namespace())
}
