//! Transactions that look the same.

use crate::support::{Fresh, body, call, create, frames, keys, later, query};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::{Me, with_user},
        transactions::{self, Groups},
    },
    platform::{
        db::{Db, Tx},
        fields::Fields,
        problem::Problem,
    },
};
use std::collections::BTreeSet;
use uuid::Uuid;

fn coffee(day: i64) -> Value {
    json!({"amount": "3.50", "date": format!("2026-03-{day:02}"), "merchant_raw": "Cafe Central"})
}

async fn groups(fresh: &Fresh, me: &Me, asked: &str) -> Groups {
    let (asked, call) = (query(asked), call(me, "", None));
    with_user(&fresh.read_db(), &call, async |tx: &mut Tx, me: &Me| {
        let found = transactions::duplicates(tx, &keys(), me, &asked).await?;
        assert!(tx.statements() <= 2, "{}", tx.statements());
        Ok(found)
    })
    .await
    .unwrap()
}

async fn resolve(db: &Db, me: &Me, json: &Value) -> Result<Value, Problem> {
    let asked = body(json);
    db.tx(async |tx: &mut Tx| transactions::resolve(tx, me, &asked).await)
        .await
        .map(|resolved| json!(resolved)["results"].clone())
}

async fn patch(db: &Db, me: &Me, id: Uuid, json: &Value) -> Option<Uuid> {
    let (patch, call) = (body(json), call(me, "", None));
    let changed = db.tx(async |tx: &mut Tx| transactions::update(tx, me, &call, id, &patch).await).await.unwrap();
    changed.transaction.duplicate_of
}

#[tokio::test]
async fn groups_hold_the_original_and_its_lookalikes_page_by_page() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    create(&db, &other, &coffee(1)).await;
    let mut originals = Vec::new();
    for day in 1..=7 {
        let original = create(&db, &me, &coffee(day)).await.id;
        for _ in 0..day - 1 {
            create(&db, &me, &coffee(day)).await;
        }
        originals.push(original);
    }
    let (mut seen, mut path) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = groups(&fresh, &me, &path).await;
        assert_eq!(page.has_more, page.next_cursor.is_some());
        seen.extend(page.data);
        let Some(cursor) = page.next_cursor else { break };
        path = format!("limit=2&cursor={cursor}");
    }
    let shown: Vec<_> =
        seen.iter().map(|group| (group.original.as_ref().unwrap().id, group.count, group.duplicates.len())).collect();
    let expected: Vec<_> =
        (2..=7_usize).rev().map(|day| (originals[day - 1], i64::try_from(day - 1).unwrap(), day - 1)).collect();
    assert_eq!(shown, expected);
    assert!(groups(&fresh, &other, "").await.data.is_empty());
    let refused = Fields::from_query("limit=51&offset=1").and_then(Fields::read::<transactions::GroupQuery>);
    let codes: Vec<_> = refused.err().unwrap().errors.iter().map(|error| error.pointer.clone()).collect();
    assert_eq!(codes, ["?limit", "?offset"]);
}

#[tokio::test]
async fn must_hold_29_kept_is_kept_for_good_and_deleted_comes_back_by_a_restore() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let original = create(&db, &me, &coffee(1)).await;
    let (first, second) = (create(&db, &me, &coffee(1)).await, create(&db, &me, &coffee(1)).await);
    let told = frames(&fresh, &me).await.len();
    let kept = resolve(&db, &later(&me, 1), &json!({"transaction_id": first.id, "action": "keep"})).await.unwrap();
    assert_eq!(kept, json!([{"transaction_id": first.id, "result": "kept"}]));
    let frame = frames(&fresh, &me).await.pop().unwrap().1;
    assert_eq!((&frame["id"], &frame["duplicate_of"]), (&json!(first.id), &Value::Null));
    assert_eq!(frames(&fresh, &me).await.len(), told + 1);
    // Not even when it is changed, and changed back.
    for amount in ["4", "3.50"] {
        assert_eq!(patch(&db, &me, first.id, &json!({"amount": amount})).await, None);
    }
    let group = groups(&fresh, &me, "").await.data.pop().unwrap();
    assert_eq!((group.original.unwrap().id, group.duplicates[0].id, group.count), (original.id, second.id, 1));
    // The other one was one.
    resolve(&db, &me, &json!({"transaction_id": second.id, "action": "delete"})).await.unwrap();
    assert!(groups(&fresh, &me, "").await.data.is_empty());
    let call = call(&me, "", None);
    let back = db.tx(async |tx: &mut Tx| transactions::restore(tx, &me, &call, second.id).await).await.unwrap();
    assert_eq!(back.duplicate_of, Some(original.id));
    assert_eq!(groups(&fresh, &me, "").await.data.len(), 1);
}

