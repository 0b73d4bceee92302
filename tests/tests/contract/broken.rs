//! Each rule is shown one break of its kind, in a copy, and must notice it.

use crate::{answers, releases, repository::Repository, rules, watching};
use serde_json::{Value, json};

/// The rule holds before the break, and names it after.
#[track_caller]
pub fn notices(rule: fn(&Repository) -> Vec<String>, word: &str, break_it: impl FnOnce(&mut Repository)) {
    let mut repository = Repository::read();
    let before = rule(&repository);
    break_it(&mut repository);
    let news: Vec<_> = rule(&repository).into_iter().filter(|line| !before.contains(line)).collect();
    assert!(news.iter().any(|line| line.contains(word)), "the break was not noticed by its name ({word}): {news:?}");
}

pub fn properties<'a>(repository: &'a mut Repository, path: &str, name: &str) -> &'a mut Value {
    &mut resource(repository, path, name)["Properties"]
}

pub fn resource<'a>(repository: &'a mut Repository, path: &str, name: &str) -> &'a mut Value {
    let template = repository.templates.get_mut(path).unwrap_or_else(|| panic!("there is no {path}"));
    let resource = &mut template["Resources"][name];
    assert!(resource.is_object(), "{path} has no {name}: the break would break nothing");
    resource
}

pub fn remove(repository: &mut Repository, path: &str, name: &str) {
    let template = repository.templates.get_mut(path).unwrap_or_else(|| panic!("there is no {path}"));
    template["Resources"]
        .as_object_mut()
        .and_then(|all| all.remove(name))
        .unwrap_or_else(|| panic!("{path} has no {name}"));
}

const AUTH: &str = "functions/auth/template.yaml";
const REALTIME: &str = "functions/realtime/template.yaml";
const QUEUES: &str = "infra/queues.yaml";

#[test]
fn a_route_that_a_template_lost() {
    notices(rules::routes, "POST /auth/login", |repository| remove(repository, AUTH, "LoginRoute"));
}

#[test]
fn a_route_that_leads_to_another_function() {
    notices(rules::routes, "POST /auth/login of HttpApi to auth.register", |repository| {
        properties(repository, AUTH, "LoginIntegration")["IntegrationUri"] = json!({"Ref": "RegisterLive"});
    });
}

#[test]
fn a_route_that_two_resources_claim() {
    notices(rules::routes, "twice", |repository| {
        let route = resource(repository, AUTH, "LoginRoute").clone();
        repository.templates.get_mut(AUTH).expect("it is there")["Resources"]["LoginAgain"] = route;
    });
}

#[test]
fn a_route_that_the_openapi_document_lost_or_made_up() {
    notices(rules::routes, "POST /budgets is in the tables but not in the OpenAPI document", |repository| {
        repository.openapi["paths"]["/budgets"].as_object_mut().expect("it is there").remove("post");
    });
    notices(rules::routes, "PUT /budgets is in the OpenAPI document but not in the tables", |repository| {
        repository.openapi["paths"]["/budgets"]["put"] = json!({});
    });
}

#[test]
fn a_route_that_the_gateway_may_not_call() {
    notices(rules::routes, "auth.login may not be called", |repository| remove(repository, AUTH, "LoginPermission"));
}

#[test]
fn an_alias_that_a_deployment_of_the_template_would_move() {
    notices(releases::aliases, "LoginLive", |repository| {
        properties(repository, AUTH, "LoginLive")["Description"] = json!("called");
    });
    notices(releases::aliases, "LoginFirst", |repository| {
        properties(repository, AUTH, "LoginFirst")["Description"] = json!({"Ref": "Release"});
    });
    notices(releases::aliases, "AutoPublishAlias", |repository| {
        properties(repository, AUTH, "Login")["AutoPublishAlias"] = json!("live");
    });
}

#[test]
fn a_handler_that_the_bootstrap_does_not_know() {
    notices(rules::handlers, "auth.lgoin", |repository| {
        properties(repository, AUTH, "Login")["Handler"] = json!("auth.lgoin");
    });
}

