//! What a function needs of AWS, answered at once: its secrets, one file, a queue that takes everything, and a limit that
//! nobody reaches. The emulator would put its own milliseconds into the figures.

use super::http::{Connection, Request, answer, send};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// A role's way into the database.
#[derive(Clone)]
pub struct Login {
    pub host: String,
    pub dbname: String,
    pub username: String,
    pub password: String,
}

/// The secrets to hand out.
pub struct Secrets {
    pub keys: String,
    pub read: Login,
    pub write: Login,
}

pub struct Cloud {
    pub at: SocketAddr,
    kicks: Arc<AtomicU64>,
    stored: Arc<AtomicU64>,
    /// What every file holds.
    pub file: Arc<OnceLock<Vec<u8>>>,
}

impl Cloud {
    /// Serves until the program ends.
    pub fn start(secrets: Secrets) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let (at, kicks, secrets) = (listener.local_addr()?, Arc::new(AtomicU64::new(0)), Arc::new(secrets));
        let (file, stored) = (Arc::new(OnceLock::new()), Arc::new(AtomicU64::new(0)));
        let (counted, kept, taken) = (kicks.clone(), file.clone(), stored.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (secrets, kicks, file, stored) = (secrets.clone(), counted.clone(), kept.clone(), taken.clone());
                thread::spawn(move || serve(stream, &secrets, &kicks, &file, &stored));
            }
        });
        Ok(Self { at, kicks, stored, file })
    }

    /// Messages taken so far.
    pub fn kicks(&self) -> u64 {
        self.kicks.load(Ordering::Relaxed)
    }

    /// Bytes of files taken so far.
    pub fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }
}

fn serve(
    stream: TcpStream,
    secrets: &Secrets,
    kicks: &AtomicU64,
    file: &OnceLock<Vec<u8>>,
    stored: &AtomicU64,
) -> Result<()> {
    let mut connection = Connection::new(stream)?;
    while let Some(request) = connection.read()? {
        if request.method == "GET" {
            let file = file.get().context("no file was put here")?;
            send(&connection.writer, &answer("200 OK", &[("content-type", "application/octet-stream")], file))?;
            continue;
        }
        if request.header("x-amz-target").is_none() {
            // A file, or a part of one; the beginning and the end of what comes in parts.
            if request.method == "PUT" {
                stored.fetch_add(u64::try_from(request.body.len())?, Ordering::Relaxed);
            }
            let xml = b"<InitiateMultipartUploadResult><UploadId>bench</UploadId></InitiateMultipartUploadResult>";
            send(&connection.writer, &answer("200 OK", &[("etag", "\"bench\"")], xml))?;
            continue;
        }
        let (status, body) = match reply(&request, secrets, kicks) {
            Ok(body) => ("200 OK", body),
            Err(error) => {
                ("400 Bad Request", json!({"__type": "ValidationException", "message": format!("{error:#}")}))
            }
        };
        let headers = [("content-type", "application/x-amz-json-1.1")];
        send(&connection.writer, &answer(status, &headers, body.to_string().as_bytes()))?;
    }
    Ok(())
}

fn reply(request: &Request, secrets: &Secrets, kicks: &AtomicU64) -> Result<Value> {
    let asked: Value = serde_json::from_slice(&request.body)?;
    let text = |name: &str| asked.get(name).and_then(Value::as_str).with_context(|| format!("no {name}"));
    match request.header("x-amz-target").context("no x-amz-target")? {
        "secretsmanager.GetSecretValue" => {
            let name = text("SecretId")?;
            let value = secrets.named(name).with_context(|| format!("no secret {name}"))?;
            Ok(json!({"Name": name, "SecretString": value, "VersionStages": ["AWSCURRENT"]}))
        }
        "AmazonSQS.SendMessageBatch" => {
            let entries = asked.get("Entries").and_then(Value::as_array).context("no Entries")?;
            let sent = entries
                .iter()
                .map(|entry| json!({"Id": entry.get("Id"), "MessageId": entry.get("MessageDeduplicationId")}));
            let sent = sent.collect::<Vec<_>>();
            kicks.fetch_add(u64::try_from(sent.len())?, Ordering::Relaxed);
            Ok(json!({"Successful": sent, "Failed": []}))
        }
        "DynamoDB_20120810.UpdateItem" => Ok(json!({"Attributes": {"n": {"N": "1"}}})),
        "AmazonSQS.SendMessage" => {
            kicks.fetch_add(1, Ordering::Relaxed);
            Ok(json!({"MessageId": "bench"}))
        }
        other => anyhow::bail!("{other} is not served here"),
    }
}

/// The name of a role's secret when Postgres is to be reached on `port`: the listening proxy has a port of its own.
pub fn database_secret(role: &str, port: u16) -> String {
    format!("{role}/{port}")
}

impl Secrets {
    fn named(&self, name: &str) -> Option<String> {
        let Some((role, port)) = name.split_once('/') else { return (name == "keys").then(|| self.keys.clone()) };
        let login = if role == "read" { &self.read } else { &self.write };
        let port: u16 = port.parse().ok()?;
        let secret = json!({
            "host": login.host, "port": port, "dbname": login.dbname,
            "username": login.username, "password": login.password,
        });
        Some(secret.to_string())
    }
}
