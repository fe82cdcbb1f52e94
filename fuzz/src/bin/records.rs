//! Administration objects as they are kept: damaged ones are refused, and what is read is what was written.

#![no_main]

use directory::{Record, Snapshot};

/// The objects of a node, as its first release wrote them.
const WHOLE: &str = include_str!("../../../crates/directory/tests/records-v1.txt");

fn records(text: &str) -> impl Iterator<Item = Record> {
    text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, '\t').map(str::to_owned);
        Some(Record { kind: fields.next()?, key: fields.next()?, json: fields.next()? })
    })
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    // The input's lines stand in place of those of the same kind and key.
    let replaced =
        |record: &Record| !records(text).any(|new| (&new.kind, &new.key) == (&record.kind, &record.key));
    let all = records(WHOLE).filter(replaced).chain(records(text));
    if let Ok(snapshot) = Snapshot::load(all) {
        let written = snapshot.records();
        let again = Snapshot::load(written.clone()).expect("what was written is read");
        assert_eq!(again.records(), written);
    }
});