#[tokio::test]
async fn a_change_takes_the_flag_off_or_sets_it_and_two_are_never_each_others() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let original = create(&db, &me, &coffee(1)).await.id;
    let copy = create(&db, &me, &coffee(1)).await.id;
    assert_eq!(patch(&db, &me, copy, &json!({"amount": "9"})).await, None);
    assert_eq!(patch(&db, &me, copy, &json!({"amount": "3.50"})).await, Some(original));
    // The original changes: what is left of the group is no group.
    assert_eq!(patch(&db, &me, original, &json!({"amount": "9"})).await, None);
    assert!(groups(&fresh, &me, "").await.data.is_empty());
    assert_eq!(patch(&db, &me, original, &json!({"amount": "3.50"})).await, None, "the copy points here");
    assert_eq!(groups(&fresh, &me, "").await.data.len(), 1);
}

#[tokio::test]
async fn two_that_are_left_of_a_group_are_still_one() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let original = create(&db, &me, &coffee(1)).await.id;
    let copies: BTreeSet<_> = [create(&db, &me, &coffee(1)).await.id, create(&db, &me, &coffee(1)).await.id].into();
    resolve(&db, &me, &json!({"transaction_id": original, "action": "delete"})).await.unwrap();
    let group = groups(&fresh, &me, "").await.data.pop().unwrap();
    assert!(group.original.is_none());
    assert_eq!(group.duplicates.iter().map(|one| one.id).collect::<BTreeSet<_>>(), copies);
}

#[tokio::test]
async fn must_hold_15_of_several_each_says_whether_it_was_the_users() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    create(&db, &me, &coffee(1)).await;
    let mine = create(&db, &me, &coffee(1)).await;
    create(&db, &other, &coffee(1)).await;
    let theirs = create(&db, &other, &coffee(1)).await;
    let absent = Uuid::now_v7();
    let all = json!({"resolutions": [
        {"transaction_id": theirs.id, "action": "delete"},
        {"transaction_id": mine.id, "action": "keep"},
        {"transaction_id": absent, "action": "keep"},
    ]});
    let results = resolve(&db, &me, &all).await.unwrap();
    assert_eq!(
        results,
        json!([
            {"transaction_id": theirs.id, "result": "not_found"},
            {"transaction_id": mine.id, "result": "kept"},
            {"transaction_id": absent, "result": "not_found"},
        ])
    );
    for id in [theirs.id, absent] {
        let refused = resolve(&db, &me, &json!({"transaction_id": id, "action": "delete"})).await.unwrap_err();
        assert_eq!(refused.status, 404);
    }
    assert_eq!(groups(&fresh, &other, "").await.data.len(), 1, "nothing was done to theirs");
}

#[tokio::test]
async fn every_bad_member_of_a_list_is_named() {
    let id = Uuid::now_v7();
    let one = json!({"transaction_id": id, "action": "keep"});
    for (json, expected) in [
        (json!({"resolutions": []}), vec!["/resolutions not_a_list"]),
        (json!({"resolutions": vec![one.clone(); 101]}), vec!["/resolutions not_a_list"]),
        (json!({"resolutions": "x", "action": "keep"}), vec!["/action unknown_field", "/resolutions not_a_list"]),
        (
            json!({"resolutions": [one, {"transaction_id": id, "action": "delete"}, {"action": 1, "x": 2}]}),
            vec![
                "/resolutions/2/action not_text",
                "/resolutions/2/transaction_id required",
                "/resolutions/2/x unknown_field",
                "/resolutions~11 duplicate_id",
            ],
        ),
    ] {
        let refused = Fields::from_json(json.to_string().as_bytes()).and_then(Fields::read::<transactions::Resolution>);
        let errors = refused.err().unwrap_or_else(|| panic!("{json}")).into_errors();
        let codes: Vec<_> = errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect();
        assert_eq!(codes, expected);
    }
}
