//! What there is to call, for hosts that draw forms, complete names or check
//! arguments: [`listing`] finds operations, [`describe`] writes the JSON Schema
//! of one, [`check`] holds arguments against it, [`manifest`] says what this
//! component is. It sends nothing, and no call pays for it that did not ask: the
//! schemas ([`model`]) are inflated for the answer and gone with it.

pub mod check;
pub mod describe;
pub mod labels;
pub mod listing;
pub mod manifest;
pub mod model;
pub mod problem;
