//! What can go wrong with one request, and how a person writes it down. It owns the names of faults,
//! their options and the limits of those; it knows neither which request is hit nor any wire.

use std::time::Duration;

/// The longest wait a fault may ask for.
const MAX_MS: u64 = 600_000;
/// The largest answer a fault may make.
const MAX_BYTES: u64 = 1 << 30;
/// Longer than the longest attempt by default (80 s), so that a stall is a timeout.
const STALL: u64 = 120_000;

/// One fault, with its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Its name in a file, in a header and in the log.
    pub(crate) name: &'static str,
    /// What goes wrong.
    pub(crate) kind: Kind,
    /// Whether the request is carried out all the same.
    pub(crate) commits: bool,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An error of Stripe's with this status and these headers.
    Status {
        code: u16,
        should_retry: Option<bool>,
        retry_after: Option<u32>,
    },
    /// The connection is reset, and new ones are refused for a while.
    Refuse(Duration),
    /// The connection is reset.
    Reset,
    /// Nothing comes for so long; then the connection ends.
    StallHeaders(Duration),
    /// Nothing comes for so long after half of the body; then the connection ends.
    StallBody(Duration),
    /// The body comes in small pieces over this time.
    Drip(Duration),
    /// The connection ends after half of the body.
    Truncate,
    /// The announced length is so much more (or less) than what comes.
    WrongLength(i64),
    /// So many bytes come.
    Oversize(u64),
    /// Half of the JSON comes as if it were all of it.
    InvalidJson,
    /// A page of a proxy's.
    Html(u16),
    /// No body.
    Empty(u16),
    /// The client is sent elsewhere.
    Redirect(u16, String),
    /// HTTP/2's end of one request.
    RstStream,
    /// HTTP/2's end of a connection.
    Goaway,
}

/// Whether a request is carried out under a fault.
#[derive(Clone, Copy)]
enum Commit {
    Never,
    Always,
    /// As the option `commit` says; this where it says nothing.
    Usually(bool),
}

/// Name, whether the request is carried out, further options.
const KINDS: &[(&str, Commit, &[&str])] = &[
    (
        "status",
        Commit::Usually(false),
        &["code", "should-retry", "retry-after"],
    ),
    ("refuse", Commit::Never, &["ms"]),
    ("reset-before", Commit::Never, &[]),
    ("reset-after", Commit::Always, &[]),
    ("stall-headers", Commit::Usually(false), &["ms"]),
    ("stall-body", Commit::Always, &["ms"]),
    ("drip", Commit::Always, &["ms"]),
    ("truncate", Commit::Always, &[]),
    ("wrong-length", Commit::Always, &["by"]),
    ("oversize", Commit::Always, &["bytes"]),
    ("invalid-json", Commit::Always, &[]),
    ("html", Commit::Usually(false), &["code"]),
    ("empty", Commit::Usually(true), &["code"]),
    ("redirect", Commit::Usually(false), &["code", "location"]),
    ("rst-stream", Commit::Usually(false), &[]),
    ("goaway", Commit::Usually(false), &[]),
];

/// What is wrong with a fault's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bad {
    /// The option at fault; none where it is the name.
    pub(crate) option: Option<String>,
    /// What is wrong, and what to write instead.
    pub(crate) message: String,
}

impl Bad {
    fn option(name: &str, message: impl Into<String>) -> Self {
        Self {
            option: Some(name.to_owned()),
            message: message.into(),
        }
    }
}

