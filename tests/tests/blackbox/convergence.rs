//! Devices that lose connections, frames and time, while several programs write: each ends with the server's history.

use crate::support::{
    aws, database,
    random::Random,
    socket::{Polled, Socket, ticket},
    user::{User, today},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

const USERS: usize = 2;
const WRITES: i64 = 45;
/// Each device of a user asks for other frames.
const FILTERS: [Option<&[&str]>; 4] =
    [None, Some(&["budget_alert"]), Some(&["transaction_update", "announcement"]), None];
/// Whoever has not got everything by then never will.
const PATIENCE: Duration = Duration::from_mins(1);

/// What `docs/live.md` asks of a client, to the letter.
struct Device<'a> {
    user: &'a User,
    types: Option<&'static [&'static str]>,
    socket: Option<Socket>,
    connection: Option<String>,
    last: i64,
    resuming: bool,
    had: Vec<Value>,
}

impl Device<'_> {
    fn send(&mut self, frame: &Value) {
        if self.socket.as_mut().is_some_and(|socket| socket.try_send(frame).is_err()) {
            self.socket = None;
        }
    }

    fn connect(&mut self) {
        self.resuming = false;
        let answer = self.user.post("/auth/ws-ticket", &json!({}));
        let ticket = answer.json()["ticket"].as_str().map(str::to_owned);
        match ticket.map(|ticket| Socket::open(&format!("ticket={ticket}"))) {
            Some(Ok(socket)) => {
                self.socket = Some(socket);
                self.hello();
            }
            // A machine under load: as every client does, it tries again.
            _ => thread::sleep(Duration::from_millis(500)),
        }
    }

    fn hello(&mut self) {
        let hello = json!({"type": "hello", "last_seq": self.last, "previous_connection_id": self.connection});
        self.send(&hello);
    }

    fn resume(&mut self) {
        if !self.resuming {
            self.resuming = true;
            self.send(&json!({"type": "resume", "last_seq": self.last}));
        }
    }

    /// Takes what comes within the time, unless it is `lost`.
    fn listen(&mut self, time: Duration, mut lost: impl FnMut() -> bool) {
        let Some(socket) = &mut self.socket else { return };
        match socket.poll(time) {
            Polled::Nothing => {}
            Polled::Closed => self.socket = None,
            Polled::Frame(frame) if frame["seq"].is_i64() && lost() => {}
            Polled::Frame(frame) => self.take(&frame),
        }
    }

    fn reach(&mut self, seq: i64) {
        if seq != self.last {
            self.resume();
        }
    }

    fn take(&mut self, frame: &Value) {
        let data = &frame["data"];
        match frame["type"].as_str() {
            Some("connected") => {
                self.connection = data["connection_id"].as_str().map(str::to_owned);
                match self.types {
                    Some(types) => self.send(&json!({"type": "subscribe", "types": types})),
                    None => self.reach(data["seq"].as_i64().unwrap()),
                }
            }
            Some("subscribed") => self.reach(data["seq"].as_i64().unwrap()),
            Some("resumed") => {
                self.resuming = false;
                data["frames"].as_array().unwrap().iter().for_each(|missed| self.pass(missed));
                self.last = self.last.max(data["to"].as_i64().unwrap());
                if data["complete"] != true {
                    self.resume();
                }
            }
            Some("reconnect" | "error") | None => self.socket = None,
            Some("pong" | "announcement") => {}
            Some(other) => {
                assert!(frame["seq"].is_i64(), "{other} without a number: {frame}");
                self.pass(frame);
            }
        }
    }

    fn pass(&mut self, frame: &Value) {
        let (seq, before) = (frame["seq"].as_i64().unwrap(), frame["prev_seq"].as_i64().unwrap());
        assert!(before < seq, "{frame}");
        if seq > self.last {
            if before > self.last {
                return self.resume();
            }
            self.last = seq;
            // Until it has said what it wants a connection gets everything.
            if wants(self.types, frame) {
                self.had.push(frame.clone());
            }
        }
    }

    /// Something that happens to devices.
    fn suffer(&mut self, random: &mut Random) {
        let longer = Duration::from_millis(u64::try_from(random.within(200, 1500)).unwrap());
        match random.within(0, 300) {
            0 => drop(self.socket.take().map(Socket::cut)),
            1 => self.socket = None,
            // Frozen: what comes meanwhile waits in the network, or is lost with the connection.
            2 | 3 => thread::sleep(longer),
            4 => self.send(&json!({"type": "resume", "last_seq": random.within(0, self.last + 1)})),
            5 => self.send(&json!({"type": "ping"})),
            _ => {}
        }
    }
}

