use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;
use crate::core::policy::Mode;

const REPORT: &str = "mode: report\n";
const ENFORCE: &str = "mode: enforce\n";

fn mode(loaded: &Loaded) -> Option<Mode> {
    loaded.config.as_ref().map(|config| config.policy.mode)
}

/// Looks twice, which is what a change needs; whether something was published.
async fn settle(file: &mut ConfigFile) -> bool {
    assert!(!file.poll_once().await, "the first look only notices");
    file.poll_once().await
}

async fn opened(path: &Path) -> (ConfigFile, watch::Receiver<Arc<Loaded>>) {
    ConfigFile::open(path).await
}

#[tokio::test]
async fn a_changed_file_is_loaded_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.yaml");
    fs::write(&path, REPORT).unwrap();
    let (mut file, mut receiver) = opened(&path).await;
    let first = Arc::clone(&receiver.borrow_and_update());
    assert_eq!((mode(&first), first.loaded_generation), (Some(Mode::Report), 1));
    assert_eq!(first.warnings.len(), 1);
    assert!(!settle(&mut file).await);
    assert!(!receiver.has_changed().unwrap());

    fs::write(&path, ENFORCE).unwrap();
    assert!(settle(&mut file).await);
    let second = Arc::clone(&receiver.borrow_and_update());
    assert_eq!((mode(&second), second.loaded_generation), (Some(Mode::Enforce), 2));
    assert_ne!(first.hash, second.hash);
    assert_eq!(second.hash, second.config_hash);
    // The same content again, in a new file, is no change.
    fs::remove_file(&path).unwrap();
    fs::write(&path, ENFORCE).unwrap();
    assert!(!settle(&mut file).await);
}

#[tokio::test]
async fn a_swapped_symlink_is_a_change() {
    let dir = tempfile::tempdir().unwrap();
    // As the kubelet does it: c.yaml -> ..data/c.yaml, ..data -> a directory per version.
    for (version, text) in [("..1", REPORT), ("..2", ENFORCE)] {
        fs::create_dir(dir.path().join(version)).unwrap();
        fs::write(dir.path().join(version).join("c.yaml"), text).unwrap();
    }
    symlink("..1", dir.path().join("..data")).unwrap();
    let path = dir.path().join("c.yaml");
    symlink("..data/c.yaml", &path).unwrap();
    let (mut file, receiver) = opened(&path).await;
    assert_eq!(mode(&receiver.borrow()), Some(Mode::Report));

    symlink("..2", dir.path().join("..data_tmp")).unwrap();
    fs::rename(dir.path().join("..data_tmp"), dir.path().join("..data")).unwrap();
    fs::remove_dir_all(dir.path().join("..1")).unwrap();
    assert!(settle(&mut file).await);
    assert_eq!(mode(&receiver.borrow()), Some(Mode::Enforce));
}

#[tokio::test]
async fn a_bad_file_keeps_the_last_good_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.yaml");
    fs::write(&path, REPORT).unwrap();
    let (mut file, receiver) = opened(&path).await;
    fs::write(&path, "mode: reprot\nprobe: 1\n").unwrap();
    assert!(settle(&mut file).await);
    let bad = Arc::clone(&receiver.borrow());
    assert_eq!(mode(&bad), Some(Mode::Report));
    assert_eq!(bad.problems.as_ref().map(Problems::count), Some(2));
    assert_ne!(bad.hash, bad.config_hash);
    assert_eq!(bad.loaded_generation, 1);
    assert!(!settle_again(&mut file).await, "told once");

    fs::write(&path, REPORT).unwrap();
    assert!(settle(&mut file).await);
    let mended = Arc::clone(&receiver.borrow());
    assert!(mended.problems.is_none());
    assert_eq!(mended.loaded_generation, 1, "it is what holds already");
    assert_eq!(mended.hash, mended.config_hash);
}

async fn settle_again(file: &mut ConfigFile) -> bool {
    file.poll_once().await || file.poll_once().await
}

#[tokio::test]
async fn a_file_that_is_bad_from_the_start_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.yaml");
    let (mut file, receiver) = opened(&path).await;
    let missing = Arc::clone(&receiver.borrow());
    assert!(missing.config.is_none() && missing.hash.is_none());
    let told = missing.problems.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(
        told.ends_with("c.yaml: cannot be read: No such file or directory (os error 2)"),
        "{told}"
    );
    fs::write(&path, REPORT).unwrap();
    assert!(settle(&mut file).await);
    assert_eq!(mode(&receiver.borrow()), Some(Mode::Report));
    assert_eq!(receiver.borrow().loaded_generation, 1);
}

#[tokio::test]
async fn what_is_there_for_a_moment_only_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.yaml");
    fs::write(&path, REPORT).unwrap();
    let (mut file, receiver) = opened(&path).await;
    // Written in place: empty, half, whole. Empty and half would be right, and mean `enforce`.
    for moment in ["", "mode: enforce", "mode: report\n# more\n"] {
        fs::write(&path, moment).unwrap();
        assert!(!file.poll_once().await);
        assert_eq!(mode(&receiver.borrow()), Some(Mode::Report));
    }
    assert!(file.poll_once().await);
    // Missing for one look.
    fs::remove_file(&path).unwrap();
    assert!(!file.poll_once().await);
    fs::write(&path, "mode: report\n# more\n").unwrap();
    assert!(!settle_again(&mut file).await);
    assert!(receiver.borrow().problems.is_none());
    // Missing for good.
    fs::remove_file(&path).unwrap();
    assert!(settle(&mut file).await);
    let gone = Arc::clone(&receiver.borrow());
    assert_eq!((mode(&gone), gone.hash), (Some(Mode::Report), None));
    assert!(gone.problems.is_some());
}

#[tokio::test]
async fn what_is_no_file_is_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    let (_, receiver) = opened(dir.path()).await;
    let told = receiver.borrow().problems.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(told.ends_with(": is a directory; name the file in it"), "{told}");
    let path = dir.path().join("latin1.yaml");
    fs::write(&path, b"mode: report\n# caf\xe9\n").unwrap();
    let told = read(&path).unwrap_err().to_string();
    assert!(
        told.ends_with("latin1.yaml:2:6: this byte is not UTF-8; save the file as UTF-8"),
        "{told}"
    );
    let path = dir.path().join("large.yaml");
    fs::write(&path, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(read(&path).unwrap_err().to_string().ends_with("large.yaml: is larger than 1 MiB"));
    let told = read(Path::new("/dev/null")).unwrap_err().to_string();
    assert_eq!(told, "/dev/null: is not a regular file");
}

#[tokio::test]
async fn the_loop_looks_and_ends_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.yaml");
    fs::write(&path, REPORT).unwrap();
    let (file, mut receiver) = opened(&path).await;
    let stop = CancellationToken::new();
    let follow = file.run(Duration::from_millis(1), stop.clone());
    let act = async {
        fs::write(&path, ENFORCE).unwrap();
        receiver.changed().await.unwrap();
        assert_eq!(mode(&receiver.borrow()), Some(Mode::Enforce));
        stop.cancel();
    };
    tokio::join!(follow, act);
    assert!(receiver.has_changed().is_err(), "nobody follows any more");
}

#[test]
fn a_fixed_config_is_loaded() {
    let loaded = Loaded::fixed(Config::default());
    assert!(loaded.config.is_some() && loaded.problems.is_none());
}
