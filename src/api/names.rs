//! The names that KubeDB gives to what belongs to a MySQL.

/// The longest name that KubeDB makes: a DNS label.
const LONGEST: usize = 63;

/// The aliases that KubeDB issues a certificate for whenever a MySQL asks for TLS.
pub const DEFAULT_ALIASES: [&str; 3] = ["server", "client", "metrics-exporter"];

/// `<name>-<suffix>`, where the name is cut and the suffix kept when both do not fit.
pub fn with_suffix(name: &str, suffix: &str) -> String {
    let room = LONGEST.saturating_sub(suffix.len() + 1);
    let cut = name.char_indices().map(|(start, c)| start + c.len_utf8());
    let end = cut.take_while(|end| *end <= room).last().unwrap_or(0);
    format!("{}-{suffix}", &name[..end]).trim_matches('-').to_owned()
}

/// The Certificate of an alias, and its Secret unless `spec.tls` names another.
pub fn certificate(database: &str, alias: &str) -> String {
    with_suffix(database, &format!("{alias}-cert"))
}

/// The Secret of the root user, unless `spec.authSecret` names another.
pub fn auth_secret(database: &str) -> String {
    with_suffix(database, "auth")
}

/// The ConfigMap with the CAs that the clients of a database trust. It is certrotor's.
pub fn ca_bundle(database: &str) -> String {
    with_suffix(database, "ca-bundle")
}

/// The Certificate by which a CA is learned before anything is served from it, and its Secret. It is
/// certrotor's.
pub fn ca_staging(database: &str) -> String {
    with_suffix(database, "ca-staging")
}

/// The Service that leads to the standbys; that to the primary has the database's name.
pub fn standby_service(database: &str) -> String {
    with_suffix(database, "standby")
}

/// The headless Service that gives each pod its host name.
pub fn governing_service(database: &str) -> String {
    with_suffix(database, "pods")
}

/// The pod of one server.
pub fn pod(database: &str, ordinal: u32) -> String {
    format!("{database}-{ordinal}")
}

/// The workload of an InnoDBCluster's routers.
pub fn router(database: &str) -> String {
    with_suffix(database, "router")
}

/// The host name under which the servers of a database and KubeDB reach one of its pods.
pub fn pod_host(database: &str, ordinal: u32, namespace: &str) -> String {
    format!("{}.{}.{namespace}.svc", pod(database, ordinal), governing_service(database))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_database_names_are_cut_and_suffixes_kept() {
        let x63 = "x".repeat(63);
        let dash_at_the_cut = format!("{}-{}", "y".repeat(51), "z".repeat(11));
        for (database, alias, expected) in [
            ("mysql", "server", "mysql-server-cert".to_owned()),
            ("mysql", "metrics-exporter", "mysql-metrics-exporter-cert".to_owned()),
            // 63 - "-server-cert" (12) = 51 characters of the name are left …
            (&x63, "server", format!("{}-server-cert", "x".repeat(51))),
            // … and 63 - "-metrics-exporter-cert" (22) = 41 here.
            (&x63, "metrics-exporter", format!("{}-metrics-exporter-cert", "x".repeat(41))),
            // Only the ends are trimmed: KubeDB leaves a double dash in the middle.
            (&dash_at_the_cut[..52], "client", format!("{}-client-cert", "y".repeat(51))),
            (&dash_at_the_cut, "a", format!("{}-zzzz-a-cert", "y".repeat(51))),
        ] {
            let name = certificate(database, alias);
            assert_eq!(name, expected);
            assert!(name.len() <= 63, "{name}");
        }
        assert_eq!(with_suffix(&format!("{}-tail", "n".repeat(51)), "1234567890"), {
            format!("{}--1234567890", "n".repeat(51))
        });
    }

    #[test]
    fn odd_names_do_not_panic() {
        assert_eq!(with_suffix("", "server-cert"), "server-cert");
        assert_eq!(with_suffix("db", ""), "db");
        assert_eq!(with_suffix("db", &"s".repeat(80)), "s".repeat(80));
        assert!(with_suffix(&"ü".repeat(40), "server-cert").len() <= 63);
    }

    #[test]
    fn pods_and_services() {
        assert_eq!(pod_host("shop", 2, "prod"), "shop-2.shop-pods.prod.svc");
        assert_eq!(router("shop"), "shop-router");
        assert_eq!(auth_secret("shop"), "shop-auth");
        assert_eq!(standby_service("shop"), "shop-standby");
        assert_eq!(governing_service(&"x".repeat(63)).len(), 63);
    }
}
