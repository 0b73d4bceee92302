//! Rules about what functions stand on: the network, the database, and what must not be lost or read by others.

use crate::{
    repository::Repository,
    rules::{FUNCTION, INTERFACES, MAPPING, capital, compare, function},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const ROOT: &str = "template.yaml";
const STAGES: [&str; 3] = ["dev", "staging", "prod"];

/// Whoever speaks to the database is in its network, and nobody else: from there is no way to sockets, and none to the internet.
pub fn network(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for row in &repository.rows {
        let Some((path, name, properties)) = function(repository, &row.handler) else { continue };
        let operator =
            row.grants.iter().any(|grant| grant.starts_with("db:") && grant != "db:read" && grant != "db:write");
        let group = if operator { "OperatorsGroup" } else { "FunctionsGroup" };
        let expected = if row.speaks_to_the_database() {
            let subnets = json!({"Fn::Split": [",", {"Ref": "Subnets"}]});
            let within = json!({"SubnetIds": subnets, "SecurityGroupIds": [{"Ref": group}]});
            json!({"Fn::If": ["InNetwork", within, {"Ref": "AWS::NoValue"}]})
        } else {
            Value::Null
        };
        if properties["VpcConfig"] != expected {
            found
                .push(format!("{}: its network in {path} is {}, not {expected}", row.handler, properties["VpcConfig"]));
        }
        if row.speaks_to_the_database() && row.grants.contains("sockets") {
            found.push(format!("{} speaks to the database and to sockets, which no network lets it", row.handler));
        }
        // Lambda's permission to make interfaces is not the code's.
        let role = &repository.templates[path]["Resources"][format!("{name}Role")]["Properties"];
        let own = properties["FunctionName"]["Fn::Sub"].as_str().unwrap_or_default();
        let of = format!("arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{own}");
        for (_, statement) in statements(role).filter(|(_, statement)| statement["Effect"] == "Deny") {
            if statement["Condition"] != json!({"ArnEquals": {"lambda:SourceFunctionArn": {"Fn::Sub": of}}}) {
                found.push(format!(
                    "{}: the code of another function is kept from interfaces, not its own",
                    row.handler
                ));
            }
        }
    }
    found
}

/// The statements of a role, with the names of their policies; those under a condition as well.
fn statements(role: &Value) -> impl Iterator<Item = (&str, &Value)> {
    role["Policies"].as_array().into_iter().flatten().flat_map(|policy| {
        let name = policy["PolicyName"].as_str().unwrap_or_default();
        let all = policy["PolicyDocument"]["Statement"].as_array().into_iter().flatten();
        all.map(move |one| (name, if one["Fn::If"].is_array() { &one["Fn::If"][1] } else { one }))
    })
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        one => one.as_str().map(str::to_owned).into_iter().collect(),
    }
}

/// What functions in the network may do of a service, its endpoint lets through, and nothing more.
pub fn endpoints(repository: &Repository) -> Vec<String> {
    let mut granted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in repository.rows.iter().filter(|row| row.speaks_to_the_database()) {
        let Some((path, name, _)) = function(repository, &row.handler) else { continue };
        let role = &repository.templates[path]["Resources"][format!("{name}Role")]["Properties"];
        for action in statements(role).flat_map(|(_, statement)| texts(&statement["Action"])) {
            let service = ["s3", "dynamodb", "sqs", "secretsmanager"]
                .into_iter()
                .find(|one| action.starts_with(&format!("{one}:")));
            if let Some(service) = service {
                granted.entry(service).or_default().insert(action);
            }
        }
    }
    let mut found = Vec::new();
    let mut made = BTreeSet::new();
    for (path, name, endpoint) in repository.resources("AWS::EC2::VPCEndpoint") {
        let service =
            endpoint["ServiceName"]["Fn::Sub"].as_str().and_then(|name| name.rsplit('.').next()).unwrap_or_default();
        made.insert(service);
        let Some(granted) = granted.get(service) else { continue };
        let all = endpoint["PolicyDocument"]["Statement"].as_array().into_iter().flatten();
        let through: BTreeSet<_> = all.flat_map(|statement| texts(&statement["Action"])).collect();
        let through = (path, through.into_iter().collect::<Vec<_>>());
        found.extend(compare(
            &format!("{name}:"),
            &("the functions' roles", granted.iter().cloned().collect()),
            &through,
        ));
    }
    found.extend(
        granted.keys().filter(|one| !made.contains(**one)).map(|one| format!("functions have no way to {one}")),
    );
    found
}

