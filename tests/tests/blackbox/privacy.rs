//! What must never be written down.

use crate::support::{
    eventually,
    http::Client,
    random, setting,
    socket::{Socket, ticket},
    user::{User, today},
};
use serde_json::{Value, json};
use std::fs;
use uuid::Uuid;

#[test]
fn must_hold_50_passwords_tokens_addresses_and_amounts_are_in_no_log() {
    let user = User::register();
    let canary = |kind: &str| format!("{kind}{}", Uuid::now_v7().simple());
    let (password, label, merchant, note) = (canary("pw"), canary("label"), canary("shop"), canary("note"));
    let amount = format!("{}.{:02}", 10_000_000 + random(80_000_000), 10 + random(80));
    let ticket = ticket(&user);

    // What succeeds …
    user.budget("1.00", &label, "EUR");
    let body = json!({"amount": amount, "date": today(), "merchant_raw": merchant, "note": note, "category": label, "currency": "EUR"});
    user.post("/transactions", &body).expect(201);
    user.get(&format!("/transactions?q={merchant}&category={label}&min_amount={amount}")).expect(200);
    user.get(&format!("/merchants/search?q={merchant}")).expect(200);
    user.import(
        "/transactions/import",
        &format!("Date,Description,Amount\n{},{merchant},-{amount}\nnot a date,{merchant},x{amount}\n", today()),
    );
    let mut socket = Socket::open(&format!("ticket={ticket}")).unwrap();
    socket.ask(&json!({"type": "hello"}));
    socket.ask(&json!({"type": note}));
    Socket::open(&format!("token={}", user.access)).unwrap().cut();
    let rotated = user.client.post("/auth/refresh", &json!({"refresh_token": user.refresh})).expect(200);

    // … what is refused, in every way there is …
    let stranger = Client::new();
    stranger.post("/auth/login", &json!({"email": user.email, "password": password})).expect(401);
    stranger.post("/auth/register", &json!({"email": user.email, "password": password, "full_name": note})).expect(409);
    stranger.post("/auth/register", &json!({"email": note, "password": password, "full_name": 1})).expect(422);
    stranger.post("/auth/refresh", &json!({"refresh_token": format!("{}x", user.refresh)})).expect(401);
    stranger.request("GET", "/auth/me").bearer(&format!("{}x", user.access)).send().expect(401);
    user.post(
        "/transactions",
        &json!({"amount": format!("{amount}1"), "date": merchant, "merchant_raw": format!("{note}\u{0}")}),
    )
    .expect(422);
    user.request("POST", "/transactions")
        .body("application/json", format!("{{\"note\": \"{note}\", {merchant}"))
        .send()
        .expect(400);
    user.get(&format!("/transactions?cursor={note}&q={merchant}%00")).expect(400);
    user.get(&format!("/transactions/{note}")).expect(404);
    assert_eq!(Socket::open(&format!("ticket={ticket}")).err(), Some(401));
    // … and what tries to forge a line of its own.
    let forged = format!("x%0d%0a{{\"level\":\"ERROR\",\"message\":\"{note}\"}}");
    user.get(&format!("/transactions?q={forged}"));
    user.request("GET", "/auth/me").header("user-agent", &note).header("request-id", &format!("{merchant}\\n")).send();
    let last = user.get("/auth/me");
    let request_id = last.header("request-id").unwrap().to_owned();

    let log = eventually("the log of the last request", 10, || {
        let log = fs::read_to_string(setting("LAMBDA_LOG")).ok()?;
        log.contains(&request_id).then_some(log)
    });
    let of_user = user.id.to_string();
    assert!(log.contains(&of_user), "requests are logged under their user");
    let secrets = [
        ("the password", user.password.as_str()),
        ("a wrong password", &password),
        ("the address", &user.email),
        ("the access token", &user.access),
        ("the refresh token", &user.refresh),
        ("the next refresh token", rotated["refresh_token"].as_str().unwrap()),
        ("the signature of the access token", user.access.rsplit_once('.').unwrap().1),
        ("the ticket", &ticket),
        ("the amount", &amount),
        ("the merchant", &merchant),
        ("the note", &note),
        ("the category", &label),
    ];
    for (what, secret) in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{what} is in the log");
    }
    for line in log.lines().filter(|line| line.contains(&of_user)) {
        let entry = line.split_once('\t').map_or(line, |(_, entry)| entry);
        let entry: Value = serde_json::from_str(entry).unwrap_or_else(|error| panic!("{error} in {line}"));
        if entry["event"] == "request" {
            for name in ["request_id", "user_id", "function", "cold", "ms", "status"] {
                assert!(!entry[name].is_null(), "{name} is missing in {line}");
            }
        }
    }
}
