//! The folder of a demo: kubeconfig, the daemon's config, the log.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The file that kubectl needs.
pub const KUBECONFIG: &str = "kubeconfig";
/// The daemon's config, which it follows.
pub const CONFIG: &str = "certrotor.yaml";
/// What all parts log.
pub const LOG: &str = "demo.log";

/// Where the files are. Dropping a private one removes it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    private: Option<TempDir>,
}

/// Why there is no folder, or a file is not in it.
#[derive(Debug, thiserror::Error)]
#[error("{what} {path}: {problem}: {advice}", path = path.display())]
pub struct FolderError {
    what: &'static str,
    path: PathBuf,
    advice: &'static str,
    problem: io::Error,
}

impl Folder {
    /// The folder that somebody wants to keep; made if it is not there.
    pub fn kept(path: &Path) -> Result<Self, FolderError> {
        let advice = "name a folder that you may write to";
        let failed =
            |problem| FolderError { what: "--dir", path: path.to_owned(), advice, problem };
        fs::create_dir_all(path).map_err(failed)?;
        let folder = Self { path: fs::canonicalize(path).map_err(failed)?, private: None };
        // The file that comes last would otherwise fail last.
        folder.log().map_err(|error| failed(error.problem))?;
        Ok(folder)
    }

    /// One for this run alone, which nobody else can read.
    pub fn private() -> Result<Self, FolderError> {
        let place = std::env::temp_dir();
        let advice = "name another folder with --dir, or with TMPDIR";
        let made = tempfile::Builder::new()
            .prefix("certrotor-demo-")
            .rand_bytes(4)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&place);
        let failed =
            |problem| FolderError { what: "temporary folder", path: place, advice, problem };
        let private = made.map_err(failed)?;
        Ok(Self { path: private.path().to_owned(), private: Some(private) })
    }

    /// Whether it stays.
    pub const fn is_kept(&self) -> bool {
        self.private.is_none()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file of it is.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that only its owner can read.
    pub fn write(&self, name: &'static str, content: &str) -> Result<PathBuf, FolderError> {
        let mut file = self.create(name)?;
        let path = self.file(name);
        let advice = "make room, or name another folder with --dir";
        let failed = |problem| FolderError { what: "file", path: path.clone(), advice, problem };
        file.write_all(content.as_bytes()).map_err(failed)?;
        Ok(path)
    }

    /// Writes a file that people may have changed since, in which case it stays.
    pub fn write_new(&self, name: &'static str, content: &str) -> Result<PathBuf, FolderError> {
        let path = self.file(name);
        if path.exists() { Ok(path) } else { self.write(name, content) }
    }

    /// The log, empty.
    pub fn log(&self) -> Result<fs::File, FolderError> {
        self.create(LOG)
    }

    fn create(&self, name: &'static str) -> Result<fs::File, FolderError> {
        let path = self.file(name);
        let options =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).clone();
        let advice = "take it away, or name another folder with --dir";
        options.open(&path).map_err(|problem| FolderError { what: "file", path, advice, problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_folder_is_gone_with_what_was_in_it() {
        let folder = Folder::private().unwrap();
        let file = folder.write(KUBECONFIG, "secret").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let path = folder.path.clone();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);

        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_person_has_changed_stays() {
        let here = tempfile::tempdir().unwrap();
        let folder = Folder::kept(&here.path().join("new")).unwrap();
        folder.write_new(CONFIG, "ours").unwrap();
        fs::write(folder.file(CONFIG), "theirs").unwrap();
        folder.write_new(CONFIG, "ours").unwrap();
        assert_eq!(fs::read_to_string(folder.file(CONFIG)).unwrap(), "theirs");
    }

    #[test]
    fn a_folder_that_cannot_be_says_why_and_what_to_do() {
        let here = tempfile::tempdir().unwrap();
        let file = here.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Folder::kept(&file.join("below")).unwrap_err().to_string();
        let expected = format!("--dir {}: Not a directory", file.join("below").display());
        assert!(error.starts_with(&expected), "{error}");
        assert!(error.ends_with("name a folder that you may write to"), "{error}");
    }
}
