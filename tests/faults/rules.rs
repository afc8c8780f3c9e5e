//! What the contract says of each fault: README, "Errors", and `types.wit`. Written from those, never
//! from what the component answered.

/// What a lost or doubtful outcome means to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// `permanent` whatever the call.
    Permanent,
    /// `transient` whatever the call.
    Transient,
    /// `transient` for a GET, a v1 DELETE and a key of the caller's, else `permanent`: Stripe may
    /// have acted.
    Depends,
    /// It succeeds all the same.
    Well,
}

/// One fault, and what it does to a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// As the header has it.
    pub(super) fault: &'static str,
    /// Whether the call is repeated after it.
    pub(super) repeated: bool,
    pub(super) ends: Ends,
    /// Whether Stripe may have acted on the attempt, as far as the client can know.
    pub(super) may_have_acted: bool,
    /// Whether it did.
    pub(super) commits: bool,
    /// `type` in v1 and in v2, which names its own.
    pub(super) kinds: [&'static str; 2],
    /// `status`, where there is one.
    pub(super) status: Option<u16>,
}

const fn rule(fault: &'static str, repeated: bool, ends: Ends, kind: &'static str) -> Rule {
    Rule {
        fault,
        repeated,
        ends,
        may_have_acted: matches!(ends, Ends::Depends),
        commits: false,
        kinds: [kind, kind],
        status: None,
    }
}

impl Rule {
    const fn committed(mut self) -> Rule {
        self.commits = true;
        self
    }

    const fn with(mut self, status: u16) -> Rule {
        self.status = Some(status);
        self
    }

    /// v2's own name for it.
    const fn v2(mut self, kind: &'static str) -> Rule {
        self.kinds[1] = kind;
        self
    }

    const fn acted(mut self) -> Rule {
        self.may_have_acted = true;
        self
    }
}

const CONNECTION: &str = "connection_error";
const RESPONSE: &str = "response_error";
const INVALID: &str = "invalid_request_error";
const API: &str = "api_error";

