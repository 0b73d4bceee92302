//! Accounts and sessions.

use crate::support::{
    at_once, database,
    http::{Answer, Client},
    socket::Socket,
    token::claims,
    user::{User, email, text},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn refresh(token: &str) -> Answer {
    Client::new().post("/auth/refresh", &json!({"refresh_token": token}))
}

fn login(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/auth/login", &json!({"email": email, "password": password}))
}

fn me(access: &Value) -> u16 {
    Client::new().request("GET", "/auth/me").bearer(access.as_str().unwrap()).send().status
}

/// Moves a user's last rotation into the past: nobody can wait for the clock.
fn rotated_earlier(user: &User, seconds: u32) {
    let sql =
        format!("UPDATE sessions SET rotated_at = rotated_at - interval '{seconds} s' WHERE user_id = '{}'", user.id);
    assert!(database::run(&sql) > 0);
}

#[test]
fn must_hold_03_refresh_works_once_and_its_reuse_ends_the_session() {
    let user = User::register();
    let elsewhere = login(&Client::new(), &user.email, &user.password).expect(200);
    let next = refresh(&user.refresh).expect(200);
    assert_ne!(next["refresh_token"], user.refresh);
    assert_eq!(me(&next["access_token"]), 200);

    rotated_earlier(&user, 11);
    assert_eq!(refresh(&user.refresh).problem(401), "invalid_refresh_token");
    assert_eq!(
        refresh(next["refresh_token"].as_str().unwrap()).status,
        401,
        "whoever holds the successor may be the thief"
    );
    assert_eq!(me(&next["access_token"]), 401, "its access tokens end with the session");
    assert_eq!(me(&elsewhere["access_token"]), 200, "the user's other session is another family");
}

#[test]
fn must_hold_03_a_token_two_generations_old_ends_the_session_at_once() {
    let user = User::register();
    let second = refresh(&user.refresh).expect(200);
    let third = refresh(second["refresh_token"].as_str().unwrap()).expect(200);
    assert_eq!(refresh(&user.refresh).status, 401, "no lost answer explains this one, however recent");
    assert_eq!(me(&third["access_token"]), 401);
    assert_eq!(refresh(third["refresh_token"].as_str().unwrap()).status, 401);
}

#[test]
fn must_hold_04_sixteen_refreshes_at_once_give_one_successor_and_log_nobody_out() {
    let user = User::register();
    let answers = at_once(16, |_| refresh(&user.refresh));
    let tokens: Vec<_> = answers.iter().map(|answer| text(&answer.expect(200)["refresh_token"])).collect();
    // But for the signature: while keys are changed, two functions may sign with different ones.
    let ids: Vec<_> = tokens.iter().map(|token| claims(token)["jti"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "all get the same successor");
    for answer in &answers {
        assert_eq!(me(&answer.json()["access_token"]), 200);
    }
    let next = refresh(&tokens[0]).expect(200);
    assert_eq!(me(&next["access_token"]), 200);
    assert_eq!(database::one::<i64>(&format!("SELECT count(*) FROM sessions WHERE user_id = '{}'", user.id)), 1);
}

#[test]
fn must_hold_04_a_lost_answer_may_be_asked_for_again_within_ten_seconds() {
    let user = User::register();
    let lost = refresh(&user.refresh).expect(200);
    rotated_earlier(&user, 6);
    let again = refresh(&user.refresh).expect(200);
    assert_eq!(
        claims(again["refresh_token"].as_str().unwrap())["jti"],
        claims(lost["refresh_token"].as_str().unwrap())["jti"]
    );
    assert_eq!(refresh(again["refresh_token"].as_str().unwrap()).status, 200);
}

#[test]
fn must_hold_05_a_session_ends_after_thirty_days_however_often_it_is_refreshed() {
    let user = User::register();
    let end = claims(&user.refresh)["exp"].as_i64().unwrap();
    let thirty_days = 30 * 24 * 3600;
    assert!((end - claims(&user.refresh)["iat"].as_i64().unwrap() - thirty_days).abs() <= 1);
    std::thread::sleep(Duration::from_millis(1100));
    let next = refresh(&user.refresh).expect(200);
    assert_eq!(claims(next["refresh_token"].as_str().unwrap())["exp"], end, "refreshing does not move the end");

    let past = "created_at = now() - interval '31 days', expires_at = now() - interval '1 s'";
    database::run(&format!("UPDATE sessions SET {past} WHERE user_id = '{}'", user.id));
    assert_eq!(me(&next["access_token"]), 401);
    assert_eq!(refresh(next["refresh_token"].as_str().unwrap()).status, 401);
}

#[test]
fn must_hold_05_no_access_token_outlives_its_session() {
    let user = User::register();
    let soon = format!("UPDATE sessions SET expires_at = now() + interval '90 s' WHERE user_id = '{}'", user.id);
    database::run(&soon);
    let next = refresh(&user.refresh).expect(200);
    assert!(next["expires_in"].as_i64().unwrap() <= 90, "{}", next["expires_in"]);
}

#[test]
fn must_hold_06_logout_ends_access_tokens_and_sockets_at_once() {
    let user = User::register();
    let other = login(&Client::new(), &user.email, &user.password).expect(200);
    let (mut socket, _) = Socket::of(&user);
    let answer = user.request("POST", "/auth/logout").send();
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(user.get("/auth/me").problem(401), "session_ended");
    assert_eq!(user.get("/transactions").status, 401);
    assert_eq!(refresh(&user.refresh).status, 401);
    assert_eq!(Socket::open(&format!("token={}", user.access)).err(), Some(401));
    assert!(socket.ends_within(10), "the session's socket is closed");
    assert_eq!(me(&other["access_token"]), 200, "another session goes on");

    let all =
        Client::new().request("POST", "/auth/logout?all=true").bearer(other["access_token"].as_str().unwrap()).send();
    assert_eq!(all.status, 204);
    assert_eq!(me(&other["access_token"]), 401);
}

#[test]
fn must_hold_07_passwords_over_71_bytes_are_refused_never_cut() {
    let client = Client::new();
    let register = |password: &str| {
        let email = email();
        let answer =
            client.post("/auth/register", &json!({"email": email, "password": password, "full_name": "Test User"}));
        (email, answer)
    };
    let code = |answer: &Answer| answer.expect(422)["errors"][0]["code"].clone();
    let base = uuid::Uuid::now_v7().simple().to_string();
    let longest: String = base.chars().cycle().take(71).collect();
    let (email, answer) = register(&longest);
    answer.expect(201);
    assert_eq!(login(&client, &email, &longest).status, 200);
    assert_eq!(login(&client, &email, &longest[..70]).status, 401);
    assert_eq!(
        login(&client, &email, &format!("{longest}x")).status,
        401,
        "what is too long is another password, not a cut one"
    );
    assert_eq!(code(&register(&format!("{longest}x")).1), "too_long");
    assert_eq!(code(&register(&"é".repeat(36)).1), "too_long", "bytes count, not characters");
    assert_eq!(register(&longest[..64]).1.status, 201);
    assert_eq!(code(&register("1234567").1), "too_short");
    assert_eq!(code(&register("password1").1), "common_password");
}

#[test]
fn must_hold_08_login_reveals_no_account_by_body_status_or_time() {
    let user = User::register();
    // Each try from an address of its own, so that no limit is met.
    let tried = |email: &str| {
        let (client, start) = (Client::new(), Instant::now());
        (login(&client, email, "not the password"), start.elapsed())
    };
    let (mut known_time, mut unknown_time) = (Duration::MAX, Duration::MAX);
    for _ in 0..4 {
        let (known, time) = tried(&user.email);
        known_time = known_time.min(time);
        let (unknown, time) = tried(&email());
        unknown_time = unknown_time.min(time);
        let without_id = |answer: &Answer| {
            let mut body = answer.expect(401);
            body["request_id"].take();
            body
        };
        assert_eq!(without_id(&known), without_id(&unknown));
        let names = |answer: &Answer| answer.headers.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&known), names(&unknown));
    }
    assert!(
        unknown_time * 2 > known_time && known_time * 2 > unknown_time,
        "known {known_time:?}, unknown {unknown_time:?}"
    );
}

