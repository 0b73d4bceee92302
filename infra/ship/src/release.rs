//! Publishing a release, sending all callers to it, and sending them back.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use crate::{
    aws::Aws,
    lambda::{self, Alias, Version},
    parallel::each,
};

/// Versions of a function that are kept: the one that is called and two before it.
pub const KEPT: usize = 3;

/// A function as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub name: String,
    pub alias: Alias,
    /// The oldest first.
    pub versions: Vec<Version>,
}

impl Standing {
    fn of(&self, number: u64) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// The release that is called.
    #[must_use]
    pub fn release(&self) -> &str {
        self.of(self.alias.version).map_or("?", |version| &version.release)
    }

    /// The newest version of a release.
    fn version_of(&self, release: &str) -> Option<&Version> {
        self.versions.iter().rev().find(|version| version.release == release)
    }
}

/// How all functions stand.
pub fn standing(aws: &Aws, names: &[String]) -> Result<Vec<Standing>> {
    let one = |name: &String| {
        Ok(Standing { name: name.clone(), alias: lambda::alias(aws, name)?, versions: lambda::versions(aws, name)? })
    };
    each(names, one).into_iter().collect()
}

/// What is called: how many functions of each release.
#[must_use]
pub fn called(all: &[Standing]) -> BTreeMap<&str, usize> {
    let mut releases = BTreeMap::new();
    for one in all {
        *releases.entry(one.release()).or_default() += 1;
    }
    releases
}

/// A version that was just published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub name: String,
    pub version: Version,
}

/// Makes a version of every function.
pub fn publish(aws: &Aws, names: &[String]) -> Result<Vec<Published>> {
    let one = |name: &String| Ok(Published { name: name.clone(), version: lambda::publish(aws, name)? });
    each(names, one).into_iter().collect()
}

/// Deletes versions that nobody was sent to.
pub fn discard(aws: &Aws, published: &[Published]) -> Result<()> {
    each(published, |one| lambda::delete(aws, &one.name, one.version.number)).into_iter().collect()
}

/// A function's way from one version to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub name: String,
    /// Whether it works for a queue.
    pub worker: bool,
    pub from: Alias,
    pub to: u64,
    pub description: String,
}

/// The ways to what was published.
#[must_use]
pub fn forward(all: &[Standing], published: &[Published], is_worker: &dyn Fn(&str) -> bool) -> Vec<Move> {
    let standing: BTreeMap<_, _> = all.iter().map(|one| (&one.name, one)).collect();
    let one = |new: &Published| {
        let now = standing.get(&new.name)?;
        let (release, before) = (&new.version.release, now.release());
        // The same once more is no step: what was before it stays what was before it.
        let description =
            if release == before { now.alias.description.clone() } else { format!("{release} after {before}") };
        Some(Move {
            name: new.name.clone(),
            worker: is_worker(&new.version.handler),
            from: now.alias.clone(),
            to: new.version.number,
            description,
        })
    };
    published.iter().filter_map(one).collect()
}

/// The ways back to a release, to the one before without a name, and the functions that have no version of it.
pub fn backward(
    all: &[Standing],
    to: Option<&str>,
    is_worker: &dyn Fn(&str) -> bool,
) -> Result<(String, Vec<Move>, Vec<String>)> {
    let release = match to {
        Some(release) => release.to_owned(),
        None => before(all)?,
    };
    let (mut moves, mut without) = (Vec::new(), Vec::new());
    for one in all {
        match one.version_of(&release) {
            Some(version) if version.number == one.alias.version => {}
            Some(version) => moves.push(Move {
                name: one.name.clone(),
                worker: is_worker(&version.handler),
                from: one.alias.clone(),
                to: version.number,
                description: format!("{release}, back from {}", one.release()),
            }),
            None => without.push(one.name.clone()),
        }
    }
    ensure!(
        without.len() < all.len(),
        "no function has a version of {release}: `cargo ship status` lists what there is"
    );
    Ok((release, moves, without))
}

/// The release that the one which is called says it came after.
fn before(all: &[Standing]) -> Result<String> {
    let mut releases =
        all.iter().filter_map(|one| one.alias.description.split_once(" after ").map(|(_, before)| before));
    let first = releases
        .next()
        .context("nobody wrote down what came before: say `--to RELEASE`, `cargo ship status` lists them")?;
    ensure!(
        releases.all(|other| other == first),
        "the functions came from several releases: say `--to RELEASE`, `cargo ship status` lists them"
    );
    Ok(first.to_owned())
}

/// Sends all callers on, the workers of queues first: they know the tasks of the release before, and who makes new ones comes
/// after them. When one cannot be moved, all go back.
pub fn go(aws: &Aws, moves: &[Move]) -> Result<()> {
    let (workers, others): (Vec<_>, Vec<_>) = moves.iter().partition(|one| one.worker);
    let mut done = Vec::new();
    for group in [workers, others] {
        let results =
            each(&group, |one| lambda::point(aws, &one.name, one.to, &one.description, Some(&one.from.revision)));
        let mut failed = Vec::new();
        for (one, result) in group.into_iter().zip(results) {
            match result {
                Ok(()) => done.push(one.clone()),
                Err(error) => failed.push(format!("{}: {error:#}", one.name)),
            }
        }
        if let Some(why) = failed.first() {
            let back = take_back(aws, &done);
            let next =
                if back.is_ok() { "all are where they were; deploy again" } else { "and not all could be moved back" };
            bail!("{} of {} could not be moved, {next}. {why}", failed.len(), moves.len());
        }
    }
    Ok(())
}

/// Sends callers to where they were before.
pub fn take_back(aws: &Aws, moves: &[Move]) -> Result<()> {
    let one = |one: &Move| lambda::point(aws, &one.name, one.from.version, &one.from.description, None);
    let failed: Vec<_> = each(moves, one)
        .into_iter()
        .zip(moves)
        .filter_map(|(result, one)| result.err().map(|error| format!("{}: {error:#}", one.name)))
        .collect();
    if let Some(why) = failed.first() {
        bail!("{} functions could not be moved back: `cargo ship rollback` tries again. {why}", failed.len());
    }
    Ok(())
}

/// Which versions a function need not keep: all but the newest three, whatever is called and what it came after.
#[must_use]
pub fn superfluous(one: &Standing) -> Vec<u64> {
    let before = one.alias.description.split_once(" after ").map(|(_, before)| before);
    let keep = |version: &Version| version.number == one.alias.version || Some(version.release.as_str()) == before;
    let old = one.versions.len().saturating_sub(KEPT);
    one.versions.iter().take(old).filter(|version| !keep(version)).map(|version| version.number).collect()
}

/// Deletes them, and says how many there were.
pub fn prune(aws: &Aws, names: &[String]) -> Result<usize> {
    let all = standing(aws, names)?;
    let doomed: Vec<_> =
        all.iter().flat_map(|one| superfluous(one).into_iter().map(|version| (&one.name, version))).collect();
    each(&doomed, |(name, version)| lambda::delete(aws, name, *version)).into_iter().collect::<Result<Vec<_>>>()?;
    Ok(doomed.len())
}

#[cfg(test)]
mod tests;
