//! A connection's properties are read, or refused by name; none of the two
//! shows a key.

use stripe::connection::{self, Settings};

use super::SENTINEL;

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for has_fallback in [false, true] {
        let parsed = match connection::parse(text, has_fallback) {
            Ok(parsed) => parsed,
            Err(refusal) => {
                assert!(!refusal.message.is_empty());
                super::refusal(&refusal);
                continue;
            }
        };
        assert!(has_fallback || parsed.secret_key.is_some());
        let key = parsed.secret_key.clone();
        let fallback = || has_fallback.then(|| super::KEY.to_owned());
        match Settings::check(parsed, fallback) {
            Err(refusal) => super::refusal(&refusal),
            Ok(settings) => {
                let shown = format!("{settings:?}");
                assert!(
                    !shown.contains(SENTINEL) || text.matches(SENTINEL).count() > 1,
                    "{shown}"
                );
                assert!(settings.timeout > 0 && settings.max_response_bytes > 0);
                assert!(settings.key.is_some());
                if let Some(key) = key {
                    assert!(key.bytes().all(|byte| byte.is_ascii_graphic()));
                }
                for (name, value) in &settings.headers {
                    assert!(
                        !name.is_empty() && !name.contains(['\r', '\n', ':', ' ']),
                        "{name:?}"
                    );
                    assert!(
                        value.bytes().all(|b| (b' '..=b'~').contains(&b)),
                        "{value:?}"
                    );
                    assert!(!name.eq_ignore_ascii_case("authorization"));
                }
                if let Some(base) = &settings.base_url {
                    assert!(!base.authority.contains(['/', '@', '?', '#', ' ', '\\']));
                    assert!(!base.authority.is_empty());
                    assert!(!base.prefix.contains(['?', '#', ' ', '\\']));
                    assert!(!base.prefix.ends_with('/'));
                }
            }
        }
    }
}
