//! `bench merkle`: what a night's tree costs beside its SQL, in time and in memory.

use anyhow::{Context, Result, ensure};
use shared::{
    domain::anchors::tree::{Tiles, leaf_hash},
    platform::jwt::hex,
};
use std::{
    fs,
    time::{Duration, Instant},
};

/// What a million leaves may take.
const MOST: (Duration, u64) = (Duration::from_secs(3), 256 * 1024);

pub fn run(leaves: u64) -> Result<()> {
    let started = Instant::now();
    let (mut tiles, mut stored) = (Tiles::from(0), 0_usize);
    // As long as a leaf's text usually is.
    let mut leaf = [b' '; 300];
    for n in 0..leaves {
        leaf.iter_mut().zip(n.to_be_bytes()).for_each(|(to, from)| *to = from);
        tiles.push(leaf_hash(&leaf));
        // Where the task writes them to Postgres.
        stored = stored.saturating_add(tiles.take().len());
    }
    let (root, rest) = tiles.finish();
    let (took, root) = (started.elapsed(), root.context("no leaf")?);
    let memory = resident()?;
    let stored = stored.saturating_add(rest.len());
    println!("a root over {leaves} leaves: {took:.2?}, {} MB resident at most, {stored} tiles", memory / 1024);
    println!("{}", hex(&root));
    ensure!(leaves > 1_000_000 || took <= MOST.0, "promised are {:?}", MOST.0);
    ensure!(memory <= MOST.1, "promised are {} MB", MOST.1 / 1024);
    Ok(())
}

/// The most that this process ever had resident, in KB.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("this is no Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
