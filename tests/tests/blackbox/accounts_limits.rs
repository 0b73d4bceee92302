//! What strangers cannot do to an account: lock its owner out, flood the mailbox, or learn that it is there.

use crate::support::{
    aws, database,
    http::{Answer, Client},
    mail,
    socket::Socket,
    user::{User, email},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use std::time::Duration;

fn forgot(client: &Client, email: &str) -> Answer {
    client.post("/auth/password/forgot", &json!({"email": email}))
}

fn login(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/auth/login", &json!({"email": email, "password": password}))
}

#[test]
fn must_hold_08_forgot_answers_alike_for_every_address() {
    let user = User::register();
    let (known, unknown) = (forgot(&Client::new(), &user.email), forgot(&Client::new(), &email()));
    assert_eq!((known.status, known.text.as_str()), (202, ""));
    assert_eq!((unknown.status, &unknown.text), (202, &known.text));
    let names = |answer: &Answer| answer.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&known), names(&unknown));
    database::run(&format!("UPDATE users SET is_active = false WHERE id = '{}'", user.id));
    assert_eq!(forgot(&Client::new(), &user.email).status, 202);
    // And refuses alike, whoever is asked about.
    let refusals = [user.email.clone(), email()].map(|email| {
        let client = Client::new();
        (0..6).map(|_| forgot(&client, &email).status).collect::<Vec<_>>()
    });
    assert_eq!(refusals, [[202, 202, 202, 202, 202, 429], [202, 202, 202, 202, 202, 429]]);
}

#[test]
fn must_hold_12_strangers_flood_no_mailbox_and_lock_nobody_out() {
    let user = User::register();
    // From a dozen networks.
    for _ in 0..12 {
        assert_eq!(forgot(&Client::new(), &user.email).status, 202, "nobody learns that it is enough");
    }
    let first = mail::token(&mail::next(&user.email, "Set a new password", 0));
    mail::next(&user.email, "Set a new password", 4);
    let waiting = format!("SELECT count(*) FROM mails WHERE lower(email) = '{}'", user.email);
    crate::support::eventually("the last of the mails", 80, || (database::one::<i64>(&waiting) == 0).then_some(()));
    let sent =
        mail::to(&user.email).iter().filter(|mail| mail["Subject"].as_str().unwrap().contains("Set a new")).count();
    assert_eq!(sent, 5);
    // The owner still gets in, and by the first of the links, too.
    login(&Client::new(), &user.email, &user.password).expect(200);
    let body = json!({"token": first, "new_password": "a brand new password"});
    assert_eq!(Client::new().post("/auth/password/reset", &body).status, 204);
}

#[test]
fn must_hold_12_the_hundredth_failure_mails_the_owner_and_locks_nobody_out() {
    let user = User::register();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, user.email.as_bytes());
    // Ninety-eight before, from all over the world.
    let resets = database::one::<i64>("SELECT extract(epoch FROM now())::bigint + 3000").to_string();
    let item = json!({
        "pk": {"S": format!("failures:{}", URL_SAFE_NO_PAD.encode(digest))}, "n": {"N": "98"},
        "resets": {"N": resets}, "ttl": {"N": resets},
    });
    aws::call("dynamodb", "PutItem", &json!({"TableName": crate::support::setting("LIMITS_TABLE"), "Item": item}));
    for _ in 0..4 {
        assert_eq!(login(&Client::new(), &user.email, "not the password").status, 401);
    }
    mail::next(&user.email, "Many failed logins", 0);
    std::thread::sleep(Duration::from_millis(500));
    let told = mail::to(&user.email).iter().filter(|mail| mail["Subject"].as_str().unwrap().contains("Many")).count();
    assert_eq!(told, 1, "once, not with each failure after it");
    login(&Client::new(), &user.email, &user.password).expect(200);
}

#[test]
fn must_hold_12_who_stole_a_session_cannot_keep_the_owner_from_changing_the_password() {
    let user = User::register();
    let stolen = Client::new();
    let guess = || {
        let body = json!({"current_password": "a guess", "new_password": "a brand new password"});
        stolen.request("POST", "/auth/password").bearer(&user.access).json(&body).send().status
    };
    assert_eq!((0..6).map(|_| guess()).collect::<Vec<_>>(), [422, 422, 422, 422, 422, 429]);
    let close = user.request("DELETE", "/auth/me").json(&json!({"password": "a guess"})).send();
    assert_eq!(close.problem(429), "rate_limited", "the same guesses by another route");
    let owner = login(&Client::new(), &user.email, &user.password).expect(200);
    let body = json!({"current_password": user.password, "new_password": "a brand new password"});
    let set =
        Client::new().request("POST", "/auth/password").bearer(owner["access_token"].as_str().unwrap()).json(&body);
    assert_eq!(set.send().status, 204);
    assert_eq!(user.get("/auth/me").status, 401, "and the stolen session is over");
}

#[test]
fn must_hold_09_tokens_cannot_be_tried_for_ever() {
    let client = Client::new();
    let statuses: Vec<_> =
        (0..31).map(|n| client.post("/auth/email/verify", &json!({"token": format!("guess-{n}")})).status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 30, "{statuses:?}");
    let body = json!({"token": "guess", "new_password": "a brand new password"});
    assert_eq!(client.post("/auth/password/reset", &body).problem(429), "rate_limited");
}

#[test]
fn must_hold_17_a_user_disabled_between_two_requests_can_prove_and_reset_nothing() {
    let user = User::register();
    let link = mail::token(&mail::next(&user.email, "Confirm your address", 0));
    assert_eq!(forgot(&Client::new(), &user.email).status, 202);
    let reset = mail::token(&mail::next(&user.email, "Set a new password", 0));
    database::run(&format!("UPDATE users SET is_active = false WHERE id = '{}'", user.id));
    assert_eq!(Client::new().post("/auth/email/verify", &json!({"token": link})).status, 422);
    let body = json!({"token": reset, "new_password": "a brand new password"});
    assert_eq!(Client::new().post("/auth/password/reset", &body).status, 422);
    for (method, path) in [("GET", "/auth/sessions"), ("PATCH", "/auth/me"), ("POST", "/auth/email/resend")] {
        assert_eq!(user.request(method, path).json(&json!({})).send().status, 401, "{method} {path}");
    }
    assert_eq!(Socket::open(&format!("token={}", user.access)).err(), Some(401));
}
