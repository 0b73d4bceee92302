//! Which migrations may run while the release before still serves: none that locks out or rewrites a table with rows, and
//! none that takes away what that release uses. The statements are read by a parser of PostgreSQL's own grammar.

mod advice;

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, bail};
use squawk_linter::{Linter, Rule};
use squawk_syntax::{SourceFile, ast, ast::AstNode};

/// Everything up to this one came with the first release, before there was a row to lock.
const BASELINE: u32 = 48;

/// What locks or rewrites, or is no use outside one transaction. A migration may say why it does no harm where it is:
/// `-- Allow RULE: because`.
const HEAVY: [Rule; 21] = [
    Rule::AddingFieldWithDefault,
    Rule::AddingForeignKeyConstraint,
    Rule::AddingNotNullableField,
    Rule::AddingRequiredField,
    Rule::AddingSerialPrimaryKeyField,
    Rule::BanAddEnumValue,
    Rule::BanDisableTrigger,
    Rule::BanRevoke,
    Rule::BanSetSchema,
    Rule::BanTruncateCascade,
    Rule::ChangingColumnType,
    Rule::ConstraintMissingNotValid,
    Rule::DisallowedUniqueConstraint,
    Rule::RenamingColumn,
    Rule::RenamingObject,
    Rule::RenamingTable,
    Rule::RequireConcurrentIndexCreation,
    Rule::RequireConcurrentIndexDeletion,
    Rule::RequireConcurrentPartitionDetach,
    Rule::RequireConcurrentReindex,
    Rule::TransactionNesting,
];

/// What takes something away: `-- Unused since NNNN: because` names the migration whose release stopped using it.
const TAKING: [Rule; 9] = [
    Rule::BanDropColumn,
    Rule::BanDropDefault,
    Rule::BanDropFunction,
    Rule::BanDropNotNull,
    Rule::BanDropSchema,
    Rule::BanDropSequence,
    Rule::BanDropTable,
    Rule::BanDropType,
    Rule::BanDropView,
];

/// A migration as it lies in the repository.
pub struct Migration {
    pub version: u32,
    pub file: String,
    pub text: String,
}

/// What is refused, where, and how to do it instead.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub file: String,
    pub line: usize,
    /// What may be allowed by its name.
    pub rule: String,
    pub says: String,
    pub instead: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, rule, says, instead } = self;
        write!(f, "migrations/{file}:{line}: {rule}: {says}\n    {instead}")
    }
}

/// All migrations upwards, the oldest first.
pub fn migrations(root: &Path) -> Result<Vec<Migration>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(root.join("migrations")).context("no folder migrations/")? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().display().to_string();
        if !file.ends_with(".up.sql") {
            continue;
        }
        let version = file.split('_').next().and_then(|number| number.parse().ok());
        let Some(version) = version else { bail!("migrations/{file} begins with no number") };
        all.push(Migration { version, text: fs::read_to_string(&path)?, file });
    }
    all.sort_by_key(|one| one.version);
    Ok(all)
}

/// What is refused of the migrations after the baseline. `released` is the newest one of the release that serves, where that
/// is known.
#[must_use]
pub fn refusals(all: &[Migration], released: Option<u32>) -> Vec<Refusal> {
    all.iter().filter(|one| one.version > BASELINE).flat_map(|one| examine(one, released)).collect()
}

/// What a migration says of itself in its comments.
struct Headers<'a>(Vec<&'a str>);

impl<'a> Headers<'a> {
    fn of(text: &'a str) -> Self {
        Self(text.lines().filter_map(|line| line.trim().strip_prefix("--")).map(str::trim).collect())
    }

    /// Whether a rule is answered with a reason that deserves the name.
    fn allow(&self, rule: &str) -> bool {
        let reasons =
            self.0.iter().filter_map(|line| line.strip_prefix("Allow ")?.strip_prefix(rule)?.strip_prefix(": "));
        reasons.into_iter().any(|reason| reason.len() >= 20)
    }

    /// The migration since which what is dropped is unused.
    fn unused_since(&self) -> Option<u32> {
        let said = self.0.iter().find_map(|line| line.strip_prefix("Unused since "))?;
        let (number, reason) = said.split_once(": ")?;
        (reason.len() >= 10).then_some(number.parse().ok()?)
    }
}

struct Examination<'a> {
    migration: &'a Migration,
    headers: Headers<'a>,
    found: Vec<Refusal>,
}

impl Examination<'_> {
    fn refuse(&mut self, at: usize, rule: &str, says: impl Into<String>) {
        if self.headers.allow(rule) {
            return;
        }
        let line = self.migration.text.get(..at).unwrap_or_default().lines().count().max(1);
        let line =
            if self.migration.text.get(..at).is_some_and(|before| before.ends_with('\n')) { line + 1 } else { line };
        let file = self.migration.file.clone();
        self.found.push(Refusal {
            file,
            line,
            rule: rule.to_owned(),
            says: says.into(),
            instead: advice::instead(rule),
        });
    }
}

