//! Reading one amount cell. Nothing is ever rounded: what does not fit two decimals is refused.

use rust_decimal::Decimal;

use super::currencies::{Said, said};
use super::mapping::DecimalMark;
use super::text::{shown, unguarded};

/// The largest amount, in cents, that `NUMERIC(14,2)` holds.
const MAX_CENTS: i64 = 99_999_999_999_999;

/// A cell taken apart, before it is known which mark stands before the cents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lexed<'a> {
    pub(super) minus: bool,
    pub(super) plus: bool,
    /// A word like `DR` or `CR` beside the number: whether it says debit.
    pub(super) debit: Option<bool>,
    pub(super) currency: Option<Said<'a>>,
    /// ASCII digits and marks; every kind of blank or apostrophe is `'`.
    pub(super) body: String,
}

/// What one number shows about the decimal mark of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    /// Whole number: nothing.
    None,
    /// Surely this mark.
    Sure(DecimalMark),
    /// `1.234`: thousands, or this mark before three digits.
    Unclear(DecimalMark),
}

/// Why a number cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    Form,
    Decimals,
    Size,
}

impl Bad {
    /// The code and what to say of a cell.
    pub(super) fn told(self, cell: &str) -> (&'static str, String) {
        let seen = shown(cell);
        match self {
            Self::Form => ("bad_amount", format!("\"{seen}\" is not an amount.")),
            Self::Decimals => ("too_many_decimals", format!("\"{seen}\" has more than two decimals.")),
            Self::Size => ("amount_too_large", format!("\"{seen}\" is over 999999999999.99.")),
        }
    }
}

/// Takes a cell apart; `None` if it is no amount.
pub(super) fn lex(cell: &str) -> Option<Lexed<'_>> {
    let mut text = unguarded(cell);
    let mut out = Lexed { minus: false, plus: false, debit: None, currency: None, body: String::new() };
    if let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        out.minus = true;
        text = inner.trim();
    }
    let first = text.find(|c: char| c.is_ascii_digit())?;
    let last = text.rfind(|c: char| c.is_ascii_digit())?;
    // A leading mark (`.50`) belongs to the number.
    let first = match text.get(..first)?.chars().next_back() {
        Some(mark @ ('.' | ',')) if !text.get(..first)?.trim_end_matches(mark).ends_with(char::is_alphabetic) => {
            first - 1
        }
        _ => first,
    };
    let (before, rest) = text.split_at_checked(first)?;
    let (number, after) = rest.split_at_checked(last + 1 - first)?;
    for c in number.chars() {
        match c {
            '0'..='9' | '.' | ',' => out.body.push(c),
            '\'' | '’' | '`' | '\u{a0}' | '\u{202f}' | '\u{2009}' | ' ' if !out.body.ends_with('\'') => {
                out.body.push('\'');
            }
            _ => return None,
        }
        if out.body.len() > 40 {
            return None;
        }
    }
    surroundings(before, &mut out)?;
    // `12.-` and `12,--` are whole amounts in Switzerland and Austria.
    let after = after.strip_prefix(['.', ',']).map_or(after, |rest| rest.trim_start_matches(['-', '–', '—']));
    surroundings(after, &mut out)?;
    (!(out.minus && out.plus)).then_some(out)
}

/// Signs, currency and debit or credit words on one side of the number.
fn surroundings<'a>(side: &'a str, out: &mut Lexed<'a>) -> Option<()> {
    for word in side.split(|c: char| c.is_whitespace() || matches!(c, '\u{a0}' | '\u{202f}')).filter(|w| !w.is_empty())
    {
        let bare = word.trim_matches(is_sign);
        for c in word.chars().filter(|c| is_sign(*c)) {
            let slot = if c == '+' { &mut out.plus } else { &mut out.minus };
            if std::mem::replace(slot, true) {
                return None;
            }
        }
        if bare.is_empty() {
            continue;
        }
        if bare.contains(is_sign) {
            return None;
        }
        if let Some(debit) = side_word(bare) {
            if out.debit.replace(debit).is_some() {
                return None;
            }
        } else if out.currency.is_none() {
            out.currency = Some(said(bare)?);
        } else {
            return None;
        }
    }
    Some(())
}

