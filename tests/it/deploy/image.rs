//! The image: what its recipe says, and, where there is buildah, what comes of it.

use std::path::Path;
use std::process::Command;

use super::{path, read};
use crate::support::effort::Effort;
use crate::support::lab::test_name;
use crate::support::parts::skipped;
use crate::support::process::Scratch;

const FILE: &str = "deploy/Dockerfile";

#[test]
fn it_is_static_without_the_demo_and_nobody_in_particular() {
    let recipe = read(FILE);
    let toolchain = read("rust-toolchain.toml");
    let version = toolchain.split('"').nth(1).unwrap();
    assert!(recipe.contains(&format!("FROM rust:{version}-alpine AS build")), "{version}");
    assert!(recipe.contains(&format!("ENV RUSTUP_TOOLCHAIN={version}")), "{version}");
    assert!(recipe.contains("cargo build --release --locked --no-default-features"));
    let last = recipe.split("\nFROM ").last().unwrap();
    assert!(last.starts_with("scratch\n"), "{last}");
    assert!(last.contains("\nUSER 65532:65532\n"), "the chart's user");
    let ports = certrotor::config::Config::default().server.metrics.port();
    assert!(last.contains(&format!("\nEXPOSE {ports}\n")), "{ports}");
}

#[test]
fn it_can_be_built_and_says_its_version() {
    if Command::new("buildah").arg("--version").output().is_err() {
        return skipped(&test_name(), "buildah is not on PATH, so that no image was built");
    }
    let buildah = |args: &[&str]| {
        let output = Command::new("buildah").args(args).current_dir(path("")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        } else {
            Err(said)
        }
    };
    let built = buildah(&["build", "--quiet", "-f", FILE, "-t", "certrotor:test", "."]);
    let image = match built {
        Ok(image) => image,
        // Its base comes from a registry.
        Err(said) if said.contains("rust:") => return skipped(&test_name(), said.trim()),
        Err(said) => panic!("{said}"),
    };
    let container = buildah(&["from", &image]).unwrap();
    let version = buildah(&["run", &container, "--", "/certrotor", "--version"]).unwrap();
    assert_eq!(version, format!("certrotor {}", env!("CARGO_PKG_VERSION")));
    buildah(&["rm", &container]).unwrap();
}

/// What the image holds is this program and nothing else, so it has to run where nothing else is.
#[test]
fn the_program_runs_in_an_empty_root() {
    const TARGET: &str = "x86_64-unknown-linux-musl";
    if Effort::of_this_run() < Effort::Full {
        return skipped(&test_name(), "it is part of the full run (CERTROTOR_TEST=full)");
    }
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    if !installed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(TARGET)) {
        return skipped(&test_name(), &format!("the target {TARGET} is not installed"));
    }
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("static");
    let build = ["build", "--locked", "--no-default-features", "--bin", "certrotor"];
    let output = Command::new(env!("CARGO"))
        .args(build)
        .args(["--target", TARGET, "--target-dir"])
        .arg(&built)
        // ring's few lines of C need no library, so that any compiler does.
        .env("CC_x86_64_unknown_linux_musl", "cc")
        .current_dir(path(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let root = Scratch::new("empty-root");
    let program = built.join(TARGET).join("debug/certrotor");
    std::fs::copy(program, root.path().join("certrotor")).unwrap();
    let said = Command::new("chroot").arg(root.path()).args(["/certrotor", "--version"]).output();
    match said {
        Ok(said) if said.status.success() => {
            let version = concat!("certrotor ", env!("CARGO_PKG_VERSION"), "\n");
            assert_eq!(String::from_utf8_lossy(&said.stdout), version);
        }
        Ok(said) if String::from_utf8_lossy(&said.stderr).contains("not permitted") => {
            skipped(&test_name(), "chroot is for root alone");
        }
        other => panic!("{other:?}"),
    }
}
