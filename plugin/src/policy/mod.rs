//! What a connection may do: its rules, read once, and the judgement of one call
//! by what would be sent. It knows the table and the call's arguments; how the
//! call came in (`request`, a page, `rawRequest`) makes no difference to it.

mod glob;
mod matching;
mod money;

use percent_encoding::percent_decode_str;

use crate::arguments::Place;
use crate::failure::Refusal;
use crate::json::Object;
use crate::operation::{Operation, Verb};
use crate::secret::Secret;
use crate::types::{Mode, Policy};

use glob::Glob;
use money::Moved;

/// The currency of `maxAmount` that stands for every other one, and for calls
/// that do not bind theirs.
const ANY: &str = "*";

/// A connection's rules. There is none of these without a rule.
#[derive(Debug)]
pub struct Rules {
    allow: Option<Vec<Glob>>,
    deny: Vec<Glob>,
    read_only: bool,
    mode: Option<Mode>,
    /// The mode of the connection's key, where the key does not tell.
    key_mode: Option<Mode>,
    /// Currencies in lower case, or [`ANY`].
    limits: Option<Vec<(String, u64)>>,
}

/// A call, as far as it is judged.
#[derive(Debug)]
pub struct Call<'c, 'a> {
    /// Verb.
    pub verb: Verb,
    /// Path, without the base URL's own and without a query.
    pub path: &'c str,
    /// Query that is part of the path's text; none for a table operation.
    pub query: Option<&'c str>,
    /// The operation it was called by; none for `rawRequest`.
    pub called: Option<&'c Operation>,
    /// Params.
    pub params: &'c Object<'a>,
    /// Where the params stand in the arguments.
    pub params_place: Place,
    /// The key of the call's own options.
    pub own_key: Option<&'c Secret>,
    /// Where the options stand.
    pub options_place: Place,
    /// The connection's key.
    pub key: Option<&'c Secret>,
    /// Headers of the connection, then those of the options.
    pub headers: [&'c [(String, String)]; 2],
}

impl Rules {
    /// Reads a policy; none if it has no rule. `key_mode` is what the operator
    /// says of a key that does not tell its mode. A place in the refusal is a
    /// property's name.
    pub fn new(policy: Option<&Policy>, key_mode: Option<Mode>) -> Result<Option<Rules>, Refusal> {
        let Some(policy) = policy else {
            return Ok(None);
        };
        let rules = Rules {
            allow: policy
                .allow
                .as_deref()
                .map(|texts| globs("allow", texts))
                .transpose()?,
            deny: globs("deny", policy.deny.as_deref().unwrap_or_default())?,
            read_only: policy.read_only.unwrap_or(false),
            mode: policy.mode,
            key_mode,
            limits: policy.max_amount.as_deref().map(limits).transpose()?,
        };
        let any = rules.allow.is_some()
            || !rules.deny.is_empty()
            || rules.read_only
            || rules.mode.is_some()
            || rules.limits.is_some();
        Ok(any.then_some(rules))
    }

    /// Judges the connection's own key; a place in the refusal is a property's
    /// name.
    pub fn judge_key(&self, key: &Secret) -> Result<(), Refusal> {
        self.judge_mode(mode_of(key).or(self.key_mode), true)
            .map_err(|message| Refusal::policy("mode", message))
    }

    /// Judges a call. `place` is that of its arguments.
    pub fn judge(&self, call: &Call<'_, '_>, place: &str) -> Result<(), Refusal> {
        let of_connection = |rule: &str, message: String| {
            Err(Refusal::policy(format!("connection.{rule}"), message))
        };
        if let (None, Some(at)) = (call.called, self.deny.iter().position(Glob::is_raw)) {
            return of_connection(
                &format!("deny[{at}]"),
                "The connection's policy refuses rawRequest (\"deny\").".to_owned(),
            );
        }
        // What the request is to a server, which may be another operation than
        // the one it was called by.
        let operations = matching::operations(call.verb, call.path);
        let Some(first) = operations.first() else {
            return Err(self.unmatched(call).within(place));
        };
        let name = match call.called {
            Some(called) => name_of(called),
            None => name_of(first),
        };
        self.judge_transport(call, place)?;
        self.judge_call_key(call, place)?;
        if self.read_only && call.verb != Verb::Get && !money::reads(first) {
            return of_connection(
                "readOnly",
                format!("The connection may only read (\"readOnly\"): {name} writes."),
            );
        }
        let all = || call.called.into_iter().chain(&operations);
        for (at, glob) in self.deny.iter().enumerate() {
            if all().any(|operation| glob.matches(operation)) {
                return of_connection(
                    &format!("deny[{at}]"),
                    format!(
                        "The connection's policy refuses {name}: it matches {:?} in \"deny\".",
                        glob.text()
                    ),
                );
            }
        }
        if let Some(allow) = &self.allow {
            let is_allowed = |operation| allow.iter().any(|glob| glob.matches(operation));
            if !operations.iter().any(is_allowed) {
                return of_connection(
                    "allow",
                    format!(
                        "The connection's policy does not allow {name}: nothing in \"allow\" matches it."
                    ),
                );
            }
        }
        self.judge_amount(first, &name, call, place)
    }

