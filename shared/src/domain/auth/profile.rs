//! The user's own profile.

use super::{
    Me, audit_of,
    credentials::{Email, Given},
    passwords::confirm,
    preferences::{Preferences, PreferencesBody, PreferencesPatch, Timezone},
    sql, with_user,
};
use crate::{
    domain::mails::{self, Kind},
    platform::{
        db::{Db, Tx},
        fields::{Fault, Field, Fields, Read, Text},
        http::Call,
        limits::{Limit, Limits},
        problem::{FieldError, Problem},
    },
};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

/// Links that anybody may have sent to one address, and changes of address that one account may begin, in an hour.
const CHANGES: Limit = Limit { most: 5, window_s: 3600 };

/// A user's own profile.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Profile {
    /// The user's id.
    pub id: Uuid,
    /// The address as it was given.
    #[schema(example = "ada@example.com")]
    pub email: String,
    /// The address that replaces it when the link sent there is followed.
    pub pending_email: Option<String>,
    /// The name.
    #[schema(example = "Ada Example")]
    pub full_name: String,
    /// The phone number, if given.
    #[schema(example = "+43 1 234567")]
    pub phone: Option<String>,
    /// Whether the address was proven.
    #[schema(example = true)]
    pub is_verified: bool,
    /// Addresses of the user's wallets.
    #[schema(example = json!(["0x52908400098527886E0F7030069857D2E4169EE7"]))]
    pub wallet_addresses: Vec<String>,
    /// The user's choices, whole.
    pub preferences: Preferences,
    /// What amounts without a currency are in.
    #[schema(example = "EUR")]
    pub currency: String,
    /// IANA time zone; it decides which day is today.
    #[schema(example = "Europe/Berlin")]
    pub timezone: String,
    /// When the account was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    #[serde(skip)]
    revision: i64,
}

impl Profile {
    /// The ETag.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.revision)
    }
}

impl From<sql::profile::Row> for Profile {
    fn from(row: sql::profile::Row) -> Self {
        Self {
            id: row.id,
            email: row.email,
            pending_email: row.pending_email,
            full_name: row.full_name,
            phone: row.phone,
            is_verified: row.is_verified,
            wallet_addresses: serde_json::from_value(row.wallet_addresses).unwrap_or_default(),
            preferences: Preferences::of(&row.preferences, row.currency.clone(), row.timezone.clone()),
            currency: row.currency,
            timezone: row.timezone,
            created_at: row.created_at,
            revision: row.revision,
        }
    }
}

/// The user's own profile.
pub async fn profile(tx: &mut Tx, me: &Me) -> Result<Profile, Problem> {
    Ok(sql::profile::get(tx, me.user_id).await?.into())
}

/// Addresses of wallets: at most 20, each once.
struct Wallets(Vec<String>);

impl Field for Wallets {
    fn from_text(_: &str) -> Result<Self, Fault> {
        Err(Fault::new("not_a_list", "Send a list of at most 20 strings."))
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        let Ok(all) = serde_json::from_str::<Vec<String>>(raw) else { return Self::from_text("") };
        if all.len() > 20 {
            return Self::from_text("");
        }
        let mut addresses = Vec::new();
        for text in all {
            let text = text.trim();
            if !(1..=128).contains(&text.chars().count()) || text.chars().any(char::is_control) {
                return Err(Fault::new("not_an_address", "Send addresses of 1 to 128 printable characters."));
            }
            if addresses.iter().any(|known| known == text) {
                return Err(Fault::new("duplicate_address", "Send each address once."));
            }
            addresses.push(text.to_owned());
        }
        Ok(Self(addresses))
    }
}

/// What a change of the profile takes: what is left out stays.
pub struct ProfilePatch {
    full_name: Option<Text<1, 255>>,
    #[expect(clippy::option_option, reason = "left out, emptied by null, or set")]
    phone: Option<Option<Text<3, 32>>>,
    preferences: Option<PreferencesPatch>,
    wallets: Option<Wallets>,
    email: Option<Email>,
    current_password: Option<Given>,
}

impl Read for ProfilePatch {
    fn read(fields: &mut Fields) -> Option<Self> {
        let patch = Self {
            full_name: fields.changed("full_name"),
            phone: fields.nullable("phone"),
            preferences: fields.within("preferences"),
            wallets: fields.changed("wallet_addresses"),
            email: fields.changed("email"),
            current_password: fields.optional("current_password"),
        };
        if patch.email.is_some() && patch.current_password.is_none() {
            fields.refuse("current_password", Fault::new("required", "Send your password to change your address."));
        }
        Some(patch)
    }
}

/// The form of [`ProfilePatch`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct ProfilePatchBody {
    /// 1 to 255 characters.
    #[schema(example = "Ada Example")]
    full_name: Option<String>,
    /// A phone number of 3 to 32 characters; null takes it away.
    #[schema(example = "+43 1 234567")]
    phone: Option<String>,
    /// Choices; those left out stay, null goes back to the default.
    preferences: Option<PreferencesBody>,
    /// At most 20 addresses of 1 to 128 printable characters, each once.
    wallet_addresses: Option<Vec<String>>,
    /// Begins a change of address; it needs `current_password`. The present address gives up one that was begun.
    #[schema(example = "ada@example.org")]
    email: Option<String>,
    /// The password, for a change of address.
    current_password: Option<String>,
}

/// A profile that was changed, and the mails to send.
pub struct Changed {
    /// As it is now.
    pub profile: Profile,
    /// To be queued.
    pub mails: Vec<Uuid>,
}

const FIELD: &str = "/current_password";

