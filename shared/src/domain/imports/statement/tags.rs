//! The tags of an OFX file, gathered to transactions.

use std::borrow::Cow;

/// One `STMTTRN`, as it stands in the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) line: u32,
    pub(super) pending: bool,
    pub(super) account: String,
    pub(super) account_currency: String,
    pub(super) kind: String,
    pub(super) posted: String,
    pub(super) user_date: String,
    pub(super) amount: String,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) memo: String,
    pub(super) check: String,
    pub(super) currency: String,
}

/// Walks through the tags of a file.
pub(super) struct Entries<'a> {
    text: Cow<'a, str>,
    at: usize,
    /// How far lines are counted.
    counted: (usize, u32),
    account: String,
    currency: String,
    /// Inside a transaction, the part that must not be taken for its own: the other party's account, the original amount.
    within: Option<&'static str>,
    open: Option<Entry>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(text: Cow<'a, str>) -> Self {
        let (account, currency) = (String::new(), String::new());
        Self { text, at: 0, counted: (0, 1), account, currency, within: None, open: None }
    }

    /// The next tag, its place, and the text behind it.
    fn tag(&mut self) -> Option<(String, usize, String)> {
        let bytes = self.text.as_bytes();
        loop {
            let start = self.at + bytes.get(self.at..)?.iter().position(|b| *b == b'<')?;
            self.at = start + 1;
            let Some(end) = tag_end(bytes, start) else { continue };
            self.at = end + 1;
            let name = self.text.get(start + 1..end)?.trim_end_matches('/').trim().to_ascii_uppercase();
            let mut next = self.at;
            // A `<` that opens no tag belongs to the text.
            loop {
                match bytes.get(next..).and_then(|rest| rest.iter().position(|b| *b == b'<')) {
                    None => next = bytes.len(),
                    Some(step) if tag_end(bytes, next + step).is_none() => {
                        next += step + 1;
                        continue;
                    }
                    Some(step) => next += step,
                }
                break;
            }
            let value = self.text.get(self.at..next)?;
            let value = if name.starts_with('/') { String::new() } else { unescape(value) };
            self.at = next;
            return Some((name, start, value));
        }
    }

    fn line(&mut self, at: usize) -> u32 {
        let (from, line) = self.counted;
        let feeds: usize =
            self.text.as_bytes().get(from..at).unwrap_or_default().iter().map(|b| usize::from(*b == b'\n')).sum();
        self.counted = (at, line.saturating_add(u32::try_from(feeds).unwrap_or(u32::MAX)));
        self.counted.1
    }

    fn fill(&mut self, name: &str, value: String) {
        let Some(entry) = &mut self.open else {
            match name {
                "CURDEF" => self.currency = value,
                "ACCTID" => self.account = value,
                _ => {}
            }
            return;
        };
        let slot = match (name, self.within) {
            ("CURSYM", Some("CURRENCY")) => &mut entry.currency,
            ("TRNTYPE", None) => &mut entry.kind,
            ("DTPOSTED", None) => &mut entry.posted,
            ("DTUSER" | "DTTRAN", None) => &mut entry.user_date,
            ("TRNAMT", None) => &mut entry.amount,
            ("FITID", None) => &mut entry.id,
            ("NAME", None) => &mut entry.name,
            ("MEMO", None) => &mut entry.memo,
            ("CHECKNUM", None) => &mut entry.check,
            _ => return,
        };
        if slot.is_empty() {
            *slot = value;
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while let Some((name, start, value)) = self.tag() {
            match name.as_str() {
                "STMTTRN" | "STMTTRNP" => {
                    let entry = Entry {
                        line: self.line(start),
                        pending: name == "STMTTRNP",
                        account: self.account.clone(),
                        account_currency: self.currency.clone(),
                        ..Entry::default()
                    };
                    self.within = None;
                    if let Some(before) = self.open.replace(entry) {
                        return Some(before);
                    }
                }
                "/STMTTRN" | "/STMTTRNP" | "/BANKTRANLIST" | "/BANKTRANLISTP" | "LEDGERBAL" | "/OFX" => {
                    if let Some(entry) = self.open.take() {
                        return Some(entry);
                    }
                }
                "STMTRS" | "CCSTMTRS" | "INVSTMTRS" => {
                    self.account.clear();
                    self.currency.clear();
                }
                "CURRENCY" => self.within = Some("CURRENCY"),
                "ORIGCURRENCY" => self.within = Some("ORIGCURRENCY"),
                "BANKACCTTO" | "CCACCTTO" => self.within = Some("ACCOUNT"),
                "/CURRENCY" | "/ORIGCURRENCY" | "/BANKACCTTO" | "/CCACCTTO" => self.within = None,
                _ => self.fill(&name, value),
            }
        }
        self.open.take()
    }
}

/// Where the tag that begins here ends, if it is one.
fn tag_end(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = bytes.get(start + 1..(start + 200).min(bytes.len()))?;
    if rest.starts_with(b"![CDATA[") {
        return None;
    }
    let first = rest.iter().find(|b| **b != b'/')?;
    let end = rest.iter().position(|b| matches!(*b, b'>' | b'<' | b'\n'))?;
    let instruction = matches!(first, b'?' | b'!');
    let name = rest.get(..end)?;
    let named = name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(*b, b'/' | b'.' | b'_' | b'-' | b' '));
    (rest.get(end) == Some(&b'>') && (instruction || (first.is_ascii_alphabetic() && named))).then_some(start + 1 + end)
}

/// The text of an element: entities resolved, a bare `&` left as it is.
fn unescape(raw: &str) -> String {
    let raw = raw.trim();
    let raw = raw.strip_prefix("<![CDATA[").map_or(raw, |inner| inner.split("]]>").next().unwrap_or(inner));
    let mut out = String::with_capacity(raw.len().min(4096));
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        let named = rest.get(1..).and_then(|rest| rest.split_once(';')).map(|(name, _)| name).filter(|n| n.len() <= 8);
        if let Some((name, c)) = named.and_then(|name| Some((name, entity(name)?))) {
            out.push(c);
            rest = rest.get(name.len() + 2..).unwrap_or_default();
        } else {
            out.push('&');
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    match name.to_ascii_lowercase().as_str() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        other => {
            let number = other.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_elements() {
        for (raw, want) in [
            (" A &amp; B ", "A & B"),
            ("A & B", "A & B"),
            ("Caf&#233; &#xE9;", "Café é"),
            ("<![CDATA[A <b> C]]>", "A <b> C"),
            ("&unknown; &", "&unknown; &"),
            ("", ""),
        ] {
            assert_eq!(unescape(raw), want, "{raw}");
        }
    }

    #[test]
    fn entries_start_where_their_tag_stands() {
        let text = "<CURDEF>EUR\n<STMTTRN>\n<NAME>a<b\n<STMTTRN><NAME>c</STMTTRN>\n<STMTTRN><MEMO>d";
        let got: Vec<_> = Entries::new(Cow::Borrowed(text)).map(|e| (e.line, e.name, e.memo)).collect();
        let own = |line: u32, name: &str, memo: &str| (line, name.to_owned(), memo.to_owned());
        assert_eq!(got, [own(2, "a<b", ""), own(4, "c", ""), own(5, "", "d")]);
    }
}
