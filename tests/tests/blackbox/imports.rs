//! Statements of banks: in whatever shape they come, each row once.

use crate::support::{
    at_once, aws, cents,
    database::{self, Database},
    eventually, process,
    socket::Socket,
    user::{User, text, today},
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::thread;

const IMPORT: &str = "/transactions/import";

/// Date, amount in cents, currency, merchant's text and name: of all transactions, oldest first.
fn rows(user: &User) -> Vec<(String, i64, String, String, Value)> {
    let row = |t: &Value| {
        (
            text(&t["date"]),
            cents(&t["amount"]),
            text(&t["currency"]),
            text(&t["merchant_raw"]),
            t["merchant"]["canonical_name"].clone(),
        )
    };
    let mut rows: Vec<_> = user.transactions().iter().map(row).collect();
    rows.sort_by_key(|row| row.0.clone());
    rows
}

fn short(user: &User) -> Vec<(String, i64, String)> {
    rows(user).into_iter().map(|row| (row.0, row.1, row.2)).collect()
}

fn counts(import: &Value) -> (String, i64, i64, i64) {
    let count = |name: &str| import[name].as_i64().unwrap();
    (text(&import["status"]), count("rows_imported"), count("rows_duplicate"), count("rows_failed"))
}

fn completed(imported: i64, duplicate: i64, failed: i64) -> (String, i64, i64, i64) {
    ("completed".into(), imported, duplicate, failed)
}

/// One bank's shape, and what must come of it.
#[track_caller]
fn reads(csv: &[u8], expected: &[(&str, i64, &str)]) {
    let user = User::register();
    let started = user.request("POST", IMPORT).body("application/octet-stream", csv).send().expect(202);
    let import = user.finished(&text(&started["id"]));
    let expected: Vec<_> =
        expected.iter().map(|(date, cents, currency)| ((*date).to_owned(), *cents, (*currency).to_owned())).collect();
    assert_eq!(counts(&import), completed(i64::try_from(expected.len()).unwrap(), 0, 0), "{import}");
    assert_eq!(short(&user), expected);
}

#[test]
fn one_signed_amount_with_iso_dates() {
    reads(
        b"Date,Description,Amount,Currency\n2026-01-05,NETFLIX.COM,-12.99,EUR\n2026-01-06,Salary,2500.00,EUR\n",
        &[("2026-01-05", 12_99, "EUR"), ("2026-01-06", -2500_00, "EUR")],
    );
}

#[test]
fn semicolons_decimal_commas_thousands_points_and_dotted_dates() {
    reads(
        "\u{feff}Buchungstag;Verwendungszweck;Betrag;Währung\r\n13.01.2026;Miete;-1.234,56;EUR\r\n31.01.2026;Gehalt;3.000,00;EUR\r\n".as_bytes(),
        &[("2026-01-13", 1234_56, "EUR"), ("2026-01-31", -3000_00, "EUR")],
    );
}

#[test]
fn separate_columns_for_debit_and_credit_with_a_balance() {
    reads(
        b"Date,Details,Debit,Credit,Balance\n25/01/2026,Corner shop,20.50,,979.50\n26/01/2026,Refund,,5.25,984.75\n",
        &[("2026-01-25", 20_50, "USD"), ("2026-01-26", -5_25, "USD")],
    );
}

#[test]
fn lines_before_the_header_and_an_old_encoding() {
    reads(
        b"Account;DE00 0000\nBalance;1.000,00 EUR\n\nDatum;Empf\xe4nger;Betrag (EUR)\n14.02.2026;Caf\xe9 M\xfcller;-3,20\n15.02.2026;B\xe4ckerei;-4,10\n",
        &[("2026-02-14", 3_20, "EUR"), ("2026-02-15", 4_10, "EUR")],
    );
}

#[test]
fn no_header_at_all() {
    reads(
        b"18.01.2026;\"HOFER DANKT  0527  K2\";18.01.2026;-33,87;EUR;;\n19.01.2026;\"LIDL DANKT   0391\";19.01.2026;-24,11;EUR;;\n20.01.2026;\"Gehalt\";20.01.2026;1.500,00;EUR;;\n",
        &[("2026-01-18", 33_87, "EUR"), ("2026-01-19", 24_11, "EUR"), ("2026-01-20", -1500_00, "EUR")],
    );
}

#[test]
fn merchants_are_recognised_and_give_the_category() {
    let user = User::register();
    user.import(
        IMPORT,
        "Date,Description,Amount\n2026-01-05,NETFLIX.COM 123456,-12.99\n2026-01-06,Nobody knows this one,-5.00\n",
    );
    let all = user.transactions();
    assert_eq!(
        (&all[1]["merchant"]["canonical_name"], &all[1]["category"]),
        (&json!("Netflix"), &all[1]["merchant"]["category"])
    );
    assert_eq!((&all[0]["merchant"], &all[0]["category"]), (&Value::Null, &json!("Uncategorized")));
    assert!(all.iter().all(|row| row["source"] == "csv" && row["import_id"].is_string()), "{all:?}");
}

#[test]
fn a_second_import_of_the_same_file_adds_nothing_and_equal_rows_of_one_file_are_two() {
    let user = User::register();
    let csv = "Date,Description,Amount\n2026-01-05,Coffee,-3.20\n2026-01-05,Coffee,-3.20\n2026-01-06,Lunch,-11.00\n";
    assert_eq!(counts(&user.import(IMPORT, csv)), completed(3, 0, 0));
    assert_eq!(counts(&user.import(IMPORT, csv)), completed(0, 3, 0));
    let more = format!("{csv}2026-01-05,Coffee,-3.20\n2026-01-07,Lunch,-11.00\n");
    assert_eq!(counts(&user.import(IMPORT, &more)), completed(2, 3, 0), "a third coffee and another day are new");
    assert_eq!(short(&user).iter().map(|row| row.1).collect::<Vec<_>>(), [3_20, 3_20, 3_20, 11_00, 11_00]);

    assert_eq!(counts(&user.import(&format!("{IMPORT}?on_duplicate=flag"), csv)), completed(3, 0, 0));
    let flagged = user.transactions().iter().filter(|row| row["duplicate_of"].is_string()).count();
    assert_eq!(flagged, 3);
    assert_eq!(counts(&user.import(&format!("{IMPORT}?on_duplicate=import"), csv)), completed(3, 0, 0));
    assert_eq!(user.transactions().len(), 11);
}

#[test]
fn a_row_typed_in_before_is_a_duplicate() {
    let user = User::register();
    let body = json!({"amount": "3.20", "date": "2026-01-05", "merchant_raw": "Coffee", "currency": "USD"});
    user.post("/transactions", &body).expect(201);
    let csv = "Date,Description,Amount\n2026-01-05,COFFEE,-3.20\n2026-01-06,Lunch,-11.00\n";
    assert_eq!(counts(&user.import(IMPORT, csv)), completed(1, 1, 0));
}

#[test]
fn bad_rows_are_reported_by_line_and_stop_nothing() {
    let user = User::register();
    let csv = "Date,Description,Amount\n2026-01-05,Good,-3.20\n2026-02-31,No such day,-1.00\n2026-01-07,\"Over\ntwo lines\",-2.00\n\
               2026-01-08,No number,abc\n2026-01-09,Three decimals,-1.005\n2026-01-10,Nothing,0.00\n2026-01-11,Good,-4.20\n";
    let import = user.import(IMPORT, csv);
    assert_eq!(counts(&import), completed(3, 0, 4), "{import}");
    let errors: Vec<_> =
        import["errors"].as_array().unwrap().iter().map(|e| (e["line"].as_i64().unwrap(), text(&e["code"]))).collect();
    let expected = [(3, "bad_date"), (6, "bad_amount"), (7, "too_many_decimals"), (8, "zero_amount")];
    assert_eq!(errors, expected.map(|(line, code)| (line, code.to_owned())));
    assert!(import["errors"].as_array().unwrap().iter().all(|e| !text(&e["detail"]).is_empty()));
    assert_eq!(import["rows_total"], 7);
}

#[test]
fn an_unknown_shape_is_refused_with_what_to_send() {
    let user = User::register();
    let refused = |csv: &str| user.request("POST", IMPORT).body("text/csv", csv).send();
    let answer = refused("alpha,beta\nfoo,bar\nbaz,qux\n");
    let problem = answer.expect(422);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(!text(&problem["detail"]).is_empty() && problem["preview"].is_array(), "{problem}");
    let ambiguous = refused("Date,Description,Amount\n01/02/2026,Shop,-1.00\n03/04/2026,Shop,-2.00\n");
    assert_eq!(ambiguous.problem(422), "ambiguous_dates");
    assert!(ambiguous.json()["mapping"].is_object(), "{ambiguous:?}");
    assert_eq!(refused("").status, 422);
    let image = user
        .request("POST", IMPORT)
        .body("application/octet-stream", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0".to_vec())
        .send();
    assert_eq!(image.status, 422, "{image:?}");
    assert_eq!(user.request("POST", IMPORT).body("application/json", "{}").send().status, 415);
    let large = format!("Date,Description,Amount\n{}", "2026-01-05,Coffee,-3.20\n".repeat(180_000));
    assert_eq!(user.request("POST", IMPORT).body("text/csv", large).send().problem(413), "too_large");
    assert_eq!(user.get("/transactions/imports").expect(200)["total"], 0, "nothing was begun");
}

#[test]
fn progress_comes_in_frames_one_for_each_chunk_and_none_for_each_row() {
    let user = User::register();
    let (mut socket, connected) = Socket::of(&user);
    let mut csv = String::from("Date,Description,Amount\n");
    for n in 0..12_000 {
        csv.push_str(&format!("2025-{:02}-{:02},Shop {n},-{}.50\n", n % 12 + 1, n % 28 + 1, n % 90 + 1));
    }
    let started = user.request("POST", IMPORT).body("text/csv", csv).send().expect(202);
    let seq = connected["data"]["seq"].as_i64().unwrap();
    let frames = socket.until(seq + 3);
    let told: Vec<_> = frames
        .iter()
        .map(|f| (text(&f["type"]), text(&f["data"]["status"]), f["data"]["rows"].as_i64().unwrap()))
        .collect();
    let update = |status: &str, rows| ("import_update".to_owned(), status.to_owned(), rows);
    assert_eq!(told, [update("running", 5000), update("running", 10_000), update("completed", 12_000)]);
    assert!(
        frames.iter().all(|frame| frame["data"]["id"] == started["id"] && frame["data"]["errors"] == 0),
        "{frames:?}"
    );
    let page = user.get("/transactions").expect(200);
    assert_eq!((&page["total"], &page["total_capped"]), (&json!(12_000), &json!(false)));
    let stored = format!("SELECT count(*) FROM transactions WHERE user_id = '{}'", user.id);
    assert_eq!(database::one::<i64>(&stored), 12_000);
}

#[test]
fn an_import_into_a_budget_alerts() {
    let user = User::register();
    user.budget("100.00", "Uncategorized", "USD");
    user.import(IMPORT, &format!("Date,Description,Amount\n{},Nobody knows this one,-150.00\n", today()));
    let alerts = format!("SELECT data->>'level' FROM events WHERE user_id = '{}' AND type = 'budget_alert'", user.id);
    assert_eq!(database::column::<String>(&alerts), ["severe"]);
}

/// Has a request answered, and kills the worker of its task as it waits to write its first chunk.
fn kill_the_worker_of(user: &User, request: impl FnOnce() -> Value + Send) -> Value {
    let lock = format!("BEGIN; SELECT FROM user_seq WHERE user_id = '{}' FOR UPDATE", user.id);
    let mut holder = Database::connect();
    holder.run(&lock);
    let (started, mut next) = thread::scope(|scope| {
        let started = scope.spawn(request);
        process::waiting_for(&mut holder);
        // In line behind the request and before the worker, which then waits for its turn to write the first chunk.
        let next = scope.spawn(|| {
            let mut next = Database::connect();
            next.run(&lock);
            next
        });
        let line = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{}%'",
            user.id
        );
        eventually("the second in line", 5, || (database::one::<i64>(&line) == 1).then_some(()));
        holder.run("COMMIT");
        (started.join().unwrap(), next.join().unwrap())
    });
    process::waiting_for(&mut next).signal(Signal::KILL);
    next.run("COMMIT");
    started
}

#[test]
fn must_hold_30_an_import_and_a_revert_whose_workers_are_killed_go_on_where_they_stood() {
    let user = User::register();
    let mut csv = String::from("Date,Description,Amount\n");
    for n in 0..6000 {
        csv.push_str(&format!("2025-{:02}-{:02},Shop {n},-{}.50\n", n % 12 + 1, n % 28 + 1, n % 90 + 1));
    }
    // A task comes again when the queue's visibility is over. Nobody waits for that here, and it comes twice.
    let again = |kind: &str, id: &str| {
        let task = json!({"v": 1, "kind": kind, "user_id": user.id, "import_id": id});
        at_once(2, |_| aws::send("HIGH_QUEUE_URL", &task.to_string()));
        user.finished(id)
    };
    let live = format!("SELECT count(*) FROM transactions WHERE user_id = '{}' AND NOT is_deleted", user.id);
    let started =
        kill_the_worker_of(&user, || user.request("POST", IMPORT).body("text/csv", csv.as_str()).send().expect(202));
    let id = text(&started["id"]);
    assert_eq!(counts(&again("import", &id)), completed(6000, 0, 0));
    assert_eq!(database::one::<i64>(&live), 6000);

    let revert = format!("/transactions/imports/{id}/revert");
    let asked = kill_the_worker_of(&user, || user.post(&revert, &json!({})).expect(202));
    assert_eq!(asked["status"], "running");
    let import = again("revert", &id);
    assert_eq!((text(&import["status"]), import["rows_reverted"].as_i64()), ("reverted".into(), Some(6000)));
    assert_eq!(database::one::<i64>(&live), 0);
    // The same file may come again.
    assert_eq!(counts(&user.import(IMPORT, &csv)), completed(6000, 0, 0));
}

#[test]
fn an_import_is_repeated_by_its_key() {
    let user = User::register();
    let csv = "Date,Description,Amount\n2026-01-05,Coffee,-3.20\n";
    let send = |csv: &str| user.request("POST", IMPORT).header("idempotency-key", "k").body("text/csv", csv).send();
    let first = send(csv);
    assert_eq!(first.status, 202);
    let again = send(csv);
    assert_eq!((again.text, again.headers.iter().any(|(name, _)| name == "idempotent-replayed")), (first.text, true));
    assert_eq!(send(&csv.replace("3.20", "3.30")).problem(422), "idempotency_key_reused");
    assert_eq!(user.get("/transactions/imports").expect(200)["total"], 1);
}
