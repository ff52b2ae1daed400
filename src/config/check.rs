//! What `certrotor check FILE…` says: everything that is wrong with config files.

use std::io::{self, Write};
use std::path::PathBuf;

use super::{Config, read};

/// Checks each file and writes what there is to say, a line each; true when all are right.
pub fn check(files: &[PathBuf], out: &mut dyn Write) -> io::Result<bool> {
    let mut all_right = true;
    for path in files {
        let file = path.display().to_string();
        match read(path).and_then(|text| Config::parse(&text, &file)) {
            Ok((_, warnings)) => {
                for warning in warnings {
                    writeln!(out, "{warning}")?;
                }
                writeln!(out, "{file}: ok")?;
            }
            Err(problems) => {
                all_right = false;
                writeln!(out, "{problems}")?;
            }
        }
    }
    Ok(all_right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_gets_its_lines() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let good = write("good.yaml", "mode: report\n");
        let bad = write("bad.yaml", "mode: reprot\nrotation: {timeout: 5}\n");
        let missing = dir.path().join("missing.yaml");
        let files = [good.clone(), bad, missing, dir.path().to_owned()];
        let mut out = Vec::new();
        assert!(!check(&files, &mut out).unwrap());
        let out = String::from_utf8(out).unwrap().replace(&dir.path().display().to_string(), "DIR");
        let expected = "\
DIR/good.yaml:1:1: warning: rotation.windows: no window: rotations may start at any time
DIR/good.yaml: ok
DIR/bad.yaml:1:7: mode: `reprot` is not known here, did you mean `report`?; allowed: `enforce`, `report`
DIR/bad.yaml:2:21: rotation.timeout: `5` lacks a unit; allowed: w, d, h, m and s, largest first, such as `1h30m`
DIR/missing.yaml: cannot be read: No such file or directory (os error 2)
DIR: is a directory; name the file in it
";
        assert_eq!(out, expected);
        assert!(check(&[good], &mut Vec::new()).unwrap());
    }
}
