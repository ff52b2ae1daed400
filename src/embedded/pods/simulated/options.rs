//! The options of a server, from the command line of its container.

/// What is asked of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// `--ssl-ca`
    pub(super) ca: Option<String>,
    /// `--ssl-cert`
    pub(super) cert: Option<String>,
    /// `--ssl-key`
    pub(super) key: Option<String>,
    /// `--require-secure-transport`
    pub(super) requires_tls: bool,
}

impl Options {
    /// Reads arguments; the later wins, and what is not known is left alone.
    pub(super) fn read(args: &[String]) -> Self {
        let mut options = Self::default();
        for arg in args {
            let Some(option) = arg.strip_prefix("--") else {
                continue;
            };
            let (name, value) = option.split_once('=').unwrap_or((option, "ON"));
            let text = || Some(value.to_owned()).filter(|value| !value.is_empty());
            match name.replace('_', "-").as_str() {
                "ssl-ca" => options.ca = text(),
                "ssl-cert" => options.cert = text(),
                "ssl-key" => options.key = text(),
                "require-secure-transport" => {
                    options.requires_tls =
                        ["1", "on", "true"].contains(&value.to_ascii_lowercase().as_str());
                }
                _ => {}
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_mysqld_reads_them() {
        let read = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
            Options::read(&args)
        };
        let options = read(&[
            "mysqld",
            "--ssl-capath=/etc/mysql/certs",
            "--ssl_ca=/etc/mysql/certs/ca.crt",
            "--ssl-cert=/old",
            "--ssl-cert=/etc/mysql/certs/server.crt",
            "--ssl-key=/etc/mysql/certs/server.key",
            "--require-secure-transport=ON",
        ]);
        assert_eq!(options.ca.as_deref(), Some("/etc/mysql/certs/ca.crt"));
        assert_eq!(options.cert.as_deref(), Some("/etc/mysql/certs/server.crt"));
        assert_eq!(options.key.as_deref(), Some("/etc/mysql/certs/server.key"));
        for (arg, required) in [
            ("--require_secure_transport", true),
            ("--require-secure-transport=1", true),
            ("--require-secure-transport=OFF", false),
            ("--require-secure-transport=0", false),
            ("require-secure-transport=1", false),
        ] {
            assert_eq!(read(&[arg]).requires_tls, required, "{arg}");
        }
        assert_eq!(read(&["--ssl-cert="]), Options::default());
    }
}