impl Fault {
    /// A fault by its name and its options, all of them text.
    pub(crate) fn new(name: &str, options: &[(String, String)]) -> Result<Self, Bad> {
        let Some(&(name, commit, known)) = KINDS.iter().find(|(known, ..)| *known == name) else {
            let names = KINDS.iter().map(|(name, ..)| *name);
            return Err(Bad {
                option: None,
                message: format!("there is no fault {name:?}; {}", suggestion(name, names)),
            });
        };
        let has_commit = matches!(commit, Commit::Usually(_));
        for (option, _) in options {
            if known.contains(&option.as_str()) || (has_commit && option == "commit") {
                continue;
            }
            let takes = known.iter().copied().chain(has_commit.then_some("commit"));
            let takes: Vec<_> = takes.collect();
            let message = match takes.is_empty() {
                true => format!("{name} has no option {option:?}; it takes none"),
                false => format!(
                    "{name} has no option {option:?}; {}",
                    suggestion(option, takes.into_iter())
                ),
            };
            return Err(Bad::option(option, message));
        }
        let options = Options(options);
        let commits = match commit {
            Commit::Never => false,
            Commit::Always => true,
            Commit::Usually(usual) => match options.get("commit") {
                None => usual,
                Some("before") => false,
                Some("after") => true,
                Some(other) => {
                    return Err(Bad::option(
                        "commit",
                        format!(
                            "commit is before (the request is not carried out) or after (it is), \
                             not {other:?}"
                        ),
                    ));
                }
            },
        };
        let kind = match name {
            "status" => Kind::Status {
                code: options.code(400, None)?,
                should_retry: options.boolean("should-retry")?,
                retry_after: options
                    .get("retry-after")
                    .map(|_| options.seconds())
                    .transpose()?,
            },
            "refuse" => Kind::Refuse(options.duration(100)?),
            "reset-before" | "reset-after" => Kind::Reset,
            "stall-headers" => Kind::StallHeaders(options.duration(STALL)?),
            "stall-body" => Kind::StallBody(options.duration(STALL)?),
            "drip" => Kind::Drip(options.duration(2_000)?),
            "truncate" => Kind::Truncate,
            "wrong-length" => Kind::WrongLength(options.difference()?),
            // More than a connection's default of 16 MiB.
            "oversize" => {
                Kind::Oversize(options.number("bytes", 1, MAX_BYTES, Some(20_000_000))?)
            }
            "invalid-json" => Kind::InvalidJson,
            "html" => Kind::Html(options.code(200, Some(502))?),
            "empty" => Kind::Empty(options.code(200, Some(200))?),
            "redirect" => {
                let location = options.get("location").unwrap_or("/");
                if http::HeaderValue::from_str(location).is_err() {
                    let message = "location is an address in visible ASCII characters";
                    return Err(Bad::option("location", message));
                }
                let code = options.code(300, Some(302))?;
                if code >= 400 {
                    let message = format!("the code of a redirect is 300 to 399, not {code}");
                    return Err(Bad::option("code", message));
                }
                Kind::Redirect(code, location.to_owned())
            }
            "rst-stream" => Kind::RstStream,
            _ => Kind::Goaway,
        };
        Ok(Self {
            name,
            kind,
            commits,
        })
    }
}

/// The options that were given.
struct Options<'a>(&'a [(String, String)]);

impl Options<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let mut given = self.0.iter();
        given
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str, least: u64, most: u64, usual: Option<u64>) -> Result<u64, Bad> {
        let message = || format!("{name} is a whole number from {least} to {most}");
        match (self.get(name), usual) {
            (None, Some(usual)) => Ok(usual),
            (None, None) => Err(Bad::option(
                name,
                format!("{name} is missing: {}", message()),
            )),
            (Some(text), _) => match text.parse() {
                Ok(number) if (least..=most).contains(&number) => Ok(number),
                _ => Err(Bad::option(name, format!("{}, not {text:?}", message()))),
            },
        }
    }

    fn code(&self, least: u64, usual: Option<u64>) -> Result<u16, Bad> {
        let code = self.number("code", least, 599, usual)?;
        Ok(u16::try_from(code).unwrap_or(500))
    }

    fn duration(&self, usual: u64) -> Result<Duration, Bad> {
        self.number("ms", 0, MAX_MS, Some(usual))
            .map(Duration::from_millis)
    }

    fn seconds(&self) -> Result<u32, Bad> {
        let seconds = self.number("retry-after", 0, u64::from(u32::MAX), None)?;
        Ok(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    fn boolean(&self, name: &str) -> Result<Option<bool>, Bad> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(Bad::option(
                name,
                format!("{name} is true or false, not {other:?}"),
            )),
        }
    }

    fn difference(&self) -> Result<i64, Bad> {
        match self.get("by").map(|text| (text, text.parse::<i64>())) {
            None => Ok(10),
            Some((_, Ok(by))) if by != 0 && by.unsigned_abs() <= MAX_BYTES => Ok(by),
            Some((text, _)) => Err(Bad::option(
                "by",
                format!("by is a whole number other than 0, such as 10 or -10, not {text:?}"),
            )),
        }
    }
}

