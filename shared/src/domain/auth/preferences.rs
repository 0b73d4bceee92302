//! What a user chose, by a fixed schema.

use crate::{
    domain::money::Currency,
    platform::fields::{Fault, Field, Fields, Read},
};
use serde::Serialize;
use serde_json::{Map, Value};

/// An IANA time zone by its shape; Postgres says whether it knows it.
#[derive(Clone, Debug)]
pub struct Timezone(String);

impl Timezone {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Why a name is refused.
    pub(super) fn unknown() -> Fault {
        Fault::new("unknown_timezone", "Send an IANA time zone such as \"Europe/Berlin\".")
    }
}

impl Field for Timezone {
    fn from_text(text: &str) -> Result<Self, Fault> {
        // The server's own zone, and copies of all others under another name: no zones of IANA's.
        let ours = ["localtime", "Factory", "posixrules"].contains(&text) || text.starts_with("posix/");
        if ours || text.is_empty() || text.len() > 64 { Err(Self::unknown()) } else { Ok(Self(text.to_owned())) }
    }
}

/// Colours of the app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the device has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Field for Theme {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let all = [Self::System, Self::Light, Self::Dark];
        let found = all.into_iter().find(|theme| theme.name() == text);
        found.ok_or_else(|| Fault::new("not_a_choice", "Send system, light or dark."))
    }
}

/// What the user wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Notifications {
    /// A budget crossed a threshold; on unless switched off.
    pub budget_alerts: bool,
    /// An unusual transaction; on unless switched off.
    pub anomalies: bool,
    /// A charge that is about to recur; on unless switched off.
    pub reminders: bool,
    /// A mail when a budget is used up; off unless switched on.
    pub budget_mails: bool,
    /// A mail each week; off unless switched on.
    pub weekly_summary: bool,
    /// A mail each month; off unless switched on.
    pub monthly_report: bool,
}

/// The names, and what holds for a user who said nothing.
const NOTIFICATIONS: [(&str, bool); 6] = [
    ("budget_alerts", true),
    ("anomalies", true),
    ("reminders", true),
    ("budget_mails", false),
    ("weekly_summary", false),
    ("monthly_report", false),
];

/// The user's choices, whole: what was never chosen has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Preferences {
    /// What amounts without a currency are in.
    #[schema(example = "EUR")]
    pub currency: String,
    /// IANA time zone; it decides which day is today.
    #[schema(example = "Europe/Berlin")]
    pub timezone: String,
    /// Colours of the app.
    pub theme: Theme,
    /// What the user wants to hear of.
    pub notifications: Notifications,
}

impl Preferences {
    /// Reads what is stored; currency and time zone have columns of their own.
    #[must_use]
    pub fn of(stored: &Value, currency: String, timezone: String) -> Self {
        let theme = stored.get("theme").and_then(Value::as_str).and_then(|text| Theme::from_text(text).ok());
        let on = |name: &str| {
            let usual = NOTIFICATIONS.iter().any(|(known, on)| *known == name && *on);
            stored.get("notifications").and_then(|all| all.get(name)).and_then(Value::as_bool).unwrap_or(usual)
        };
        let notifications = Notifications {
            budget_alerts: on("budget_alerts"),
            anomalies: on("anomalies"),
            reminders: on("reminders"),
            budget_mails: on("budget_mails"),
            weekly_summary: on("weekly_summary"),
            monthly_report: on("monthly_report"),
        };
        Self { currency, timezone, theme: theme.unwrap_or_default(), notifications }
    }
}

/// A change of choices: what is left out stays, null goes back to the default.
#[derive(Default)]
pub struct PreferencesPatch {
    /// Members to set, or with null to remove.
    members: Map<String, Value>,
    notifications: Map<String, Value>,
    pub(super) timezone: Option<Timezone>,
}

impl Read for PreferencesPatch {
    fn read(fields: &mut Fields) -> Option<Self> {
        let mut patch = Self::default();
        if let Some(currency) = fields.nullable::<Currency>("currency") {
            patch.members.insert("currency".into(), currency.as_ref().map(Currency::as_str).into());
        }
        if let Some(theme) = fields.nullable::<Theme>("theme") {
            patch.members.insert("theme".into(), theme.map(Theme::name).into());
        }
        if let Some(timezone) = fields.nullable::<Timezone>("timezone") {
            patch.members.insert("timezone".into(), timezone.as_ref().map(Timezone::as_str).into());
            patch.timezone = timezone;
        }
        if let Some(Switches(switches)) = fields.within("notifications") {
            patch.notifications = switches;
        }
        Some(patch)
    }
}

