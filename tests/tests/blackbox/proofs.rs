//! Proofs as a user verifies them: by a program that has nothing of ours.

use crate::support::{
    aws, database, eventually,
    user::{User, text},
};
use serde_json::{Value, json};
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// The verifier's exit code, and what it says.
fn verify(proof: &Value, root: &str) -> (Option<i32>, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/verify_proof.py");
    let mut command = Command::new("python3");
    command.args(["-I", script, "-", root]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("python3 is there");
    child.stdin.take().unwrap().write_all(proof.to_string().as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Makes today's tree one of another day, so that today may have another.
fn tomorrow() {
    database::run(
        "UPDATE merkle_batches SET batch_date = (SELECT min(batch_date) FROM merkle_batches) - 1
         WHERE batch_date = (now() AT TIME ZONE 'UTC')::date AND root_hash IS NOT NULL",
    );
}

/// The proof of a transaction as it is now, once a night has passed.
fn anchored(user: &User, id: &str) -> Value {
    tomorrow();
    // Twice, as schedules may.
    for _ in 0..2 {
        aws::send("SCHEDULED_QUEUE_URL", &json!({"v": 1, "kind": "anchor"}).to_string());
    }
    eventually("a proof", 60, || {
        let answer = user.get(&format!("/transactions/{id}/proof"));
        (answer.status == 200).then(|| answer.json()).filter(|proof| proof["is_current"] == true)
    })
}

#[test]
fn a_transaction_is_proven_by_a_program_of_thirty_lines_and_a_changed_byte_is_not() {
    let (user, admin) = (User::register(), User::register_admin());
    let spent = user.spend("12.34", "Groceries", "EUR");
    let id = text(&spent["id"]);
    let path = format!("/transactions/{id}/proof");
    assert_eq!(user.get(&path).problem(409), "not_anchored");
    for _ in 0..3 {
        user.spend("1.00", "Groceries", "EUR");
    }
    let proof = anchored(&user, &id);
    let root = text(&proof["root_hash"]);
    let (code, said) = verify(&proof, &root);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("12.34") && said.contains("Corner shop"), "{said}");
    let leaf: Value = serde_json::from_str(proof["leaf"].as_str().unwrap()).unwrap();
    assert_eq!((&leaf["id"], &leaf["amount"], &leaf["category"]), (&json!(id), &json!("12.34"), &json!("Groceries")));

    let tampered = |change: &dyn Fn(&mut Value)| {
        let mut other = proof.clone();
        change(&mut other);
        verify(&other, &root)
    };
    let forgeries: [&dyn Fn(&mut Value); 6] = [
        &|proof| proof["leaf"] = proof["leaf"].as_str().unwrap().replace("12.34", "12.35").into(),
        &|proof| proof["path"][0] = "00".repeat(32).into(),
        &|proof| proof["leaf_index"] = (proof["leaf_index"].as_i64().unwrap() + 1).into(),
        &|proof| proof["transaction_id"] = "0199a6b2-0000-7000-8000-000000000000".into(),
        &|proof| proof["path"] = json!([]),
        &|proof| *proof = json!({}),
    ];
    for (n, change) in forgeries.into_iter().enumerate() {
        let (code, said) = tampered(change);
        assert_eq!(code, Some(1), "change {n}: {said}");
        assert!(!said.contains("Traceback"), "{said}");
    }
    assert_eq!(verify(&proof, &"0".repeat(64)).0, Some(1), "another root");

    // The day is listed with its root, to whoever asks.
    let listed = admin.get("/anchors?limit=100").expect(200);
    let day = listed["data"].as_array().unwrap().iter().find(|day| day["root_hash"] == root.as_str()).cloned();
    assert_eq!(day.unwrap()["transaction_count"], proof["tree_size"]);

    // An edit is another revision; the old proof holds as long as there is no newer one.
    let tag = user.get(&path).header("etag").map(str::to_owned);
    user.request("PATCH", &format!("/transactions/{id}")).json(&json!({"note": "for two"})).send().expect(200);
    let stale = user.get(&path);
    assert_eq!(stale.expect(200)["is_current"], false);
    assert_ne!(stale.header("etag").map(str::to_owned), tag);
    user.request("DELETE", &format!("/transactions/{id}")).send().expect(204);
    let proof = anchored(&user, &id);
    assert_eq!(verify(&proof, &text(&proof["root_hash"])).0, Some(0));
    assert!(text(&proof["leaf"]).contains(r#""note":"for two","is_deleted":"true""#));
    assert_eq!(User::register().get(&path).problem(404), "not_found");

    hand_over(&admin, &user, &proof);
}

/// What the blockchain's team tells stands in the proof; what it alone may see stands nowhere.
fn hand_over(admin: &User, user: &User, proof: &Value) {
    let body = json!({"name": "chain", "scopes": ["anchors:write"]});
    let token = text(&admin.post("/admin/service-tokens", &body).expect(201)["token"]);
    let send = |body: &Value| user.client.request("POST", "/ingest/anchors").bearer(&token).json(body).send();
    let (root, other) = (text(&proof["root_hash"]), text(&user.spend("5.00", "Groceries", "EUR")["id"]));
    let hash = "ab".repeat(32);
    let marks = json!({
        "anchors": [
            {"root_hash": root, "blockchain_tx_id": "0xfeed"},
            {"root_hash": "0".repeat(64), "blockchain_tx_id": "0xfeed"},
            {"root_hash": root},
        ],
        "transactions": [
            {"user_id": user.id, "transaction_id": other, "blockchain_hash": hash, "ipfs_cid": "bafy2"},
            {"user_id": admin.id, "transaction_id": other, "ipfs_cid": "bafy3"},
        ],
    });
    let first = send(&marks).expect(200);
    let codes = |list: &str| {
        let rows = first[list].as_array().unwrap().iter();
        rows.map(|row| row["code"].as_str().unwrap_or("ok").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes("anchors"), ["ok", "not_found", "required"]);
    assert_eq!(codes("transactions"), ["ok", "not_found"]);
    let tag = || user.get(&format!("/transactions/{other}")).header("etag").map(str::to_owned);
    let before = tag();
    assert_eq!(send(&marks).expect(200), first, "sent again, told again");
    assert_eq!(tag(), before);
    let another = json!({"anchors": [{"root_hash": root, "blockchain_tx_id": "0xbad"}]});
    assert_eq!(send(&another).expect(200)["anchors"][0]["code"], "already_anchored");
    assert_eq!(send(&json!({"anchors": vec![json!({}); 501]})).problem(422), "validation_failed");

    let shown = user.get(&format!("/transactions/{other}"));
    assert_eq!(shown.expect(200)["ipfs_cid"], "bafy2");
    let list = user.get("/transactions").text;
    assert!(!list.contains(&hash) && !shown.text.contains(&hash) && !list.contains("blockchain_hash"));
    let path = format!("/transactions/{}/proof", text(&proof["transaction_id"]));
    assert_eq!(user.get(&path).expect(200)["batch"]["blockchain_tx_id"], "0xfeed");
}
