//! The arguments of a call: one JSON value, split into ids for the path,
//! params and options. Nothing is guessed: an argument that has no place is
//! refused.

use std::borrow::Cow;

use crate::failure::Refusal;
use crate::json::{Object, Value};
use crate::operation::Operation;
use crate::options::{Options, is_options};

/// A call's arguments, each in its place.
#[derive(Debug)]
pub struct Arguments<'a> {
    /// One per path parameter; none where a null id was given and allowed.
    pub ids: Vec<Option<Cow<'a, str>>>,
    /// Params, in the caller's order.
    pub params: Object<'a>,
    /// Where the params stand in the input, seen from the arguments.
    pub params_place: Place,
    /// Options.
    pub options: Options,
    /// Where the options stand.
    pub options_place: Place,
}

/// Which argument something is, if the arguments are a list; written out only
/// where there is something to say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(Option<usize>);

impl Place {
    /// An element of the list of arguments.
    pub fn at(index: usize) -> Place {
        Place(Some(index))
    }
}

impl From<Place> for String {
    fn from(Place(index): Place) -> String {
        index.map(|index| format!("[{index}]")).unwrap_or_default()
    }
}

/// The positional arguments a JSON value stands for: a list is itself, null is
/// none, anything else is one argument. The flag says whether the value was a
/// list, which decides how a place in it is written.
pub fn positional(args: Value<'_>) -> (Vec<Value<'_>>, bool) {
    match args {
        Value::Null => (Vec::new(), false),
        Value::Array(list) => (list, true),
        one => (vec![one], false),
    }
}

/// Splits the arguments of a table operation.
pub fn split<'a>(operation: &Operation, args: Value<'a>) -> Result<Arguments<'a>, Refusal> {
    let (list, is_list) = positional(args);
    let count = list.len();
    let place = |at: usize| Place(is_list.then_some(at));
    let mut rest = list.into_iter().enumerate().peekable();

    let mut ids = Vec::new();
    for (position, name) in operation.path_parameters().enumerate() {
        match rest.next() {
            Some((_, Value::Null)) if operation.null_path.is_some() => ids.push(None),
            Some((at, value)) => match id(name, operation, value) {
                Ok(id) => ids.push(Some(id)),
                Err(message) => return Err(Refusal::argument(place(at), message)),
            },
            None if operation.null_path.is_some() => ids.push(None),
            None => {
                return Err(Refusal::argument(
                    if is_list {
                        format!("[{position}]")
                    } else {
                        String::new()
                    },
                    format!(
                        "{} needs {name:?} as argument {}: write {}.",
                        name_of(operation),
                        position + 1,
                        usage(operation)
                    ),
                ));
            }
        }
    }

    let usage = || format!("write {}", usage(operation));
    let mut params = Vec::new();
    let mut options = Options::default();
    let mut params_place = place(ids.len());
    let mut options_place = place(ids.len() + 1);
    if let Some((at, value)) = rest.next() {
        params_place = place(at);
        let members = object(value, params_place, "params", usage)?;
        if rest.peek().is_none() && is_options(&members) {
            options = Options::read(&members).map_err(|r| r.within(&String::from(params_place)))?;
            options_place = params_place;
        } else {
            params = members;
        }
    }
    if let Some((at, value)) = rest.next() {
        options = self::options(value, place(at), usage)?;
    }
    if let Some((at, _)) = rest.find(|(_, surplus)| !matches!(surplus, Value::Null)) {
        return Err(Refusal::argument(
            place(at),
            format!(
                "{} takes at most {} arguments, {count} were given: {}.",
                name_of(operation),
                ids.len() + 2,
                usage()
            ),
        ));
    }
    Ok(Arguments {
        ids,
        params,
        params_place,
        options,
        options_place,
    })
}

/// An argument that is an object, or null for an empty one.
pub(crate) fn object<'a>(
    value: Value<'a>,
    place: Place,
    what: &str,
    usage: impl FnOnce() -> String,
) -> Result<Object<'a>, Refusal> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Object(members) => Ok(members),
        other => Err(Refusal::argument(
            place,
            format!(
                "Here stands {}, but an object of {what} is meant: {}.",
                other.kind(),
                usage()
            ),
        )),
    }
}

/// The argument of options.
pub(crate) fn options(
    value: Value<'_>,
    place: Place,
    usage: impl FnOnce() -> String,
) -> Result<Options, Refusal> {
    let members = object(value, place, "options", usage)?;
    Options::read(&members).map_err(|refusal| refusal.within(&String::from(place)))
}

