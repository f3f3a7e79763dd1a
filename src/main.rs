//! The command `soma-conformance`.

fn main() -> std::process::ExitCode {
    soma_conformance::cli::main()
}
