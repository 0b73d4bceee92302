//! Another key signs, and nobody notices.

use crate::support::{
    alone, aws,
    http::Client,
    setting,
    token::{claims, header, sign},
    user::{User, text},
};
use serde_json::{Value, json};
use shared::platform::{
    config::Config,
    function::{Env, Port},
    rotation::SigningKeys,
};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Longer than a fresh copy of the keys is trusted to know all there are: whoever is shown a key it does not have looks again.
const WAIT: Duration = Duration::from_secs(15);

fn secret() -> Value {
    let secret = aws::call("secretsmanager", "GetSecretValue", &json!({"SecretId": setting("KEYS_SECRET")}));
    serde_json::from_str(secret["SecretString"].as_str().unwrap()).unwrap()
}

/// The keys, of which the next has waited for as long as it must: the test before may have added it just now.
fn waiting_long() -> Value {
    let mut keys = secret();
    for key in keys["jwt"].as_array_mut().unwrap() {
        if key.get("added_at").is_some() {
            key["added_at"] = 0.into();
        }
    }
    let put = json!({"SecretId": setting("KEYS_SECRET"), "SecretString": keys.to_string()});
    aws::call("secretsmanager", "PutSecretValue", &put);
    keys
}

/// Asks over and over, with tokens of both keys as they come: refreshing, listing with a cursor, opening tickets. Returns
/// how often, what was refused, and the last access token.
fn busy(user: &User, over: &AtomicBool) -> (u32, Vec<String>, String) {
    let (mut access, mut refresh) = (user.access.clone(), user.refresh.clone());
    let (mut asked, mut refused) = (0, Vec::new());
    let page = user.get("/transactions?limit=1").expect(200);
    let cursor = text(&page["next_cursor"]);
    let client = Client::new();
    while !over.load(Ordering::Relaxed) {
        let requests = [
            ("GET", "/auth/me".to_owned(), access.clone()),
            ("GET", format!("/transactions?limit=1&cursor={cursor}"), access.clone()),
            ("POST", "/auth/ws-ticket".to_owned(), access.clone()),
            // The one it came with: of the key that signed before the rotation.
            ("GET", "/auth/sessions".to_owned(), user.access.clone()),
        ];
        for (method, path, token) in requests {
            let answer = client.request(method, &path).bearer(&token).send();
            asked += 1;
            if answer.status != 200 {
                refused.push(format!("{method} {path} {}", answer.status));
            }
        }
        // A key that nobody knows makes the function look for new ones: it signs with the new key in seconds, while others
        // still have their copies without it.
        let forged = sign(&json!({"alg": "HS256", "kid": "unknown"}), &claims(&refresh), "another secret");
        assert_eq!(client.post("/auth/refresh", &json!({"refresh_token": forged})).status, 401);
        let next = client.post("/auth/refresh", &json!({"refresh_token": refresh}));
        asked += 1;
        if next.status == 200 {
            (access, refresh) = (text(&next.json()["access_token"]), text(&next.json()["refresh_token"]));
        } else {
            refused.push(format!("refresh {}", next.status));
        }
    }
    (asked, refused, access)
}

#[test]
fn must_hold_44_rotating_the_keys_under_load_refuses_nobody() {
    let _alone = alone("rotation");
    // As fast as they can: the limit of requests a minute is another matter.
    let users = [User::register_unlimited(), User::register_unlimited()];
    for user in &users {
        user.spend("1.00", "Groceries", "EUR");
        user.spend("2.00", "Groceries", "EUR");
    }
    let before = waiting_long();
    let over = AtomicBool::new(false);
    let results = std::thread::scope(|scope| {
        let all: Vec<_> = users.iter().map(|user| scope.spawn(|| busy(user, &over))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let rotated = runtime.block_on(async {
            tokio::time::sleep(WAIT).await;
            let env = Env::new(Config::of_command().unwrap());
            SigningKeys::open(&env).unwrap().rotate().await.unwrap()
        });
        // Until tokens of the new key have been in use for a while.
        std::thread::sleep(WAIT);
        over.store(true, Ordering::Relaxed);
        assert_eq!(rotated.verify[0], before["jwt"][0]["kid"].as_str().unwrap());
        all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    let asked: u32 = results.iter().map(|(asked, ..)| asked).sum();
    let kids: Vec<_> = results.iter().map(|(.., access)| header(access)["kid"].clone()).collect();
    let refused: Vec<_> = results.into_iter().flat_map(|(_, refused, _)| refused).collect();
    println!("{asked} requests, {} refused", refused.len());
    assert!(asked > 100, "{asked} requests are no load");
    assert!(refused.is_empty(), "{} of {asked} were refused: {refused:?}", refused.len());

    let after = secret();
    assert_eq!(after["jwt"][1]["secret"], before["jwt"][0]["secret"], "the old key verifies on");
    assert_eq!(after["app"], before["app"], "cursors are keyed by another, which stays");
    let new = &after["jwt"][0]["kid"];
    assert_eq!(
        new,
        &before["jwt"].as_array().unwrap().iter().skip(1).find(|key| key.get("retired_at").is_none()).unwrap()["kid"],
        "what everybody had already signs"
    );
    assert!(kids.iter().all(|kid| kid == new), "tokens of the new key were in use: {kids:?}, not {new}");
    assert_eq!(users[0].get("/auth/sessions").status, 200, "and the first ones still work");
}
