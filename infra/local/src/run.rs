//! Commands that need the running system but are done by another program.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::OsString,
    fs,
    path::Path,
    process::Command,
    time::SystemTime,
};

use anyhow::{Context, Result, ensure};

use crate::{
    address::Address,
    aws::{self, Aws},
    build::{self, Built},
    doctor, environment,
    install::{self, NEXTEST, cargo_tool},
    paths::Paths,
    postgres,
    process::{output, run},
    progress::step,
    state::{Credentials, State},
    up,
};

/// Tells tests which program they are run by.
const TESTS: &str = "TALLYBOOK_LOCAL";

/// `cargo local migrate`, `import-merchants`, `seed`, `make-admin`, `bench`.
pub fn tools(paths: &Paths, command: &str, args: &[String]) -> Result<()> {
    // Called by a test it is built; and what surrounds a test would have cargo build all of it anew.
    let built = if env::var_os(TESTS).is_some() { Built::find(paths)? } else { build::build(paths)? };
    let environment = match environment::of(paths) {
        Ok(all) => all,
        // A database that runs is enough for all but the bench.
        Err(_) => environment::of_database(&State::load(paths), &Credentials::load(paths)?)?,
    };
    run(environment::give(&mut Command::new(&built.tools), &environment).arg(command).args(args))
}

/// `cargo local rotate-keys`. The keys are kept, so that a deployment from nothing has them again.
pub fn rotate_keys(paths: &Paths, args: &[String]) -> Result<()> {
    tools(paths, "rotate-keys", args)?;
    let environment = environment::of(paths)?;
    let (Some(secret), Some(cloud)) = (environment.get("KEYS_SECRET"), State::load(paths).cloud) else {
        return Ok(());
    };
    let mut credentials = Credentials::load(paths)?;
    credentials.keys = Aws::at(cloud.port).secret(secret)?;
    credentials.save(paths)
}

/// Starts what does not run, tests, and leaves everything as it was found.
pub fn test(paths: &Paths, filter: Option<&str>, args: &[String]) -> Result<()> {
    let found_running = State::load(paths).running();
    up::up(paths, true)?;
    let nextest = cargo_tool(paths, &NEXTEST)?;
    let environment = environment::of(paths)?;
    let mut command = Command::new(nextest);
    environment::give(&mut command, &environment)
        .args(["nextest", "run", "--workspace", "--no-fail-fast"])
        .args(args)
        .args(filter)
        // Runbooks call us.
        .env(TESTS, env::current_exe()?)
        .env("SQLX_OFFLINE", "true")
        .current_dir(&paths.root);
    let result = run(&mut command);
    if !found_running {
        up::down(paths)?;
    }
    result
}

/// Compares what the running system answers with its OpenAPI document.
pub fn conform(paths: &Paths, examples: u32, seed: u64) -> Result<()> {
    let found_running = State::load(paths).running();
    up::up(paths, true)?;
    let (python, environment, built) = (install::conform_python(paths)?, environment::of(paths)?, Built::find(paths)?);
    let mut command = Command::new(python);
    environment::give(&mut command, &environment)
        .arg(paths.python("conform.py"))
        .arg(&built.tools)
        .args([examples.to_string(), seed.to_string()]);
    let result = run(&mut command).context("an answer is not what the document says: see above for the request");
    if !found_running {
        up::down(paths)?;
    }
    result
}

/// Has sqlx's macros describe every query, against a scratch database with the newest migrations. They write what they
/// learn into `SQLX_OFFLINE_DIR` while they compile; `cargo sqlx prepare` does the same after a `cargo clean`.
pub fn prepare(paths: &Paths, check: bool) -> Result<()> {
    let fresh = paths.state.join("sqlx");
    with_scratch_database(paths, "tallybook_prepare", |address, _, _| {
        step("Describing the queries", || describe(paths, &address.url(None), &fresh))
    })?;
    let kept = paths.root.join(".sqlx");
    if read_all(&fresh)? == read_all(&kept).unwrap_or_default() {
        return Ok(());
    }
    ensure!(!check, "what .sqlx knows is out of date: run `cargo local prepare` and commit .sqlx");
    if kept.exists() {
        fs::remove_dir_all(&kept)?;
    }
    fs::create_dir(&kept)?;
    for (name, text) in read_all(&fresh)? {
        fs::write(kept.join(name), text)?;
    }
    Ok(())
}