/// Connections that the classes of servers have.
fn most(repository: &Repository) -> BTreeMap<String, u64> {
    let classes = repository.templates["infra/database.yaml"]["Mappings"]["Connections"].as_object();
    let number = |class: &Value| class["Most"].as_str().and_then(|most| most.parse().ok()).unwrap_or_default();
    classes.into_iter().flatten().map(|(class, of)| (class.clone(), number(of))).collect()
}

/// Workers of queues that speak to Postgres have a bound each, and together, twice, a quarter of its connections at most.
pub fn connections(repository: &Repository) -> Vec<String> {
    let (mut found, mut all) = (Vec::new(), 0);
    for row in repository.rows.iter().filter(|row| row.speaks_to_the_database()) {
        let Some(queue) = row.trigger["queue"].as_str() else { continue };
        let arn = json!({"Ref": format!("{}QueueArn", capital(queue))});
        let source = repository.resources(MAPPING).find(|(_, _, source)| source["EventSourceArn"] == arn);
        match source.and_then(|(_, _, source)| source["ScalingConfig"]["MaximumConcurrency"].as_u64()) {
            Some(most) => all += most,
            None => found.push(format!("{}: nothing bounds how often it runs at a time", row.handler)),
        }
    }
    let root = &repository.templates[ROOT];
    let stated = &root["Metadata"]["Connections"];
    if stated["OfWorkers"] != all {
        found.push(format!("workers may hold {all} connections; template.yaml says {}", stated["OfWorkers"]));
    }
    let classes = most(repository);
    let least = classes.values().min().copied().unwrap_or_default();
    if stated["MaxConnections"] != least {
        found.push(format!(
            "the smallest server has {least} connections; template.yaml says {}",
            stated["MaxConnections"]
        ));
    }
    if 4 * 2 * all > least {
        found.push(format!("twice the {all} connections of workers are more than a quarter of {least}"));
    }
    for stage in STAGES {
        let has = |what: &str| root["Mappings"]["Stages"][stage][what].as_str().unwrap_or_default();
        let Some(most) = classes.get(has("Class")) else {
            found.push(format!("{stage}: no server is called {}", has("Class")));
            continue;
        };
        if has("Proxy") == "true" {
            let percent = repository.templates["infra/proxy.yaml"]["Resources"]["Target"]["Properties"]
                ["ConnectionPoolConfigurationInfo"]["MaxConnectionsPercent"]
                .as_u64()
                .unwrap_or_default();
            if 4 * 2 * all * 100 > most * percent {
                found.push(format!(
                    "{stage}: twice the workers are more than a quarter of the proxy's {percent} % of {most}"
                ));
            }
            continue;
        }
        // One for each route's function that lies about, and as many as the gateway lets in at a time; all twice during a release.
        let routes = repository.rows.iter().filter(|row| row.speaks_to_the_database() && row.kind() != "queue").count();
        let burst: u64 = has("Burst").parse().unwrap_or(u64::MAX / 1_000);
        let needed = 2 * (u64::try_from(routes).unwrap_or_default() + burst + all);
        if needed * 100 > most * 80 {
            found.push(format!("{stage}: functions may hold {needed} connections, more than 80 % of {most}"));
        }
    }
    found
}

