//! The processes that functions run in. A test may stop or kill the one that serves its own request, and finds it by
//! following the request's connection to Postgres; no other test's request is ever in that process, for an execution
//! environment serves one at a time.

use super::database::{self, Database};
use rustix::process::{Pid, Signal, kill_process};
use std::{fs, os::unix::fs::MetadataExt};

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
    let blocked = format!("SELECT pid FROM pg_stat_activity WHERE {holder} = ANY (pg_blocking_pids(pid))");
    let backend = super::eventually("a request that waits for the lock", 5, || {
        database::column::<i32>(&blocked).first().copied()
    });
    behind(backend).expect("the backend's client is a process of this machine")
}

/// The processes of a function that are connected to Postgres and idle.
pub fn idle(handler: &str) -> Vec<Process> {
    let idle = "SELECT pid FROM pg_stat_activity WHERE state = 'idle' AND usename LIKE 'tallybook%'";
    let of_handler = |process: &Process| {
        let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|setting| setting == format!("_HANDLER={handler}").as_bytes())
    };
    database::column::<i32>(idle).into_iter().filter_map(behind).filter(of_handler).collect()
}

/// The process at the other end of a backend's connection.
fn behind(backend: i32) -> Option<Process> {
    let port = format!("SELECT client_port FROM pg_stat_activity WHERE pid = {backend} AND client_port > 0");
    let port = database::column::<i32>(&port).first().copied()?;
    let local = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let columns = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let inode = columns
        .filter(|c| c.len() > 9 && c[1].ends_with(&local))
        .map(|c| c[9].to_owned())
        .find(|inode| inode != "0")?;
    let socket = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    for process in
        processes.filter(|entry| entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == own_uid()))
    {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let files = fs::read_dir(process.path().join("fd")).into_iter().flatten().filter_map(Result::ok);
        if files.filter_map(|file| fs::read_link(file.path()).ok()).any(|link| link.as_os_str() == socket.as_str()) {
            return Some(Process { pid, backend });
        }
    }
    None
}

fn own_uid() -> u32 {
    fs::metadata("/proc/self").map_or(0, |found| found.uid())
}
