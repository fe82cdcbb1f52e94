//! A data directory with damaged files: a check names the damage, and whoever reads gets the message that was stored, or
//! an error, and never another.

#![no_main]

use bytes::Bytes;
use mail::{AccountId, DateTime, FolderId, Uid};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;
use store::{ObjectChange, Options, Store, Target};
use tempfile::TempDir;

/// The files that are damaged.
const FILES: [&str; 2] = ["segments/00000001.seg", "index.db"];
const MESSAGES: usize = 3;

/// A good directory, closed.
struct Good {
    files: Vec<(std::path::PathBuf, Vec<u8>)>,
    account: AccountId,
}

fn message(number: usize) -> Vec<u8> {
    format!("Subject: {number}\r\n\r\n{}\r\n", "text ".repeat(number * 900)).into_bytes()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}

/// All files below a directory, by their names within it.
fn read_all(dir: &Path, below: &Path, files: &mut Vec<(std::path::PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(dir.join(below)).expect("a directory").flatten() {
        let name = below.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => read_all(dir, &name, files),
            false => files.push((name, fs::read(entry.path()).expect("a file"))),
        }
    }
}

fn good() -> &'static Good {
    static GOOD: OnceLock<Good> = OnceLock::new();
    GOOD.get_or_init(|| {
        let dir = TempDir::new().expect("a directory");
        let options = Options { small: 100, readers: 1, ..Options::default() };
        let store = Store::open(dir.path(), options).expect("a new store");
        let account = block_on(async {
            let account = store.reserve_account().await?;
            store.save(ObjectChange { create_accounts: vec![account], ..ObjectChange::default() }).await?;
            for number in 0..MESSAGES {
                let (flags, date) = (mail::FlagSet::NONE, DateTime::utc(0));
                let target = Target { account, folder: None, flags, keywords: Vec::new(), date };
                let mut staging = store.stage();
                staging.write(&message(number)).await?;
                store.deliver(staging.finish().await?, vec![target], None).await?;
            }
            Ok::<_, store::Error>(account)
        });
        store.close();
        let mut files = Vec::new();
        read_all(dir.path(), Path::new(""), &mut files);
        Good { files, account: account.expect("a good store") }
    })
}

/// Damages a file as the input says: where, and with which octets.
fn damage(dir: &Path, input: &[u8]) -> Option<&'static str> {
    let (which, rest) = input.split_first()?;
    let name = *FILES.get(usize::from(which & 1))?;
    let file = fs::OpenOptions::new().write(true).open(dir.join(name)).expect("the file is there");
    if which & 2 != 0 {
        let length = file.metadata().expect("a length").len();
        let (cut, _) = rest.split_first_chunk()?;
        file.set_len((length * u64::from(u16::from_le_bytes(*cut))) >> 16).expect("it can be cut");
        return Some(name);
    }
    // A place, and up to seven octets that are written there; again and again.
    for patch in rest.chunks(9) {
        let (place, octets) = patch.split_first_chunk()?;
        let place = u64::from(u16::from_le_bytes(*place));
        let room = file.metadata().expect("a length").len().saturating_sub(octets.len() as u64).max(1);
        file.write_all_at(octets, place % room).expect("it can be written");
    }
    Some(name)
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let good = good();
    let dir = TempDir::new().expect("a directory");
    for (name, octets) in &good.files {
        let path = dir.path().join(name);
        path.parent().map(fs::create_dir_all).transpose().expect("a directory");
        fs::write(path, octets).expect("a file");
    }
    let Some(damaged) = damage(dir.path(), input) else { return };
    let report = store::check(dir.path(), &mut |_, _| {});
    let options = Options { small: 100, readers: 1, ..Options::default() };
    let Ok(store) = Store::open(dir.path(), options) else {
        assert!(!report.is_ok_and(|report| report.damage.is_empty()), "refused, and the check finds nothing");
        return;
    };
    block_on(async {
        let folders = store.folders(good.account).await;
        let inbox =
            folders.ok().and_then(|folders| folders.first().map(|folder| folder.id)).unwrap_or(FolderId(1));
        let _ = store.listing(good.account, inbox).await;
        for number in 0..MESSAGES {
            let uid = Uid(number as u32 + 1);
            let _ = store.summaries(good.account, inbox, vec![uid]).await;
            let Ok(bodies) = store.bodies(good.account, inbox, vec![uid]).await else { continue };
            for (_, body) in bodies.found {
                let octets: Option<Bytes> = store.read(&body, 0, u32::MAX).await.ok();
                let whole = octets.is_none_or(|octets| octets == message(number));
                assert!(whole || damaged == "index.db", "message {number} is another");
            }
        }
    });
    store.close();
});
