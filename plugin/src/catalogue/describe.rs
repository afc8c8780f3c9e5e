//! The JSON Schema (2020-12) of one operation's arguments. Types are those that
//! Stripe documents; what the plugin takes beside them is [`super::check`]'s to
//! know. A shape or a long list of words that occurs several times stands under
//! `$defs` once, so that shapes that contain themselves have an end.

use super::labels;
use super::model::{Field, Inflated, Kind, Model, Shape, ShapeId, Type, WordsId};
use crate::failure::Refusal;
use crate::json::write_string;
use crate::operation::{API_VERSION, Operation};
use crate::options::MAX_IDEMPOTENCY_KEY;
use crate::outgoing::RawRequest;

/// Words up to this number are written out wherever they occur.
const FEW_WORDS: usize = 6;

/// The schema of an operation of the table.
pub fn operation(operation: &Operation) -> Result<String, Refusal> {
    let inflated = Inflated::new()?;
    let model = inflated.model()?;
    let params = model.params(operation);
    let mut writer = Writer::new(&model, operation.is_v2());
    if let Some(params) = params {
        writer.count(params);
    }
    let demanded = params.is_some_and(|shape| model.fields(shape).iter().any(|f| f.required));
    let own_version = operation.flags.own_version();
    let ids = operation.path_parameters().count();
    let least = match (own_version, demanded, operation.null_path) {
        (true, ..) => ids + 2,
        (_, true, _) => ids + 1,
        (.., Some(_)) => 0,
        _ => ids,
    };
    let title = labels::operation(operation.resource, operation.method);
    writer.begin(&title, least);
    for name in operation.path_parameters() {
        writer.positional(name, operation.null_path.is_some());
    }
    writer.reference("params", !demanded);
    writer.out.push(',');
    writer.reference("options", !own_version);
    writer
        .out
        .push_str("],\"items\":{\"type\":\"null\"},\"$defs\":{\"params\":{\"title\":\"Params\",");
    match params {
        Some(shape) => writer.object(shape, true),
        None => writer.out.push_str("\"type\":\"object\""),
    }
    writer.out.push('}');
    Ok(writer.finish(own_version))
}

/// The schema of `rawRequest`.
pub fn raw_request() -> Result<String, Refusal> {
    let inflated = Inflated::new()?;
    let model = inflated.model()?;
    let mut writer = Writer::new(&model, false);
    writer.begin(&labels::operation("", RawRequest::METHOD), 2);
    writer.out.push_str(
        "{\"title\":\"Verb\",\"enum\":[\"GET\",\"POST\",\"DELETE\"]},{\"title\":\"Path\",\
         \"type\":\"string\",\"pattern\":\"^/($|[^/])\"},",
    );
    writer.reference("params", true);
    writer.out.push(',');
    writer.reference("options", true);
    writer.out.push_str(
        "],\"items\":{\"type\":\"null\"},\"$defs\":{\"params\":{\"title\":\"Params\",\
         \"type\":\"object\"}",
    );
    Ok(writer.finish(false))
}

/// What stands under `$defs`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shared {
    Shape(ShapeId),
    Words(WordsId),
}

struct Writer<'m, 'b> {
    model: &'m Model<'b>,
    v2: bool,
    /// What was met, by what name, and whether it was met again.
    met: Vec<(Shared, String, bool)>,
    out: String,
}

impl<'m, 'b> Writer<'m, 'b> {
    fn new(model: &'m Model<'b>, v2: bool) -> Self {
        Writer {
            model,
            v2,
            met: Vec::new(),
            out: String::with_capacity(16 * 1024),
        }
    }

    /// Looks through all that a shape contains, for what occurs several times.
    fn count(&mut self, shape: Shape) {
        for field in self.model.fields(shape) {
            self.count_type(self.model.name(field), field.of);
        }
    }

    fn count_type(&mut self, name: &str, of: Type) {
        for kind in self.model.alternatives(of) {
            match kind {
                Kind::List(of) | Kind::Map(of) => self.count_type(name, *of),
                Kind::Words(id) if self.model.words(*id).1.count() > FEW_WORDS => {
                    self.meet(Shared::Words(*id), name);
                }
                Kind::Shape(id) if self.meet(Shared::Shape(*id), name) => {
                    self.count(self.model.shape(*id));
                }
                _ => {}
            }
        }
    }

    /// Whether this is the first time.
    fn meet(&mut self, what: Shared, name: &str) -> bool {
        if let Some((.., again)) = self.met.iter_mut().find(|(known, ..)| *known == what) {
            *again = true;
            return false;
        }
        let taken = |wanted: &str| {
            matches!(wanted, "params" | "options") || self.met.iter().any(|(_, n, _)| n == wanted)
        };
        let mut unique = name.to_owned();
        let mut number = 2;
        while taken(&unique) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        self.met.push((what, unique, false));
        true
    }

