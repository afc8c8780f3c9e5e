//! The comparison of a `condition` step. Owns the operators; what is compared is
//! already filled in. Nothing is converted: `"5"` is not 5, and to ask which of
//! the two is greater is an error.

use std::cmp::Ordering;

use serde_json::Value;

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
    Contains,
    Exists,
    NotExists,
}

impl Operator {
    pub(super) const ALL: [Operator; 9] = [
        Operator::Eq,
        Operator::Neq,
        Operator::Gt,
        Operator::Gte,
        Operator::Lt,
        Operator::Lte,
        Operator::Contains,
        Operator::Exists,
        Operator::NotExists,
    ];

    /// How it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Operator::Eq => "eq",
            Operator::Neq => "neq",
            Operator::Gt => "gt",
            Operator::Gte => "gte",
            Operator::Lt => "lt",
            Operator::Lte => "lte",
            Operator::Contains => "contains",
            Operator::Exists => "exists",
            Operator::NotExists => "notExists",
        }
    }

    /// Whether it compares with a right side.
    pub(super) fn takes_right(self) -> bool {
        !matches!(self, Operator::Exists | Operator::NotExists)
    }

    /// Whether a side may be missing.
    pub(super) fn takes_null(self) -> bool {
        !self.takes_right() || matches!(self, Operator::Eq | Operator::Neq)
    }

    /// Whether the comparison holds; the error is a sentence.
    pub(super) fn holds(self, left: &Value, right: &Value) -> Result<bool, String> {
        let ordered = |wanted: fn(Ordering) -> bool| order(left, right, self).map(wanted);
        match self {
            Operator::Eq => Ok(equal(left, right)),
            Operator::Neq => Ok(!equal(left, right)),
            Operator::Gt => ordered(Ordering::is_gt),
            Operator::Gte => ordered(Ordering::is_ge),
            Operator::Lt => ordered(Ordering::is_lt),
            Operator::Lte => ordered(Ordering::is_le),
            Operator::Exists => Ok(!left.is_null()),
            Operator::NotExists => Ok(left.is_null()),
            Operator::Contains => match (left, right) {
                (Value::String(text), Value::String(part)) => Ok(text.contains(part.as_str())),
                (Value::Array(items), item) => Ok(items.iter().any(|one| equal(one, item))),
                (Value::Object(members), Value::String(name)) => Ok(members.contains_key(name)),
                _ => Err(self.refuses(left, right)),
            },
        }
    }

    fn refuses(self, left: &Value, right: &Value) -> String {
        format!(
            "{:?} cannot compare {} with {}",
            self.as_str(),
            super::kind(left),
            super::kind(right)
        )
    }
}

fn order(left: &Value, right: &Value, operator: Operator) -> Result<Ordering, String> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Ok(left.cmp(right)),
        _ => numbers(left, right).ok_or_else(|| operator.refuses(left, right)),
    }
}

/// Whole numbers are compared exactly, others as floating point.
fn numbers(left: &Value, right: &Value) -> Option<Ordering> {
    let (Value::Number(left), Value::Number(right)) = (left, right) else {
        return None;
    };
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    numbers(left, right).map_or_else(|| left == right, Ordering::is_eq)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(left: &Value, operator: &str, right: &Value) -> Result<bool, String> {
        let named = Operator::ALL.into_iter().find(|o| o.as_str() == operator);
        named.unwrap().holds(left, right)
    }

    #[test]
    fn each_operator_compares() {
        let big = serde_json::from_str("12345678901234567891").unwrap();
        let less: Value = serde_json::from_str("12345678901234567890").unwrap();
        for (left, operator, right, expected) in [
            (json!(1), "gt", json!(0), true),
            (json!(0), "gt", json!(0), false),
            (json!(0), "gte", json!(0), true),
            (json!(-1), "lt", json!(0.5), true),
            (json!(1), "lte", json!(0), false),
            (big, "gt", less, true),
            (json!("2026-01-02"), "lt", json!("2026-01-10"), true),
            (json!(1), "eq", json!(1.0), true),
            (json!("1"), "eq", json!(1), false),
            (json!(null), "eq", json!(null), true),
            (json!([1, {"a": 2}]), "eq", json!([1, {"a": 2}]), true),
            (json!("a"), "neq", json!("b"), true),
            (json!("order-17"), "contains", json!("17"), true),
            (json!(["card", "link"]), "contains", json!("link"), true),
            (json!([1, 2]), "contains", json!(3), false),
            (json!({"plan": 1}), "contains", json!("plan"), true),
            (json!(0), "exists", json!(null), true),
            (json!(null), "exists", json!(null), false),
            (json!(null), "notExists", json!(null), true),
        ] {
            assert_eq!(
                holds(&left, operator, &right),
                Ok(expected),
                "{left} {operator} {right}"
            );
        }
    }

    #[test]
    fn what_cannot_be_compared_is_said() {
        for (left, operator, right, said) in [
            (
                json!("5"),
                "gt",
                json!(3),
                "\"gt\" cannot compare a string with a number",
            ),
            (
                json!(null),
                "lte",
                json!(3),
                "cannot compare null with a number",
            ),
            (
                json!(5),
                "contains",
                json!(5),
                "cannot compare a number with a number",
            ),
            (
                json!("5"),
                "contains",
                json!(5),
                "cannot compare a string with a number",
            ),
        ] {
            assert!(holds(&left, operator, &right).unwrap_err().contains(said));
        }
    }
}
