//! Signatures of webhook deliveries: reading their header, making them, and
//! comparing them. Knows nothing of what the payload says.
//! (Stripe docs, "Verify webhook signatures manually".)

use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::failure::{Cause, Refusal};
use crate::secret::Secret;

/// Longest header that is read, in bytes: some two hundred signatures.
const MAX_HEADER: usize = 16 << 10;

/// Longest payload that is signed, in bytes; Stripe's have some kilobytes.
const MAX_PAYLOAD: usize = 8 << 20;

/// Longest payload of which other spellings are tried, to say what was done to
/// it, in bytes.
const MAX_GUESSED: usize = 1 << 20;

/// Most secrets that are tried: each means signing the payload once.
const MAX_SECRETS: usize = 16;

/// The scheme of live and test signatures.
pub(super) const SCHEME: &str = "v1";

/// Places of the arguments in a refusal; `call` has others for them.
pub(super) const PAYLOAD: &str = "payload";
pub(super) const HEADER: &str = "signature-header";
pub(super) const SECRETS: &str = "secrets";

/// A `stripe-signature` header, read.
struct Header<'h> {
    /// Seconds since 1970.
    timestamp: u64,
    /// What claims to be a signature of the known scheme.
    signatures: Vec<&'h str>,
}

/// Verifies that one of the secrets signed the payload, and says when.
pub(super) fn verify(payload: &str, header: &str, secrets: &[Secret]) -> Result<u64, Refusal> {
    if payload.is_empty() {
        return Err(Refusal::signature(
            Cause::PayloadMissing,
            PAYLOAD,
            "The webhook has no payload: pass the body of the request as it arrived. Where a \
             framework has read the body already, ask it for the raw one.",
        ));
    }
    if payload.len() > MAX_PAYLOAD {
        return Err(Refusal::signature(
            Cause::PayloadTooLarge,
            PAYLOAD,
            format!(
                "The payload has {} bytes; no event of Stripe's has more than {MAX_PAYLOAD}.",
                payload.len()
            ),
        ));
    }
    if header.is_empty() {
        return Err(Refusal::signature(
            Cause::HeaderMissing,
            HEADER,
            "The webhook has no signature: pass the value of the request's stripe-signature \
             header. A request without one is not from Stripe.",
        ));
    }
    let Header {
        timestamp,
        signatures,
    } = read(header)?;
    check(secrets)?;
    let signed = |payload: &str| {
        secrets.iter().any(|secret| {
            // All are compared, whichever fits: their order tells nothing.
            let expected = sign(timestamp, payload, secret);
            signatures
                .iter()
                .filter_map(|signature| from_hex(signature))
                .fold(false, |found, given| {
                    found | (CtOutput::new(given.into()) == expected)
                })
        })
    };
    if signed(payload) {
        return Ok(timestamp);
    }
    Err(mismatch(payload, secrets, signed))
}

/// Why no signature fits, as far as that can be told.
fn mismatch(payload: &str, secrets: &[Secret], signed: impl Fn(&str) -> bool) -> Refusal {
    let parsed = |how: &str| {
        Refusal::signature(
            Cause::PayloadParsed,
            PAYLOAD,
            format!(
                "{how} Only the body as it arrived can be verified: pass the raw text of the \
                 request's body."
            ),
        )
    };
    if payload.starts_with("[object ") {
        return parsed("The payload is the name of a parsed body, not its text.");
    }
    if payload.contains('\u{fffd}') {
        return parsed(
            "The payload was decoded with replacement characters, so it is not what was signed.",
        );
    }
    // Line ends that were changed are white space too.
    if payload.len() <= MAX_GUESSED
        && (signed(&respaced(payload, true)) || signed(&respaced(payload, false)))
    {
        return parsed(
            "The payload says what was signed, with other white space: somebody parsed it and \
             wrote it again.",
        );
    }
    let mut message = format!(
        "No signature in the header fits the payload with {}. Either the secret is not that of \
         the endpoint which was called (each has its own, and stripe listen has another), or the \
         payload is not the body as it arrived.",
        match secrets.len() {
            1 => "the secret given".to_owned(),
            count => format!("any of the {count} secrets given"),
        }
    );
    if secrets
        .iter()
        .any(|secret| secret.expose().contains(char::is_whitespace))
    {
        message.push_str(" A secret contains white space, perhaps a line end.");
    } else if secrets
        .iter()
        .any(|secret| !secret.expose().starts_with("whsec_"))
    {
        message.push_str(" Signing secrets start with whsec_.");
    }
    Refusal::signature(Cause::SignatureMismatch, PAYLOAD, message)
}