struct Switches(Map<String, Value>);

impl Read for Switches {
    fn read(fields: &mut Fields) -> Option<Self> {
        let mut all = Map::new();
        for (name, _) in NOTIFICATIONS {
            if let Some(on) = fields.nullable::<bool>(name) {
                all.insert(name.into(), on.into());
            }
        }
        Some(Self(all))
    }
}

fn merge(stored: &mut Map<String, Value>, change: Map<String, Value>) {
    for (name, value) in change {
        if value.is_null() {
            stored.remove(&name)
        } else {
            stored.insert(name, value)
        };
    }
}

impl PreferencesPatch {
    /// What is stored from now on.
    pub(super) fn apply(self, stored: Value) -> Value {
        let mut stored = if let Value::Object(stored) = stored { stored } else { Map::new() };
        merge(&mut stored, self.members);
        if !self.notifications.is_empty() {
            let kept = stored.remove("notifications");
            let mut kept = if let Some(Value::Object(kept)) = kept { kept } else { Map::new() };
            merge(&mut kept, self.notifications);
            stored.insert("notifications".into(), kept.into());
        }
        stored.into()
    }
}

/// The form of [`PreferencesPatch`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct PreferencesBody {
    /// ISO 4217, with at most two minor digits.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// IANA time zone.
    #[schema(example = "Europe/Berlin")]
    timezone: Option<String>,
    /// Colours of the app.
    theme: Option<Theme>,
    /// Switches; those left out stay.
    notifications: Option<NotificationsBody>,
}

/// The form of a change of switches, for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct NotificationsBody {
    /// A budget crossed a threshold.
    budget_alerts: Option<bool>,
    /// An unusual transaction.
    anomalies: Option<bool>,
    /// A charge that is about to recur.
    reminders: Option<bool>,
    /// A mail when a budget is used up, and when it is exceeded by a tenth.
    budget_mails: Option<bool>,
    /// A mail each week.
    weekly_summary: Option<bool>,
    /// A mail each month.
    monthly_report: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patch(body: &str) -> Result<PreferencesPatch, Vec<String>> {
        let read = Fields::from_json(body.as_bytes()).and_then(Fields::read);
        read.map_err(|problem| problem.errors.iter().map(|e| format!("{} {}", e.pointer, e.code)).collect())
    }

    #[test]
    fn choices_merge_key_by_key_and_null_goes_back_to_the_default() {
        let stored = json!({"theme": "dark", "currency": "EUR", "notifications": {"anomalies": false}});
        let change = r#"{"theme": null, "timezone": "Europe/Berlin", "notifications": {"weekly_summary": true}}"#;
        let stored = patch(change).ok().unwrap().apply(stored);
        let expected = json!({"currency": "EUR", "timezone": "Europe/Berlin",
                              "notifications": {"anomalies": false, "weekly_summary": true}});
        assert_eq!(stored, expected);
        let whole = Preferences::of(&stored, "EUR".into(), "Europe/Berlin".into());
        assert_eq!(whole.theme, Theme::System);
        let told = serde_json::to_value(whole.notifications).unwrap();
        let names: Vec<_> = NOTIFICATIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(told.as_object().unwrap().len(), names.len(), "every switch is told: {told}");
        assert!(names.iter().all(|name| told[name].is_boolean()));
        assert_eq!(
            (&told["anomalies"], &told["weekly_summary"], &told["reminders"]),
            (&json!(false), &json!(true), &json!(true))
        );
    }

    #[test]
    fn what_is_no_choice_is_named_at_its_place() {
        let refused = patch(
            r#"{"theme": "pink", "currency": "JPY1", "timezone": "localtime", "colour": 1,
                "notifications": {"anomalies": "yes", "spam": true}}"#,
        );
        let expected = [
            "/colour unknown_field",
            "/currency unsupported_currency",
            "/notifications/anomalies wrong_type",
            "/notifications/spam unknown_field",
            "/theme not_a_choice",
            "/timezone unknown_timezone",
        ];
        assert_eq!(refused.err().unwrap(), expected);
        assert_eq!(patch(r#"{"notifications": []}"#).err().unwrap(), ["/notifications not_an_object"]);
        assert_eq!(patch(r#"{"notifications": null}"#).err().unwrap(), ["/notifications not_nullable"]);
    }
}
