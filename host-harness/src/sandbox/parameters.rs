//! Parameters of a v1 request, from text to what they mean. It owns the types (form encoding has
//! only text, so numbers and booleans are restored by name) and the complaints about parameters
//! that are missing, unknown or of the wrong type; it knows nothing of any operation's behaviour.

use super::errors::StripeError;
use super::routes::Route;
use super::shapes::{Answer, Content, Object, Shapes};
use serde_json::{Number, Value};

/// Restores the types of an operation's parameters in place.
pub(crate) fn restore_types(
    answer: Option<&Answer>,
    params: &mut Object,
) -> Result<(), StripeError> {
    for (name, value) in params.iter_mut() {
        let known = answer.and_then(|answer| answer.parameters.get(name.as_str()));
        match known.map(|parameter| &parameter.content) {
            Some(Content::Number) => restore_number(name, value)?,
            Some(Content::Boolean) => restore_boolean(name, value)?,
            // The operation takes text here, even where the name means a number elsewhere.
            Some(_) if value.is_string() => {}
            _ => restore_nested(name, value)?,
        }
    }
    Ok(())
}

/// Refuses a request that lacks a required parameter. An upload is the parameter `file`.
pub(crate) fn check_required(
    answer: Option<&Answer>,
    params: &Object,
    has_upload: bool,
) -> Result<(), StripeError> {
    let Some(answer) = answer else { return Ok(()) };
    let mut required: Vec<_> = answer
        .parameters
        .iter()
        .filter(|(_, parameter)| parameter.required)
        .map(|(name, _)| *name)
        .filter(|name| *name != "file" || !has_upload)
        .collect();
    required.sort_unstable();
    for name in required {
        match params.get(name) {
            None => return Err(StripeError::missing(name)),
            Some(value) if value == "" => {
                return Err(StripeError::malformed(format!(
                    "{name} is empty. Give it a value: it cannot be unset."
                ))
                .code("parameter_invalid_empty")
                .param(name));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Parameters that the table's API version no longer has, but that older ones took and that the
/// documents people follow still use. Every account's own version takes them.
const OLDER: [&str; 1] = ["payment_method_types"];

/// Refuses a parameter that the operation does not take.
pub(crate) fn check_known(route: &Route, params: &Object) -> Result<(), StripeError> {
    let Some(answer) = route.answer else {
        return Ok(());
    };
    // The pages of v2 are reached by URLs, so no client names their parameter.
    let always = if route.is_v2() { "page" } else { "expand" };
    let unknown = params.keys().find(|name| {
        *name != always
            && !answer.parameters.contains_key(name.as_str())
            && !OLDER.contains(&name.as_str())
    });
    match unknown {
        None => Ok(()),
        Some(name) => Err(StripeError::unknown_parameter(name)),
    }
}

/// The most characters of a text (Stripe's OpenAPI description: `maxLength` of nearly every one).
const MAX_TEXT: usize = 5000;
/// Parameters that hold longer texts: a dispute's evidence, and requests that Stripe forwards.
const LONG_TEXTS: [&str; 3] = ["evidence", "request", "sql"];

/// Refuses texts that are longer than Stripe takes.
pub(crate) fn check_lengths(params: &Object) -> Result<(), StripeError> {
    let mut params = params.iter();
    params.try_for_each(|(name, value)| match LONG_TEXTS.contains(&name.as_str()) {
        true => Ok(()),
        false => check_length(name, value),
    })
}

fn check_length(path: &str, value: &Value) -> Result<(), StripeError> {
    match value {
        Value::String(text) if text.chars().nth(MAX_TEXT).is_some() => {
            let message = format!("Invalid string: it has more than {MAX_TEXT} characters.");
            Err(StripeError::malformed(message).param(path))
        }
        Value::Object(fields) => fields
            .iter()
            .try_for_each(|(name, value)| check_length(&format!("{path}[{name}]"), value)),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .try_for_each(|(index, value)| check_length(&format!("{path}[{index}]"), value)),
        _ => Ok(()),
    }
}

/// Refuses metadata that is too much (Stripe API, "Metadata": 50 keys of up to 40 characters, with
/// values of up to 500).
pub(crate) fn check_metadata(params: &Object) -> Result<(), StripeError> {
    let Some(metadata) = params.get("metadata").and_then(Value::as_object) else {
        return Ok(());
    };
    if metadata.len() > 50 {
        return Err(StripeError::malformed("Metadata has at most 50 keys.").param("metadata"));
    }
    for (key, value) in metadata {
        let param = format!("metadata[{key}]");
        if key.chars().count() > 40 {
            let message = "A key of metadata has at most 40 characters.";
            return Err(StripeError::malformed(message).param(&param));
        }
        if value
            .as_str()
            .is_some_and(|text| text.chars().count() > 500)
        {
            let message = "A value of metadata has at most 500 characters.";
            return Err(StripeError::malformed(message).param(&param));
        }
    }
    Ok(())
}

fn restore_nested(path: &str, value: &mut Value) -> Result<(), StripeError> {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if name == "metadata" {
                    continue;
                }
                restore_nested(&format!("{path}[{name}]"), value)?;
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter_mut().enumerate() {
                // The elements of an array of texts are texts, even under a number's name.
                if !value.is_string() {
                    restore_nested(&format!("{path}[{index}]"), value)?;
                }
            }
        }
        Value::String(text) => {
            let name = path
                .rsplit('[')
                .next()
                .unwrap_or(path)
                .trim_end_matches(']');
            if path.starts_with("metadata") || text.is_empty() {
                return Ok(());
            }
            // Nested names are typed by majority, so what does not fit is left as text.
            if Shapes::get().is_integer(name) {
                if let Some(number) = number(text) {
                    *value = Value::Number(number);
                }
            } else if Shapes::get().is_boolean(name) && (text == "true" || text == "false") {
                *value = Value::Bool(text == "true");
            }
        }
        _ => {}
    }
    Ok(())
}

fn restore_number(path: &str, value: &mut Value) -> Result<(), StripeError> {
    let Value::String(text) = value else {
        return restore_nested(path, value);
    };
    if text.is_empty() {
        return Ok(());
    }
    match number(text) {
        Some(number) => *value = Value::Number(number),
        None => {
            return Err(StripeError::malformed(format!("Invalid integer: {text}"))
                .code("parameter_invalid_integer")
                .param(path));
        }
    }
    Ok(())
}

fn restore_boolean(path: &str, value: &mut Value) -> Result<(), StripeError> {
    match value {
        Value::String(text) if text.is_empty() => {}
        Value::String(text) if text == "true" || text == "false" => {
            *value = Value::Bool(text == "true");
        }
        Value::String(text) => {
            return Err(StripeError::malformed(format!("Invalid boolean: {text}")).param(path));
        }
        _ => {}
    }
    Ok(())
}

/// Reads a decimal number as Stripe writes them: no plus, no exponent, no blanks.
fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty()
        && digits.len() <= 30
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !plain {
        return None;
    }
    // "007" is seven to Stripe, but no number to JSON.
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::super::routes::Routes;
    use super::*;
    use serde_json::json;

    fn restored(verb: &str, path: &str, params: Value) -> Result<Value, StripeError> {
        let Value::Object(mut params) = params else {
            return Ok(params);
        };
        restore_types(Shapes::get().answer(verb, path), &mut params)?;
        Ok(Value::Object(params))
    }

    #[test]
    fn restores_numbers_and_booleans_by_name() {
        let sent = json!({"amount": "1000", "currency": "usd", "confirm": "true",
            "metadata": {"amount": "1000"}, "transfer_data": {"amount": "5"},
            "payment_method_types": ["card"], "description": "1000",
            "payment_method_data": {"card": {"exp_month": "12", "number": "4242424242424242"}}});
        let params = restored("POST", "/v1/payment_intents", sent).unwrap();
        assert_eq!(params["amount"], json!(1000));
        assert_eq!(params["confirm"], json!(true));
        assert_eq!(params["metadata"]["amount"], json!("1000"));
        assert_eq!(params["transfer_data"]["amount"], json!(5));
        assert_eq!(params["description"], json!("1000"));
        assert_eq!(
            params["payment_method_data"]["card"]["exp_month"],
            json!(12)
        );
        assert_eq!(
            params["payment_method_data"]["card"]["number"],
            json!("4242424242424242")
        );
    }

    #[test]
    fn refuses_wrong_types() {
        for params in [
            json!({"amount": "ten"}),
            json!({"amount": "1e3"}),
            json!({"confirm": "yes"}),
        ] {
            let error = restored("POST", "/v1/payment_intents", params).unwrap_err();
            assert_eq!(error.status, 400);
            assert!(error.param.is_some());
        }
    }

    #[test]
    fn names_what_is_missing_or_unknown() {
        let (route, _) = Routes::get().find("POST", "/v1/payment_intents").unwrap();
        let answer = route.answer;
        let params = json!({"currency": "usd", "colour": "red"});
        let params = params.as_object().unwrap();
        let missing = check_required(answer, params, false).unwrap_err();
        assert_eq!(missing.param.as_deref(), Some("amount"));
        assert_eq!(missing.code.as_deref(), Some("parameter_missing"));
        let unknown = check_known(route, params).unwrap_err();
        assert_eq!(unknown.param.as_deref(), Some("colour"));
    }
}
