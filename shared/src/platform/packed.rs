//! Files that were put into the zip beside the bootstrap, and not into it: every function would carry them through its
//! start.

use super::problem::Problem;
use std::{env, fs};

/// A file of the zip's folder `docs`, compressed.
pub fn packed(name: &str) -> Result<Vec<u8>, Problem> {
    let bootstrap = env::current_exe().map_err(Problem::internal)?;
    let file = bootstrap.with_file_name("docs").join(format!("{name}.gz"));
    fs::read(&file)
        .map_err(|error| Problem::internal(format!("{}: {error}; the zip was packed without it", file.display())))
}
