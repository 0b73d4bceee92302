//! Figures: starts, warm requests beside their floors, and long histories beside short ones.

use super::{
    Bench,
    cases::{self, Case},
    data::User,
    figures::{Sample, mb, ms, ratio, verdict},
    floor::{BEFORE, Floor},
    process::Process,
};
use anyhow::{Result, ensure};
use std::{
    fs,
    time::{Duration, Instant},
};

const STARTS: u32 = 20;
const WARM_UP: usize = 50;
/// Requests of which a median is enough.
const FEW: usize = 60;
/// Requests between a BEGIN and a COMMIT on the floor's connection; less than the time one may idle in between.
const STRETCH: usize = 100;

impl Bench<'_> {
    pub(super) async fn measure(&self) -> Result<()> {
        let size = fs::metadata(&self.bootstrap)?.len();
        let (all, own) = (self.data.rows, self.data.user.rows);
        println!("\n{all} transactions, {own} of them the user's; {}", self.bootstrap.display());
        println!("{:<28}{:>10}{:>10}{:>10}   target", "ms", "p50", "p95", "p99");
        let (ready, answered) = self.starts()?;
        against("start to first /next", &ready, 15);
        against("start to first list", &answered, 60);
        self.histories()?;
        println!(
            "\n{:<28}{:>10}{:>10}{:>10}{:>8}{:>8}{:>12}   target",
            "warm, ms", "p50", "p95", "p99", "ratio", "CPU", "statements"
        );
        let mut resident = 0;
        for case in self.cases(&self.data.user)? {
            resident = resident.max(self.warm(&case)?);
        }
        if self.functions.is_empty() {
            self.import().await?;
            self.export()?;
        }
        println!(
            "\nresident, the largest of them  {:>8} MB   ≤ 25 MB     {}",
            mb(resident),
            verdict(resident <= 25_000_000)
        );
        println!("bootstrap, stripped            {:>8} MB   ≤ 12 MB     {}", mb(size), verdict(size <= 12_000_000));
        Ok(())
    }

    /// Starts: until it asks for work, and until it has answered with a list.
    fn starts(&self) -> Result<(Sample, Sample)> {
        let (case, launch) = (cases::list(), self.launch());
        let event = case.event(&self.token(&self.data.user, 0)?, 0)?;
        let (mut ready, mut answered) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        // The first one finds its file on disk.
        for round in 0..=STARTS {
            let mut process = Process::start(&launch, case.handler, launch.postgres)?;
            let at = process.invoke(&event)?.at;
            if round > 0 {
                ready.push(process.ready);
                answered.push(at.duration_since(process.spawned));
            }
        }
        eprintln!("{STARTS} starts in {} ms", begun.elapsed().as_millis());
        Ok((Sample::new(ready), Sample::new(answered)))
    }

    /// Warm requests, each beside its floor. Returns the function's resident memory in bytes.
    fn warm(&self, case: &Case) -> Result<u64> {
        let (launch, user) = (self.launch(), &self.data.user);
        let ask = |process: &mut Process, n: usize| self.ask(process, user, case, n).map(drop);
        let (mut floor, statements) = Floor::record(&launch, self.login(case), case, &ask)?;
        let mut process = Process::start(&launch, case.handler, launch.postgres)?;
        let kicks = self.cloud.kicks();
        // No two requests have a number in common, not even the floor's own.
        let mut next = BEFORE;
        let mut number = || {
            next += 1;
            next
        };
        let warm_up = if case.writes() { WARM_UP.min(case.rounds / 2) } else { WARM_UP };
        floor.begin()?;
        for _ in 0..warm_up {
            ask(&mut process, number())?;
            floor.once(&ask, number())?;
        }
        floor.end()?;
        let (mut wall, mut sql, before) = (Vec::new(), Vec::new(), process.cpu()?);
        for round in 0..case.rounds {
            if round % STRETCH == 0 {
                floor.begin()?;
            }
            sql.push(floor.once(&ask, number())?);
            wall.push(self.ask(&mut process, user, case, number())?);
            if round % STRETCH == STRETCH - 1 {
                floor.end()?;
            }
        }
        let cpu = process.cpu()?.saturating_sub(before) / u32::try_from(case.rounds)?;
        let kicked = self.cloud.kicks() - kicks;
        ensure!(!case.kicks() || kicked >= u64::try_from(case.rounds)?, "{kicked} kicks reached the relay's queue");
        let (wall, sql) = (Sample::new(wall), Sample::new(sql));
        let most = sql.p50() * 3 / 2 + Duration::from_micros(500);
        let holds = wall.p50() <= most && (cpu <= Duration::from_micros(500) || !case.promised);
        let promise = if case.promised { ", CPU ≤ 0.50" } else { "" };
        // Of a write the main statement is one of several, so that its floor is no target.
        let target =
            if case.writes() { String::new() } else { format!("≤ {}{promise}  {}", ms(most), verdict(holds)) };
        println!(
            "{:<28}{}{:>8}{:>8}{statements:>12}   {target}",
            case.title,
            wall.columns(),
            ratio(wall.p50(), sql.p50()),
            ms(cpu),
        );
        println!("{:<28}{}", "  its floor", sql.columns());
        Ok(process.resident()?.saturating_mul(1024))
    }

    /// The same reads of users with a short and a long history; before anything is written.
    fn histories(&self) -> Result<()> {
        let [short, long] = self.data.others.as_slice() else { return Ok(()) };
        println!("\n{:<28}{:>10}{:>10}{:>8}   target", "history, ms (p50)", short.rows, long.rows, "ratio");
        let of_long = self.cases(long)?;
        for case in self.cases(short)?.iter().filter(|case| !case.writes()) {
            let Some(same) = of_long.iter().find(|same| (same.title, same.handler) == (case.title, case.handler))
            else {
                continue;
            };
            // One reads what a write makes.
            if case.handler == "transactions.receipt_get" {
                continue;
            }
            let (of_short, of_long) = (self.alone(short, case)?, self.alone(long, same)?);
            let holds = of_long <= of_short * 2;
            let target = if case.first_page { format!("≤ 2.00  {}", verdict(holds)) } else { String::new() };
            let (times, times_of) = (ms(of_long), ratio(of_long, of_short));
            println!("{:<28}{:>10}{times:>10}{times_of:>8}   {target}", case.title, ms(of_short));
        }
        Ok(())
    }

    /// The median of warm requests.
    fn alone(&self, user: &User, case: &Case) -> Result<Duration> {
        let launch = self.launch();
        let mut process = Process::start(&launch, case.handler, launch.postgres)?;
        let mut wall = Vec::new();
        for n in 0..WARM_UP + FEW {
            wall.push(self.ask(&mut process, user, case, n)?);
        }
        Ok(Sample::new(wall.split_off(WARM_UP)).p50())
    }
}

fn against(title: &str, sample: &Sample, target_ms: u64) {
    let holds = sample.p50() <= Duration::from_millis(target_ms);
    println!("{title:<28}{}   ≤ {target_ms} ms  {}", sample.columns(), verdict(holds));
}