/// One id for the path, or why it cannot be one.
pub(crate) fn id<'a>(
    name: &str,
    operation: &Operation,
    value: Value<'a>,
) -> Result<Cow<'a, str>, String> {
    let text = match value {
        Value::String(text) | Value::Number(text) => text,
        other => {
            return Err(format!(
                "{} takes {name:?} here, not {}: write {}.",
                name_of(operation),
                other.kind(),
                usage(operation)
            ));
        }
    };
    // A server or proxy that resolves dot segments would make another call of
    // it (RFC 3986, 5.2.4): an empty id turns a retrieve into a list.
    match text.as_ref() {
        "" => Err(format!(
            "{} needs {name:?}, but the text is empty.",
            name_of(operation)
        )),
        "." | ".." => Err(format!(
            "{} cannot take {text:?} as {name:?}: it would change the path.",
            name_of(operation)
        )),
        _ => Ok(text),
    }
}

fn name_of(operation: &Operation) -> String {
    format!("{}.{}", operation.resource, operation.method)
}

/// How the call is written: `customers.update: ["id", {params}, {options}]`.
fn usage(operation: &Operation) -> String {
    let mut out = name_of(operation);
    out.push_str(": [");
    for name in operation.path_parameters() {
        out.push_str(&format!("{name:?}, "));
    }
    out.push_str("{params}, {options}]");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::find;

    fn split_of<'a>(name: &str, args: &'a str) -> Result<Arguments<'a>, Refusal> {
        let (resource, method) = name.rsplit_once('.').unwrap();
        split(
            &find(resource, method).unwrap(),
            Value::parse(args).unwrap(),
        )
    }

    #[test]
    fn each_argument_finds_its_place() {
        let call = split_of(
            "accounts.updatePerson",
            r#"["acct_1","person_1",{"email":"a@b.c"},{"idempotencyKey":"k"}]"#,
        )
        .unwrap();
        assert_eq!(call.ids, [Some("acct_1".into()), Some("person_1".into())]);
        assert_eq!(call.params.len(), 1);
        assert_eq!(call.params_place, Place::at(2));
        assert_eq!(call.options.idempotency_key.as_deref(), Some("k"));

        for args in [
            "null",
            "[]",
            "[null]",
            "[{}]",
            "[null,null]",
            "{}",
            "[{},{}]",
        ] {
            let call = split_of("customers.list", args).unwrap();
            assert!(call.params.is_empty(), "{args}");
        }
        assert_eq!(
            split_of("customers.list", r#"{"limit":30}"#)
                .unwrap()
                .params
                .len(),
            1
        );
        assert_eq!(
            split_of("customers.retrieve", r#""cus_1""#).unwrap().ids,
            [Some("cus_1".into())]
        );
        assert_eq!(
            split_of("customers.retrieve", "[12]").unwrap().ids,
            [Some("12".into())]
        );
        for args in ["null", "[]", "[null]"] {
            assert_eq!(split_of("accounts.retrieve", args).unwrap().ids, [None]);
        }
    }

    #[test]
    fn options_in_the_place_of_params_are_options() {
        let call = split_of(
            "customers.retrieve",
            r#"["cus_1",{"stripeAccount":"acct_1"}]"#,
        )
        .unwrap();
        assert_eq!(call.options.stripe_account.as_deref(), Some("acct_1"));
        assert!(call.params.is_empty());
        // One key that is no option makes it params.
        let call = split_of("customers.create", r#"[{"email":"e","stripeAccount":"a"}]"#).unwrap();
        assert_eq!(call.params.len(), 2);
    }

    #[test]
    fn what_has_no_place_is_refused_there() {
        let cases = [
            (
                "customers.retrieve",
                "[]",
                "[0]",
                "needs \"id\" as argument 1",
            ),
            ("customers.retrieve", "null", "", "needs \"id\""),
            (
                "customers.retrieve",
                r#"[{"id":"cus_1"}]"#,
                "[0]",
                "not an object",
            ),
            (
                "customers.retrieve",
                r#"{"id":"cus_1"}"#,
                "",
                "not an object",
            ),
            ("customers.retrieve", "[null]", "[0]", "not null"),
            ("customers.retrieve", "[true]", "[0]", "not a boolean"),
            ("customers.retrieve", r#"[""]"#, "[0]", "empty"),
            ("customers.retrieve", r#"["."]"#, "[0]", "change the path"),
            ("customers.retrieve", r#"[".."]"#, "[0]", "change the path"),
            (
                "customers.list",
                r#"["cus_1"]"#,
                "[0]",
                "an object of params",
            ),
            ("customers.list", "[[1]]", "[0]", "Here stands a list"),
            ("customers.list", "[{},3]", "[1]", "an object of options"),
            (
                "customers.list",
                "[{},{},{}]",
                "[2]",
                "at most 2 arguments, 3 were given",
            ),
            (
                "accounts.updatePerson",
                r#"["acct_1"]"#,
                "[1]",
                "needs \"id\" as argument 2",
            ),
            (
                "customers.list",
                r#"[{},{"idempotencykey":"k"}]"#,
                "[1].idempotencykey",
                "did you mean \"idempotencyKey\"",
            ),
        ];
        for (name, args, path, said) in cases {
            let refusal = split_of(name, args).unwrap_err();
            assert_eq!(refusal.path, path, "{name} {args}");
            assert!(refusal.message.contains(said), "{}", refusal.message);
        }
    }
}
