//! Files broken at random, and amounts written at random.

use rust_decimal::Decimal;

use super::super::*;
use super::{options, with};

/// Random numbers that are the same in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

#[test]
fn no_input_panics_and_no_row_breaks_its_promise() {
    let seeds = [
        "Date,Details,Debit,Credit,Balance\r\n14/02/2024,\"Coffee, x\",3.20,,96.80\r\n15/02/2024,Pay,0.00,\"1,500.00\",\"1,596.80\"\r\n",
        "01.02.2024;\"SHOP A\";-1,50;EUR;;\n02.02.2024;\"SHOP B\";-2,50;EUR;;\n",
        "a\tb\n20240101\t(5.00) CR\n",
        "Datum;Betrag;Währung\n1. März 2024;12,-- €;CHF\n",
        "OFXHEADER:100\nCHARSET:1252\n\n<OFX><STMTRS><CURDEF>EUR<BANKTRANLIST><STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20240131120000[-5:EST]<TRNAMT>-1,50<FITID>1<NAME>A &amp; B</STMTTRN></BANKTRANLIST></STMTRS></OFX>\n",
        "!Type:Bank\nD1/31'24\nT-1.50\nPShop\n^\nD2/ 1'24\nT2.50\nMPay\n^\n",
    ];
    let scraps: [&[u8]; 20] = [
        b"\"",
        b";",
        b",",
        b"\n",
        b"\r",
        b"\0",
        b"\xff",
        b"\xfe",
        b"-",
        b"()",
        "−".as_bytes(),
        b"99999999999999999999",
        b"'",
        b"\xef\xbb\xbf",
        "💥".as_bytes(),
        b"=\"",
        b"<STMTTRN>",
        b"&#0;",
        b"<![CDATA[",
        b"^",
    ];
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut rows = 0;
    for round in 0..3000 {
        let mut bytes = seeds[random.below(seeds.len())].as_bytes().to_vec();
        for _ in 0..random.below(6) {
            let at = random.below(bytes.len() + 1);
            match random.below(4) {
                0 => drop(bytes.splice(at..at, scraps[random.below(scraps.len())].iter().copied())),
                1 => bytes.truncate(at),
                2 if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).unwrap(),
                _ => drop(bytes.drain(at..(at + random.below(9)).min(bytes.len()))),
            }
        }
        if let Ok(shape) = detect(&bytes, &options()) {
            for row in shape.rows(&bytes) {
                match row {
                    Ok(row) => {
                        rows += 1;
                        assert!(row.line > 0 && row.amount.scale() == 2 && !row.amount.is_zero(), "{round}");
                        assert!(row.amount.abs() <= Decimal::new(99_999_999_999_999, 2), "{round}");
                        assert!(is_supported(&row.currency) && !row.description.contains('\0'), "{round}");
                        assert!(row.description.chars().count() <= 500, "{round}");
                    }
                    Err(error) => assert!(error.detail.chars().count() <= 80, "{round} {error:?}"),
                }
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        assert!(candidates(&text).len() <= 64);
    }
    assert!(rows > 500, "the mutations leave too little to check: {rows}");
}

#[test]
fn amounts_written_in_any_manner_come_back_to_the_cent() {
    let mut random = Random(42);
    for _ in 0..300 {
        let comma = random.below(2) == 0;
        let mut want = Vec::new();
        let mut text = String::from("Date;Description;Amount\n");
        for _ in 0..8 {
            let cents = i64::try_from(1 + random.below(900_000_000)).unwrap();
            let negative = random.below(2) == 0;
            want.push(Decimal::new(if negative { cents } else { -cents }, 2));
            let mut whole = (cents / 100).to_string();
            if random.below(2) == 0 {
                for at in (1..whole.len()).rev().filter(|at| (whole.len() - at) % 3 == 0).collect::<Vec<_>>() {
                    whole.insert(at, if comma { '.' } else { ',' });
                }
            }
            let number = format!("{whole}{}{:02}", if comma { ',' } else { '.' }, cents % 100);
            let cell = match (negative, random.below(3)) {
                (true, 0) => format!("-{number}"),
                (true, 1) => format!("({number})"),
                (true, _) => format!("{number}-"),
                (false, 0) => format!("+{number}"),
                (false, _) => number,
            };
            text.extend(["2024-01-15;x;", &cell, "\n"]);
        }
        if !text.contains('-') || want.iter().all(Decimal::is_sign_negative) {
            continue;
        }
        let shape = detect(text.as_bytes(), &with(r#"{"sign":"negative"}"#)).unwrap();
        let got: Vec<Decimal> = shape.rows(text.as_bytes()).map(|row| row.unwrap().amount).collect();
        assert_eq!(got, want, "{text}");
    }
}
