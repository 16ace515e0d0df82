//! One fuzz target after the other, by the name in `PAYERSYNC_FUZZ_TARGET`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("PAYERSYNC_FUZZ_TARGET").unwrap_or_default();
    let found = payersync::fuzzing::TARGETS.iter().find(|(name, _)| *name == wanted);
    found.unwrap_or_else(|| panic!("there is no target {wanted:?}")).1
});

fuzz_target!(|input: &[u8]| TARGET(input));
