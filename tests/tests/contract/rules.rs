//! The rules. Each names every place that breaks it.

use crate::repository::{Repository, Row};
use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayWebsocketProxyRequest},
    sqs::SqsEvent,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub const FUNCTION: &str = "AWS::Serverless::Function";
pub const MAPPING: &str = "AWS::Lambda::EventSourceMapping";

/// What stands on one side and not on the other, or on one side twice.
pub fn compare(what: &str, left: &(&str, Vec<String>), right: &(&str, Vec<String>)) -> Vec<String> {
    let mut found = Vec::new();
    for (name, values) in [left, right] {
        let mut seen = BTreeSet::new();
        found.extend(
            values
                .iter()
                .filter(|value| !seen.insert(*value))
                .map(|value| format!("{what} {value} is twice in {name}")),
        );
    }
    for ((here, ours), (there, theirs)) in [(left, right), (right, left)] {
        let missing = ours.iter().filter(|value| !theirs.contains(value));
        found.extend(missing.map(|value| format!("{what} {value} is in {here} but not in {there}")));
    }
    found
}

/// The function that a reference to its alias means, in one template: `!Ref RegisterLive`.
fn alias(reference: &Value) -> Option<&str> {
    reference["Ref"].as_str()?.strip_suffix("Live")
}

/// The name inside `integrations/${Name}`.
fn substituted(text: &Value) -> Option<&str> {
    text["Fn::Sub"].as_str()?.strip_prefix("integrations/${")?.strip_suffix('}')
}

/// `route handler`, from each route over its integration to the function it reaches.
fn deployed_routes(repository: &Repository) -> Vec<String> {
    let reach = |path: &str, route: &Value| {
        let resources = &repository.templates.get(path)?["Resources"];
        let uri = &resources[substituted(&route["Target"])?]["Properties"]["IntegrationUri"];
        // A WebSocket API wants the long form, with the function substituted into it.
        let function = alias(uri).or_else(|| alias(&uri["Fn::Sub"][1]["Function"]))?;
        resources[function]["Properties"]["Handler"].as_str().map(str::to_owned)
    };
    repository
        .resources("AWS::ApiGatewayV2::Route")
        .map(|(path, name, route)| {
            let key = route["RouteKey"].as_str().unwrap_or_default();
            let api = route["ApiId"]["Ref"].as_str().unwrap_or_default();
            let handler = reach(path, route).unwrap_or_else(|| format!("nothing (at {name} of {path})"));
            format!("{key} of {api} to {handler}")
        })
        .collect()
}

/// Tables, templates and OpenAPI document have the same routes, each once, and each may be called by the gateway.
pub fn routes(repository: &Repository) -> Vec<String> {
    let api = |row: &Row| if row.kind() == "socket" { "WsApi" } else { "HttpApi" };
    let tables =
        repository.rows.iter().filter_map(|row| Some(format!("{} of {} to {}", row.route()?, api(row), row.handler)));
    let mut found =
        compare("route", &("the tables", tables.collect()), &("the templates", deployed_routes(repository)));

    let http = repository.rows.iter().filter(|row| row.kind() == "http").filter_map(Row::route).collect();
    let paths = repository.openapi["paths"].as_object().into_iter().flatten();
    let described = paths.flat_map(|(path, methods)| {
        methods.as_object().into_iter().flatten().map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
    });
    found.extend(compare("route", &("the tables", http), &("the OpenAPI document", described.collect())));

    for row in repository.rows.iter().filter(|row| row.route().is_some()) {
        let Some((path, name, _)) = function(repository, &row.handler) else { continue };
        let permitted = repository.resources("AWS::Lambda::Permission").any(|(place, _, permission)| {
            place == path
                && alias(&permission["FunctionName"]) == Some(name)
                && permission["Principal"] == "apigateway.amazonaws.com"
        });
        if !permitted {
            found.push(format!("{} may not be called by its API: {path} has no permission for {name}", row.handler));
        }
    }
    found
}

pub fn function<'a>(repository: &'a Repository, handler: &str) -> Option<(&'a str, &'a str, &'a Value)> {
    repository.resources(FUNCTION).find(|(_, _, properties)| properties["Handler"] == handler)
}

