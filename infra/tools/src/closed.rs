//! Accounts that were closed and that a restored backup brought back.

use anyhow::{Context, Result};
use serde_json::Value;
use shared::{
    domain::erasure,
    platform::{clock, db::Db},
};
use std::{collections::BTreeSet, fs, path::Path};
use uuid::Uuid;

pub async fn close_again(url: &str, file: &Path) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let ids: BTreeSet<Uuid> = text.lines().filter_map(id).collect();
    let db = Db::from_options(url.parse()?);
    let mut closed = 0;
    for id in &ids {
        let done = erasure::close_again(&db, *id, clock::now()).await;
        closed += i32::from(done.map_err(|problem| anyhow::anyhow!("{id}: {problem}"))?);
    }
    println!("{closed} of {} accounts were there and are closed again", ids.len());
    Ok(())
}

/// Whose account a line says was closed: a line of the log that tells of a request has to tell of that one.
fn id(line: &str) -> Option<Uuid> {
    if let Some(at) = line.find('{') {
        let said: Value = serde_json::from_str(line.get(at..)?).ok()?;
        let text = |name: &str| said.get(name).and_then(Value::as_str);
        let is_closing =
            text("function") == Some("auth.close") && said.get("status").and_then(Value::as_u64) == Some(204);
        return text("user_id").filter(|_| is_closing)?.parse().ok();
    }
    let mut ids =
        line.split(|c: char| !c.is_ascii_hexdigit() && c != '-').filter_map(|word| Uuid::try_parse(word).ok());
    let first = ids.next()?;
    ids.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_tell_of_a_closed_account_name_one() {
        let user = "01a20976-c28e-7300-bd8a-0743a9711e28";
        let line = |function: &str, status: u16| {
            format!(
                "auth-close   {{\"function\":\"{function}\",\"user_id\":\"{user}\",\"status\":{status},\"request_id\":\"x\"}}\n"
            )
        };
        let expected = Some(user.parse().unwrap());
        assert_eq!(id(&line("auth.close", 204)), expected);
        assert_eq!(id(user), expected);
        assert_eq!(id(&format!("RESULTS\tuser_id\t{user}")), expected);
        for other in [line("auth.close", 422), line("auth.me", 204), String::new(), format!("{user} {user}")] {
            assert_eq!(id(&other), None, "{other}");
        }
        assert_eq!(id("auth-close  {half"), None);
    }
}
