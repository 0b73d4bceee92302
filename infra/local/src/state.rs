//! What is remembered between commands: what runs where, what was deployed, and the passwords.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{Read, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{paths::Paths, process::Known};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The user's own database, when the last `up` was told of one.
    pub database: Option<String>,
    pub postgres: Option<Server>,
    pub cloud: Option<Server>,
    /// Ports of what stands between functions and both, in the stack of `cargo local chaos`.
    pub proxies: Vec<u16>,
    /// What the zip was made of, and its release id.
    pub packed: Option<Packed>,
    pub deployed: Option<Deployed>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Server {
    pub port: u16,
    pub process: Known,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    pub input: String,
    pub release: String,
}

#[derive(Serialize, Deserialize)]
pub struct Deployed {
    pub release: String,
    /// The outputs of the root stack.
    pub outputs: BTreeMap<String, String>,
}

impl State {
    /// A file that cannot be read counts as none: everything in it can be made again.
    pub fn load(paths: &Paths) -> Self {
        read(&paths.state.join("state.json")).unwrap_or_default()
    }

    pub fn save(&self, paths: &Paths) -> Result<()> {
        write(&paths.state.join("state.json"), self)
    }

    pub fn running(&self) -> bool {
        self.cloud.as_ref().is_some_and(|server| server.process.alive())
    }
}

/// Made once for a checkout. Secrets all the same: the ports are open to every user of the machine.
#[derive(Serialize, Deserialize)]
pub struct Credentials {
    /// Made just now: nothing that is older knows them.
    #[serde(skip)]
    pub is_new: bool,
    pub superuser: String,
    pub migrate: String,
    pub write: String,
    pub read: String,
    /// The keys secret as the functions read it.
    pub keys: String,
}

impl Credentials {
    pub fn load(paths: &Paths) -> Result<Self> {
        let file = paths.state.join("credentials.json");
        if let Some(found) = read(&file) {
            return Ok(found);
        }
        let made = Self {
            is_new: true,
            superuser: hex(16)?,
            migrate: hex(16)?,
            write: hex(16)?,
            read: hex(16)?,
            keys: serde_json::json!({
                "jwt": [
                    {"kid": format!("local-{}", hex(4)?), "secret": hex(32)?},
                    {"kid": format!("local-{}", hex(4)?), "secret": hex(32)?},
                ],
                "app": hex(32)?,
            })
            .to_string(),
        };
        write(&file, &made)?;
        Ok(made)
    }

    pub fn save(&self, paths: &Paths) -> Result<()> {
        write(&paths.state.join("credentials.json"), self)
    }
}

fn hex(bytes: usize) -> Result<String> {
    let mut random = vec![0_u8; bytes];
    fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    let mut text = String::with_capacity(bytes * 2);
    for byte in random {
        write!(text, "{byte:02x}")?;
    }
    Ok(text)
}

fn read<T: DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// Whole or not at all, whenever we are killed; readable by its owner only.
fn write<T: Serialize>(file: &Path, value: &T) -> Result<()> {
    let part = file.with_extension("part");
    let save = || -> Result<()> {
        let mut out = fs::File::options().create(true).write(true).truncate(true).mode(0o600).open(&part)?;
        out.write_all(&serde_json::to_vec_pretty(value)?)?;
        Ok(fs::rename(&part, file)?)
    };
    save().with_context(|| format!("cannot write {}", file.display()))
}
