//! The processes that functions run in, found by their connections: Linux's /proc says whose a socket is.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// A process of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    pub pid: i32,
    /// Such as `transactions.create`.
    pub handler: String,
}

impl Victim {
    /// Whether it was there to get the signal.
    pub fn signal(&self, signal: Signal) -> bool {
        Pid::from_raw(self.pid).is_some_and(|pid| kill_process(pid, signal).is_ok())
    }
}

/// Those that one emulator started; nobody else's.
pub struct Victims {
    pub emulator: i32,
}

impl Victims {
    pub fn all(&self) -> Vec<Victim> {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.filter(|pid| self.is_parent_of(*pid))
            .filter_map(|pid| Some(Victim { pid, handler: handler(pid)? }))
            .collect()
    }

    /// Who connected from this port to that one.
    pub fn behind(&self, from: u16, to: u16) -> Option<Victim> {
        let inode = inode(&fs::read_to_string("/proc/net/tcp").ok()?, from, to)?;
        let socket = format!("socket:[{inode}]");
        self.all().into_iter().find(|victim| {
            let files = fs::read_dir(format!("/proc/{}/fd", victim.pid)).into_iter().flatten().flatten();
            files.filter_map(|file| fs::read_link(file.path()).ok()).any(|link| link.to_str() == Some(&socket))
        })
    }

    fn is_parent_of(&self, pid: i32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name, in parentheses, may hold anything; state and parent follow it.
        let mut fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).into_iter().flatten();
        fields.next().is_some_and(|state| state != "Z")
            && fields.next().is_some_and(|parent| parent == self.emulator.to_string())
    }
}

fn handler(pid: i32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut all = environment.split(|byte| *byte == 0).filter_map(|one| std::str::from_utf8(one).ok());
    all.find_map(|one| one.strip_prefix("_HANDLER=")).map(str::to_owned)
}

/// The socket with these ports in `/proc/net/tcp`, where addresses are hexadecimal.
fn inode(table: &str, from: u16, to: u16) -> Option<String> {
    let (from, to) = (format!(":{from:04X}"), format!(":{to:04X}"));
    let found = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|columns| {
        let ends = |at: usize, with: &str| columns.get(at).is_some_and(|address| address.ends_with(with));
        ends(1, &from) && ends(2, &to)
    })?;
    found.get(9).filter(|inode| **inode != "0").map(|inode| (*inode).to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_socket_is_found_by_both_its_ports() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:9C40 0100007F:1538 01 00000000:00000000 00:00000000 00000000     0        0 4711 1
   1: 0100007F:9C40 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 4712 1";
        assert_eq!(super::inode(table, 0x9C40, 0x50).as_deref(), Some("4712"));
        assert_eq!(super::inode(table, 0x50, 0x9C40), None);
    }
}