/// Gives `work` a database of that name with the newest migrations, and leaves the server as it was found.
pub fn with_scratch_database<T>(
    paths: &Paths,
    name: &str,
    work: impl FnOnce(&Address, &State, &Credentials) -> Result<T>,
) -> Result<T> {
    doctor::require()?;
    let _lock = paths.lock()?;
    let mut state = State::load(paths);
    let credentials = Credentials::load(paths)?;
    let found_running = state.postgres.as_ref().is_some_and(|server| server.process.alive());
    let bin = install::postgres_bin(paths)?;
    let mut address = postgres::up(paths, &mut state, &credentials)?;
    postgres::drop_database(&bin, &address, name)?;
    postgres::create_database(&bin, &address, name)?;
    name.clone_into(&mut address.database);
    let result = apply_migrations(paths, &bin, &address).and_then(|()| work(&address, &state, &credentials));
    if !found_running {
        postgres::down(paths, &mut state)?;
    }
    result
}

/// Looks for secrets in whatever was ever committed, and in what is not yet.
pub fn leaks(paths: &Paths) -> Result<()> {
    let allowed = "infra/local/not-secrets.txt";
    run(Command::new(install::leaks_python(paths)?).arg(paths.python("leaks.py")).arg(allowed).current_dir(&paths.root))
}

/// `cargo local fuzz`: feeds the readers of what comes from outside for longer than with the other tests.
pub fn fuzz(paths: &Paths, target: Option<&str>, seconds: u32) -> Result<()> {
    let name = format!("test(fuzz::{})", target.unwrap_or_default());
    run(Command::new(cargo_tool(paths, &NEXTEST)?)
        .args(["nextest", "run", "--package", "shared", "--lib", "--no-fail-fast", "--filterset", &name])
        .env("FUZZ_SECONDS", seconds.to_string())
        .env("SQLX_OFFLINE", "true")
        .env("AWS_ACCESS_KEY_ID", aws::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", aws::SECRET_KEY)
        .current_dir(&paths.root))
}

fn apply_migrations(paths: &Paths, bin: &Path, address: &Address) -> Result<()> {
    let files = fs::read_dir(paths.root.join("migrations"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<BTreeSet<_>, _>>()?;
    for file in files.iter().filter(|file| file.to_string_lossy().ends_with(".up.sql")) {
        let psql = ["-qX", "-1", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"];
        output(address.psql(bin).args(psql).arg("-f").arg(file))?;
    }
    Ok(())
}

fn describe(paths: &Paths, url: &str, into: &Path) -> Result<()> {
    if into.exists() {
        fs::remove_dir_all(into)?;
    }
    fs::create_dir_all(into)?;
    // The macros run only when the crate that holds the queries is compiled again.
    fs::File::options().append(true).open(paths.root.join("shared/src/lib.rs"))?.set_modified(SystemTime::now())?;
    run(Command::new(install::cargo())
        .args(["check", "--quiet", "--package", "shared", "--lib"])
        .env("DATABASE_URL", url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", into)
        .current_dir(&paths.root))
}

fn read_all(folder: &Path) -> Result<BTreeMap<OsString, Vec<u8>>> {
    fs::read_dir(folder)?
        .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), fs::read(entry.path())?))))
        .collect::<Result<_, _>>()
        .context("reading the described queries")
}

/// Used by the doctor, to say whether a build is there.
pub fn built(paths: &Paths) -> bool {
    Built::find(paths).is_ok_and(|built| built.bootstrap.exists() && built.tools.exists())
}
