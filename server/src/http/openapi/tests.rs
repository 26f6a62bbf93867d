//! The document is whole: what clients are generated from.

use super::{Document, MEDIA_TYPE, described, rooms};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::OpenApi;

/// Method, path and description of every operation.
fn operations() -> Vec<(String, String, Value)> {
    let document = serde_json::to_value(described()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((method.clone(), path.clone(), operation.clone()));
        }
    }
    assert!(all.len() > 100, "{}", all.len());
    all
}

/// One of two schemas with the same name would be lost, and clients would send the other.
#[test]
fn no_two_rooms_mean_different_things_by_one_name() {
    let mut seen: BTreeMap<String, Value> = BTreeMap::new();
    let mut clashes = BTreeSet::new();
    for room in rooms().into_iter().chain([Document::openapi()]) {
        for (name, schema) in room.components.unwrap_or_default().schemas {
            let schema = serde_json::to_value(schema).unwrap();
            let first = seen.entry(name.clone()).or_insert_with(|| schema.clone());
            if *first != schema {
                clashes.insert(name);
            }
        }
    }
    assert!(clashes.is_empty(), "schemas that mean two things: {clashes:?}");
}

#[test]
fn every_operation_has_a_name_of_its_own_and_a_known_tag() {
    let document = serde_json::to_value(described()).unwrap();
    let tags = document["tags"].as_array().unwrap();
    let tags: BTreeSet<_> = tags.iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let (mut names, mut twice) = (BTreeSet::new(), Vec::new());
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        if !names.insert(name.clone()) {
            twice.push(name);
        }
        let tag = operation["tags"][0].as_str().unwrap();
        assert!(tags.contains(tag), "{method} {path}: {tag}");
        let summary = operation["summary"].as_str().unwrap_or_default();
        let sentence = summary.ends_with('.') && !summary.contains('\n') && summary.len() <= 140;
        assert!(sentence, "{method} {path}: {summary:?}");
    }
    assert!(twice.is_empty(), "names of two operations: {twice:?}");
}

#[test]
fn every_refusal_is_a_problem() {
    for (method, path, operation) in operations() {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("default"), "{method} {path}");
        for (status, response) in responses {
            let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(described, "{method} {path} {status}");
            if status == "default" || status.starts_with(['4', '5']) {
                let body = &response["content"][MEDIA_TYPE]["schema"]["$ref"];
                assert_eq!(body, "#/components/schemas/ProblemBody", "{method} {path} {status}");
            }
        }
    }
}

/// A client that is generated puts each parameter where the document says.
#[test]
fn parameters_of_a_path_are_its_placeholders() {
    let mut queries = 0;
    for (method, path, operation) in operations() {
        let placeholders: BTreeSet<_> = path.split(['{', '}']).skip(1).step_by(2).collect();
        let mut declared = BTreeSet::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            match parameter["in"].as_str().unwrap() {
                "path" => assert!(declared.insert(name), "{method} {path}: {name} twice"),
                "query" => queries += 1,
                _ => (),
            }
        }
        assert_eq!(declared, placeholders, "{method} {path}");
    }
    assert!(queries > 20, "{queries}");
}

/// What is a holder's asks for a holder's token, what is the operator's for the operator's.
#[test]
fn every_operation_says_who_may_call_it() {
    for (method, path, operation) in operations() {
        let expected = match &path {
            path if path.starts_with("/api/v1/holder") => "holder",
            path if path.starts_with("/api/v1/admin") => "admin",
            _ => continue,
        };
        let security = &operation["security"];
        assert!(!security[0][expected].is_null(), "{method} {path}: {security}");
        assert!(operation["responses"]["401"].is_object(), "{method} {path} has no 401");
    }
}

/// A secret that is typed is masked where the document is browsed.
#[test]
fn secrets_are_marked() {
    let document = serde_json::to_value(described()).unwrap();
    let schemas = &document["components"]["schemas"];
    let secrets = ["token", "password", "repeat", "pin", "puk", "new_pin", "emergency_code"];
    let (mut unmarked, mut seen) = (BTreeSet::new(), 0);
    for (_, _, operation) in operations() {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(name) = body.as_str().and_then(|body| body.rsplit('/').next()) else { continue };
        let Some(members) = schemas[name]["properties"].as_object() else { continue };
        for (member, of) in members.iter().filter(|(member, _)| secrets.contains(&&***member)) {
            seen += 1;
            if of["format"] != "password" {
                unmarked.insert(format!("{name}.{member}"));
            }
        }
    }
    assert!(seen > 10, "{seen}");
    assert!(unmarked.is_empty(), "{unmarked:?}");
}

/// docs/API-HOLDERS.md lists every operation about holders, with the summary of the document.
#[test]
fn the_documentation_lists_the_operations() {
    let text = include_str!("../../../../docs/API-HOLDERS.md");
    let about = ["joining", "holder", "sessions", "credentials", "renewal", "signing"];
    let mut missing = String::new();
    for (method, path, operation) in operations() {
        let tag = operation["tags"][0].as_str().unwrap();
        let operators = tag == "administration of holders";
        let own = about.contains(&tag) || path.starts_with("/api/v1/holder");
        if !own && !operators {
            continue;
        }
        let summary = operation["summary"].as_str().unwrap().trim_end_matches('.');
        let line = format!("| `{} {path}` | {summary} |\n", method.to_uppercase());
        if !text.contains(&line) {
            missing.push_str(&line);
        }
    }
    assert!(missing.is_empty(), "docs/API-HOLDERS.md should have:\n{missing}");
}
