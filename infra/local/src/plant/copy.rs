//! The copy that bugs are planted in: the files of this checkout as they are now, with a build of their own.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::{
    paths::{Paths, fingerprint},
    process::output,
};

/// A test that has not ended by then is hung.
const TIMEOUTS: &str = "[profile.default]\nslow-timeout = { period = \"30s\", terminate-after = 6 }\n";

pub struct Tree {
    pub root: PathBuf,
    pub timeouts: PathBuf,
    target: PathBuf,
}

impl Tree {
    /// Makes it, or brings it up to date. What has not changed keeps its age, so that cargo builds little.
    pub fn of(paths: &Paths) -> Result<Self> {
        let id = fingerprint(paths.root.as_os_str().as_encoded_bytes());
        let home = paths.cache.join("planted");
        let root = home.join(id);
        let wanted = files(&paths.root)?;
        for file in &wanted {
            let (from, to) = (paths.root.join(file), root.join(file));
            // Listed by git, and deleted since.
            let Ok(text) = fs::read(&from) else { continue };
            if fs::read(&to).is_ok_and(|there| there == text) {
                continue;
            }
            fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
            fs::copy(&from, &to).with_context(|| to.display().to_string())?;
        }
        let list = root.join(".planted");
        let before = fs::read_to_string(&list).unwrap_or_default();
        for gone in before.lines().filter(|file| !wanted.contains(*file) || !paths.root.join(file).exists()) {
            fs::remove_file(root.join(gone)).ok();
        }
        fs::write(&list, wanted.iter().fold(String::new(), |list, file| list + file + "\n"))?;
        let timeouts = home.join("nextest.toml");
        fs::write(&timeouts, TIMEOUTS)?;
        Ok(Self { root, timeouts, target: home.join("target") })
    }

    /// Has a command work in it.
    pub fn settle<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target).env_remove("CARGO_MANIFEST_DIR")
    }

    /// Runs a command in it: whether it succeeded, and what it said.
    pub fn say(&self, command: &mut Command) -> Result<(bool, String)> {
        let out = self.settle(command).stdin(Stdio::null()).output()?;
        let said = [out.stdout, out.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        Ok((out.status.success(), said.concat()))
    }
}

/// The files that git knows, or would if they were added.
fn files(root: &Path) -> Result<BTreeSet<String>> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = output(Command::new("git").args(list).current_dir(root))?;
    Ok(listed.split('\0').filter(|file| !file.is_empty()).map(str::to_owned).collect())
}
