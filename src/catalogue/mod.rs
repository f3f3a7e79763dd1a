//! Reads the data files (checks, vectors, profiles, the user's file), finds every fault in them at once, selects, and
//! makes the plan. It sends nothing.
//!
//! Reading order: [`SourceFile`], [`Node`], [`Diagnostics`], [`Stanza`], [`Configuration`], [`Catalogue`], [`make_plan`].

mod configuration;
mod configuration_file;
mod context;
mod contradictions;
mod diagnostics;
mod draft;
mod duration;
mod embedded;
mod expand;
mod known_values;
mod needs;
mod node;
mod plan;
mod read;
mod schema;
mod select;
mod service_declaration;
mod source_file;
mod stanza;
mod typed;
mod vectors;

pub use configuration::Configuration;
pub use configuration_file::SecretEntry;
pub use configuration_file::{ConfigurationFile, Contract, ServiceEntry, TlsEntry};
pub use diagnostics::{Diagnostic, Diagnostics, suggestion};
pub use duration::HumanDuration;
pub use node::Node;
pub use plan::{PlanError, PlanRequest, make_plan};
pub use read::{Catalogue, CheckStanza};
pub use schema::{checks_schema, configuration_schema};
pub use select::{Selector, SelectorError};
pub use service_declaration::{ClusterDeclaration, CredentialSource, ServiceDeclaration, TlsDeclaration};
pub use source_file::{SourceError, SourceFile};
pub use stanza::Stanza;

#[cfg(test)]
mod sample;
