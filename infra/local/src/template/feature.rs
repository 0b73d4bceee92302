//! One feature's nested stack. Role, log group, integration, route and permission are written out
//! for each function: SAM's own events cannot cross templates, and the role it makes may write to
//! every log group of the account.

use std::{collections::BTreeMap, fmt::Write};

use anyhow::{Context, Result};

use super::{
    Feature, Function, Trigger, camel,
    grants::{CONSUME, Grant, grant, http_api, queue_arn, ws_api},
};

/// Passed to every feature, whatever it may do.
const COMMON: [&str; 14] = [
    "Stage",
    "Architecture",
    "LogLevel",
    "LogRetention",
    "CorsOrigins",
    "AppUrl",
    "FrontKeys",
    "Release",
    "DatabaseAuthorities",
    "DatabasePooled",
    "DatabaseTls",
    "Heartbeat",
    "RetryBase",
    "LocalGateway",
];

/// The parameters of a feature's stack, and what the root passes for each.
pub fn parameters(feature: &Feature) -> Result<BTreeMap<String, String>> {
    let mut all: BTreeMap<String, String> = COMMON.iter().map(|name| ((*name).to_owned(), from_root(name))).collect();
    for function in &feature.functions {
        let source = match &function.trigger {
            Trigger::Http { .. } | Trigger::Default => Some(http_api()),
            Trigger::Socket { .. } => Some(ws_api()),
            Trigger::Queue { queue, .. } => Some(queue_arn(queue)),
            Trigger::Invoke => None,
        };
        all.extend(source);
        if let Some(group) = group(function) {
            all.extend([network(SUBNETS), network(group)]);
        }
        for granted in granted(function)? {
            all.extend(granted.parameters);
        }
    }
    Ok(all)
}

fn from_root(name: &str) -> String {
    match name {
        "CorsOrigins" => "!Join [\",\", !Ref CorsOrigins]".to_owned(),
        // RDS's own of the region, which lie in the zip.
        "DatabaseAuthorities" => {
            "!If [AuthoritiesGiven, !Ref DatabaseAuthorities, !Sub \"/var/task/rds/${AWS::Region}.pem\"]".to_owned()
        }
        "DatabasePooled" => {
            "!If [MakesDatabase, !If [WantsProxy, \"true\", \"false\"], !Ref DatabasePooled]".to_owned()
        }
        "DatabaseTls" => "!If [IsLocal, \"off\", verify-full]".to_owned(),
        name => format!("!Ref {name}"),
    }
}

fn granted(function: &Function) -> Result<Vec<Grant>> {
    function.grants.iter().map(|name| grant(name)).collect::<Result<_>>().with_context(|| function.handler.clone())
}

/// The parameter that names the network's subnets.
const SUBNETS: &str = "Subnets";

/// The security group of a function that speaks to the database, in whose network it runs; none for the others, which have the
/// internet instead. Whoever migrates the server or changes its passwords does not go by the proxy.
pub fn group(function: &Function) -> Option<&'static str> {
    let databases = function.grants.iter().filter(|grant| grant.starts_with("db:"));
    databases
        .map(
            |grant| if ["db:read", "db:write"].contains(&grant.as_str()) { "FunctionsGroup" } else { "OperatorsGroup" },
        )
        .max()
}

/// A parameter of the network, which is ours if the database is.
fn network(parameter: &str) -> (String, String) {
    let own = if parameter == SUBNETS { "FunctionSubnets" } else { "FunctionGroup" };
    (parameter.to_owned(), format!("!If [MakesDatabase, !GetAtt Network.Outputs.{parameter}, !Ref {own}]"))
}