#[test]
fn must_hold_10_of_a_hundred_wrong_logins_at_once_five_are_checked() {
    let user = User::register();
    let client = Client::new();
    // Twenty-five at any moment: a hundred would start a hundred processes on this machine, and none would be in time.
    let answers = at_once(25, |_| [(); 4].map(|()| login(&client, &user.email, "not the password"))).concat();
    let with = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with(401), with(429)), (5, 95), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let refused = login(&client, &user.email, &user.password);
    assert_eq!(refused.problem(429), "rate_limited", "the right one is not checked any more either");
    assert!((1..=900).contains(&refused.header("retry-after").unwrap().parse::<u32>().unwrap()));
    assert_eq!(login(&Client::new(), &user.email, &user.password).status, 200, "a stranger's failures lock nobody out");
}

#[test]
fn must_hold_10_failures_of_one_address_count_over_all_accounts() {
    let client = Client::new();
    let statuses: Vec<_> = (0..6).map(|_| login(&client, &email(), "not the password").status).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
}

#[test]
fn must_hold_10_right_logins_take_no_place() {
    let user = User::register();
    let client = Client::new();
    for _ in 0..7 {
        assert_eq!(login(&client, &user.email, &user.password).status, 200);
    }
}

#[test]
fn must_hold_11_a_forged_forwarding_header_changes_no_limit() {
    let client = Client::new();
    let statuses: Vec<_> = (0..6)
        .map(|n| {
            let body = json!({"email": email(), "password": "not the password"});
            let request = client.request("POST", "/auth/login").json(&body);
            request
                .header("x-forwarded-for", &format!("203.0.113.{n}"))
                .header("forwarded", &format!("for=203.0.113.{n}"))
                .send()
                .status
        })
        .collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
}

