//! A real Chromium, spoken to by its debugging protocol: JSON over one socket.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::eventually::eventually;
use crate::support::parts::{self, Missing};
use crate::support::process::{Process, Scratch};
use crate::support::time::seconds;

/// A browser. Dropping it ends it.
pub(super) struct Browser {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    asked: u64,
    /// What it has told without being asked.
    events: Vec<Value>,
    _process: Process,
    _scratch: Scratch,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looks {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) dark: bool,
    pub(super) script: bool,
}

/// A page in it.
pub(super) struct Tab<'a> {
    browser: &'a mut Browser,
    session: String,
}

impl Browser {
    pub(super) async fn start() -> Result<Self, Missing> {
        let program = parts::find("chromium")?;
        let scratch = Scratch::new("chromium");
        let profile = scratch.path().join("profile");
        let args = [
            "--headless".to_owned(),
            "--remote-debugging-port=0".to_owned(),
            format!("--user-data-dir={}", profile.display()),
            // Its sandbox needs rights that a container lacks; it sees nothing but our own page.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--force-color-profile=srgb".to_owned(),
            "--font-render-hinting=none".to_owned(),
            "about:blank".to_owned(),
        ];
        let variables = [("HOME", scratch.path().to_string_lossy().into_owned())];
        let log = scratch.path().join("log");
        let process = Process::start_in(&program, &args, &variables, &log);
        parts::used("chromium");
        let port = profile.join("DevToolsActivePort");
        let told = eventually(seconds(30), "Chromium to listen", async || {
            let told = fs::read_to_string(&port).map_err(|error| error.to_string())?;
            let whole = told.lines().count() >= 2;
            whole.then_some(told).ok_or_else(|| process.tail(20))
        })
        .await;
        let mut lines = told.lines();
        let (port, path) = (lines.next().unwrap(), lines.next().unwrap());
        let (socket, _) = connect_async(format!("ws://127.0.0.1:{port}{path}")).await.unwrap();
        Ok(Self { socket, asked: 0, events: Vec::new(), _process: process, _scratch: scratch })
    }

    /// Opens a page and waits until it is there.
    pub(super) async fn open(&mut self, address: &str, looks: Looks) -> Tab<'_> {
        let target = self.ask(None, "Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.ask(None, "Target.attachToTarget", attach).await;
        let session = session["sessionId"].as_str().unwrap().to_owned();
        let mut tab = Tab { browser: self, session };
        tab.browser.events.clear();
        for domain in ["Page", "Runtime", "Log"] {
            tab.ask(&format!("{domain}.enable"), json!({})).await;
        }
        let Looks { width, height, dark, script } = looks;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        tab.ask("Emulation.setDeviceMetricsOverride", metrics).await;
        tab.ask("Emulation.setScrollbarsHidden", json!({"hidden": true})).await;
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        tab.ask("Emulation.setEmulatedMedia", json!({"features": features})).await;
        tab.ask("Emulation.setScriptExecutionDisabled", json!({"value": !script})).await;
        tab.ask("Page.navigate", json!({"url": address})).await;
        tab.loaded().await;
        tab
    }

    async fn ask(&mut self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.socket.send(Message::text(message.to_string())).await.unwrap();
        loop {
            let told = self.next().await;
            if told["id"] == id {
                assert!(told["error"].is_null(), "{method}: {}", told["error"]);
                return told["result"].clone();
            }
            self.events.push(told);
        }
    }

    async fn next(&mut self) -> Value {
        let told = timeout(seconds(30), self.socket.next()).await;
        let told = told.expect("an answer within 30 s").expect("an open socket").unwrap();
        serde_json::from_str(told.to_text().unwrap()).unwrap_or_default()
    }
}

impl Tab<'_> {
    pub(super) async fn ask(&mut self, method: &str, params: Value) -> Value {
        let session = self.session.clone();
        self.browser.ask(Some(&session), method, params).await
    }

    async fn loaded(&mut self) {
        let loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        while !self.browser.events.iter().any(loaded) {
            let told = self.browser.next().await;
            self.browser.events.push(told);
        }
    }

    /// What an expression of JavaScript is, once it is known.
    pub(super) async fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let told = self.ask("Runtime.evaluate", params).await;
        assert!(told["exceptionDetails"].is_null(), "{expression}: {told}");
        told["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(super) async fn until(&mut self, expression: &str) {
        for _ in 0..100 {
            if self.eval(expression).await == true {
                return;
            }
            sleep(std::time::Duration::from_millis(100)).await;
        }
        let page = self.eval("document.body.innerText").await;
        panic!("waited 10 s for {expression}:\n{}", page.as_str().unwrap_or_default());
    }

    /// Types into what has the focus.
    pub(super) async fn types(&mut self, text: &str) {
        for key in text.chars() {
            let key = key.to_string();
            for (kind, text) in [("keyDown", Some(&key)), ("keyUp", None)] {
                let params = json!({"type": kind, "key": key, "text": text});
                let params = match text {
                    Some(_) => params,
                    None => json!({"type": kind, "key": key}),
                };
                self.ask("Input.dispatchKeyEvent", params).await;
            }
        }
    }

    /// What the console and the browser itself complained about: errors, exceptions, violations of
    /// the page's policy.
    pub(super) async fn complaints(&mut self) -> Vec<String> {
        // Whatever was told before this answer has been heard.
        self.eval("1").await;
        let mut complaints = Vec::new();
        for event in &self.browser.events {
            let params = &event["params"];
            let complaint = match event["method"].as_str() {
                Some("Runtime.exceptionThrown") => Some(params["exceptionDetails"].to_string()),
                Some("Runtime.consoleAPICalled") if params["type"] == "error" => {
                    Some(params["args"].to_string())
                }
                Some("Log.entryAdded") if params["entry"]["level"] == "error" => {
                    Some(params["entry"].to_string())
                }
                _ => None,
            };
            complaints.extend(complaint);
        }
        complaints
    }

    /// A picture of what is in the window, as PNG.
    pub(super) async fn picture(&mut self, file: &Path) {
        let told = self.ask("Page.captureScreenshot", json!({"format": "png"})).await;
        let data = told["data"].as_str().unwrap();
        let png = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, png).unwrap();
    }
}
