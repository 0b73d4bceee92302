//! Whatever no other route takes.

use serde::{Deserialize, de::IgnoredAny};
use shared::{
    deps,
    platform::{
        http::{Call, Reply},
        packed::unpacked,
        problem::Problem,
    },
};
use std::collections::BTreeMap;

deps! {}

/// The document's paths and their methods; what is told of each is passed over.
#[derive(Default, Deserialize)]
#[expect(clippy::zero_sized_map_values, reason = "a set is read from a list alone")]
struct Known {
    paths: BTreeMap<String, BTreeMap<String, IgnoredAny>>,
}

/// Methods that an API of this description has at a path.
fn methods(description: &str, path: &str) -> Vec<String> {
    let known: Known = serde_json::from_str(description).unwrap_or_default();
    let fits = |template: &str| {
        template.split('/').count() == path.split('/').count()
            && template.split('/').zip(path.split('/')).all(|(known, part)| known.starts_with('{') || known == part)
    };
    let routes = known.paths.iter().filter(|(template, _)| fits(template));
    let mut methods: Vec<_> = routes.flat_map(|(_, methods)| methods.keys()).map(|name| name.to_uppercase()).collect();
    methods.sort_unstable();
    methods.dedup();
    methods
}

/// 405 where another method would do, else 404.
pub async fn handle(_: &Deps, call: Call) -> Result<Reply, Problem> {
    let methods = methods(&unpacked(super::OPENAPI)?, &call.path);
    if methods.is_empty() {
        return Err(Problem::new(404, "no_such_route", "There is no such route: see /v1/docs."));
    }
    let mut problem = Problem::new(405, "method_not_allowed", format!("Use {} here.", methods.join(" or ")));
    problem.allow = Some(methods.join(", "));
    Err(problem)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_known_path_tells_its_methods() {
        let methods = |path| super::methods(include_str!("openapi.json"), path);
        assert_eq!(methods("/transactions"), ["GET", "POST"]);
        assert_eq!(methods("/transactions/imports/0199"), ["GET"]);
        // A word where an id may stand has the methods of both.
        assert_eq!(methods("/transactions/imports"), ["DELETE", "GET", "PATCH"]);
        assert!(methods("/nowhere").is_empty());
    }
}
