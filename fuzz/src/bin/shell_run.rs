//! The administration shell at work: whatever is typed ends with an outcome, and leaves settings that can be loaded.

#![no_main]

#[path = "../../../crates/admin/tests/common/mod.rs"]
mod common;

use common::Site;
use std::time::Duration;

/// Longer texts are slower and no richer.
const LONGEST: usize = 1000;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if text.len() > LONGEST {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut site = Site::new().await;
        // A loop may be long; that it can be stopped is what matters.
        let _ = tokio::time::timeout(Duration::from_secs(1), site.run(text)).await;
        let current = site.context.directory.snapshot();
        assert_eq!(site.saved().await.records(), current.records(), "what is used is what is saved");
    });
});