    fn begin(&mut self, title: &str, least: usize) {
        self.out
            .push_str("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":");
        write_string(title, &mut self.out);
        self.out.push_str(&format!(
            ",\"type\":\"array\",\"minItems\":{least},\"prefixItems\":["
        ));
    }

    /// A positional argument: text for the path.
    fn positional(&mut self, name: &str, nullable: bool) {
        self.title(name);
        self.out.push_str(if nullable {
            ",\"type\":[\"string\",\"null\"]"
        } else {
            ",\"type\":\"string\""
        });
        self.out
            .push_str(",\"minLength\":1,\"not\":{\"enum\":[\".\",\"..\"]}},");
    }

    fn reference(&mut self, name: &str, nullable: bool) {
        if nullable {
            self.out.push_str("{\"anyOf\":[");
        }
        self.out.push_str("{\"$ref\":\"#/$defs/");
        self.out.push_str(name);
        self.out.push_str("\"}");
        if nullable {
            self.out.push_str(",{\"type\":\"null\"}]}");
        }
    }

    /// `{"title": …`, still open.
    fn title(&mut self, name: &str) {
        self.out.push_str("{\"title\":");
        write_string(&labels::title(name), &mut self.out);
    }

    /// What is shared, the options, and the end.
    fn finish(mut self, own_version: bool) -> String {
        let met = std::mem::take(&mut self.met);
        let shared: Vec<(Shared, String, bool)> =
            met.into_iter().filter(|(.., again)| *again).collect();
        self.met.clone_from(&shared);
        for (what, name, _) in shared {
            self.out.push(',');
            write_string(&name, &mut self.out);
            self.out.push_str(":{");
            match what {
                Shared::Shape(id) => self.object(self.model.shape(id), false),
                Shared::Words(id) => self.words(id),
            }
            self.out.push('}');
        }
        self.out.push_str(",\"options\":");
        let options = OPTIONS
            .replace("\"{key}\"", &MAX_IDEMPOTENCY_KEY.to_string())
            .replace("{version}", API_VERSION);
        self.out.push_str(&options);
        if own_version {
            self.out.push_str(",\"required\":[\"apiVersion\"]");
        }
        self.out.push_str("}}}");
        self.out
    }

    /// The members of an object's schema. Every v1 call takes `expand` (API
    /// reference, "Expanding responses").
    fn object(&mut self, shape: Shape, is_params: bool) {
        self.out.push_str("\"type\":\"object\",\"properties\":{");
        let fields = self.model.fields(shape);
        for (at, field) in fields.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            self.field(field);
        }
        let expands = fields.iter().any(|f| self.model.name(f) == "expand");
        if is_params && !self.v2 && !expands {
            if !fields.is_empty() {
                self.out.push(',');
            }
            self.out.push_str(
                "\"expand\":{\"title\":\"Expand\",\"type\":\"array\",\"items\":{\"type\":\"string\"}}",
            );
        }
        self.out.push('}');
        let mut open = false;
        for field in fields.iter().filter(|field| field.required) {
            self.out
                .push_str(if open { "," } else { ",\"required\":[" });
            open = true;
            write_string(self.model.name(field), &mut self.out);
        }
        self.out.push_str(if open {
            "],\"additionalProperties\":false"
        } else {
            ",\"additionalProperties\":false"
        });
    }

    fn field(&mut self, field: &Field) {
        let name = self.model.name(field);
        write_string(name, &mut self.out);
        self.out.push(':');
        self.title(name);
        self.out.push(',');
        self.members(field.of);
        if field.deprecated {
            self.out.push_str(",\"deprecated\":true");
        }
        self.out.push('}');
    }

    /// The members of a type's schema.
    fn members(&mut self, of: Type) {
        let alternatives = self.model.alternatives(of);
        // What is only a type's name goes into one list of names.
        let mut names: Vec<&str> = Vec::new();
        let mut others: Vec<Kind> = Vec::new();
        // What clears a value comes after what it may be.
        let mut cleared: Option<Kind> = None;
        let mut nullable = false;
        let has_text = alternatives.contains(&Kind::String);
        for kind in alternatives {
            match kind {
                Kind::String => names.push("string"),
                Kind::Number => names.push("number"),
                Kind::Boolean => names.push("boolean"),
                Kind::Null => nullable = true,
                // Text may be empty as it is.
                Kind::Empty if has_text => nullable = true,
                Kind::Blank if has_text => {}
                Kind::Empty => cleared = Some(Kind::Empty),
                other => others.push(*other),
            }
        }
        others.extend(cleared);
        if nullable {
            names.push("null");
        }
        match (names.is_empty(), others.as_slice()) {
            (true, [only]) => self.kind(*only),
            (_, []) => self.types(&names),
            _ => {
                self.out.push_str("\"anyOf\":[");
                if !names.is_empty() {
                    self.out.push('{');
                    self.types(&names);
                    self.out.push('}');
                }
                for (at, kind) in others.iter().enumerate() {
                    let first = at == 0 && names.is_empty();
                    self.out.push_str(if first { "{" } else { ",{" });
                    self.kind(*kind);
                    self.out.push('}');
                }
                self.out.push(']');
            }
        }
    }

