//! What this machine lacks, each with the command that mends it.

use std::{fs, net::TcpListener, process::Command};

use anyhow::{Result, bail};

use crate::{
    aws::Aws,
    install,
    paths::Paths,
    process::{on_path, output},
    progress::say,
    run,
    state::State,
};

struct Finding {
    what: &'static str,
    /// What is there, or how to mend that it is not.
    found: Result<String, String>,
}

/// What nothing works without, quickly.
pub fn require() -> Result<()> {
    let missing: Vec<String> = [python(), pip(), venv()]
        .into_iter()
        .filter_map(|finding| finding.found.err().map(|mend| format!("{} is missing: {mend}", finding.what)))
        .collect();
    if !missing.is_empty() {
        bail!("{}", missing.join("\n"));
    }
    Ok(())
}

pub fn examine(paths: &Paths) -> Result<()> {
    let mut findings = vec![python(), pip(), venv(), compiler(), strip(), ports(), memory()];
    let state = State::load(paths);
    let cached = |what, found: bool| Finding {
        what,
        found: Ok(if found { "there".to_owned() } else { "not yet; `cargo local up` makes it".to_owned() }),
    };
    let installed = |prefix: &str| {
        fs::read_dir(&paths.cache).is_ok_and(|dir| {
            dir.flatten().any(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.starts_with(prefix) && !name.ends_with(".part")
            })
        })
    };
    findings.extend([
        cached("ministack (in the cache)", installed("cloud-")),
        cached("SAM CLI and cfn-lint (in the cache)", installed("sam-")),
        cached("PostgreSQL (in the cache)", fs::read_dir(&paths.postgres).is_ok_and(|mut dir| dir.next().is_some())),
        cached("Node.js packages (in the cache)", installed("node-")),
        cached("bootstrap and tools", run::built(paths)),
        Finding {
            what: "running",
            found: Ok(match &state.cloud {
                Some(server) if server.process.alive() && Aws::at(server.port).healthy() => {
                    format!("on port {}", server.port)
                }
                Some(server) if server.process.alive() => {
                    "the local AWS hangs; `cargo local down`, then `up`".to_owned()
                }
                _ => "no; `cargo local up`".to_owned(),
            }),
        },
    ]);
    let mut missing = 0_u32;
    for finding in findings {
        match finding.found {
            Ok(found) => say(format_args!("ok       {:<36} {found}", finding.what)),
            Err(mend) => {
                missing += 1;
                say(format_args!("missing  {:<36} {mend}", finding.what));
            }
        }
    }
    say(format_args!("cache    {}", paths.cache.display()));
    say(format_args!("state    {}", paths.state.display()));
    if missing > 0 {
        bail!("{missing} missing");
    }
    Ok(())
}

fn python() -> Finding {
    let found = install::python()
        .and_then(|python| output(Command::new(python).arg("--version")))
        .map(|version| version.trim().to_owned())
        .map_err(|_| "Python 3.10 or newer; on Debian or Ubuntu: sudo apt install python3".to_owned());
    Finding { what: "python3", found }
}

fn pip() -> Finding {
    let found = install::python()
        .and_then(|python| output(Command::new(python).args(["-m", "pip", "--version"])))
        .map(|version| version.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        .map_err(|_| "sudo apt install python3-pip, or python3 -m ensurepip".to_owned());
    Finding { what: "pip", found }
}

fn venv() -> Finding {
    let found = install::python()
        .and_then(|python| output(Command::new(python).args(["-c", "import venv"])))
        .map(|_| "there".to_owned())
        .map_err(|_| "sudo apt install python3-venv".to_owned());
    Finding { what: "the module venv", found }
}

fn compiler() -> Finding {
    let found = ["cc", "gcc", "clang"].into_iter().find_map(on_path).map(|path| path.display().to_string());
    Finding {
        what: "a C compiler (for aws-lc)",
        found: found.ok_or_else(|| "sudo apt install build-essential".to_owned()),
    }
}

fn strip() -> Finding {
    let found = ["strip", "objcopy", "llvm-strip"].into_iter().find_map(on_path);
    Finding {
        what: "strip",
        found: Ok(found.map_or("none; deploys take longer (sudo apt install binutils)".to_owned(), |path| {
            path.display().to_string()
        })),
    }
}

fn ports() -> Finding {
    let found = TcpListener::bind(("127.0.0.1", 0)).map(|_| "can be opened".to_owned());
    Finding { what: "ports on 127.0.0.1", found: found.map_err(|error| format!("cannot be opened: {error}")) }
}

fn memory() -> Finding {
    let free = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:").map(str::to_owned))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    let found = match free {
        Some(kilobytes) if kilobytes < 2_000_000 => Err(format!("{} MB are free; 2,000 are needed", kilobytes / 1000)),
        Some(kilobytes) => Ok(format!("{} MB free", kilobytes / 1000)),
        None => Ok("unknown".to_owned()),
    };
    Finding { what: "memory", found }
}
