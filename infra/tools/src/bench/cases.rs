//! What is asked of the functions.

use super::data::User;
use serde_json::{Value, json};

/// A kind of request.
pub struct Case {
    pub title: &'static str,
    pub handler: &'static str,
    pub method: &'static str,
    /// Below the stage.
    pub path: String,
    pub query: String,
    /// The id in the path.
    pub id: Option<String>,
    /// Whether each request stores something.
    pub writes: bool,
    /// How often it is measured.
    pub rounds: u32,
    /// Whether the project promises its time; the others are shown beside.
    pub promised: bool,
    /// Whether a long history may cost no more than twice what a short one does.
    pub first_page: bool,
}

impl Case {
    fn reading(title: &'static str, handler: &'static str, path: &str, query: String) -> Self {
        let (path, method) = (path.to_owned(), "GET");
        Self {
            title,
            handler,
            method,
            path,
            query,
            id: None,
            writes: false,
            rounds: 300,
            promised: false,
            first_page: false,
        }
    }

    /// The gateway's event for request number `n`.
    pub fn event(&self, token: &str, n: u32) -> Vec<u8> {
        let path = format!("/v1{}", self.path);
        // Amounts differ, so that no two are taken for the same purchase.
        let body = self.writes.then(|| {
            let amount = format!("{}.{:02}", n / 100 + 1, n % 100);
            json!({"amount": amount, "date": today(), "merchant_raw": "STARBUCKS STORE 1234 SEATTLE"}).to_string()
        });
        let event: Value = json!({
            "version": "2.0",
            "routeKey": format!("{} {}", self.method, self.path),
            "rawPath": path,
            "rawQueryString": self.query,
            "headers": {
                "accept": "*/*",
                "authorization": format!("Bearer {token}"),
                "content-type": "application/json",
                "host": "api.example.com",
                "user-agent": "bench",
                "x-forwarded-for": "192.0.2.1",
                "x-forwarded-port": "443",
                "x-forwarded-proto": "https",
            },
            "pathParameters": self.id.as_ref().map(|id| json!({"id": id})),
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "bench",
                "domainName": "api.example.com",
                "domainPrefix": "api",
                "http": {
                    "method": self.method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": "bench",
                },
                "requestId": "bench",
                "routeKey": format!("{} {}", self.method, self.path),
                "stage": "v1",
                "time": "01/Jan/2026:00:00:00 +0000",
                "timeEpoch": 1_767_225_600_000_i64,
            },
            "body": body,
            "isBase64Encoded": false,
        });
        event.to_string().into_bytes()
    }
}

fn today() -> String {
    shared::platform::clock::now().date().to_string()
}

/// The list of 50 that the start is measured by.
pub fn list() -> Case {
    Case {
        rounds: 1000,
        promised: true,
        first_page: true,
        ..Case::reading("list of 50", "transactions.list", "/transactions", "limit=50".into())
    }
}

/// All of them.
pub fn all(user: &User) -> Vec<Case> {
    let category = user.category.replace('&', "%26").replace(' ', "%20");
    let lists = [
        ("  of a category", format!("category={category}")),
        ("  from offset 50,000", "offset=50000".into()),
        ("  of narrow amounts", "min_amount=19.50&max_amount=20.50".into()),
        ("  with words", "q=amazon".into()),
    ];
    let mut cases = vec![list()];
    cases.extend(lists.map(|(title, query)| Case::reading(title, "transactions.list", "/transactions", query)));
    let id = user.transaction_id.to_string();
    let one = Case::reading("one transaction", "transactions.get", &format!("/transactions/{id}"), String::new());
    cases.push(Case { id: Some(id), ..one });
    cases.push(Case::reading("budgets", "budgets.list", "/budgets", String::new()));
    cases.push(Case::reading("merchant search", "merchants.search", "/merchants/search", "q=star".into()));
    let create = Case::reading("create", "transactions.create", "/transactions", String::new());
    cases.push(Case { method: "POST", writes: true, ..create });
    cases
}
