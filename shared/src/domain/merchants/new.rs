//! A new merchant: what it may be, and whether there is one already.

use super::{Merchant, sql};
use crate::{
    domain::{audit, auth::Me, categories::Category, imports::statement::alias_key},
    platform::{
        db::Tx,
        fields::{Fault, Field, Fields, Read, Text, object, string},
        http::Call,
        problem::{FieldError, Problem},
    },
};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashSet;
use time::OffsetDateTime;
use uuid::Uuid;

/// ISO 3166-1.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV \
    BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO \
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP \
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU \
    MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB \
    SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY \
    UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";
/// Names a merchant may go by beside its own.
const ALIASES: usize = 50;
/// Names as similar as this may mean the same merchant.
const NEAR: f32 = 0.8;

/// A merchant's name: 3 to 255 characters with a letter or digit among them, white space made single.
#[derive(Clone, Debug)]
pub(super) struct Name(String);

impl Field for Name {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Text::<3, 255>::from_text(&text)?;
        named(&text)?;
        Ok(Self(text))
    }
}

/// A name that statements can be recognised by.
fn named(text: &str) -> Result<(), Fault> {
    let key = alias_key(text);
    if key.is_empty() {
        return Err(Fault::new("no_letters", "Send a name with a letter or a digit."));
    }
    if key.chars().count() > 255 {
        return Err(Fault::new("wrong_length", "Send a name of at most 255 characters, capitals written small."));
    }
    Ok(())
}

/// Other names: at most fifty, sorted, those that differ in case alone taken once.
#[derive(Clone, Debug, Default)]
pub(super) struct Aliases(Vec<String>);

impl Aliases {
    pub fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Self, Fault> {
        let mut all = Vec::new();
        for text in texts {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let fault = |fault: Fault| {
                let shown: String = text.chars().take(40).collect();
                Fault::new(fault.code, format!("{} This alias was refused: {shown:?}.", fault.detail))
            };
            Text::<1, 255>::from_text(&text).map_err(fault)?;
            named(&text).map_err(fault)?;
            all.push(text);
        }
        all.sort();
        let mut seen = HashSet::new();
        all.retain(|alias| seen.insert(alias.to_lowercase()));
        if all.len() > ALIASES {
            return Err(Fault::new("too_many", format!("Send at most {ALIASES} aliases.")));
        }
        Ok(Self(all))
    }
}

impl Field for Aliases {
    fn from_text(_: &str) -> Result<Self, Fault> {
        Err(Fault::new("not_a_list", "Send a list of strings."))
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        let list: Vec<Box<serde_json::value::RawValue>> =
            serde_json::from_str(raw).map_err(|_| Fault::new("not_a_list", "Send a list of strings."))?;
        let texts = list.iter().map(|raw| string(raw.get())).collect::<Result<Vec<_>, _>>()?;
        Self::of(texts.iter().map(String::as_str))
    }
}

/// A country by its two letters.
#[derive(Clone, Debug)]
pub(super) struct Country(String);

impl Field for Country {
    fn from_text(text: &str) -> Result<Self, Fault> {
        if text.len() == 2 && COUNTRIES.split_whitespace().any(|country| country == text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::new("not_a_country", "Send an ISO 3166 code of two capital letters, such as \"AT\"."))
        }
    }
}

/// Whatever else is known of a merchant: a JSON object.
#[derive(Clone, Debug)]
pub(super) struct Tags(Value);

impl Default for Tags {
    fn default() -> Self {
        Self(json!({}))
    }
}

impl Field for Tags {
    fn from_text(text: &str) -> Result<Self, Fault> {
        object(text).map(Self)
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        Self::from_text(raw)
    }
}

/// What `POST /merchants` takes.
pub struct NewMerchant {
    pub(super) name: Name,
    pub(super) category: Category,
    pub(super) aliases: Aliases,
    pub(super) country: Option<Country>,
    pub(super) tags: Tags,
}

impl Read for NewMerchant {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (name, category) = (fields.required("canonical_name"), fields.required("category"));
        let (aliases, country, tags): (Option<Aliases>, _, Option<Tags>) =
            (fields.optional("aliases"), fields.optional("country"), fields.optional("tags"));
        Some(Self {
            name: name?,
            category: category?,
            aliases: aliases.unwrap_or_default(),
            country,
            tags: tags.unwrap_or_default(),
        })
    }
}

