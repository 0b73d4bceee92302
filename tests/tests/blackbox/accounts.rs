//! What users do with their accounts: change them, prove them, get back in, and leave.

use crate::support::{
    at_once, aws, database, eventually,
    http::{Answer, Client},
    mail, setting,
    socket::{Socket, ticket},
    user::{User, email, text, today},
};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

fn login(email: &str, password: &str) -> Answer {
    Client::new().post("/auth/login", &json!({"email": email, "password": password}))
}

fn me(access: &Value) -> u16 {
    Client::new().request("GET", "/auth/me").bearer(access.as_str().unwrap()).send().status
}

fn change(user: &User, body: &Value) -> Answer {
    user.request("PATCH", "/auth/me").json(body).send()
}

fn verify(token: &str) -> Answer {
    Client::new().post("/auth/email/verify", &json!({"token": token}))
}

fn reset(token: &str, password: &str) -> Answer {
    Client::new().post("/auth/password/reset", &json!({"token": token, "new_password": password}))
}

fn invalid(answer: &Answer) {
    let problem = answer.expect(422);
    assert_eq!(
        (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (&json!("/token"), &json!("invalid_token"))
    );
}

fn audit(user: &User) -> Vec<String> {
    database::column(&format!("SELECT action FROM audit_log WHERE actor_id = '{}' ORDER BY id", user.id))
}

#[test]
fn must_hold_09_the_link_that_registering_mails_proves_the_address_once() {
    let user = User::register();
    assert_eq!(user.get("/auth/me").expect(200)["is_verified"], false);
    let link = mail::token(&mail::next(&user.email, "Confirm your address", 0));
    assert_eq!(me(&json!(link)), 401, "it is no access token");
    assert_eq!(Socket::open(&format!("ticket={link}")).err(), Some(401), "nor a ticket");
    invalid(&reset(&link, "another long password"));
    for other in [&user.access, &user.refresh, &ticket(&user)] {
        assert_eq!(verify(other).status, 422, "nor does another kind of token prove an address");
    }
    assert_eq!(verify(&link).status, 204);
    assert_eq!(user.get("/auth/me").expect(200)["is_verified"], true);
    invalid(&verify(&link));
    user.request("POST", "/auth/email/resend").send().expect(202);
    assert_eq!(audit(&user), ["auth.register", "auth.email_verified"]);
}

#[test]
fn must_hold_09_a_forgotten_password_is_set_by_the_link_that_is_mailed() {
    let user = User::register();
    let elsewhere = login(&user.email, &user.password).expect(200);
    let (mut socket, _) = Socket::of(&user);
    let forgot =
        Client::new().request("POST", "/auth/password/forgot").json(&json!({"email": user.email.to_uppercase()}));
    // What a request says of its host must not reach a mail.
    let forgot = forgot.header("x-forwarded-host", "evil.example").header("forwarded", "host=evil.example");
    assert_eq!(forgot.header("origin", "https://evil.example").send().status, 202);
    let sent = mail::next(&user.email, "Set a new password", 0);
    assert!(mail::link(&sent).starts_with("http://localhost:3000/reset-password?token="), "{sent}");
    let link = mail::token(&sent);
    assert_eq!(me(&json!(link)), 401, "it is no access token");
    invalid(&verify(&link));

    assert_eq!(reset(&link, "short").expect(422)["errors"][0]["code"], "too_short");
    assert_eq!(reset(&link, "a brand new password").status, 204, "a refused one used nothing up");
    invalid(&reset(&link, "a second new password"));
    // Every session is over, with its access tokens and sockets.
    assert_eq!(user.get("/auth/me").problem(401), "session_ended");
    assert_eq!(me(&elsewhere["access_token"]), 401);
    assert!(socket.ends_within(10), "must hold 6: sockets end, too");
    let refreshed = Client::new().post("/auth/refresh", &json!({"refresh_token": user.refresh}));
    assert_eq!(refreshed.status, 401);
    assert_eq!(login(&user.email, &user.password).status, 401);
    login(&user.email, "a brand new password").expect(200);
    mail::next(&user.email, "password has changed", 0);
    assert_eq!(audit(&user), ["auth.register", "auth.login", "auth.password_reset", "auth.login"]);
}

#[test]
fn must_hold_06_a_new_password_ends_the_other_sessions_and_their_sockets() {
    let user = User::register();
    let other = login(&user.email, &user.password).expect(200);
    let (mut kept, _) = Socket::of(&user);
    let mut ended = Socket::open(&format!("token={}", text(&other["access_token"]))).unwrap();
    let set = |current: &str, new: &str| {
        user.post("/auth/password", &json!({"current_password": current, "new_password": new}))
    };
    let wrong = set("not the password", "a brand new password").expect(422);
    assert_eq!(
        (&wrong["errors"][0]["pointer"], &wrong["errors"][0]["code"]),
        (&json!("/current_password"), &json!("wrong_password"))
    );
    assert_eq!(set(&user.password, "password1").expect(422)["errors"][0]["code"], "common_password");
    assert_eq!(me(&other["access_token"]), 200, "nothing was done so far");
    assert_eq!(set(&user.password, "a brand new password").status, 204);
    assert_eq!(me(&other["access_token"]), 401);
    assert!(ended.ends_within(10));
    assert_eq!(user.get("/auth/me").status, 200, "the session that asked goes on");
    assert_eq!(kept.ask(&json!({"type": "ping"}))["type"], "pong", "and its socket");
    assert_eq!(login(&user.email, &user.password).status, 401);
    login(&user.email, "a brand new password").expect(200);
    mail::next(&user.email, "password has changed", 0);
}

#[test]
fn must_hold_06_a_session_that_is_ended_from_another_is_over_at_once() {
    let (user, stranger) = (User::register(), User::register());
    let phone = Client::new().request("POST", "/auth/login").header("user-agent", "Phone/7");
    let phone = phone.json(&json!({"email": user.email, "password": user.password})).send().expect(200);
    let mut socket = Socket::open(&format!("token={}", text(&phone["access_token"]))).unwrap();
    let all = user.get("/auth/sessions").expect(200);
    let all = all["data"].as_array().unwrap();
    assert_eq!(all.len(), 2, "{all:?}");
    let of_phone = all.iter().find(|one| one["device"] == "Phone/7").expect("it says what it is");
    assert_eq!((&of_phone["current"], all.iter().filter(|one| one["current"] == true).count()), (&json!(false), 1));
    let path = format!("/auth/sessions/{}", text(&of_phone["id"]));
    assert_eq!(stranger.request("DELETE", &path).send().problem(404), "not_found");
    assert_eq!(me(&phone["access_token"]), 200);
    assert_eq!(user.request("DELETE", &path).send().status, 204);
    assert_eq!(me(&phone["access_token"]), 401);
    assert!(socket.ends_within(10));
    assert_eq!(user.request("DELETE", &path).send().problem(404), "not_found");
    assert_eq!(user.get("/auth/me").status, 200);
}

#[test]
fn an_address_changes_when_the_link_sent_to_the_new_one_is_followed() {
    let (user, other, new) = (User::register(), User::register(), email());
    let ask = |email: &str, password: &str| change(&user, &json!({"email": email, "current_password": password}));
    assert_eq!(change(&user, &json!({"email": new})).expect(422)["errors"][0]["code"], "required");
    assert_eq!(ask(&new, "not the password").expect(422)["errors"][0]["code"], "wrong_password");
    assert_eq!(ask(&other.email.to_uppercase(), &user.password).problem(409), "email_taken");
    let pending = ask(&new, &user.password).expect(200);
    assert_eq!((&pending["email"], &pending["pending_email"]), (&json!(user.email), &json!(new)));
    mail::next(&user.email, "about to change", 0);
    let link = mail::token(&mail::next(&new, "Confirm your new address", 0));
    assert_eq!(login(&new, &user.password).status, 401, "not before it is followed");
    assert_eq!(verify(&link).status, 204);
    let profile = user.get("/auth/me").expect(200);
    assert_eq!(
        (&profile["email"], &profile["pending_email"], &profile["is_verified"]),
        (&json!(new), &Value::Null, &json!(true))
    );
    login(&new, &user.password).expect(200);
    assert_eq!(login(&user.email, &user.password).status, 401);
    mail::next(&user.email, "has changed", 0);
    let actions = audit(&user);
    assert!(
        actions.contains(&"auth.email_change_begun".into()) && actions.contains(&"auth.email_changed".into()),
        "{actions:?}"
    );
}

#[test]
fn a_change_of_address_is_mailed_again_and_given_up() {
    let (user, new) = (User::register(), email());
    let ask = |email: &str| change(&user, &json!({"email": email, "current_password": user.password})).expect(200);
    ask(&new);
    user.request("POST", "/auth/email/resend").send().expect(202);
    mail::next(&new, "Confirm your new address", 1);
    assert_eq!(ask(&user.email.to_uppercase())["pending_email"], Value::Null, "the present address gives it up");
    let link = mail::token(&mail::next(&new, "Confirm your new address", 0));
    invalid(&verify(&link));
    assert!(audit(&user).contains(&"auth.email_change_given_up".into()));
}

#[test]
fn must_hold_13_an_address_that_two_accounts_change_to_becomes_ones() {
    let (users, new) = ([User::register(), User::register()], email());
    let links = users.each_ref().map(|user| {
        change(user, &json!({"email": new, "current_password": user.password})).expect(200);
    });
    assert_eq!(links.len(), 2);
    let tokens = [0, 1].map(|n| mail::token(&mail::next(&new, "Confirm your new address", n)));
    let mut statuses: Vec<_> = at_once(2, |n| verify(&tokens[n])).iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
    assert_eq!(database::one::<i64>(&format!("SELECT count(*) FROM users WHERE lower(email) = '{new}'")), 1);
}

#[test]
fn a_profile_is_changed_field_by_field_and_not_behind_anybodys_back() {
    let user = User::register();
    let first = user.get("/auth/me");
    let etag = first.header("etag").expect("a profile has an ETag").to_owned();
    let body = json!({"full_name": "Ada", "phone": "+43 1 234", "wallet_addresses": ["0xada", "bc1q"],
                      "preferences": {"timezone": "Pacific/Kiritimati", "currency": "EUR", "notifications": {"anomalies": false}}});
    let matching = |etag: &str| user.request("PATCH", "/auth/me").header("if-match", etag).json(&body).send();
    let changed = matching(&etag);
    let profile = changed.expect(200);
    assert_eq!(
        (&profile["full_name"], &profile["currency"], &profile["wallet_addresses"]),
        (&json!("Ada"), &json!("EUR"), &json!(["0xada", "bc1q"]))
    );
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
    assert_eq!(matching(&etag).problem(412), "stale");
    let last = change(&user, &json!({"phone": null, "preferences": {"theme": "dark"}})).expect(200);
    assert_eq!((&last["phone"], &last["full_name"]), (&Value::Null, &json!("Ada")));
    let kept = json!({"currency": "EUR", "timezone": "Pacific/Kiritimati", "theme": "dark",
                      "notifications": {"budget_alerts": true, "anomalies": false, "reminders": true, "budget_mails": false, "weekly_summary": false, "monthly_report": false}});
    assert_eq!(last["preferences"], kept, "choices merge key by key");
    assert_eq!(user.get("/auth/me").expect(200), last);
    // What Postgres would take for a zone an hour west, its own, an abbreviation, and nothing at all.
    for zone in ["Europe/Berln1", "localtime", "PST8PDT2", "europe/berlin", "Nowhere/Else", "", "UTC+3"] {
        let refused = change(&user, &json!({"preferences": {"timezone": zone}})).expect(422);
        assert_eq!(refused["errors"][0]["code"], "unknown_timezone", "{zone}");
    }
    assert_eq!(user.spend("5.00", "Groceries", "EUR")["currency"], "EUR", "and the user goes on working");
}

#[test]
fn must_hold_51_deleting_an_account_erases_it() {
    let user = User::register();
    let elsewhere = login(&user.email, &user.password).expect(200);
    let (mut socket, _) = Socket::of(&user);
    user.spend("12.00", "Groceries", "EUR");
    user.import("/transactions/import", &format!("Date,Description,Amount\n{},Corner shop,-5.00\n", today()));
    let unused = ticket(&user);
    let close = |password: &str| user.request("DELETE", "/auth/me").json(&json!({"password": password})).send();
    assert_eq!(close("not the password").expect(422)["errors"][0]["code"], "wrong_password");
    assert_eq!(user.get("/transactions").status, 200);
    assert_eq!(close(&user.password).status, 204);
    // At once: nobody, from anywhere.
    assert_eq!(user.get("/auth/me").problem(401), "session_ended");
    assert_eq!(me(&elsewhere["access_token"]), 401);
    assert_eq!(Client::new().post("/auth/refresh", &json!({"refresh_token": user.refresh})).status, 401);
    assert_eq!(Socket::open(&format!("ticket={unused}")).err(), Some(401));
    assert_eq!(login(&user.email, &user.password).status, 401);
    assert!(socket.ends_within(10));
    // The address is free, and the new account is another.
    let again = json!({"email": user.email, "password": "a long password", "full_name": "Another"});
    let again = Client::new().post("/auth/register", &again).expect(201);
    let page = Client::new().request("GET", "/transactions").bearer(&text(&again["access_token"])).send().expect(200);
    assert_eq!(page["total"], 0);
    // The rest goes by a task, and with it the files.
    let left = format!("SELECT count(*) FROM transactions WHERE user_id = '{}'", user.id);
    eventually("the end of the transactions", 80, || (database::one::<i64>(&left) == 0).then_some(()));
    let files = || {
        let list = format!("/{}?list-type=2&prefix=imports/{}/", setting("UPLOADS_BUCKET"), user.id);
        Client::new().to(&setting("AWS_ENDPOINT_URL"), "GET", &list).send().text
    };
    eventually("the end of the files", 80, || (!files().contains("<Contents>")).then_some(()));
    // A quarter of an hour later somebody looks again.
    let later = "UPDATE erasures SET closed_at = closed_at - interval '20 minutes'";
    database::run(&format!("{later} WHERE user_id = '{}'", user.id));
    aws::send("LOW_QUEUE_URL", &json!({"v": 1, "kind": "erase", "user_id": user.id}).to_string());
    let left = format!("SELECT count(*) FROM users WHERE id = '{}'", user.id);
    eventually("the end of the account", 80, || (database::one::<i64>(&left) == 0).then_some(()));
    let named = format!("SELECT count(*) FROM audit_log a WHERE a::text LIKE '%{}%'", user.id);
    assert_eq!(database::one::<i64>(&named), 0, "the log names nobody");
}

#[test]
fn an_old_cheap_hash_is_made_anew_when_its_owner_logs_in() {
    let user = User::register();
    // Of "correct horse battery", at cost 4.
    let old = "$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS";
    database::run(&format!("UPDATE users SET hashed_password = '{old}' WHERE id = '{}'", user.id));
    let hash = || database::one::<String>(&format!("SELECT hashed_password FROM users WHERE id = '{}'", user.id));
    assert_eq!(login(&user.email, "not the password").status, 401);
    assert_eq!(hash(), old);
    login(&user.email, "correct horse battery").expect(200);
    let new = hash();
    assert!(new.starts_with("$2b$12$"), "{new}");
    login(&user.email, "correct horse battery").expect(200);
    assert_eq!(hash(), new, "once is enough");
}

/// A hash that costs little is made anew, which takes long enough for another password to be set meanwhile.
#[test]
fn must_hold_06_a_login_that_another_password_overtakes_is_refused() {
    let user = User::register();
    // Both of "correct horse battery", at cost 4.
    let hashes = [
        "$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS",
        "$2b$04$bcdefghijklmnopqrstuvutZAOVuTvQ/ju3/Hd50SN49elWV2azjy",
    ];
    let set = |hash: &str| {
        database::run(&format!("UPDATE users SET hashed_password = '{hash}' WHERE id = '{}'", user.id));
    };
    set(hashes[0]);
    login(&user.email, "correct horse battery").expect(200);
    set(hashes[0]);
    let over = AtomicBool::new(false);
    let statuses = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for hash in hashes {
                    set(hash);
                }
            }
        });
        let mut statuses = Vec::new();
        while statuses.len() < 20 && !statuses.contains(&401) {
            statuses.push(login(&user.email, "correct horse battery").status);
        }
        over.store(true, Ordering::Relaxed);
        statuses
    });
    assert!(statuses.contains(&401) && statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
}

#[test]
fn a_password_counts_to_the_letter_spaces_and_all() {
    let (address, client) = (email(), Client::new());
    let body = json!({"email": address, "password": "  with spaces  ", "full_name": "Test User"});
    client.post("/auth/register", &body).expect(201);
    login(&address, "  with spaces  ").expect(200);
    assert_eq!(login(&address, "with spaces").status, 401);
}
