//! What a host calls, one module for each interface of the contract. Each leases
//! an instance, calls it, and gives it back; nothing here knows how instances
//! are made or kept.

mod connections;
mod requests;
