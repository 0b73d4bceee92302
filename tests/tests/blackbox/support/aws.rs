//! The few calls to AWS that a test makes itself.

use super::http::Client;
use serde_json::{Value, json};
use uuid::Uuid;

/// One call of a JSON API. The local cloud looks at the credential's scope alone.
pub fn call(service: &str, action: &str, body: &Value) -> Value {
    let target = match service {
        "dynamodb" => "DynamoDB_20120810",
        "sqs" => "AmazonSQS",
        other => other,
    };
    let region = super::setting("AWS_REGION");
    let key = super::setting("AWS_ACCESS_KEY_ID");
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let request = Client::new().to(&super::setting("AWS_ENDPOINT_URL"), "POST", "/");
    let request = request.header("x-amz-target", &format!("{target}.{action}")).header("authorization", &scope);
    let answer = request.body("application/x-amz-json-1.0", body.to_string()).send();
    assert_eq!(answer.status, 200, "{service} {action}: {answer:?}");
    answer.json()
}

/// Puts a message on a standard queue.
pub fn send(queue_setting: &str, body: &str) {
    call("sqs", "SendMessage", &json!({"QueueUrl": super::setting(queue_setting), "MessageBody": body}));
}

/// Puts a message on a FIFO queue.
pub fn send_ordered(queue_setting: &str, group: &str, body: &str) {
    let message = json!({
        "QueueUrl": super::setting(queue_setting), "MessageBody": body,
        "MessageGroupId": group, "MessageDeduplicationId": Uuid::now_v7(),
    });
    call("sqs", "SendMessage", &message);
}

/// Every item of a table.
pub fn items(table_setting: &str) -> Vec<Value> {
    let (mut items, mut from) = (Vec::new(), Value::Null);
    loop {
        let mut scan = json!({"TableName": super::setting(table_setting), "ConsistentRead": true});
        if !from.is_null() {
            scan["ExclusiveStartKey"] = from;
        }
        let page = call("dynamodb", "Scan", &scan);
        items.extend(page["Items"].as_array().unwrap().clone());
        from = page["LastEvaluatedKey"].clone();
        if from.is_null() {
            return items;
        }
    }
}

/// How many of a user's connections are on record.
pub fn connections(user_id: Uuid) -> usize {
    let of_user = |item: &&Value| item.to_string().contains(&format!("user#{user_id}"));
    items("CONNECTIONS_TABLE").iter().filter(of_user).count()
}
