//! What a release rests on.

use crate::{repository::Repository, rules::function};
use serde_json::{Value, json};

/// What is called has an alias, and its first version: exactly so. `CloudFormation` touches an alias only when its properties
/// change, and would send all callers back to that version.
pub fn aliases(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for row in repository.rows.iter().filter(|row| row.kind() != "invoke") {
        let Some((path, name, _)) = function(repository, &row.handler) else { continue };
        let resources = repository.templates.get(path).map_or(&Value::Null, |template| &template["Resources"]);
        let (first, live) = (format!("{name}First"), format!("{name}Live"));
        let function = json!({"Ref": name});
        let version = json!({"Fn::GetAtt": format!("{first}.Version")});
        let retained = json!({
            "Type": "AWS::Lambda::Version", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain",
            "Properties": {"FunctionName": function},
        });
        let called = json!({
            "Type": "AWS::Lambda::Alias",
            "Properties": {"FunctionName": function, "Name": "live", "FunctionVersion": version},
        });
        for (resource, expected) in [(&first, retained), (&live, called)] {
            if resources[resource] != expected {
                found.push(format!("{resource} of {path} is not as it was made: {}", resources[resource]));
            }
        }
    }
    let (moved, text) = ("AutoPublishAlias", serde_json::to_string(&repository.templates).unwrap_or_default());
    if text.contains(moved) {
        found.push(format!("{moved} would move aliases before the release was tried"));
    }
    found
}
