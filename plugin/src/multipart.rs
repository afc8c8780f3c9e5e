//! `multipart/form-data` bodies (RFC 7578), for file uploads: nested params
//! become `name[key]` parts, an object with a member `data` becomes a file.

use std::borrow::Cow;

use crate::body::Body;
use crate::failure::Refusal;
use crate::json::{Object, Value};

/// The file's type where none is given.
const DEFAULT_TYPE: &str = "application/octet-stream";

/// The file's name where none is given.
const DEFAULT_NAME: &str = "blob";

/// Encodes params. A place in a refusal is seen from the params.
pub fn encode<'a>(params: Object<'a>, boundary: &str) -> Result<Body<'a>, Refusal> {
    let mut encoder = Encoder {
        body: Body::default(),
        boundary,
        files: 0,
    };
    for (name, value) in params {
        encoder.part(&name, value, &name)?;
    }
    if encoder.files == 0 {
        return Err(Refusal::argument(
            "file",
            "This call uploads a file: give \"file\": {\"data\": …, \"name\": …, \"type\": …}.",
        ));
    }
    encoder.body.push(format!("--{boundary}--\r\n"));
    Ok(encoder.body)
}

struct Encoder<'a, 'b> {
    body: Body<'a>,
    boundary: &'b str,
    files: usize,
}

impl<'a> Encoder<'a, '_> {
    fn part(&mut self, name: &str, value: Value<'a>, place: &str) -> Result<(), Refusal> {
        let text = match value {
            Value::Object(members) => {
                if members.iter().any(|(key, _)| key == "data") {
                    return self.file(name, members, place);
                }
                for (key, member) in members {
                    self.part(&format!("{name}[{key}]"), member, &format!("{place}.{key}"))?;
                }
                return Ok(());
            }
            Value::Array(items) => {
                for (at, item) in items.into_iter().enumerate() {
                    self.part(&format!("{name}[{at}]"), item, &format!("{place}[{at}]"))?;
                }
                return Ok(());
            }
            Value::Null => Cow::Borrowed(""),
            Value::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Value::Number(text) | Value::String(text) => text,
        };
        self.body.push(format!(
            "--{}\r\nContent-Disposition: form-data; name={}\r\n\r\n",
            self.boundary,
            quoted(name)
        ));
        self.body.push(text);
        self.body.push("\r\n");
        Ok(())
    }

    fn file(&mut self, name: &str, members: Object<'a>, place: &str) -> Result<(), Refusal> {
        self.files += 1;
        let mut data = Value::Null;
        let mut file_name = None;
        let mut file_type = None;
        for (key, value) in members {
            let slot = match key.as_ref() {
                "data" => {
                    data = value;
                    continue;
                }
                "name" => &mut file_name,
                "type" => &mut file_type,
                other => {
                    return Err(Refusal::argument(
                        format!("{place}.{other}"),
                        format!("A file has data, name and type, but no {other:?}."),
                    ));
                }
            };
            match value {
                Value::Null => {}
                Value::String(text) => *slot = Some(text).filter(|text| !text.is_empty()),
                other => {
                    return Err(Refusal::argument(
                        format!("{place}.{key}"),
                        format!(
                            "The {key} of a file should be a string, not {}.",
                            other.kind()
                        ),
                    ));
                }
            }
        }
        self.body.push(format!(
            "--{}\r\nContent-Disposition: form-data; name={}; filename={}\r\nContent-Type: {}\r\n\r\n",
            self.boundary,
            quoted(name),
            quoted(file_name.as_deref().unwrap_or(DEFAULT_NAME)),
            without_line_breaks(file_type.as_deref().unwrap_or(DEFAULT_TYPE)),
        ));
        self.content(data, place)?;
        self.body.push("\r\n");
        Ok(())
    }

    /// The bytes of a file: text as it is, or `{"base64": …}`.
    fn content(&mut self, data: Value<'a>, place: &str) -> Result<(), Refusal> {
        let place = format!("{place}.data");
        match data {
            Value::String(text) => {
                self.body.push(text);
                Ok(())
            }
            Value::Object(mut members) if members.len() == 1 => match members.pop() {
                Some((key, Value::String(text))) if key == "base64" => {
                    self.body.push_base64(text).map_err(|problem| {
                        Refusal::argument(
                            format!("{place}.base64"),
                            format!("The file's data {problem}."),
                        )
                    })
                }
                _ => Err(wrong_data(place)),
            },
            _ => Err(wrong_data(place)),
        }
    }
}

fn wrong_data(place: String) -> Refusal {
    Refusal::argument(
        place,
        "The data of a file should be text, or {\"base64\": \"…\"} for bytes.",
    )
}

/// A line break would end the header line, and let a value write further ones.
fn without_line_breaks(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\r', '\n'], " ")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", without_line_breaks(&text.replace('"', "%22")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(json: &str) -> Result<String, Refusal> {
        match Value::parse(json).unwrap() {
            Value::Object(params) => {
                encode(params, "B").map(|body| String::from_utf8(body.to_bytes()).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fields_and_files_become_parts() {
        let body = encoded(
            r#"{"purpose":"dispute_evidence","link":{"create":true,"tags":["a",1]},"empty":null,
                "file":{"data":{"base64":"aGk="},"name":"a\"b\r\nc.txt","type":"text/plain"}}"#,
        )
        .unwrap();
        let expected = "\
            --B\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\ndispute_evidence\r\n\
            --B\r\nContent-Disposition: form-data; name=\"link[create]\"\r\n\r\ntrue\r\n\
            --B\r\nContent-Disposition: form-data; name=\"link[tags][0]\"\r\n\r\na\r\n\
            --B\r\nContent-Disposition: form-data; name=\"link[tags][1]\"\r\n\r\n1\r\n\
            --B\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n\
            --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22b c.txt\"\r\n\
            Content-Type: text/plain\r\n\r\nhi\r\n--B--\r\n";
        assert_eq!(body, expected);
    }

    #[test]
    fn a_file_has_a_name_and_a_type_of_its_own_or_the_default() {
        let body = encoded(r#"{"file":{"data":"text"}}"#).unwrap();
        assert!(body.contains(
            "filename=\"blob\"\r\nContent-Type: application/octet-stream\r\n\r\ntext\r\n"
        ));
    }

    #[test]
    fn what_is_no_file_is_refused_there() {
        for (json, path) in [
            (r#"{"file":{"data":5}}"#, "file.data"),
            (r#"{"file":{"data":{"bytes":[1]}}}"#, "file.data"),
            (r#"{"file":{"data":{"base64":"?"}}}"#, "file.data.base64"),
            (r#"{"file":{"data":"x","nme":"y"}}"#, "file.nme"),
            (r#"{"file":{"data":"x","name":1}}"#, "file.name"),
            (r#"{"a":[{"data":null}]}"#, "a[0].data"),
            (r#"{"purpose":"dispute_evidence"}"#, "file"),
        ] {
            assert_eq!(encoded(json).unwrap_err().path, path);
        }
    }
}
