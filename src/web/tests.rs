use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;

#[derive(Default)]
struct Patient {
    well: AtomicBool,
}

impl Health for Patient {
    fn live(&self) -> Result<(), String> {
        let well = self.well.load(Ordering::Relaxed);
        well.then_some(()).ok_or_else(|| "the loop last turned 3m ago".to_owned())
    }

    fn ready(&self) -> Result<(), Vec<String>> {
        let well = self.well.load(Ordering::Relaxed);
        let missing = || vec!["config: no such file".to_owned(), "pods: not listed".to_owned()];
        well.then_some(()).ok_or_else(missing)
    }
}

struct Served {
    address: SocketAddr,
    patient: Arc<Patient>,
    stop: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

async fn served() -> Served {
    let patient = Arc::new(Patient::default());
    let monitor = Monitor {
        health: Arc::<Patient>::clone(&patient),
        metrics: Arc::new(|| "certrotor_leader 1\n".to_owned()),
    };
    let listener = bind("server.metrics", ([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let drain = Duration::from_millis(200);
    let task = tokio::spawn(serve_and_drain(listener, monitor, stop.clone(), drain));
    Served { address, patient, stop, task }
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn it_shows_metrics_and_says_what_is_missing() {
    let served = served().await;
    for (path, well, code, body) in [
        ("/", false, 200, "/metrics  Prometheus metrics"),
        ("/metrics", false, 200, "certrotor_leader 1\n"),
        ("/livez", false, 503, "\r\n\r\nthe loop last turned 3m ago\n"),
        ("/readyz", false, 503, "\r\n\r\nconfig: no such file\npods: not listed\n"),
        ("/livez", true, 200, "\r\n\r\nok\n"),
        ("/readyz", true, 200, "\r\n\r\nok\n"),
        ("/secrets", true, 404, ""),
    ] {
        served.patient.well.store(well, Ordering::Relaxed);
        let answer = get(served.address, path).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{path}: {answer}");
        assert!(answer.contains(body), "{path}: {answer}");
    }
    let metrics = get(served.address, "/metrics").await;
    assert!(
        metrics.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{metrics}"
    );
}

#[tokio::test]
async fn it_ends_when_told_even_if_a_client_hangs() {
    let served = served().await;
    let idle = TcpStream::connect(served.address).await.unwrap();
    let mut slow = TcpStream::connect(served.address).await.unwrap();
    slow.write_all(b"GET /metr").await.unwrap();
    assert!(get(served.address, "/").await.starts_with("HTTP/1.1 200"));

    served.stop.cancel();
    let ended = tokio::time::timeout(DRAIN, served.task).await;
    assert!(matches!(ended, Ok(Ok(Ok(())))), "{ended:?}");
    drop((idle, slow));
    assert!(bind("server.metrics", served.address).await.is_ok(), "the port is free again");
}

#[tokio::test]
async fn a_port_in_use_is_told_with_what_to_do() {
    let served = served().await;
    let error = bind("server.metrics", served.address).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "server.metrics {}: address already in use: choose another port, or stop what \
             listens there",
            served.address
        )
    );
    served.stop.cancel();
}
