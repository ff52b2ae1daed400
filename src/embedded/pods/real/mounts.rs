//! The files of a container, on disk: where it would see them, below a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::embedded::pods::mounts::Files;

/// The mounted files of one server.
pub(super) struct Mounted {
    root: PathBuf,
    files: Files,
    written: BTreeMap<String, Vec<u8>>,
}

impl Mounted {
    /// Writes them all.
    pub(super) fn write(root: PathBuf, files: Files) -> io::Result<Self> {
        let mut mounted = Self { root, files, written: BTreeMap::new() };
        mounted.follow()?;
        Ok(mounted)
    }

    /// Writes what has changed since. A file is whole at any moment.
    pub(super) fn follow(&mut self) -> io::Result<()> {
        let now = self.files.all();
        for (path, content) in &now {
            if self.written.get(path) != Some(content) {
                replace(&self.place(path), content)?;
            }
        }
        for path in self.written.keys().filter(|path| !now.contains_key(*path)) {
            fs::remove_file(self.place(path))?;
        }
        self.written = now;
        Ok(())
    }

    /// An argument of the container, with the path in it that of the file on disk.
    pub(super) fn argument(&self, argument: &str) -> String {
        let Some((option, path)) = argument.split_once('=') else {
            return argument.to_owned();
        };
        let is_in = |file: &String| Path::new(file).starts_with(path);
        if path.starts_with('/') && self.written.keys().any(is_in) {
            format!("{option}={}", self.place(path).display())
        } else {
            argument.to_owned()
        }
    }

    fn place(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

/// Puts a file into the place of another at once. Some are private keys.
fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder)?;
    let new = file.with_extension("new");
    let mut options = fs::OpenOptions::new();
    let mut opened = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    opened.write_all(content)?;
    fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_files_on_disk_and_files_follow() {
        let folder = tempfile::tempdir().unwrap();
        let file = |content: &str| ("/etc/mysql/certs/ca.crt".to_owned(), content.into());
        let files = Files::new(BTreeMap::from([file("old")]));
        let mut mounted = Mounted::write(folder.path().to_owned(), files.clone()).unwrap();
        let root = folder.path().display();
        for (argument, expected) in [
            ("--ssl-ca=/etc/mysql/certs/ca.crt", format!("--ssl-ca={root}/etc/mysql/certs/ca.crt")),
            ("--ssl-capath=/etc/mysql/certs", format!("--ssl-capath={root}/etc/mysql/certs")),
            ("--ssl-cert=/etc/other/x", "--ssl-cert=/etc/other/x".to_owned()),
            ("--require-secure-transport=ON", "--require-secure-transport=ON".to_owned()),
            ("--skip-ssl", "--skip-ssl".to_owned()),
        ] {
            assert_eq!(mounted.argument(argument), expected);
        }
        let read = || fs::read_to_string(folder.path().join("etc/mysql/certs/ca.crt"));
        assert_eq!(read().unwrap(), "old");
        files.replace(BTreeMap::from([file("new")]));
        mounted.follow().unwrap();
        assert_eq!(read().unwrap(), "new");
        files.replace(BTreeMap::new());
        mounted.follow().unwrap();
        assert!(read().is_err());
    }
}