const fn is_sign(c: char) -> bool {
    matches!(c, '+' | '-' | '−' | '–' | '—' | '‐' | '‑' | '﹣' | '－')
}

/// Only words that cannot be a currency: `R` is the rand, so a single letter counts only for C, D, H and S.
fn side_word(word: &str) -> Option<bool> {
    match word {
        "DR" | "Dr" | "Dr." | "dr" | "D" | "DB" | "S" => Some(true),
        "CR" | "Cr" | "Cr." | "cr" | "C" | "H" => Some(false),
        _ => None,
    }
}

/// What the number shows about the mark.
pub(super) fn hint(body: &str) -> Hint {
    let commas = body.bytes().filter(|b| *b == b',').count();
    let points = body.bytes().filter(|b| *b == b'.').count();
    let mark_of = |comma: bool| {
        if comma { DecimalMark::Comma } else { DecimalMark::Point }
    };
    let Some(last) = body.rfind([',', '.']) else {
        return Hint::None;
    };
    let comma = body.get(last..).is_some_and(|rest| rest.starts_with(','));
    let digits_after = body.len() - last - 1;
    let (own, other) = if comma { (commas, points) } else { (points, commas) };
    if own > 1 {
        // 1.234.567: a mark that repeats is for thousands, so the other one is for cents.
        return if other == 0 { Hint::Sure(mark_of(!comma)) } else { Hint::None };
    }
    if other > 0 {
        return Hint::Sure(mark_of(comma));
    }
    let whole = body.get(..last).unwrap_or_default();
    // An apostrophe or a blank already parts the thousands, a number never starts with a bare 0 group, and thousands
    // come in threes: then the mark is for cents.
    if digits_after != 3 || whole.contains('\'') || whole.len() > 3 || whole.is_empty() || whole.starts_with('0') {
        Hint::Sure(mark_of(comma))
    } else {
        Hint::Unclear(mark_of(comma))
    }
}

