//! A file of connections and requests in Lowdefy's form: which there are, and
//! what is wrong with their outline. The properties themselves are the
//! component's to judge.

use crate::yaml::{self, Error, Mark, Node, Value};

/// A file, read.
#[derive(Debug, Clone)]
pub struct Document {
    root: Node,
    /// The connections, in order.
    pub connections: Vec<Connection>,
    /// The requests, in order.
    pub requests: Vec<Request>,
}

/// One entry of `connections:`.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its id.
    pub id: String,
    /// Its properties, operators unevaluated.
    pub properties: Node,
    /// Where the entry begins.
    pub mark: Mark,
}

/// One entry of `requests:`.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its id.
    pub id: String,
    /// The connection it uses.
    pub connection_id: String,
    /// Its properties, operators unevaluated.
    pub properties: Node,
    /// The payload the file gives it.
    pub payload: Option<Node>,
    /// Where the entry begins.
    pub mark: Mark,
}

/// Keys of a Lowdefy app that may stand beside the two that are read.
const OTHER_KEYS: [&str; 12] = [
    "app", "auth", "cli", "config", "global", "licence", "lowdefy", "name", "plugins", "steps",
    "trigger", "version",
];

impl Document {
    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Document, Error> {
        let root = yaml::parse(text)?;
        let Some(members) = root.mapping() else {
            return Err(Error {
                mark: root.mark,
                message: format!(
                    "the file should be a mapping with connections: and requests:, not {}",
                    root.kind()
                ),
            });
        };
        for (key, _) in members {
            let known = ["connections", "requests"].contains(&key.name.as_str())
                || OTHER_KEYS.contains(&key.name.as_str());
            if !known {
                return Err(Error {
                    mark: key.mark,
                    message: format!(
                        "{:?} is not known here; the file has connections: and requests:",
                        key.name
                    ),
                });
            }
        }
        let connections = entries(&root, "connections")?
            .iter()
            .map(connection)
            .collect::<Result<Vec<_>, _>>()?;
        let requests = entries(&root, "requests")?
            .iter()
            .map(|entry| request(entry, &connections))
            .collect::<Result<Vec<_>, _>>()?;
        twice("connection", connections.iter().map(|c| (&c.id, c.mark)))?;
        twice("request", requests.iter().map(|r| (&r.id, r.mark)))?;
        Ok(Document {
            root,
            connections,
            requests,
        })
    }

    /// The connection of that id, or the only one there is.
    pub fn connection(&self, id: Option<&str>) -> Result<&Connection, String> {
        let names = || {
            let ids: Vec<&str> = self.connections.iter().map(|c| c.id.as_str()).collect();
            ids.join(", ")
        };
        match (id, self.connections.as_slice()) {
            (Some(id), all) => all
                .iter()
                .find(|connection| connection.id == id)
                .ok_or_else(|| format!("there is no connection {id:?}; there is {}", names())),
            (None, [only]) => Ok(only),
            (None, []) => Err("the file has no connections".to_owned()),
            (None, _) => Err(format!(
                "the file has several connections; name one as FILE#ID: {}",
                names()
            )),
        }
    }

    /// Where a place such as `requests.ID.properties.x` or
    /// `connections.ID.properties.x` stands in the file.
    pub fn locate(&self, place: &str) -> Option<Mark> {
        let (list, rest) = place.split_once('.')?;
        let ids: Vec<&str> = match list {
            "connections" => self.connections.iter().map(|c| c.id.as_str()).collect(),
            "requests" => self.requests.iter().map(|r| r.id.as_str()).collect(),
            _ => return None,
        };
        // Ids may contain dots, so the longest that fits is meant.
        let (index, id) = ids
            .iter()
            .enumerate()
            .filter(|(_, id)| {
                rest.strip_prefix(**id)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
            .max_by_key(|(_, id)| id.len())?;
        let below = rest.strip_prefix(*id)?;
        Some(self.root.locate(&format!("{list}[{index}]{below}")))
    }
}

fn entries<'n>(root: &'n Node, name: &str) -> Result<&'n [Node], Error> {
    match root.get(name) {
        None => Ok(&[]),
        Some(node) => match &node.value {
            Value::List(items) => Ok(items),
            Value::Null => Ok(&[]),
            _ => Err(Error {
                mark: node.mark,
                message: format!("{name}: should be a list, not {}", node.kind()),
            }),
        },
    }
}

/// Checks an entry's outline: it is a mapping, and all its keys are known.
fn outline(entry: &Node, what: &str, keys: &[&str]) -> Result<(), Error> {
    let Some(members) = entry.mapping() else {
        return Err(Error {
            mark: entry.mark,
            message: format!("a {what} should be a mapping, not {}", entry.kind()),
        });
    };
    for (key, _) in members {
        if !keys.contains(&key.name.as_str()) {
            return Err(Error {
                mark: key.mark,
                message: format!("a {what} has no {:?}; it has {}", key.name, keys.join(", ")),
            });
        }
    }
    Ok(())
}

