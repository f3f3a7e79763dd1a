//! The program as a whole: its sources, its data files, its command line, and its runs against real servers.

mod tidy;
