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
use super::picture::{News, Picture, Places, Tone};
use super::requests;
use super::scene::{OWN, Scene};
use super::servers::choose;
use super::show::{Ended, Show, Sources};
use super::sights::Sights;
use crate::clock::{Clock, Offset, ServerClock};
use crate::cluster::client::{ApiLayer, Calls};
use crate::config::reload::ConfigFile;
use crate::core::fleet::Text;
use crate::core::time::Span;
use crate::daemon::{self, Daemon, Identity, Listeners, Probing, View};
use crate::embedded::api::listen::Listener;
use crate::embedded::api::{ApiServer, Failure, Options as ApiOptions};
use crate::embedded::issuer::{self, CertManager};
use crate::embedded::pods::{self, NotASubnet, PodRunner, Runtime, Subnet};
use crate::embedded::provisioner::{self, Provisioner};
use crate::embedded::stateful_set::StatefulSets;
use crate::executor::{self, Executor};
use crate::metrics::acts::Acts;
use crate::probe::Prober;
use crate::web;

/// The daemon's config.
pub(super) const SETTINGS: &str = include_str!("../../config/demo.yaml");
/// The API listens to this machine alone, on any port that is free.
const ANY_PORT: ([u8; 4], u16) = ([127, 0, 0, 1], 0);
/// The one node there is.
const NODE: &str = "demo";
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
    let page = web::bind("--page", options.page).await?;
    let scene = Scene::of(options.databases);
    let cluster = cluster(&scene, Arc::clone(&clock))?;
    let listener = Listener::bind(cluster.clone(), ANY_PORT.into()).await?;
    let first = scene.keys().first().map_or(OWN.into(), |key| Text::clone(&key.namespace));
    let subnet = subnet(listener.address().port())?;
    let places = Places {
        kubeconfig: folder.write(KUBECONFIG, &listener.kubeconfig(&first).text())?,
        request: folder.file("change-issuer.yaml"),
        config: folder.write_new(CONFIG, SETTINGS)?,
        metrics: metrics.local_addr().context("--listen")?,
        page: page.local_addr().context("--page")?,
    };
    requests::write(folder, &scene)?;
    let listeners = Listeners { metrics, page: Some(page) };
    let (file, loaded) = ConfigFile::open(&places.config).await;
    if let Some(problems) = &loaded.borrow().problems {
        bail!("{problems}");
    }
    let choosing = choose(&options.mysqld, scene.servers(), subnet.first(), folder);
    let Some(chosen) = stop.run_until_cancelled(choosing).await else {
        bail!("stopped before the servers were ready");
    };
    let chosen = chosen?;
    // Its servers are processes of this host, or tasks of this process.
    let probing = Probing { eyes: Arc::new(Prober::default()), loopback: true };
    let daemon = Daemon::new(daemon_parts(&cluster, Arc::clone(&clock))?, loaded).probing(probing);
    let views = daemon.views();

    let mut parts = Parts::new(stop);
    parts.start("API server", |stop| quiet(listener.run(stop)));
    start_cluster(&mut parts, &cluster, &clock, (subnet, chosen.runtime));
    parts.start("daemon", |stop| daemon.serve(file, listeners, stop));
    let (sights, seen) = start_eyes(&mut parts, views.clone(), &clock, &chosen.are);
    let picture = Picture::new(clock.now(), places);
    let sources = Sources { server: cluster, views, sights, seen, clock };
    let show = Show::begin(sources, picture, scene.keys(), options.once);
    let show = show.context("cannot write to standard output")?;
    parts.start_last("screen", |stop| show.run(stop));
    Ok(parts)
}

/// What runs on the cluster, each as a user of its own.
fn start_cluster(
    parts: &mut Parts<Ended>,
    cluster: &ApiServer,
    clock: &Arc<dyn Clock>,
    (subnet, runtime): (Subnet, Arc<dyn Runtime>),
) {
    let client = |user: &str| cluster.client(user, OWN);
    let clock = || Arc::clone(clock);
    let provisioner =
        Provisioner::new(client("kubedb-provisioner"), clock(), provisioner::Settings::new(NODE));
    parts.start("provisioner", |stop| quiet(provisioner.run(stop)));
    let sets = StatefulSets::new(client("stateful-sets"), clock());
    parts.start("StatefulSet controller", |stop| quiet(sets.run(stop)));
    let issuer = CertManager::new(client("cert-manager"), clock(), issuer::Settings::default());
    parts.start("issuer", |stop| quiet(issuer.run(stop)));
    let settings = pods::Settings { subnet, runtime, ..pods::Settings::new(NODE) };
    let pods = PodRunner::new(client("kubelet"), clock(), settings);
    parts.start("pod runner", |stop| quiet(pods.run(stop)));
    let calls = Calls::new(CALL_DEADLINE, Arc::new(()));
    let settings = executor::Settings {
        servers: executor::Servers::LookedAt,
        loopback: true,
        // Nobody mounts the bundle there: whoever reads it asks the apiserver.
        ca_overlap: Span::seconds(5),
        ..executor::Settings::default()
    };
    let executor = Executor::new(client(executor::FIELD_MANAGER), clock(), calls, settings);
    parts.start("executor", |stop| quiet(executor.run(stop)));
}

/// The addresses of the pods of this demo. No other demo on this machine has the same port now, so
/// none has these 62 addresses either.
fn subnet(port: u16) -> Result<Subnet, NotASubnet> {
    let (second, third, fourth) = (64 + (port >> 10), (port >> 2) & 0xff, (port & 3) << 6);
    format!("127.{second}.{third}.{fourth}/26").parse()
}

/// Who tells what the daemon has seen on the servers.
fn start_eyes(
    parts: &mut Parts<Ended>,
    views: watch::Receiver<Arc<View>>,
    clock: &Arc<dyn Clock>,
    servers: &str,
) -> (watch::Receiver<Sights>, mpsc::Receiver<News>) {
    let (sights, sighted) = watch::channel(Sights::default());
    let (news, seen) = mpsc::channel(NEWS);
    let (at, text) = (clock.now(), format!("the servers are {servers}"));
    // The first of all news: there is room for it.
    drop(news.try_send(News { at, about: String::new(), text, tone: Tone::Step, ended: None }));
    let eyes = Eyes { views, sights, news, clock: Arc::clone(clock) };
    parts.start("eyes", |stop| eyes.run(stop));
    (sighted, seen)
}

/// A part that says nothing when it ends.
async fn quiet(part: impl Future<Output = ()>) -> anyhow::Result<()> {
    part.await;
    Ok(())
}

/// The API with the scene on it.
fn cluster(scene: &Scene, clock: Arc<dyn Clock>) -> anyhow::Result<ApiServer> {
    let options = ApiOptions { keep_commits: COMMITS_KEPT, ..ApiOptions::default() };
    let refused = |failure: Failure| anyhow!("the embedded API says: {}", failure.message);
    let cluster = ApiServer::with_options(clock, options).map_err(refused)?;
    provisioner::admissions(&cluster);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_port_gives_addresses_of_its_own_within_loopback() {
        let ports = [0, 1, 3, 4, 1_023, 1_024, 32_768, 45_678, u16::MAX];
        let subnets: BTreeSet<String> =
            ports.iter().map(|port| format!("{:?}", subnet(*port).unwrap())).collect();
        assert_eq!(subnets.len(), ports.len());
        assert_eq!(subnet(u16::MAX), "127.127.255.192/26".parse());
        assert_eq!(subnet(0), "127.64.0.0/26".parse());
    }
}
