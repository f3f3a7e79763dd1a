//! The reports: what a person and a machine read after a run.

mod golden;
mod journal_prefix;
mod junit_parsers;
mod markdown_structure;
mod results_schema;
mod runs;
mod terminal_and_log;
mod written_files;
