//! What a grant of an endpoint's `Deps` means on AWS: variables, and a statement of its policy.

use anyhow::{Result, bail};

use super::camel;

#[derive(Default)]
pub struct Grant {
    /// Environment variable and its value.
    pub variables: Vec<(String, String)>,
    /// Actions and the resources they are allowed on.
    pub statements: Vec<(&'static [&'static str], Vec<String>)>,
    /// Parameters of the feature's stack, and what the root passes for them.
    pub parameters: Vec<(String, String)>,
}

pub const QUEUES: [&str; 6] = ["relay", "deliver", "high", "default", "low", "scheduled"];
/// Queues of tasks: their workers may put a message off or bury it.
const LANES: [&str; 4] = ["high", "default", "low", "scheduled"];
const TABLES: [&str; 3] = ["limits", "tickets", "connections"];

const READ_SECRET: &[&str] = &["secretsmanager:GetSecretValue"];
/// Besides reading it. Secrets Manager has an operation for each.
const ROTATE_SECRET: &[&str] =
    &["secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"];
const ROWS: &[&str] = &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];
const QUERY: &[&str] = &["dynamodb:Query"];
const SCAN: &[&str] = &["dynamodb:Scan"];
const SEND: &[&str] = &["sqs:SendMessage"];
const POSTPONE: &[&str] = &["sqs:ChangeMessageVisibility"];
const MEASURE: &[&str] = &["sqs:GetQueueAttributes"];
/// What it takes to send dead letters on their way again.
const REDRIVE: &[&str] = &["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"];
const OBJECTS: &[&str] = &["s3:GetObject", "s3:PutObject", "s3:DeleteObject"];
/// Without it S3 answers 403 for a file that is not there, and a lost file would look like a wrong permission.
const LIST: &[&str] = &["s3:ListBucket"];
const SOCKETS: &[&str] = &["execute-api:ManageConnections"];
const MAIL: &[&str] = &["ses:SendEmail"];
/// What Lambda's poller does with a queue on behalf of the function.
pub const CONSUME: &[&str] = &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

pub fn grant(name: &str) -> Result<Grant> {
    let (kind, of) = name.split_once(':').unwrap_or((name, ""));
    Ok(match (kind, of) {
        ("db", "read") => database("DB_READ_SECRET", "DatabaseRead"),
        ("db", "write") => database("DB_WRITE_SECRET", "DatabaseWrite"),
        ("db", "migrate") => migrate(),
        ("db", "rotate") => rotate_database(),
        ("secret", "keys") => secret("KEYS_SECRET", "Keys"),
        ("rotate", "keys") => rotated(secret("KEYS_SECRET", "Keys")),
        ("table", table) if TABLES.contains(&table) => rows(table),
        ("connections", "") => table("connections", vec![SCAN]),
        ("queue", queue) if QUEUES.contains(&queue) => queue_url(queue),
        ("inbox", queue) if LANES.contains(&queue) => inbox(queue),
        ("queues", "") => queues(&[]),
        ("dead-letters", "") => queues(REDRIVE),
        ("bucket", "uploads") => Grant {
            variables: vec![("UPLOADS_BUCKET".into(), "!Ref UploadsBucket".into())],
            statements: vec![
                (OBJECTS, vec!["!Sub \"${UploadsBucketArn}/*\"".into()]),
                (LIST, vec!["!Ref UploadsBucketArn".into()]),
            ],
            parameters: outputs("Storage", &["UploadsBucket", "UploadsBucketArn"]),
        },
        ("sockets", "") => Grant {
            variables: vec![("WS_ENDPOINT".into(), "!Ref WsEndpoint".into())],
            statements: vec![(
                SOCKETS,
                vec![
                    "!Sub \"arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WsApi}/v1/*\"".into(),
                ],
            )],
            parameters: vec![
                ws_api(),
                (
                    "WsEndpoint".into(),
                    "!If [IsLocal, !Sub \"${LocalGateway}/_aws/execute-api/${WsApi}/v1\", \
                 !Sub \"https://${WsApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/v1\"]"
                        .into(),
                ),
            ],
        },
        ("mail", "") => Grant {
            // Links that switch mails off lead to the API itself.
            variables: vec![("MAIL_FROM".into(), "!Ref MailFrom".into()), ("API_URL".into(), "!Ref ApiUrl".into())],
            // SES asks about the settings that the identity has as well.
            statements: vec![(
                MAIL,
                ["identity/${MailIdentity}", "configuration-set/tallybook-${Stage}"]
                    .map(|of| format!("!Sub \"arn:${{AWS::Partition}}:ses:${{AWS::Region}}:${{AWS::AccountId}}:{of}\""))
                    .into(),
            )],
            parameters: vec![
                ("MailFrom".into(), "!Ref MailFrom".into()),
                // An address is sent from under its domain's identity, where that has one.
                ("MailIdentity".into(), "!If [HasMailDomain, !Ref MailDomain, !Ref MailFrom]".into()),
                api_url(),
            ],
        },
        ("lookout", "") => lookout(),
        _ => bail!(
            "no such grant: {name}. There are db:read, db:write, db:migrate, secret:keys, rotate:keys, db:rotate, {}, connections, {}, {}, queues, dead-letters, bucket:uploads, sockets, mail, lookout",
            TABLES.map(|table| format!("table:{table}")).join(", "),
            QUEUES.map(|queue| format!("queue:{queue}")).join(", "),
            LANES.map(|lane| format!("inbox:{lane}")).join(", "),
        ),
    })
}

