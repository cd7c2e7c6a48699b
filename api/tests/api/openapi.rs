use std::collections::HashSet;

use reqwest::StatusCode;
use serde_json::Value;

use crate::site::{Site, json};

async fn document() -> Value {
    let site = Site::start().await;
    let answer = site.get("/api/openapi.json").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    json(answer).await
}

fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_is_whole() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let mut operation_ids = HashSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(operation_ids.insert(id), "{id} is there twice");
            assert!(
                operation["responses"]["500"].is_object(),
                "{method} {path}: anything can fail"
            );
            let in_path = path.split('/').filter(|part| part.starts_with('{')).count();
            let parameters = operation["parameters"].as_array();
            let declared = parameters
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path");
            assert_eq!(declared.count(), in_path, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_readme_explains_every_error_code() {
    let document = document().await;
    let meanings = document["components"]["schemas"]["ErrorCode"]["description"].as_str();
    let meanings: Vec<_> = meanings
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("- `"))
        .collect();
    assert!(meanings.len() > 10);
    let codes = &document["components"]["schemas"]["ErrorCode"]["enum"];
    assert_eq!(codes.as_array().unwrap().len(), meanings.len());
    let readme = include_str!("../../../README.md");
    for meaning in meanings {
        let (name, rest) = meaning.split_once("` (").unwrap();
        let (status, meaning) = rest.split_once("): ").unwrap();
        assert!(codes.as_array().unwrap().contains(&name.into()), "{name}");
        let row = format!("| `{name}` | {status} | {meaning} |");
        assert!(readme.contains(&row), "the README lacks:\n{row}");
    }
}

/// The pages' types are made of it.
#[tokio::test]
async fn the_committed_document_is_that_of_the_code() {
    let document = document().await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../frontend/openapi.json");
    if std::env::var_os("RENEW_OPENAPI").is_some() {
        let text = serde_json::to_string_pretty(&document).unwrap();
        std::fs::write(path, text + "\n").unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    let committed: Value = serde_json::from_str(&committed).unwrap();
    assert!(
        committed == document,
        "frontend/openapi.json is not what the code says: run `make openapi`"
    );
}
