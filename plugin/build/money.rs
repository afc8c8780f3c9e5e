//! Turns `catalogue/money.txt` into a sorted static, and sees to it that every
//! operation that writes has a line there.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Writes the static. `writing` are the names of all operations that are no GET.
pub(crate) fn generate(
    text: &str,
    writing: impl Iterator<Item = String>,
) -> Result<String, String> {
    let mut effects = BTreeMap::new();
    for line in super::rows(text) {
        let mut words = line.split_whitespace();
        let (Some(name), Some(kind)) = (words.next(), words.next()) else {
            return Err(format!("money.txt: a line needs a name and a kind: {line}"));
        };
        let rest: Vec<&str> = words.collect();
        let effect = match (kind, rest.as_slice()) {
            ("none", []) => String::new(),
            ("read", []) => "Effect::Read".to_owned(),
            ("amount", [amount]) => format!("Effect::Amount({amount:?}, None)"),
            ("amount", [amount, currency]) => {
                format!("Effect::Amount({amount:?}, Some({currency:?}))")
            }
            ("change", [amount, currency]) => format!("Effect::Change({amount:?}, {currency:?})"),
            ("lines", [list, harmless]) => format!("Effect::Lines({list:?}, {harmless:?})"),
            ("given", [names]) => format!("Effect::Given({names:?})"),
            ("unknown", []) => "Effect::Unknown(\"\")".to_owned(),
            ("unknown", [harmless]) => format!("Effect::Unknown({harmless:?})"),
            _ => return Err(format!("money.txt: not a rule: {line}")),
        };
        if effects.insert(name.to_owned(), effect).is_some() {
            return Err(format!("money.txt: {name} has two lines"));
        }
    }
    let mut rows = BTreeMap::new();
    for name in writing {
        let effect = effects
            .remove(&name)
            .ok_or_else(|| format!("money.txt: {name} has no line; say what it does with money"))?;
        if !effect.is_empty() {
            rows.insert(name, effect);
        }
    }
    if let Some((name, _)) = effects.first_key_value() {
        return Err(format!("money.txt: {name} is no operation that writes"));
    }
    let mut out = format!("static EFFECTS: [(&str, Effect); {}] = [\n", rows.len());
    for (name, effect) in rows {
        writeln!(out, "({name:?}, {effect}),").map_err(|error| error.to_string())?;
    }
    out.push_str("];\n");
    Ok(out)
}
