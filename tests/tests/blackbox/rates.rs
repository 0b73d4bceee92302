//! How often a caller may ask, and what the answers say of it.

use crate::support::{at_once, aws, http::Answer, setting, user::User};
use serde_json::{Value, json};
use shared::platform::{
    clock,
    rates::{Class, Place, Tier},
};
use std::{thread, time::Duration};

/// The policy's name, what is allowed in a minute, what is left, and the seconds until all is there again.
fn standing(answer: &Answer) -> (String, i64, i64, i64) {
    let policy = answer.header("ratelimit-policy").unwrap_or_else(|| panic!("no policy: {answer:?}"));
    let (name, most) = policy.split_once(";q=").unwrap();
    assert!(most.ends_with(";w=60"), "{policy}");
    let limit = answer.header("ratelimit").unwrap_or_else(|| panic!("no standing: {answer:?}"));
    let (same, left) = limit.split_once(";r=").unwrap();
    assert_eq!(same, name);
    let (left, seconds) = left.split_once(";t=").unwrap();
    let number = |text: &str| text.parse().unwrap();
    (name.trim_matches('"').to_owned(), number(most.trim_end_matches(";w=60")), number(left), number(seconds))
}

/// Waits until the caller's minute has time enough left for a test.
fn with_time(seconds: i64, ask: impl Fn() -> Answer) -> (i64, i64) {
    loop {
        let (_, most, left, resets) = standing(&ask());
        if resets > seconds {
            return (most, left);
        }
        thread::sleep(Duration::from_secs(resets.try_into().unwrap()));
    }
}

#[test]
fn every_authenticated_answer_says_where_its_caller_stands() {
    let user = User::register();
    let (most, before) = with_time(10, || user.get("/auth/me"));
    assert_eq!(most, 600);
    let reads = [
        user.get("/budgets"),
        user.get("/portfolio/summary?x=1"),
        user.get("/transactions/0199a6b2-0000-7000-8000-000000000000"),
        user.get("/admin/service-tokens"),
    ];
    assert_eq!(reads.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 422, 404, 403]);
    for (n, answer) in (1..).zip(&reads) {
        assert_eq!(standing(answer).0, "read");
        assert_eq!(standing(answer).2, before - n);
    }
    let written = user.post("/budgets", &json!({}));
    let (name, most, left, _) = standing(&written);
    assert_eq!((name.as_str(), most, left), ("write", 600, 599), "writes are counted apart");
    let (name, most, left, _) = standing(&user.get("/transactions/export"));
    assert_eq!((name.as_str(), most, left), ("heavy", 30, 29));
    let anybody = [
        user.client.get("/auth/me"),
        user.client.get("/docs"),
        user.client.request("GET", "/auth/me").bearer("x").send(),
    ];
    for answer in anybody {
        assert!(answer.header("ratelimit").is_none(), "{answer:?}");
    }
}

#[test]
fn beyond_the_limit_is_429_until_the_minute_is_over() {
    let user = User::register();
    with_time(20, || user.get("/transactions/export"));
    let export = || user.get("/transactions/export");
    let mut last = export();
    while last.status == 200 {
        assert!(standing(&last).2 < 30);
        last = export();
    }
    assert_eq!(last.problem(429), "rate_limited");
    let (name, most, left, resets) = standing(&last);
    assert_eq!((name.as_str(), most, left), ("heavy", 30, 0));
    assert_eq!(last.header("retry-after"), Some(resets.to_string().as_str()));
    let csv = "Date,Description,Amount\n2026-01-05,Shop,-1.00\n";
    let import = user.request("POST", "/transactions/import").body("text/csv", csv).send();
    assert_eq!(import.status, 429, "one class is one count, whatever the route");
    assert_eq!(user.get("/transactions/imports").expect(200)["total"], 0, "and nothing was done");
    assert_eq!(user.get("/transactions").status, 200, "reading goes on");
    thread::sleep(Duration::from_secs(u64::try_from(resets).unwrap()));
    assert_eq!(export().status, 200);
}

