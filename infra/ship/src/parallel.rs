//! The same for many, a few at a time.

use std::{
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Lambda takes fifteen changes a second of an account; whoever is told to wait, waits.
const AT_ONCE: usize = 8;

/// What `work` says of each, in their order.
pub fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else { return done };
            done.push((number, work(item)));
        }
    };
    let mut all = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE.min(items.len())).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_item_is_worked_on_once_and_answers_in_its_place() {
        let items: Vec<_> = (0..100).collect();
        assert_eq!(super::each(&items, |n| n * 2), (0..200).step_by(2).collect::<Vec<_>>());
        assert!(super::each(&Vec::<u8>::new(), |n| *n).is_empty());
    }
}
