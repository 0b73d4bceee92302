//! Every route with every kind of token that must not open it. Routes come from the endpoint tables and their requests
//! from `events/`, so that a new route cannot be left out.

use crate::subscriptions::subscribed;
use crate::support::{
    http::{Answer, Client},
    token::{claims, with_claims},
    user::{User, text, today},
};
use serde_json::{Value, json};
use shared::{
    domain::services::SCOPES,
    platform::function::{Access, Trigger},
};
use std::{collections::BTreeMap, fs};
use uuid::Uuid;

/// A route, and a request to it that would be in order with the right token.
struct Route {
    handler: &'static str,
    method: &'static str,
    path: &'static str,
    access: Access,
    asked: String,
    kind: String,
    body: String,
}

fn routes() -> Vec<Route> {
    let functions = bootstrap::FEATURES.iter().flat_map(|feature| feature.functions);
    let route = |function: &shared::platform::function::Function| {
        let Trigger::Http { method, path } = function.trigger else { return None };
        let file = format!("{}/../events/{}.json", env!("CARGO_MANIFEST_DIR"), function.handler);
        let event: Value = serde_json::from_str(&fs::read_to_string(&file).expect(&file)).unwrap();
        let part = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let query = part("rawQueryString");
        let asked = part("rawPath").trim_start_matches("/v1").to_owned();
        let asked = if query.is_empty() { asked } else { format!("{asked}?{query}") };
        let kind = event["headers"]["content-type"].as_str().unwrap_or_default().to_owned();
        Some(Route {
            handler: function.handler,
            method,
            path,
            access: function.access,
            asked,
            kind,
            body: part("body"),
        })
    };
    functions.filter_map(route).collect()
}

impl Route {
    fn ask(&self, client: &Client, asked: &str, token: Option<&str>) -> Answer {
        let request = client.request(self.method, asked).body(&self.kind, self.body.as_bytes());
        token.map_or_else(|| request.clone(), |token| request.clone().bearer(token)).send()
    }

    fn refuses(&self, what: &str, token: Option<&str>, status: u16, code: &str) {
        let answer = self.ask(&Client::new(), &self.asked, token);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{what}: {answer:?}");
    }
}

/// A service token with these scopes, and its id.
fn service_token(admin: &User, scopes: &[&str]) -> (String, String) {
    let made = admin.post("/admin/service-tokens", &json!({"name": "Matrix", "scopes": scopes})).expect(201);
    (text(&made["token"]), text(&made["id"]))
}

#[test]
fn must_hold_02_06_17_no_route_opens_to_a_token_that_is_not_its_own() {
    let (user, gone, admin) = (User::register(), User::register(), User::register_admin());
    let now = claims(&user.access)["iat"].as_i64().unwrap();
    let expired = with_claims(&user.access, &json!({"exp": now - 1}));
    assert_eq!(gone.request("POST", "/auth/logout").send().status, 204);
    let (corrections, _) = service_token(&admin, &["corrections:read"]);
    let (revoked, id) = service_token(&admin, &SCOPES);
    assert_eq!(admin.request("DELETE", &format!("/admin/service-tokens/{id}")).send().status, 204);

    let mut asked = BTreeMap::<&str, usize>::new();
    for route in routes() {
        let kind = match route.access {
            Access::Public => "public",
            Access::User | Access::Admin => {
                route.refuses("no token", None, 401, "missing_token");
                route.refuses("an expired one", Some(&expired), 401, "invalid_token");
                route.refuses("a refresh token", Some(&user.refresh), 401, "invalid_token");
                route.refuses("one of an ended session", Some(&gone.access), 401, "session_ended");
                route.refuses("a service token", Some(&corrections), 401, "invalid_token");
                if route.access == Access::Admin {
                    route.refuses("a plain user's", Some(&user.access), 403, "forbidden");
                }
                "of users"
            }
            Access::Service(scope) => {
                let rest: Vec<_> = SCOPES.into_iter().filter(|other| *other != scope).collect();
                let (others, _) = service_token(&admin, &rest);
                route.refuses("no token", None, 401, "missing_token");
                route.refuses("a user's", Some(&user.access), 401, "invalid_token");
                route.refuses("an administrator's", Some(&admin.access), 401, "invalid_token");
                route.refuses("a revoked one", Some(&revoked), 401, "invalid_token");
                route.refuses("one of all other scopes", Some(&others), 403, "missing_scope");
                "of services"
            }
        };
        *asked.entry(kind).or_default() += 1;
    }
    assert_eq!(asked.len(), 3, "{asked:?}");
}

/// Something of a user's for each collection whose members have ids.
fn belongings(owner: &User) -> BTreeMap<&'static str, String> {
    let csv = format!("Date,Description,Amount\n{},Corner shop,-5.00\n", today());
    let holding = json!({"asset_type": "stock", "identifier": "ACME", "units": "1"});
    let sessions = owner.get("/auth/sessions").expect(200);
    BTreeMap::from([
        ("/transactions/{id}", text(&owner.spend("12.00", "Groceries", "EUR")["id"])),
        ("/transactions/imports/{id}", text(&owner.import("/transactions/import", &csv)["id"])),
        ("/budgets/{id}", text(&owner.budget("10.00", "Fuel", "EUR")["id"])),
        ("/portfolio/holdings/{id}", text(&owner.post("/portfolio/holdings", &holding).expect(201)["id"])),
        ("/subscriptions/{id}", text(&subscribed(owner, &User::register_admin())["id"])),
        ("/auth/sessions/{id}", text(&sessions["data"][0]["id"])),
    ])
}

#[test]
fn must_hold_14_another_users_id_answers_like_none_on_every_route() {
    let (owner, stranger) = (User::register(), User::register());
    let (belongings, missing) = (belongings(&owner), Uuid::now_v7().to_string());
    let mut asked = 0;
    for route in routes().iter().filter(|route| route.access == Access::User && route.path.contains("{id}")) {
        let (collection, rest) = route.path.split_once("{id}").unwrap();
        let theirs = belongings.get(format!("{collection}{{id}}").as_str());
        let theirs = theirs.unwrap_or_else(|| panic!("{} asks for an id: add its kind to belongings", route.handler));
        let answer = |id: &str| {
            let answer = route.ask(&stranger.client, &format!("{collection}{id}{rest}"), Some(&stranger.access));
            let mut body = answer.json();
            body["request_id"].take();
            assert!(body["instance"].take().as_str().unwrap().contains(id), "{answer:?}");
            (answer.status, body)
        };
        assert_eq!(answer(theirs), answer(&missing), "{}", route.handler);
        assert_eq!(answer(theirs).0, 404, "{}", route.handler);
        asked += 1;
    }
    assert!(asked >= 10, "{asked}");
    assert_eq!(owner.get("/auth/me").status, 200, "nothing was done to it");
}