/// The form of [`NewMerchant`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct NewMerchantBody {
    /// 3 to 255 characters; its case is kept.
    #[schema(example = "Corner Coffee")]
    canonical_name: String,
    /// One of the system's categories.
    #[schema(example = "Food & Dining")]
    category: String,
    /// At most 50 names as statements print them.
    #[schema(example = json!(["CORNER COFFEE VIENNA", "CRNR COFFEE"]))]
    aliases: Option<Vec<String>>,
    /// ISO 3166, two letters.
    #[schema(example = "AT")]
    country: Option<String>,
    /// Whatever else is known.
    #[schema(value_type = Object)]
    tags: Option<Value>,
}

/// A merchant's row to be, with the keys that it is recognised by; the first is the name's own.
#[derive(Debug, Serialize)]
pub(super) struct NewRow {
    pub id: Uuid,
    pub canonical_name: String,
    pub category: String,
    pub country: Option<String>,
    pub aliases: Vec<String>,
    pub tags: Value,
    pub keys: Vec<String>,
}

impl NewMerchant {
    pub(super) fn row(self) -> NewRow {
        let mut keys = vec![alias_key(&self.name.0)];
        for key in self.aliases.0.iter().map(|alias| alias_key(alias)) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        NewRow {
            id: Uuid::now_v7(),
            canonical_name: self.name.0,
            category: self.category.as_str().to_owned(),
            country: self.country.map(|country| country.0),
            aliases: self.aliases.0,
            tags: self.tags.0,
            keys,
        }
    }
}

/// Whether a merchant much like another is wanted all the same.
pub struct Force(bool);

impl Read for Force {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(fields.optional("force").unwrap_or(false)))
    }
}

/// A merchant as an administrator sees it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MerchantDetail {
    /// The merchant.
    #[serde(flatten)]
    pub merchant: Merchant,
    /// Other names it goes by, sorted.
    #[schema(example = json!(["CORNER COFFEE VIENNA", "CRNR COFFEE"]))]
    pub aliases: Vec<String>,
    /// ISO 3166, two letters.
    #[schema(example = "AT")]
    pub country: Option<String>,
    /// Whatever else is known.
    #[schema(value_type = HashMap<String, Value>, example = json!({"chain": false}))]
    pub tags: Value,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Adds a merchant, unless one goes by any of its names or, not forced, by a similar one.
pub async fn create(
    tx: &mut Tx,
    me: &Me,
    call: &Call,
    new: NewMerchant,
    force: &Force,
) -> Result<MerchantDetail, Problem> {
    let row = new.row();
    let known = sql::known(tx, &row, NEAR).await?;
    if !known.is_category {
        return Err(not_a_category());
    }
    let (same, near): (Vec<_>, Vec<_>) = known.others.into_iter().partition(|other| other.key.is_some());
    if !same.is_empty() {
        return Err(taken(&row, &same));
    }
    if !near.is_empty() && !force.0 {
        let mut problem = Problem::conflict(
            "near_match",
            "Merchants of nearly this name exist: see candidates, and send ?force=true if it is another one.",
        );
        problem.more.insert("candidates".into(), json!(near.iter().map(|other| &other.merchant).collect::<Vec<_>>()));
        return Err(problem);
    }
    sql::insert(tx, std::slice::from_ref(&row), call.now).await?;
    audit::record(tx, call, me.user_id, "merchant.created", Some(row.id)).await?;
    Ok(MerchantDetail {
        merchant: Merchant { id: row.id, canonical_name: row.canonical_name, category: row.category },
        aliases: row.aliases,
        country: row.country,
        tags: row.tags,
        created_at: call.now,
    })
}

fn not_a_category() -> Problem {
    let detail = "Send one of the system's categories: GET /categories lists them.".to_owned();
    Problem::invalid(vec![FieldError { pointer: "/category".into(), code: "not_a_category".into(), detail }])
}

/// The refusal that says which of the names is whose.
fn taken(row: &NewRow, same: &[sql::Other]) -> Problem {
    let name = |key: &str| {
        let mut names = std::iter::once(&row.canonical_name).chain(&row.aliases);
        names.find(|name| alias_key(name) == key).cloned()
    };
    let conflicts: Vec<_> = same
        .iter()
        .map(|other| json!({"name": other.key.as_deref().and_then(name), "merchant": other.merchant}))
        .collect();
    let first = same.first().map(|other| other.merchant.canonical_name.as_str()).unwrap_or_default();
    let mut problem =
        Problem::conflict("merchant_exists", format!("{first} goes by one of these names already: see conflicts."));
    problem.more.insert("conflicts".into(), json!(conflicts));
    problem
}
