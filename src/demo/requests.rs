//! Requests to try: a file for each operation, for `kubectl apply -f`.

use super::folder::{Folder, FolderError};
use super::scene::Scene;

/// The files, as the hint names them.
pub(super) const FILES: [&str; 5] = [
    "add-tls.yaml",
    "change-certificates.yaml",
    "change-issuer.yaml",
    "remove-tls.yaml",
    "rotate-tls.yaml",
];

/// Writes them, for the first database of the scene.
pub(super) fn write(folder: &Folder, scene: &Scene) -> Result<(), FolderError> {
    let Some(first) = scene.keys().into_iter().next() else { return Ok(()) };
    for (file, text) in FILES.into_iter().zip(texts(&first.namespace, &first.name)) {
        folder.write(file, &text)?;
    }
    Ok(())
}

/// In the order of [`FILES`].
fn texts(namespace: &str, name: &str) -> [String; 5] {
    let request = |what: &str, tls: &str| {
        format!(
            "apiVersion: ops.kubedb.com/v1alpha1\nkind: MySQLOpsRequest\nmetadata: {{name: \
             {name}-{what}, namespace: {namespace}}}\nspec:\n  type: ReconfigureTLS\n  databaseRef: \
             {{name: {name}}}\n  tls:\n{tls}"
        )
    };
    let issuer = |name: &str| {
        format!("    issuerRef: {{name: {name}, kind: Issuer, apiGroup: cert-manager.io}}\n")
    };
    let (ca, next) = (format!("{namespace}-ca"), format!("{namespace}-next"));
    // As short as the others live.
    let entries = "    certificates:\n      - {alias: server, duration: 80s}\n      - {alias: client, \
                   duration: 80s}\n      - {alias: metrics-exporter, duration: 80s}\n";
    let changed = "    certificates: [{alias: server, duration: 80s, emailAddresses: \
                   [dba@example.com]}]\n";
    let also = format!(
        "apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {{name: {next}, namespace: \
         {namespace}}}\nspec: {{ca: {{secretName: {ca}}}}}\n---\n"
    );
    [
        request("add-tls", &(issuer(&ca) + "    requireSSL: true\n" + entries)),
        request("change-certificates", changed),
        also + &request("change-issuer", &issuer(&next)),
        request("remove-tls", "    remove: true\n"),
        request("rotate-tls", "    rotateCertificates: true\n"),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_file_is_a_request_for_the_database() {
        for text in texts("web", "blog") {
            let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
            let request = objects.last().unwrap();
            assert_eq!(request["spec"]["databaseRef"]["name"], "blog", "{text}");
            assert!(request["spec"]["tls"].is_object(), "{text}");
            assert!(objects.iter().all(|it| it["metadata"]["namespace"] == "web"), "{text}");
        }
    }
}
