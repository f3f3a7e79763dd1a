//! The program as a whole: its sources, its data files, its command line, and its runs against real servers.

mod documents;
mod faulty_files;
mod interruption;
mod program;
mod servers;
mod stopped_servers;
mod tidy;