/// What holds data is encrypted, and what cannot be had again outlives its stack.
pub fn state(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    let mut must = |path: &str, name: &str, holds: bool, what: &str| {
        if !holds {
            found.push(format!("{name} of {path}: {what}"));
        }
    };
    for (path, template) in &repository.templates {
        for (name, resource) in template["Resources"].as_object().into_iter().flatten() {
            let of = &resource["Properties"];
            let kept = |how: &str| resource["DeletionPolicy"] == how && resource["UpdateReplacePolicy"] == how;
            match resource["Type"].as_str().unwrap_or_default() {
                "AWS::RDS::DBInstance" => {
                    must(path, name, of["StorageEncrypted"] == true, "is not encrypted");
                    must(path, name, of["PubliclyAccessible"] == false, "can be reached from the internet");
                    must(path, name, kept("Snapshot"), "is gone with its stack");
                    must(path, name, of["DeleteAutomatedBackups"] == false, "takes its backups with it");
                    must(path, name, of["ManageMasterUserPassword"] == true, "has a password that somebody knows");
                }
                "AWS::RDS::DBParameterGroup" => {
                    let says = |setting: &str, value: &str| of["Parameters"][setting] == value;
                    must(path, name, says("rds.force_ssl", "1"), "lets clients in without TLS");
                    let silent = says("log_parameter_max_length", "0") && says("log_error_verbosity", "terse");
                    must(path, name, silent && says("log_statement", "none"), "lets the log hold what users store");
                }
                "AWS::RDS::DBProxy" => {
                    must(path, name, of["RequireTLS"] == true, "lets clients in without TLS");
                    must(path, name, of["DebugLogging"] == false, "logs statements");
                }
                "AWS::S3::Bucket" => {
                    let shut = of["PublicAccessBlockConfiguration"]
                        .as_object()
                        .is_some_and(|all| all.len() == 4 && all.values().all(|one| one == true));
                    must(path, name, of["BucketEncryption"].is_object(), "is not encrypted");
                    must(path, name, shut, "may be made public");
                    must(path, name, kept("Retain"), "is gone with its stack");
                }
                "AWS::DynamoDB::Table" => {
                    must(path, name, of["SSESpecification"]["SSEEnabled"] == true, "is not encrypted");
                }
                "AWS::SQS::Queue" => must(path, name, of["SqsManagedSseEnabled"] == true, "is not encrypted"),
                "AWS::Logs::LogGroup" => must(path, name, !of["RetentionInDays"].is_null(), "is kept for ever"),
                _ => {}
            }
        }
    }
    let stages = &repository.templates[ROOT]["Mappings"]["Stages"];
    for stage in STAGES {
        let days: u64 = stages[stage]["BackupDays"].as_str().and_then(|days| days.parse().ok()).unwrap_or_default();
        must(ROOT, stage, days >= 7, "backups are kept for less than a week");
    }
    for what in ["MultiAz", "Protected", "Proxy"] {
        must(ROOT, "prod", stages["prod"][what] == "true", &format!("{what} is not true"));
    }
    found
}

/// Where a policy names no single thing, and why it cannot.
const ANYTHING: [(&str, &str); 1] =
    [("ec2", "the interfaces are not there before they are made; the code is denied them")];

/// No role may do anything to anything, but for the reasons above; no role takes a policy from elsewhere, but AWS's for its own
/// services; and an endpoint that lets in whoever comes lets in this account's alone.
pub fn wildcards(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    let expected = INTERFACES.map(str::to_owned).to_vec();
    for (path, name, role) in repository.resources("AWS::IAM::Role") {
        for (policy, statement) in statements(role) {
            let mut actions = texts(&statement["Action"]);
            actions.sort();
            let reasoned = actions == expected && ANYTHING.iter().any(|(service, _)| *service == "ec2");
            if texts(&statement["Resource"]).iter().any(|one| one == "*") && !reasoned {
                found.push(format!("{policy} of {name} in {path} names no resource for {}", actions.join("+")));
            }
            found.extend(
                actions
                    .iter()
                    .filter(|one| one.contains('*'))
                    .map(|one| format!("{policy} of {name} in {path} may do {one}")),
            );
        }
        for managed in role["ManagedPolicyArns"].as_array().into_iter().flatten() {
            let of_aws = managed["Fn::Sub"]
                .as_str()
                .is_some_and(|arn| arn.starts_with("arn:${AWS::Partition}:iam::aws:policy/service-role/"));
            if !of_aws || path.starts_with("functions/") {
                found.push(format!("{name} in {path} takes policies from elsewhere: {managed}"));
            }
        }
        for trusted in role["AssumeRolePolicyDocument"]["Statement"].as_array().into_iter().flatten() {
            let service = trusted["Principal"]["Service"].as_str().unwrap_or("*");
            // Others would do for anybody's account what they are asked to.
            let bound = ["lambda.amazonaws.com", "apigateway.amazonaws.com"].contains(&service)
                || !trusted["Condition"]["StringEquals"]["aws:SourceAccount"].is_null();
            if !bound {
                found.push(format!("{name} in {path} may be taken by {service} for another account"));
            }
        }
    }
    for (path, name, endpoint) in repository.resources("AWS::EC2::VPCEndpoint") {
        for statement in endpoint["PolicyDocument"]["Statement"].as_array().into_iter().flatten() {
            if statement["Condition"]["StringEquals"]["aws:PrincipalAccount"] != json!({"Ref": "AWS::AccountId"}) {
                found.push(format!("{name} in {path} lets in whoever comes"));
            }
        }
    }
    for (path, name, group) in repository.resources("AWS::EC2::SecurityGroup") {
        let from = group["SecurityGroupIngress"].as_array().into_iter().flatten();
        if from.clone().any(|rule| rule["SourceSecurityGroupId"].is_null()) {
            found.push(format!("{name} in {path} lets in addresses, not groups"));
        }
        if group["SecurityGroupEgress"].as_array().is_none_or(Vec::is_empty) {
            found.push(format!("{name} in {path} may send anything anywhere"));
        }
    }
    found
}

