//! The floor under a request: its own statement, prepared, on an open connection, with nothing around it.

use super::{
    cases::Case,
    cloud::Login,
    process::{Launch, Process},
    tap::{Step, Tap},
    wire::Wire,
};
use anyhow::{Context, Result, ensure};
use std::time::Duration;
use uuid::Uuid;

pub struct Floor {
    pub wire: Wire,
    /// All statements of the request but the first, which looks up the session.
    pub steps: Vec<Step>,
    /// What the floor consists of.
    main: Step,
    writes: bool,
}

impl Floor {
    /// Has the function answer a few times through a tap, and keeps its connection.
    pub fn record(launch: &Launch, login: &Login, case: &Case, token: &str) -> Result<Self> {
        let tap = Tap::open(&login.host, launch.postgres)?;
        let mut process = Process::start(launch, case.handler, tap.port)?;
        for n in 0..2 {
            process.invoke(&case.event(token, n))?;
        }
        let mark = tap.mark()?;
        process.invoke(&case.event(token, 2))?;
        drop(process);
        let (wire, steps) = tap.take(mark)?;
        let (session, steps) = steps.split_first().context("it executed nothing")?;
        ensure!(session.statement.sql.contains("sessions"), "its first statement looks up no session");
        let main = if case.writes {
            steps.iter().find(|step| step.statement.sql.contains("INSERT INTO transactions"))
        } else {
            steps.last()
        };
        let main = main.context("it executed nothing but the look-up of its session")?.clone();
        Ok(Self { wire, steps: steps.to_vec(), main, writes: case.writes })
    }

    /// Begins a stretch of measuring. A read that needs settings of its transaction finds them there.
    pub fn begin(&mut self) -> Result<()> {
        let Some((_, before)) = self.steps.split_last().filter(|(_, before)| !self.writes && !before.is_empty()) else {
            return Ok(());
        };
        self.wire.simple("BEGIN READ ONLY")?;
        for step in before {
            self.wire.run(&step.request()?)?;
        }
        Ok(())
    }

    pub fn end(&mut self) -> Result<()> {
        // Outside a transaction this is a warning and no error.
        self.wire.simple("COMMIT")
    }

    /// Once. An INSERT commits by itself, under an id of its own.
    pub fn once(&mut self) -> Result<Duration> {
        if self.writes {
            self.main.replace_parameter(1, Uuid::now_v7().as_bytes())?;
        }
        self.wire.run(&self.main.request()?)
    }
}
