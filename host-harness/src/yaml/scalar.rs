//! What a scalar is: text, a number, a boolean or null, by YAML 1.2's core schema
//! and the few tags that mean something in JSON. It knows nothing of places.

use saphyr_parser::{ScalarStyle, Tag};

use super::Value;

/// Resolves a scalar by the core schema (YAML 1.2.2, 10.3.2).
pub(super) fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    if let Some(tag) = tag {
        return match tag.suffix.as_str() {
            "str" => Ok(Value::String(text.to_owned())),
            "int" | "float" => number(text).ok_or_else(|| {
                // Not repeated: it may be a secret.
                format!("what is tagged !!{} here is not a number", tag.suffix)
            }),
            suffix @ ("bool" | "null") => match (suffix, plain(text)?) {
                ("bool", value @ Value::Bool(_)) | ("null", value @ Value::Null) => Ok(value),
                _ => Err(format!("what is tagged !!{suffix} here is not one")),
            },
            _ => Err(format!("the tag {}{} is not known", tag.handle, tag.suffix)),
        };
    }
    if style == ScalarStyle::Plain {
        plain(text)
    } else {
        Ok(Value::String(text.to_owned()))
    }
}

fn plain(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF"
        | ".nan" | ".NaN" | ".NAN" => {
            return Err(format!(
                "{text} has no JSON form; put it in quotes if it is text"
            ));
        }
        _ => number(text).unwrap_or_else(|| Value::String(text.to_owned())),
    })
}

/// A number in JSON's spelling, its digits kept: `+1` is 1, `.5` is 0.5, `012`
/// is 12, `0x1f` is 31.
fn number(text: &str) -> Option<Value> {
    let radix = |digits: &str, radix| {
        u128::from_str_radix(digits, radix)
            .ok()
            .filter(|_| !digits.starts_with('+'))
            .map(|n| Value::Number(n.to_string()))
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_digits = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
    let fraction_digits = fraction.unwrap_or_default();
    if !is_digits(whole)
        || !is_digits(fraction_digits)
        || (whole.is_empty() && fraction_digits.is_empty())
    {
        return None;
    }
    let exponent = match exponent {
        None => String::new(),
        Some(exponent) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !is_digits(digits) {
                return None;
            }
            format!("e{exponent}")
        }
    };
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        significant => significant,
    };
    let fraction = if fraction_digits.is_empty() {
        String::new()
    } else {
        format!(".{fraction_digits}")
    };
    Some(Value::Number(format!("{sign}{whole}{fraction}{exponent}")))
}
