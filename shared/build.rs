//! The migrations are compiled in: a new file of them is a change, too.

fn main() {
    println!("cargo::rerun-if-changed=../migrations");
}