pub fn template(feature: &Feature) -> Result<String> {
    let mut out = String::new();
    let name = &feature.name;
    write!(
        out,
        r#"# Written by `cargo local template` from the table in functions/{name}/src/lib.rs; change that, not this.
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Description: Tallybook - {name}

Parameters:
"#
    )?;
    for parameter in parameters(feature)?.keys() {
        writeln!(out, "  {parameter}: {{Type: String}}")?;
    }
    out.push_str(
        r#"
Conditions:
  IsLocal: !Not [!Equals [!Ref LocalGateway, ""]]
"#,
    );
    if feature.functions.iter().any(|function| group(function).is_some()) {
        writeln!(out, "  InNetwork: !Not [!Equals [!Ref {SUBNETS}, \"\"]]")?;
    }
    out.push_str(
        r"
Globals:
  Function:
    Runtime: provided.al2023
    Architectures: [!Ref Architecture]
    # One bootstrap for every function: it picks its handler by _HANDLER.
    CodeUri: ../../target/lambda/",
    );
    // It shows the documentation, and no other start should load that.
    writeln!(out, "{}", if name == "system" { "documents.zip" } else { "bootstrap.zip" })?;
    out.push_str(
        r#"    Environment:
      Variables:
        STAGE: !Ref Stage
        RELEASE: !Ref Release
        RUST_LOG: !Ref LogLevel
        CORS_ORIGINS: !Ref CorsOrigins
        APP_URL: !Ref AppUrl
        FRONT_KEYS: !Ref FrontKeys
        DB_POOLED: !Ref DatabasePooled
        DB_TLS: !Ref DatabaseTls
        DB_CA_FILE: !Ref DatabaseAuthorities
        HEARTBEAT_S: !Ref Heartbeat
        RETRY_BASE_S: !Ref RetryBase
        AWS_ENDPOINT_URL: !If [IsLocal, !Ref LocalGateway, !Ref "AWS::NoValue"]

Resources:
"#,
    );
    let functions: Vec<String> = feature.functions.iter().map(|f| function(name, f)).collect::<Result<_>>()?;
    out.push_str(&functions.join("\n"));
    Ok(out)
}

fn function(feature: &str, function: &Function) -> Result<String> {
    let mut out = String::new();
    let Function { handler, memory, timeout, .. } = function;
    let id = camel(function.endpoint());
    let name = format!("tallybook-${{Stage}}-{feature}-{}", function.endpoint().replace('_', "-"));
    let granted = granted(function)?;
    write!(
        out,
        r#"  {id}:
    Type: AWS::Serverless::Function
    Metadata: {{SkipBuild: true}}
    Properties:
      FunctionName: !Sub "{name}"
      Handler: {handler}
      MemorySize: {memory}
      Timeout: {timeout}
      Role: !GetAtt {id}Role.Arn
      LoggingConfig: {{LogGroup: !Ref {id}Logs, LogFormat: JSON, SystemLogLevel: WARN}}
"#
    )?;
    if let Some(group) = group(function) {
        writeln!(
            out,
            r#"      VpcConfig: !If [InNetwork, {{SubnetIds: !Split [",", !Ref {SUBNETS}], SecurityGroupIds: [!Ref {group}]}}, !Ref "AWS::NoValue"]"#
        )?;
    }
    let variables: BTreeMap<_, _> = granted.iter().flat_map(|grant| &grant.variables).cloned().collect();
    if !variables.is_empty() {
        out.push_str("      Environment:\n        Variables:\n");
        for (variable, value) in variables {
            writeln!(out, "          {variable}: {value}")?;
        }
    }
    write!(
        out,
        r#"  {id}Logs:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties: {{LogGroupName: !Sub "/aws/lambda/{name}", RetentionInDays: !Ref LogRetention}}
  {id}Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: "sts:AssumeRole"}}]
      Policies:
        - PolicyName: {feature}-{endpoint}
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: ["logs:CreateLogStream", "logs:PutLogEvents"]
                Resource: !GetAtt {id}Logs.Arn
"#,
        endpoint = function.endpoint(),
    )?;
    if group(function).is_some() {
        write!(out, "{}", interfaces(&name))?;
    }
    for (actions, resources) in granted.iter().flat_map(|grant| &grant.statements) {
        out.push_str(&statement(actions, resources)?);
    }
    if let Trigger::Queue { queue, .. } = &function.trigger {
        out.push_str(&statement(CONSUME, &[format!("!Ref {}", queue_arn(queue).0)])?);
    }
    if !matches!(function.trigger, Trigger::Invoke) {
        out.push_str(&alias(&id));
    }
    out.push_str(&trigger(&id, &function.trigger)?);
    Ok(out)
}

/// What callers call, and the version it begins with. Both stay as they are in every later template, so `CloudFormation` makes
/// them once and never touches them again: `cargo ship` publishes versions and moves all aliases of a release together, after
/// it has tried them. `AutoPublishAlias` would move each while its stack is updated, tried or not. Whatever changed here, even
/// a description, would send every caller back to the first version.
fn alias(id: &str) -> String {
    format!(
        r"  {id}First:
    Type: AWS::Lambda::Version
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties: {{FunctionName: !Ref {id}}}
  {id}Live:
    Type: AWS::Lambda::Alias
    Properties: {{FunctionName: !Ref {id}, Name: live, FunctionVersion: !GetAtt {id}First.Version}}
"
    )
}

