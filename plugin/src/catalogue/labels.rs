//! Labels for people, made from names alone: no sentence of anybody's is taken
//! over.

/// Words that are written in capitals, or otherwise than they are named.
const WORDS: [(&str, &str); 22] = [
    ("acss", "ACSS"),
    ("api", "API"),
    ("au", "AU"),
    ("bacs", "BACS"),
    ("becs", "BECS"),
    ("bic", "BIC"),
    ("eu", "EU"),
    ("fx", "FX"),
    ("iban", "IBAN"),
    ("id", "ID"),
    ("ids", "IDs"),
    ("ip", "IP"),
    ("mcc", "MCC"),
    ("mcp", "MCP"),
    ("pdf", "PDF"),
    ("sepa", "SEPA"),
    ("sms", "SMS"),
    ("ssn", "SSN"),
    ("tos", "TOS"),
    ("uk", "UK"),
    ("url", "URL"),
    ("us", "US"),
];

/// `invoice_settings` and `invoiceSettings` become `Invoice settings`, with what
/// stands for several words in capitals (`tax_id`: `Tax ID`).
pub fn title(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut word = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            push(&mut word, &mut out);
        }
        if matches!(character, '_' | '-' | '.') {
            push(&mut word, &mut out);
        } else {
            word.push(character.to_ascii_lowercase());
        }
    }
    push(&mut word, &mut out);
    out
}

/// `customers` and `createTaxId` become `Customers: create tax ID`.
pub fn operation(resource: &str, method: &str) -> String {
    let mut out = title(resource);
    if !out.is_empty() {
        out.push_str(": ");
    }
    let method = title(method);
    let mut characters = method.chars();
    out.extend(characters.next().map(|first| first.to_ascii_lowercase()));
    out.push_str(characters.as_str());
    out
}

/// Appends a word, the first with a capital.
fn push(word: &mut String, out: &mut String) {
    if word.is_empty() {
        return;
    }
    let first = out.is_empty();
    if !first {
        out.push(' ');
    }
    match WORDS.iter().find(|(name, _)| *name == word.as_str()) {
        Some((_, written)) => out.push_str(written),
        None if first => {
            let mut characters = word.chars();
            out.extend(characters.next().map(|letter| letter.to_ascii_uppercase()));
            out.push_str(characters.as_str());
        }
        None => out.push_str(word),
    }
    word.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_labels() {
        for (name, label) in [
            ("amount", "Amount"),
            ("invoice_settings", "Invoice settings"),
            ("tax_id", "Tax ID"),
            ("id", "ID"),
            ("accountId", "Account ID"),
            ("gb_bank_transfer", "Gb bank transfer"),
            ("checkout.sessions", "Checkout sessions"),
            ("stripeAccount", "Stripe account"),
            ("line1", "Line1"),
            ("", ""),
        ] {
            assert_eq!(title(name), label);
        }
        assert_eq!(
            operation("customers", "createTaxId"),
            "Customers: create tax ID"
        );
        assert_eq!(operation("", "rawRequest"), "raw request");
    }
}
