//! How many messages a second the store takes, durably: ten producers, each waiting for its answer.
//!
//! `cargo run --release -p store --example ingest -- [DIR]`; the directory decides which disk is measured.
#![allow(clippy::print_stdout, reason = "it is for reading")]

use mail::{AccountId, DateTime, FlagSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::{Error, ObjectChange, Options, Store, Target};

const PRODUCERS: usize = 10;
const LENGTH: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parent = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    for size in [4 << 10, 50 << 10] {
        let dir = parent.join(format!("gatepost-ingest-{}", std::process::id()));
        let store = Store::open(&dir, Options::default())?;
        let measured = runtime.block_on(measure(store.clone(), size));
        store.close();
        std::fs::remove_dir_all(&dir)?;
        println!("{} KiB: {}", size >> 10, measured?);
    }
    Ok(())
}

async fn measure(store: Store, size: usize) -> Result<String, Error> {
    let mut accounts = Vec::new();
    for _ in 0..PRODUCERS {
        accounts.push(store.reserve_account().await?);
    }
    store.save(ObjectChange { create_accounts: accounts.clone(), ..ObjectChange::default() }).await?;
    let (begin, commits) = (Instant::now(), store.commits());
    let latencies = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sent = Arc::new(AtomicU64::new(0));
    let tasks = accounts.into_iter().map(|account| {
        let (store, latencies, sent) = (store.clone(), Arc::clone(&latencies), Arc::clone(&sent));
        tokio::spawn(async move {
            let message = message(size);
            let mut mine = Vec::new();
            while begin.elapsed() < LENGTH {
                let start = Instant::now();
                deliver(&store, account, &message).await?;
                mine.push(start.elapsed());
                sent.fetch_add(1, Ordering::Relaxed);
            }
            latencies.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(mine);
            Ok::<(), Error>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.map_err(|error| Error::Io(error.to_string()))??;
    }
    let mut latencies =
        std::mem::take(&mut *latencies.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default();
    let messages = sent.load(Ordering::Relaxed);
    let rate = messages as f64 / begin.elapsed().as_secs_f64();
    let shared = messages as f64 / (store.commits() - commits) as f64;
    Ok(format!("{rate:.0} messages/s, {shared:.1} to a commit, p50 {:.1?}, p99 {:.1?}", at(50), at(99)))
}

async fn deliver(store: &Store, account: AccountId, message: &[u8]) -> Result<(), Error> {
    let mut staging = store.stage();
    for piece in message.chunks(16 << 10) {
        staging.write(piece).await?;
    }
    let to =
        Target { account, folder: None, flags: FlagSet::NONE, keywords: Vec::new(), date: DateTime::utc(0) };
    store.deliver(staging.finish().await?, vec![to], None).await?;
    Ok(())
}

fn message(size: usize) -> Vec<u8> {
    let mut message = b"From: Alice <alice@example.test>\r\nTo: bob@example.test\r\nSubject: Measured\r\n\
        Message-ID: <1@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
        .to_vec();
    while message.len() < size {
        message.extend_from_slice(
            b"It was a bright cold day in April, and the clocks were striking thirteen.\r\n",
        );
    }
    message
}