/// A program that writes what users write.
fn write(user: &User, random: &mut Random) {
    let mut ids: Vec<String> = Vec::new();
    for _ in 0..WRITES {
        // Frames are to arrive while others are on their way, not all of them at the end.
        thread::sleep(Duration::from_millis(u64::try_from(random.within(50, 350)).unwrap()));
        let category = random.of(&["Groceries", "Fuel", "Fun"]);
        if random.once_in(5) && !ids.is_empty() {
            let id = random.within(0, i64::try_from(ids.len()).unwrap());
            let id = ids.swap_remove(usize::try_from(id).unwrap());
            user.request("DELETE", &format!("/transactions/{id}")).send();
        } else if random.once_in(30) {
            let csv = format!("Date,Description,Amount\n{0},Corner shop,-5.00\n{0},Book shop,-7.00\n", today());
            user.request("POST", "/transactions/import").body("text/csv", csv.as_bytes()).send();
        } else {
            let body = json!({
                "amount": format!("{}.00", random.within(1, 40)), "date": today(), "merchant_raw": "Corner shop",
                "category": category, "currency": "EUR",
            });
            // Whether it was stored or not: the log tells.
            ids.extend(user.post("/transactions", &body).json()["id"].as_str().map(str::to_owned));
        }
    }
}

/// What queues may do: repeat and reorder. What is told again are messages as the relay sends them, the later ones first.
fn disturb(user: &User, random: &mut Random, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(u64::try_from(random.within(1000, 3000)).unwrap()));
        aws::send_ordered("RELAY_QUEUE_URL", &user.id.to_string(), &user.id.to_string());
        let log = history(user);
        for _ in 0..2 {
            let from = usize::try_from(random.within(0, i64::try_from(log.len()).unwrap() + 1)).unwrap();
            let (earlier, frames) = log.split_at(from);
            let frames = &frames[..frames.len().min(2)];
            let last: BTreeMap<_, _> =
                earlier.iter().map(|frame| (frame["type"].as_str().unwrap(), frame["seq"].as_i64().unwrap())).collect();
            let late = json!({"frames": {"user_id": user.id, "frames": frames, "before": last}});
            aws::send_ordered("DELIVER_QUEUE_URL", &format!("late {}", user.id), &late.to_string());
        }
    }
}

/// The log, as frames.
fn history(user: &User) -> Vec<Value> {
    let sql = format!(
        "SELECT jsonb_build_object('seq', seq, 'prev_seq', seq - 1, 'type', type, 'id', user_id || ':' || seq, 'data', data,
             'timestamp', created_at)
         FROM events WHERE user_id = '{}' ORDER BY seq",
        user.id
    );
    database::column(&sql)
}

/// What a frame tells, without what differs between connections.
fn told(frame: &Value) -> (i64, String, Value) {
    (frame["seq"].as_i64().unwrap(), frame["type"].as_str().unwrap().to_owned(), frame["data"].clone())
}

/// A device's run, until it has what the server has.
fn live(mut device: Device, random: &mut Random, done: &AtomicBool) -> Vec<Value> {
    let mut since = None;
    let mut asked = Instant::now();
    loop {
        if device.socket.is_none() {
            device.connect();
        }
        let over = done.load(Ordering::Relaxed);
        device.listen(Duration::from_millis(50), || !over && random.once_in(6));
        if !over {
            device.suffer(random);
            continue;
        }
        // The app comes to the front now and then, and asks.
        let since = *since.get_or_insert_with(Instant::now);
        let expected = history(device.user).iter().filter(|frame| wants(device.types, frame)).count();
        if device.had.len() >= expected || since.elapsed() > PATIENCE {
            return device.had;
        }
        if asked.elapsed() > Duration::from_secs(3) {
            asked = Instant::now();
            device.resuming = false;
            device.hello();
        }
    }
}

