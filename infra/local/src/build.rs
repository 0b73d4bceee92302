//! The binaries, and the zips that the functions share.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    install,
    node::Node,
    paths::{Paths, fingerprint},
    process::{on_path, output, run},
    progress::step,
    state::{Packed, State},
};

/// Builds what is deployed, and the tool that migrates and describes it.
pub fn build(paths: &Paths) -> Result<Built> {
    step("Building bootstrap and tools", || {
        run(Command::new(install::cargo())
            .args(["build", "--quiet", "--package", "bootstrap", "--package", "tools"])
            // The queries are checked against `.sqlx`, whatever database a shell happens to name.
            .env("SQLX_OFFLINE", "true")
            .env_remove("DATABASE_URL")
            .current_dir(&paths.root))
    })?;
    Built::find(paths)
}

pub struct Built {
    pub bootstrap: PathBuf,
    pub tools: PathBuf,
}

impl Built {
    /// Where cargo puts them, which a user may have set in several ways.
    pub fn find(paths: &Paths) -> Result<Self> {
        let target = target(paths)?.join("debug");
        Ok(Self { bootstrap: target.join("bootstrap"), tools: target.join("tools") })
    }
}

/// Where cargo puts what it builds.
pub fn target(paths: &Paths) -> Result<PathBuf> {
    let metadata = output(
        Command::new(install::cargo())
            .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
            .current_dir(&paths.root),
    )?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    Ok(metadata.get("target_directory").and_then(Value::as_str).context("no target directory")?.into())
}

/// How hard it is tried to make it small: for what is deployed seconds later, or for what thousands of cold starts load.
#[derive(Clone, Copy)]
pub enum Compression {
    Quick,
    Best,
}

/// Makes the zip unless it is there already, and returns its release id. `salt` is everything else
/// that a deployment is made of.
pub fn pack(
    paths: &Paths,
    state: &mut State,
    bootstrap: &Path,
    salt: &str,
    compression: Compression,
) -> Result<String> {
    let meta = fs::metadata(bootstrap).with_context(|| format!("no {}", bootstrap.display()))?;
    let age = meta.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
    let mut docs = Node::install(paths)?.page().to_vec();
    docs.push(paths.openapi());
    let openapi = fingerprint(&fs::read(paths.openapi())?);
    let input = format!("{age} {} {salt} {docs:?} {openapi} {:?}", meta.len(), authorities(paths)?);
    let input = fingerprint(input.as_bytes());
    let zip = paths.zip();
    if let Some(packed) = &state.packed
        && packed.input == input
        && zip.exists()
        && paths.zip_with_documents().exists()
    {
        return Ok(packed.release.clone());
    }
    let (python, effort) = match compression {
        Compression::Quick => (install::python()?, "quick"),
        Compression::Best => (install::pack_python(paths)?, "best"),
    };
    let release = step("Packing", || {
        fs::create_dir_all(zip.parent().context("zip has a folder")?)?;
        let stripped = strip(paths, bootstrap)?;
        let release = output(
            Command::new(python)
                .arg(paths.python("pack.py"))
                .arg(&stripped)
                .arg(&zip)
                .arg(salt)
                .arg(effort)
                .args(&docs),
        )?;
        Ok(release.trim().to_owned())
    })?;
    state.packed = Some(Packed { input, release: release.clone() });
    state.save(paths)?;
    Ok(release)
}

/// When the files that say whom to trust were changed, which lie in the zips as well.
fn authorities(paths: &Paths) -> Result<Vec<(PathBuf, SystemTime)>> {
    let files = fs::read_dir(paths.root.join("infra/data/rds"))?;
    let mut files: Vec<_> = files
        .map(|file| file.and_then(|file| Ok((file.path(), file.metadata()?.modified()?))))
        .collect::<Result<_, _>>()?;
    files.sort();
    Ok(files)
}

/// Debug information is nine tenths of a dev build. Where no tool is at hand it is deployed whole.
fn strip(paths: &Paths, bootstrap: &Path) -> Result<PathBuf> {
    let target = paths.state.join("bootstrap");
    let tool = ["strip", "objcopy", "llvm-strip"].into_iter().find_map(on_path);
    match tool {
        Some(tool) if tool.ends_with("objcopy") => {
            output(Command::new(tool).arg("--strip-all").arg(bootstrap).arg(&target))?;
        }
        Some(tool) => {
            output(Command::new(tool).arg("-o").arg(&target).arg(bootstrap))?;
        }
        None => {
            fs::copy(bootstrap, &target)?;
        }
    }
    Ok(target)
}

/// What `tools describe` says. `TALLYBOOK_DESCRIBE` may name a file instead, so that the generator
/// can be worked on without the rest.
pub fn describe(tools: &Path) -> Result<String> {
    if let Some(file) = env::var_os("TALLYBOOK_DESCRIBE") {
        return fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()));
    }
    output(Command::new(tools).arg("describe"))
}

/// What `tools openapi` says; nothing when the endpoint tables come from a file.
pub fn openapi(tools: &Path) -> Result<Option<String>> {
    if env::var_os("TALLYBOOK_DESCRIBE").is_some() {
        return Ok(None);
    }
    output(Command::new(tools).arg("openapi")).map(|text| Some(text.trim_end().to_owned() + "\n"))
}
