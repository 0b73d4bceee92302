//! The same for the rules about what functions stand on.

use crate::{
    broken::{notices, properties, resource},
    repository::Repository,
    stacks,
};
use serde_json::{Value, json};

const AUTH: &str = "functions/auth/template.yaml";
const REALTIME: &str = "functions/realtime/template.yaml";
const TASKS: &str = "functions/tasks/template.yaml";
const NETWORK: &str = "infra/network.yaml";
const DATABASE: &str = "infra/database.yaml";
const PROXY: &str = "infra/proxy.yaml";

fn stage<'a>(repository: &'a mut Repository, stage: &str) -> &'a mut Value {
    let template = repository.templates.get_mut("template.yaml").expect("it is there");
    &mut template["Mappings"]["Stages"][stage]
}

fn statements<'a>(repository: &'a mut Repository, path: &str, role: &str) -> &'a mut Vec<Value> {
    let policy = &mut properties(repository, path, role)["Policies"][0]["PolicyDocument"]["Statement"];
    policy.as_array_mut().expect("statements")
}

#[test]
fn a_worker_that_takes_the_connections_of_others() {
    notices(stacks::connections, "nothing bounds how often it runs", |repository| {
        properties(repository, TASKS, "HighSource")["ScalingConfig"] = json!({});
    });
    notices(stacks::connections, "more than a quarter", |repository| {
        properties(repository, TASKS, "HighSource")["ScalingConfig"] = json!({"MaximumConcurrency": 50});
    });
}

#[test]
fn a_server_too_small_for_its_stage() {
    notices(stacks::connections, "dev: functions may hold", |repository| {
        stage(repository, "dev")["Class"] = json!("db.t4g.small");
    });
    notices(stacks::connections, "staging: twice the workers", |repository| {
        properties(repository, PROXY, "Target")["ConnectionPoolConfigurationInfo"]["MaxConnectionsPercent"] = json!(20);
    });
    notices(stacks::connections, "prod: no server is called db.t2.nano", |repository| {
        stage(repository, "prod")["Class"] = json!("db.t2.nano");
    });
    notices(stacks::connections, "the smallest server has 100", |repository| {
        let template = repository.templates.get_mut(DATABASE).expect("it is there");
        template["Mappings"]["Connections"]["db.t4g.small"]["Most"] = json!("100");
    });
}

#[test]
fn a_function_that_cannot_reach_what_it_speaks_to() {
    notices(stacks::network, "auth.login: its network", |repository| {
        properties(repository, AUTH, "Login").as_object_mut().expect("properties").remove("VpcConfig");
    });
    notices(stacks::network, "realtime.deliver: its network", |repository| {
        let other = properties(repository, REALTIME, "Relay")["VpcConfig"].clone();
        properties(repository, REALTIME, "Deliver")["VpcConfig"] = other;
    });
    notices(stacks::network, "realtime.relay speaks to the database and to sockets", |repository| {
        let relay = repository.rows.iter_mut().find(|row| row.handler == "realtime.relay").expect("it is there");
        relay.grants.insert("sockets".into());
    });
    notices(stacks::network, "auth.login: its network", |repository| {
        let text =
            properties(repository, AUTH, "Login")["VpcConfig"].to_string().replace("FunctionsGroup", "OperatorsGroup");
        properties(repository, AUTH, "Login")["VpcConfig"] = serde_json::from_str(&text).expect("JSON");
    });
}

#[test]
fn interfaces_that_the_code_itself_may_make() {
    notices(stacks::network, "the code of another function", |repository| {
        let denied =
            statements(repository, AUTH, "LoginRole").iter_mut().find(|one| one["Fn::If"][1]["Effect"] == "Deny");
        denied.expect("it is denied")["Fn::If"][1]["Condition"] = json!({});
    });
    notices(crate::rules::policies, "auth.login: permission in the network not ec2:", |repository| {
        statements(repository, AUTH, "LoginRole").retain(|one| one["Fn::If"][1]["Effect"] != "Deny");
    });
}

#[test]
fn an_endpoint_that_lets_too_little_or_too_much_through() {
    notices(stacks::endpoints, "TablesEndpoint: dynamodb:UpdateItem is in the functions' roles", |repository| {
        properties(repository, NETWORK, "TablesEndpoint")["PolicyDocument"]["Statement"][0]["Action"] =
            json!(["dynamodb:GetItem"]);
    });
    notices(stacks::endpoints, "S3Endpoint: s3:* is in infra/network.yaml", |repository| {
        properties(repository, NETWORK, "S3Endpoint")["PolicyDocument"]["Statement"][0]["Action"] = json!("s3:*");
    });
    notices(stacks::endpoints, "no way to sqs", |repository| {
        crate::broken::remove(repository, NETWORK, "QueuesEndpoint");
    });
}

