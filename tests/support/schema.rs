//! JSON Schema as far as the program's schema uses it: a keyword that is not known here is a fault, so that
//! nothing is left unchecked. (A crate for all of it would bring thirty others, for a test.)

use serde_json::{Map, Value};

/// What a document breaks, with the path to it; nothing if it is valid.
pub fn faults(schema: &Value, document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    Checker { root: schema }.check(schema, document, "", &mut faults);
    faults
}

struct Checker<'s> {
    root: &'s Value,
}

/// Keywords that say nothing of a document, and those that another one reads.
const SILENT: [&str; 6] = ["$schema", "$id", "$defs", "title", "description", "then"];

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        let keywords = match schema {
            Value::Bool(true) => return,
            Value::Object(keywords) => keywords,
            other => panic!("{other} is no schema"),
        };
        for (keyword, rule) in keywords.iter().filter(|(k, _)| !SILENT.contains(&k.as_str())) {
            let fault = |text: String| format!("{at}: {text}");
            match keyword.as_str() {
                "$ref" => self.check(self.definition(rule), value, at, faults),
                "type" if !types(rule).any(|name| is_of(name, value)) => {
                    faults.push(fault(format!("{rule} is expected, not {value}")));
                }
                "const" if value != rule => faults.push(fault(format!("{rule}, not {value}"))),
                "enum" if !list(rule).contains(value) => {
                    faults.push(fault(format!("{value} is none of {rule}")));
                }
                "pattern" if !matches(text(rule), value) => {
                    faults.push(fault(format!("{value} is not {rule}")));
                }
                "minimum" if value.as_f64().is_some_and(|x| x < rule.as_f64().unwrap()) => {
                    faults.push(fault(format!("{value} is below {rule}")));
                }
                "maximum" if value.as_f64().is_some_and(|x| x > rule.as_f64().unwrap()) => {
                    faults.push(fault(format!("{value} is above {rule}")));
                }
                "minItems" if value.as_array().is_some_and(|v| v.len() < size(rule)) => {
                    faults.push(fault(format!("fewer than {rule}")));
                }
                "maxItems" if value.as_array().is_some_and(|v| v.len() > size(rule)) => {
                    faults.push(fault(format!("more than {rule}")));
                }
                "type" | "const" | "enum" | "pattern" | "minimum" | "maximum" | "minItems"
                | "maxItems" => {}
                "items" => {
                    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, item, &format!("{at}/{i}"), faults);
                    }
                }
                "required" => {
                    let Some(object) = value.as_object() else { continue };
                    let lacking = list(rule).iter().filter(|key| !object.contains_key(text(key)));
                    faults.extend(lacking.map(|key| fault(format!("{key} is lacking"))));
                }
                "properties" => self.properties(keywords, value, at, faults),
                "additionalProperties" => {}
                "allOf" => {
                    list(rule).iter().for_each(|schema| self.check(schema, value, at, faults));
                }
                "anyOf" => {
                    if !list(rule).iter().any(|schema| self.accepts(schema, value)) {
                        faults.push(fault(format!("{value} is of no form that is allowed")));
                    }
                }
                "if" => {
                    if self.accepts(rule, value) {
                        self.check(&keywords["then"], value, at, faults);
                    }
                }
                other => panic!("the keyword {other} is not known"),
            }
        }
    }

    fn accepts(&self, schema: &Value, value: &Value) -> bool {
        let mut faults = Vec::new();
        self.check(schema, value, "", &mut faults);
        faults.is_empty()
    }

    /// Those that are named by their schemas, others by that of others.
    fn properties(
        &self,
        keywords: &Map<String, Value>,
        value: &Value,
        at: &str,
        faults: &mut Vec<String>,
    ) {
        let named = keywords["properties"].as_object().expect("schemas by name");
        for (key, value) in value.as_object().into_iter().flatten() {
            let at = format!("{at}/{key}");
            match (named.get(key), keywords.get("additionalProperties")) {
                (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => {
                    self.check(schema, value, &at, faults);
                }
                (None, Some(Value::Bool(false))) => faults.push(format!("{at}: is not described")),
                (None, _) => {}
            }
        }
    }

    fn definition(&self, reference: &Value) -> &Value {
        let path = text(reference).strip_prefix('#').expect("a place in this schema");
        self.root.pointer(path).unwrap_or_else(|| panic!("no {reference} in the schema"))
    }
}