/// Faults that take no time.
pub(super) const RULES: &[Rule] = &[
    // "connection lost after sending … answer cut short | yes | see above | yes"
    rule("reset-before", true, Ends::Depends, CONNECTION),
    rule("reset-after", true, Ends::Depends, CONNECTION).committed(),
    rule("truncate", true, Ends::Depends, CONNECTION).committed(),
    rule("wrong-length; by=10", true, Ends::Depends, CONNECTION).committed(),
    // "2xx with something else than JSON | no | see above | yes"
    rule("wrong-length; by=-10", false, Ends::Depends, RESPONSE)
        .committed()
        .with(200),
    rule("invalid-json", false, Ends::Depends, RESPONSE)
        .committed()
        .with(200),
    rule("empty", false, Ends::Depends, RESPONSE)
        .committed()
        .with(200),
    rule("empty; commit=before", false, Ends::Depends, RESPONSE).with(200),
    rule("html; code=200", false, Ends::Depends, RESPONSE).with(200),
    rule(
        "html; code=200; commit=after",
        false,
        Ends::Depends,
        RESPONSE,
    )
    .committed()
    .with(200),
    // "an answer larger than allowed | no | permanent | yes"
    rule("oversize; bytes=60000", false, Ends::Permanent, RESPONSE)
        .committed()
        .acted(),
    // "409 | yes | transient | no"
    rule(
        "status; code=409",
        true,
        Ends::Transient,
        "idempotency_error",
    )
    .with(409),
    // "429 with retry-after up to 60 s | yes, after it | transient | no"
    rule(
        "status; code=429; retry-after=0",
        true,
        Ends::Transient,
        "rate_limit_error",
    )
    .with(429)
    .v2(INVALID),
    // "429 otherwise, 408, 425 | no | transient | no"
    rule(
        "status; code=429",
        false,
        Ends::Transient,
        "rate_limit_error",
    )
    .with(429)
    .v2(INVALID),
    rule(
        "status; code=429; retry-after=61",
        false,
        Ends::Transient,
        "rate_limit_error",
    )
    .with(429)
    .v2(INVALID),
    rule("status; code=408", false, Ends::Transient, INVALID).with(408),
    rule("status; code=425", false, Ends::Transient, INVALID).with(425),
    // "5xx | yes | see above | yes"
    rule("status; code=500", true, Ends::Depends, API).with(500),
    rule("status; code=503", true, Ends::Depends, API).with(503),
    rule("status; code=500; commit=after", true, Ends::Depends, API)
        .committed()
        .with(500),
    rule("status; code=503; retry-after=0", true, Ends::Depends, API).with(503),
    rule(
        "status; code=503; retry-after=61",
        false,
        Ends::Depends,
        API,
    )
    .with(503),
    rule("html", true, Ends::Depends, RESPONSE).with(502),
    rule(
        "html; code=504; commit=after",
        true,
        Ends::Depends,
        RESPONSE,
    )
    .committed()
    .with(504),
    rule("empty; code=500", true, Ends::Depends, RESPONSE)
        .committed()
        .with(500),
    // "stripe-should-retry: true / false | as it says | transient / permanent; 5xx as above"
    rule(
        "status; code=400; should-retry=true",
        true,
        Ends::Transient,
        INVALID,
    )
    .with(400),
    rule(
        "status; code=402; should-retry=true",
        true,
        Ends::Transient,
        "card_error",
    )
    .with(402),
    rule(
        "status; code=409; should-retry=false",
        false,
        Ends::Permanent,
        "idempotency_error",
    )
    .with(409),
    rule(
        "status; code=429; should-retry=true",
        true,
        Ends::Transient,
        "rate_limit_error",
    )
    .with(429)
    .v2(INVALID),
    rule(
        "status; code=429; should-retry=false",
        false,
        Ends::Permanent,
        "rate_limit_error",
    )
    .with(429)
    .v2(INVALID),
    rule(
        "status; code=500; should-retry=false",
        false,
        Ends::Depends,
        API,
    )
    .with(500),
    rule(
        "status; code=503; should-retry=true",
        true,
        Ends::Depends,
        API,
    )
    .with(503),
    // "402 card declined, other 4xx | no | permanent | no"
    rule("status; code=400", false, Ends::Permanent, INVALID).with(400),
    rule(
        "status; code=401",
        false,
        Ends::Permanent,
        "authentication_error",
    )
    .with(401)
    .v2(INVALID),
    rule("status; code=402", false, Ends::Permanent, "card_error").with(402),
    rule(
        "status; code=403",
        false,
        Ends::Permanent,
        "permission_error",
    )
    .with(403)
    .v2(INVALID),
    rule("status; code=404", false, Ends::Permanent, INVALID).with(404),
    rule("html; code=403", false, Ends::Permanent, RESPONSE).with(403),
    rule("html; code=407", false, Ends::Permanent, RESPONSE).with(407),
    // TRANSPORT.md: "Redirects are answers, and are not followed."
    rule(
        "redirect; location=/v1/elsewhere",
        false,
        Ends::Permanent,
        RESPONSE,
    )
    .with(302),
    rule(
        "redirect; code=307; location=/v1/elsewhere",
        false,
        Ends::Permanent,
        RESPONSE,
    )
    .with(307),
    // Slow, but whole and in time.
    rule("drip; ms=100", false, Ends::Well, "").committed(),
];

/// Faults of HTTP/2. Over HTTP/1.1 they end the connection.
pub(super) const STREAMS: &[Rule] = &[
    rule("rst-stream", true, Ends::Depends, CONNECTION),
    rule("rst-stream; commit=after", true, Ends::Depends, CONNECTION).committed(),
    rule("goaway", true, Ends::Depends, CONNECTION),
    rule("goaway; commit=after", true, Ends::Depends, CONNECTION).committed(),
];

/// What over HTTP/1.1 is half of a JSON is a broken answer over HTTP/2.
pub(super) const LONGER: Rule =
    rule("wrong-length; by=-10", true, Ends::Depends, CONNECTION).committed();

/// Faults that outlast an attempt: "timeout | yes | see above | yes".
pub(super) const STALLS: &[Rule] = &[
    rule("stall-headers", true, Ends::Depends, "timeout_error"),
    rule(
        "stall-headers; commit=after",
        true,
        Ends::Depends,
        "timeout_error",
    )
    .committed(),
    rule("stall-body", true, Ends::Depends, "timeout_error").committed(),
    rule("drip; ms=600000", true, Ends::Depends, "timeout_error").committed(),
];
