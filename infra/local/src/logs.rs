//! What the functions log, in the order they logged it. The launcher writes it to one file, a line
//! each, after the name of the function.

use std::{
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom, Write},
    path::Path,
    thread::sleep,
    time::Duration,
};

use anyhow::{Result, bail};

use crate::paths::Paths;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum From {
    Beginning,
    Now,
}

pub fn print(paths: &Paths, function: Option<&str>, go_on: bool) -> Result<()> {
    let file = paths.log("functions");
    if !file.exists() {
        bail!("nothing has been logged; `cargo local up` first");
    }
    if go_on {
        return follow(&file, function, From::Beginning);
    }
    copy(&mut BufReader::new(File::open(file)?), function, &mut String::new())
}

/// Prints lines as they come, for ever.
pub fn follow(file: &Path, function: Option<&str>, from: From) -> Result<()> {
    let mut reader = BufReader::new(File::options().read(true).append(true).create(true).open(file)?);
    if from == From::Now {
        reader.seek(SeekFrom::End(0))?;
    } else {
        reader.seek(SeekFrom::Start(0))?;
    }
    let mut begun = String::new();
    loop {
        copy(&mut reader, function, &mut begun)?;
        sleep(Duration::from_millis(200));
    }
}

/// To the end of what is there; the beginning of an unfinished line is kept for the next time.
fn copy(reader: &mut impl BufRead, function: Option<&str>, line: &mut String) -> Result<()> {
    let mut out = std::io::stdout().lock();
    while reader.read_line(line)? > 0 {
        if !line.ends_with('\n') {
            return Ok(());
        }
        let (name, text) = line.split_once('\t').unwrap_or(("", line));
        if function.is_none_or(|part| name.contains(part)) {
            let name = name.strip_prefix("tallybook-local-").unwrap_or(name);
            // Whoever reads may have enough, as `head` does.
            if write!(out, "{name:<24} {text}").is_err() {
                return Ok(());
            }
        }
        line.clear();
    }
    Ok(())
}
