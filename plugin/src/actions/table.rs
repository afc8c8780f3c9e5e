//! The ready-made actions there are. They are data (`catalogue/actions.txt`), made
//! static by the build; this module finds them, and names the nearest ones when
//! there is none.

/// What running an action may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Reads; changes nothing.
    Read,
    /// Makes or changes something, or moves money.
    Write,
    /// Ends or deletes what there was.
    Destructive,
}

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string, or a number as it is written.
    Text,
    /// A whole number.
    Integer,
    /// A whole number: money, in the currency's smallest unit.
    Amount,
    /// `true` or `false`.
    Boolean,
    /// A list.
    Array,
    /// An object.
    Object,
}

/// Whether a field must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It must.
    Required,
    /// It need not.
    Optional,
    /// It need not; then this JSON stands for it.
    Default(&'static str),
    /// It need not, and cannot be given without that other field.
    With(&'static str),
}

/// What of Stripe's answer is handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// All of it.
    Whole,
    /// These fields of an object.
    Fields(&'static [&'static str]),
    /// The members of a list alone, with these fields.
    Each(&'static [&'static str]),
}

/// One field of an action's config.
#[derive(Debug)]
pub struct Input {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether it must be given.
    pub need: Need,
    /// The parameter it becomes: `{id}` is the id in the path; dotted where it
    /// is nested, a number standing for an element of a list.
    pub target: &'static str,
    /// What it is, for a person.
    pub about: &'static str,
}

/// One ready-made action.
#[derive(Debug)]
pub struct Action {
    /// Its name.
    pub name: &'static str,
    /// A few words about it.
    pub title: &'static str,
    /// A sentence about it.
    pub about: &'static str,
    /// The resource it calls.
    pub resource: &'static str,
    /// That resource's method.
    pub method: &'static str,
    /// What it may do.
    pub effect: Effect,
    /// What of the answer is handed on.
    pub shape: Shape,
    /// JSON Schema of what is handed on.
    pub output: &'static str,
    /// All parameters of the operation, separated by spaces.
    pub parameters: &'static str,
    /// The fields of its config.
    pub inputs: &'static [Input],
}

include!(concat!(env!("OUT_DIR"), "/actions.rs"));

impl Action {
    /// Whether the action has LoopFour's name; Lodol's otherwise.
    pub fn is_loopfour(&self) -> bool {
        self.name.starts_with("stripe.")
    }

    /// The parameters of the operation that no input stands for.
    pub fn other_parameters(&self) -> impl Iterator<Item = &'static str> + '_ {
        let stood_for = |parameter: &str| {
            self.inputs
                .iter()
                .any(|input| input.target.split('.').next() == Some(parameter))
        };
        self.parameters
            .split(' ')
            .filter(move |parameter| !parameter.is_empty() && !stood_for(parameter))
    }
}

/// Every action.
pub fn all() -> &'static [Action] {
    &ACTIONS
}

/// The action of that name.
pub fn find(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}

/// Up to three existing names nearest to this one, the nearest first.
pub(super) fn nearest(name: &str) -> Vec<&'static str> {
    closest(name, ACTIONS.iter().map(|action| action.name), 3)
}

/// The names nearest to one, at most so many, the nearest first. The prefix of a
/// family and the way words are joined count for nothing.
pub(super) fn closest<'n>(
    name: &str,
    known: impl Iterator<Item = &'n str>,
    most: usize,
) -> Vec<&'n str> {
    // Comparing is quadratic in length; no name is a quarter as long.
    if name.len() > 128 {
        return Vec::new();
    }
    let folded = fold(name);
    let mut best: Vec<(usize, &str)> = Vec::with_capacity(most + 1);
    for known in known {
        let distance = strsim::levenshtein(&fold(known), &folded);
        if distance > 1 + known.len() / 4 {
            continue;
        }
        let place = best
            .iter()
            .take_while(|(other, _)| *other <= distance)
            .count();
        best.insert(place, (distance, known));
        best.truncate(most);
    }
    best.into_iter().map(|(_, name)| name).collect()
}

fn fold(name: &str) -> String {
    name.trim_start_matches("stripe.")
        .chars()
        .filter(|c| *c != '_' && *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Value;
    use crate::operation;

    #[test]
    fn every_action_of_both_documents_is_there_once() {
        let (loopfour, lodol): (Vec<&Action>, Vec<&Action>) =
            all().iter().partition(|action| action.is_loopfour());
        assert_eq!((loopfour.len(), lodol.len()), (24, 9));
        for action in all() {
            assert!(std::ptr::eq(find(action.name).unwrap(), action));
        }
    }

    #[test]
    fn every_action_calls_what_there_is_and_says_what_it_returns() {
        for action in all() {
            let operation = operation::find(action.resource, action.method).unwrap();
            let reads = operation.verb == operation::Verb::Get;
            assert_eq!(action.effect == Effect::Read, reads, "{}", action.name);
            assert!(Value::parse(action.output).is_ok(), "{}", action.output);
            let mut names: Vec<&str> = action.inputs.iter().map(|input| input.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), action.inputs.len(), "{}", action.name);
            for input in action.inputs {
                match input.need {
                    Need::Default(json) => assert!(Value::parse(json).is_ok(), "{json}"),
                    Need::With(other) => assert!(names.contains(&other), "{other}"),
                    Need::Required | Need::Optional => {}
                }
            }
        }
    }

    #[test]
    fn the_nearest_names_come_first() {
        for (name, expected) in [
            ("stripe.creatCustomer", "stripe.createCustomer"),
            ("stripe.create_invoice", "stripe.createInvoice"),
            ("stripe.finaliseInvoice", "stripe.finalizeInvoice"),
            ("createInvoiceItem", "stripe.createInvoiceItem"),
            ("retrieveCustomer", "retrieve_customer"),
        ] {
            assert_eq!(nearest(name).first(), Some(&expected), "{name}");
        }
        assert!(nearest("create_customers").contains(&"create_customer"));
        assert!(nearest("zzzzzzzzzzzzzzzzzzzzzzzz").is_empty());
        assert!(nearest(&"a".repeat(4096)).is_empty());
    }
}
