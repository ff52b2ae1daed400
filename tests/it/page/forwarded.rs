//! `explain` and `plan` through a port-forward to the leader's pod: an apiserver that knows a Lease
//! and a Rotation, and forwards to the page as a kubelet does (`v4.channel.k8s.io` on a WebSocket).

use std::net::SocketAddr;
use std::process::Command;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

use super::showcase::{Served, showcase};
use crate::support::process::Scratch;

/// The port that a pod's page is on, unless its config says otherwise.
const PAGE: u16 = 9441;
const HOLDER: &str = "certrotor-7d9c-x2x";

async fn apiserver(listener: TcpListener, page: u16) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, page));
    }
}

async fn answer(mut stream: TcpStream, page: u16) {
    let mut head = [0; 4096];
    let length = stream.peek(&mut head).await.unwrap_or(0);
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let place = format!("/namespaces/ops/pods/{HOLDER}/portforward?");
    if path.contains(&place) && path.ends_with(&format!("ports={PAGE}")) {
        return forward(stream, page).await;
    }
    let told = |code: u16, reason: &str, text: &str| {
        json!({"kind": "Status", "code": code, "reason": reason, "message": text,
            "details": {"group": "certrotor.dev", "kind": "rotations"}})
    };
    let served = object(&path).filter(|_| !path.contains("/namespaces/unserved/"));
    let (code, body) = if path.contains("/namespaces/forbidden/") {
        ("403 Forbidden", told(403, "Forbidden", "no list of rotations"))
    } else {
        served.map_or(("404 Not Found", told(404, "NotFound", &path)), |object| ("200 OK", object))
    };
    let body = body.to_string();
    let mut taken = vec![0; length];
    stream.read_exact(&mut taken).await.unwrap();
    let answer = format!(
        "HTTP/1.1 {code}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
}

fn object(path: &str) -> Option<Value> {
    let path = path.split('?').next()?;
    if path.ends_with("/namespaces/ops/leases/certrotor") {
        let metadata = json!({"name": "certrotor", "namespace": "ops"});
        return Some(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata,
            "spec": {"holderIdentity": HOLDER},
        }));
    }
    let rotation = json!({
        "apiVersion": "certrotor.dev/v1alpha1", "kind": "Rotation",
        "metadata": {"name": "index", "namespace": "search"},
        "status": {"installation": "ops.certrotor", "state": "Waiting"},
    });
    path.ends_with("/rotations").then(|| {
        json!({
            "apiVersion": "certrotor.dev/v1alpha1", "kind": "RotationList", "metadata": {},
            "items": [rotation],
        })
    })
}

#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "as the library asks")]
fn agree(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let protocol = "v4.channel.k8s.io".parse().unwrap();
    response.headers_mut().insert("sec-websocket-protocol", protocol);
    Ok(response)
}

/// Channel 0 is the data, channel 1 the errors; each begins with the port.
async fn forward(stream: TcpStream, page: u16) {
    let mut socket = accept_hdr_async(stream, agree).await.unwrap();
    let [low, high] = PAGE.to_le_bytes();
    for channel in [0, 1] {
        socket.send(Message::binary(vec![channel, low, high])).await.unwrap();
    }
    let mut served = TcpStream::connect(("127.0.0.1", page)).await.unwrap();
    let mut buffer = vec![0; 16_384];
    loop {
        tokio::select! {
            told = socket.next() => match told {
                Some(Ok(Message::Binary(data))) if data.first() == Some(&0) => {
                    served.write_all(&data[1..]).await.unwrap();
                }
                Some(Ok(_)) => {}
                _ => return,
            },
            read = served.read(&mut buffer) => {
                let length = read.unwrap_or(0);
                if length == 0 {
                    drop(socket.close(None).await);
                    return;
                }
                let framed = [&[0], &buffer[..length]].concat();
                if socket.send(Message::binary(framed)).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_is_asked_through_a_port_forward_to_its_pod() {
    let served = Served::of(showcase()).await;
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(apiserver(listener, served.port));
    let folder = Scratch::new("forwarded");
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": format!("http://{address}")}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it", "namespace": "search"}}],
        "users": [{"name": "it", "user": {}}],
    });
    let kubeconfig = folder.file("kubeconfig", &kubeconfig.to_string());
    let says = async |command: &str| {
        let mut certrotor = Command::new(env!("CARGO_BIN_EXE_certrotor"));
        certrotor.args(command.split(' ')).env("KUBECONFIG", &kubeconfig).env("NO_COLOR", "1");
        tokio::task::spawn_blocking(move || certrotor.output().unwrap()).await.unwrap()
    };
    for (command, wanted) in [
        ("explain index", "index-0          presents another certificate (seen)"),
        ("explain search/index -o json", "\"proof\": \"seen\""),
        ("plan --until 60d", "search/index"),
        ("plan --until 60d -o ics", "DTSTART:20260606T040329Z"),
    ] {
        let output = says(command).await;
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.contains(wanted), "{command}: {out}{err}");
    }
    // Nothing of KubeDB is served there, so nothing can be worked out here.
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/config/certrotor.yaml");
    for (command, wanted) in [
        (format!("plan --config {config}"), "mysqls: the apiserver does not serve them; install"),
        ("plan -n forbidden".to_owned(), "not allowed: no list of rotations"),
        ("explain -n forbidden index".to_owned(), "not allowed: no list of rotations"),
        (
            "plan -n unserved".to_owned(),
            "the cluster does not serve rotations.certrotor.dev: is certrotor",
        ),
    ] {
        let output = says(&command).await;
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), err.lines().count()), (Some(1), 1), "{command}: {err}");
        assert!(err.contains(wanted), "{command}: {err}");
    }
    server.abort();
    served.end().await;
}