#[test]
fn a_function_that_was_never_deployed() {
    notices(rules::handlers, "handler auth.login is in the tables but not", |repository| {
        remove(repository, AUTH, "Login");
    });
}

#[test]
fn a_timeout_that_only_the_template_knows() {
    notices(rules::handlers, "timeout", |repository| properties(repository, AUTH, "Login")["Timeout"] = json!(29));
}

#[test]
fn a_worker_on_anothers_queue() {
    notices(rules::handlers, "realtime.relay: its queue", |repository| {
        properties(repository, REALTIME, "RelaySource")["EventSourceArn"] = json!({"Ref": "DeliverQueueArn"});
    });
}

#[test]
fn a_permission_beyond_the_dependencies() {
    notices(rules::policies, "auth.login: permission s3:GetObject", |repository| {
        let policies = &mut properties(repository, AUTH, "LoginRole")["Policies"][0]["PolicyDocument"]["Statement"];
        let more = json!({"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"});
        policies.as_array_mut().expect("statements").push(more);
    });
    notices(rules::policies, "takes policies from elsewhere", |repository| {
        properties(repository, AUTH, "LoginRole")["ManagedPolicyArns"] =
            json!(["arn:aws:iam::aws:policy/AdministratorAccess"]);
    });
}

#[test]
fn a_permission_on_anything_instead_of_one_thing() {
    notices(rules::policies, "\"*\"", |repository| {
        let policies = &mut properties(repository, AUTH, "LoginRole")["Policies"][0]["PolicyDocument"]["Statement"];
        let secret =
            policies.as_array_mut().expect("statements").iter_mut().find(|one| one["Resource"]["Ref"].is_string());
        secret.expect("a secret")["Resource"] = json!("*");
    });
}

#[test]
fn a_dependency_without_its_permission_or_variable() {
    notices(rules::policies, "auth.login: permission", |repository| {
        let policies = &mut properties(repository, AUTH, "LoginRole")["Policies"][0]["PolicyDocument"]["Statement"];
        policies.as_array_mut().expect("statements").pop();
    });
    notices(rules::policies, "auth.login: variable LIMITS_TABLE", |repository| {
        properties(repository, AUTH, "Login")["Environment"]["Variables"]
            .as_object_mut()
            .expect("variables")
            .remove("LIMITS_TABLE");
    });
}

#[test]
fn a_queue_without_a_dead_letter_queue() {
    notices(rules::queues, "queue Default has no dead-letter queue", |repository| {
        properties(repository, QUEUES, "Default").as_object_mut().expect("properties").remove("RedrivePolicy");
    });
    notices(rules::queues, "not both FIFO", |repository| {
        properties(repository, QUEUES, "RelayDead").as_object_mut().expect("properties").remove("FifoQueue");
    });
}

#[test]
fn a_worker_that_fails_a_whole_batch() {
    notices(rules::queues, "RelaySource", |repository| {
        properties(repository, REALTIME, "RelaySource")
            .as_object_mut()
            .expect("properties")
            .remove("FunctionResponseTypes");
    });
}

#[test]
fn a_message_that_does_not_come_alone() {
    notices(rules::queues, "RelaySource of functions/realtime/template.yaml hands a message over", |repository| {
        properties(repository, REALTIME, "RelaySource")["BatchSize"] = json!(10);
    });
}

#[test]
fn a_message_that_comes_again_while_it_is_worked_on() {
    notices(rules::queues, "queue Default hides", |repository| {
        properties(repository, "template.yaml", "Queues")["Parameters"]["DefaultVisibility"] = json!(30);
    });
}

#[test]
fn a_route_that_became_public_unnoticed() {
    notices(rules::public_routes, "GET /budgets is in the tables but not in public-endpoints.txt", |repository| {
        repository.rows.iter_mut().find(|row| row.handler == "budgets.list").expect("it is there").public = true;
    });
    notices(rules::public_routes, "GET /nowhere", |repository| repository.public.push("GET /nowhere".into()));
    notices(rules::public_routes, "GET /budgets is in the OpenAPI document", |repository| {
        repository.openapi["paths"]["/budgets"]["get"]["security"] = json!([{}]);
    });
}