#[test]
fn data_that_others_read_or_nobody_has_any_more() {
    for (name, break_it) in [
        ("is not encrypted", json!({"StorageEncrypted": false})),
        ("can be reached", json!({"PubliclyAccessible": true})),
        ("takes its backups", json!({"DeleteAutomatedBackups": true})),
        ("somebody knows", json!({"ManageMasterUserPassword": false})),
    ] {
        notices(stacks::state, name, |repository| {
            for (key, value) in break_it.as_object().expect("an object") {
                properties(repository, DATABASE, "Server")[key] = value.clone();
            }
        });
    }
    notices(stacks::state, "is gone with its stack", |repository| {
        resource(repository, DATABASE, "Server")["DeletionPolicy"] = json!("Delete");
    });
    notices(stacks::state, "UploadsBucket of infra/storage.yaml: may be made public", |repository| {
        properties(repository, "infra/storage.yaml", "UploadsBucket")["PublicAccessBlockConfiguration"]["BlockPublicAcls"] =
            json!(false);
    });
    notices(stacks::state, "without TLS", |repository| {
        properties(repository, DATABASE, "Settings")["Parameters"]["rds.force_ssl"] = json!("0");
    });
    notices(stacks::state, "what users store", |repository| {
        properties(repository, DATABASE, "Settings")["Parameters"]["log_statement"] = json!("all");
    });
    notices(stacks::state, "logs statements", |repository| {
        properties(repository, PROXY, "Proxy")["DebugLogging"] = json!(true);
    });
    notices(stacks::state, "kept for ever", |repository| {
        properties(repository, DATABASE, "Logs").as_object_mut().expect("properties").remove("RetentionInDays");
    });
    notices(stacks::state, "Limits", |repository| {
        properties(repository, "infra/storage.yaml", "LimitsTable")["SSESpecification"] = json!({});
    });
    notices(stacks::state, "prod of template.yaml: MultiAz", |repository| {
        stage(repository, "prod")["MultiAz"] = json!("false");
    });
    notices(stacks::state, "less than a week", |repository| stage(repository, "dev")["BackupDays"] = json!("1"));
}

#[test]
fn a_role_that_may_do_anything() {
    notices(stacks::wildcards, "names no resource for secretsmanager:GetSecretValue", |repository| {
        statements(repository, PROXY, "Role")[0]["Resource"] = json!("*");
    });
    notices(stacks::wildcards, "may do secretsmanager:*", |repository| {
        statements(repository, PROXY, "Role")[0]["Action"] = json!("secretsmanager:*");
    });
    notices(stacks::wildcards, "takes policies from elsewhere", |repository| {
        properties(repository, DATABASE, "MonitoringRole")["ManagedPolicyArns"] =
            json!(["arn:aws:iam::aws:policy/AdministratorAccess"]);
    });
    notices(stacks::wildcards, "for another account", |repository| {
        properties(repository, PROXY, "Role")["AssumeRolePolicyDocument"]["Statement"][0]["Condition"] = json!({});
    });
    notices(stacks::wildcards, "lets in whoever comes", |repository| {
        properties(repository, NETWORK, "SecretsEndpoint")["PolicyDocument"]["Statement"][0]["Condition"] = json!({});
    });
    notices(stacks::wildcards, "lets in addresses", |repository| {
        properties(repository, NETWORK, "Endpoints")["SecurityGroupIngress"][0] = json!({"CidrIp": "0.0.0.0/0"});
    });
    notices(stacks::wildcards, "may send anything anywhere", |repository| {
        properties(repository, NETWORK, "Database").as_object_mut().expect("properties").remove("SecurityGroupEgress");
    });
}

#[test]
fn a_gateway_that_logs_what_callers_sent() {
    notices(stacks::access_logs, "logs $context.path", |repository| {
        let settings = &mut properties(repository, "template.yaml", "HttpStage")["AccessLogSettings"];
        settings["Format"] = json!(r#"{"path":"$context.path"}"#);
    });
    notices(stacks::access_logs, "has no limit", |repository| {
        properties(repository, "template.yaml", "HttpStage")
            .as_object_mut()
            .expect("properties")
            .remove("DefaultRouteSettings");
    });
}

#[test]
fn an_authority_that_is_not_rdss() {
    notices(stacks::authorities, "eu-west-1.pem does not hold Amazon RDS eu-west-1 Root CA RSA2048 G1", |repository| {
        let other = repository.authorities["eu-west-2"].clone();
        repository.authorities.insert("eu-west-1".into(), other);
    });
    notices(stacks::authorities, "us-east-1.pem holds 4 certificates", |repository| {
        let twice = repository.authorities["us-east-1"].clone() + &repository.authorities["us-east-2"];
        let four =
            twice.match_indices("-----END CERTIFICATE-----").nth(3).expect("six").0 + "-----END CERTIFICATE-----".len();
        repository.authorities.insert("us-east-1".into(), twice[..four].to_owned());
    });
}

#[test]
fn a_function_that_no_rule_sees() {
    notices(stacks::plain_functions, "Migrate of infra/database.yaml", |repository| {
        let template = repository.templates.get_mut(DATABASE).expect("it is there");
        template["Resources"]["Migrate"] = json!({"Type": "AWS::Lambda::Function", "Properties": {}});
    });
}
