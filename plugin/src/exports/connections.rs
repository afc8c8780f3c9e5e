//! `connections`: from what a person wrote to a connection.

use super::{Plugin, fallback_key};
use crate::connection;
use crate::connection::Settings;
use crate::contract::exports::lowcode::stripe::connections::Guest;
use crate::types::{Connection, Error};

impl Guest for Plugin {
    fn parse_connection(properties: String) -> Result<Connection, Error> {
        let parse = || {
            connection::parse(&properties, fallback_key().is_some())
                .map_err(|refusal| refusal.within("properties"))
        };
        // What every call would refuse is refused here. (Parsed twice, since the
        // code that clones the whole record would be larger than that of most
        // other steps.)
        Settings::check(parse()?, fallback_key).map_err(|refusal| refusal.within("properties"))?;
        Ok(parse()?)
    }
}