/// Each handler that the templates name is one that the bootstrap knows, once, with its memory and timeout; so is its queue.
pub fn handlers(repository: &Repository) -> Vec<String> {
    let known = repository.rows.iter().map(|row| row.handler.clone()).collect();
    let deployed =
        repository.resources(FUNCTION).map(|(_, _, f)| f["Handler"].as_str().unwrap_or("nothing").to_owned()).collect();
    let mut found = compare("handler", &("the tables", known), &("the templates", deployed));
    for row in &repository.rows {
        let Some((path, name, properties)) = function(repository, &row.handler) else { continue };
        for (what, table, deployed) in [("memory", row.memory, "MemorySize"), ("timeout", row.timeout, "Timeout")] {
            if properties[deployed] != table {
                found.push(format!(
                    "{}: {what} is {table} in the table and {} in {path}",
                    row.handler, properties[deployed]
                ));
            }
        }
        let queue = row.trigger["queue"].as_str().map(|queue| json!({"Ref": format!("{}QueueArn", capital(queue))}));
        let sources: Vec<_> = repository
            .resources(MAPPING)
            .filter(|(place, _, source)| *place == path && alias(&source["FunctionName"]) == Some(name))
            .collect();
        if sources.iter().map(|(_, _, source)| &source["EventSourceArn"]).ne(&queue) {
            found.push(format!("{}: its queue in {path} is not the table's", row.handler));
        }
    }
    found
}

pub fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What it takes to give a secret its next value, besides reading it.
const ROTATES: [&str; 3] =
    ["secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"];