fn text(entry: &Node, what: &str, name: &str) -> Result<String, Error> {
    match entry.get(name) {
        Some(node) => match node.as_str() {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(Error {
                mark: node.mark,
                message: format!("the {name} of a {what} should be a string"),
            }),
        },
        None => Err(Error {
            mark: entry.mark,
            message: format!("this {what} has no {name}"),
        }),
    }
}

fn of_type(entry: &Node, what: &str, expected: &str) -> Result<(), Error> {
    let found = text(entry, what, "type")?;
    if found == expected {
        return Ok(());
    }
    let mark = entry.get("type").map_or(entry.mark, |node| node.mark);
    Err(Error {
        mark,
        message: format!("the type of a {what} should be {expected}, not {found}"),
    })
}

fn connection(entry: &Node) -> Result<Connection, Error> {
    outline(entry, "connection", &["id", "type", "properties"])?;
    of_type(entry, "connection", "Stripe")?;
    Ok(Connection {
        id: text(entry, "connection", "id")?,
        properties: entry.get("properties").cloned().unwrap_or(Node {
            value: Value::Mapping(Vec::new()),
            mark: entry.mark,
        }),
        mark: entry.mark,
    })
}

fn request(entry: &Node, connections: &[Connection]) -> Result<Request, Error> {
    outline(
        entry,
        "request",
        &["id", "type", "connectionId", "properties", "payload"],
    )?;
    of_type(entry, "request", "StripeRequest")?;
    let connection_id = text(entry, "request", "connectionId")?;
    if !connections.iter().any(|c| c.id == connection_id) {
        let mark = entry.get("connectionId").map_or(entry.mark, |n| n.mark);
        return Err(Error {
            mark,
            message: format!("there is no connection {connection_id:?} in this file"),
        });
    }
    Ok(Request {
        id: text(entry, "request", "id")?,
        connection_id,
        properties: entry.get("properties").cloned().unwrap_or(Node {
            value: Value::Mapping(Vec::new()),
            mark: entry.mark,
        }),
        payload: entry.get("payload").cloned(),
        mark: entry.mark,
    })
}

fn twice<'i>(what: &str, ids: impl Iterator<Item = (&'i String, Mark)>) -> Result<(), Error> {
    let mut seen = std::collections::HashSet::new();
    for (id, mark) in ids {
        if !seen.insert(id) {
            return Err(Error {
                mark,
                message: format!("a second {what} with the id {id:?}"),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
connections:
  - id: stripe
    type: Stripe
    properties:
      secretKey: x
requests:
  - id: list.them
    type: StripeRequest
    connectionId: stripe
    properties:
      customers:
        list:
          - limit: 3
";

    #[test]
    fn reads_lowdefys_form() {
        let document = Document::parse(FILE).unwrap();
        assert_eq!(document.connection(None).unwrap().id, "stripe");
        let request = &document.requests[0];
        assert_eq!(
            (request.id.as_str(), request.connection_id.as_str()),
            ("list.them", "stripe")
        );
        let place = "requests.list.them.properties.customers.list[0].limit";
        assert_eq!(document.locate(place).unwrap().to_string(), "13:13");
        let place = "connections.stripe.properties.secretKey";
        assert_eq!(document.locate(place).unwrap().to_string(), "5:7");
    }

    #[test]
    fn faults_are_told_with_their_place() {
        let connection = "connections: [{id: s, type: Stripe, properties: {}}]\n";
        for (yaml, mark, said) in [
            ("- a", "1:1", "should be a mapping"),
            ("conections: []", "1:1", "is not known here"),
            ("connections: {}", "1:14", "should be a list"),
            ("connections: [x]", "1:15", "should be a mapping"),
            (
                "connections: [{id: s, typ: Stripe}]",
                "1:23",
                "has no \"typ\"",
            ),
            ("connections: [{id: s}]", "1:15", "has no type"),
            (
                "connections: [{id: s, type: Axios}]",
                "1:29",
                "should be Stripe, not Axios",
            ),
            ("connections: [{type: Stripe}]", "1:15", "has no id"),
            (
                "connections: [{id: 1, type: Stripe}]",
                "1:20",
                "should be a string",
            ),
            (
                "connections: [{id: s, type: Stripe}, {id: s, type: Stripe}]",
                "1:38",
                "a second connection",
            ),
            (
                &format!("{connection}requests: [{{id: r, type: StripeRequest, connectionId: t}}]"),
                "2:55",
                "no connection \"t\"",
            ),
            (
                &format!("{connection}requests: [{{id: r, type: StripeRequest}}]"),
                "2:12",
                "has no connectionId",
            ),
        ] {
            let error = Document::parse(yaml).unwrap_err();
            assert!(error.message.contains(said), "{yaml}: {error}");
            assert_eq!(error.mark.to_string(), mark, "{yaml}: {error}");
        }
    }

    #[test]
    fn a_connection_is_chosen_by_id_unless_there_is_one() {
        let two =
            Document::parse("connections: [{id: a, type: Stripe}, {id: b, type: Stripe}]").unwrap();
        assert_eq!(two.connection(Some("b")).unwrap().id, "b");
        assert!(two.connection(None).unwrap_err().contains("a, b"));
        assert!(two.connection(Some("c")).unwrap_err().contains("a, b"));
    }
}
