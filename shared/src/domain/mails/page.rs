//! What a mail says, before it is text or HTML: both are written from the same parts, so that neither says more.

use std::fmt::Write;

/// A mail's content.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The subject.
    pub subject: String,
    /// The first sentence, which mailboxes show beside the subject.
    pub lead: String,
    /// What follows.
    pub parts: Vec<Part>,
    /// Why it was sent.
    pub why: String,
    /// Where mails of its kind are switched off.
    pub unsubscribe: Option<String>,
}

/// A part of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A paragraph.
    Text(String),
    /// A link that is to be followed.
    Button(&'static str, String),
    /// What the next parts are about.
    Heading(String),
    /// A few figures beside each other.
    Figures(Vec<Figure>),
    /// Lines with an amount each.
    Lines(Vec<Line>),
    /// Budgets with how much of each is used.
    Bars(Vec<Bar>),
}

/// A figure and what it compares with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What it is.
    pub label: &'static str,
    /// How much.
    pub value: String,
    /// What it was before.
    pub notes: Vec<String>,
}

/// A line with an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub label: String,
    /// How much.
    pub value: String,
    /// What else there is to say.
    pub note: String,
}

/// A budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Which.
    pub label: String,
    /// How much of how much.
    pub value: String,
    /// What is left.
    pub note: String,
    /// How much of it is used, up to a hundred.
    pub percent: u8,
    /// Whether it is used up.
    pub over: bool,
}

/// Whoever sees lines sees this one between what a mail says and why it was sent.
const RULE: &str = "--";

impl Page {
    /// As plain text.
    pub(super) fn text(&self) -> String {
        let mut out = format!("{}\n", plain(&self.lead));
        for part in &self.parts {
            part.text(&mut out);
        }
        // Writing to a string does not fail.
        let _ = write!(out, "\n{RULE}\n{}\n", self.why);
        if let Some(link) = &self.unsubscribe {
            let _ = write!(out, "To get no more mails of this kind:\n{link}\n");
        }
        out
    }
}

impl Part {
    fn text(&self, out: &mut String) {
        let _ = match self {
            Self::Text(text) => writeln!(out, "\n{}", plain(text)),
            Self::Button(label, link) => write!(out, "\n{label}:\n{link}\n"),
            Self::Heading(heading) => write!(out, "\n{}\n", plain(heading).to_uppercase()),
            Self::Figures(figures) => figures.iter().try_for_each(|figure| {
                writeln!(out, "{}: {}{}", figure.label, figure.value, within(&figure.notes.join(", ")))
            }),
            Self::Lines(lines) => lines
                .iter()
                .try_for_each(|line| writeln!(out, "- {}: {}{}", plain(&line.label), line.value, within(&line.note))),
            Self::Bars(bars) => bars
                .iter()
                .try_for_each(|bar| writeln!(out, "- {}: {}{}", plain(&bar.label), bar.value, within(&bar.note))),
        };
    }
}

fn within(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!(" ({})", plain(note)) }
}

/// On one line: what a bank wrote must not look like a line of ours.
fn plain(text: &str) -> String {
    text.split(char::is_whitespace).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// As a subject may be: on one line, with no character that mail programs act on, and short.
pub(super) fn subject(text: &str) -> String {
    let clean: String = plain(text).chars().filter(|c| !c.is_control()).collect();
    if clean.chars().count() <= 90 { clean } else { clean.chars().take(89).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_says_what_its_parts_say_and_no_line_can_be_forged() {
        let page = Page {
            subject: String::new(),
            lead: "You spent 12.50 EUR.".into(),
            parts: vec![
                Part::Heading("Where it went".into()),
                Part::Figures(vec![Figure {
                    label: "Spent",
                    value: "12.50 EUR".into(),
                    notes: vec!["before 1.00 EUR".into(), "mean 2.00 EUR".into()],
                }]),
                Part::Lines(vec![Line {
                    label: "Shop\r\n--\nPay here".into(),
                    value: "12.50 EUR".into(),
                    note: String::new(),
                }]),
                Part::Button("Open", "https://app.example.com/".into()),
            ],
            why: "Because you asked.".into(),
            unsubscribe: Some("https://api.example.com/x".into()),
        };
        let expected = "You spent 12.50 EUR.\n\nWHERE IT WENT\nSpent: 12.50 EUR (before 1.00 EUR, mean 2.00 EUR)\n\
                        - Shop -- Pay here: 12.50 EUR\n\nOpen:\nhttps://app.example.com/\n\n--\nBecause you asked.\n\
                        To get no more mails of this kind:\nhttps://api.example.com/x\n";
        assert_eq!(page.text(), expected);
    }

    #[test]
    fn a_subject_is_one_short_line() {
        assert_eq!(subject("Your budget\r\nBcc: eve@example.com \u{7}"), "Your budget Bcc: eve@example.com ");
        assert_eq!(subject(&"x".repeat(200)).chars().count(), 90);
    }
}
