//! Prints the picture of guide 02: a worker's life, drawn from the table in the code.

fn main() {
    println!("{}", rolling_restart::picture().join("\n"));
}