fn types(rule: &Value) -> impl Iterator<Item = &str> {
    let one = rule.as_str().into_iter();
    one.chain(rule.as_array().into_iter().flatten().map(text))
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|x| x.fract() == 0.0),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn size(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a size")).unwrap()
}

/// The patterns that the schema uses: so many of some characters, or any number of them, from end to end.
fn matches(pattern: &str, value: &Value) -> bool {
    let Some(value) = value.as_str() else { return true };
    let of = |allowed: &str, n: Option<usize>| {
        value.chars().all(|c| allowed.contains(c)) && n.is_none_or(|n| value.len() == n)
    };
    match pattern {
        "^[01]*$" => of("01", None),
        "^[01?]*$" => of("01?", None),
        "^[0-9a-f]{64}$" => of("0123456789abcdef", Some(64)),
        other => panic!("the pattern {other} is not known"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_keyword_can_say_no() {
        let root = json!({ "$defs": { "bit": { "enum": [0, 1] } } });
        let cases = [
            (json!({ "type": "integer" }), json!(1), json!(1.5)),
            (json!({ "type": ["string", "null"] }), json!(null), json!(1)),
            (json!({ "const": "a" }), json!("a"), json!("b")),
            (json!({ "enum": [1, 2] }), json!(2), json!(3)),
            (json!({ "$ref": "#/$defs/bit" }), json!(1), json!(2)),
            (json!({ "pattern": "^[01]*$" }), json!("0110"), json!("012")),
            (json!({ "pattern": "^[01?]*$" }), json!("01?0"), json!("012")),
            (json!({ "pattern": "^[0-9a-f]{64}$" }), json!("a".repeat(64)), json!("a".repeat(63))),
            (json!({ "minimum": 0 }), json!(0), json!(-1)),
            (json!({ "maximum": 1 }), json!(1), json!(1.5)),
            (json!({ "minItems": 1 }), json!([1]), json!([])),
            (json!({ "maxItems": 1 }), json!([1]), json!([1, 2])),
            (json!({ "items": { "type": "string" } }), json!(["a"]), json!(["a", 1])),
            (json!({ "required": ["a"] }), json!({ "a": 1 }), json!({ "b": 1 })),
            (
                json!({ "properties": { "a": { "type": "null" } }, "additionalProperties": false }),
                json!({ "a": null }),
                json!({ "b": null }),
            ),
            (
                json!({ "properties": {}, "additionalProperties": { "type": "null" } }),
                json!({ "a": null }),
                json!({ "a": 1 }),
            ),
            (json!({ "allOf": [{ "minimum": 0 }, { "maximum": 1 }] }), json!(1), json!(2)),
            (json!({ "anyOf": [{ "const": 0 }, { "const": 1 }] }), json!(1), json!(2)),
            (json!({ "if": { "type": "string" }, "then": { "const": "a" } }), json!(1), json!("b")),
        ];
        for (rule, right, wrong) in cases {
            let mut schema = root.clone();
            schema.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
            assert_eq!(faults(&schema, &right), Vec::<String>::new(), "{rule} {right}");
            assert!(!faults(&schema, &wrong).is_empty(), "{rule} {wrong}");
        }
    }

    #[test]
    #[should_panic(expected = "the keyword oneOf is not known")]
    fn an_unknown_keyword_is_a_fault() {
        faults(&json!({ "oneOf": [] }), &json!(1));
    }
}
