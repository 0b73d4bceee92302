//! The processes that functions run in. A test may stop or kill the one that serves its own request, and finds it by
//! following the request's connection to Postgres; no other test's request is ever in that process, for an execution
//! environment serves one at a time.

use super::database::{self, Database};
use rustix::process::{Pid, Signal, kill_process};
use std::{collections::HashMap, fs};

/// A process of a function, and its end of a connection to Postgres.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pub pid: i32,
    pub backend: i32,
}

impl Process {
    pub fn signal(self, signal: Signal) {
        // It may be gone already, which is as good for whoever wants it gone.
        let _ = kill_process(Pid::from_raw(self.pid).unwrap(), signal);
    }
}

/// The process whose transaction waits for a lock that `holder` has.
pub fn waiting_for(holder: &mut Database) -> Process {
    let holder = holder.column::<i32>("SELECT pg_backend_pid()")[0];
    let blocked = format!("{holder} = ANY (pg_blocking_pids(pid))");
    let found =
        super::eventually("a request that waits for the lock", 5, || behind(&blocked, |_| true).first().copied());
    found.expect("the backend's client is a process of this machine")
}

/// The processes of a function that are connected to Postgres and idle.
pub fn idle(handler: &str) -> Vec<Process> {
    let setting = format!("_HANDLER={handler}");
    let of_handler = |pid: i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|one| one == setting.as_bytes())
    };
    behind("state = 'idle' AND usename LIKE 'tallybook%'", of_handler).into_iter().flatten().collect()
}

/// The processes at the other end of some backends' connections; none where it is not one of those wanted.
fn behind(which: &str, wanted: impl Fn(i32) -> bool) -> Vec<Option<Process>> {
    let backends = format!("SELECT array[pid, client_port] FROM pg_stat_activity WHERE client_port > 0 AND {which}");
    let backends = database::column::<Vec<i32>>(&backends);
    if backends.is_empty() {
        return Vec::new();
    }
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let columns: Vec<_> = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let socket = |port: i32| {
        let local = format!(":{port:04X}");
        let found = columns.iter().find(|c| c.len() > 9 && c[1].ends_with(&local) && c[9] != "0");
        found.map(|c| format!("socket:[{}]", c[9]))
    };
    let owners = owners(wanted);
    backends
        .iter()
        .map(|backend| {
            let pid = *owners.get(&socket(backend[1])?)?;
            Some(Process { pid, backend: backend[0] })
        })
        .collect()
}

/// Which of the wanted processes holds which socket.
fn owners(wanted: impl Fn(i32) -> bool) -> HashMap<String, i32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).filter(|pid| wanted(*pid));
    pids.flat_map(|pid| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().filter_map(Result::ok);
        let links = files.filter_map(|file| fs::read_link(file.path()).ok());
        links.filter_map(move |link| Some((link.to_str()?.to_owned(), pid)))
    })
    .filter(|(link, _)| link.starts_with("socket:"))
    .collect()
}
