//! The Gatepost mail server.
fn main() {}
