//! Records with the physical line on which each starts.

use std::borrow::Cow;
use std::io::Read;

use csv::StringRecord;

use super::mapping::Delimiter;

/// A record over more lines or bytes than this has lost its closing quote.
const MAX_LINES: u32 = 40;
const MAX_BYTES: usize = 64 * 1024;
/// No more than this is read of a record: each of its cells takes eight times as much memory as the sign that ends it.
const MAX_READ: usize = 4 * MAX_BYTES;
/// So many lost quotes, then quotes are no longer believed in: every rewind reads on from the next line.
const MAX_REWINDS: u8 = 16;

/// A place to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) byte: usize,
    pub(super) line: u32,
}

impl Place {
    pub(super) const START: Self = Self { byte: 0, line: 1 };
}

struct Source<'a> {
    text: Cow<'a, str>,
    at: usize,
    /// Where it ends for now, and whether more was asked for there.
    until: usize,
    cut: bool,
}

impl Read for Source<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.text.len();
        let mut rest = self.text.as_bytes().get(self.at..self.until.min(length)).unwrap_or_default();
        self.cut = rest.is_empty() && self.at < length;
        let read = rest.read(out)?;
        self.at += read;
        Ok(read)
    }
}

/// What the next record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A record, starting here.
    Record(Place),
    /// A quote opened in this line is never closed.
    Unclosed(u32),
}

/// Reads records one by one and holds the text once.
pub(super) struct Records<'a> {
    reader: Option<csv::Reader<Source<'a>>>,
    delimiter: Delimiter,
    quoting: bool,
    rewinds: u8,
    /// Where the reader was started, and how far lines are counted.
    base: usize,
    counted: Place,
}

impl<'a> Records<'a> {
    pub(super) fn new(text: Cow<'a, str>, delimiter: Delimiter, from: Place) -> Self {
        let source = Source { text, at: from.byte, until: from.byte, cut: false };
        let reader = Some(build(source, delimiter, true));
        Self { reader, delimiter, quoting: true, rewinds: 0, base: from.byte, counted: from }
    }

    /// Reads the next record that is not an empty line.
    pub(super) fn next_into(&mut self, record: &mut StringRecord) -> Option<Next> {
        let offset =
            |position: Option<&csv::Position>| position.and_then(|p| usize::try_from(p.byte()).ok()).unwrap_or(0);
        let reader = loop {
            let reader = self.reader.as_mut()?;
            let from = self.base + offset(Some(reader.position()));
            reader.get_mut().until = from + MAX_READ;
            // The text is valid UTF-8 already and records may have any width, so an error can only mean the end.
            if reader.read_record(record).unwrap_or(false) {
                break self.reader.as_mut()?;
            }
            let Source { at, cut, .. } = *reader.get_ref();
            if !cut {
                return None;
            }
            // Nothing but empty lines so far.
            self.restart(at);
        };
        let end = self.base + offset(Some(reader.position()));
        let begin = self.base + offset(record.position());
        let bytes = reader.get_ref().text.as_bytes();
        // The reader's position stands before the empty lines that it passed over.
        let gap = bytes.get(begin..).unwrap_or_default().iter().take_while(|b| matches!(**b, b'\r' | b'\n')).count();
        let begin = begin + gap;
        let line = self.counted.line.saturating_add(lines(bytes.get(self.counted.byte..begin).unwrap_or_default()));
        let span = bytes.get(begin..end).unwrap_or_default();
        self.counted = Place { byte: begin, line };
        let broken = || {
            span.len() > MAX_BYTES
                || (span.contains(&b'"')
                    && (lines(span) > MAX_LINES || quote_lost(span, self.delimiter.byte(), end == bytes.len())))
        };
        if reader.get_ref().cut || (self.quoting && broken()) {
            let rest = bytes.get(begin..).unwrap_or_default();
            let next = rest.iter().position(|b| matches!(*b, b'\n' | b'\r')).map_or(bytes.len(), |at| begin + at + 1);
            self.rewinds = self.rewinds.saturating_add(1);
            self.quoting = self.rewinds < MAX_REWINDS;
            self.restart(next);
            return Some(Next::Unclosed(line));
        }
        Some(Next::Record(self.counted))
    }

    fn restart(&mut self, byte: usize) {
        if let Some(reader) = self.reader.take() {
            let mut source = reader.into_inner();
            source.at = byte;
            self.base = byte;
            self.reader = Some(build(source, self.delimiter, self.quoting));
        }
    }
}

