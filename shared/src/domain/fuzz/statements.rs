//! Files that call themselves statements.

use super::{feed, recipe::Recipe};
use crate::domain::imports::statement::{Options, Row, RowError, Shape, candidates, detect, is_supported};
use rust_decimal::Decimal;
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

const SCRAPS: &[&[u8]] = &[
    b"\"",
    b"\"\"",
    b";",
    b",",
    b"\t",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"-",
    b"+",
    b"()",
    b"\xe2\x88\x92",
    b"99999999999999999999",
    b"999999999999.99",
    b"0.00",
    b"1e5",
    b"NaN",
    b"1_000",
    b"'",
    b"=\"1\"",
    b"31/12/9999",
    b"2024-02-29",
    b"00000000",
    b"Date",
    b"Amount",
    b"Balance",
    b"Debit,Credit",
    b"KWD",
    b"EUR",
    b"\xe2\x82\xac",
    b"\xf0\x9f\x92\xa5",
    b"\xd9\xa1\xd9\xa2",
    b"<STMTTRN>",
    b"</STMTTRN>",
    b"<TRNAMT>-1",
    b"<CURDEF>JPY",
    b"&#0;",
    b"&#x10FFFF;",
    b"&amp",
    b"<![CDATA[",
    b"]]>",
    b"^",
    b"!Type:",
    b"!Option:",
    b"S",
    b"$-1.00",
    b"sep=;\n",
];

/// The checked-in files, each nasty in its own way; as its name says.
fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/domain/fuzz/statements"));
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn options() -> Options {
    Options { mapping: None, default_currency: "USD".into() }
}

fn all(shape: &Shape, bytes: &[u8]) -> Vec<Result<Row, RowError>> {
    shape.rows(bytes).collect()
}

fn check(bytes: &[u8]) {
    let shape = match (detect(bytes, &options()), detect(bytes, &options())) {
        (Ok(shape), Ok(again)) => {
            assert_eq!(shape.mapping(), again.mapping());
            shape
        }
        (Err(refusal), again) => {
            assert_eq!(Some(&refusal), again.as_ref().err());
            let cells = || refusal.preview.iter().flatten();
            assert!(cells().all(|cell| cell.chars().count() <= 80), "{refusal:?}");
            assert!(cells().count() <= 10 * 100 && refusal.detail.len() < 2000, "{refusal:?}");
            return;
        }
        (Ok(_), Err(refusal)) => panic!("taken, then refused: {refusal:?}"),
    };
    let rows = all(&shape, bytes);
    assert_eq!(rows, all(&shape, bytes));
    // Saved and sent with the same file it takes the same rows; of several headers it may begin with an earlier one.
    let saved = Options { mapping: Some(shape.mapping().clone()), ..options() };
    let again = detect(bytes, &saved).unwrap_or_else(|refusal| panic!("refused by its own mapping: {refusal:?}"));
    let taken = |rows: Vec<Result<Row, RowError>>| rows.into_iter().filter_map(Result::ok).collect::<Vec<_>>();
    assert_eq!(taken(rows.clone()), taken(all(&again, bytes)));
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    let line = |row: &Result<Row, RowError>| row.as_ref().map_or_else(|error| error.line, |row| row.line);
    assert!(rows.is_sorted_by_key(line), "{:?}", rows.iter().map(line).collect::<Vec<_>>());
    for row in &rows {
        assert!((1..=lines).contains(&usize::try_from(line(row)).unwrap()), "{row:?}");
        match row {
            Ok(row) => kept(row),
            Err(error) => {
                assert!(error.detail.chars().count() <= 160, "{error:?}");
                assert!(error.column.as_ref().is_none_or(|column| column.chars().count() <= 200), "{error:?}");
            }
        }
    }
}

/// What a row promises to who stores it.
fn kept(row: &Row) {
    assert!(row.amount.scale() == 2 && !row.amount.is_zero(), "{row:?}");
    assert!(row.amount.abs() <= Decimal::new(99_999_999_999_999, 2), "{row:?}");
    assert!(is_supported(&row.currency), "{row:?}");
    assert!((1900..=2200).contains(&row.date.year()), "{row:?}");
    for (text, most) in [
        (Some(&row.description), 500),
        (row.note.as_ref(), 2000),
        (row.category.as_ref(), 100),
        (row.external_id.as_ref(), 200),
    ] {
        let Some(text) = text else { continue };
        assert!(text.chars().count() <= most && !text.chars().any(char::is_control), "{row:?}");
    }
    assert!(candidates(&row.description).len() <= 64);
}

#[test]
fn must_hold_22_the_corpus_is_read_or_refused() {
    let corpus = corpus();
    assert!(corpus.len() >= 15, "{}", corpus.len());
    for file in corpus {
        check(&file);
    }
}

#[test]
fn must_hold_19_22_no_file_panics_and_every_row_is_one_that_can_be_stored() {
    let corpus = corpus();
    feed(|bytes| check(&Recipe(bytes).edited(&corpus, SCRAPS)));
}

/// How long it takes to read `part`, repeated up to `size`. Whole: half a letter would make it a file in another encoding.
fn time(part: &[u8], size: usize) -> Duration {
    let bytes = part.repeat(size / part.len());
    let begun = Instant::now();
    if let Ok(shape) = detect(&bytes, &options()) {
        assert!(shape.rows(&bytes).count() <= size);
    }
    begun.elapsed()
}

#[test]
fn must_hold_19_the_time_a_file_takes_grows_with_its_size_and_not_with_its_square() {
    // A quadratic reader takes sixteen times as long for four times as much; a busy machine takes its time, too.
    const SMALL: usize = 24 * 1024;
    let mut slow = Vec::new();
    for part in SCRAPS.iter().map(|scrap| scrap.to_vec()).chain(corpus()) {
        if (0..3).all(|_| time(&part, SMALL * 4) > time(&part, SMALL) * 10 + Duration::from_millis(100)) {
            slow.push(String::from_utf8_lossy(&part).chars().take(40).collect::<String>());
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
}

/// The most memory that this process has had, in KB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn must_hold_21_a_file_of_four_megabytes_of_anything_takes_no_more_memory_than_a_function_has() {
    let before = peak();
    for part in [",", ";\n", "\n", "\"", "1,", "<A>", "^\n", "<STMTTRN>\n", "a,1.00\n"] {
        let bytes = part.repeat(4 * 1024 * 1024 / part.len()).into_bytes();
        if let Ok(shape) = detect(&bytes, &options()) {
            assert!(shape.rows(&bytes).count() <= bytes.len());
        }
        assert!(peak() - before < 200 * 1024, "{part:?} {} KB", peak() - before);
    }
}
