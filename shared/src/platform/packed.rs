//! Files that were put into the zip beside the bootstrap, and not into it: every function would carry them through its
//! start.

use super::problem::Problem;
use flate2::read::GzDecoder;
use std::{env, fs, io::Read};

/// A file of the zip's folder `docs`, compressed.
pub fn packed(name: &str) -> Result<Vec<u8>, Problem> {
    let bootstrap = env::current_exe().map_err(Problem::internal)?;
    let file = bootstrap.with_file_name("docs").join(format!("{name}.gz"));
    fs::read(&file)
        .map_err(|error| Problem::internal(format!("{}: {error}; the zip was packed without it", file.display())))
}

/// The same as text, for clients that were not asked whether they take it compressed.
pub fn unpacked(name: &str) -> Result<String, Problem> {
    let mut text = String::new();
    GzDecoder::new(packed(name)?.as_slice()).read_to_string(&mut text).map_err(Problem::internal)?;
    Ok(text)
}