fn build(source: Source<'_>, delimiter: Delimiter, quoting: bool) -> csv::Reader<Source<'_>> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .quoting(quoting)
        .delimiter(delimiter.byte())
        .from_reader(source)
}

/// Whether a record over several lines is so for want of a closing quote: the quote that seems to close it opens a cell of
/// a later row, or none comes before the end.
fn quote_lost(span: &[u8], delimiter: u8, at_end: bool) -> bool {
    let span = span.trim_ascii_end();
    if !span.contains(&b'\n') {
        return false;
    }
    let (mut quoted, mut fresh) = (false, true);
    let mut bytes = span.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, quoted) {
            (b'"', true) if bytes.peek() == Some(&b'"') => drop(bytes.next()),
            (b'"', true) => {
                quoted = false;
                if bytes.peek().is_some_and(|next| *next != delimiter && !matches!(next, b'\r' | b'\n')) {
                    return true;
                }
            }
            (b'"', false) if fresh => quoted = true,
            _ => {}
        }
        fresh = !quoted && (byte == delimiter || byte == b'\n' || (fresh && byte == b' '));
    }
    quoted && at_end
}

/// Line ends in a stretch of text; a lone `\r` counts only where there is no `\n` at all.
fn lines(bytes: &[u8]) -> u32 {
    let count = |wanted: u8| bytes.iter().map(|byte| usize::from(*byte == wanted)).sum::<usize>();
    let count = match count(b'\n') {
        0 => count(b'\r'),
        feeds => feeds,
    };
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(u32, Vec<String>)> {
        let mut records = Records::new(Cow::Borrowed(text), Delimiter::Comma, Place::START);
        let mut record = StringRecord::new();
        let mut out = Vec::new();
        while let Some(next) = records.next_into(&mut record) {
            match next {
                Next::Record(place) => {
                    out.push((place.line, record.iter().map(str::to_owned).collect()));
                }
                Next::Unclosed(line) => out.push((line, vec!["unclosed".into()])),
            }
        }
        out
    }

    #[test]
    fn lines_are_physical_with_blank_lines_and_breaks_in_cells() {
        let got = all("a,b\r\n\r\n\r\n\"x\ny\",2\r\nc,d");
        assert_eq!(got.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 4, 6]);
        assert_eq!(got[1].1, ["x\ny", "2"]);
        let mac = all("a,b\rc,d\r");
        assert_eq!(mac.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_lost_quote_costs_one_line_and_not_the_rest() {
        let mut text = "a,\"lost\n".to_owned();
        for i in 0..100 {
            text.extend([i.to_string().as_str(), ",x\n"]);
        }
        let got = all(&text);
        assert_eq!(got.len(), 101);
        assert_eq!(got[0], (1, vec!["unclosed".to_owned()]));
        assert_eq!(got[100], (101, vec!["99".to_owned(), "x".to_owned()]));
        // Closed by a later row's quote, the record would mix the two.
        for text in [
            "a,\"lost,1\nb,\"x\",2\nc,y,3\n",
            "a,\"lost,1\nb,x,2\nc,y,3",
            "\"a\",\"lost,1\n\"b\",\"x\",\"2\"\n\"c\",y,3",
        ] {
            let got = all(text);
            assert_eq!(got.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 3], "{text}");
            assert_eq!((&got[0].1[..], got[1].1[2].as_str()), (&["unclosed".to_owned()][..], "2"));
        }
        assert_eq!(all("a,\"two\nlines\",\"x\"\nb,\"\",\"\"\"y\"\"\nz\"").len(), 2);
    }

    #[test]
    fn must_hold_21_of_a_record_without_end_no_more_is_read_than_any_row_needs() {
        for endless in [",".repeat(2 * MAX_READ), "\"\n\",".repeat(MAX_READ), "x".repeat(2 * MAX_READ)] {
            let got = all(&format!("a,b\n{endless}\nc,d\n"));
            assert!(got.iter().all(|(_, cells)| cells.len() <= MAX_READ), "{}", got.len());
            assert_eq!((&got[0].1[..], &got[1].1[..]), (&["a".into(), "b".into()][..], &["unclosed".to_owned()][..]));
            assert_eq!(got.last().unwrap().1, ["c", "d"]);
        }
        let blank = all(&format!("a,b{}c,d", "\n".repeat(2 * MAX_READ)));
        assert_eq!(blank.len(), 2, "empty lines are not read at all");
        assert_eq!(blank[1].0, u32::try_from(2 * MAX_READ + 1).unwrap());
    }
}
