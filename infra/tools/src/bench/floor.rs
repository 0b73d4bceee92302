//! The floor under a request: its main statement, with nothing around it.

use super::{
    cases::Case,
    cloud::Login,
    process::{Launch, Process},
    tap::{Step, Tap},
    wire::Wire,
};
use anyhow::{Context, Result};
use std::time::Duration;

/// Requests before what is recorded: the first ones prepare.
pub const BEFORE: usize = 2;

/// Puts a request through.
pub type Ask<'a> = dyn Fn(&mut Process, usize) -> Result<()> + 'a;

/// A read's statement is executed again and again on the connection that prepared it. A write cannot be done twice: its
/// statement and its COMMIT are timed where they are, in requests of their own.
pub enum Floor {
    Again { wire: Wire, before: Vec<Step>, main: Step },
    Within { process: Process, tap: Tap, main: &'static str },
}

impl Floor {
    /// Has the function answer a few times through a tap. With how many statements a request has.
    pub fn record(launch: &Launch, login: &Login, case: &Case, ask: &Ask) -> Result<(Self, usize)> {
        let (tap, process, mark) = recorded(launch, login, case, ask)?;
        if case.writes() {
            let count = tap.steps(mark)?.len();
            return Ok((Self::Within { process, tap, main: case.main }, count));
        }
        drop(process);
        let (wire, steps) = tap.take(mark)?;
        let at = steps.iter().rposition(|step| step.statement.sql.contains(case.main));
        let (before, main) = steps.split_at(at.context("it executed no such statement")?);
        // The look-up of the session is no part of what was asked for.
        let before = before.get(1..).unwrap_or_default().to_vec();
        let main = main.first().context("it executed nothing")?.clone();
        Ok((Self::Again { wire, before, main }, steps.len()))
    }

    /// Begins a stretch of measuring. A read that needs settings of its transaction finds them there.
    pub fn begin(&mut self) -> Result<()> {
        let Self::Again { wire, before, .. } = self else { return Ok(()) };
        if before.is_empty() {
            return Ok(());
        }
        wire.simple("BEGIN READ ONLY")?;
        for step in before {
            wire.run(&step.request()?)?;
        }
        Ok(())
    }

    pub fn end(&mut self) -> Result<()> {
        match self {
            // Outside a transaction this is a warning and no error.
            Self::Again { wire, .. } => wire.simple("COMMIT"),
            Self::Within { .. } => Ok(()),
        }
    }

    /// Once; of a write by request number `n`.
    pub fn once(&mut self, ask: &Ask, n: usize) -> Result<Duration> {
        match self {
            Self::Again { wire, main, .. } => wire.run(&main.request()?),
            Self::Within { process, tap, main } => {
                let mark = tap.mark()?;
                ask(process, n)?;
                let steps = tap.steps(mark)?;
                let step = steps.iter().find(|step| step.statement.sql.contains(*main));
                tap.took(step.with_context(|| format!("it executed no {main}"))?.at)
            }
        }
    }
}

/// What a request executes, and the connection that prepared it.
pub fn steps(launch: &Launch, login: &Login, case: &Case, ask: &Ask) -> Result<(Wire, Vec<Step>)> {
    let (tap, process, mark) = recorded(launch, login, case, ask)?;
    drop(process);
    tap.take(mark)
}

fn recorded(launch: &Launch, login: &Login, case: &Case, ask: &Ask) -> Result<(Tap, Process, usize)> {
    let tap = Tap::open(&login.host, launch.postgres)?;
    let mut process = Process::start(launch, case.handler, tap.port)?;
    for n in 0..BEFORE {
        ask(&mut process, n)?;
    }
    let mark = tap.mark()?;
    ask(&mut process, BEFORE)?;
    Ok((tap, process, mark))
}
