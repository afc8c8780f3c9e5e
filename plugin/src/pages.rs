//! Lists as pages: what in an answer continues a list, and how a cursor changes
//! the next call. It works on texts alone; sending is the caller's.
//!
//! | list | an answer says | the next call |
//! |---|---|---|
//! | v1 | `has_more` | `starting_after` the last item, or `ending_before` the first |
//! | search | `has_more`, `next_page` | `page` |
//! | v2 | `next_page_url` | that path |

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::failure::Refusal;
use crate::json::{self, Object, Value};
use crate::operation::{self, Operation, Verb};

/// The ways a list goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// v1, newest first: `starting_after`.
    Forwards,
    /// v1 with `ending_before`.
    Backwards,
    /// Search results: `page`.
    Search,
    /// v2: a path.
    Path,
}

/// How a list goes on; a method that is no list is refused with those that are.
pub fn style(operation: &Operation, params: &Object<'_>) -> Result<Style, Refusal> {
    if operation.flags.search() {
        return Ok(Style::Search);
    }
    if !operation.flags.list() {
        return Err(no_list(operation));
    }
    Ok(if operation.is_v2() {
        Style::Path
    } else if params.iter().any(|(name, _)| name == BEFORE) {
        Style::Backwards
    } else {
        Style::Forwards
    })
}

/// Whether an operation's answers are pages.
pub fn is_list(operation: &Operation) -> bool {
    operation.verb == Verb::Get && (operation.flags.list() || operation.flags.search())
}

fn no_list(operation: &Operation) -> Refusal {
    let name = format!("{}.{}", operation.resource, operation.method);
    let mut near: Vec<String> = operation::all()
        .filter(|row| row.resource == operation.resource && is_list(row))
        .map(|row| format!("{}.{}", row.resource, row.method))
        .collect();
    near.truncate(4);
    Refusal::argument(
        "method",
        match near.as_slice() {
            [] => format!("{name} is not a list, and {} has none.", operation.resource),
            near => format!("{name} is not a list; lists are {}.", near.join(", ")),
        },
    )
}

const AFTER: &str = "starting_after";
const BEFORE: &str = "ending_before";

/// Where a list continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// After this item.
    After(String),
    /// Before this item.
    Before(String),
    /// At this page of search results; the first where it is none.
    Page(Option<String>),
    /// At this path; the first page where it is none.
    Path(Option<String>),
}

/// Where a list continues: a page, and how many of its items were read before.
/// As text it is JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The page.
    pub next: Next,
    /// Items of it that were read before.
    pub skip: usize,
}

impl Cursor {
    /// At the beginning of a page.
    pub fn at(next: Next) -> Cursor {
        Cursor { next, skip: 0 }
    }

    /// Reads a cursor's text.
    pub fn parse(text: &str, style: Style) -> Result<Cursor, Refusal> {
        let refuse = || {
            Err(Refusal::argument(
                "cursor",
                "This is not a cursor of this list: give \"next\" of the page before as it was, \
                 with the same method and arguments.",
            ))
        };
        let Ok(Value::Object(members)) = Value::parse(text) else {
            return refuse();
        };
        let (mut next, mut skip) = (None, 0);
        for (name, value) in members {
            match (name.as_ref(), value) {
                (AFTER, Value::String(id)) if !id.is_empty() && next.is_none() => {
                    next = Some(Next::After(id.into_owned()));
                }
                (BEFORE, Value::String(id)) if !id.is_empty() && next.is_none() => {
                    next = Some(Next::Before(id.into_owned()));
                }
                ("page", Value::String(page)) if next.is_none() => {
                    next = Some(Next::Page(Some(page.into_owned())));
                }
                ("path", Value::String(path)) if next.is_none() => {
                    next = Some(Next::Path(Some(path.into_owned())));
                }
                ("skip", Value::Number(digits)) => match digits.parse() {
                    Ok(count) => skip = count,
                    Err(_) => return refuse(),
                },
                _ => return refuse(),
            }
        }
        let next = match (next, style) {
            (
                Some(next @ (Next::After(_) | Next::Before(_))),
                Style::Forwards | Style::Backwards,
            ) if skip == 0 => next,
            (Some(next @ Next::Page(_)), Style::Search) => next,
            (Some(next @ Next::Path(_)), Style::Path) => next,
            (None, Style::Search) if skip > 0 => Next::Page(None),
            (None, Style::Path) if skip > 0 => Next::Path(None),
            _ => return refuse(),
        };
        Ok(Cursor { next, skip })
    }

