//! The properties of a connection as commented YAML, from their JSON Schema.

use serde_json::Value;

/// Properties that are another's spelling, or are written out above.
const LEFT_OUT: [&str; 3] = ["secretKey", "auth", "serviceUrl"];

/// Where comments are broken, in columns.
const WIDTH: usize = 90;

/// Every property but the key, commented out, under its description.
pub(super) fn page(schema: &Value) -> String {
    let mut out = String::new();
    for (name, property) in members(schema) {
        if LEFT_OUT.contains(&name) {
            continue;
        }
        out.push('\n');
        for line in wrapped(&sentence(property)) {
            out.push_str(&format!("      # {line}\n"));
        }
        for line in lines(name, property) {
            out.push_str(&format!("      # {line}\n"));
        }
    }
    out
}

fn members(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let members = properties.into_iter().flatten();
    members.map(|(name, property)| (name.as_str(), property))
}

/// What a property is, with what it may be.
fn sentence(property: &Value) -> String {
    let mut text = property
        .get("description")
        .or_else(|| property.get("title"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let choices: Vec<&str> = property
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !choices.is_empty() {
        if !text.ends_with('.') {
            text.push('.');
        }
        text.push_str(&format!(" One of {}.", choices.join(", ")));
    }
    text
}

/// `name: value`, an object's members below it.
fn lines(name: &str, property: &Value) -> Vec<String> {
    // Of several forms the one with the most to say.
    let forms = property.get("anyOf").and_then(Value::as_array);
    let object = match forms {
        Some(forms) => forms.iter().rfind(|form| form.get("properties").is_some()),
        None => property.get("properties").map(|_| property),
    };
    let Some(object) = object else {
        return vec![format!("{name}: {}", value(name, property))];
    };
    let mut out = vec![format!("{name}:")];
    for (inner, schema) in members(object) {
        let says = schema.get("description").and_then(Value::as_str);
        if says.is_some_and(|says| says.starts_with("Another spelling of")) {
            continue;
        }
        let mut below = lines(inner, schema);
        if let (Some(first), Some(says)) = (below.first_mut(), says) {
            first.push_str(&format!("  # {}", says.trim_end_matches('.')));
        }
        out.extend(below.into_iter().map(|line| format!("  {line}")));
    }
    out
}

/// A value to begin with: the default, an example, or one of the type.
fn value(name: &str, property: &Value) -> String {
    if is_secret(property) {
        return format!("{{_secret: STRIPE_{}}}", shouted(name));
    }
    if property.get("items").is_some_and(is_secret) {
        let one = name.strip_suffix('s').unwrap_or(name);
        return format!("[{{_secret: STRIPE_{}}}]", shouted(one));
    }
    let example = property
        .get("default")
        .or_else(|| property.get("examples")?.get(0))
        .or_else(|| property.get("enum")?.get(0));
    match (example, property.get("type").and_then(Value::as_str)) {
        // JSON is YAML, quotes included: 2.0 and off would be something else.
        (Some(example), _) => example.to_string(),
        (None, Some("boolean")) => "true".to_owned(),
        (None, Some("integer" | "number")) => "1".to_owned(),
        (None, Some("array")) => "[]".to_owned(),
        (None, _) if property.get("format").is_some_and(|format| format == "uri") => {
            "\"https://example.com\"".to_owned()
        }
        (None, _) => "\"…\"".to_owned(),
    }
}

fn is_secret(schema: &Value) -> bool {
    schema.get("writeOnly") == Some(&Value::Bool(true))
}

/// `webhookSecret` as `WEBHOOK_SECRET`.
fn shouted(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

/// Text in lines of a bearable length.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut() {
            if line.is_empty() {
                line.push_str(word);
                continue;
            }
            if line.chars().count() + word.chars().count() + 8 < WIDTH {
                line.push_str(&format!(" {word}"));
                continue;
            }
        }
        lines.push(word.to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_read_from_the_environment() {
        let secret = json!({"type": "string", "writeOnly": true});
        assert_eq!(value("userToken", &secret), "{_secret: STRIPE_USER_TOKEN}");
        let list = json!({"type": "array", "items": secret});
        assert_eq!(
            value("webhookSecrets", &list),
            "[{_secret: STRIPE_WEBHOOK_SECRET}]"
        );
    }

    #[test]
    fn a_property_is_shown_with_its_default_and_its_choices() {
        let schema = json!({"properties": {
            "auth": {"type": "object"},
            "mode": {"description": "Which.", "enum": ["test", "live"]},
            "proxy": {"title": "A proxy", "properties": {
                "host": {"examples": ["proxy.example"]},
                "port": {"type": "integer", "default": 3128, "description": "TCP port."},
            }},
        }});
        assert_eq!(
            page(&schema),
            "\n      # Which. One of test, live.\n      # mode: \"test\"\n\n      # A proxy\n      \
             # proxy:\n      #   host: \"proxy.example\"\n      #   port: 3128  # TCP port\n"
        );
    }

    #[test]
    fn long_sentences_are_broken_between_words() {
        let text = "word ".repeat(40);
        let lines = wrapped(&text);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() < WIDTH));
        assert_eq!(lines.join(" "), text.trim_end());
    }
}
