//! The sandbox's own reading of `multipart/form-data` (RFC 7578), which only file uploads use. It
//! owns the splitting of a body into parts; it knows nothing of files as objects.

use super::errors::StripeError;

/// One part of a multipart body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) content: &'a [u8],
}

/// Splits a body at the boundary its content type names.
pub(crate) fn parse<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, StripeError> {
    let boundary = parameter(content_type, "boundary")
        .filter(|boundary| !boundary.is_empty() && boundary.len() <= 70)
        .ok_or_else(|| malformed("the content type names no boundary"))?;
    let delimiter = format!("--{boundary}");
    let mut rest = match find(body, delimiter.as_bytes()) {
        Some(start) => body.get(start + delimiter.len()..).unwrap_or_default(),
        None => return Err(malformed("the boundary does not occur in the body")),
    };
    let separator = format!("\r\n{delimiter}");
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let start = find(rest, b"\r\n").ok_or_else(|| malformed("a part has no end"))? + 2;
        rest = rest.get(start..).unwrap_or_default();
        let end = find(rest, separator.as_bytes()).ok_or_else(|| malformed("a part has no end"))?;
        let (part, after) = rest.split_at(end);
        parts.push(parse_part(part)?);
        rest = after.get(separator.len()..).unwrap_or_default();
    }
    Ok(parts)
}

fn parse_part(part: &[u8]) -> Result<Part<'_>, StripeError> {
    let end = find(part, b"\r\n\r\n").ok_or_else(|| malformed("a part has no blank line"))?;
    let (head, content) = part.split_at(end);
    let head = std::str::from_utf8(head).map_err(|_| malformed("a part's head is not UTF-8"))?;
    let (mut name, mut filename, mut content_type) = (None, None, None);
    for line in head.split("\r\n") {
        let Some((header, value)) = line.split_once(':') else {
            continue;
        };
        if header.eq_ignore_ascii_case("content-disposition") {
            name = parameter(value, "name");
            filename = parameter(value, "filename");
        } else if header.eq_ignore_ascii_case("content-type") {
            content_type = Some(value.trim().to_owned());
        }
    }
    let name = name.ok_or_else(|| malformed("a part has no name"))?;
    Ok(Part {
        name,
        filename,
        content_type,
        content: content.get(4..).unwrap_or_default(),
    })
}

/// A parameter of a header, quoted or not: `form-data; name="file"`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, next) = if let Some(quoted) = after.strip_prefix('"') {
            let mut value = String::new();
            let mut chars = quoted.char_indices();
            let end = loop {
                match chars.next()? {
                    (_, '\\') => value.push(chars.next()?.1),
                    (index, '"') => break index + 1,
                    (_, other) => value.push(other),
                }
            };
            (value, quoted.get(end..)?)
        } else {
            let end = after.find(';').unwrap_or(after.len());
            let (value, next) = after.split_at(end);
            (value.trim().to_owned(), next)
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next.split_once(';')?.1;
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle.first()?;
    let mut from = 0;
    loop {
        let offset = haystack
            .get(from..)?
            .iter()
            .position(|byte| byte == first)?;
        from += offset;
        if haystack.get(from..)?.starts_with(needle) {
            return Some(from);
        }
        from += 1;
    }
}

fn malformed(reason: &str) -> StripeError {
    StripeError::malformed(format!("Invalid multipart body: {reason}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_body_into_its_parts() {
        let body = b"--xyz\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n\
            dispute_evidence\r\n--xyz\r\n\
            content-disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".png\"\r\n\
            Content-Type: image/png\r\n\r\n\x89PNG\r\n--xy\r\n\r\n--xyz--\r\n";
        let parts = parse("multipart/form-data; boundary=\"xyz\"", body).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(
            (parts[0].name.as_str(), parts[0].content),
            ("purpose", &b"dispute_evidence"[..])
        );
        assert_eq!(parts[1].filename.as_deref(), Some("a \"b\".png"));
        assert_eq!(parts[1].content_type.as_deref(), Some("image/png"));
        assert_eq!(parts[1].content, b"\x89PNG\r\n--xy\r\n");
    }

    #[test]
    fn refuses_what_is_no_multipart_body() {
        for (content_type, body) in [
            ("multipart/form-data", &b"--x--"[..]),
            ("multipart/form-data; boundary=", b"--x--"),
            ("multipart/form-data; boundary=x", b""),
            ("multipart/form-data; boundary=x", b"--x"),
            ("multipart/form-data; boundary=x", b"--x\r\n\r\n\r\n--x--"),
            (
                "multipart/form-data; boundary=x",
                b"--x\r\nA: b\r\n\r\nno end",
            ),
        ] {
            assert!(parse(content_type, body).is_err(), "{content_type}");
        }
    }
}