#[test]
fn an_administrators_route_that_every_user_may_call() {
    notices(rules::admin_routes, "POST /merchants is in the OpenAPI document but not in the tables", |repository| {
        repository.rows.iter_mut().find(|row| row.handler == "merchants.create").expect("it is there").admin = false;
    });
    notices(rules::admin_routes, "POST /merchants is in the tables but not", |repository| {
        let responses = &mut repository.openapi["paths"]["/merchants"]["post"]["responses"];
        responses.as_object_mut().expect("responses").remove("403");
    });
}

#[test]
fn a_programs_route_that_asks_for_a_users_token() {
    notices(rules::admin_routes, "ingest.corrections does not ask", |repository| {
        let operation = &mut repository.openapi["paths"]["/ingest/corrections"]["get"];
        operation.as_object_mut().expect("an operation").remove("security");
    });
}

#[test]
fn an_event_that_is_missing_left_over_or_of_another_kind() {
    notices(rules::events, "auth.login", |repository| drop(repository.events.remove("auth.login")));
    notices(rules::events, "auth.gone", |repository| drop(repository.events.insert("auth.gone".into(), "{}".into())));
    notices(rules::events, "events/auth.login.json", |repository| {
        drop(repository.events.insert("auth.login".into(), "{".into()));
    });
    notices(rules::events, "events/auth.login.json", |repository| {
        let other = repository.events.get("auth.register").expect("it is there").clone();
        repository.events.insert("auth.login".into(), other);
    });
    notices(rules::events, "events/tasks.default.json", |repository| {
        let other = repository.events.get("tasks.scheduled").expect("it is there").clone();
        repository.events.insert("tasks.default".into(), other);
    });
}

#[test]
fn a_stack_that_grew_too_large() {
    notices(rules::sizes, AUTH, |repository| {
        let route = resource(repository, AUTH, "Login").clone();
        for n in 0..400 {
            repository.templates.get_mut(AUTH).expect("it is there")["Resources"][format!("More{n}")] = route.clone();
        }
    });
}

#[test]
fn a_code_that_no_guide_tells_of() {
    notices(rules::guides, "`idempotency_key_reused`", |repository| {
        repository.guides = repository.guides.replace("`idempotency_key_reused`", "");
    });
}

#[test]
fn two_types_of_one_name() {
    notices(rules::schemas, "Budget", |repository| repository.schemas.push("Budget".into()));
}

fn content<'a>(repository: &'a mut Repository, status: &str, kind: &str) -> &'a mut Value {
    let content = &mut repository.openapi["paths"]["/budgets"]["get"]["responses"][status]["content"][kind];
    assert!(content.is_object(), "there is no {kind} of {status}: the break would break nothing");
    content
}

#[test]
fn an_answer_without_an_example() {
    notices(answers::examples, "GET /budgets 200 has no example", |repository| {
        content(repository, "200", "application/json").as_object_mut().expect("content").remove("example");
    });
}

#[test]
fn an_example_that_does_not_fit_any_more() {
    notices(answers::examples, "example of GET /budgets 200 does not fit", |repository| {
        content(repository, "200", "application/json")["example"]["data"][0]["amount"] = json!(400);
    });
    notices(answers::examples, "\"currency\" is a required property", |repository| {
        let budget = &mut content(repository, "200", "application/json")["example"]["data"][0];
        budget.as_object_mut().expect("a budget").remove("currency");
    });
    notices(answers::examples, "the example of Budget.start_date does not fit", |repository| {
        repository.openapi["components"]["schemas"]["Budget"]["properties"]["start_date"]["example"] = json!("January");
    });
}

#[test]
fn an_example_of_another_problem() {
    notices(answers::examples, "invalid_token of GET /budgets 401 is an example of no code", |repository| {
        content(repository, "401", "application/problem+json")["examples"]["invalid_token"]["value"]["code"] =
            json!("token_gone");
    });
    notices(answers::examples, "is an example of status 403", |repository| {
        content(repository, "401", "application/problem+json")["examples"]["invalid_token"]["value"]["status"] =
            json!(403);
    });
}