/// Changes the profile. The address stays until the link that is sent to the new one is followed.
pub async fn update_profile(db: &Db, limits: &Limits, call: &Call, patch: ProfilePatch) -> Result<Changed, Problem> {
    let confirmed = match (&patch.email, &patch.current_password) {
        (Some(email), Some(given)) => {
            let confirmed = confirm(db, limits, call, FIELD, given).await?;
            let now = call.now.unix_timestamp();
            limits.take(&format!("change:{}", call.claims()?.user_id), CHANGES, now).await?;
            limits.take(&format!("change:{}", email.fingerprint()), CHANGES, now).await?;
            Some(confirmed)
        }
        _ => None,
    };
    with_user(db, call, async |tx, me| {
        if let Some(confirmed) = &confirmed {
            confirmed.hold(tx, me.user_id, FIELD).await?;
        }
        let row = sql::profile::lock(tx, me.user_id).await?;
        apply(tx, call, me, row, patch).await
    })
    .await
}

async fn apply(
    tx: &mut Tx,
    call: &Call,
    me: &Me,
    mut row: sql::profile::Row,
    patch: ProfilePatch,
) -> Result<Changed, Problem> {
    call.check_match(&Profile::from(row.clone()).etag())?;
    if let Some(preferences) = patch.preferences {
        if let Some(timezone) = &preferences.timezone
            && !knows_timezone(tx, timezone.as_str()).await?
        {
            let fault = Timezone::unknown();
            let pointer = "/preferences/timezone".to_owned();
            let error = FieldError { pointer, code: fault.code.into(), detail: fault.detail.into_owned() };
            return Err(Problem::invalid(vec![error]));
        }
        row.preferences = preferences.apply(row.preferences);
    }
    row.full_name = patch.full_name.map_or(row.full_name, |name| name.as_str().to_owned());
    row.phone = patch.phone.map_or(row.phone, |phone| phone.map(|phone| phone.as_str().to_owned()));
    row.wallet_addresses = patch.wallets.map_or(row.wallet_addresses, |wallets| wallets.0.into());
    let mut mails = Vec::new();
    if let Some(email) = patch.email {
        row.pending_email = begin_change(tx, call, me, &row.email, &email, &mut mails).await?;
    }
    let profile = sql::profile::update(tx, me.user_id, &row, call.now).await?.into();
    Ok(Changed { profile, mails })
}

/// Begins a change of address, or gives one up; returns what is pending from now on.
async fn begin_change(
    tx: &mut Tx,
    call: &Call,
    me: &Me,
    present: &str,
    email: &Email,
    mails: &mut Vec<Uuid>,
) -> Result<Option<String>, Problem> {
    if Email::from_text(present).is_ok_and(|present| present.fingerprint() == email.fingerprint()) {
        audit_of(tx, call, me.user_id, "auth.email_change_given_up").await?;
        return Ok(None);
    }
    // As openly as registering says it, and as limited.
    if sql::profile::is_taken(tx, email.as_str()).await? {
        return Err(Problem::conflict("email_taken", "This email has an account: log in, or use another."));
    }
    let user_id = Some(me.user_id);
    mails.push(mails::write(tx, Kind::ChangeEmail, email.as_str(), user_id, call.now).await?);
    mails.push(mails::write(tx, Kind::EmailChangeBegun, present, user_id, call.now).await?);
    audit_of(tx, call, me.user_id, "auth.email_change_begun").await?;
    Ok(Some(email.as_str().to_owned()))
}

/// Whether there is a time zone of exactly this name.
pub async fn knows_timezone(tx: &mut Tx, name: &str) -> Result<bool, Problem> {
    Ok(sql::profile::knows_timezone(tx, name).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> Vec<String> {
        let problem = Fields::from_json(body.as_bytes()).and_then(Fields::read::<ProfilePatch>).err().unwrap();
        problem.errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
    }

    #[test]
    fn must_hold_18_what_is_not_the_users_to_change_is_refused() {
        let body = r#"{"is_admin": true, "id": "x", "tier": "gold", "is_verified": true, "pending_email": "a@b.co"}"#;
        let expected = ["/id", "/is_admin", "/is_verified", "/pending_email", "/tier"];
        assert_eq!(refused(body), expected.map(|pointer| format!("{pointer} unknown_field")));
    }

    #[test]
    fn every_bad_field_of_a_profile_is_named_at_once() {
        let many = format!("[{}]", (0..21).map(|n| format!("\"w{n}\"")).collect::<Vec<_>>().join(","));
        assert_eq!(refused(&format!(r#"{{"wallet_addresses": {many}}}"#)), ["/wallet_addresses not_a_list"]);
        let long = "w".repeat(129);
        for (list, code) in [
            (r#"["a", " a"]"#.to_owned(), "duplicate_address"),
            (r#"["a\u0007"]"#.to_owned(), "not_an_address"),
            (r#"["a\u0000"]"#.to_owned(), "not_an_address"),
            (r#"[""]"#.to_owned(), "not_an_address"),
            (format!(r#"["{long}"]"#), "not_an_address"),
            ("null".to_owned(), "not_nullable"),
            ("[1]".to_owned(), "not_a_list"),
        ] {
            let found = refused(&format!(r#"{{"wallet_addresses": {list}}}"#));
            assert_eq!(found, [format!("/wallet_addresses {code}")], "{list}");
        }
        assert_eq!(
            refused(r#"{"full_name": null, "phone": "1", "email": "x@example.com", "preferences": {"theme": 1}}"#),
            [
                "/current_password required",
                "/full_name not_nullable",
                "/phone wrong_length",
                "/preferences/theme not_text"
            ]
        );
    }
}