/// What a grant is on AWS: the variable that names the thing, and what may be done with it.
fn meaning(grant: &str) -> (Vec<String>, Vec<(Vec<&'static str>, Value)>) {
    let reference = |name: &str| json!({"Ref": name});
    let rows = vec!["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"];
    let secret = |variable: &str, name: &str| {
        (vec![variable.to_owned()], vec![(vec!["secretsmanager:GetSecretValue"], reference(name))])
    };
    let database = |variable: &str, name: &str| {
        let (mut variables, statements) = secret(variable, name);
        variables.push("DB_HOST".into());
        (variables, statements)
    };
    match grant.split_once(':') {
        Some(("db", "read")) => database("DB_READ_SECRET", "DatabaseReadSecret"),
        Some(("db", "write")) => database("DB_WRITE_SECRET", "DatabaseWriteSecret"),
        Some(("db", "migrate")) => {
            let all = ["Admin", "Migrate", "Read", "Write"];
            let each =
                all.map(|who| secret(&format!("DB_{}_SECRET", who.to_uppercase()), &format!("Database{who}Secret")));
            let (variables, statements): (Vec<_>, Vec<_>) = each.into_iter().unzip();
            (variables.concat(), statements.concat())
        }
        Some(("secret", "keys")) => secret("KEYS_SECRET", "KeysSecret"),
        Some(("rotate", "keys")) => {
            let (variables, mut statements) = secret("KEYS_SECRET", "KeysSecret");
            statements.push((ROTATES.to_vec(), reference("KeysSecret")));
            (variables, statements)
        }
        Some(("db", "rotate")) => {
            let (variables, mut statements) = meaning("db:migrate");
            statements
                .push((ROTATES.to_vec(), json!([reference("DatabaseReadSecret"), reference("DatabaseWriteSecret")])));
            (variables, statements)
        }
        Some(("table", table)) => {
            let arn = reference(&format!("{}TableArn", capital(table)));
            let mut statements = vec![(rows, arn.clone())];
            if table == "connections" {
                statements.push((vec!["dynamodb:Query"], arn));
            }
            (vec![format!("{}_TABLE", table.to_uppercase())], statements)
        }
        Some(("queue", queue)) => {
            let arn = reference(&format!("{}QueueArn", capital(queue)));
            (vec![format!("{}_QUEUE_URL", queue.to_uppercase())], vec![(vec!["sqs:SendMessage"], arn)])
        }
        Some(("inbox", queue)) => {
            let (arn, dead) = (format!("{}QueueArn", capital(queue)), format!("{}DeadArn", capital(queue)));
            let statements = vec![
                (vec!["sqs:SendMessage"], reference(&dead)),
                (vec!["sqs:ChangeMessageVisibility"], reference(&arn)),
            ];
            (vec![format!("{}_DEAD_URL", queue.to_uppercase())], statements)
        }
        None if grant == "connections" => {
            (vec!["CONNECTIONS_TABLE".to_owned()], vec![(vec!["dynamodb:Scan"], reference("ConnectionsTableArn"))])
        }
        None if grant == "queues" || grant == "dead-letters" => {
            let all = ["relay", "deliver", "high", "default", "low", "scheduled"];
            let named = |what: &str| all.map(|queue| reference(&format!("{}{what}Arn", capital(queue))));
            let (own, dead) = (named("Queue"), named("Dead"));
            let urls = all
                .iter()
                .flat_map(|queue| ["QUEUE", "DEAD"].map(|which| format!("{}_{which}_URL", queue.to_uppercase())));
            let redrive = vec!["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"];
            let statements = if grant == "queues" {
                vec![(vec!["sqs:GetQueueAttributes"], own.into_iter().chain(dead).collect())]
            } else {
                vec![(vec!["sqs:SendMessage"], Value::from_iter(own)), (redrive, Value::from_iter(dead))]
            };
            (urls.collect(), statements)
        }
        Some(("bucket", "uploads")) => {
            let actions = vec!["s3:DeleteObject", "s3:GetObject", "s3:PutObject"];
            let bucket = json!({"Ref": "UploadsBucketArn"});
            let statements =
                vec![(actions, json!({"Fn::Sub": "${UploadsBucketArn}/*"})), (vec!["s3:ListBucket"], bucket)];
            (vec!["UPLOADS_BUCKET".into()], statements)
        }
        None if grant == "sockets" => {
            let arn = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WsApi}/v1/*";
            (vec!["WS_ENDPOINT".into()], vec![(vec!["execute-api:ManageConnections"], json!({"Fn::Sub": arn}))])
        }
        None if grant == "mail" => {
            let arn = |of: &str| json!({"Fn::Sub": format!("arn:${{AWS::Partition}}:ses:${{AWS::Region}}:${{AWS::AccountId}}:{of}")});
            let arns = [arn("identity/${MailIdentity}"), arn("configuration-set/tallybook-${Stage}")];
            (vec!["API_URL".into(), "MAIL_FROM".into()], vec![(vec!["ses:SendEmail"], Value::from_iter(arns))])
        }
        None if grant == "lookout" => {
            let variables = ["ALERT_MAIL", "ALERT_WEBHOOK_SECRET", "API_URL", "INTERNET", "IPFS_GATEWAY"];
            let secret = (vec!["secretsmanager:GetSecretValue"], reference("AlertWebhookSecret"));
            (variables.map(str::to_owned).to_vec(), vec![secret])
        }
        _ => panic!("rules.rs does not know the grant {grant}: say there what it means"),
    }
}

/// What it takes to be put into a network.
pub const INTERFACES: [&str; 6] = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
];

fn statement(actions: &[&str], resource: &Value) -> String {
    let mut actions = actions.to_vec();
    actions.sort_unstable();
    format!("{} on {resource}", actions.join("+"))
}

/// A function's policy and variables are those of its dependencies, and its own log group and queue.
pub fn policies(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for row in &repository.rows {
        let Some((path, name, properties)) = function(repository, &row.handler) else { continue };
        let (variables, granted): (Vec<_>, Vec<_>) = row.grants.iter().map(|grant| meaning(grant)).unzip();
        let mut expected: Vec<_> =
            granted.concat().iter().map(|(actions, resource)| statement(actions, resource)).collect();
        let variables = BTreeSet::from_iter(variables.concat()).into_iter().collect();
        if row.speaks_to_the_database() {
            let interfaces = statement(&INTERFACES, &json!("*"));
            expected.extend([format!("in the network {interfaces}"), format!("in the network not {interfaces}")]);
        }
        expected.push(statement(
            &["logs:CreateLogStream", "logs:PutLogEvents"],
            &json!({"Fn::GetAtt": format!("{name}Logs.Arn")}),
        ));
        if let Some(queue) = row.trigger["queue"].as_str() {
            let arn = json!({"Ref": format!("{}QueueArn", capital(queue))});
            expected.push(statement(&["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], &arn));
        }
        let role =
            properties["Role"]["Fn::GetAtt"].as_str().and_then(|role| role.strip_suffix(".Arn")).unwrap_or_default();
        let template = repository.templates.get(path);
        let role = template.map_or(&Value::Null, |template| &template["Resources"][role]["Properties"]);
        let policies = role["Policies"].as_array().into_iter().flatten();
        let statements =
            policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().into_iter().flatten());
        let actual: Vec<_> = statements
            .map(|found| {
                let within = found["Fn::If"][0] == "InNetwork";
                let s = if within { &found["Fn::If"][1] } else { found };
                let actions = s["Action"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let said = statement(&actions.collect::<Vec<_>>(), &s["Resource"]);
                let not = if s["Effect"] == "Allow" { "" } else { "not " };
                format!("{}{not}{said}", if within { "in the network " } else { "" })
            })
            .collect();
        if !role["ManagedPolicyArns"].is_null() {
            found.push(format!("{}: its role in {path} takes policies from elsewhere", row.handler));
        }
        let of = |what: &str| format!("{}: {what}", row.handler);
        found.extend(compare(&of("permission"), &("its dependencies", expected), &(path, actual)));
        let set = properties["Environment"]["Variables"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(variable, _)| variable.clone())
            .collect();
        found.extend(compare(&of("variable"), &("its dependencies", variables), &(path, set)));
    }
    found
}

/// Every queue has a dead-letter queue of its kind; every worker answers for each message alone; and a message stays
/// hidden for six times the time its worker has.
pub fn queues(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    let queues: BTreeMap<_, _> =
        repository.resources("AWS::SQS::Queue").map(|(_, name, queue)| (name, queue)).collect();
    let dead = |queue: &Value| {
        Some(queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].as_str()?.strip_suffix(".Arn")?.to_owned())
    };
    let graves: BTreeSet<_> = queues.values().filter_map(|queue| dead(queue)).collect();
    for (name, queue) in queues.iter().filter(|(name, _)| !graves.contains(**name)) {
        match dead(queue).and_then(|dead| queues.get(dead.as_str()).copied()) {
            None => found.push(format!("queue {name} has no dead-letter queue")),
            Some(grave) if grave["FifoQueue"] != queue["FifoQueue"] => {
                found.push(format!("queue {name} and its dead-letter queue are not both FIFO"));
            }
            Some(_) => {}
        }
        if queue["RedrivePolicy"]["maxReceiveCount"].as_u64().is_none_or(|count| !(2..=10).contains(&count)) {
            found.push(format!("queue {name} gives a message up after no sensible number of tries"));
        }
    }
    for (path, name, source) in repository.resources(MAPPING) {
        if source["FunctionResponseTypes"] != json!(["ReportBatchItemFailures"]) {
            found.push(format!("{name} of {path} does not report failures one by one"));
        }
        if source["BatchSize"] != 1 {
            found.push(format!("{name} of {path} hands a message over with others, which a panic would take along"));
        }
    }
    for row in &repository.rows {
        let Some(queue) = row.trigger["queue"].as_str().map(capital) else { continue };
        if !queues.contains_key(queue.as_str()) {
            found.push(format!("{} works for a queue {queue} that is none", row.handler));
        }
        match visibility(repository, &queue) {
            Some(seconds) if seconds >= 6 * row.timeout => {}
            seconds => {
                found.push(format!("queue {queue} hides a message for {seconds:?} s, less than 6 × {} s", row.timeout));
            }
        }
    }
    found
}

/// A queue's visibility as the root passes it, where no test shortens it.
fn visibility(repository: &Repository, queue: &str) -> Option<u64> {
    let (_, _, template) = repository.resources("AWS::SQS::Queue").find(|(_, name, _)| *name == queue)?;
    let parameter = template["VisibilityTimeout"]["Ref"].as_str()?;
    let root = repository.templates.get("template.yaml")?;
    let passed = &root["Resources"]["Queues"]["Properties"]["Parameters"][parameter];
    passed.as_u64().or_else(|| passed["Fn::If"][2].as_u64())
}

/// Routes without a token are those of the list, and the OpenAPI document says so.
pub fn public_routes(repository: &Repository) -> Vec<String> {
    let open = |row: &&Row| row.public && ["http", "default"].contains(&row.kind());
    let tables: Vec<_> = repository.rows.iter().filter(open).filter_map(Row::route).collect();
    let mut found =
        compare("public route", &("the tables", tables.clone()), &("public-endpoints.txt", repository.public.clone()));
    let paths = repository.openapi["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, methods)| {
        methods
            .as_object()
            .into_iter()
            .flatten()
            .map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    // A requirement of nothing is one that everybody meets.
    let without = |operation: &Value| {
        let required = operation.get("security").unwrap_or(&repository.openapi["security"]);
        required.as_array().is_none_or(|all| all.is_empty() || all.contains(&json!({})))
    };
    let described = operations.filter(|(_, operation)| without(operation)).map(|(route, _)| route).collect();
    let tables = tables.into_iter().filter(|route| route != "$default").collect();
    found.extend(compare("public route", &("the tables", tables), &("the OpenAPI document", described)));
    found
}

/// Routes for administrators and for programs are those that the OpenAPI document says may answer 403.
pub fn admin_routes(repository: &Repository) -> Vec<String> {
    let tables = repository.rows.iter().filter(|row| row.admin || row.service).filter_map(Row::route).collect();
    let paths = repository.openapi["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, methods)| {
        methods
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, operation)| operation["responses"]["403"].is_object())
            .map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
    });
    let mut found =
        compare("administrators' route", &("the tables", tables), &("the OpenAPI document", operations.collect()));
    for row in repository.rows.iter().filter(|row| row.service) {
        let operation = &repository.openapi["paths"][text(row, "path")][text(row, "method").to_lowercase()];
        if operation["security"][0]["service"][0].is_null() {
            found.push(format!("{} does not ask for a service token in the OpenAPI document", row.handler));
        }
    }
    found
}

fn text<'a>(row: &'a Row, part: &str) -> &'a str {
    row.trigger[part].as_str().unwrap_or_default()
}

/// Every function has a sample event of its own trigger.
pub fn events(repository: &Repository) -> Vec<String> {
    let known = repository.rows.iter().map(|row| row.handler.clone()).collect();
    let mut found =
        compare("event of", &("the tables", known), &("events/", repository.events.keys().cloned().collect()));
    for row in &repository.rows {
        let Some(text) = repository.events.get(&row.handler) else { continue };
        let told = match row.kind() {
            "http" | "default" => serde_json::from_str::<ApiGatewayV2httpRequest>(text).map(|event| event.route_key),
            "socket" => serde_json::from_str::<ApiGatewayWebsocketProxyRequest>(text)
                .map(|event| event.request_context.route_key),
            "invoke" => serde_json::from_str::<Value>(text).map(|_| None),
            _ => serde_json::from_str::<SqsEvent>(text).map(|event| {
                let arn = event.records.first().and_then(|record| record.event_source_arn.clone());
                arn.and_then(|arn| {
                    Some(arn.rsplit_once(':')?.1.trim_end_matches(".fifo").rsplit_once('-')?.1.to_owned())
                })
            }),
        };
        let expected = row.route().or_else(|| row.trigger["queue"].as_str().map(str::to_owned));
        match told {
            Err(error) => found.push(format!("events/{}.json is no event of its trigger: {error}", row.handler)),
            Ok(told) if told != expected => {
                found.push(format!("events/{}.json is of {told:?}, not of {expected:?}", row.handler));
            }
            Ok(_) => {}
        }
    }
    found
}

/// A stack of 500 resources is refused. SAM makes one of each of ours.
pub fn sizes(repository: &Repository) -> Vec<String> {
    let size = |template: &Value| template["Resources"].as_object().map_or(0, serde_json::Map::len);
    let sizes = repository.templates.iter().map(|(path, template)| (path, size(template)));
    sizes
        .filter(|(_, size)| *size >= 400 || *size == 0)
        .map(|(path, size)| format!("{path} has {size} resources"))
        .collect()
}

/// Whoever meets a code finds it in the guides.
pub fn guides(repository: &Repository) -> Vec<String> {
    let told = |code: &str| repository.guides.contains(&format!("`{code}`"));
    let codes = repository.codes.iter().filter(|(code, _)| !told(code));
    codes.map(|(code, path)| format!("`{code}` of {path} is in none of the guides: add it to docs/errors.md")).collect()
}

/// Two types of one name would be one in the OpenAPI document, and it would be wrong for either's routes.
pub fn schemas(repository: &Repository) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let twice = repository.schemas.iter().filter(|name| !seen.insert(name.as_str()));
    twice.map(|name| format!("{name} names two types of the OpenAPI document: rename one")).collect()
}

/// A file of tests that no `main.rs` names is compiled by nobody, and looks as if it ran.
pub fn suites(repository: &Repository) -> Vec<String> {
    let lost = |(main, (text, modules)): (&String, &(String, Vec<String>))| {
        let named = |module: &&String| text.lines().any(|line| line == format!("mod {module};"));
        let lost = modules.iter().filter(|module| !named(module));
        lost.map(|module| format!("{main} has no `mod {module};`")).collect::<Vec<_>>()
    };
    repository.suites.iter().flat_map(lost).collect()
}
