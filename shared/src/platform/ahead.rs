//! Requests that a process counts by itself for a while, so that not every one of them costs a call to the table.
//!
//! A process goes ahead of the table by at most as many requests as it has told it of in the same minute, by at most
//! seven, and only while the table's count is below half of what is allowed. However many processes serve a user at
//! once, the requests that the table does not know of are therefore fewer than those that it knew of at half: a burst
//! over all of them ends at one and a half times the limit at the very most, and in the few processes that a user
//! really has a few requests beyond it.

use super::rates::{Class, Place, Window};
use std::{cell::RefCell, collections::HashMap};

/// Requests that a process may keep to itself.
const MOST: u32 = 7;

/// What this process knows of each window that it served.
#[derive(Default)]
pub(super) struct Ahead(RefCell<HashMap<String, Known>>);

struct Known {
    /// When the window is over, in seconds since the epoch.
    over: i64,
    /// The table's count when it was last told.
    count: u32,
    /// Requests of this process that the table was told of.
    told: u32,
    /// Requests of this process that it has not been told of.
    kept: u32,
}

impl Ahead {
    /// Counts a request here alone if so few were made that it cannot matter, and returns how many there are now.
    pub fn count(&self, place: &Place, window: &Window) -> Option<u32> {
        let (mut all, half) = (self.0.borrow_mut(), place.most / 2);
        let known = all.get_mut(&window.key).filter(|_| place.class != Class::Heavy)?;
        let count = known.count.saturating_add(known.kept).saturating_add(1);
        if count > half || known.kept >= known.told.min(MOST) {
            return None;
        }
        known.kept = known.kept.saturating_add(1);
        Some(count)
    }

    /// How many the table has to be told of: what was kept back, and the request that asks.
    pub fn due(&self, window: &Window) -> u32 {
        self.0.borrow().get(&window.key).map_or(1, |known| known.kept.saturating_add(1))
    }

    /// Notes that the table was told of `due` more and counts so many now.
    pub fn told(&self, window: &Window, due: u32, count: u32, now: i64) {
        let mut all = self.0.borrow_mut();
        // Windows that are over, and with them what was kept back of them: nobody asks for them any more.
        all.retain(|_, known| known.over > now);
        let over = now.saturating_add(window.left_s);
        let known = all.entry(window.key.clone()).or_insert(Known { over, count: 0, told: 0, kept: 0 });
        known.kept = known.kept.saturating_sub(due.saturating_sub(1));
        known.told = known.told.saturating_add(due);
        known.count = count;
    }

    /// Takes a request back; whether that was all, because the table knows nothing of it.
    pub fn give_back(&self, key: &str) -> bool {
        let mut all = self.0.borrow_mut();
        let Some(known) = all.get_mut(key) else { return false };
        if let Some(fewer) = known.kept.checked_sub(1) {
            known.kept = fewer;
            return true;
        }
        known.count = known.count.saturating_sub(1);
        known.told = known.told.saturating_sub(1);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::rates::Tier;

    fn place(class: Class) -> Place {
        Place::of("somebody".into(), class, Tier::Default)
    }

    /// A table and the processes that ask it.
    struct Model {
        table: u32,
        asked: u32,
        processes: Vec<Ahead>,
    }

    impl Model {
        fn new(processes: usize) -> Self {
            Self { table: 0, asked: 0, processes: (0..processes).map(|_| Ahead::default()).collect() }
        }

        /// Whether a process lets a request in.
        fn ask(&mut self, process: usize, class: Class, now: i64) -> bool {
            let (place, ahead) = (place(class), &self.processes[process]);
            let window = place.window(now);
            if ahead.count(&place, &window).is_some() {
                return true;
            }
            let due = ahead.due(&window);
            self.asked += 1;
            self.table += due;
            ahead.told(&window, due, self.table, now);
            self.table <= place.most
        }
    }

    #[test]
    fn one_process_asks_for_an_eighth_of_what_it_serves_and_lets_in_what_is_allowed() {
        let mut model = Model::new(1);
        let served = (0..2000).filter(|_| model.ask(0, Class::Read, 0)).count();
        assert_eq!(served, 600);
        let mut model = Model::new(1);
        assert!((0..300).all(|_| model.ask(0, Class::Write, 0)));
        assert!(model.asked <= 300 / 8 + 3, "{}", model.asked);
    }

    #[test]
    fn however_many_processes_there_are_a_burst_ends_near_the_limit() {
        for (processes, most) in [(2, 614), (5, 635), (20, 740), (1000, 900)] {
            // One after the other each serves all it will.
            let mut model = Model::new(processes);
            let mut served = 0;
            for process in 0..processes {
                served += (0..20).take_while(|_| model.ask(process, Class::Read, 0)).count();
            }
            // Then all in turn, until nothing gets through.
            while let more @ 1.. = (0..processes).filter(|process| model.ask(*process, Class::Read, 0)).count() {
                served += more;
            }
            assert!(served <= most, "{served} of {processes} processes");
            // In turn from the beginning: what is kept back then is told in the end.
            let mut model = Model::new(processes);
            let mut served = 0;
            while let more @ 1.. = (0..processes).filter(|process| model.ask(*process, Class::Read, 0)).count() {
                served += more;
            }
            assert!(served <= most, "{served} of {processes} processes");
        }
    }

    #[test]
    fn what_is_heavy_is_told_every_time() {
        let mut model = Model::new(1);
        let served = (0..100).filter(|_| model.ask(0, Class::Heavy, 0)).count();
        assert_eq!((served, model.asked), (30, 100));
    }

    #[test]
    fn nothing_is_carried_into_another_minute() {
        let mut model = Model::new(1);
        let first = place(Class::Read).window(0);
        for _ in 0..10 {
            model.ask(0, Class::Read, 0);
        }
        assert!(model.processes[0].due(&first) > 1, "something is kept back");
        // Thawed at its end, and hours later.
        for later in [first.left_s, 7200] {
            let window = place(Class::Read).window(later);
            assert_eq!(model.processes[0].count(&place(Class::Read), &window), None, "the first one asks");
            assert_eq!(model.processes[0].due(&window), 1);
            model.ask(0, Class::Read, later);
            assert_eq!(model.processes[0].0.borrow().len(), 1, "and the one before is forgotten");
        }
    }

    #[test]
    fn must_hold_12_what_is_given_back_uses_up_nothing() {
        let mut model = Model::new(1);
        let window = place(Class::Read).window(0);
        assert!(model.ask(0, Class::Read, 0));
        for _ in 0..50 {
            let before = (model.table, model.processes[0].due(&window));
            assert!(model.ask(0, Class::Read, 0));
            if !model.processes[0].give_back(&window.key) {
                model.table -= 1;
            }
            assert_eq!((model.table, model.processes[0].due(&window)), before);
        }
        assert_eq!(model.table, 1);
        assert!(!Ahead::default().give_back(&window.key), "what it never counted is the table's");
    }
}