    /// The cursor's text.
    pub fn text(&self) -> String {
        let (name, value) = match &self.next {
            Next::After(id) => (AFTER, Some(id)),
            Next::Before(id) => (BEFORE, Some(id)),
            Next::Page(page) => ("page", page.as_ref()),
            Next::Path(path) => ("path", path.as_ref()),
        };
        let mut members: Object<'_> = Vec::new();
        if let Some(value) = value {
            members.push((name.into(), Value::String(value.as_str().into())));
        }
        if self.skip > 0 {
            let digits = itoa::Buffer::new().format(self.skip).to_owned();
            members.push(("skip".into(), Value::Number(digits.into())));
        }
        let mut text = String::new();
        json::write_object(&members, &mut text);
        text
    }
}

/// Puts a cursor into the params of the next call, as the official client does:
/// in place of the old one, else at the end. A path is not theirs.
pub fn turn<'a>(params: &mut Object<'a>, next: &Next) {
    let (name, other, value) = match next {
        Next::After(id) => (AFTER, BEFORE, id),
        Next::Before(id) => (BEFORE, AFTER, id),
        Next::Page(Some(page)) => ("page", "", page),
        Next::Page(None) | Next::Path(_) => return,
    };
    params.retain(|(key, _)| key != other);
    let value: Value<'a> = Value::String(Cow::Owned(value.clone()));
    match params.iter_mut().find(|(key, _)| key == name) {
        Some((_, old)) => *old = value,
        None => params.push((name.into(), value)),
    }
}

/// What an answer holds of a list.
#[derive(Debug)]
pub struct Page<'b> {
    /// The items in the order of the walk, as they stand in the answer.
    pub items: Vec<&'b str>,
    /// The page after.
    pub next: Option<Next>,
    /// The page before.
    pub previous: Option<Next>,
}

#[derive(Deserialize)]
struct Answer<'b> {
    #[serde(borrow)]
    data: Vec<&'b RawValue>,
    #[serde(default)]
    has_more: Option<bool>,
    #[serde(borrow, default)]
    next_page: Option<Cow<'b, str>>,
    #[serde(borrow, default)]
    next_page_url: Option<Cow<'b, str>>,
    #[serde(borrow, default)]
    previous_page_url: Option<Cow<'b, str>>,
}

#[derive(Deserialize)]
struct Item<'b> {
    #[serde(borrow)]
    id: Cow<'b, str>,
}

/// Reads an answer. `origin` is where the list is: `https://api.stripe.com`, or
/// what replaces it with its path. The error is a sentence.
pub fn read<'b>(body: &'b str, style: Style, origin: &str) -> Result<Page<'b>, String> {
    let answer: Answer<'b> = serde_json::from_str(body)
        .map_err(|_| "The answer is not a page of a list: it has no \"data\".".to_owned())?;
    let mut items: Vec<&'b str> = answer.data.iter().map(|item| item.get()).collect();
    if style == Style::Backwards {
        items.reverse();
    }
    let mut page = Page {
        items,
        next: None,
        previous: None,
    };
    if style == Style::Path {
        let path = |url: Option<Cow<'_, str>>| match url.filter(|url| !url.is_empty()) {
            None => Ok(None),
            Some(url) => local(&url, origin).map(|path| Some(Next::Path(Some(path)))),
        };
        page.previous = path(answer.previous_page_url)?;
        page.next = path(answer.next_page_url)?;
    }
    // An empty page ends a list, whatever it says of more.
    let Some(last) = page.items.last() else {
        page.next = None;
        return Ok(page);
    };
    if answer.has_more != Some(true) {
        return Ok(page);
    }
    page.next = match style {
        Style::Path => page.next,
        Style::Search => match answer.next_page.filter(|next| !next.is_empty()) {
            Some(next) => Some(Next::Page(Some(next.into_owned()))),
            None => {
                return Err(
                    "The answer says that there is more, and has no \"next_page\".".to_owned(),
                );
            }
        },
        Style::Forwards => Some(Next::After(id(last)?)),
        Style::Backwards => Some(Next::Before(id(last)?)),
    };
    Ok(page)
}

/// The id of an item.
pub fn id(item: &str) -> Result<String, String> {
    match serde_json::from_str::<Item<'_>>(item) {
        Ok(item) if !item.id.is_empty() => Ok(item.id.into_owned()),
        _ => Err(
            "The list has more, but the item that the next page would begin at has no \"id\"."
                .to_owned(),
        ),
    }
}

