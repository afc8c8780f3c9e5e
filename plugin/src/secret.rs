//! The payment key: held so that it can be sent, and nothing else. Printing it
//! in any way shows its prefix and its last four characters at most.

use std::fmt;

/// A Stripe key. `Debug` and `Display` are redacted; only [`Secret::expose`]
/// gives the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key.
    pub fn new(key: String) -> Self {
        Secret(key)
    }

    /// The key itself, for the `authorization` header and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The key's kind and mode (`sk_test_`) and its last four characters, with
    /// everything between left out: `sk_test_…4242`. A key too short to hide
    /// anything shows nothing.
    pub fn redacted(&self) -> String {
        self.redacted_parts().concat()
    }

    /// The same in parts, to be put together with more.
    pub fn redacted_parts(&self) -> [&str; 3] {
        let key = &self.0;
        if !key.is_ascii() || key.len() < 16 {
            return ["", "…", ""];
        }
        // `sk_live_`, `rk_test_`: two words that end in an underscore.
        let prefix = key
            .bytes()
            .take(8)
            .enumerate()
            .filter(|(_, byte)| *byte == b'_')
            .nth(1)
            .map_or(0, |(at, _)| at + 1);
        let tail = key.len() - 4;
        let prefix = key.get(..prefix).unwrap_or_default();
        let tail = key.get(tail..).unwrap_or_default();
        [prefix, "…", tail]
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_kind_mode_and_four_characters() {
        let cases = [
            ("sk_test_0123456789abcd4242", "sk_test_…4242"),
            ("rk_live_0123456789abcd9999", "rk_live_…9999"),
            ("0123456789abcdefghij", "…ghij"),
            ("a_b_c_0123456789abcdef", "a_b_…cdef"),
            ("a_very_long_word_0123456789", "a_very_…6789"),
            ("sk_test_1", "…"),
            ("", "…"),
            ("schlüssel_schlüssel_1", "…"),
        ];
        for (key, shown) in cases {
            assert_eq!(format!("{:?}", Secret::new(key.to_owned())), shown);
        }
    }
}
