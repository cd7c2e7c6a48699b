//! The frontend's files have hashes in their names: a new build of it has to be looked for.

fn main() {
    println!("cargo::rerun-if-changed=../frontend/dist");
}
