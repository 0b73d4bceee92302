//! What is broken at which point, and how often it was. The proxies ask at each point whether it is time.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::victims::{Victim, Victims};

/// A queue's message comes again after this many seconds when its worker was killed.
pub const VISIBILITY_S: u64 = 6;

/// Where in its work a process can be hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// COMMIT was sent and has not arrived.
    BeforeCommit,
    /// Postgres has committed and not answered.
    Committed,
    /// A message to a queue was sent and has not arrived.
    BeforeSend,
    /// The queue has the message and has not answered.
    Sent,
    /// The relay's frames are in the queue of the deliverer, and not yet noted as pushed.
    HandedOver,
    /// A frame is on its way to a socket.
    Posting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// kill -9
    Kill,
    /// The connection breaks on both sides.
    Cut,
    /// The gateway says that the socket is gone.
    Gone,
}

/// Whose work is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Api,
    Relay,
    Deliver,
    Worker,
    Clock,
    Any,
}

impl Class {
    pub fn of(handler: &str) -> Self {
        match handler {
            "realtime.relay" => Self::Relay,
            "realtime.deliver" => Self::Deliver,
            "tasks.scheduled" => Self::Clock,
            worker if worker.starts_with("tasks.") => Self::Worker,
            _ => Self::Api,
        }
    }

    /// A message is given up after so many receipts, which kills must not use up: who works a queue is let be for a while
    /// after it was hit. Three receipts are the deliverer's, five the relay's, six tries a task's.
    fn let_be(self) -> Duration {
        Duration::from_secs(match self {
            Self::Api | Self::Any => 0,
            Self::Worker => VISIBILITY_S,
            Self::Relay | Self::Deliver | Self::Clock => 2 * VISIBILITY_S,
        })
    }

    fn fits(self, other: Self) -> bool {
        self == Self::Any || other == Self::Any || self == other
    }
}

/// A fault that waits for its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Armed {
    pub deed: Deed,
    pub at: Point,
    pub of: Class,
}

impl fmt::Display for Armed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deed = match self.deed {
            Deed::Kill => "kill -9",
            Deed::Cut => "connection cut",
            Deed::Gone => "410 from @connections",
        };
        let at = match self.at {
            Point::BeforeCommit => "before COMMIT",
            Point::Committed => "after COMMIT, before the answer",
            Point::BeforeSend => "before a message is sent",
            Point::Sent => "after a message is sent",
            Point::HandedOver => "between relay and deliver",
            Point::Posting => "while a frame is posted",
        };
        match self.deed {
            Deed::Gone => out.write_str(deed),
            Deed::Kill | Deed::Cut => write!(out, "{deed} {at}"),
        }
    }
}

/// What the tables do for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    Fail,
    Slow,
}

pub struct Faults {
    pub victims: Victims,
    armed: Mutex<Vec<Armed>>,
    hit: Mutex<BTreeMap<Class, Instant>>,
    tables: Mutex<Option<(Tables, Instant)>>,
    tally: Mutex<BTreeMap<String, u64>>,
    kills: AtomicU64,
}

/// A lock that a thread which failed held is as good as any here.
pub fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Faults {
    pub fn new(emulator: i32) -> Self {
        Self {
            victims: Victims { emulator },
            armed: Mutex::default(),
            hit: Mutex::default(),
            tables: Mutex::default(),
            tally: Mutex::default(),
            kills: AtomicU64::new(0),
        }
    }

    pub fn arm(&self, fault: Armed) {
        locked(&self.armed).push(fault);
    }

    /// How many still wait for their point.
    pub fn waiting(&self) -> usize {
        locked(&self.armed).len()
    }

    /// Nothing breaks any more.
    pub fn disarm(&self) {
        locked(&self.armed).clear();
        *locked(&self.tables) = None;
    }

    /// The fault that waits for this, if there is one.
    pub fn take(&self, at: Point, of: Class) -> Option<Armed> {
        let mut armed = locked(&self.armed);
        let place = armed.iter().position(|fault| fault.at == at && fault.of.fits(of))?;
        if !self.may_hit(of) {
            return None;
        }
        Some(armed.remove(place))
    }

    /// Whether nobody who works the same queue was hit just now.
    pub fn may_hit(&self, of: Class) -> bool {
        locked(&self.hit).get(&of).is_none_or(|at| at.elapsed() >= of.let_be())
    }

    pub fn note_hit(&self, of: Class) {
        locked(&self.hit).insert(of, Instant::now());
    }

    /// Something was away that everybody needs.
    pub fn note_outage(&self) {
        for class in [Class::Relay, Class::Deliver, Class::Worker, Class::Clock] {
            self.note_hit(class);
        }
    }

    /// kill -9 for whoever connected from that port. Not found, it is tried at the next such point.
    pub fn kill_behind(&self, fault: Armed, from: u16, to: u16) -> bool {
        let Some(victim) = self.victims.behind(from, to).filter(|victim| self.may_hit(Class::of(&victim.handler)))
        else {
            self.arm(fault);
            return false;
        };
        self.kill(&victim, &fault.to_string())
    }

    pub fn kill(&self, victim: &Victim, what: &str) -> bool {
        let killed = victim.signal(Signal::KILL);
        if killed {
            self.note_hit(Class::of(&victim.handler));
            self.kills.fetch_add(1, Ordering::Relaxed);
            self.count(what);
        }
        killed
    }

    pub fn count(&self, what: &str) {
        *locked(&self.tally).entry(what.to_owned()).or_default() += 1;
    }

    pub fn kills(&self) -> u64 {
        self.kills.load(Ordering::Relaxed)
    }

    pub fn tally(&self) -> BTreeMap<String, u64> {
        locked(&self.tally).clone()
    }

    /// What the tables do, until then.
    pub fn disturb_tables(&self, how: Tables, until: Instant) {
        *locked(&self.tables) = Some((how, until));
    }

    pub fn tables(&self) -> Option<Tables> {
        locked(&self.tables).filter(|(_, until)| Instant::now() < *until).map(|(how, _)| how)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_waits_for_its_point_and_its_kind_of_process() {
        let faults = Faults::new(0);
        faults.arm(Armed { deed: Deed::Kill, at: Point::Committed, of: Class::Relay });
        assert_eq!(faults.take(Point::Committed, Class::Api), None);
        assert_eq!(faults.take(Point::BeforeCommit, Class::Relay), None);
        faults.note_hit(Class::Relay);
        assert_eq!(faults.take(Point::Committed, Class::Relay), None, "it was hit just now");
        faults.arm(Armed { deed: Deed::Cut, at: Point::Sent, of: Class::Any });
        assert_eq!(faults.take(Point::Sent, Class::Api).map(|fault| fault.deed), Some(Deed::Cut));
        assert_eq!(faults.waiting(), 1);
    }
}
