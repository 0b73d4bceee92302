//! The list of bugs to plant: `tests/planted/*.txt`.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::paths::Paths;

/// A bug of a line or two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bug {
    pub name: String,
    /// Numbers of the properties that it breaks, as in the names of tests.
    pub properties: String,
    pub file: String,
    pub suite: Suite,
    /// Parts of the names of the tests that must fail.
    pub tests: Vec<String>,
    find: String,
    replace: String,
}

/// Which tests must see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Suite {
    /// Unit tests of `shared`.
    Unit,
    /// Against a database.
    Postgres,
    /// Over HTTP and WebSocket, deployed to a local cloud of the copy's own.
    Blackbox,
}

impl Bug {
    /// Whether a statement changes, so that `.sqlx` does not know it.
    pub fn is_sql(&self) -> bool {
        self.file.ends_with("sql.rs") || self.file.contains("/sql/")
    }

    /// The file with the bug in it.
    pub fn plant(&self, text: &str) -> Result<String> {
        let times = text.matches(&self.find).count();
        ensure!(times == 1, "{}: its text is found {times} times in {}, not once", self.name, self.file);
        Ok(text.replacen(&self.find, &self.replace, 1))
    }
}

/// The bugs of this checkout, or those whose names contain one of `names`, suite by suite: so little is compiled anew.
pub fn read(paths: &Paths, names: &[String], suites: &[Suite]) -> Result<Vec<Bug>> {
    let mut all = in_folder(&paths.root.join("tests/planted"))?;
    for name in names {
        ensure!(all.iter().any(|bug| bug.name.contains(name)), "no planted bug is called anything like {name}");
    }
    all.retain(|bug| suites.is_empty() || suites.contains(&bug.suite));
    all.sort_by_key(|bug| bug.suite);
    all.retain(|bug| names.is_empty() || names.iter().any(|name| bug.name.contains(name)));
    Ok(all)
}

fn in_folder(folder: &Path) -> Result<Vec<Bug>> {
    let mut files =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        all.extend(parse(&text).with_context(|| file.display().to_string())?);
    }
    let mut names: Vec<_> = all.iter().map(|bug| &bug.name).collect();
    names.sort();
    let twice = names.windows(2).find(|pair| pair.first() == pair.last());
    ensure!(twice.is_none(), "two planted bugs have one name: {twice:?}");
    Ok(all)
}

/// Each bug is `== name | properties | file | suite test…`, then the text as it stands behind `-`, and as it becomes behind `+`.
fn parse(text: &str) -> Result<Vec<Bug>> {
    let mut all: Vec<Bug> = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("== ") {
            all.push(header(head)?);
        } else if let Some(bug) = all.last_mut() {
            match line.split_at_checked(1) {
                Some(("-", rest)) => add(&mut bug.find, rest),
                Some(("+", rest)) => add(&mut bug.replace, rest),
                None | Some(("#", _)) => {}
                Some(_) => bail!("{}: a line begins with neither - nor +: {line}", bug.name),
            }
        } else {
            ensure!(line.is_empty() || line.starts_with('#'), "a line before the first bug: {line}");
        }
    }
    let empty = all.iter().find(|bug| bug.find.is_empty());
    ensure!(empty.is_none(), "no text to replace: {empty:?}");
    Ok(all)
}

fn add(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
}

fn header(head: &str) -> Result<Bug> {
    let parts: Vec<_> = head.split(" | ").map(str::trim).collect();
    let [name, properties, file, tests] = parts.as_slice() else {
        bail!("\"{head}\" is not name | properties | file | suite tests");
    };
    let (suite, tests) = tests.split_once(' ').context("which tests must fail?")?;
    let suite = match suite {
        "unit" => Suite::Unit,
        "postgres" => Suite::Postgres,
        "blackbox" => Suite::Blackbox,
        other => bail!("{other} is no suite: unit, postgres or blackbox"),
    };
    Ok(Bug {
        name: (*name).to_owned(),
        properties: (*properties).to_owned(),
        file: (*file).to_owned(),
        suite,
        tests: tests.split_whitespace().map(str::to_owned).collect(),
        find: String::new(),
        replace: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn every_planted_bug_still_has_its_place_and_its_outcome_on_record() -> Result<()> {
        let bugs = in_folder(&here().join("tests/planted"))?;
        assert!(bugs.len() >= 40, "{}", bugs.len());
        let outcomes = fs::read_to_string(here().join("docs/planted-bugs.md"))?;
        for bug in bugs {
            let text = fs::read_to_string(here().join(&bug.file)).with_context(|| bug.name.clone())?;
            assert_ne!(bug.plant(&text)?, text, "{}", bug.name);
            let (row, name) = (format!("| `{}` |", bug.name), &bug.name);
            assert_eq!(outcomes.matches(&row).count(), 1, "{name}: run `cargo local plant {name}`");
            // The statements of what is deployed are those that `.sqlx` knows.
            assert!(!(bug.is_sql() && bug.suite == Suite::Blackbox), "{name}");
        }
        Ok(())
    }

    #[test]
    fn a_list_is_read_line_by_line() -> Result<()> {
        let text = "# why\n\n== a_bug | 16 | src/a.rs | postgres one two\n-  a = b\n-and c\n+  a\n";
        let bugs = parse(text)?;
        let [bug] = bugs.as_slice() else { bail!("{bugs:?}") };
        assert_eq!((bug.suite, bug.tests.len(), bug.is_sql()), (Suite::Postgres, 2, false));
        assert_eq!(bug.plant("if   a = b\nand c;")?, "if   a;");
        assert!(bug.plant("nothing of it").is_err() && bug.plant("  a = b\nand c  a = b\nand c").is_err());
        assert!(parse("== a_bug | 16 | src/a.rs | elsewhere one\n-a\n").is_err());
        assert!(parse("== a_bug | 16 | src/a.rs | unit one\n+a\n").is_err());
        Ok(())
    }
}
