//! `actions`: the ready-made actions, and running one.

use super::{Plugin, check_length, run, settings};
use crate::actions::{self, Effect, Input, Kind, Need};
use crate::contract::exports::lowcode::stripe::actions::{
    Action, ActionEffect, ActionFamily, ActionInput, Guest, InputType,
};
use crate::nested;
use crate::types::{Connection, Error, Response};

/// Where an action's arguments stand, until the place is seen from the config.
const PLACE: &str = "config";

impl Guest for Plugin {
    fn list_actions() -> Vec<Action> {
        actions::all().iter().map(shown).collect()
    }

    fn run_action(connection: Connection, name: String, config: String) -> Result<Response, Error> {
        let action = actions::named(&name)?;
        let settings = settings(connection)?;
        check_length(PLACE, &config, &settings)?;
        let arguments = action.arguments(actions::read(&config)?)?;
        let target = nested::find(action.resource, action.method)?;
        match run(target, arguments, &settings, PLACE) {
            Ok(mut response) => {
                response.body = action.cut(response.body);
                Ok(response)
            }
            Err(Error::Transient(mut failure)) => {
                failure.path = failure.path.map(|place| action.place(&place));
                Err(Error::Transient(failure))
            }
            Err(Error::Permanent(mut failure)) => {
                failure.path = failure.path.map(|place| action.place(&place));
                Err(Error::Permanent(failure))
            }
            Err(Error::ExecutionFailed) => Err(Error::ExecutionFailed),
        }
    }
}

/// An action as it is listed.
fn shown(action: &actions::Action) -> Action {
    Action {
        name: action.name.to_owned(),
        title: action.title.to_owned(),
        description: action.about.to_owned(),
        operation: [action.resource, ".", action.method].concat(),
        effect: match action.effect {
            Effect::Read => ActionEffect::Read,
            Effect::Write => ActionEffect::Write,
            Effect::Destructive => ActionEffect::Destructive,
        },
        family: match action.is_loopfour() {
            true => ActionFamily::Loopfour,
            false => ActionFamily::Lodol,
        },
        inputs: action.inputs.iter().map(input).collect(),
        parameters: action.other_parameters().map(str::to_owned).collect(),
        output: action.output.to_owned(),
    }
}

fn input(input: &Input) -> ActionInput {
    ActionInput {
        name: input.name.to_owned(),
        type_: match input.kind {
            Kind::Text => InputType::Text,
            Kind::Integer => InputType::Integer,
            Kind::Amount => InputType::Amount,
            Kind::Boolean => InputType::Boolean,
            Kind::Array => InputType::Array,
            Kind::Object => InputType::Object,
        },
        required: input.need == Need::Required,
        default: match input.need {
            Need::Default(json) => Some(json.to_owned()),
            _ => None,
        },
        needs: match input.need {
            Need::With(other) => Some(other.to_owned()),
            _ => None,
        },
        parameter: input.target.to_owned(),
        description: input.about.to_owned(),
    }
}
