//! Text that others wrote (Stripe, or whoever answers in its place), made fit for
//! a terminal: nothing in it moves the cursor, begins a control sequence, ends a
//! line, or turns the direction of what follows. What the text means is no
//! business of this module.

/// Whether a character does something to a terminal rather than stand there: the
/// control characters (C0, DEL, C1), the separators of lines and paragraphs, and
/// Unicode's embeddings, overrides and isolates of direction, which can show one
/// text as another (CVE-2021-42574).
fn acts(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line of text: a space stands for every such character.
pub(super) fn line(text: &str) -> String {
    text.replace(acts, " ")
}

/// Several lines of text: the same, but for line ends and tabs.
pub(super) fn lines(text: &str) -> String {
    text.replace(|char| acts(char) && !matches!(char, '\n' | '\t'), " ")
}

/// JSON text that means the same: within its strings such characters are escaped.
/// Where else they could stand, between values, only those can that JSON takes
/// for space, and they are left.
pub(super) fn json(text: String) -> String {
    let within = |char| acts(char) && !matches!(char, '\n' | '\r' | '\t');
    if !text.contains(within) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match within(char) {
            // All of them are of the first plane.
            true => out.push_str(&format!("\\u{:04x}", u32::from(char))),
            false => out.push(char),
        }
    }
    out
}

/// One word of a shell's command line (POSIX), for a person to paste.
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:+".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", line(text).replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const TEXT: &str = "a\u{1b}[2J\r\nb\u{7f}\u{9b}c\t\u{202e}d\u{2066}\u{2069}é\u{2028}";

    #[test]
    fn nothing_acts_on_a_terminal() {
        assert_eq!(line(TEXT), "a [2J  b  c  d  é ");
        assert_eq!(lines(TEXT), "a [2J \nb  c\t d  é ");
    }

    #[test]
    fn what_is_pasted_is_one_word() {
        assert_eq!(word("2026-11-21T12:00:00.000Z"), "2026-11-21T12:00:00.000Z");
        assert_eq!(word(""), "''");
        assert_eq!(word("a';\nb"), r"'a'\''; b'");
    }

    #[test]
    fn json_means_the_same() {
        let value = Value::from(TEXT);
        for written in [value.to_string(), format!("[\n\t{value} ]")] {
            let shown = json(written.clone());
            assert_eq!(lines(&shown), shown);
            let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(parsed(&shown), parsed(&written));
        }
        assert_eq!(json("\"\u{9b}\"".to_owned()), r#""\u009b""#);
    }
}
