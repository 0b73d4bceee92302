//! Leaves out of a release the tables by which a stack is unwound: its profile says `panic = "abort"`, and nothing reads
//! them.
#![expect(clippy::disallowed_methods, reason = "cargo tells a build script in its environment what it builds")]

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=unwind.ld");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    // Tried with the linker that Rust brings on this target, and with no other.
    if is("PROFILE", "release") && is("TARGET", "x86_64-unknown-linux-gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}/unwind.ld", env!("CARGO_MANIFEST_DIR"));
    }
}
