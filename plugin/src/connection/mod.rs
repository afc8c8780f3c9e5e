//! From what a person wrote to what a call uses: [`properties`] turns YAML's
//! names into the `connection` record of the contract, [`settings`] checks the
//! record and fills in the defaults.

mod properties;
mod reader;
mod settings;
mod transport;

pub use properties::parse;
pub use settings::{BaseUrl, Defaults, Settings, checked_key};

/// Lowdefy's message for a connection without a key, word for word.
pub const NO_KEY: &str = "Stripe connection should have required property \"secretKey\".";
