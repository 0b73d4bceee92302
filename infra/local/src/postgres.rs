//! The database: a cluster of this checkout, or the user's own through `DATABASE_URL`.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::Write,
    net::TcpListener,
    os::unix::{fs::OpenOptionsExt, fs::chown, process::CommandExt},
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::{
    address::Address,
    install,
    paths::Paths,
    process::{daemon, output, tail},
    progress::step,
    state::{Credentials, Server, State},
};

const DATABASE: &str = "tallybook";

/// `DATABASE_URL`, when it names a database that is not this checkout's.
fn told(credentials: &Credentials) -> Option<String> {
    // `env` prints our own URL, and a shell that took it must not turn it into "the user's".
    let passwords = [&credentials.superuser, &credentials.migrate, &credentials.write, &credentials.read];
    env::var("DATABASE_URL")
        .ok()
        .filter(|url| !url.is_empty() && !passwords.iter().any(|ours| url.contains(ours.as_str())))
}

fn own(url: &str) -> Result<Address> {
    Address::parse(url).context("DATABASE_URL is not of the form postgres://user:password@host:port/database")
}

/// Where the database of the last `up` is; it may not be running.
pub fn address(state: &State, credentials: &Credentials) -> Result<Option<Address>> {
    if let Some(url) = &state.database {
        return own(url).map(Some);
    }
    Ok(state.postgres.as_ref().map(|server| ours(server.port, credentials)))
}

fn ours(port: u16, credentials: &Credentials) -> Address {
    Address {
        host: "127.0.0.1".to_owned(),
        port,
        database: DATABASE.to_owned(),
        user: "postgres".to_owned(),
        password: credentials.superuser.clone(),
    }
}

/// A running database, empty or not.
pub fn up(paths: &Paths, state: &mut State, credentials: &Credentials) -> Result<Address> {
    let bin = install::postgres_bin(paths)?;
    state.database = told(credentials);
    state.save(paths)?;
    if let Some(url) = &state.database {
        let own = own(url)?;
        own.query(&bin, "SELECT 1").context("DATABASE_URL cannot be reached")?;
        eprintln!("Using the database {} on {}:{} (DATABASE_URL)", own.database, own.host, own.port);
        return Ok(own);
    }
    up_own(paths, state, credentials)
}

/// Our own cluster, whatever `DATABASE_URL` says.
pub fn up_own(paths: &Paths, state: &mut State, credentials: &Credentials) -> Result<Address> {
    let bin = install::postgres_bin(paths)?;
    if let Some(server) = &state.postgres
        && server.process.alive()
        && ready(&bin, server.port)
    {
        return Ok(ours(server.port, credentials));
    }
    step("Starting PostgreSQL", || {
        if credentials.is_new && paths.cluster.exists() {
            eprintln!("The passwords of an earlier database are gone, and with them its use: it is made anew.");
            stop_unknown(paths, &bin)?;
            fs::remove_dir_all(&paths.cluster)?;
        }
        if !paths.cluster.join("PG_VERSION").exists() {
            create(&bin, &paths.cluster, &credentials.superuser)?;
        }
        start(paths, state, &bin)
    })?;
    let port = state.postgres.as_ref().map(|server| server.port).context("no port")?;
    let address = ours(port, credentials);
    create_database(&bin, &address, DATABASE)?;
    Ok(address)
}

