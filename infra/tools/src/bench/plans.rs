//! How Postgres goes about each statement, kept in `infra/plans`, so that a table read from end to end is seen before its
//! users are.

mod plan;

use super::{Bench, ROOT, floor::steps, process::Process};
use anyhow::{Context, Result, bail, ensure};
use plan::{Plan, parsed, scans};
use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What no request executes: tasks and frames.
const OTHERS: &str = "others";

fn folder() -> PathBuf {
    Path::new(ROOT).join("infra/plans")
}

impl Bench<'_> {
    /// Writes the plan of every statement; or compares them with what is checked in.
    pub(super) async fn explain(&self, check: bool) -> Result<()> {
        ensure!(self.functions.is_empty(), "plans are kept of all functions together: leave --function out");
        let plans = self.plans().await?;
        if check {
            return compare(&plans);
        }
        if folder().exists() {
            fs::remove_dir_all(folder())?;
        }
        fs::create_dir_all(folder())?;
        for (name, plans) in &plans {
            let text: Vec<_> = plans.iter().map(ToString::to_string).collect();
            fs::write(folder().join(format!("{name}.txt")), text.join("\n"))?;
        }
        let (files, all) = (plans.len(), plans.values().map(Vec::len).sum::<usize>());
        println!("{all} plans in {files} files of infra/plans; read what `git diff` says");
        let seen = plans.iter().flat_map(|(name, plans)| plans.iter().map(move |plan| (name, plan)));
        for (name, plan) in seen.filter(|(_, plan)| !scans(plan).is_empty()) {
            println!("{name}: {} is read from end to end by\n{}", list(&scans(plan)), plan.sql);
        }
        Ok(())
    }

    /// By file, in the order in which they are executed.
    async fn plans(&self) -> Result<BTreeMap<String, Vec<Plan>>> {
        let mut plans: BTreeMap<String, Vec<Plan>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        // The longest history there is; what only the other user has, theirs.
        let longest = self.data.others.last().unwrap_or(&self.data.user);
        let (mut cases, of_user) = (Vec::new(), self.cases(&self.data.user)?);
        for case in self.cases(longest)? {
            cases.push((longest, case));
        }
        for case in of_user {
            if !cases.iter().any(|(_, known)| (known.title, known.handler) == (case.title, case.handler)) {
                cases.push((&self.data.user, case));
            }
        }
        let launch = self.launch();
        for (user, case) in &cases {
            let ask = |process: &mut Process, n: usize| self.ask(process, user, case, n).map(drop);
            let (mut wire, steps) = steps(&launch, self.login(case), case, &ask)?;
            let known = plans.entry(case.handler.to_owned()).or_default();
            wire.simple("BEGIN")?;
            for step in steps {
                let plan = Plan::of(&step.statement.sql, &wire.explain(&step)?);
                seen.insert(plan.sql.clone());
                // Filters make statements of their own; the same one twice is of no use.
                if !known.iter().any(|other| other.sql == plan.sql) {
                    known.push(plan);
                }
            }
            wire.simple("ROLLBACK")?;
        }
        plans.insert(OTHERS.to_owned(), others(&mut self.data.admin().connect().await?, &seen).await?);
        Ok(plans)
    }
}

/// The statements that sqlx knows of and no request executed, planned for any parameters.
async fn others(conn: &mut PgConnection, seen: &BTreeSet<String>) -> Result<Vec<Plan>> {
    let mut statements = BTreeSet::new();
    for entry in fs::read_dir(Path::new(ROOT).join(".sqlx"))? {
        let known: Value = serde_json::from_slice(&fs::read(entry?.path())?)?;
        statements.insert(known.get("query").and_then(Value::as_str).context("no query")?.to_owned());
    }
    let mut plans = Vec::new();
    for sql in statements.iter().filter(|sql| !seen.contains(&plan::one_line(sql))) {
        let mut tx = conn.begin().await?;
        let explain = AssertSqlSafe(format!("EXPLAIN (GENERIC_PLAN, COSTS OFF) {sql}"));
        let rows = sqlx::raw_sql(explain).fetch_all(&mut *tx).await.with_context(|| sql.clone())?;
        let lines = rows.iter().map(|row| sqlx::Row::try_get(row, 0)).collect::<Result<Vec<String>, _>>()?;
        plans.push(Plan::of(sql, &lines));
    }
    Ok(plans)
}

/// Fails with every table that a statement now reads from end to end and did not before.
fn compare(plans: &BTreeMap<String, Vec<Plan>>) -> Result<()> {
    let (mut faults, mut unknown) = (Vec::new(), 0_u32);
    for (name, plans) in plans {
        let kept = fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap_or_default();
        let kept = parsed(&kept);
        for plan in plans {
            let before = kept.iter().find(|other| other.sql == plan.sql);
            unknown += u32::from(before.is_none());
            let known = before.map(scans).unwrap_or_default();
            let new: BTreeSet<_> = scans(plan).difference(&known).cloned().collect();
            if !new.is_empty() {
                faults.push(format!("{name}: {} is read from end to end by\n{plan}", list(&new)));
            }
        }
    }
    if unknown > 0 {
        println!("{unknown} statements are not in infra/plans yet: `cargo local bench explain` writes them");
    }
    if faults.is_empty() {
        println!("no statement reads a growing table from end to end that did not before");
        return Ok(());
    }
    bail!(
        "{}\nGive each an index that its condition can use, or a LIMIT on an ordered one; or keep it as it is with `cargo \
         local bench explain`.",
        faults.join("\n")
    )
}

fn list(tables: &BTreeSet<String>) -> String {
    tables.iter().cloned().collect::<Vec<_>>().join(", ")
}
