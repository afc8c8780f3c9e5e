//! `rawRequest`: a verb and a path in place of a table row, for what the table
//! does not have yet. The path decides the API version, and nothing in it can
//! lead to another host.

use super::{Encoding, Outgoing, Request, assemble, payload};
use crate::arguments::{Place, object, options, positional};
use crate::connection::Settings;
use crate::failure::Refusal;
use crate::json::{Object, Value};
use crate::operation::{Base, Verb};
use crate::options::Options;

/// How the call is written.
const USAGE: &str = "write rawRequest: [\"POST\", \"/v1/…\", {params}, {options}]";

/// The arguments of a `rawRequest`, each in its place.
#[derive(Debug)]
pub struct RawRequest<'a> {
    /// Verb.
    pub verb: Verb,
    /// Path and query.
    target: String,
    /// Params; they stand third.
    pub params: Object<'a>,
    /// Options.
    pub options: Options,
}

impl<'a> RawRequest<'a> {
    /// The name of the method; it belongs to no resource.
    pub const METHOD: &'static str = "rawRequest";

    /// Splits the arguments: verb, path, params, options.
    pub fn split(args: Value<'a>) -> Result<Self, Refusal> {
        let (list, _) = positional(args);
        let count = list.len();
        let mut list = list.into_iter();
        let verb = verb(list.next().as_ref())?;
        let target = target(list.next())?;
        let params = match list.next() {
            None => Vec::new(),
            Some(value) => object(value, Place::at(2), "params", || USAGE.to_owned())?,
        };
        if verb != Verb::Post && !params.is_empty() {
            return Err(Refusal::argument(
                "[2]",
                format!(
                    "rawRequest takes params on POST alone; write them into the path: \
                     [{:?}, \"/v1/…?limit=3\"].",
                    verb.as_str()
                ),
            ));
        }
        let options = match list.next() {
            None => Options::default(),
            Some(value) => options(value, Place::at(3), || USAGE.to_owned())?,
        };
        if list.any(|surplus| !matches!(surplus, Value::Null)) {
            return Err(Refusal::argument(
                "[4]",
                format!("rawRequest takes at most 4 arguments, {count} were given: {USAGE}."),
            ));
        }
        Ok(RawRequest {
            verb,
            target,
            params,
            options,
        })
    }

    /// The request of a list's next page, at a path that Stripe gave.
    pub fn page(target: String, options: Options) -> Result<Self, Refusal> {
        Ok(RawRequest {
            verb: Verb::Get,
            target: self::target(Some(Value::String(target.into())))?,
            params: Vec::new(),
            options,
        })
    }

    /// The path without its query, and the query.
    pub fn path(&self) -> (&str, Option<&str>) {
        match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&self.target, None),
        }
    }

    /// Builds the request.
    pub fn build(
        self,
        settings: &Settings,
        mut uuid: impl FnMut() -> String,
    ) -> Result<Outgoing<'a>, Refusal> {
        let v2 = self.target.starts_with("/v2");
        let request = Request {
            verb: self.verb,
            path: &self.target,
            options_place: Place::at(3),
            encoding: if v2 { Encoding::Json } else { Encoding::Form },
            base: self.options.api_base.unwrap_or(Base::Api),
            v2,
            binary: false,
        };
        let payload = payload(&request, self.params, settings, &mut uuid)?;
        assemble(&request, payload, &self.options, settings, uuid)
    }
}

fn verb(value: Option<&Value<'_>>) -> Result<Verb, Refusal> {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    [Verb::Get, Verb::Post, Verb::Delete]
        .into_iter()
        .find(|verb| text.eq_ignore_ascii_case(verb.as_str()))
        .ok_or_else(|| {
            Refusal::argument(
                "[0]",
                format!("rawRequest needs GET, POST or DELETE first: {USAGE}."),
            )
        })
}

/// A path that begins with one slash, so that it is not taken for a host, and
/// holds nothing that would have to be escaped or that a server would resolve.
fn target(value: Option<Value<'_>>) -> Result<String, Refusal> {
    let refuse = |problem: &str| {
        Err(Refusal::argument(
            "[1]",
            format!("The path of rawRequest {problem}: {USAGE}."),
        ))
    };
    let Some(Value::String(path)) = value else {
        return refuse("should be a string that begins with a single \"/\"");
    };
    if !path.starts_with('/') || path.starts_with("//") {
        return refuse("should begin with a single \"/\"");
    }
    match crate::form::check_path(&path) {
        Ok(()) => Ok(path.into_owned()),
        Err(problem) => refuse(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::parse;

    fn built(args: &str) -> Result<(String, Option<String>), Refusal> {
        let settings = parse(r#"{"secretKey":"sk_test_0123456789abcdef"}"#, false).unwrap();
        let settings = Settings::new(settings, || None).unwrap();
        let raw = RawRequest::split(Value::parse(args).unwrap())?;
        let outgoing = raw.build(&settings, || "UUID".into())?;
        let body = outgoing
            .body
            .as_ref()
            .map(|body| String::from_utf8(body.to_bytes()).unwrap());
        Ok((
            format!("{} {}", outgoing.verb.as_str(), outgoing.url()),
            body,
        ))
    }

    #[test]
    fn verb_and_path_make_the_request() {
        for (args, line, body) in [
            (
                r#"["GET","/v1/x?limit=3"]"#,
                "GET https://api.stripe.com/v1/x?limit=3",
                None,
            ),
            (
                r#"["post","/v1/x",{"a":[1]}]"#,
                "POST https://api.stripe.com/v1/x",
                Some("a[0]=1"),
            ),
            (
                r#"["POST","/v2/x",{"a":[1]}]"#,
                "POST https://api.stripe.com/v2/x",
                Some(r#"{"a":[1]}"#),
            ),
            (
                r#"["DELETE","/v1/x",null,{"apiBase":"files"}]"#,
                "DELETE https://files.stripe.com/v1/x",
                None,
            ),
        ] {
            let found = built(args).unwrap();
            assert_eq!(found, (line.to_owned(), body.map(str::to_owned)));
        }
    }

    #[test]
    fn nothing_leads_elsewhere() {
        for (args, path) in [
            ("[]", "[0]"),
            (r#"["PATCH","/v1/x"]"#, "[0]"),
            (r#"["GET"]"#, "[1]"),
            (r#"["GET",5]"#, "[1]"),
            (r#"["GET","v1/x"]"#, "[1]"),
            (r#"["GET","//evil.example/x"]"#, "[1]"),
            (r#"["GET","@evil.example/x"]"#, "[1]"),
            (r#"["GET","https://evil.example/x"]"#, "[1]"),
            (r#"["GET","/v1/x\r\nHost: evil"]"#, "[1]"),
            (r#"["GET","/v1/a b"]"#, "[1]"),
            (r#"["GET","/v1/\\evil"]"#, "[1]"),
            (r#"["GET","/v1/../v2/x"]"#, "[1]"),
            (r#"["GET","/v1/%2E%2e/x"]"#, "[1]"),
            (r#"["GET","/v1/x",{"limit":3}]"#, "[2]"),
            (r#"["DELETE","/v1/x",{"prorate":true}]"#, "[2]"),
            (r#"["POST","/v1/x",3]"#, "[2]"),
            (r#"["POST","/v1/x",{},{"apiBase":"evil"}]"#, "[3].apiBase"),
            (r#"["POST","/v1/x",{},{},{}]"#, "[4]"),
        ] {
            assert_eq!(built(args).unwrap_err().path, path, "{args}");
        }
    }
}
