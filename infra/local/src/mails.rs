//! Looking at mails: what the local AWS was given to send, as files that a browser opens.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{aws::Aws, paths::Paths, progress::say, state::State};

/// What a file may be called.
fn plain(text: &str) -> String {
    let letters = text.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' });
    letters.take(60).collect()
}

/// Writes each mail as `.txt` and `.html`, by when it was sent.
pub fn write(paths: &Paths, folder: Option<PathBuf>) -> Result<()> {
    let cloud = State::load(paths).cloud.context("nothing runs; `cargo local up` first")?;
    let folder = folder.unwrap_or_else(|| paths.state.join("mails"));
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let mails = Aws::at(cloud.port).mails()?;
    for (n, mail) in mails.iter().enumerate() {
        let part = |name: &str| mail.get(name).and_then(Value::as_str).unwrap_or_default();
        let to = mail.get("To").and_then(|to| to.get(0)).and_then(Value::as_str).unwrap_or_default();
        let file = folder.join(format!("{n:04}-{}-{}", plain(part("Subject")), plain(to)));
        let path = |extension| format!("{}.{extension}", file.display());
        fs::write(path("txt"), format!("To: {to}\nSubject: {}\n\n{}", part("Subject"), part("BodyText")))?;
        fs::write(path("html"), part("BodyHtml"))?;
    }
    say(format_args!("{} mails in {}", mails.len(), folder.display()));
    Ok(())
}
