//! Small helpers on text, shared by the readers of headers, dates and amounts.

/// Runs of whitespace and control characters (NUL among them, which Postgres refuses in text) become one space; no more
/// than `limit` characters stay.
pub(super) fn fold_blanks(raw: &str, limit: usize) -> String {
    let mut out = String::with_capacity(raw.len().min(limit));
    append_folded(&mut out, raw, limit);
    out
}

/// Adds `raw`, folded, to `out` with one space between; `out` never gets longer than `limit` characters.
pub(super) fn append_folded(out: &mut String, raw: &str, limit: usize) {
    // Most cells are so already.
    if out.is_empty() && raw.len() <= limit && is_folded(raw) {
        out.push_str(raw);
        return;
    }
    let mut count = if out.is_empty() { 0 } else { out.chars().count() };
    for word in raw.split(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c)).filter(|w| !w.is_empty()) {
        if count > 0 {
            if count + 2 > limit {
                return;
            }
            out.push(' ');
            count += 1;
        }
        for c in word.chars() {
            if count >= limit {
                return;
            }
            out.push(c);
            count += 1;
        }
    }
}

/// Whether a text is ASCII in which nothing can be folded.
fn is_folded(raw: &str) -> bool {
    let mut before = b' ';
    let plain = raw.bytes().all(|byte| {
        let single = byte != b' ' || before != b' ';
        before = byte;
        single && matches!(byte, 0x20..=0x7e)
    });
    plain && before != b' '
}

const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A cell as shown in an error: folded and at most 40 characters, so that a report carries no private dump.
pub(super) fn shown(cell: &str) -> String {
    let mut text = fold_blanks(cell, 40);
    if text.chars().count() == 40 {
        text.pop();
        text.push('…');
    }
    text
}

/// Whether nothing but blanks and control characters is there.
pub(super) fn is_blank(cell: &str) -> bool {
    cell.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Lower-case ASCII words of a text, accents folded, `camelCase` taken apart, joined by one space: the form in which the
/// word tables are written.
pub(super) fn plain_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut after_lower = false;
    for c in text.chars() {
        if c.is_alphanumeric() {
            if c.is_uppercase() && after_lower {
                out.push(' ');
            }
            after_lower = c.is_lowercase();
            for low in c.to_lowercase() {
                push_plain(&mut out, low);
            }
        } else {
            after_lower = false;
            if !is_combining(c) && !matches!(c, '\'' | '’') && !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Marks that decomposed text carries after a base letter.
pub(super) const fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

fn push_plain(out: &mut String, c: char) {
    let plain = match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' | 'ă' | 'ā' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' | 'đ' => 'd',
        'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' | 'ė' | 'ē' => 'e',
        'ğ' | 'ģ' => 'g',
        'ì' | 'í' | 'î' | 'ï' | 'ı' | 'į' | 'ī' => 'i',
        'ķ' => 'k',
        'ł' | 'ľ' | 'ĺ' | 'ļ' => 'l',
        'ñ' | 'ń' | 'ň' | 'ņ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ő' | 'ø' => 'o',
        'ř' | 'ŕ' => 'r',
        'ś' | 'š' | 'ş' | 'ș' => 's',
        'ť' | 'ţ' | 'ț' => 't',
        'ù' | 'ú' | 'û' | 'ü' | 'ů' | 'ű' | 'ų' | 'ū' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ß' => return out.push_str("ss"),
        'æ' => return out.push_str("ae"),
        'œ' => return out.push_str("oe"),
        c if is_combining(c) => return,
        c => c,
    };
    out.push(plain);
}

/// What a spreadsheet guard hides: `="12.50"` and `'12.50` are both `12.50`.
pub(super) fn unguarded(cell: &str) -> &str {
    let cell = cell.trim_matches(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c));
    let inner = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    let inner = inner.or_else(|| cell.strip_prefix('\'')).unwrap_or(cell);
    inner.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_fold_and_the_limit_holds() {
        assert_eq!(fold_blanks("  a\u{0}b \t\u{a0} c  ", 99), "a b c");
        assert_eq!(
            (fold_blanks("", 9), fold_blanks(" ", 9), fold_blanks("a b", 9)),
            (String::new(), String::new(), "a b".to_owned())
        );
        assert_eq!(
            (fold_blanks("a ", 9), fold_blanks(" a", 9), fold_blanks("abc", 2)),
            ("a".to_owned(), "a".to_owned(), "ab".to_owned())
        );
        assert_eq!(fold_blanks("žluťoučký kůň", 9), "žluťoučký");
        let mut out = "ab".to_owned();
        append_folded(&mut out, " c ", 3);
        assert_eq!(out, "ab");
        append_folded(&mut out, " c ", 4);
        assert_eq!(out, "ab c");
    }

    #[test]
    fn plain_words_fold_accents_and_camel_case() {
        assert_eq!(plain_words("TransactionDate"), "transaction date");
        assert_eq!(plain_words("Empfänger/Auftraggeber"), "empfanger auftraggeber");
        assert_eq!(plain_words("Date d'opération "), "date doperation");
        assert_eq!(plain_words("Částka (Kč)"), "castka kc");
        assert_eq!(plain_words("Wa\u{308}hrung"), "wahrung");
        assert_eq!(plain_words("IBAN"), "iban");
    }

    #[test]
    fn guards_come_off() {
        assert_eq!(unguarded("=\"12.50\""), "12.50");
        assert_eq!(unguarded("'12.50"), "12.50");
        assert_eq!(unguarded(" 12.50\u{0} "), "12.50");
    }
}
