//! Another password, and nobody is refused.

use crate::support::{aws, database, setting};
use serde_json::{Value, json};
use shared::platform::{
    config::Config,
    db::{Db, Tx},
    function::{Env, Port},
    problem::Problem,
    rotation::{Asked, DatabaseUsers},
};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use std::{sync::OnceLock, time::Duration};
use uuid::Uuid;

/// Secrets and roles of the test's own: those that the stack works with serve the tests beside this one.
struct Scratch {
    role: String,
    secret: String,
}

static SECRETS: OnceLock<[(&str, String); 3]> = OnceLock::new();

fn lookup(name: &str) -> Option<String> {
    let own = SECRETS.get()?.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    own.or_else(|| match name {
        "_HANDLER" => Some("tasks.rotate_database".into()),
        "DB_TLS" => Some("off".into()),
        "STAGE" | "AWS_REGION" | "AWS_ENDPOINT_URL" => Some(setting(name)),
        _ => None,
    })
}

fn create(name: &str, value: &Value) -> String {
    let name = format!("{name}-{}", Uuid::now_v7());
    aws::call("secretsmanager", "CreateSecret", &json!({"Name": name, "SecretString": value.to_string()}));
    name
}

impl Scratch {
    fn new() -> Self {
        let letters = |byte: u8| char::from(b'a' + byte % 16);
        let role = format!(
            "scratch_{}",
            Uuid::now_v7().as_bytes().iter().flat_map(|b| [letters(*b), letters(b / 16)]).collect::<String>()
        );
        let password = Uuid::now_v7().simple().to_string();
        database::run(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD '{password}' IN ROLE tallybook_write;
             ALTER ROLE {role} SET statement_timeout = '4321ms'; ALTER ROLE {role} SET search_path = public, pg_catalog"
        ));
        let server: PgConnectOptions = setting("DATABASE_URL").parse().unwrap();
        let at = |username: &str, password: &str| json!({"host": server.get_host(), "port": server.get_port(), "dbname": server.get_database(), "username": username, "password": password});
        let url = setting("DATABASE_URL");
        let admin = url.split_once("://").unwrap().1.split_once('@').unwrap().0.split_once(':').unwrap();
        let secret = create("scratch", &at(&role, &password));
        let all = [
            ("DB_ADMIN_SECRET", create("admin", &json!({"username": admin.0, "password": admin.1}))),
            ("DB_MIGRATE_SECRET", create("direct", &at("nobody", &password))),
            ("DB_WRITE_SECRET", secret.clone()),
        ];
        SECRETS.set(all).expect("one test a process uses this");
        Self { role, secret }
    }

    fn value(&self, stage: &str) -> Value {
        let asked = json!({"SecretId": self.secret, "VersionStage": stage});
        serde_json::from_str(aws::call("secretsmanager", "GetSecretValue", &asked)["SecretString"].as_str().unwrap())
            .unwrap()
    }

    fn ask(&self, step: &str, version: Uuid) -> Asked {
        serde_json::from_value(json!({"Step": step, "SecretId": self.secret, "ClientRequestToken": version})).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        database::run(&format!("DROP ROLE IF EXISTS {0}_b; DROP ROLE {0}", self.role));
    }
}

/// What a session of these credentials finds: as whom, and how long a statement may take.
async fn session(secret: &Value) -> Result<(String, String), sqlx::Error> {
    let text = |name: &str| secret[name].as_str().unwrap().to_owned();
    let server: PgConnectOptions = setting("DATABASE_URL").parse().unwrap();
    let options = server.username(&text("username")).password(&text("password"));
    let mut conn = PgConnection::connect_with(&options).await?;
    sqlx::query("SELECT FROM users LIMIT 1").execute(&mut conn).await?;
    sqlx::query_as("SELECT current_user::text, current_setting('statement_timeout')").fetch_one(&mut conn).await
}

async fn me(db: &Db) -> Result<String, Problem> {
    db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sqlx::query_scalar("SELECT current_user::text").fetch_one(tx).await?))
        .await
}

#[test]
fn must_hold_44_a_database_password_is_rotated_by_turns_and_who_is_refused_looks_again() {
    let scratch = Scratch::new();
    let env = Env::new(Config::read(lookup).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let users = DatabaseUsers::open(&env).unwrap();
    let db = runtime.block_on(async { Db::open(&env).unwrap() });
    let (step, me) = (|asked: Asked| runtime.block_on(users.step(&asked)), || runtime.block_on(me(&db)).unwrap());
    let session = |secret: &Value| runtime.block_on(session(secret));
    let first = scratch.value("AWSCURRENT");
    assert_eq!(me(), scratch.role);

    // A rotation that was killed half-way: what it made is never used.
    let lost = Uuid::now_v7();
    for name in ["createSecret", "setSecret"] {
        step(scratch.ask(name, lost)).unwrap();
    }
    let second = Uuid::now_v7();
    assert!(step(scratch.ask("setSecret", second)).is_err(), "there is nothing to set yet");
    for name in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
        step(scratch.ask(name, second)).unwrap();
        let before = scratch.value(if name == "finishSecret" { "AWSCURRENT" } else { "AWSPENDING" });
        step(scratch.ask(name, second)).unwrap();
        let after = scratch.value(if name == "finishSecret" { "AWSCURRENT" } else { "AWSPENDING" });
        assert_eq!(before, after, "{name} twice has the effect of one");
        assert_eq!(scratch.value("AWSCURRENT") == first, name != "finishSecret");
    }
    let other = scratch.value("AWSCURRENT");
    let role = format!("{}_b", scratch.role);
    assert_eq!(session(&other).unwrap(), (role.clone(), "4321ms".to_owned()), "the same limits");
    assert_eq!(session(&first).unwrap().0, scratch.role, "who has the value of before goes on");
    assert_eq!((&other["host"], &other["port"], &other["dbname"]), (&first["host"], &first["port"], &first["dbname"]));

    // The next rotation changes the first role's password: a function with an old copy of the secret is refused, looks
    // again, and its caller sees nothing of it.
    let third = Uuid::now_v7();
    for name in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
        step(scratch.ask(name, third)).unwrap();
    }
    assert!(session(&first).is_err(), "the first password is void");
    assert_eq!(session(&scratch.value("AWSCURRENT")).unwrap().0, scratch.role);
    assert_eq!(session(&other).unwrap().0, role);
    std::thread::sleep(Duration::from_secs(6));
    database::run(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'",
        scratch.role
    ));
    assert_eq!(me(), scratch.role);
}