/// Sets the user's count of reads in the minute that runs, or in the next if less than so many seconds are left of it.
fn set_count(user: &User, least: i64, n: u32) {
    let place = Place::of(user.id.to_string(), Class::Read, Tier::Default);
    loop {
        let window = place.window(clock::epoch());
        if window.left_s > least {
            let set = json!({
                "TableName": setting("LIMITS_TABLE"), "Key": {"pk": {"S": window.key}},
                "UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": n.to_string()}},
            });
            aws::call("dynamodb", "UpdateItem", &set);
            return;
        }
        thread::sleep(Duration::from_secs(window.left_s.try_into().unwrap()));
    }
}

#[test]
fn of_sixteen_at_once_exactly_those_get_through_that_are_allowed() {
    let user = User::register();
    let mut rounds = 0;
    while rounds < 100 {
        // Nobody has asked in this minute, so that each process asks the table first, and from then on every time.
        set_count(&user, 15, 595);
        loop {
            let answers = at_once(16, |_| user.get("/auth/me"));
            let with = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
            assert_eq!((with(200), with(429)), (5, 11), "{answers:?}");
            rounds += 1;
            if rounds == 100 || answers.iter().any(|answer| standing(answer).3 < 6) {
                break;
            }
            set_count(&user, 0, 595);
        }
    }
}

#[test]
fn few_requests_are_told_together_and_all_of_them_count() {
    let user = User::register();
    with_time(30, || user.get("/auth/me"));
    let mut last = 600;
    for _ in 0..40 {
        let (_, _, left, _) = standing(&user.get("/auth/me"));
        // What another process keeps back is not known here: the number may be too high by seven.
        assert!(left <= last + 7, "{left} after {last}");
        last = left;
    }
    // The table knows of all but seven of each process.
    let place = Place::of(user.id.to_string(), Class::Read, Tier::Default);
    let key = place.window(clock::epoch()).key;
    let items = aws::items("LIMITS_TABLE");
    let item = items.iter().find(|item| item["pk"]["S"] == key.as_str()).expect("it was counted");
    let told: u32 = item["n"]["N"].as_str().unwrap().parse().unwrap();
    assert!((20..=41).contains(&told), "{told}");
}

#[test]
fn another_tier_counts_from_the_next_access_token_on() {
    let mut user = User::register();
    let most = |user: &User| standing(&user.get("/auth/me")).1;
    user.set_tier("plus");
    assert_eq!(most(&user), 600);
    user.renew();
    assert_eq!(most(&user), 2400);
    user.set_tier("internal");
    let login = user.client.post("/auth/login", &json!({"email": user.email, "password": user.password})).expect(200);
    user.access = login["access_token"].as_str().unwrap().to_owned();
    assert_eq!(most(&user), 30_000);
    user.set_tier("a tier that is no more");
    user.renew();
    assert_eq!(most(&user), 600);
}

#[test]
fn must_hold_12_a_token_of_a_session_that_ended_uses_up_nothing_of_its_users() {
    let mut user = User::register();
    let login =
        || user.client.post("/auth/login", &json!({"email": user.email, "password": user.password})).expect(200);
    let ended = std::mem::replace(&mut user.access, login()["access_token"].as_str().unwrap().to_owned());
    user.client.request("POST", "/auth/logout").bearer(&ended).send().expect(204);
    let (_, before) = with_time(10, || user.get("/auth/me"));
    for _ in 0..20 {
        let answer = user.client.request("GET", "/auth/me").bearer(&ended).send();
        assert_eq!(answer.problem(401), "session_ended");
        assert_eq!(answer.header("ratelimit"), None);
    }
    assert_eq!(standing(&user.get("/auth/me")).2, before - 1);
}

#[test]
fn programs_are_counted_by_their_token() {
    let admin = User::register_admin();
    let make = || -> Value {
        admin.post("/admin/service-tokens", &json!({"name": "rates", "scopes": ["corrections:read"]})).expect(201)
    };
    let ask = |token: &Value| {
        admin.client.request("GET", "/ingest/corrections").bearer(token["token"].as_str().unwrap()).send()
    };
    let (one, two) = (make(), make());
    let (most, left) = with_time(10, || ask(&one));
    assert_eq!(most, 600);
    assert_eq!(standing(&ask(&one)).2, left - 1);
    assert_eq!(standing(&ask(&two)).2, 599);
}