/// The signature a payload has with a secret at a time. Once in the component:
/// the hash is unrolled, and kilobytes long.
#[inline(never)]
fn sign(timestamp: u64, payload: &str, secret: &Secret) -> CtOutput<Hmac<Sha256>> {
    // HMAC takes keys of any length, so this branch is never taken; a MAC with
    // no key fits nothing that anyone signed.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .unwrap_or_else(|_| Hmac::new(&Default::default()));
    mac.update(itoa::Buffer::new().format(timestamp).as_bytes());
    mac.update(b".");
    mac.update(payload.as_bytes());
    mac.finalize()
}

/// The same in lower-case hexadecimal digits, as it stands in a header.
pub(super) fn signature(timestamp: u64, payload: &str, secret: &Secret) -> String {
    let bytes = sign(timestamp, payload, secret).into_bytes();
    let mut hex = String::with_capacity(64);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0xf] {
            hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    hex
}

/// Refuses secrets that can not be any.
pub(super) fn check(secrets: &[Secret]) -> Result<(), Refusal> {
    if secrets.is_empty() {
        return Err(Refusal::signature(
            Cause::SecretMissing,
            SECRETS,
            "There is no signing secret: give that of the webhook endpoint, which starts with \
             whsec_.",
        ));
    }
    if secrets.len() > MAX_SECRETS {
        return Err(Refusal::argument(
            SECRETS,
            format!(
                "{} signing secrets were given; at most {MAX_SECRETS} are tried.",
                secrets.len()
            ),
        ));
    }
    for (at, secret) in secrets.iter().enumerate() {
        let place = || format!("{SECRETS}[{at}]");
        let text = secret.expose().trim();
        if text.is_empty() {
            return Err(Refusal::signature(
                Cause::SecretMissing,
                place(),
                "This signing secret is blank; that of a webhook endpoint starts with whsec_.",
            ));
        }
        if ["sk_", "rk_", "pk_"]
            .iter()
            .any(|kind| text.starts_with(kind))
        {
            return Err(Refusal::signature(
                Cause::SecretIsApiKey,
                place(),
                "This is an API key. Signatures are made with the secret of the webhook endpoint, \
                 which starts with whsec_.",
            ));
        }
    }
    Ok(())
}

/// Reads `t=1492774577,v1=5257a8…,v0=…`. Other names are other schemes.
fn read(header: &str) -> Result<Header<'_>, Refusal> {
    let malformed = |problem: String| Refusal::signature(Cause::HeaderMalformed, HEADER, problem);
    if header.len() > MAX_HEADER {
        return Err(malformed(format!(
            "The signature header has {} bytes; at most {MAX_HEADER} are read.",
            header.len()
        )));
    }
    let mut timestamp = None;
    let mut signatures = Vec::new();
    for item in header.split(',') {
        let mut parts = item.split('=');
        let (name, value) = (parts.next(), parts.next().unwrap_or_default());
        match name {
            Some("t") => timestamp = Some(value),
            Some(SCHEME) => signatures.push(value),
            _ => {}
        }
    }
    // Twelve digits last until the year 33658, and have one spelling only.
    let digits = timestamp.map(|text| text.trim_start_matches('0'));
    let seconds = match digits {
        Some(digits) if digits.len() <= 12 && digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().ok()
        }
        _ => None,
    };
    let Some(timestamp) = seconds else {
        return Err(malformed(format!(
            "The signature header has no timestamp that can be read; it should look like \
             t=1492774577,v1=5257a869….{}",
            if header.starts_with("whsec_") {
                " This is a signing secret."
            } else if header.starts_with('{') {
                " This is a payload."
            } else {
                ""
            }
        )));
    };
    if signatures.is_empty() {
        return Err(Refusal::signature(
            Cause::SchemeMissing,
            HEADER,
            "The signature header holds no signature of the scheme v1, the only one that is \
             secure.",
        ));
    }
    Ok(Header {
        timestamp,
        signatures,
    })
}