/// The number as a decimal of scale two, without its sign.
pub(super) fn value(body: &str, mark: DecimalMark) -> Result<Decimal, Bad> {
    let (point, thousands) = match mark {
        DecimalMark::Comma => (',', '.'),
        DecimalMark::Point => ('.', ','),
    };
    let (whole, fraction) = body.split_once(point).unwrap_or((body, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) || (whole.is_empty() && fraction.is_empty()) {
        return Err(Bad::Form);
    }
    check_groups(whole, thousands)?;
    // 12.5000 loses nothing and some banks pad so; 12.500 may be a misread twelve thousand and is refused.
    let cents = fraction.get(..2).unwrap_or(fraction);
    let rest = fraction.get(2..).unwrap_or("");
    if rest.len() == 1 || rest.bytes().any(|b| b != b'0') {
        return Err(Bad::Decimals);
    }
    let mut total: i64 = 0;
    let digits = whole.bytes().filter(u8::is_ascii_digit).chain(cents.bytes());
    for digit in digits.chain(std::iter::repeat_n(b'0', 2 - cents.len())) {
        total = total
            .checked_mul(10)
            .and_then(|t| t.checked_add(i64::from(digit - b'0')))
            .filter(|t| *t <= MAX_CENTS)
            .ok_or(Bad::Size)?;
    }
    Ok(Decimal::new(total, 2))
}

/// Groups are of three digits, or of two in the Indian manner, the last always of three, all parted by one mark.
fn check_groups(whole: &str, thousands: char) -> Result<(), Bad> {
    let Some(at) = whole.find(|c: char| !c.is_ascii_digit()) else {
        return Ok(());
    };
    let mark = whole.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(thousands);
    if mark != thousands && mark != '\'' {
        return Err(Bad::Form);
    }
    let mut groups = whole.split(mark);
    let first = groups.next().unwrap_or_default();
    let sound = |group: &str, sizes: std::ops::RangeInclusive<usize>| {
        sizes.contains(&group.len()) && group.bytes().all(|b| b.is_ascii_digit())
    };
    let mut last = "";
    let middle = groups.all(|group| {
        last = group;
        sound(group, 2..=3)
    });
    if sound(first, 1..=3) && middle && last.len() == 3 { Ok(()) } else { Err(Bad::Form) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cell: &str, mark: DecimalMark) -> Result<String, Bad> {
        let lexed = lex(cell).ok_or(Bad::Form)?;
        value(&lexed.body, mark).map(|v| if lexed.minus { format!("-{v}") } else { v.to_string() })
    }

    #[test]
    fn amounts_in_every_manner() {
        use DecimalMark::{Comma, Point};
        for (cell, mark, want) in [
            ("1.234,56", Comma, "1234.56"),
            ("(12.50)", Point, "-12.50"),
            ("-33,87", Comma, "-33.87"),
            ("33,87-", Comma, "-33.87"),
            ("−5.00", Point, "-5.00"),
            ("- 5", Point, "-5.00"),
            ("$1,234.50", Point, "1234.50"),
            ("-$4.20", Point, "-4.20"),
            ("$-4.20", Point, "-4.20"),
            ("($4.20)", Point, "-4.20"),
            ("1 234,50 €", Comma, "1234.50"),
            ("1\u{202f}234,5 Kč", Comma, "1234.50"),
            ("EUR 7", Comma, "7.00"),
            ("1'234.00 CHF", Point, "1234.00"),
            ("1,23,456.78", Point, "123456.78"),
            (".50", Point, "0.50"),
            ("Rs.500.00", Point, "500.00"),
            ("12.-", Point, "12.00"),
            ("12,--", Comma, "12.00"),
            ("+3.1", Point, "3.10"),
            ("12.5000", Point, "12.50"),
            ("=\"7.25\"", Point, "7.25"),
            ("12.50 DR", Point, "12.50"),
            ("1.234", Comma, "1234.00"),
            ("999999999999.99", Point, "999999999999.99"),
        ] {
            assert_eq!(read(cell, mark).as_deref(), Ok(want), "{cell}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_and_never_rounded() {
        use DecimalMark::{Comma, Point};
        for (cell, mark, why) in [
            ("1e3", Point, Bad::Form),
            ("1_000", Point, Bad::Form),
            ("NaN", Point, Bad::Form),
            ("", Point, Bad::Form),
            ("--5", Point, Bad::Form),
            ("+-5", Point, Bad::Form),
            ("12.505", Point, Bad::Decimals),
            ("12.500", Point, Bad::Decimals),
            ("12,34,5", Point, Bad::Form),
            ("1.2.3", Comma, Bad::Form),
            ("12 34", Point, Bad::Form),
            ("1000000000000.00", Point, Bad::Size),
            ("99999999999999999999999999", Point, Bad::Size),
            ("0x10", Point, Bad::Form),
            ("5 EUR USD", Point, Bad::Form),
            ("٣", Point, Bad::Form),
        ] {
            assert_eq!(read(cell, mark), Err(why), "{cell}");
        }
    }

    #[test]
    fn hints_about_the_mark() {
        use DecimalMark::{Comma, Point};
        for (body, want) in [
            ("12", Hint::None),
            ("12,5", Hint::Sure(Comma)),
            ("1.234,50", Hint::Sure(Comma)),
            ("1,234.50", Hint::Sure(Point)),
            ("1.234.567", Hint::Sure(Comma)),
            ("1.234", Hint::Unclear(Point)),
            ("0,123", Hint::Sure(Comma)),
            ("1'234,500", Hint::Sure(Comma)),
            ("1234,500", Hint::Sure(Comma)),
        ] {
            assert_eq!(hint(body), want, "{body}");
        }
    }
}
