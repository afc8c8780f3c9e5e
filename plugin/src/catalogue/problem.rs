//! One thing that is wrong with arguments: what, and where, in each of the
//! notations that a place has. How it was found is [`super::check`]'s business.

use crate::failure::Refusal;

/// Most problems that are told.
pub const MAX_PROBLEMS: usize = 100;

/// Something wrong with arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The steps that lead to it.
    pub(super) place: Vec<Step>,
    /// How many steps lead to the params; none where it is not within them.
    pub(super) params: Option<usize>,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The name or value that was probably meant.
    pub suggestion: Option<String>,
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// To a member of an object.
    Name(String),
    /// To an element of a list.
    Index(usize),
}

impl Problem {
    /// Where, as a JSON pointer (RFC 6901).
    pub fn pointer(&self) -> String {
        let mut out = String::new();
        for step in &self.place {
            out.push('/');
            match step {
                Step::Name(name) => out.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Step::Index(at) => out.push_str(&at.to_string()),
            }
        }
        out
    }

    /// Where, as failures write it: `[0].items[1].price`.
    pub fn path(&self) -> String {
        let mut out = String::new();
        for step in &self.place {
            match step {
                Step::Name(name) if out.is_empty() => out.push_str(name),
                Step::Name(name) => out.extend([".", name.as_str()]),
                Step::Index(at) => out.push_str(&format!("[{at}]")),
            }
        }
        out
    }

    /// The parameter in Stripe's notation: `items[1][price]`.
    pub fn parameter(&self) -> Option<String> {
        let (first, rest) = self.place.get(self.params?..)?.split_first()?;
        let mut out = match first {
            Step::Name(name) => name.clone(),
            Step::Index(at) => at.to_string(),
        };
        for step in rest {
            match step {
                Step::Name(name) => out.push_str(&format!("[{name}]")),
                Step::Index(at) => out.push_str(&format!("[{at}]")),
            }
        }
        Some(out)
    }
}

/// All problems as the one refusal of a call.
pub fn refusal(problems: &[Problem]) -> Option<Refusal> {
    /// Most that one message tells.
    const TOLD: usize = 10;
    let first = problems.first()?;
    let told: Vec<String> = problems.iter().take(TOLD).map(line).collect();
    let mut message = match problems.len() {
        1 => format!("The arguments are not valid: {}", told.join(" ")),
        many => format!("The arguments have {many} problems: {}", told.join(" ")),
    };
    if problems.len() > TOLD {
        message.push_str(&format!(" And {} more.", problems.len() - TOLD));
    }
    Some(Refusal::argument(first.path(), message))
}

/// A problem in a line: where and what.
pub fn line(problem: &Problem) -> String {
    match problem.pointer() {
        place if place.is_empty() => problem.message.clone(),
        place => format!("{place}: {}", problem.message),
    }
}

/// The place of a refusal within a list, `[2].headers`, as steps.
pub(super) fn steps(path: &str) -> Vec<Step> {
    path.split(['[', ']', '.'])
        .filter(|step| !step.is_empty())
        .map(|step| match step.parse() {
            Ok(at) => Step::Index(at),
            Err(_) => Step::Name(step.to_owned()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(path: &str, params: Option<usize>) -> Problem {
        Problem {
            place: steps(path),
            params,
            message: "It is wrong.".to_owned(),
            suggestion: None,
        }
    }

    #[test]
    fn a_place_has_three_notations() {
        let one = problem("[1].items[10].price", Some(1));
        assert_eq!(one.pointer(), "/1/items/10/price");
        assert_eq!(one.path(), "[1].items[10].price");
        assert_eq!(one.parameter().as_deref(), Some("items[10][price]"));
        let single = problem("email", Some(0));
        assert_eq!(
            (single.pointer().as_str(), single.path().as_str()),
            ("/email", "email")
        );
        assert_eq!(problem("[1]", Some(1)).parameter(), None);
        assert_eq!(problem("[1].timeout", None).parameter(), None);
        let mut odd = problem("", Some(0));
        odd.place.push(Step::Name("a/b~c".to_owned()));
        assert_eq!(odd.pointer(), "/a~1b~0c");
    }

    #[test]
    fn a_refusal_tells_ten_and_counts_the_rest() {
        assert_eq!(refusal(&[]), None);
        let one = refusal(&[problem("[0].a", None)]).unwrap();
        assert_eq!(one.path, "[0].a");
        assert_eq!(
            one.message,
            "The arguments are not valid: /0/a: It is wrong."
        );
        let many = vec![problem("[0].a", None); 12];
        let message = refusal(&many).unwrap().message;
        assert!(
            message.starts_with("The arguments have 12 problems: /0/a: It"),
            "{message}"
        );
        assert_eq!(message.matches("It is wrong.").count(), 10);
        assert!(message.ends_with(" And 2 more."), "{message}");
    }
}
