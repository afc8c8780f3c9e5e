//! YAML 1.2 with its places: every node knows its line and column, so that a
//! fault found later can be pointed at in the file.
//!
//! Scalars are resolved by the core schema, as Lowdefy's own parser does: a
//! bare `2017-12-14` is text, `yes` is text, `0x10` is sixteen. Numbers keep
//! their digits.

mod scalar;

use std::collections::HashMap;
use std::fmt;

use saphyr_parser::{Event, Marker, Parser, Span, Tag};

use scalar::scalar;

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 64;

/// Most nodes a file may come to, aliases followed: a handful of aliases can
/// otherwise stand for billions ("billion laughs").
const MAX_NODES: usize = 1_000_000;

/// A node and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it begins.
    pub mark: Mark,
}

/// A place in a file; both numbers count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, spelled as JSON spells it.
    Number(String),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in written order.
    Mapping(Vec<(Key, Node)>),
}

/// A mapping's key and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its text.
    pub name: String,
    /// Where it begins.
    pub mark: Mark,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Where.
    pub mark: Mark,
    /// What.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.mark, self.message)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl std::error::Error for Error {}

impl From<Marker> for Mark {
    fn from(marker: Marker) -> Self {
        Mark {
            line: marker.line(),
            column: marker.col() + 1,
        }
    }
}

/// Reads the one document of a file.
pub fn parse(text: &str) -> Result<Node, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    printable(text)?;
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let root = reader.document()?;
    match root {
        Some(root) => Ok(root),
        None => Err(Error {
            mark: Mark { line: 1, column: 1 },
            message: "the file is empty".to_owned(),
        }),
    }
}

/// Refuses what YAML does not allow in a file (YAML 1.2.2, 5.1): in a message it
/// would be invisible, or worse.
fn printable(text: &str) -> Result<(), Error> {
    let mut mark = Mark { line: 1, column: 1 };
    for c in text.chars() {
        let is_printable = match c {
            '\t' | '\n' | '\r' | '\u{85}' => true,
            '\u{fffe}' | '\u{ffff}' => false,
            c => !c.is_control(),
        };
        if !is_printable {
            let message = format!(
                "the YAML cannot be read: it holds the character {}; write it as an escape in \
                 double quotes",
                c.escape_unicode()
            );
            return Err(Error { mark, message });
        }
        if c == '\n' {
            mark = Mark {
                line: mark.line + 1,
                column: 1,
            };
        } else {
            mark.column += 1;
        }
    }
    Ok(())
}

impl Node {
    /// A mapping's member.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.mapping()?
            .iter()
            .find(|(key, _)| key.name == name)
            .map(|(_, node)| node)
    }

    /// A mapping's members.
    pub fn mapping(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Mapping(members) => Some(members),
            _ => None,
        }
    }

    /// Text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// What the node is, with an article.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// The node as JSON text.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) {
        let text = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
        match &self.value {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(digits) => out.push_str(digits),
            Value::String(value) => out.push_str(&text(value)),
            Value::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write_json(out);
                }
                out.push(']');
            }
            Value::Mapping(members) => {
                out.push('{');
                for (at, (key, member)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    out.push_str(&text(&key.name));
                    out.push(':');
                    member.write_json(out);
                }
                out.push('}');
            }
        }
    }

    /// The mark of the deepest node a dotted place such as
    /// `properties.customers.create[0].email` leads to.
    pub fn locate(&self, place: &str) -> Mark {
        let mut node = self;
        let mut mark = self.mark;
        for step in steps(place) {
            let next = match step {
                Step::Name(name) => node.mapping().and_then(|members| {
                    members
                        .iter()
                        .find(|(key, _)| key.name == name)
                        .map(|(key, member)| (key.mark, member))
                }),
                Step::Index(index) => match &node.value {
                    Value::List(items) => items.get(index).map(|item| (item.mark, item)),
                    _ => None,
                },
            };
            let Some((next_mark, next)) = next else { break };
            mark = next_mark;
            node = next;
        }
        mark
    }
}

enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

fn steps(place: &str) -> impl Iterator<Item = Step<'_>> {
    place
        .split(['.', '[', ']'])
        .filter(|step| !step.is_empty())
        .map(|step| match step.parse() {
            Ok(index) => Step::Index(index),
            Err(_) => Step::Name(step),
        })
}

