//! Recognising many merchants' texts at once.

use super::{Recognised, recognise, sql};
use crate::{
    domain::merchants::{self, Matched},
    platform::{db::Tx, problem::Problem},
};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Remembers which merchant a text was recognised as.
#[derive(Default)]
pub struct Recogniser(HashMap<String, (i64, Option<Matched>)>);

impl Recogniser {
    /// Looks up those of the texts that it does not know yet.
    pub async fn learn<'a>(&mut self, tx: &mut Tx, texts: impl Iterator<Item = &'a str>) -> Result<(), Problem> {
        let unknown: BTreeSet<_> = texts.filter(|text| !self.0.contains_key(*text)).collect();
        let recognised: Vec<(&str, Recognised)> = unknown.into_iter().map(|text| (text, recognise(text))).collect();
        let names: BTreeSet<_> = recognised.iter().flat_map(|(_, r)| r.candidates.iter().cloned()).collect();
        let found = merchants::matching(tx, &names.into_iter().collect::<Vec<_>>()).await?;
        let found: HashMap<_, _> = found.into_iter().map(|merchant| (merchant.alias_key.clone(), merchant)).collect();
        for (text, recognised) in recognised {
            let merchant = recognised.candidates.iter().find_map(|name| found.get(name)).cloned();
            self.0.insert(text.to_owned(), (recognised.key, merchant));
        }
        Ok(())
    }

    /// A text's key, and its merchant if it was recognised.
    #[must_use]
    pub fn of(&self, text: &str) -> (i64, Option<&Matched>) {
        self.0.get(text).map_or((0, None), |(key, merchant)| (*key, merchant.as_ref()))
    }
}

/// The category that the user last corrected each merchant's text to, by key; `seen` says which merchant a key stands for.
pub async fn corrected(
    tx: &mut Tx,
    user_id: Uuid,
    seen: impl Iterator<Item = (i64, Option<Uuid>)>,
) -> Result<HashMap<i64, String>, Problem> {
    let seen: HashMap<_, _> = seen.collect();
    let mut keys_of: HashMap<Uuid, Vec<i64>> = HashMap::new();
    for (key, merchant) in &seen {
        if let Some(merchant) = merchant {
            keys_of.entry(*merchant).or_default().push(*key);
        }
    }
    let (keys, merchants): (Vec<_>, Vec<_>) = (seen.into_keys().collect(), keys_of.keys().copied().collect());
    let mut categories = HashMap::new();
    for sql::corrections::Corrected { merchant_key, merchant_id, new_category } in
        sql::corrections::of_merchants(tx, user_id, &keys, &merchants).await?
    {
        let same_merchant = merchant_id.and_then(|id| keys_of.get(&id)).into_iter().flatten();
        categories.extend(same_merchant.map(|key| (*key, new_category.clone())));
        categories.insert(merchant_key, new_category);
    }
    Ok(categories)
}