fn start(paths: &Paths, state: &mut State, bin: &Path) -> Result<()> {
    stop_unknown(paths, bin)?;
    let port = port(state.postgres.as_ref().map(|server| server.port))?;
    let mut command = as_postgres(&bin.join("postgres"))?;
    command.arg("-D").arg(&paths.cluster);
    for setting in [
        &format!("port={port}"),
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        // Each warm process of each function holds one, and so do the tests.
        "max_connections=400",
        "shared_buffers=256MB",
        // As RDS does unasked; `cargo local top` and the nightly look for slow statements read it.
        "shared_preload_libraries=pg_stat_statements",
        // A kill of Postgres loses nothing without them, only a crash of the machine does; and
        // tests create a database each.
        "fsync=off",
        "full_page_writes=off",
    ] {
        command.arg("-c").arg(setting);
    }
    let log = paths.log("postgres");
    let process = daemon(&mut command, &log)?;
    state.postgres = Some(Server { port, process: process.clone() });
    state.save(paths)?;
    let until = Instant::now() + Duration::from_secs(30);
    while !ready(bin, port) {
        if !process.alive() || Instant::now() > until {
            bail!("PostgreSQL did not start; its log ends with:\n{}", tail(&log, 2_000));
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Stops one that we were killed before writing down: its cluster is ours, so is it.
fn stop_unknown(paths: &Paths, bin: &Path) -> Result<()> {
    if paths.cluster.join("postmaster.pid").exists() {
        let mut stop = as_postgres(&bin.join("pg_ctl"))?;
        output(stop.arg("stop").args(["-m", "fast", "-t", "20", "-D"]).arg(&paths.cluster)).ok();
    }
    Ok(())
}

/// As architecture.md has it: the same collation on every machine, so that `lower` is the same.
fn create(bin: &Path, cluster: &Path, password: &str) -> Result<()> {
    let part = cluster.with_extension("part");
    let secret = cluster.with_extension("password");
    if part.exists() {
        fs::remove_dir_all(&part)?;
    }
    fs::create_dir(&part)?;
    fs::remove_file(&secret).ok();
    fs::File::options().create_new(true).write(true).mode(0o600).open(&secret)?.write_all(password.as_bytes())?;
    if let Some((uid, gid)) = unprivileged()? {
        chown(&part, Some(uid), Some(gid))?;
        chown(&secret, Some(uid), Some(gid))?;
    }
    let made = output(
        as_postgres(&bin.join("initdb"))?
            .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
            .args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync", "--no-instructions"])
            .arg("--pwfile")
            .arg(&secret)
            .arg("-D")
            .arg(&part),
    );
    fs::remove_file(&secret).ok();
    made?;
    Ok(fs::rename(&part, cluster)?)
}

pub fn create_database(bin: &Path, address: &Address, name: &str) -> Result<()> {
    let server = Address { database: "postgres".to_owned(), ..address.clone() };
    if server.query(bin, &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"))?.is_empty() {
        server.query(bin, &format!(
            "CREATE DATABASE {name} ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' TEMPLATE template0"
        ))?;
    }
    Ok(())
}

pub fn drop_database(bin: &Path, address: &Address, name: &str) -> Result<()> {
    let server = Address { database: "postgres".to_owned(), ..address.clone() };
    server.query(bin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).map(drop)
}

/// The first migration makes the roles, without passwords: those belong to an installation.
pub fn set_passwords(paths: &Paths, address: &Address, credentials: &Credentials) -> Result<()> {
    let statements: String = [
        ("tallybook_migrate", &credentials.migrate),
        ("tallybook_write", &credentials.write),
        ("tallybook_read", &credentials.read),
    ]
    .map(|(role, password)| format!("ALTER ROLE {role} LOGIN PASSWORD '{password}';\n"))
    .concat();
    address.query(&install::postgres_bin(paths)?, &statements).map(drop)
}

pub fn has_merchants(paths: &Paths, address: &Address) -> Result<bool> {
    let found = address.query(&install::postgres_bin(paths)?, "SELECT EXISTS (SELECT FROM merchant_master)")?;
    Ok(found == "t")
}

pub fn down(paths: &Paths, state: &mut State) -> Result<()> {
    if let Some(server) = &state.postgres {
        // SIGINT is its "fast" way: connections are closed, the cluster is left clean.
        server.process.stop(Signal::INT, Duration::from_secs(20))?;
    }
    // The port is kept, so that an address in somebody's shell stays true.
    state.save(paths)
}

pub fn psql(paths: &Paths, args: &[String]) -> Result<()> {
    let credentials = Credentials::load(paths)?;
    let address = address(&State::load(paths), &credentials)?.context("nothing runs; `cargo local up` first")?;
    let error = address.psql(&install::postgres_bin(paths)?).args(args).exec();
    Err(error).context("cannot run psql")
}

fn ready(bin: &Path, port: u16) -> bool {
    Command::new(bin.join("pg_isready"))
        .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
        .status()
        .is_ok_and(|status| status.success())
}

/// The port of last time if it is free, so that addresses stay true; else any free one.
pub fn port(last: Option<u16>) -> Result<u16> {
    if let Some(port) = last
        && TcpListener::bind(("127.0.0.1", port)).is_ok()
    {
        return Ok(port);
    }
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A program as the user Postgres may run as, with a bare environment: the locale of whoever
/// calls must not reach the cluster.
fn as_postgres(program: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", env::var_os("PATH").as_deref().unwrap_or(OsStr::new("/usr/bin:/bin")))
        .env("TZ", "UTC")
        .current_dir("/");
    if let Some((uid, gid)) = unprivileged()? {
        command.uid(uid).gid(gid);
    }
    Ok(command)
}

/// Whom root turns into, since Postgres refuses root: Debian's own user if there is one.
fn unprivileged() -> Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    for name in ["postgres", "nobody"] {
        for line in users.lines() {
            let mut fields = line.split(':');
            if fields.next() == Some(name)
                && let (Some(uid), Some(gid)) = (fields.nth(1), fields.next())
            {
                return Ok(Some((uid.parse()?, gid.parse()?)));
            }
        }
    }
    bail!("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")
}
