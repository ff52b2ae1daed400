//! The file by which clients find the server and prove who they are.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use k8s_openapi::ByteString;
use serde_json::json;

/// What the cluster and the context are called.
const NAME: &str = "certrotor";

/// How a client reaches the server, and as whom. It holds a token: whoever reads it may do
/// everything.
#[derive(Clone)]
pub struct Kubeconfig {
    pub(super) server: SocketAddr,
    pub(super) authority: String,
    pub(super) user: String,
    pub(super) token: String,
    pub(super) namespace: String,
}

impl Kubeconfig {
    /// The text of the file.
    pub fn text(&self) -> String {
        let Self { server, authority, user, token, namespace } = self;
        let authority = json!(ByteString(authority.as_bytes().to_vec()));
        format!(
            "apiVersion: v1
kind: Config
current-context: {NAME}
clusters:
- name: {NAME}
  cluster:
    server: https://{server}
    certificate-authority-data: {authority}
users:
- name: {user}
  user:
    token: {token}
contexts:
- name: {NAME}
  context:
    cluster: {NAME}
    user: {user}
    namespace: {namespace:?}
"
        )
    }

    /// Writes the file, whole or not at all, readable by its owner only.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = Path::new(&new);
        match fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) | Ok(()) => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
        file.write_all(self.text().as_bytes())?;
        fs::rename(new, path)
    }
}

impl fmt::Debug for Kubeconfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kubeconfig({} at {})", self.user, self.server)
    }
}
