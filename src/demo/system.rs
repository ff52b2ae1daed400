//! The system: a cluster, what runs on it, the executor and the daemon, and who watches them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use kube::Client;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

use super::Options;
use super::eyes::Eyes;
use super::folder::{CONFIG, Folder, KUBECONFIG};
use super::parts::Parts;
use super::picture::{Picture, Places};
use super::scene::{OWN, Scene};
use super::show::{Ended, Show, Sources};
use super::sights::Sights;
use super::wire::Looker;
use crate::clock::{Clock, Offset, ServerClock};
use crate::cluster::client::{ApiLayer, Calls};
use crate::config::reload::ConfigFile;
use crate::daemon::{self, Daemon, Identity};
use crate::embedded::api::{ApiServer, Failure, Options as ApiOptions};
use crate::metrics::acts::Acts;
use crate::web;

/// The daemon's config.
pub(super) const SETTINGS: &str = include_str!("../../config/demo.yaml");
/// How long one call to the API may take.
const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// How much of the past can be watched. Each change weighs some kilobytes.
const COMMITS_KEPT: usize = 2_000;
/// News that may wait to be told.
const NEWS: usize = 64;

/// Starts everything.
pub(super) async fn start(
    options: &Options,
    folder: &Folder,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> anyhow::Result<Parts<Ended>> {
    let metrics = web::bind("--listen", options.listen).await?;
    let scene = Scene::of(options.databases);
    let cluster = cluster(&scene, Arc::clone(&clock))?;
    let config = folder.write_new(CONFIG, SETTINGS)?;
    let places = Places {
        kubeconfig: folder.file(KUBECONFIG),
        config: config.clone(),
        metrics: metrics.local_addr().context("--listen")?,
    };
    let mut parts = Parts::new(stop);
    let (file, loaded) = ConfigFile::open(config).await;
    if let Some(problems) = &loaded.borrow().problems {
        bail!("{problems}");
    }
    let daemon = Daemon::new(daemon_parts(&cluster, Arc::clone(&clock))?, loaded);
    let views = daemon.views();
    parts.start("daemon", |stop| daemon.serve(file, metrics, stop));

    let (sighted, sights) = watch::channel(Sights::default());
    let (news, seen) = mpsc::channel(NEWS);
    let eyes = Eyes {
        server: cluster.clone(),
        views: views.clone(),
        looker: Looker::new().context("TLS")?,
        sights: sighted,
        news,
        clock: Arc::clone(&clock),
    };
    parts.start("eyes", |stop| eyes.run(stop));
    let picture = Picture::new(clock.now(), places);
    let sources = Sources { server: cluster, views, sights, seen, clock };
    let show = Show::begin(sources, picture, scene.keys(), options.once);
    let show = show.context("cannot write to standard output")?;
    parts.start_last("screen", |stop| show.run(stop));
    Ok(parts)
}

/// The API with the scene on it.
fn cluster(scene: &Scene, clock: Arc<dyn Clock>) -> anyhow::Result<ApiServer> {
    let options = ApiOptions { keep_commits: COMMITS_KEPT, ..ApiOptions::default() };
    let refused = |failure: Failure| anyhow!("the embedded API says: {}", failure.message);
    let cluster = ApiServer::with_options(clock, options).map_err(refused)?;
    for object in scene.objects() {
        cluster.seed(object).map_err(refused)?;
    }
    Ok(cluster)
}

/// What the daemon is made of: as `certrotor run` makes it, but for the network.
fn daemon_parts(cluster: &ApiServer, local: Arc<dyn Clock>) -> anyhow::Result<daemon::Parts> {
    let offset = Arc::new(Offset::default());
    let acts = Arc::new(Acts::new(&daemon::vocabulary())?);
    let layer = ApiLayer::new(Arc::clone(&local), Arc::clone(&offset), Arc::clone(&acts) as _);
    let service = ServiceBuilder::new().layer(layer).service(cluster.service("certrotor"));
    Ok(daemon::Parts {
        client: Client::new(service, OWN),
        calls: Calls::new(CALL_DEADLINE, Arc::clone(&acts) as _),
        clock: Arc::new(ServerClock::new(local, Arc::clone(&offset))),
        offset,
        acts,
        identity: Identity { namespace: OWN.to_owned(), replica: "demo".to_owned() },
    })
}