#[test]
fn an_answer_that_hides_its_headers() {
    let answer = |repository: &mut Repository, status: &str| {
        repository.openapi["paths"]["/budgets"]["get"]["responses"][status]["headers"].take()
    };
    notices(answers::headers, "GET /budgets 200 does not name its RateLimit", |repository| {
        drop(answer(repository, "200"));
    });
    notices(answers::headers, "GET /budgets 429 does not name its Retry-After", |repository| {
        drop(answer(repository, "429"));
    });
    notices(answers::headers, "names RateLimit, which is described nowhere", |repository| {
        repository.openapi["components"]["headers"].take();
    });
    notices(answers::headers, "POST /auth/login 200 has no RateLimit", |repository| {
        let other = answer(repository, "200");
        repository.openapi["paths"]["/auth/login"]["post"]["responses"]["200"]["headers"] = other;
    });
}

#[test]
fn a_file_of_tests_that_a_merge_lost() {
    notices(rules::suites, "tests/tests/blackbox/main.rs has no `mod matrix;`", |repository| {
        let (text, _) = repository.suites.get_mut("tests/tests/blackbox/main.rs").expect("it is there");
        *text = text.replace("mod matrix;", "");
    });
}

const ALARMS: &str = "infra/alarms.yaml";

#[test]
fn an_alarm_that_is_missing_made_up_or_tells_nobody() {
    notices(watching::told, "there is no alarm relay-dead", |repository| remove(repository, ALARMS, "RelayDead"));
    notices(watching::told, "docs/runbooks/alarms.md does not tell of the alarm http-slow", |repository| {
        let page = repository.pages.get_mut("docs/runbooks/alarms.md").expect("it is there");
        *page = page.replace("## http-slow", "## http-fast");
    });
    notices(watching::told, "docs/operations.md does not tell of the alarm http-slow", |repository| {
        let page = repository.pages.get_mut("docs/operations.md").expect("it is there");
        *page = page.replace("| `http-slow`", "| `http-fast`");
    });
    notices(watching::told, "the alarm http-slow has no AlarmActions", |repository| {
        properties(repository, ALARMS, "HttpSlow")["AlarmActions"].take();
    });
}

#[test]
fn an_alarm_that_nobody_reckoned_with() {
    notices(watching::costs, "which read 37 metrics", |repository| remove(repository, ALARMS, "HttpSlow"));
}

#[test]
fn a_function_that_got_memory_that_nobody_reckoned_with() {
    notices(watching::memory, "auth.login has 3008 MB", |repository| {
        repository.rows.iter_mut().find(|row| row.handler == "auth.login").expect("it is there").memory = 3008;
    });
}

#[test]
fn a_feature_or_a_queue_that_no_dashboard_shows() {
    let work = |repository: &mut Repository, from: &str, to: &str| {
        let body = &mut properties(repository, "infra/dashboards.yaml", "Work")["DashboardBody"]["Fn::Sub"];
        *body = body.as_str().expect("text").replace(from, to).into();
    };
    notices(watching::shown, "no dashboard shows Errors of tasks", |repository| work(repository, "tasks'", "task'"));
    notices(watching::shown, "ApproximateAgeOfOldestMessage of low", |repository| work(repository, "-low\"", "-l\""));
    notices(watching::shown, "is no JSON", |repository| work(repository, "]}", ""));
}

#[test]
fn a_command_of_a_runbook_that_nobody_runs() {
    notices(watching::commands, "docs/runbooks/redrive.md: a block is marked \"sh\"", |repository| {
        let page = repository.pages.get_mut("docs/runbooks/redrive.md").expect("it is there");
        *page = page.replacen("```console", "```sh", 1);
    });
}

#[test]
fn a_test_that_a_page_on_security_made_up() {
    notices(watching::named_tests, "must_hold_99_nothing_is_tested_here", |repository| {
        let page = repository.pages.get_mut("docs/threat-model.md").expect("it is there");
        page.push_str("`must_hold_99_nothing_is_tested_here`");
    });
}