/// The alert targets, of which the webhook is a secret; and the addresses that are watched.
fn lookout() -> Grant {
    let mut grant = secret("ALERT_WEBHOOK_SECRET", "AlertWebhook");
    grant.variables.extend([
        ("ALERT_MAIL".into(), "!Ref AlertMail".into()),
        ("API_URL".into(), "!Ref ApiUrl".into()),
        ("INTERNET".into(), "!Ref Internet".into()),
        ("IPFS_GATEWAY".into(), "!Ref IpfsGateway".into()),
    ]);
    grant.parameters.extend([
        ("AlertMail".into(), "!Ref AlertMail".into()),
        api_url(),
        // Of a network of the operator's own nothing is known.
        ("Internet".into(), "!If [MakesDatabase, !If [WantsNat, \"true\", \"false\"], \"true\"]".into()),
        ("IpfsGateway".into(), "!Ref IpfsGateway".into()),
    ]);
    grant
}

/// The parameter that holds the address of the REST API.
fn api_url() -> (String, String) {
    (
        "ApiUrl".into(),
        "!If [IsLocal, !Sub \"${LocalGateway}/_aws/execute-api/${HttpApi}/v1\", \
         !If [HasDomains, !Sub \"https://${ApiDomain}/v1\", \
         !Sub \"https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/v1\"]]"
            .into(),
    )
}

pub fn ws_api() -> (String, String) {
    ("WsApi".into(), "!Ref WsApi".into())
}

pub fn http_api() -> (String, String) {
    ("HttpApi".into(), "!Ref HttpApi".into())
}

/// The parameter that holds a queue's ARN.
pub fn queue_arn(queue: &str) -> (String, String) {
    let name = camel(queue);
    (format!("{name}QueueArn"), format!("!GetAtt Queues.Outputs.{name}Arn"))
}

fn secret(variable: &str, output: &str) -> Grant {
    let parameter = format!("{output}Secret");
    Grant {
        variables: vec![(variable.into(), format!("!Ref {parameter}"))],
        statements: vec![(READ_SECRET, vec![format!("!Ref {parameter}")])],
        parameters: vec![(parameter, format!("!GetAtt Secrets.Outputs.{output}"))],
    }
}

/// Everybody's credentials: whoever makes the roles of a new database gives them their passwords.
fn migrate() -> Grant {
    both(owners(), secrets([("DB_READ_SECRET", "DatabaseRead"), ("DB_WRITE_SECRET", "DatabaseWrite")]))
}

fn secrets<const N: usize>(named: [(&str, &str); N]) -> Grant {
    named.into_iter().map(|(variable, output)| secret(variable, output)).fold(Grant::default(), both)
}

/// The administrator, whose password RDS keeps where RDS made the server, and the owner of the schema.
fn owners() -> Grant {
    let mut all = secrets([("DB_ADMIN_SECRET", "DatabaseAdmin"), ("DB_MIGRATE_SECRET", "DatabaseMigrate")]);
    for (parameter, value) in &mut all.parameters {
        if parameter == "DatabaseAdminSecret" {
            *value = "!If [MakesDatabase, !GetAtt Database.Outputs.AdminSecret, !GetAtt Secrets.Outputs.DatabaseAdmin]"
                .into();
        }
    }
    all
}

