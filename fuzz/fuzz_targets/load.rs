//! Any bytes, read as manifests: no panic, and every invariant holds.
#![no_main]

#[path = "../src/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    invariants::check(bytes);
});