    fn judge_mode(&self, found: Option<Mode>, own: bool) -> Result<(), String> {
        let Some(wanted) = self.mode else {
            return Ok(());
        };
        match found {
            Some(mode) if mode == wanted => Ok(()),
            Some(mode) => Err(format!(
                "The connection is for {} keys (\"mode\"), and this is a {} key.",
                word(wanted),
                word(mode)
            )),
            None if own => Err(format!(
                "The connection is for {} keys (\"mode\"), and this key does not tell its mode; if \
                 it stands for a {} key, add \"keyMode\": {:?} to the connection.",
                word(wanted),
                word(wanted),
                word(wanted)
            )),
            None => Err(format!(
                "The connection is for {} keys (\"mode\"), and this key does not tell its mode.",
                word(wanted)
            )),
        }
    }

    /// The key that the call would be made with.
    fn judge_call_key(&self, call: &Call<'_, '_>, place: &str) -> Result<(), Refusal> {
        // A method that sends nothing sends no key.
        if call.called.is_some_and(|called| called.flags.local()) {
            return Ok(());
        }
        match (call.own_key, call.key) {
            // "keyMode" speaks of the connection's key alone.
            (Some(key), _) => self.judge_mode(mode_of(key), false).map_err(|message| {
                Refusal::policy("apiKey", message)
                    .within(&String::from(call.options_place))
                    .within(place)
            }),
            (None, Some(key)) => self
                .judge_key(key)
                .map_err(|refusal| refusal.within("connection")),
            (None, None) => Ok(()),
        }
    }

    /// What would make another call of it behind the policy's back.
    fn judge_transport(&self, call: &Call<'_, '_>, place: &str) -> Result<(), Refusal> {
        const OVERRIDES: [&str; 5] = [
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
            "x-original-url",
            "x-rewrite-url",
        ];
        // Servers that hand headers on as variables (CGI, WSGI) take "_" for
        // "-".
        let overrides = |name: &str| {
            let name = name.replace('_', "-");
            OVERRIDES
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
        };
        let mut headers = call.headers.iter().copied().flatten();
        if let Some((name, _)) = headers.find(|(name, _)| overrides(name)) {
            return Err(Refusal::policy(
                "headers",
                format!(
                    "The header {name:?} may make another call of this one; a connection with a \
                     policy does not send it."
                ),
            )
            .within(&String::from(call.options_place))
            .within(place));
        }
        let in_query = call.query.is_some_and(|query| {
            query.split(['&', ';']).any(|pair| {
                let name = pair.split('=').next().unwrap_or_default();
                percent_decode_str(name).decode_utf8_lossy().trim() == "_method"
            })
        });
        if in_query || call.params.iter().any(|(name, _)| name == "_method") {
            return Err(Refusal::policy(
                "",
                "The param \"_method\" may make another call of this one; a connection with a \
                 policy does not send it.",
            )
            .within(&String::from(call.params_place))
            .within(place));
        }
        Ok(())
    }

