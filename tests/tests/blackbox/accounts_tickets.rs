//! One ticket opens one socket.

use crate::support::at_once;
use shared::platform::{
    clock,
    config::Config,
    function::{Env, Port},
    live::{Holder, Tickets},
};
use std::sync::Barrier;
use uuid::Uuid;

const ROUNDS: usize = 100;

#[test]
fn must_hold_40_of_sixteen_uses_of_a_ticket_one_gets_in_a_hundred_times() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let open = || Tickets::open(&Env::new(Config::of_command().unwrap())).unwrap();
    let holder = Holder { user_id: Uuid::now_v7(), session_id: Uuid::now_v7(), expires: clock::epoch() + 3600 };
    let issued: Vec<_> = runtime().block_on(async {
        let (tickets, mut issued) = (open(), Vec::new());
        for _ in 0..ROUNDS {
            issued.push(tickets.issue(&holder, clock::epoch()).await.unwrap());
        }
        issued
    });
    let start = Barrier::new(16);
    let taken = at_once(16, |_| {
        let (runtime, tickets) = (runtime(), open());
        let mut won = Vec::new();
        for ticket in &issued {
            start.wait();
            let found = runtime.block_on(tickets.take(ticket, clock::epoch())).unwrap();
            assert!(found.as_ref().is_none_or(|found| *found == holder));
            won.push(u32::from(found.is_some()));
        }
        won
    });
    for round in 0..ROUNDS {
        assert_eq!(taken.iter().map(|won| won[round]).sum::<u32>(), 1, "round {round}");
    }
}
