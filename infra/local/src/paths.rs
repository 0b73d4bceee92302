//! Where things lie: the checkout, what is shared between checkouts, and what is this one's own.

use std::{
    env,
    fs::{self, DirBuilder, File},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

pub struct Paths {
    /// The checkout.
    pub root: PathBuf,
    /// Downloads and tools, shared by all checkouts of this user.
    pub cache: PathBuf,
    /// Ports, passwords, logs and data of this checkout.
    pub state: PathBuf,
    /// The programs of Postgres, shared.
    pub postgres: PathBuf,
    /// The cluster of this checkout.
    pub cluster: PathBuf,
}

impl Paths {
    pub fn find() -> Result<Self> {
        let root = checkout()?;
        let cache = cache()?;
        let id = fingerprint(root.as_os_str().as_encoded_bytes());
        let state = cache.join("state").join(&id);
        for private in [&cache, &state] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(private)
                .with_context(|| format!("cannot create {}", private.display()))?;
        }
        // Postgres refuses to run as root, and its own user can see into neither root's home nor
        // a cache inside of it: then programs and data lie where that user may go.
        let (postgres, cluster) = if rustix::process::geteuid().is_root() {
            let shared = PathBuf::from("/var/tmp/tallybook-postgres");
            let own = PathBuf::from(format!("/var/tmp/tallybook-{id}"));
            own_and_visible(&shared)?;
            own_and_visible(&own)?;
            (shared, own.join("cluster"))
        } else {
            (cache.join("postgres"), state.join("cluster"))
        };
        Ok(Self { root, cache, state, postgres, cluster })
    }

    /// The same checkout with data of its own.
    pub fn beside(&self, name: &str) -> Result<Self> {
        let state = self.state.join(name);
        DirBuilder::new().recursive(true).mode(0o700).create(&state)?;
        let (root, cache, postgres) = (self.root.clone(), self.cache.clone(), self.postgres.clone());
        Ok(Self { root, cache, state, postgres, cluster: self.cluster.with_file_name(format!("cluster-{name}")) })
    }

    /// Where `CodeUri` of the templates points.
    pub fn zip(&self) -> PathBuf {
        self.root.join("target/lambda/bootstrap.zip")
    }

    /// And that of the functions that show the documentation.
    pub fn zip_with_documents(&self) -> PathBuf {
        self.zip().with_file_name("documents.zip")
    }

    /// The API's description, which `GET /openapi.json` answers with.
    pub fn openapi(&self) -> PathBuf {
        self.root.join("functions/system/src/openapi.json")
    }

    pub fn python(&self, file: &str) -> PathBuf {
        self.root.join("infra/local/python").join(file)
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.state.join(format!("{name}.log"))
    }

    /// Held while a command changes this checkout's state, or (with `shared`) the cache.
    pub fn lock(&self) -> Result<File> {
        lock(&self.state.join("lock"), "another `cargo local` of this checkout")
    }
}

/// Waits for the lock, saying so when it is not free; the system frees it when the holder dies.
pub fn lock(path: &Path, holder: &str) -> Result<File> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!("waiting for {holder} …");
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
}

fn checkout() -> Result<PathBuf> {
    let is_root = |dir: &Path| dir.join("template.yaml").is_file() && dir.join("infra/local").is_dir();
    let here = env::current_dir().context("no current directory")?;
    if let Some(found) = here.ancestors().find(|dir| is_root(dir)) {
        return Ok(found.canonicalize()?);
    }
    // `cargo run` sets it, also from elsewhere with --manifest-path.
    if let Some(found) = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)
        && let Some(found) = found.ancestors().find(|dir| is_root(dir))
    {
        return Ok(found.canonicalize()?);
    }
    bail!("run this inside a checkout of Tallybook: no template.yaml in {} or above", here.display())
}

fn cache() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(dir) = set("TALLYBOOK_CACHE") {
        return Ok(dir);
    }
    if let Some(dir) = set("XDG_CACHE_HOME") {
        return Ok(dir.join("tallybook"));
    }
    let home = set("HOME").context("HOME is not set; set it or TALLYBOOK_CACHE")?;
    Ok(home.join(".cache/tallybook"))
}

/// `/var/tmp` is everybody's: a folder of that name made by somebody else must not be trusted.
fn own_and_visible(dir: &Path) -> Result<()> {
    if !dir.exists() {
        DirBuilder::new().mode(0o755).create(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?;
    }
    let found = fs::symlink_metadata(dir)?;
    if !found.is_dir() || found.uid() != 0 || found.mode() & 0o022 != 0 {
        bail!("{} exists and is not root's own folder; remove it", dir.display());
    }
    Ok(())
}

/// FNV-1a: names a folder, guards nothing. Unlike the standard hasher it never changes.
pub fn fingerprint(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
