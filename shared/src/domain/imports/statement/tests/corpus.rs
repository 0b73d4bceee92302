//! Statements in the shapes of many countries' banks, each with the rows that it holds as a reader of it would say them.
//!
//! A case begins with `#### name`, which `currency=`, `encoding=` or `crlf` may follow; then comes the file, `>>>>`, and
//! the rows. `⇥` is a tabulator, `␣` a blank at a line's end. A refusal is written `refused code {what to send}`, and the
//! rows under it are those read once that is sent.

use encoding_rs::Encoding as Codec;

use super::super::*;

struct Case<'a> {
    name: &'a str,
    bytes: Vec<u8>,
    options: Options,
    wanted: Vec<&'a str>,
}

fn cases(file: &str) -> Vec<Case<'_>> {
    file.split("#### ").skip(1).map(case).collect()
}

fn case(raw: &str) -> Case<'_> {
    let (head, rest) = raw.split_once('\n').unwrap();
    let (name, settings) = head.split_once(" | ").unwrap_or((head, ""));
    let (text, wanted) = rest.split_once(">>>>\n").unwrap();
    let mut text = text.replace('⇥', "\t").replace('␣', " ");
    let mut options = Options { mapping: None, default_currency: "USD".to_owned() };
    let mut codec = encoding_rs::UTF_8;
    for setting in settings.split_whitespace() {
        match setting.split_once('=').unwrap_or((setting, "")) {
            ("currency", code) => code.clone_into(&mut options.default_currency),
            ("encoding", label) => codec = Codec::for_label(label.as_bytes()).unwrap(),
            ("crlf", _) => text = text.replace('\n', "\r\n"),
            ("bom", _) => text.insert(0, '\u{feff}'),
            ("utf16", _) => codec = encoding_rs::UTF_16LE,
            other => panic!("{other:?}"),
        }
    }
    let bytes = if codec == encoding_rs::UTF_16LE {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    } else {
        codec.encode(&text).0.into_owned()
    };
    let wanted = wanted.lines().filter(|line| !line.is_empty()).collect();
    Case { name, bytes, options, wanted }
}

fn rows(shape: &Shape, bytes: &[u8]) -> Vec<String> {
    let row = |row: Row| {
        let pending = if row.pending { " (pending)" } else { "" };
        format!("{} {} {} {}{pending}", row.date, row.amount, row.currency, row.description)
    };
    let error = |error: RowError| format!("line {} {}", error.line, error.code);
    shape.rows(bytes).map(|read| read.map_or_else(error, row)).collect()
}

/// Lays what a client would send over the mapping that came with the refusal.
fn completed(refusal: &Refusal, sent: &str) -> Mapping {
    let mut mapping = serde_json::to_value(refusal.candidates.as_deref().unwrap()).unwrap();
    let sent: serde_json::Value = serde_json::from_str(sent).unwrap();
    mapping.as_object_mut().unwrap().extend(sent.as_object().unwrap().clone());
    serde_json::from_value(mapping).unwrap()
}

fn told(refusal: &Refusal) -> String {
    format!("{}: {} {}", refusal.code, refusal.detail, serde_json::to_string(&refusal.candidates).unwrap())
}

/// What is wrong with one case, if anything is.
fn fault(case: &Case<'_>) -> Option<String> {
    let Case { name, bytes, options, wanted } = case;
    let (shape, wanted) = match (detect(bytes, options), wanted.split_first()) {
        (Err(refusal), Some((first, rest))) if first.starts_with("refused ") => {
            let mut words = first.splitn(3, ' ').skip(1);
            if words.next() != Some(refusal.code) || refusal.preview.is_empty() && words.clone().next().is_some() {
                return Some(format!("{name}: {}", told(&refusal)));
            }
            let sent = words.next()?;
            let options = Options { mapping: Some(completed(&refusal, sent)), ..options.clone() };
            match detect(bytes, &options) {
                Ok(shape) => (shape, rest.to_vec()),
                Err(again) => return Some(format!("{name}: refused again with {sent}: {}", told(&again))),
            }
        }
        (Err(refusal), _) => return Some(format!("{name}: {}", told(&refusal))),
        (Ok(shape), _) => (shape, wanted.clone()),
    };
    let got = rows(&shape, bytes);
    if got != wanted {
        return Some(format!("{name}:\n  got    {}\n  wanted {}", got.join("\n         "), wanted.join("\n         ")));
    }
    let again = Options { mapping: Some(shape.mapping().clone()), ..options.clone() };
    match detect(bytes, &again) {
        Ok(shape) if rows(&shape, bytes) == got => None,
        Ok(shape) => Some(format!("{name}: its own mapping reads {:?}", rows(&shape, bytes))),
        Err(refusal) => Some(format!("{name}: its own mapping: {}", told(&refusal))),
    }
}

fn check(file: &str) {
    let cases = cases(file);
    let faults: Vec<String> = cases.iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

#[test]
fn america() {
    check(include_str!("files/america.txt"));
}

#[test]
fn islands() {
    check(include_str!("files/islands.txt"));
}

#[test]
fn german() {
    check(include_str!("files/german.txt"));
}

#[test]
fn western() {
    check(include_str!("files/western.txt"));
}

#[test]
fn southern() {
    check(include_str!("files/southern.txt"));
}

#[test]
fn central() {
    check(include_str!("files/central.txt"));
}

#[test]
fn northern() {
    check(include_str!("files/northern.txt"));
}

#[test]
fn eastern() {
    check(include_str!("files/eastern.txt"));
}

#[test]
fn asia_and_pacific() {
    check(include_str!("files/asia_pacific.txt"));
}

#[test]
fn programs() {
    check(include_str!("files/programs.txt"));
}

#[test]
fn exchange_formats() {
    check(include_str!("files/exchange.txt"));
}

#[test]
fn more_shapes() {
    check(include_str!("files/more.txt"));
}
