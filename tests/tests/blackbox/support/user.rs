//! A user of the running system.

use super::http::{Answer, Client, Request};
use serde_json::{Value, json};
use uuid::Uuid;

pub struct User {
    pub client: Client,
    pub id: Uuid,
    pub email: String,
    pub password: String,
    pub access: String,
    pub refresh: String,
}

/// An address that nobody else has.
pub fn email() -> String {
    format!("t{}@example.com", Uuid::now_v7().simple())
}

impl User {
    pub fn register() -> Self {
        let (client, email, password) = (Client::new(), email(), format!("pass {}", Uuid::now_v7()));
        let body = json!({"email": email, "password": password, "full_name": "Test User"});
        let tokens = client.post("/auth/register", &body).expect(201);
        let (access, refresh) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
        let id = super::token::claims(&access)["sub"].as_str().unwrap().parse().unwrap();
        Self { client, id, email, password, access, refresh }
    }

    /// An administrator from now on.
    pub fn register_admin() -> Self {
        let user = Self::register();
        user.set_admin(true);
        user
    }

    /// One who may ask as often as a test has to.
    pub fn register_unlimited() -> Self {
        let mut user = Self::register();
        user.set_tier("internal");
        user.renew();
        user
    }

    /// Counts from the next access token on.
    pub fn set_tier(&self, tier: &str) {
        let sql = format!("UPDATE users SET tier = '{tier}' WHERE id = '{}'", self.id);
        assert_eq!(super::database::run(&sql), 1);
    }

    /// Gets the next pair of tokens.
    #[track_caller]
    pub fn renew(&mut self) {
        let tokens = self.client.post("/auth/refresh", &json!({"refresh_token": self.refresh})).expect(200);
        (self.access, self.refresh) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
    }

    pub fn set_admin(&self, admin: bool) {
        let sql = format!("UPDATE users SET is_admin = {admin} WHERE id = '{}'", self.id);
        assert_eq!(super::database::run(&sql), 1);
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        self.client.request(method, path).bearer(&self.access)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path).json(body).send()
    }

    /// Stores a transaction of today and returns it.
    #[track_caller]
    pub fn spend(&self, amount: &str, category: &str, currency: &str) -> Value {
        let body = json!({"amount": amount, "date": today(), "merchant_raw": "Corner shop", "category": category, "currency": currency});
        self.post("/transactions", &body).expect(201)
    }

    /// Sets a budget for the weeks around today and returns it.
    #[track_caller]
    pub fn budget(&self, amount: &str, category: &str, currency: &str) -> Value {
        let body = json!({"category": category, "amount": amount, "start_date": day(-10), "end_date": day(20), "currency": currency});
        let answer = self.post("/budgets", &body);
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        answer.json()
    }

    /// Sends a statement to be imported and waits for its end.
    #[track_caller]
    pub fn import(&self, path: &str, csv: &str) -> Value {
        let started = self.request("POST", path).body("text/csv", csv).send().expect(202);
        self.finished(&text(&started["id"]))
    }

    /// The import, once it has come to its end.
    pub fn finished(&self, id: &str) -> Value {
        super::eventually("the end of an import", 60, || {
            let import = self.get(&format!("/transactions/imports/{id}")).expect(200);
            (!["queued", "running"].contains(&import["status"].as_str().unwrap())).then_some(import)
        })
    }

    /// All transactions, newest first, by walking the pages.
    pub fn transactions(&self) -> Vec<Value> {
        let (mut all, mut path) = (Vec::new(), "/transactions?limit=100".to_owned());
        loop {
            let page = self.get(&path).expect(200);
            all.extend(page["data"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/transactions?limit=100&cursor={cursor}"),
                None => return all,
            }
        }
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a string")).to_owned()
}

/// The UTC date of so many days from now.
pub fn day(offset: i64) -> String {
    super::database::one::<String>(&format!("SELECT ((now() AT TIME ZONE 'UTC')::date + {offset})::text"))
}

pub fn today() -> String {
    day(0)
}