/// Builds nodes from the parser's events.
struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Error> {
        match self.events.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(Error {
                mark: (*error.marker()).into(),
                message: format!("the YAML cannot be read: {}", error.info()),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Option<Node>, Error> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd
                | Event::Nothing => {}
                _ if root.is_some() => {
                    return Err(Error {
                        mark: span.start.into(),
                        message: "a second YAML document begins here; write one per file"
                            .to_owned(),
                    });
                }
                event => root = Some(self.node(event, span, 0)?),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Error> {
        let mark = Mark::from(span.start);
        let fail = |message: String| Err(Error { mark, message });
        if depth > MAX_DEPTH {
            return fail(format!("nested more than {MAX_DEPTH} levels deep"));
        }
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return fail(format!("the file has more than {MAX_NODES} nodes"));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref())
                    .map_err(|message| Error { mark, message })?;
                (value, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                known(tag.as_deref(), "seq").map_err(|message| Error { mark, message })?;
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    items.push(self.node(event, span, depth + 1)?);
                }
                (Value::List(items), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                known(tag.as_deref(), "map").map_err(|message| Error { mark, message })?;
                (Value::Mapping(self.members(depth)?), anchor)
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return fail("this alias refers to itself or to nothing".to_owned());
                };
                // Nested in each other, aliases reach any depth.
                if depth + height(&node) > MAX_DEPTH {
                    return fail(format!("nested more than {MAX_DEPTH} levels deep"));
                }
                self.nodes += count(&node);
                if self.nodes > MAX_NODES {
                    return fail(format!("the file has more than {MAX_NODES} nodes"));
                }
                return Ok(Node { mark, ..node });
            }
            _ => return fail("the YAML cannot be read here".to_owned()),
        };
        let node = Node { value, mark };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn members(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, Error> {
        let mut members: Vec<(Key, Node)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(members);
            }
            let mark = Mark::from(span.start);
            let name = match event {
                Event::Scalar(text, ..) => text.into_owned(),
                _ => {
                    return Err(Error {
                        mark,
                        message: "a key must be plain text".to_owned(),
                    });
                }
            };
            if name == "<<" {
                return Err(Error {
                    mark,
                    message: "merge keys (<<) are not YAML 1.2; write the members out".to_owned(),
                });
            }
            if !seen.insert(name.clone()) {
                return Err(Error {
                    mark,
                    message: format!("the key {name:?} appears twice"),
                });
            }
            let (event, span) = self.next()?;
            let member = self.node(event, span, depth + 1)?;
            members.push((Key { name, mark }, member));
        }
    }
}

/// Levels below a node.
fn height(node: &Node) -> usize {
    let below = |highest: Option<usize>| highest.map_or(0, |height| height + 1);
    match &node.value {
        Value::List(items) => below(items.iter().map(height).max()),
        Value::Mapping(members) => below(members.iter().map(|(_, node)| height(node)).max()),
        _ => 0,
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(count).sum(),
        Value::Mapping(members) => members.iter().map(|(_, member)| count(member)).sum(),
        _ => 0,
    }
}

/// Checks the tag of a list or a mapping: sets, ordered maps and objects of
/// programs are not what their JSON form would be.
fn known(tag: Option<&Tag>, suffix: &str) -> Result<(), String> {
    match tag {
        Some(tag) if tag.suffix != suffix => {
            Err(format!("the tag {}{} is not known", tag.handle, tag.suffix))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        match parse(text) {
            Ok(node) => node.to_json(),
            Err(error) => panic!("{text}: {error}"),
        }
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        for (yaml, expected) in [
            ("2017-12-14", r#""2017-12-14""#),
            ("yes", r#""yes""#),
            ("off", r#""off""#),
            ("true", "true"),
            ("\"true\"", r#""true""#),
            ("~", "null"),
            ("12", "12"),
            ("+12", "12"),
            ("012", "12"),
            ("-0", "-0"),
            ("12.50", "12.50"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1e3", "1e3"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("1_000", r#""1_000""#),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            ("1.2.3", r#""1.2.3""#),
            ("e5", r#""e5""#),
            ("!!str 12", r#""12""#),
            ("cus_1", r#""cus_1""#),
        ] {
            assert_eq!(json(yaml), expected, "{yaml}");
        }
    }

    #[test]
    fn order_anchors_and_flow_style() {
        assert_eq!(
            json("b: &x {c: [1, 'a']}\na: *x\n10: ~\n"),
            r#"{"b":{"c":[1,"a"]},"a":{"c":[1,"a"]},"10":null}"#
        );
    }

    #[test]
    fn faults_are_told_with_their_place() {
        let deep = "[".repeat(70);
        for (yaml, line, column, said) in [
            ("a: 1\nb: [1, 2\n", 3, 1, "cannot be read"),
            ("a: 1\nb: 2\na: 3\n", 3, 1, "appears twice"),
            ("a: .inf", 1, 4, "no JSON form"),
            ("x: 1\n<<: {a: 1}", 2, 1, "merge keys"),
            ("? [a]\n: 1", 1, 3, "plain text"),
            ("", 1, 1, "empty"),
            ("a: !shell rm", 1, 4, "tag"),
            ("a: !!set {b}", 1, 4, "tag"),
            ("a: !!omap [b: 1]", 1, 4, "tag"),
            ("a: !!bool yes", 1, 4, "not one"),
            ("a: !!int x", 1, 4, "not a number"),
            ("a\n---\nb", 3, 1, "second YAML document"),
            (deep.as_str(), 1, 66, "levels deep"),
        ] {
            let error = parse(yaml).unwrap_err();
            assert!(error.message.contains(said), "{yaml}: {error}");
            assert_eq!(
                (error.mark.line, error.mark.column),
                (line, column),
                "{yaml}: {error}"
            );
        }
    }

    #[test]
    fn a_few_aliases_cannot_stand_for_billions() {
        let mut yaml = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
        for level in 1..12 {
            let alias = format!("*a{},", level - 1).repeat(10);
            yaml.push_str(&format!("a{level}: &a{level} [{alias}]\n"));
        }
        assert!(parse(&yaml).unwrap_err().message.contains("nodes"));
    }

    #[test]
    fn a_place_is_found_as_far_as_it_goes() {
        let node = parse("requests:\n  - id: a\n    properties:\n      customers:\n        create:\n          - email: 1\n").unwrap();
        let at = |place| node.locate(place).to_string();
        assert_eq!(
            at("requests[0].properties.customers.create[0].email"),
            "6:13"
        );
        assert_eq!(
            at("requests[0].properties.customers.create[0].name"),
            "6:13"
        );
        assert_eq!(at("requests[0].properties.nothing"), "3:5");
        assert_eq!(at("nowhere"), "1:1");
    }
}
