//! The database as a file, and out of it a new cluster. The figures of every table are taken in the dump's own snapshot, and
//! what was restored must have the same.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    address::Address,
    install,
    paths::Paths,
    postgres,
    process::run,
    progress::{say, step},
    state::{Credentials, State},
    up,
};

/// By table: how many rows, and a sum over what they say that does not ask for an order.
pub type Figures = BTreeMap<String, String>;

const TABLES: &str = "SELECT format('%I', c.relname) FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1";
/// Between what psql answers to one question and to the next.
const MARK: &str = "--that was it--";

fn figure(table: &str) -> String {
    // The same text for the same value, whoever asks.
    format!(
        "SELECT format('%s rows, %s', count(*), coalesce(sum(('x' || left(md5(t::text), 15))::bit(60)::bigint::numeric), 0)) FROM {table} t"
    )
}

fn figures_file(file: &Path) -> PathBuf {
    file.with_added_extension("figures.json")
}

/// A psql that stays, for a snapshot that others read, too.
struct Session {
    child: std::process::Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Session {
    fn open(address: &Address, bin: &Path) -> Result<Self> {
        let mut child = address
            .psql(bin)
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let answers = BufReader::new(child.stdout.take().context("psql has no output")?);
        Ok(Self { child, answers })
    }

    fn ask(&mut self, sql: &str) -> Result<Vec<String>> {
        let stdin = self.child.stdin.as_mut().context("psql takes no input")?;
        writeln!(stdin, "{sql};\n\\echo {MARK}")?;
        stdin.flush()?;
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            ensure!(self.answers.read_line(&mut line)? > 0, "psql ended at: {sql}");
            match line.trim_end() {
                MARK => return Ok(lines),
                "" => {}
                line => lines.push(line.to_owned()),
            }
        }
    }

    fn one(&mut self, sql: &str) -> Result<String> {
        self.ask(sql)?.pop().with_context(|| format!("no answer to: {sql}"))
    }

    fn figures(&mut self) -> Result<Figures> {
        let tables = self.ask(TABLES)?;
        tables.into_iter().map(|table| Ok((table.clone(), self.one(&figure(&table))?))).collect()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

fn program(address: &Address, bin: &Path, name: &str) -> Command {
    let mut command = Command::new(bin.join(name));
    command
        .env("PGHOST", &address.host)
        .env("PGPORT", address.port.to_string())
        .env("PGUSER", &address.user)
        .env("PGPASSWORD", &address.password);
    command
}

/// The figures that lie beside a backup.
pub fn figures_of(file: &Path) -> Result<Figures> {
    Ok(serde_json::from_slice(&fs::read(figures_file(file)).context("the backup has no figures beside it")?)?)
}

/// Writes the database to a file, and its figures beside it. Whoever works meanwhile is not disturbed.
pub fn backup(paths: &Paths, file: &Path) -> Result<()> {
    let credentials = Credentials::load(paths)?;
    let address =
        postgres::address(&State::load(paths), &credentials)?.context("nothing runs; `cargo local up` first")?;
    let bin = install::postgres_bin(paths)?;
    let figures = step("Backing up", || {
        let mut session = Session::open(&address, &bin)?;
        session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let snapshot = session.one("SELECT pg_export_snapshot()")?;
        run(program(&address, &bin, "pg_dump")
            .args(["--format=custom", "--no-password", "--snapshot", &snapshot, "--file"])
            .arg(file)
            .arg(&address.database))?;
        session.figures()
    })?;
    fs::write(figures_file(file), serde_json::to_vec_pretty(&figures)?)?;
    let size = fs::metadata(file)?.len();
    say(format_args!("{} tables, {size} bytes in {}", figures.len(), file.display()));
    Ok(())
}

/// Makes a new cluster of a backup and starts everything on it. The cluster of before is kept aside.
pub fn restore(paths: &Paths, file: &Path) -> Result<()> {
    let file = fs::canonicalize(file).with_context(|| format!("no {}", file.display()))?;
    let expected = figures_of(&file)?;
    up::down(paths)?;
    let aside = paths.cluster.with_extension("before");
    {
        let _lock = paths.lock()?;
        let mut state = State::load(paths);
        ensure!(state.database.is_none(), "the database is your own (DATABASE_URL): restore it with its own tools");
        ensure!(!aside.exists(), "{} is of a restore before: remove it", aside.display());
        if paths.cluster.exists() {
            fs::rename(&paths.cluster, &aside)?;
        }
        let credentials = Credentials::load(paths)?;
        let address = postgres::up_own(paths, &mut state, &credentials)?;
        into(paths, &address, &file, &expected)?;
    }
    up::up(paths, true)?;
    say(format_args!("{} tables are as they were. The cluster of before is {}", expected.len(), aside.display()));
    Ok(())
}

/// Fills an empty database of a new cluster, and compares.
pub fn into(paths: &Paths, address: &Address, file: &Path, expected: &Figures) -> Result<()> {
    let bin = install::postgres_bin(paths)?;
    step("Restoring", || {
        roles(paths, address, &bin)?;
        run(program(address, &bin, "pg_restore")
            .args(["--exit-on-error", "--no-password", "--jobs=2", "--dbname", &address.database])
            .arg(file))
    })?;
    let found = step("Comparing", || Session::open(address, &bin)?.figures())?;
    let differ: Vec<_> = expected
        .iter()
        .filter(|(table, figure)| found.get(*table) != Some(*figure))
        .map(|(table, figure)| {
            format!("{table}: {figure} in the backup, {} restored", found.get(table).map_or("nothing", String::as_str))
        })
        .collect();
    if !differ.is_empty() || found.len() != expected.len() {
        bail!("what was restored is not what was backed up:\n{}", differ.join("\n"));
    }
    Ok(())
}

/// Roles belong to a cluster and are in no database's dump, nor are their time limits: the first migration makes both.
fn roles(paths: &Paths, address: &Address, bin: &Path) -> Result<()> {
    let scratch = Address { database: "tallybook_roles".to_owned(), ..address.clone() };
    postgres::create_database(bin, address, &scratch.database)?;
    let first = fs::read_to_string(paths.root.join("migrations/0001_extensions_and_roles.up.sql"))?;
    scratch.query(bin, &first)?;
    postgres::drop_database(bin, address, &scratch.database)
}