fn wants(types: Option<&[&str]>, frame: &Value) -> bool {
    types.is_none_or(|types| types.contains(&frame["type"].as_str().unwrap()))
}

#[test]
fn must_hold_42_devices_that_lose_everything_but_their_number_end_with_the_server_s_history() {
    let seed = database::column::<i64>("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")[0];
    eprintln!("seed {seed}");
    let random = |n: usize| Random::new(u64::try_from(seed).unwrap() + u64::try_from(n).unwrap());
    let users: Vec<_> = (0..USERS).map(|_| User::register()).collect();
    let done = AtomicBool::new(false);
    for user in &users {
        for category in ["Groceries", "Fuel"] {
            user.budget("300.00", category, "EUR");
        }
    }
    thread::scope(|scope| {
        let mut devices = BTreeMap::new();
        for (n, user) in users.iter().enumerate() {
            for (m, types) in FILTERS.into_iter().enumerate() {
                let (socket, connection, had) = (None, None, Vec::new());
                let device = Device { user, types, socket, connection, last: 0, resuming: false, had };
                let done = &done;
                devices.insert((n, m), scope.spawn(move || live(device, &mut random(10 * n + m), done)));
            }
            let done = &done;
            scope.spawn(move || disturb(user, &mut random(100 + n), done));
            // A socket that is never read from: its frames pile up, and may hold nobody up.
            let deaf = Socket::open(&format!("ticket={}", ticket(user))).unwrap();
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(100));
                }
                deaf.cut();
            });
        }
        let writers: Vec<_> = users
            .iter()
            .enumerate()
            .flat_map(|(n, user)| (0..2).map(move |m| (n, m, user)))
            .map(|(n, m, user)| scope.spawn(move || write(user, &mut random(1000 + 10 * n + m))))
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        for user in &users {
            // Imports end in the background.
            let pending = format!(
                "SELECT count(*) FROM imports WHERE user_id = '{}' AND status IN ('queued', 'running')",
                user.id
            );
            crate::support::eventually("the end of its imports", 60, || {
                (database::column::<i64>(&pending)[0] == 0).then_some(())
            });
        }
        done.store(true, Ordering::Relaxed);
        for ((n, m), device) in devices {
            let (user, had) = (&users[n], device.join().unwrap());
            let expected: Vec<_> = history(user).into_iter().filter(|frame| wants(FILTERS[m], frame)).collect();
            assert!(had.iter().all(|frame| frame["id"].as_str().unwrap().starts_with(&user.id.to_string())));
            let numbers = |frames: &[Value]| frames.iter().map(|frame| frame["seq"].as_i64()).collect::<Vec<_>>();
            assert_eq!(numbers(&had), numbers(&expected), "device {m} of user {n}, seed {seed}");
            assert_eq!(
                had.iter().map(told).collect::<Vec<_>>(),
                expected.iter().map(told).collect::<Vec<_>>(),
                "device {m} of user {n}, seed {seed}"
            );
        }
    });
    for user in &users {
        assert_whole_state(user);
    }
}

/// `GET /sync`, from nothing to the end, is the list.
fn assert_whole_state(user: &User) {
    let (mut rows, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = user.get(&format!("/sync?limit=20{cursor}")).expect(200);
        for row in [&page["added"], &page["modified"]].into_iter().flat_map(|rows| rows.as_array().unwrap()) {
            rows.insert(row["id"].as_str().unwrap().to_owned(), row.clone());
        }
        for row in page["removed"].as_array().unwrap() {
            rows.remove(row["id"].as_str().unwrap());
        }
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap());
        if page["has_more"] == false {
            break;
        }
    }
    let listed: BTreeMap<_, _> =
        user.transactions().into_iter().map(|row| (row["id"].as_str().unwrap().to_owned(), row)).collect();
    assert_eq!(rows, listed);
}