/// What Lambda needs to put a function into a network. AWS takes no narrower resource, since the interfaces are not there yet; so the
/// second statement keeps it from the function's own code, which uses the same role.
fn interfaces(name: &str) -> String {
    const ACTIONS: &str = r#"["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"]"#;
    format!(
        r#"              - Fn::If:
                  - InNetwork
                  - {{Effect: Allow, Action: {ACTIONS}, Resource: "*"}}
                  - !Ref "AWS::NoValue"
              - Fn::If:
                  - InNetwork
                  - Effect: Deny
                    Action: {ACTIONS}
                    Resource: "*"
                    Condition: {{ArnEquals: {{"lambda:SourceFunctionArn": !Sub "arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{name}"}}}}
                  - !Ref "AWS::NoValue"
"#
    )
}

fn statement(actions: &[&str], resources: &[String]) -> Result<String> {
    let mut out = String::new();
    let actions = actions.iter().map(|action| format!("\"{action}\"")).collect::<Vec<_>>().join(", ");
    writeln!(out, "              - Effect: Allow\n                Action: [{actions}]")?;
    match resources {
        [one] => writeln!(out, "                Resource: {one}")?,
        many => writeln!(out, "                Resource: [{}]", many.join(", "))?,
    }
    Ok(out)
}

fn trigger(id: &str, trigger: &Trigger) -> Result<String> {
    Ok(match trigger {
        Trigger::Http { method, path } => {
            http(id, &format!("{method} {path}"), &format!("/*/{method}{}", wildcards(path)))?
        }
        Trigger::Default => http(id, "$default", "/*/$default")?,
        Trigger::Socket { route } => socket(id, route)?,
        Trigger::Queue { queue, max_concurrency } => format!(
            r"  {id}Source:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !Ref {arn}
      FunctionName: !Ref {id}Live
      BatchSize: 1
      FunctionResponseTypes: [ReportBatchItemFailures]
      ScalingConfig: {{MaximumConcurrency: {max_concurrency}}}
",
            arn = queue_arn(queue).0
        ),
        Trigger::Invoke => String::new(),
    })
}

fn http(id: &str, route: &str, source: &str) -> Result<String> {
    let mut out = String::new();
    write!(
        out,
        r#"  {id}Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties: {{ApiId: !Ref HttpApi, IntegrationType: AWS_PROXY, IntegrationUri: !Ref {id}Live, PayloadFormatVersion: "2.0"}}
  {id}Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {{ApiId: !Ref HttpApi, RouteKey: "{route}", Target: !Sub "integrations/${{{id}Integration}}"}}
{}"#,
        permission(id, "HttpApi", source)
    )?;
    Ok(out)
}

/// A WebSocket integration takes the long form of the address, and only a route with a response
/// sends the function's answer to the client.
fn socket(id: &str, route: &str) -> Result<String> {
    let mut out = String::new();
    let answers = !matches!(route, "$connect" | "$disconnect");
    let selection = if answers { ", RouteResponseSelectionExpression: \"$default\"" } else { "" };
    write!(
        out,
        r#"  {id}Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref WsApi
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub
        - "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{Function}}/invocations"
        - Function: !Ref {id}Live
  {id}Route:
    Type: AWS::ApiGatewayV2::Route
    Properties: {{ApiId: !Ref WsApi, RouteKey: "{route}", Target: !Sub "integrations/${{{id}Integration}}"{selection}}}
"#
    )?;
    if answers {
        write!(
            out,
            r#"  {id}RouteResponse:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {{ApiId: !Ref WsApi, RouteId: !Ref {id}Route, RouteResponseKey: "$default"}}
"#
        )?;
    }
    out.push_str(&permission(id, "WsApi", &format!("/*/{route}")));
    Ok(out)
}

fn permission(id: &str, api: &str, source: &str) -> String {
    format!(
        r#"  {id}Permission:
    Type: AWS::Lambda::Permission
    Properties:
      Action: lambda:InvokeFunction
      FunctionName: !Ref {id}Live
      Principal: apigateway.amazonaws.com
      SourceArn: !Sub "arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{api}}}{source}"
"#
    )
}

/// `/transactions/{id}` → `/transactions/*`: in an ARN a path parameter is a wildcard.
fn wildcards(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "*" } else { part }).collect::<Vec<_>>().join("/")
}