/// Logs of the gateways hold neither paths nor queries nor addresses.
pub fn access_logs(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for (path, name, stage) in repository.resources("AWS::ApiGatewayV2::Stage") {
        let format = stage["AccessLogSettings"]["Format"].as_str().unwrap_or_default();
        if serde_json::from_str::<Value>(format).is_err() {
            found.push(format!("{name} of {path} logs no JSON"));
        }
        for word in format.split(['"', ' ']).filter(|word| word.starts_with("$context.")) {
            let known = [
                "requestTimeEpoch",
                "requestId",
                "routeKey",
                "status",
                "responseLength",
                "responseLatency",
                "integrationLatency",
                "integrationStatus",
                "error.responseType",
                "eventType",
                "connectionId",
            ];
            if !known.iter().any(|one| word == format!("$context.{one}")) {
                found.push(format!("{name} of {path} logs {word}"));
            }
        }
        if stage["DefaultRouteSettings"]["ThrottlingRateLimit"].is_null() {
            found.push(format!("{name} of {path} has no limit"));
        }
    }
    found
}

/// Whom a function trusts to have signed the database's certificate: of each region the three that RDS has.
pub fn authorities(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for (region, pem) in &repository.authorities {
        let ders = certificates(pem);
        for kind in ["RSA2048", "RSA4096", "ECC384"] {
            let name = format!("Amazon RDS {region} Root CA {kind} G1");
            // It signed itself: its name stands there twice.
            let has = |der: &&Vec<u8>| der.windows(name.len()).filter(|part| *part == name.as_bytes()).count() == 2;
            if ders.iter().filter(has).count() != 1 {
                found.push(format!("infra/data/rds/{region}.pem does not hold {name}"));
            }
        }
        if ders.len() != 3 {
            found.push(format!("infra/data/rds/{region}.pem holds {} certificates", ders.len()));
        }
    }
    if repository.authorities.len() < 27 {
        found.push(format!("infra/data/rds has {} regions", repository.authorities.len()));
    }
    found
}

fn certificates(pem: &str) -> Vec<Vec<u8>> {
    use base64::Engine;
    let parts = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let texts = parts.filter_map(|part| part.split_once("-----END CERTIFICATE-----"));
    let plain = |text: &str| text.split_whitespace().collect::<String>();
    texts.filter_map(|(text, _)| base64::engine::general_purpose::STANDARD.decode(plain(text)).ok()).collect()
}

/// Every function that the network rules know of is one of SAM's; a plain one would escape them.
pub fn plain_functions(repository: &Repository) -> Vec<String> {
    let plain = repository.resources("AWS::Lambda::Function");
    plain.map(|(path, name, _)| format!("{name} of {path} is no {FUNCTION}, and no rule looks at it")).collect()
}
