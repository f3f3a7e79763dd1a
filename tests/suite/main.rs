//! The program as a whole: its sources, its data files, its command line, and its runs against real servers.

mod canaries;
mod catalogue_ids;
mod configuration_page;
mod difference;
mod documents;
#[cfg(feature = "faults")]
mod faults;
mod faulty_api_server;
mod faulty_files;
mod github;
mod interruption;
mod inventory;
mod mimic;
mod nothing_left;
mod program;
mod schemas;
mod secrets;
mod servers;
mod shards;
mod stopped_servers;
mod tidy;
mod vault_members;
mod waiting;
