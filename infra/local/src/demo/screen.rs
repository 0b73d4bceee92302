//! What the demo shows: a line for each thing that happens, with the time since it began.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{socket::Frame, text};

#[derive(Clone, Copy)]
pub struct Screen {
    begun: Instant,
    colour: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Quiet,
    Good,
    Warning,
    Critical,
    Exceeded,
    Severe,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Quiet => "2",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Critical => "1;33",
            Self::Exceeded => "1;31",
            Self::Severe => "1;97;41",
        }
    }
}

impl Screen {
    pub fn new() -> Self {
        Self { begun: Instant::now(), colour: io::stdout().is_terminal() }
    }

    /// What the demo does.
    pub fn act(self, what: &str) {
        self.line(Instant::now(), "→", what, Tone::Plain);
    }

    /// What came of it.
    pub fn note(self, what: &str) {
        self.line(Instant::now(), " ", what, Tone::Quiet);
    }

    pub fn frame(self, frame: &Frame) {
        if let Some((said, tone)) = describe(&frame.kind, &frame.data) {
            self.line(frame.at, "←", &format!("{:<19} {said}", frame.kind), tone);
        }
    }

    fn line(self, at: Instant, mark: &str, what: &str, tone: Tone) {
        let time = seconds(at.saturating_duration_since(self.begun));
        if self.colour && tone != Tone::Plain {
            put(&format!("{time:>9}  {mark} \x1b[{}m{what}\x1b[0m\n", tone.code()));
        } else {
            put(&format!("{time:>9}  {mark} {what}\n"));
        }
    }
}

/// Whoever reads may have left, as `head` does: no reason to stop or to panic.
pub fn put(text: &str) {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

/// `1.234 s`
pub fn seconds(time: Duration) -> String {
    format!("{}.{:03} s", time.as_secs(), time.subsec_millis())
}

/// `12.3 ms`
pub fn milliseconds(time: Duration) -> String {
    format!("{}.{} ms", time.as_millis(), time.subsec_micros() % 1000 / 100)
}

/// Nothing for what only keeps the connection alive.
fn describe(kind: &str, data: &Value) -> Option<(String, Tone)> {
    let word = |name: &str| text(data, name).unwrap_or_else(|_| "?".to_owned());
    Some(match kind {
        "pong" => return None,
        "connected" => (format!("heartbeat every {} s", word("heartbeat_s")), Tone::Good),
        "import_update" => {
            let tone = if word("status") == "failed" { Tone::Exceeded } else { Tone::Good };
            (format!("{}, {} rows, {} errors", word("status"), word("rows"), errors(data)), tone)
        }
        "transaction_update" => {
            let merchant = data.get("merchant").and_then(|merchant| text(merchant, "canonical_name").ok());
            let merchant = merchant.unwrap_or_else(|| word("merchant_raw"));
            (format!("{} {} at {merchant}, {}", word("amount"), word("currency"), word("category")), Tone::Plain)
        }
        "budget_alert" => {
            let (level, tone) = match word("level").as_str() {
                "warning" => ("WARNING", Tone::Warning),
                "critical" => ("CRITICAL", Tone::Critical),
                "exceeded" => ("EXCEEDED", Tone::Exceeded),
                "severe" => ("SEVERE", Tone::Severe),
                _ => ("ALERT", Tone::Warning),
            };
            let said = format!(
                "{level} {} %: {} at {} %, {} of {} {} spent, {} left",
                word("threshold"),
                word("category"),
                word("percentage"),
                word("spent"),
                word("budget"),
                word("currency"),
                word("remaining"),
            );
            (said, tone)
        }
        "error" => (format!("{}: {}", word("code"), word("detail")), Tone::Exceeded),
        _ => (data.to_string(), Tone::Plain),
    })
}

/// A count, or a list of them.
fn errors(data: &Value) -> String {
    match data.get("errors") {
        Some(Value::Array(all)) => all.len().to_string(),
        _ => text(data, "errors").unwrap_or_else(|_| "no".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alert_is_one_readable_line() {
        let data = json!({"level": "exceeded", "threshold": 100, "category": "Fuel", "currency": "EUR",
            "budget": "600.00", "spent": "624.00", "percentage": 104.0, "remaining": "-24.00"});
        let (said, tone) = describe("budget_alert", &data).unwrap();
        assert_eq!(said, "EXCEEDED 100 %: Fuel at 104.0 %, 624.00 of 600.00 EUR spent, -24.00 left");
        assert_eq!(tone, Tone::Exceeded);
    }

    #[test]
    fn an_import_tells_its_rows_and_errors() {
        let said = |data| describe("import_update", &data).unwrap().0;
        assert_eq!(
            said(json!({"id": "i", "status": "completed", "rows": 2946, "errors": 0})),
            "completed, 2946 rows, 0 errors"
        );
        assert_eq!(
            said(json!({"id": "i", "status": "running", "rows": 5, "errors": [{"line": 3}]})),
            "running, 5 rows, 1 errors"
        );
    }

    #[test]
    fn a_transaction_is_named_by_its_merchant_when_that_is_known() {
        let mut data =
            json!({"amount": "4.20", "currency": "EUR", "category": "Groceries", "merchant_raw": "HOFER DANKT"});
        assert_eq!(describe("transaction_update", &data).unwrap().0, "4.20 EUR at HOFER DANKT, Groceries");
        data["merchant"] = json!({"canonical_name": "Hofer"});
        assert_eq!(describe("transaction_update", &data).unwrap().0, "4.20 EUR at Hofer, Groceries");
        assert!(describe("pong", &data).is_none());
    }

    #[test]
    fn times_have_a_fixed_form() {
        assert_eq!(seconds(Duration::from_millis(1_005)), "1.005 s");
        assert_eq!(milliseconds(Duration::from_micros(12_345)), "12.3 ms");
    }
}
