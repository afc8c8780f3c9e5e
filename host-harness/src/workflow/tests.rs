//! What is wrong with a file is found when it is read, with its place.

use super::*;
use crate::actions::{Action, ActionEffect, ActionFamily, ActionInput, InputType};

/// Steps of the flow in brackets, each `ID`, or `ID?THEN:ELSE` for a condition.
fn flow(steps: &[(&str, &str)]) -> String {
    let steps: Vec<String> = steps
        .iter()
        .map(|(id, rest)| match rest.split_once(':') {
            Some((then, otherwise)) => format!(
                "- {{id: {id}, type: condition, config: {{conditions: {{left: 1, operator: eq, \
                 right: 1}}, then: [{then}], else: [{otherwise}]}}}}"
            ),
            None => format!(
                "- {{id: {id}, type: action, action: stripe.getCustomer, config: {{customerId: \
                 \"{rest}\"}}}}"
            ),
        })
        .collect();
    format!("steps:\n{}\n", steps.join("\n"))
}

fn fault(text: &str) -> String {
    Workflow::parse(text).unwrap_err().to_string()
}

#[test]
fn a_file_is_json_or_yaml() {
    let json = "{\n\t\"steps\":\t[\n\t\t{\"id\": \"a\", \"type\": \"action\", \"action\": \"x\", \
                \"config\": {\"t\": \"\\ud83d\\ude00 \\\\ud83d \\/ \\u00e9\"}}]}";
    let workflow = Workflow::parse(json).unwrap();
    match &workflow.steps[0].what {
        What::Action { config, .. } => match &config[0].value {
            Template::Plain(Value::String(text)) => assert_eq!(text, "😀 \\ud83d / é"),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
    assert_eq!(workflow.locate("steps[0].action").to_string(), "3:33");
    let yaml = "name: n\ntrigger: {type: webhook, provider: stripe, events: [invoice.paid, \
                'charge.*']}\nsteps:\n- id: a\n  type: action\n  action: stripe.getBalance\n";
    let workflow = Workflow::parse(yaml).unwrap();
    assert_eq!(workflow.name(), Some("n"));
    assert_eq!(workflow.trigger().kind.as_deref(), Some("webhook"));
    assert_eq!(workflow.trigger().events, ["invoice.paid", "charge.*"]);
}

#[test]
fn faults_of_form_are_told_with_their_place() {
    let step = |rest: &str| format!("steps:\n- {{id: a, {rest}}}\n");
    let condition = |config: &str| step(&format!("type: condition, config: {{{config}}}"));
    for (text, said) in [
        ("steps: [".to_owned(), "the YAML cannot be read"),
        (
            "[]".to_owned(),
            "1:1: a workflow should be a mapping, not a list",
        ),
        ("name: n".to_owned(), "1:1: the workflow has no \"steps\""),
        ("steps: []".to_owned(), "1:8: the workflow has no steps"),
        (
            "step_s: []".to_owned(),
            "1:1: a workflow has no \"step_s\"; did you mean \"steps\"?",
        ),
        ("steps: {a: 1}".to_owned(), "1:8: steps should be a list"),
        ("steps: [x]".to_owned(), "1:9: a step should be a mapping"),
        (
            "steps: [{type: action, action: x}]".to_owned(),
            "1:9: a step has no \"id\"",
        ),
        (step("action: x"), "2:3: the step \"a\" has no \"type\""),
        (
            step("type: loop"),
            "2:17: there is no type of step \"loop\"",
        ),
        (step("type: acton"), "did you mean \"action\"?"),
        (
            step("type: action"),
            "2:3: the step \"a\" has no \"action\"",
        ),
        (
            step("type: action, action: x, retry: 3"),
            "2:36: the step \"a\" has no \"retry\"",
        ),
        (
            step("type: action, action: x, config: []"),
            "config should be a mapping",
        ),
        (
            step("type: action, action: x, config: {c: '{{input.}}'}"),
            "2:48: {{input.}} cannot be read from character",
        ),
        (
            step("type: action, action: x, config: {m: {'{{input.k}}': 1}}"),
            "a key cannot be filled in",
        ),
        (
            "steps:\n- {id: a b, type: action, action: x}".to_owned(),
            "2:8: the id \"a b\" should",
        ),
        (
            "steps:\n- {id: a, type: action, action: x}\n- {id: a, type: action, action: x}"
                .to_owned(),
            "3:8: a second step \"a\"",
        ),
        (
            condition("conditions: {left: 1, operator: gr, right: 0}, then: [], else: []"),
            "there is no operator \"gr\"",
        ),
        (
            condition("conditions: {left: 1, operator: gt}, then: [], else: []"),
            "conditions has no \"right\"",
        ),
        (
            condition("conditions: {left: 1, operator: exists, right: 0}, then: [], else: []"),
            "\"exists\" compares with nothing",
        ),
        (
            condition("conditions: [], then: [], else: []"),
            "conditions should be one mapping",
        ),
        (
            condition("conditions: {left: 1, operator: exists}, then: []"),
            "a condition has no \"else\": name the step to go on with, or write []",
        ),
    ] {
        let found = fault(&text);
        assert!(found.contains(said), "{text}: {found}");
    }
    // All at once.
    let two = fault("steps:\n- {id: a, type: x}\n- {id: b, type: y}");
    assert_eq!(two.lines().count(), 2, "{two}");
}

#[test]
fn steps_go_forwards_and_templates_look_back() {
    let output = |id: &str| format!("{{{{steps.{id}.output.id}}}}");
    for (steps, said) in [
        // Both ways, then on in order.
        (
            vec![("a", "x"), ("if", "c:b"), ("b", "x"), ("c", "x")],
            None,
        ),
        (vec![("if", "a, b:"), ("a", "x"), ("b", "x")], None),
        (
            vec![("a", "x"), ("if", "a:b"), ("b", "x")],
            Some("\"a\" does not come after this one"),
        ),
        (vec![("if", "if:b"), ("b", "x")], Some("only goes forwards")),
        (
            vec![("if", "creat:"), ("create", "x")],
            Some("no step \"creat\"; did you mean \"create\"?"),
        ),
        (
            vec![("if", "a, c:"), ("a", "x"), ("b", "x"), ("c", "x")],
            Some("so here with \"b\" and not \"c\""),
        ),
        (
            vec![("if", "b:b"), ("a", "x"), ("b", "x")],
            Some("the step \"a\" can never run"),
        ),
        (
            vec![("a", &output("b")), ("b", "x")],
            Some("\"b\" cannot have run when \"a\" does"),
        ),
        (
            vec![("a", &output("a"))],
            Some("\"a\" cannot have run when \"a\" does"),
        ),
        (
            vec![("aa", "x"), ("b", &output("ab"))],
            Some("no step \"ab\"; did you mean \"aa\"?"),
        ),
        // On one way only, and used where both have met.
        (
            vec![("if", "a:b"), ("a", "x"), ("b", &output("a"))],
            Some("\"a\" may not have run when \"b\" does"),
        ),
        (
            vec![
                ("if", "a:b"),
                ("a", "x"),
                ("b", "{{steps.a.output.id || input.id}}"),
            ],
            None,
        ),
        (
            vec![
                ("x", "x"),
                ("if", "a:b"),
                ("a", "x"),
                ("b", "{{steps.a.output.id || steps.x.output.id}}"),
            ],
            None,
        ),
    ] {
        let text = flow(&steps);
        match (Workflow::parse(&text), said) {
            (Ok(_), None) => {}
            (Err(faults), Some(said)) => assert!(faults.to_string().contains(said), "{faults}"),
            (found, _) => panic!("{text}: {found:?}"),
        }
    }
    // Whether it has run is what such a condition asks.
    let asks = "steps:
- {id: if, type: condition, config: {conditions: {left: 1, operator: eq, right: 2}, then: [a], else: [b]}}
- {id: a, type: action, action: x}
- {id: b, type: condition, config: {conditions: {left: '{{steps.a.output}}', operator: OP}, then: [], else: []}}
";
    assert!(Workflow::parse(&asks.replace("OP", "exists")).is_ok());
    let said = fault(&asks.replace("OP", "gt, right: 1"));
    assert!(said.contains("may not have run"), "{said}");
}

#[test]
fn configs_are_held_against_the_actions() {
    let input = |name: &str, type_: InputType, required: bool| ActionInput {
        name: name.to_owned(),
        type_,
        required,
        default: None,
        needs: None,
        parameter: name.to_owned(),
        description: String::new(),
    };
    let action = Action {
        name: "stripe.pay".to_owned(),
        title: String::new(),
        description: String::new(),
        operation: "payments.pay".to_owned(),
        effect: ActionEffect::Write,
        family: ActionFamily::Loopfour,
        inputs: vec![
            input("amount", InputType::Amount, true),
            input("currency", InputType::Text, true),
            input("now", InputType::Boolean, false),
            input("items", InputType::Array, false),
        ],
        parameters: vec!["expand".to_owned()],
        output: "{}".to_owned(),
    };
    for (name, config, said) in [
        (
            "stripe.pay",
            "amount: 5, currency: usd, idempotencyKey: k, expand: [x], items: [1]",
            "",
        ),
        (
            "stripe.pay",
            "amount: '{{input.a}}', currency: 'x{{input.c}}', now: '{{input.n}}'",
            "",
        ),
        (
            "stripe.pai",
            "",
            "there is no action \"stripe.pai\"; did you mean \"stripe.pay\"?",
        ),
        (
            "stripe.pay",
            "",
            "2:33: stripe.pay needs \"amount\" and \"currency\"",
        ),
        (
            "stripe.pay",
            "amount: 5, currency_: usd",
            "has no \"currency_\"; did you mean \"currency\"?",
        ),
        (
            "stripe.pay",
            "amount: '5', currency: usd",
            "should be a whole number of the currency's smallest unit, not \"5\"",
        ),
        ("stripe.pay", "amount: 5.5, currency: usd", "not 5.5"),
        (
            "stripe.pay",
            "amount: 5, currency: usd, now: 'true'",
            "should be true or false",
        ),
        (
            "stripe.pay",
            "amount: 5, currency: usd, items: 7",
            "should be a list, not 7",
        ),
    ] {
        let text =
            format!("steps:\n- {{id: a, type: action, action: {name}, config: {{{config}}}}}");
        let found = match Workflow::parse(&text)
            .unwrap()
            .check(std::slice::from_ref(&action))
        {
            Ok(()) => String::new(),
            Err(faults) => faults.to_string(),
        };
        assert_eq!(found.is_empty(), said.is_empty(), "{config}: {found}");
        assert!(found.contains(said), "{config}: {found}");
    }
}