#[test]
fn must_hold_13_one_address_in_two_spellings_makes_one_account() {
    let address = email();
    let (lower, upper) = (address.clone(), address.to_uppercase());
    let answers = at_once(2, |n| {
        let email = if n == 0 { &lower } else { &upper };
        Client::new().post(
            "/auth/register",
            &json!({"email": email, "password": "a password for two", "full_name": "Test User"}),
        )
    });
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{answers:?}");
    assert_eq!(login(&Client::new(), &lower, "a password for two").status, 200);
    assert_eq!(login(&Client::new(), &upper, "a password for two").status, 200);
    let count = format!("SELECT count(*) FROM users WHERE lower(email) = '{lower}'");
    assert_eq!(database::one::<i64>(&count), 1);
}

#[test]
fn must_hold_08_asking_for_taken_addresses_is_limited() {
    let user = User::register();
    let client = Client::new();
    let body = json!({"email": user.email, "password": "another password", "full_name": "Test User"});
    let statuses: Vec<_> =
        (0..25).map(|_| client.post("/auth/register", &body).status).take_while(|status| *status != 429).collect();
    assert!(statuses.len() < 25, "registering from one address is never limited");
    assert!(statuses.iter().all(|status| *status == 409), "{statuses:?}");
}

#[test]
fn must_hold_17_a_disabled_user_is_out_at_once() {
    let user = User::register();
    assert_eq!(user.get("/auth/me").status, 200);
    database::run(&format!("UPDATE users SET is_active = false WHERE id = '{}'", user.id));
    assert_eq!(user.get("/auth/me").status, 401);
    assert_eq!(refresh(&user.refresh).status, 401);
    assert_eq!(login(&Client::new(), &user.email, &user.password).status, 401);
    assert_eq!(Socket::open(&format!("token={}", user.access)).err(), Some(401));
}

#[test]
fn must_hold_51_auth_actions_leave_an_audit_row() {
    let user = User::register();
    login(&Client::new(), &user.email, &user.password).expect(200);
    user.request("POST", "/auth/logout").send().expect(204);
    let actions = format!("SELECT action FROM audit_log WHERE actor_id = '{}' ORDER BY id", user.id);
    assert_eq!(database::column::<String>(&actions), ["auth.register", "auth.login", "auth.logout"]);
}

#[test]
fn a_refusal_for_too_many_tries_says_what_the_limit_is() {
    let client = Client::new();
    let refused = (0..6).fold(None, |_, _| Some(login(&client, &email(), "not the password"))).unwrap();
    assert_eq!(refused.status, 429);
    for name in ["retry-after", "ratelimit", "ratelimit-policy"] {
        assert!(refused.header(name).is_some(), "no {name} in {refused:?}");
    }
}