    fn types(&mut self, names: &[&str]) {
        match names {
            [only] => self.out.push_str(&format!("\"type\":\"{only}\"")),
            several => {
                let list = several.join("\",\"");
                self.out.push_str(&format!("\"type\":[\"{list}\"]"));
            }
        }
    }

    fn kind(&mut self, kind: Kind) {
        match kind {
            Kind::String => self.out.push_str("\"type\":\"string\""),
            Kind::Number => self.out.push_str("\"type\":\"number\""),
            Kind::Boolean => self.out.push_str("\"type\":\"boolean\""),
            Kind::Null => self.out.push_str("\"type\":\"null\""),
            Kind::Decimal => self
                .out
                .push_str("\"type\":\"string\",\"format\":\"decimal\""),
            Kind::Empty => self.out.push_str("\"enum\":[null,\"\"]"),
            Kind::Blank => self.out.push_str("\"const\":\"\""),
            Kind::Anything => self.out.push_str("\"type\":\"object\""),
            Kind::Bytes => self.out.push_str(
                "\"type\":\"object\",\"properties\":{\"base64\":{\"title\":\"Base64\",\
                 \"type\":\"string\",\"contentEncoding\":\"base64\"}},\"required\":[\"base64\"],\
                 \"additionalProperties\":false",
            ),
            Kind::List(of) => {
                self.out.push_str("\"type\":\"array\",\"items\":{");
                self.members(of);
                self.out.push('}');
            }
            Kind::Map(of) => {
                self.out
                    .push_str("\"type\":\"object\",\"additionalProperties\":{");
                self.members(of);
                self.out.push('}');
            }
            Kind::Shape(id) => {
                if !self.refers(Shared::Shape(id)) {
                    self.object(self.model.shape(id), false);
                }
            }
            Kind::Words(id) => {
                if !self.refers(Shared::Words(id)) {
                    self.words(id);
                }
            }
        }
    }

    /// Writes a reference to what is under `$defs`, if it is.
    fn refers(&mut self, what: Shared) -> bool {
        let known = self.met.iter().find(|(known, ..)| *known == what);
        let Some((_, name, true)) = known else {
            return false;
        };
        self.out.push_str("\"$ref\":\"#/$defs/");
        self.out.push_str(name);
        self.out.push('"');
        true
    }

    fn words(&mut self, id: WordsId) {
        let (open, words) = self.model.words(id);
        self.out.push_str(if open {
            "\"anyOf\":[{\"enum\":["
        } else {
            "\"enum\":["
        });
        for (at, word) in words.enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            write_string(word, &mut self.out);
        }
        self.out.push_str(if open {
            "]},{\"type\":\"string\"}]"
        } else {
            "]"
        });
    }
}

/// The options every call takes (`options`), but for the end.
const OPTIONS: &str = concat!(
    r#"{"title":"Options","type":"object","properties":{"#,
    r#""idempotencyKey":{"title":"Idempotency key","type":"string","minLength":1,"maxLength":"{key}"},"#,
    r#""stripeAccount":{"title":"Stripe account","type":"string","minLength":1},"#,
    r#""stripeContext":{"title":"Stripe context","type":"string","minLength":1},"#,
    r#""apiVersion":{"title":"API version","type":["string","null"],"minLength":1,"examples":["{version}"]},"#,
    r#""apiKey":{"title":"API key","type":"string","minLength":1,"format":"password","writeOnly":true},"#,
    r#""maxNetworkRetries":{"title":"Max network retries","type":["integer","null"],"minimum":0,"maximum":4294967295},"#,
    r#""timeout":{"title":"Timeout","type":["integer","null"],"minimum":0,"maximum":4294967295},"#,
    r#""headers":{"title":"Headers","type":["object","null"],"additionalProperties":{"type":["string","number","null"]}},"#,
    r#""additionalHeaders":{"title":"Additional headers","type":["object","null"],"additionalProperties":{"type":["string","number","null"]}},"#,
    r#""apiBase":{"title":"API base","enum":["api","files","connect","meter_events",null]},"#,
    r#""express":{"title":"Express","type":"boolean"}"#,
    r#"},"additionalProperties":false,"not":{"required":["stripeAccount","stripeContext"]}"#,
);
