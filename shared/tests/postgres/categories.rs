//! The list of categories.

use crate::support::{Fresh, call, create};
use serde_json::json;
use shared::{
    domain::{
        auth::{Me, with_user},
        categories,
    },
    platform::db::Tx,
};

#[tokio::test]
async fn the_systems_come_first_then_the_users_own_that_are_in_use() {
    let fresh = Fresh::new().await;
    let (db, read, me, other) = (fresh.db(), fresh.read_db(), fresh.user().await, fresh.user().await);
    let list = async |me: &Me| {
        let call = call(me, "", None);
        with_user(&read, &call, async |tx: &mut Tx, me: &Me| {
            let listed = categories::list(tx, me.user_id).await?;
            assert!(tx.statements() <= 2, "{}", tx.statements());
            Ok(listed)
        })
        .await
        .unwrap()
    };
    let system = list(&me).await;
    assert!(system.len() >= 20 && system.iter().all(|category| category.system && category.kind.is_some()));
    assert_eq!(system[0].name, "Food & Dining");
    assert!(system.iter().any(|category| category.name == categories::UNCATEGORIZED));
    for label in ["Zoo", "Ärzte", "Boat", "Boat", "Groceries"] {
        let json = json!({"amount": "1", "date": "2026-03-15", "merchant_raw": "x", "category": label});
        create(&db, &me, &json).await;
        create(&db, &other, &json!({"amount": "1", "date": "2026-03-15", "merchant_raw": "x", "category": "Theirs"}))
            .await;
    }
    let own = async || {
        list(&me).await.into_iter().skip(system.len()).map(|own| (own.name, own.kind, own.system)).collect::<Vec<_>>()
    };
    let labels = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), None, false)).collect::<Vec<_>>();
    assert_eq!(own().await, labels(&["Boat", "Zoo", "Ärzte"]));
    let mut conn = fresh.admin().await;
    sqlx::query(
        "UPDATE transactions SET is_deleted = true, deleted_at = now() WHERE user_id = $1 AND category <> 'Zoo'",
    )
    .bind(me.user_id)
    .execute(&mut conn)
    .await
    .unwrap();
    assert_eq!(own().await, labels(&["Zoo"]), "a deleted transaction's label is gone");
}
