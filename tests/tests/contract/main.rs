//! Endpoint tables, templates, OpenAPI document, sample events and lists say the same.
//!
//! [`rules`] looks at the repository as it is, and [`broken`] shows of every rule that it notices its own kind of break.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test stops where it is wrong")]

mod answers;
mod broken;
mod repository;
mod rules;
mod watching;

use repository::Repository;

#[track_caller]
fn holds(rule: fn(&Repository) -> Vec<String>) {
    let found = rule(&Repository::read());
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn routes_are_the_same_in_tables_templates_and_openapi() {
    holds(rules::routes);
}

#[test]
fn every_handler_is_deployed_once_as_its_table_says() {
    holds(rules::handlers);
}

#[test]
fn must_hold_46_policies_are_the_dependencies_and_nothing_more() {
    holds(rules::policies);
}

#[test]
fn every_queue_has_a_dead_letter_queue_partial_answers_and_time_enough() {
    holds(rules::queues);
}

#[test]
fn must_hold_49_a_burst_of_tasks_leaves_the_api_its_connections() {
    holds(rules::connections);
}

#[test]
fn public_routes_are_the_listed_ones() {
    holds(rules::public_routes);
}

#[test]
fn must_hold_17_administrators_routes_are_the_described_ones() {
    holds(rules::admin_routes);
}

#[test]
fn every_function_has_a_sample_event_that_parses() {
    holds(rules::events);
}

#[test]
fn every_stack_stays_below_400_resources() {
    holds(rules::sizes);
}

#[test]
fn every_code_of_an_error_is_in_the_guides() {
    holds(rules::guides);
}

#[test]
fn every_type_of_the_openapi_document_has_a_name_of_its_own() {
    holds(rules::schemas);
}

#[test]
fn every_answer_of_the_openapi_document_has_examples_that_fit_its_schema() {
    holds(answers::examples);
}

#[test]
fn every_answer_of_the_openapi_document_names_its_headers() {
    holds(answers::headers);
}

#[test]
fn every_file_of_tests_is_compiled() {
    holds(rules::suites);
}

#[test]
fn every_alarm_has_its_row_and_its_runbook_and_every_queue_its_alarms() {
    holds(watching::told);
}

#[test]
fn alarms_cost_what_the_guide_says() {
    holds(watching::costs);
}

#[test]
fn costs_are_reckoned_with_the_memory_that_functions_have() {
    holds(watching::memory);
}

#[test]
fn every_feature_and_every_queue_is_on_a_dashboard() {
    holds(watching::shown);
}

#[test]
fn every_command_of_a_runbook_is_run_or_checked() {
    holds(watching::commands);
}

#[test]
fn tests_that_the_security_pages_name_exist() {
    holds(watching::named_tests);
}
