//! Processes that outlive this one, and how to know them again.

use std::{
    fs,
    fs::File,
    io::{Read, Seek, SeekFrom},
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};

/// A process of ours. A pid alone may by now be somebody else's; with its start time it is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pid: i32,
    started: String,
}

impl Known {
    pub fn alive(&self) -> bool {
        Pid::from_raw(self.pid).is_some_and(|pid| test_kill_process(pid).is_ok())
            && start_time(self.pid).is_some_and(|now| now == self.started)
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Asks it to end, and after `patience` makes it.
    pub fn stop(&self, polite: Signal, patience: Duration) -> Result<()> {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return Ok(());
        };
        for (signal, wait) in [(polite, patience), (Signal::KILL, Duration::from_secs(5))] {
            if !self.alive() {
                return Ok(());
            }
            // An error means that it ended between the two lines.
            kill_process(pid, signal).ok();
            let until = Instant::now() + wait;
            while Instant::now() < until {
                if !self.alive() {
                    return Ok(());
                }
                sleep(Duration::from_millis(25));
            }
        }
        bail!("process {} does not end", self.pid)
    }
}

/// Starts `command` so that it outlives us and our terminal's Ctrl-C, its output appended to `log`.
pub fn daemon(command: &mut Command, log: &Path) -> Result<Known> {
    let out = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot open {}", log.display()))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let pid = i32::try_from(child.id())?;
    let started = start_time(pid).with_context(|| format!("it ended at once:\n{}", tail(log, 2_000)))?;
    // A child that ends before us would stay a zombie and look alive.
    std::thread::spawn(move || {
        let mut child = child;
        child.wait()
    });
    Ok(Known { pid, started })
}

/// In clock ticks since boot on Linux; elsewhere what `ps` says.
fn start_time(pid: i32) -> Option<String> {
    if let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) {
        // The second field is the command in parentheses, and may hold spaces and parentheses.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        if fields.next() == Some("Z") {
            return None;
        }
        return fields.nth(18).map(str::to_owned);
    }
    if Path::new("/proc/self/stat").exists() {
        return None;
    }
    let out = Command::new("ps").args(["-o", "lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The end of a file, for an error message.
pub fn tail(file: &Path, bytes: u64) -> String {
    let read = || -> Result<String> {
        let mut file = File::open(file)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    read().unwrap_or_default()
}

/// Runs to the end with our stdout and stderr, and fails when it does.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{} ended with {status}", command.get_program().display());
    }
    Ok(())
}

/// Runs to the end and returns stdout; on failure the error holds what it said.
pub fn output(command: &mut Command) -> Result<String> {
    let out = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if !out.status.success() {
        bail!(
            "{} ended with {}:\n{}{}",
            command.get_program().display(),
            out.status,
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// The first program of that name on PATH.
pub fn on_path(name: &str) -> Option<std::path::PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|p| p.is_file())
}