    fn judge_amount(
        &self,
        operation: &Operation,
        name: &str,
        call: &Call<'_, '_>,
        place: &str,
    ) -> Result<(), Refusal> {
        let Some(limits) = &self.limits else {
            return Ok(());
        };
        let refuse = |param: &str, message: String| {
            Err(Refusal::policy(param, message)
                .within(&String::from(call.params_place))
                .within(place))
        };
        let moved = match (money::moved(operation, call.params), call.query) {
            (Moved::Nothing, None) => return Ok(()),
            // Params in the query count as well as those in the body.
            (_, Some(_)) if call.verb != Verb::Get && money::may_move(operation) => {
                Moved::Unknown {
                    why: "its path has a query, whose params count as well".to_owned(),
                    place: String::new(),
                }
            }
            (moved, _) => moved,
        };
        let (amount, currency, param) = match moved {
            Moved::Nothing => return Ok(()),
            Moved::Unknown { why, place } => {
                return refuse(
                    &place,
                    format!(
                        "The connection limits what a call may move (\"maxAmount\"), and {name} \
                         cannot be judged: {why}."
                    ),
                );
            }
            Moved::Amount {
                amount,
                currency,
                place,
            } => (amount, currency, place),
        };
        let of = |wanted: &str| {
            let found = limits.iter().find(|(currency, _)| currency == wanted);
            found.map(|(_, limit)| *limit)
        };
        let (limit, shown) = match &currency {
            Some(code) => match of(code).or_else(|| of(ANY)) {
                Some(limit) => (limit, code.to_ascii_uppercase()),
                None => {
                    let code: String = code.chars().take(8).collect();
                    return refuse(
                        &param,
                        format!(
                            "{name} would move {code:?}, a currency the connection may not move: \
                             \"maxAmount\" has no limit for it."
                        ),
                    );
                }
            },
            // It may be any of those listed, or any other.
            None => match of(ANY).and(limits.iter().map(|(_, limit)| *limit).min()) {
                Some(limit) => (limit, "its currency".to_owned()),
                None => {
                    return refuse(
                        &param,
                        format!(
                            "The connection limits what a call may move (\"maxAmount\"), and {name} \
                             does not say in which currency; add \"*\" to \"maxAmount\", a limit \
                             for such calls."
                        ),
                    );
                }
            },
        };
        if amount <= limit {
            return Ok(());
        }
        refuse(
            &param,
            format!(
                "{name} would move more than the connection may move in one call (\"maxAmount\"): \
                 {amount} of {limit} in the smallest unit of {shown}."
            ),
        )
    }

    /// The refusal of a request that is no operation.
    fn unmatched(&self, call: &Call<'_, '_>) -> Refusal {
        let rules = [
            ("allow", self.allow.is_some()),
            ("deny", !self.deny.is_empty()),
            ("readOnly", self.read_only),
            ("mode", self.mode.is_some()),
            ("maxAmount", self.limits.is_some()),
        ];
        let given: Vec<&str> = rules
            .iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| *name)
            .collect();
        let (path, what) = match call.called {
            None => ("[1]", format!("{} with this path", call.verb.as_str())),
            Some(called) => ("", format!("{} with this id", name_of(called))),
        };
        Refusal::policy(
            path,
            format!(
                "The connection has a policy ({}), and {what} is not certain to be one of the \
                 operations it can judge: an id should be plain, a path one of the table's.",
                given.join(", ")
            ),
        )
    }
}

fn name_of(operation: &Operation) -> String {
    [operation.resource, ".", operation.method].concat()
}

fn globs(rule: &str, texts: &[String]) -> Result<Vec<Glob>, Refusal> {
    texts
        .iter()
        .enumerate()
        .map(|(at, text)| {
            let place = format!("{rule}[{at}]");
            match Glob::parse(text) {
                Ok(glob) if glob.is_raw() && rule == "allow" => Err(Refusal::configuration(
                    place,
                    "rawRequest is judged by the operation that its verb and path are: allow that.",
                )),
                Ok(glob) => Ok(glob),
                Err(message) => Err(Refusal::configuration(place, message)),
            }
        })
        .collect()
}

fn limits(given: &[(String, String)]) -> Result<Vec<(String, u64)>, Refusal> {
    let mut limits: Vec<(String, u64)> = Vec::with_capacity(given.len());
    for (currency, digits) in given {
        let place = format!("maxAmount.{currency}");
        let is_code = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_lowercase());
        if !is_code && currency != ANY {
            return Err(Refusal::configuration(
                place,
                "\"maxAmount\" takes currency codes of three letters in lower case, and \"*\" for \
                 all others.",
            ));
        }
        if limits.iter().any(|(known, _)| known == currency) {
            return Err(Refusal::configuration(
                place,
                format!("\"maxAmount\" has two limits for {currency:?}."),
            ));
        }
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        match digits.parse() {
            // No amount is as large as the largest number, which stands for
            // those that are larger.
            Ok(limit) if plain && limit < u64::MAX => limits.push((currency.clone(), limit)),
            _ => {
                return Err(Refusal::configuration(
                    place,
                    "A limit in \"maxAmount\" should be a whole amount in the currency's smallest \
                     unit.",
                ));
            }
        }
    }
    Ok(limits)
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Test => "test",
        Mode::Live => "live",
    }
}

/// The mode a key tells: `sk_test_…`, `rk_live_…`, `sk_org_test_…`. Placeholders
/// and other tokens tell none.
pub fn mode_of(key: &Secret) -> Option<Mode> {
    let mut words = key.expose().split('_');
    let kind = words.next()?;
    let is_kind =
        kind.len() == 2 && kind.ends_with('k') && kind.bytes().all(|b| b.is_ascii_lowercase());
    let mut word = words.next()?;
    if word == "org" {
        word = words.next()?;
    }
    // The rest of the key.
    words.next()?;
    match word {
        "test" if is_kind => Some(Mode::Test),
        "live" if is_kind => Some(Mode::Live),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
