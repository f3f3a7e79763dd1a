//! The issuer of tokens: discovery, published keys, tokens, and what enforcement points make of forged ones.

mod discovery;
mod forge;
mod issuer;
mod jwks;
mod key;
mod mint;
mod present;
mod token;

pub(super) use discovery::Discovery;
pub(super) use issuer::contract_entry;
pub(super) use jwks::Jwks;
pub(super) use mint::Mint;
pub(super) use present::Present;