/// The bytes of 64 lower-case hexadecimal digits.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        for digit in pair {
            let nibble = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = *byte << 4 | nibble;
        }
    }
    Some(bytes)
}

/// White space between JSON's values.
fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\n' | '\r' | '\t')
}

/// JSON text with the white space that `JSON.stringify` puts between values:
/// none, or lines indented by two spaces, as Stripe writes its payloads.
fn respaced(json: &str, indented: bool) -> String {
    let mut out = String::with_capacity(json.len());
    let mut chars = json.chars().peekable();
    let mut depth = 0usize;
    let line = |out: &mut String, depth: usize| {
        if indented {
            out.push('\n');
            // Deeper than any JSON that is read; a million brackets are no reason
            // to write a million million spaces.
            out.extend(std::iter::repeat_n("  ", depth.min(crate::json::MAX_DEPTH)));
        }
    };
    let (mut quoted, mut escaped) = (false, false);
    while let Some(char) = chars.next() {
        if quoted {
            quoted = escaped || char != '"';
            escaped = !escaped && char == '\\';
            out.push(char);
            continue;
        }
        match char {
            space if is_space(space) => {}
            '{' | '[' => {
                out.push(char);
                depth += 1;
                while chars.next_if(|next| is_space(*next)).is_some() {}
                if !matches!(chars.peek(), Some('}' | ']')) {
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !out.ends_with(['{', '[']) {
                    line(&mut out, depth);
                }
                out.push(char);
            }
            ',' => {
                out.push(char);
                line(&mut out, depth);
            }
            ':' if indented => out.push_str(": "),
            '"' => {
                quoted = true;
                out.push(char);
            }
            _ => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(all: &[&str]) -> Vec<Secret> {
        all.iter()
            .map(|one| Secret::new((*one).to_owned()))
            .collect()
    }

    /// RFC 4231, test cases 1, 2 and 6: what HMAC-SHA256 is.
    #[test]
    fn hmac_is_that_of_the_rfc() {
        let mac = |key: &[u8], data: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(data);
            let bytes = mac.finalize().into_bytes();
            bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()
        };
        for (key, data, expected) in [
            (
                vec![0x0b; 20],
                "Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(mac(&key, data.as_bytes()), expected);
        }
    }

    #[test]
    fn one_bit_is_enough_to_be_refused() {
        let secrets = secrets(&["whsec_1"]);
        let good = signature(1_700_000_000, "{}", &secrets[0]);
        let verified = |signature: &str, payload: &str| {
            verify(payload, &format!("t=1700000000,v1={signature}"), &secrets)
        };
        assert_eq!(verified(&good, "{}").unwrap(), 1_700_000_000);
        assert!(verified(&good, "{} ").is_err());
        assert!(verified(&good.to_uppercase(), "{}").is_err());
        assert!(verified(&good[1..], "{}").is_err());
        assert!(verified(&format!("{good}0"), "{}").is_err());
        for at in 0..64 {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(bytes).unwrap();
            assert!(verified(&forged, "{}").is_err(), "{at}");
        }
    }

    #[test]
    fn json_is_spaced_as_javascript_does() {
        let compact = r#"{"a":[1,{"b":"x \"{:,}\" y\\"}],"c":{},"d":[],"e":null}"#;
        let indented = "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x \\\"{:,}\\\" y\\\\\"\n    }\n  ],\n  \"c\": {},\n  \"d\": [],\n  \"e\": null\n}";
        for text in [compact, indented] {
            assert_eq!(respaced(text, true), indented);
            assert_eq!(respaced(text, false), compact);
        }
        // Whatever it is, it ends.
        for text in ["", "]]]", "{{{", "\"", "{ \"\\", &"[".repeat(100_000)] {
            respaced(text, true);
        }
    }
}
