//! Mails and the pages that belong to them as HTML: tables and inline styles, which is what mail programs understand, in
//! light and dark. Nothing is fetched from anywhere, so nobody learns that a mail was opened.

use super::page::{Bar, Figure, Line, Page, Part};
use std::fmt::Write;

/// Text as HTML shows it.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Marks that turn the direction of what follows would turn ours, too.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            other => out.push(other),
        }
    }
    out
}

/// What inline styles cannot say: other colours where the reader has it dark, and figures below each other on a phone.
const STYLE: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}\
@media (prefers-color-scheme:dark){\
.bg{background:#141413!important}.card{background:#1f1f1d!important;border-color:#33332f!important}\
.ink{color:#ecebe6!important}.muted{color:#a5a49c!important}.line{border-color:#33332f!important}\
.link{color:#7fc8a9!important}.track{background:#38382f!important}.bad{color:#f0907f!important}\
.button{background:#2f7d5f!important}}\
@media (max-width:480px){\
.figure{display:block!important;width:auto!important;padding:0 0 12px!important}.pad{padding:20px 18px!important}}";

const FONT: &str = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const GREEN: &str = "#1f6f54";
const RED: &str = "#b3261e";

/// A whole document around the rows of a card. A document that a browser shows may hold a form as well.
fn document(title: &str, lead: &str, rows: &str, footer: &str) -> String {
    let (title, lead) = (escaped(title), escaped(lead));
    format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<title>{title}</title><style>{STYLE}</style></head>
<body class="bg" style="margin:0;padding:0;background:#f3f2ee;-webkit-text-size-adjust:100%">
<div style="display:none;max-height:0;overflow:hidden;opacity:0">{lead}</div>
<table role="presentation" class="bg" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#f3f2ee"><tr><td align="center" style="padding:24px 10px">
<table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0" style="width:100%;max-width:600px;{FONT}">
<tr><td class="link" style="padding:0 4px 14px;font-size:15px;font-weight:700;letter-spacing:.02em;color:{GREEN}">Tallybook</td></tr>
<tr><td class="card pad" style="background:#ffffff;border:1px solid #e4e2da;border-radius:10px;padding:28px 32px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">
<tr><td class="ink" style="padding:0 0 10px;font-size:21px;line-height:28px;font-weight:700;color:#1c1c1a">{title}</td></tr>
{rows}</table></td></tr>
<tr><td class="muted" style="padding:16px 4px;font-size:12px;line-height:18px;color:#6d6c66">{footer}</td></tr>
</table></td></tr></table></body></html>
"#
    )
}

fn paragraph(text: &str) -> String {
    let text = escaped(text);
    format!(
        r#"<tr><td class="ink" style="padding:0 0 16px;font-size:15px;line-height:23px;color:#1c1c1a">{text}</td></tr>
"#
    )
}

impl Page {
    /// As HTML.
    pub(super) fn html(&self) -> String {
        let mut rows = paragraph(&self.lead);
        for part in &self.parts {
            rows.push_str(&part.html());
        }
        let mut footer = escaped(&self.why);
        if let Some(link) = &self.unsubscribe {
            let link = escaped(link);
            // Writing to a string does not fail.
            let _ = write!(
                footer,
                r#" <a class="link" href="{link}" style="color:{GREEN}">Get no more mails of this kind</a>."#
            );
        }
        document(&self.subject, &self.lead, &rows, &footer)
    }
}

impl Part {
    fn html(&self) -> String {
        match self {
            Self::Text(text) => paragraph(text),
            Self::Button(label, link) => button(label, link),
            Self::Heading(text) => {
                let text = escaped(text);
                format!(
                    r#"<tr><td class="ink line" style="padding:16px 0 8px;border-top:1px solid #e4e2da;font-size:15px;line-height:20px;font-weight:700;color:#1c1c1a">{text}</td></tr>
"#
                )
            }
            Self::Figures(figures) => {
                let width = 100_usize.checked_div(figures.len()).unwrap_or(100);
                table(figures, |figure: &Figure| cell(figure, width), true)
            }
            Self::Lines(lines) => table(lines, line, false),
            Self::Bars(bars) => table(bars, bar, false),
        }
    }
}

/// A table within the card's row; one row of cells, or a row for each.
fn table<T>(all: &[T], one: impl Fn(&T) -> String, in_one_row: bool) -> String {
    let inner: String = all.iter().map(one).collect();
    let inner = if in_one_row { format!("<tr>{inner}</tr>") } else { inner };
    format!(
        r#"<tr><td style="padding:0 0 12px"><table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">{inner}</table></td></tr>
"#
    )
}

fn button(label: &str, link: &str) -> String {
    let (label, link) = (escaped(label), escaped(link));
    format!(
        r#"<tr><td style="padding:6px 0 18px"><a class="button" href="{link}" style="display:inline-block;background:{GREEN};color:#ffffff;font-size:15px;line-height:20px;font-weight:600;text-decoration:none;padding:11px 20px;border-radius:7px">{label}</a></td></tr>
"#
    )
}

fn cell(figure: &Figure, width: usize) -> String {
    let (label, value) = (escaped(figure.label), escaped(&figure.value));
    let notes = figure.notes.iter().map(|note| escaped(note)).collect::<Vec<_>>().join("<br>");
    format!(
        r#"<td class="figure" width="{width}%" valign="top" style="padding:0 10px 4px 0"><div class="muted" style="font-size:13px;line-height:18px;color:#6d6c66">{label}</div><div class="ink" style="font-size:19px;line-height:27px;font-weight:700;color:#1c1c1a">{value}</div><div class="muted" style="font-size:12px;line-height:17px;color:#6d6c66">{notes}</div></td>"#
    )
}

fn line(line: &Line) -> String {
    let (label, value) = (escaped(&line.label), escaped(&line.value));
    let note = if line.note.is_empty() {
        String::new()
    } else {
        let note = escaped(&line.note);
        format!(r#"<div class="muted" style="font-size:12px;line-height:17px;color:#6d6c66">{note}</div>"#)
    };
    format!(
        r#"<tr><td class="ink" valign="top" style="padding:5px 12px 5px 0;font-size:14px;line-height:20px;color:#1c1c1a;word-break:break-word">{label}{note}</td><td class="ink" align="right" valign="top" style="padding:5px 0;font-size:14px;line-height:20px;color:#1c1c1a;white-space:nowrap">{value}</td></tr>"#
    )
}

fn bar(bar: &Bar) -> String {
    let (label, value, note) = (escaped(&bar.label), escaped(&bar.value), escaped(&bar.note));
    let percent = bar.percent.clamp(1, 100);
    let (colour, class) = if bar.over { (RED, "bad") } else { (GREEN, "muted") };
    let rest = 100_u8.saturating_sub(percent);
    // A table of two cells is the one bar that every mail program draws.
    let filled = format!(
        r#"<td width="{percent}%" height="6" style="background:{colour};font-size:0;line-height:0;border-radius:3px">&nbsp;</td>"#
    );
    let empty =
        if rest == 0 { String::new() } else { format!(r#"<td width="{rest}%" style="font-size:0">&nbsp;</td>"#) };
    let said = if bar.over { format!("color:{RED}") } else { "color:#6d6c66".to_owned() };
    format!(
        r#"<tr><td class="ink" valign="top" style="padding:6px 12px 4px 0;font-size:14px;line-height:20px;color:#1c1c1a;word-break:break-word">{label}</td><td class="ink" align="right" valign="top" style="padding:6px 0 4px;font-size:14px;line-height:20px;color:#1c1c1a;white-space:nowrap">{value}</td></tr><tr><td colspan="2"><table role="presentation" class="track" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#e9e7df;border-radius:3px"><tr>{filled}{empty}</tr></table></td></tr><tr><td colspan="2" class="{class}" style="padding:3px 0 8px;font-size:12px;line-height:17px;{said}">{note}</td></tr>"#
    )
}

/// What a browser shows who follows the link: a button, because programs follow links, too.
pub(super) fn ask(what: &str) -> String {
    let form = format!(
        r#"<tr><td style="padding:6px 0 10px"><form method="post"><button class="button" style="background:{GREEN};color:#ffffff;font-size:15px;line-height:20px;font-weight:600;{FONT};border:0;padding:11px 20px;border-radius:7px;cursor:pointer">Stop these mails</button></form></td></tr>
"#
    );
    let lead =
        format!("Press the button, and you will get no more {what}. Your settings switch them on again at any time.");
    document(&format!("No more {what}?"), "", &format!("{}{form}", paragraph(&lead)), "")
}

/// What a browser shows once they are off.
pub(super) fn stopped(what: &str) -> String {
    let said = paragraph("It is done. Your settings switch them on again at any time.");
    document(&format!("No more {what}"), "", &said, "")
}

/// What a browser shows for a link that nobody knows.
pub(super) fn unknown() -> String {
    let said = "It is not complete, or it is more than a year old. You can switch mails off in your settings, too.";
    document("This link does not work", "", &paragraph(said), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_bank_or_a_user_wrote_is_text() {
        let hostile = "<script>alert('x')</script>\" onload=\"x & \u{202e}";
        let clean = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot; onload=&quot;x &amp; ";
        assert_eq!(escaped(hostile), clean);
        let own = || hostile.to_owned();
        let page = Page {
            subject: own(),
            lead: own(),
            parts: vec![
                Part::Text(own()),
                Part::Heading(own()),
                Part::Figures(vec![Figure { label: "Spent", value: own(), notes: vec![own()] }]),
                Part::Lines(vec![Line { label: own(), value: own(), note: own() }]),
                Part::Bars(vec![Bar { label: own(), value: own(), note: own(), percent: 3, over: true }]),
                Part::Button("Open", own()),
            ],
            why: own(),
            unsubscribe: Some(own()),
        };
        let html = page.html();
        assert!(!html.contains("<script") && !html.contains("onload=\"x") && !html.contains('\u{202e}'), "{html}");
        assert_eq!(html.matches(clean).count(), 17);
    }

    #[test]
    fn nothing_is_fetched_and_nothing_runs() {
        let page = Page { unsubscribe: Some("https://api.example.com/x".into()), ..Page::default() };
        for html in [page.html(), ask("weekly summaries"), stopped("weekly summaries"), unknown()] {
            for forbidden in ["<img", "<script", "<link", "url(", "@import", "src="] {
                assert!(!html.contains(forbidden), "{forbidden} in {html}");
            }
        }
    }
}
