//! The whole program, with the probes that misbehave on purpose.

fn main() -> std::process::ExitCode {
    soma_conformance::probes::enable_faults();
    soma_conformance::cli::main()
}
