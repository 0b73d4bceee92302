//! A wall clock for the functions that jumps. Their program is not touched: a library that is loaded before libc answers
//! in its place.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::process::output;

const SOURCE: &str = include_str!("clock.c");

pub struct Clock {
    library: PathBuf,
    /// Says by how many seconds it is wrong.
    path: PathBuf,
    file: File,
}

impl Clock {
    /// Makes the library in a folder, with the C compiler that the project needs anyway.
    pub fn make(folder: &Path) -> Result<Self> {
        let (source, library, path) = (folder.join("clock.c"), folder.join("clock.so"), folder.join("clock"));
        std::fs::write(&source, SOURCE)?;
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-o"]).arg(&library).arg(&source).arg("-ldl");
        output(&mut compiler).context("the clock that jumps needs a C compiler")?;
        let file = File::options().create(true).write(true).truncate(false).open(&path)?;
        let clock = Self { library, path, file };
        clock.set(0)?;
        Ok(clock)
    }

    /// What a process must be started with.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [("LD_PRELOAD", self.library.display().to_string()), ("CHAOS_CLOCK", self.path.display().to_string())]
    }

    /// Wrong by so many seconds from now on.
    pub fn set(&self, seconds: i64) -> Result<()> {
        Ok(self.file.write_all_at(&seconds.to_ne_bytes(), 0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_a_handler_has_the_wrong_time() {
        let folder = std::env::temp_dir().join(format!("tallybook-clock-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let clock = Clock::make(&folder).unwrap();
        let seconds = |handler: bool| {
            let mut date = Command::new("date");
            date.arg("+%s").envs(clock.environment());
            if handler {
                date.env("_HANDLER", "any");
            }
            output(&mut date).unwrap().trim().parse::<i64>().unwrap()
        };
        let apart = || seconds(true) - seconds(false);
        assert!((-60..=60).contains(&apart()), "{} s", apart());
        clock.set(100_000).unwrap();
        assert!((99_940..=100_060).contains(&apart()), "{} s", apart());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