/// The path of a page's URL, which must be where the list is: the key goes with
/// it.
fn local(url: &str, origin: &str) -> Result<String, String> {
    let path = match url.strip_prefix(origin) {
        Some(path) => path,
        None => url,
    };
    if path.starts_with('/') && !path.starts_with("//") {
        return Ok(path.to_owned());
    }
    let shown: String = url
        .split('?')
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect();
    Err(format!(
        "The next page is at {shown:?}, which is not on {origin}, where the list is; the key is \
         not sent there."
    ))
}

/// Tells a walk that comes back to where it was, in constant memory (Brent's
/// algorithm): a cursor is kept, and replaced at every power of two.
#[derive(Debug, Default)]
pub struct Circle {
    kept: Option<String>,
    taken: u64,
    until: u64,
}

impl Circle {
    /// Takes the cursor of the next page; whether it was met before.
    pub fn closes(&mut self, cursor: &str) -> bool {
        if self.kept.as_deref() == Some(cursor) {
            return true;
        }
        self.taken += 1;
        if self.taken > self.until {
            self.kept = Some(cursor.to_owned());
            self.until = (self.until * 2).max(1);
            self.taken = 0;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::find;

    fn params(text: &str) -> Object<'_> {
        match Value::parse(text).unwrap() {
            Value::Object(members) => members,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_a_list() {
        for (resource, method, given, expected) in [
            ("customers", "list", "{}", Style::Forwards),
            (
                "customers",
                "list",
                r#"{"ending_before":"cus_1"}"#,
                Style::Backwards,
            ),
            ("customers", "search", r#"{"query":"x"}"#, Style::Search),
            ("v2.core.events", "list", "{}", Style::Path),
        ] {
            let operation = find(resource, method).unwrap();
            assert_eq!(style(&operation, &params(given)), Ok(expected));
        }
        for (resource, method, said) in [
            (
                "customers",
                "create",
                "customers.create is not a list; lists are customers.list, customers.listBalanceTransactions",
            ),
            ("accountLinks", "create", "accountLinks has none"),
        ] {
            let refusal = style(&find(resource, method).unwrap(), &Vec::new()).unwrap_err();
            assert!(refusal.message.contains(said), "{}", refusal.message);
        }
    }

    #[test]
    fn cursors_are_their_text() {
        for (text, style) in [
            (r#"{"starting_after":"cus_\"1"}"#, Style::Forwards),
            (r#"{"ending_before":"cus_1"}"#, Style::Backwards),
            (r#"{"page":"abc"}"#, Style::Search),
            (r#"{"page":"abc","skip":3}"#, Style::Search),
            (r#"{"skip":3}"#, Style::Search),
            (r#"{"path":"/v2/x?page=1"}"#, Style::Path),
            (r#"{"skip":9}"#, Style::Path),
        ] {
            assert_eq!(Cursor::parse(text, style).unwrap().text(), text);
        }
        for (text, style) in [
            ("", Style::Forwards),
            ("{}", Style::Forwards),
            ("null", Style::Search),
            ("{}", Style::Search),
            ("cus_1", Style::Forwards),
            (r#"{"starting_after":""}"#, Style::Forwards),
            (r#"{"starting_after":5}"#, Style::Forwards),
            (
                r#"{"starting_after":"a","ending_before":"b"}"#,
                Style::Forwards,
            ),
            (r#"{"starting_after":"a","skip":1}"#, Style::Forwards),
            (r#"{"starting_after":"a","limit":1}"#, Style::Forwards),
            (r#"{"starting_after":"a"}"#, Style::Search),
            (r#"{"page":"a"}"#, Style::Path),
            (r#"{"path":"/v2/x"}"#, Style::Forwards),
            (r#"{"skip":-1}"#, Style::Search),
        ] {
            let refusal = Cursor::parse(text, style).unwrap_err();
            assert_eq!(refusal.path, "cursor", "{text}");
        }
    }

    #[test]
    fn an_answer_says_what_follows() {
        let origin = "https://api.stripe.com";
        let after = |id: &str| Some(Next::After(id.to_owned()));
        for (body, style, items, next) in [
            (
                r#"{"data":[{"id":"a","n":1.50},{"id":"b"}],"has_more":true}"#,
                Style::Forwards,
                &[r#"{"id":"a","n":1.50}"#, r#"{"id":"b"}"#][..],
                after("b"),
            ),
            (
                r#"{"data":[{"id":"a"},{"id":"b"}],"has_more":true}"#,
                Style::Backwards,
                &[r#"{"id":"b"}"#, r#"{"id":"a"}"#],
                Some(Next::Before("a".into())),
            ),
            (
                r#"{"data":[{"id":"a"}],"has_more":false}"#,
                Style::Forwards,
                &[r#"{"id":"a"}"#],
                None,
            ),
            (r#"{"data":[],"has_more":true}"#, Style::Forwards, &[], None),
            (
                r#"{"data":[{}],"has_more":true,"next_page":"p2"}"#,
                Style::Search,
                &["{}"],
                Some(Next::Page(Some("p2".into()))),
            ),
            (
                r#"{"data":[{}],"next_page_url":"/v2/x?page=2"}"#,
                Style::Path,
                &["{}"],
                Some(Next::Path(Some("/v2/x?page=2".into()))),
            ),
            (
                r#"{"data":[{}],"next_page_url":"https://api.stripe.com/v2/x?page=2"}"#,
                Style::Path,
                &["{}"],
                Some(Next::Path(Some("/v2/x?page=2".into()))),
            ),
            (
                r#"{"data":[{}],"next_page_url":null}"#,
                Style::Path,
                &["{}"],
                None,
            ),
            (
                r#"{"data":[],"next_page_url":"/v2/x?page=2"}"#,
                Style::Path,
                &[],
                None,
            ),
        ] {
            let page = read(body, style, origin).unwrap();
            assert_eq!((page.items.as_slice(), page.next), (items, next), "{body}");
        }
        for (body, style) in [
            ("{}", Style::Forwards),
            ("[]", Style::Forwards),
            (r#"{"data":{}}"#, Style::Forwards),
            (r#"{"data":[{}],"has_more":true}"#, Style::Forwards),
            (r#"{"data":[{"id":7}],"has_more":true}"#, Style::Forwards),
            (r#"{"data":[{}],"has_more":true}"#, Style::Search),
            (
                r#"{"data":[{}],"next_page_url":"https://evil.example/v2/x"}"#,
                Style::Path,
            ),
            (
                r#"{"data":[{}],"next_page_url":"//evil.example/v2/x"}"#,
                Style::Path,
            ),
            (
                r#"{"data":[{}],"next_page_url":"https://api.stripe.com.evil.example/v2/x"}"#,
                Style::Path,
            ),
            (
                r#"{"data":[{}],"next_page_url":"https://api.stripe.com@evil.example/v2/x"}"#,
                Style::Path,
            ),
            (
                r#"{"data":[{}],"next_page_url":"http://api.stripe.com/v2/x"}"#,
                Style::Path,
            ),
            (
                r#"{"data":[{}],"next_page_url":"https://api.stripe.com//evil.example/v2/x"}"#,
                Style::Path,
            ),
            (
                r#"{"data":[{}],"previous_page_url":"https://evil.example/v2/x"}"#,
                Style::Path,
            ),
        ] {
            assert!(read(body, style, origin).is_err(), "{body}");
        }
    }

    #[test]
    fn the_next_call_keeps_everything_else_in_its_place() {
        for (given, next, expected) in [
            (
                r#"{"limit":3,"expand":["data.x"]}"#,
                Next::After("b".into()),
                r#"{"limit":3,"expand":["data.x"],"starting_after":"b"}"#,
            ),
            (
                r#"{"starting_after":"a","limit":3}"#,
                Next::After("b".into()),
                r#"{"starting_after":"b","limit":3}"#,
            ),
            (
                r#"{"limit":3,"ending_before":"a"}"#,
                Next::Before("b".into()),
                r#"{"limit":3,"ending_before":"b"}"#,
            ),
            (
                r#"{"ending_before":"a"}"#,
                Next::After("b".into()),
                r#"{"starting_after":"b"}"#,
            ),
            (
                r#"{"query":"q"}"#,
                Next::Page(Some("p".into())),
                r#"{"query":"q","page":"p"}"#,
            ),
            (r#"{"query":"q"}"#, Next::Page(None), r#"{"query":"q"}"#),
        ] {
            let mut changed = params(given);
            turn(&mut changed, &next);
            let mut text = String::new();
            json::write_object(&changed, &mut text);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_walk_in_a_circle_ends() {
        for (start, length) in [(0, 1), (0, 2), (5, 3), (17, 40)] {
            let mut circle = Circle::default();
            let closed = (0..1000).position(|at| {
                let place = if at < start {
                    at
                } else {
                    start + (at - start) % length
                };
                circle.closes(&place.to_string())
            });
            assert!(
                closed.is_some_and(|at| at <= 4 * (start + length) + 2),
                "{start} {length} {closed:?}"
            );
        }
        let mut circle = Circle::default();
        assert!((0..10_000).all(|at: u32| !circle.closes(&at.to_string())));
    }
}
