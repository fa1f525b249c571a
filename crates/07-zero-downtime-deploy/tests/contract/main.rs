//! The promises of exercise 7, easiest first.
fn main() {}
