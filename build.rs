//! The data files are built into the program: a new one must be noticed.
fn main() {
    println!("cargo::rerun-if-changed=checks");
    println!("cargo::rerun-if-changed=vectors");
}