/// The one name that may have been meant, or all there are.
pub(crate) fn suggestion<'k>(given: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    let near = known
        .clone()
        .map(|name| (strsim::damerau_levenshtein(given, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min();
    match near {
        Some((_, name)) => format!("did you mean {name:?}?"),
        None => format!("there is {}", known.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(name: &str, options: &[(&str, &str)]) -> Result<Fault, Bad> {
        let options: Vec<_> = options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Fault::new(name, &options)
    }

    #[test]
    fn every_fault_can_be_written_without_options_but_a_status() {
        for (name, ..) in KINDS {
            match fault(name, &[]) {
                Ok(made) => assert_eq!(made.name, *name),
                Err(bad) => {
                    assert_eq!(*name, "status");
                    assert_eq!(
                        bad.message,
                        "code is missing: code is a whole number from 400 to 599"
                    );
                }
            }
        }
    }

    #[test]
    fn what_a_fault_does_before_or_after_is_its_own_or_the_callers() {
        for (name, options, commits) in [
            ("reset-before", vec![], false),
            ("reset-after", vec![], true),
            ("truncate", vec![], true),
            ("html", vec![], false),
            ("html", vec![("commit", "after")], true),
            ("empty", vec![("commit", "before")], false),
        ] {
            assert_eq!(fault(name, &options).unwrap().commits, commits, "{name}");
        }
    }

    #[test]
    fn mistakes_are_told_with_what_to_write_instead() {
        for (name, options, option, said) in [
            ("reset-aftr", vec![], None, "did you mean \"reset-after\"?"),
            ("explode", vec![], None, "there is status, refuse,"),
            (
                "status",
                vec![("cod", "500")],
                Some("cod"),
                "did you mean \"code\"?",
            ),
            (
                "status",
                vec![("code", "200")],
                Some("code"),
                "from 400 to 599, not \"200\"",
            ),
            (
                "status",
                vec![("code", "500"), ("should-retry", "yes")],
                Some("should-retry"),
                "true or false",
            ),
            (
                "status",
                vec![("code", "429"), ("retry-after", "-1")],
                Some("retry-after"),
                "whole number",
            ),
            (
                "stall-body",
                vec![("ms", "1h")],
                Some("ms"),
                "from 0 to 600000",
            ),
            (
                "truncate",
                vec![("commit", "before")],
                Some("commit"),
                "takes none",
            ),
            ("html", vec![("commit", "never")], Some("commit"), "before"),
            (
                "wrong-length",
                vec![("by", "0")],
                Some("by"),
                "other than 0",
            ),
            (
                "redirect",
                vec![("code", "404")],
                Some("code"),
                "300 to 399",
            ),
            (
                "redirect",
                vec![("location", "a\nb")],
                Some("location"),
                "visible",
            ),
        ] {
            let bad = fault(name, &options).unwrap_err();
            assert_eq!(bad.option.as_deref(), option, "{name}: {}", bad.message);
            assert!(bad.message.contains(said), "{name}: {}", bad.message);
        }
    }
}