fn examine(migration: &Migration, released: Option<u32>) -> Vec<Refusal> {
    let text = &migration.text;
    let mut seen = Examination { migration, headers: Headers::of(text), found: Vec::new() };
    let parsed = SourceFile::parse(text);
    if let Some(error) = parsed.errors().first() {
        seen.refuse(usize::from(error.range().start()), "unreadable", error.message().to_owned());
        return seen.found;
    }
    if let Some(at) = text.find("squawk-") {
        seen.refuse(at, "silenced", "the reader of SQL is told to look away");
    }
    let statements: Vec<_> = parsed.tree().stmts().collect();
    // As sqlx reads it.
    let alone = text.starts_with("-- no-transaction");
    let mut linter = Linter::from(HEAVY.into_iter().chain(TAKING));
    linter.settings.assume_in_transaction = !alone;
    let mut takes = None;
    for violation in linter.lint(&parsed, text) {
        let (rule, at) = (violation.code.to_string(), usize::from(violation.text_range.start()));
        if TAKING.contains(&violation.code) {
            takes.get_or_insert((at, violation.message));
        } else {
            seen.refuse(at, &rule, violation.message);
        }
    }
    for statement in &statements {
        let at = usize::from(statement.syntax().text_range().start());
        if !alone && words(statement).iter().any(|word| word == "CONCURRENTLY") {
            seen.refuse(at, "concurrently-in-transaction", "PostgreSQL does it outside of transactions alone");
        }
        let what = match statement {
            ast::Stmt::Update(_) | ast::Stmt::Delete(_) | ast::Stmt::Merge(_) => "rows-changed",
            ast::Stmt::Do(_) => "block",
            ast::Stmt::Lock(_) | ast::Stmt::Truncate(_) | ast::Stmt::Cluster(_) | ast::Stmt::Repack(_) => {
                "table-locked"
            }
            ast::Stmt::Vacuum(_) if words(statement).iter().any(|word| word.contains("FULL")) => "table-locked",
            _ => continue,
        };
        seen.refuse(at, what, statement.syntax().text().to_string().lines().next().unwrap_or_default());
    }
    if alone {
        by_itself(&mut seen, &statements);
    }
    if let Some((at, says)) = takes {
        taken(&mut seen, at, says, &statements, released);
    }
    seen.found
}

/// A statement's words, in capitals.
fn words(statement: &ast::Stmt) -> Vec<String> {
    statement.syntax().text().to_string().to_uppercase().split_whitespace().map(str::to_owned).collect()
}

/// What runs outside of transactions may be cut off anywhere and comes again: it is one statement that bears that.
fn by_itself(seen: &mut Examination, statements: &[ast::Stmt]) {
    let bears = |statement: &ast::Stmt| {
        let words = words(statement);
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        match statement {
            ast::Stmt::CreateIndex(_) | ast::Stmt::Reindex(_) => has("CONCURRENTLY"),
            ast::Stmt::DropIndex(_) => has("CONCURRENTLY") && has("EXISTS"),
            ast::Stmt::AlterTable(_) => has("VALIDATE"),
            ast::Stmt::Analyze(_) | ast::Stmt::Vacuum(_) => true,
            _ => false,
        }
    };
    if statements.len() != 1 || !statements.iter().all(bears) {
        seen.refuse(0, "no-transaction", format!("{} statements outside of a transaction", statements.len()));
    }
}

/// What is dropped was announced by a release before this one, and nothing that takes its place comes beside it.
fn taken(seen: &mut Examination, at: usize, says: String, statements: &[ast::Stmt], released: Option<u32>) {
    match seen.headers.unused_since() {
        None => seen.refuse(at, "drop", says),
        Some(since) if since >= seen.migration.version => {
            seen.refuse(at, "drop", format!("unused since {since:04}, which is not before this one"));
        }
        Some(since) if released.is_some_and(|released| since > released) => {
            seen.refuse(
                at,
                "drop",
                format!("{since:04} is of this release: the one that serves still uses what is dropped"),
            );
        }
        Some(_) => {}
    }
    let adds = |statement: &ast::Stmt| match statement {
        ast::Stmt::CreateTable(_) | ast::Stmt::CreateView(_) => true,
        ast::Stmt::AlterTable(alter) => {
            alter.actions().any(|action| matches!(action, ast::AlterTableAction::AddColumn(_)))
        }
        _ => false,
    };
    if statements.iter().any(adds) {
        seen.refuse(at, "drop-beside-add", "what is dropped and what is added are in one migration");
    }
}

#[cfg(test)]
mod tests;