fn both(mut one: Grant, other: Grant) -> Grant {
    one.variables.extend(other.variables);
    one.statements.extend(other.statements);
    one.parameters.extend(other.parameters);
    one
}

/// Giving a secret its next value.
fn rotated(mut grant: Grant) -> Grant {
    let secrets = grant.statements.iter().flat_map(|(_, secrets)| secrets.clone()).collect();
    grant.statements.push((ROTATE_SECRET, secrets));
    grant
}

/// Both pairs of roles, which the administrator gives their passwords.
fn rotate_database() -> Grant {
    both(rotated(secrets([("DB_READ_SECRET", "DatabaseRead"), ("DB_WRITE_SECRET", "DatabaseWrite")])), owners())
}

/// The secret names the server; in front of it there may be a proxy.
fn database(variable: &str, output: &str) -> Grant {
    let mut grant = secret(variable, output);
    grant.variables.push(("DB_HOST".into(), "!Ref DatabaseProxyHost".into()));
    let host = "!If [MakesProxy, !GetAtt Proxy.Outputs.Host, \"\"]";
    grant.parameters.push(("DatabaseProxyHost".into(), host.into()));
    grant
}

fn rows(name: &str) -> Grant {
    table(name, if name == "connections" { vec![ROWS, QUERY] } else { vec![ROWS] })
}

fn table(table: &str, actions: Vec<&'static [&'static str]>) -> Grant {
    let name = format!("{}Table", camel(table));
    Grant {
        variables: vec![(format!("{}_TABLE", table.to_uppercase()), format!("!Ref {name}"))],
        statements: actions.into_iter().map(|actions| (actions, vec![format!("!Ref {name}Arn")])).collect(),
        parameters: outputs("Storage", &[&name, &format!("{name}Arn")]),
    }
}

fn queue_url(queue: &str) -> Grant {
    let name = camel(queue);
    let url = format!("{name}QueueUrl");
    let arn = queue_arn(queue);
    Grant {
        variables: vec![(format!("{}_QUEUE_URL", queue.to_uppercase()), format!("!Ref {url}"))],
        statements: vec![(SEND, vec![format!("!Ref {}", arn.0)])],
        parameters: vec![(url, format!("!GetAtt Queues.Outputs.{name}Url")), arn],
    }
}

/// Putting off a message of the queue, and burying it.
fn inbox(queue: &str) -> Grant {
    let (mut grant, own) = (dead_letters(queue), queue_arn(queue));
    grant.statements.push((SEND, vec![format!("!Ref {}", dead_arn(queue))]));
    grant.statements.push((POSTPONE, vec![format!("!Ref {}", own.0)]));
    grant.parameters.push(own);
    grant
}

fn dead_arn(queue: &str) -> String {
    format!("{}DeadArn", camel(queue))
}

fn dead_letters(queue: &str) -> Grant {
    let name = camel(queue);
    Grant {
        variables: vec![(format!("{}_DEAD_URL", queue.to_uppercase()), format!("!Ref {name}DeadUrl"))],
        statements: Vec::new(),
        parameters: outputs("Queues", &[&format!("{name}DeadUrl"), &format!("{name}DeadArn")]),
    }
}

/// All queues at once: how full they are; and, for who may do that with them, their dead letters back to where they came from.
fn queues(dead_letters_may: &'static [&'static str]) -> Grant {
    let mut all = Grant::default();
    let (mut own, mut dead) = (Vec::new(), Vec::new());
    for queue in QUEUES {
        for part in [queue_url(queue), dead_letters(queue)] {
            all.variables.extend(part.variables);
            all.parameters.extend(part.parameters);
        }
        own.push(format!("!Ref {}", queue_arn(queue).0));
        dead.push(format!("!Ref {}", dead_arn(queue)));
    }
    all.statements = if dead_letters_may.is_empty() {
        vec![(MEASURE, [own, dead].concat())]
    } else {
        vec![(SEND, own), (dead_letters_may, dead)]
    };
    all
}

fn outputs(stack: &str, names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), format!("!GetAtt {stack}.Outputs.{name}"))).collect()
}
