//! The migrations are compiled in: a new file of them is a change, too.
#![expect(clippy::print_stdout, reason = "cargo listens")]

fn main() {
    println!("cargo::rerun-if-changed=../migrations");
}
