//! The OpenAPI document, made of the cmdlets' own definitions, so that it says what the server does.

use admin::{Definition, Field, Schema};
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

/// The document, in OpenAPI 3.1.
pub(crate) fn document() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| describe().to_string())
}

fn describe() -> Value {
    let mut paths = Map::new();
    paths.insert("/script".to_owned(), json!({ "post": script() }));
    for cmdlet in Definition::all() {
        paths.insert(format!("/cmdlets/{}", cmdlet.name()), json!({ "post": operation(cmdlet) }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gatepost administration",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The cmdlets of the administration shell. Answers are lines of JSON, the last of kind `end`; \
                what would be asked in a shell is an error here, unless Confirm is false.",
        },
        "servers": [{ "url": "/api/v1" }],
        "security": [{ "basic": [] }, { "token": [] }],
        "paths": paths,
        "components": { "securitySchemes": schemes(), "schemas": { "Line": line(), "Problem": problem() } },
    })
}

fn schemes() -> Value {
    json!({
        "basic": { "type": "http", "scheme": "basic" },
        "token": { "type": "http", "scheme": "bearer", "description": "Made by New-AccessToken." },
    })
}

fn line() -> Value {
    json!({
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": { "enum": ["object", "text", "warning", "error", "verbose", "end"] },
            "type": { "type": "string", "description": "The object's type, such as Mailbox." },
            "value": { "description": "The object, as ConvertTo-Json gives it." },
            "text": { "type": "string" },
            "outcome": { "enum": ["Done", "Failed", "Exit"] },
            "code": { "type": "integer", "description": "0 where everything was done." },
        },
    })
}

/// RFC 9457.
fn problem() -> Value {
    json!({
        "type": "object",
        "properties": {
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
        },
    })
}

fn responses() -> Value {
    let refused = |description: &str| {
        json!({
            "description": description,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        })
    };
    json!({
        "200": {
            "description": "It runs; the last line tells how it ended.",
            "content": { "application/x-ndjson": { "schema": { "$ref": "#/components/schemas/Line" } } },
        },
        "400": refused("The body is not understood."),
        "401": refused("Name and password, or token, are missing or wrong."),
        "403": refused("Another role is needed, or a page of another site asks."),
        "429": refused("Too many passwords wait to be checked."),
    })
}

fn script() -> Value {
    json!({
        "summary": "Runs a text as it is typed in the shell.",
        "operationId": "script",
        "requestBody": { "required": true, "content": { "text/plain": { "schema": { "type": "string" } } } },
        "responses": responses(),
    })
}

fn operation(cmdlet: Definition) -> Value {
    let required: Vec<&str> =
        cmdlet.fields().filter(|field| field.mandatory).map(|field| field.name).collect();
    let properties: Map<String, Value> =
        cmdlet.fields().map(|field| (field.name.to_owned(), schema(&field))).collect();
    json!({
        "summary": cmdlet.synopsis(),
        "description": format!("Needs the role {}.", cmdlet.role().group_name()),
        "operationId": cmdlet.name(),
        "requestBody": {
            "content": { "application/json": { "schema": {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            } } },
        },
        "responses": responses(),
    })
}

fn schema(field: &Field) -> Value {
    let mut schema = match field.schema {
        Schema::Text => json!({ "type": ["string", "number", "boolean", "null"] }),
        Schema::Integer => json!({ "type": "integer" }),
        Schema::Boolean => json!({ "type": "boolean" }),
        Schema::Password => json!({ "type": "string", "format": "password" }),
        Schema::List => json!({ "anyOf": [{ "type": "array", "items": { "type": "string" } }, changes()] }),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), field.help.into());
        if !field.values.is_empty() {
            schema.insert("examples".to_owned(), field.values.into());
        }
    }
    schema
}

/// `@{Add=...; Remove=...}`
fn changes() -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    json!({ "type": "object", "properties": { "Add": texts, "Remove": texts }, "additionalProperties": false })
}
