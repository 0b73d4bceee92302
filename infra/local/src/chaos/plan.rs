//! What is broken, in which order, and when: at even distances in the course of the writes, mixed by the seed.

use std::{
    sync::{Arc, atomic::Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use rustix::process::Signal;

use super::{
    faults::{Armed, Class, Deed, Point, Tables},
    stack::Stack,
    victims::Victim,
    writer::Shared,
};
use crate::random::Random;

/// The clock is wrong by up to so many seconds. By more, what is due every minute would be due only after the run.
const JUMP_S: u64 = 45;
/// Nothing that is broken stays broken for so long.
const STUCK: Duration = Duration::from_mins(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A fault waits for its point.
    Arm(Armed),
    /// kill -9 for any process, whatever it does.
    KillAny,
    /// Every connection to Postgres breaks.
    CutAll,
    /// Postgres ends, in order or as in a crash, and comes back.
    Restart { crash: bool },
    /// A process stands still, and wakes up with dead connections.
    Freeze,
    /// `DynamoDB` fails, or is slow, for a while.
    Tables(Tables),
    /// The functions' wall clock jumps.
    Clock,
    /// A message that was sent some time ago comes again.
    Echo,
}

/// How a share of the kills is spread: in a hundred.
const KILLS: [(u64, Point, Class); 10] = [
    (24, Point::BeforeCommit, Class::Api),
    (24, Point::Committed, Class::Api),
    (9, Point::BeforeSend, Class::Api),
    (8, Point::Sent, Class::Api),
    (4, Point::HandedOver, Class::Relay),
    (3, Point::BeforeSend, Class::Relay),
    (2, Point::Committed, Class::Relay),
    (6, Point::Posting, Class::Deliver),
    (3, Point::BeforeCommit, Class::Worker),
    (5, Point::Committed, Class::Worker),
];

/// Everything that a run of so many kills breaks.
pub fn acts(kills: u64, random: &mut Random) -> Vec<Act> {
    let arm = |deed, at, of| Act::Arm(Armed { deed, at, of });
    let mut acts = Vec::new();
    let mut add = |count: u64, act: Act| acts.extend((0..count).map(|_| act));
    let mut named = 0;
    for (share, at, of) in KILLS {
        let count = kills * share / 100;
        named += count;
        add(count, arm(Deed::Kill, at, of));
    }
    add(kills - named, Act::KillAny);
    add(kills / 10 + 1, arm(Deed::Cut, Point::BeforeCommit, Class::Api));
    add(kills / 10 + 1, arm(Deed::Cut, Point::Committed, Class::Api));
    add(kills / 20 + 1, arm(Deed::Gone, Point::Posting, Class::Deliver));
    add(kills / 25 + 1, Act::CutAll);
    add(kills / 100 + 1, Act::Restart { crash: false });
    add(kills / 100 + 1, Act::Restart { crash: true });
    add(kills / 25 + 1, Act::Freeze);
    add(kills / 25 + 1, Act::Tables(Tables::Fail));
    add(kills / 25 + 1, Act::Tables(Tables::Slow));
    add(kills / 10 + 1, Act::Clock);
    add(kills / 2 + 1, Act::Echo);
    random.shuffle(&mut acts);
    // Workers have the more to do the earlier it is.
    let half = acts.len() / 2;
    let of_worker = |act: &Act| matches!(act, Act::Arm(Armed { of: Class::Worker, .. }));
    let late: Vec<_> = (half..acts.len()).filter(|at| acts.get(*at).is_some_and(of_worker)).collect();
    for at in late {
        let with = usize::try_from(random.below(u64::try_from(half).unwrap_or(1))).unwrap_or(0);
        if !acts.get(with).is_some_and(of_worker) {
            acts.swap(at, with);
        }
    }
    acts
}

/// Carries a plan out beside the writers.
pub struct Director {
    pub stack: Arc<Stack>,
    pub shared: Arc<Shared>,
    pub random: Random,
    pub writes: u64,
    pub kills: u64,
    /// For how long a process stands still.
    pub freeze: Duration,
    /// Who stands still, and until when.
    pub frozen: Vec<(Victim, Instant)>,
    /// How many writes were answered, and when there was another.
    pub last: (u64, Instant),
}

impl Director {
    /// Ends when all is done that was planned and as many were killed as should be.
    pub fn run(mut self) -> Result<()> {
        let acts = acts(self.kills, &mut self.random);
        let count = u64::try_from(acts.len())?;
        for (at, act) in (0..).zip(acts) {
            while self.shared.written.load(Ordering::Relaxed) < self.writes * at / count {
                sleep(Duration::from_millis(10));
                self.progress()?;
            }
            // One whose task was lost is found by the sweep after two minutes: half of the run is for that.
            if at > count / 2 {
                self.shared.no_more_imports.store(true, Ordering::Relaxed);
            }
            self.act(act)?;
        }
        self.shared.enough.store(true, Ordering::Relaxed);
        let end = Instant::now() + Duration::from_secs(45);
        while self.stack.faults.waiting() > 0 && Instant::now() < end {
            sleep(Duration::from_millis(100));
            self.thaw(Instant::now());
        }
        self.thaw(end + self.freeze);
        while self.stack.faults.kills() < self.kills {
            self.kill_any();
            sleep(Duration::from_millis(200));
        }
        self.stack.faults.disarm();
        self.stack.clock.set(0)
    }

    /// An error when no write was answered for longer than any fault lasts.
    fn progress(&mut self) -> Result<()> {
        self.thaw(Instant::now());
        let written = self.shared.written.load(Ordering::Relaxed);
        if written != self.last.0 {
            self.last = (written, Instant::now());
        }
        ensure!(self.last.1.elapsed() < STUCK, "no write was answered for {} s", STUCK.as_secs());
        Ok(())
    }

    fn act(&mut self, act: Act) -> Result<()> {
        let faults = &self.stack.faults;
        match act {
            Act::Arm(fault) => faults.arm(fault),
            Act::KillAny => self.kill_any(),
            Act::CutAll => {
                faults.count("all connections to Postgres cut");
                self.stack.door.cut_all();
                faults.note_outage();
            }
            Act::Restart { crash } => {
                let pause = Duration::from_millis(500 + self.random.below(2500));
                self.stack.restart_postgres(crash, pause)?;
                faults.note_outage();
                faults.count(if crash { "Postgres crashed and came back" } else { "Postgres stopped and started" });
            }
            Act::Freeze => self.freeze(),
            Act::Tables(how) => {
                let until = Instant::now() + Duration::from_millis(300 + self.random.below(1200));
                faults.disturb_tables(how, until);
                faults.count(match how {
                    Tables::Fail => "DynamoDB failed for a while",
                    Tables::Slow => "DynamoDB was slow for a while",
                });
            }
            Act::Clock => {
                let wrong = i64::try_from(self.random.below(2 * JUMP_S))? - i64::try_from(JUMP_S)?;
                self.stack.clock.set(wrong)?;
                faults.count("clock jumped");
            }
            Act::Echo => {
                let sent = self.stack.gateway.sent();
                // A copy of a dead letter would be a second one.
                if let Some(letter) = self.random.choose(&sent).filter(|letter| !letter.queue.contains("-dead")) {
                    self.stack.send(&letter.queue, letter.group.as_deref(), &letter.body)?;
                    faults.count("messages sent again, out of order");
                }
            }
        }
        Ok(())
    }

    /// One that may be hit now. The clock's worker may: a tick that died is a dead letter, so it is let alone here.
    fn anyone(&mut self) -> Option<Victim> {
        let faults = &self.stack.faults;
        let class = |victim: &Victim| Class::of(&victim.handler);
        let mut all = faults.victims.all();
        all.retain(|victim| class(victim) != Class::Clock && faults.may_hit(class(victim)));
        self.random.choose(&all).cloned()
    }

    /// Wakes those whose time has come. One that the emulator has given up meanwhile is gone.
    fn thaw(&mut self, now: Instant) {
        self.frozen.retain(|(victim, until)| {
            let stays = now < *until;
            if !stays {
                victim.signal(Signal::CONT);
            }
            stays
        });
    }

    fn kill_any(&mut self) {
        if let Some(victim) = self.anyone() {
            self.stack.faults.kill(&victim, "kill -9 at any moment");
        }
    }

    fn freeze(&mut self) {
        let Some(victim) = self.anyone() else { return };
        if !victim.signal(Signal::STOP) {
            return;
        }
        self.stack.faults.count("processes frozen, thawed with dead connections");
        self.stack.faults.note_hit(Class::of(&victim.handler));
        self.stack.door.silence(victim.pid);
        self.frozen.push((victim, Instant::now() + self.freeze));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_as_many_kills_as_asked_for_and_is_the_same_again() {
        let plan = |seed| acts(100, &mut Random::of(&[seed, 0]));
        let kill = |act: &&Act| matches!(act, Act::KillAny | Act::Arm(Armed { deed: Deed::Kill, .. }));
        assert_eq!(plan(1).iter().filter(kill).count(), 100);
        assert_eq!(plan(1), plan(1));
        assert_ne!(plan(1), plan(2));
    }
}
