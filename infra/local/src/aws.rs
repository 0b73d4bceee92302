//! The few calls made to the local AWS besides `sam deploy`. It checks no signature; the header
//! only says which service is meant.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;

pub const REGION: &str = "us-east-1";
/// What stands for credentials; twelve digits as the key would be taken for an account.
pub const ACCESS_KEY: &str = "local";
pub const SECRET_KEY: &str = "local";

pub struct Aws {
    base: String,
    agent: Agent,
}

impl Aws {
    pub fn at(port: u16) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .build()
            .into();
        Self { base: format!("http://127.0.0.1:{port}"), agent }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn healthy(&self) -> bool {
        self.agent.get(self.url("/_ministack/health")).call().is_ok_and(|answer| answer.status() == 200)
    }

    pub fn create_bucket(&self, name: &str) -> Result<()> {
        let answer = self.agent.put(self.url(&format!("/{name}"))).header("authorization", scope("s3")).send_empty()?;
        // 409: it is there already.
        if !answer.status().is_success() && answer.status() != 409 {
            bail!("the local AWS made no bucket: {}", answer.status());
        }
        Ok(())
    }

    pub fn enable_time_to_live(&self, table: &str, attribute: &str) -> Result<()> {
        let body = serde_json::json!({
            "TableName": table,
            "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": true},
        });
        let mut answer = self
            .agent
            .post(self.url("/"))
            .header("authorization", scope("dynamodb"))
            .header("x-amz-target", "DynamoDB_20120810.UpdateTimeToLive")
            .header("content-type", "application/x-amz-json-1.0")
            .send(body.to_string())?;
        let text = answer.body_mut().read_to_string()?;
        let known: Value = serde_json::from_str(&text).unwrap_or_default();
        let already = known.get("message").and_then(Value::as_str).is_some_and(|m| m.contains("already"));
        if !answer.status().is_success() && !already {
            bail!("no time to live for {table}: {text}");
        }
        Ok(())
    }

    /// A call to SQS.
    pub fn sqs(&self, action: &str, body: &Value) -> Result<Value> {
        self.json("sqs", "AmazonSQS", action, body)
    }

    /// A call to DynamoDB.
    pub fn dynamodb(&self, action: &str, body: &Value) -> Result<Value> {
        self.json("dynamodb", "DynamoDB_20120810", action, body)
    }

    fn json(&self, service: &str, target: &str, action: &str, body: &Value) -> Result<Value> {
        let mut answer = self
            .agent
            .post(self.url("/"))
            .header("authorization", scope(service))
            .header("x-amz-target", format!("{target}.{action}"))
            .header("content-type", "application/x-amz-json-1.0")
            .send(body.to_string())?;
        let text = answer.body_mut().read_to_string()?;
        if !answer.status().is_success() {
            bail!("{action}: {text}");
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// What a secret says.
    pub fn secret(&self, id: &str) -> Result<String> {
        let mut answer = self
            .agent
            .post(self.url("/"))
            .header("authorization", scope("secretsmanager"))
            .header("x-amz-target", "secretsmanager.GetSecretValue")
            .header("content-type", "application/x-amz-json-1.1")
            .send(serde_json::json!({"SecretId": id}).to_string())?;
        let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
        Ok(answer
            .get("SecretString")
            .and_then(Value::as_str)
            .context("the local AWS does not tell the secret")?
            .to_owned())
    }

    /// Has mail accepted from an address, as its owner's answer to a mail does on AWS.
    pub fn verify_sender(&self, address: &str) -> Result<()> {
        let body = serde_json::json!({"EmailIdentity": address});
        let answer = self
            .agent
            .post(self.url("/v2/email/identities"))
            .header("authorization", scope("ses"))
            .header("content-type", "application/json")
            .send(body.to_string())?;
        // 400: it is known already.
        if !answer.status().is_success() && answer.status() != 400 {
            bail!("the local AWS takes no mail from {address}: {}", answer.status());
        }
        Ok(())
    }

    /// The mails that were sent, the oldest first.
    pub fn mails(&self) -> Result<Vec<Value>> {
        let mut answer = self.agent.get(self.url("/_ministack/ses/messages")).call()?;
        let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
        let accounts = answer.get("messages").and_then(Value::as_object).into_iter().flat_map(|all| all.values());
        Ok(accounts.filter_map(Value::as_array).flatten().cloned().collect())
    }

    /// The outputs of a stack that is completely there.
    pub fn outputs(&self, stack: &str) -> Result<Option<BTreeMap<String, String>>> {
        let (status, text) = self.cloudformation(&format!("Action=DescribeStacks&StackName={stack}"))?;
        if status >= 400 {
            return Ok(None);
        }
        let complete =
            ["CREATE_COMPLETE", "UPDATE_COMPLETE"].contains(&between(&text, "StackStatus").next().unwrap_or_default());
        let outputs =
            between(&text, "OutputKey").map(unescape).zip(between(&text, "OutputValue").map(unescape)).collect();
        Ok(complete.then_some(outputs))
    }

    pub fn delete_stack(&self, stack: &str) -> Result<()> {
        self.cloudformation(&format!("Action=DeleteStack&StackName={stack}"))?;
        for _ in 0..100 {
            let (status, text) = self.cloudformation(&format!("Action=DescribeStacks&StackName={stack}"))?;
            if status >= 400 || between(&text, "StackStatus").next() == Some("DELETE_COMPLETE") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!("stack {stack} does not go away; `cargo local reset` starts over")
    }

    fn cloudformation(&self, call: &str) -> Result<(u16, String)> {
        let mut answer = self
            .agent
            .post(self.url("/"))
            .header("authorization", scope("cloudformation"))
            .header("content-type", "application/x-www-form-urlencoded")
            .send(format!("{call}&Version=2010-05-15"))
            .context("the local AWS does not answer")?;
        let text = answer.body_mut().read_to_string()?;
        Ok((answer.status().as_u16(), text))
    }
}

fn scope(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20250101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

fn between<'a>(xml: &'a str, tag: &str) -> impl Iterator<Item = &'a str> {
    let end = format!("</{tag}>");
    let parts: Vec<&str> = xml.split(&format!("<{tag}>")).skip(1).filter_map(|part| part.split(&end).next()).collect();
    parts.into_iter()
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'").replace("&amp;", "&")
}
