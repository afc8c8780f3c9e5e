//! A description as a tree for a person: each name with its type, what is within
//! it below. A shape that several members have is written out once.

use std::collections::HashSet;

use serde_json::Value;

use super::schema::Schema;

/// The whole tree.
pub(super) fn page(schema: &Schema<'_>) -> String {
    let mut tree = Tree {
        schema,
        written: HashSet::new(),
        out: String::new(),
    };
    for one in schema.positional() {
        let title = one.get("title").and_then(Value::as_str).unwrap_or("ID");
        tree.out
            .push_str(&format!("\n{title}  {}\n", schema.words(one)));
    }
    for (heading, object) in [("Params", schema.params()), ("Options", schema.options())] {
        tree.out.push_str(&format!("\n{heading}\n"));
        if schema.members(object).is_empty() {
            tree.out.push_str("  none are known\n");
        }
        tree.members(object, 1);
    }
    tree.out
}

struct Tree<'t, 's> {
    schema: &'t Schema<'s>,
    written: HashSet<&'s str>,
    out: String,
}

impl<'s> Tree<'_, 's> {
    fn members(&mut self, object: &'s Value, depth: usize) {
        for member in self.schema.members(object) {
            let indent = "  ".repeat(depth);
            let words = self.schema.words(member.schema);
            self.out
                .push_str(&format!("{indent}{}  {words}", member.name));
            if member.required {
                self.out.push_str(", required");
            }
            if member.schema.get("deprecated").is_some() {
                self.out.push_str(", deprecated");
            }
            let objects = self.objects(member.schema);
            let again = objects
                .iter()
                .find_map(|(name, _)| name.filter(|name| self.written.contains(name)));
            if let Some(name) = again {
                self.out.push_str(&format!(" (as {name} above)\n"));
                continue;
            }
            self.out.push('\n');
            for (name, object) in objects {
                self.written.extend(name);
                self.members(object, depth + 1);
            }
        }
    }

    /// The objects with known members within a type, lists looked into; with the
    /// names they are shared by.
    fn objects(&self, schema: &'s Value) -> Vec<(Option<&'s str>, &'s Value)> {
        let (name, schema) = self.schema.resolved(schema);
        if let Some(several) = schema.get("anyOf").and_then(Value::as_array) {
            return several.iter().flat_map(|one| self.objects(one)).collect();
        }
        if schema.get("properties").is_some() {
            return vec![(name, schema)];
        }
        let within = schema.get("items").or(schema.get("additionalProperties"));
        match within {
            Some(within) if within.is_object() => self.objects(within),
            _ => Vec::new(),
        }
    }
}
