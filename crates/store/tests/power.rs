//! The power is cut, at every kind of moment: what was acknowledged is there, and nothing else is wrong.
//!
//! A child process changes a store on disk while a library in front of the C library (`power.c`) writes down every
//! write, cut, name and sync. This process plays the record back to a moment, keeps what had been synced, and of the
//! rest a random part (nothing, all, a beginning, single sectors), as a disk might; then opens the store and compares.
//! Two controls play back a disk that lies about syncs, to show that loss would be noticed.
//!
//! Names count as durable only when their directory was synced. The shared-memory file is left out: SQLite makes it
//! anew.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test with a main of its own"
)]

mod record;

use libtest_mimic::{Arguments, Trial};
use mail::{AccountId, DateTime, Flag, FlagSet, FolderId, Uid};
use record::{Disk, Lie, Random};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use store::{Absent, FlagChange, FlagOperation, ObjectChange, Options, Store, Target, check};

const PRODUCERS: u32 = 6;
const INBOX: FolderId = FolderId(1);
const ARCHIVE: FolderId = FolderId(6);

fn main() {
    if let Some(dir) = std::env::var_os("POWER_DIR") {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        return runtime.block_on(child(Path::new(&dir)));
    }
    let trial = Trial::test("acknowledged_changes_outlive_the_power", || {
        cut_the_power();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit();
}

fn cut_the_power() {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        println!("skipped: the power test needs Linux with the GNU C library");
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let record = run_child(work.path());
    let cuts = std::env::var("GATEPOST_POWER_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(40);
    let seen = play(&record, work.path(), cuts, Lie::None);
    // What is played back must contain what is hard: the log written back, and segments emptied and removed.
    let (checkpoints, reclaimed) = record::rare(&record);
    assert!(
        checkpoints > 2 && reclaimed > 2,
        "{checkpoints} checkpoints and {reclaimed} removed segments only"
    );
    println!("{checkpoints} checkpoints, {reclaimed} segments removed");
    println!("{} events, {cuts} cuts, {} changes acknowledged at the last", record.len(), seen.acknowledged);
    assert!(seen.faults.is_empty(), "{:#?}", seen.faults);
    for lie in [Lie::Log, Lie::Segments] {
        let seen = play(&record, work.path(), 12, lie);
        println!("control: a disk that does not sync {lie:?} shows {} faults", seen.faults.len());
        assert!(!seen.faults.is_empty(), "the test would not notice loss in {lie:?}");
    }
}

/// Runs the changes in a process of their own and returns what it did to its files.
fn run_child(work: &Path) -> Vec<record::Event> {
    let library = work.join("power.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/power.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .args(["-ldl", "-lpthread"])
        .status();
    assert!(built.unwrap().success(), "the C compiler, which building SQLite needs too, made no library");
    let dir = work.join("data");
    std::fs::create_dir(&dir).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .env("LD_PRELOAD", &library)
        .env("POWER_DIR", &dir)
        .env("POWER_LOG", work.join("record"))
        .status();
    assert!(child.unwrap().success(), "the changes themselves failed");
    record::read(&work.join("record"), &dir)
}

struct Seen {
    faults: Vec<String>,
    acknowledged: usize,
}

/// Cuts the power at random moments and looks at what is left.
fn play(record: &[record::Event], work: &Path, cuts: usize, lie: Lie) -> Seen {
    let mut random = Random(0x5eed);
    let mut moments: Vec<usize> = (1..cuts).map(|_| random.below(record.len())).collect();
    moments.push(record.len());
    moments.sort_unstable();
    let states: Vec<Vec<State>> = (0..PRODUCERS).map(State::all).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut disk = Disk::new(lie);
    let (mut at, mut faults) = (0, Vec::new());
    for moment in moments {
        record[at..moment].iter().for_each(|event| disk.apply(event));
        at = moment;
        let dir = work.join("after");
        disk.cut(&mut random, &dir);
        let acknowledged = disk.acknowledged();
        if let Err(what) = runtime.block_on(look(&dir, &acknowledged, &states)) {
            faults.push(format!("after {moment} events: {what}"));
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
    Seen { faults, acknowledged: disk.acknowledged().values().sum() }
}

/// Opens what a cut has left and compares it with what was acknowledged.
async fn look(dir: &Path, acknowledged: &BTreeMap<u32, usize>, states: &[Vec<State>]) -> Result<(), String> {
    let store = Store::open(dir, Options::default()).map_err(|error| format!("open: {error}"))?;
    for (producer, states) in (0..).zip(states) {
        let Some(done) = acknowledged.get(&producer) else { continue };
        let found = State::of(&store, producer).await?;
        // The change after the last acknowledged one may have been made, or not; nothing between.
        let expected = states.get(*done).into_iter().chain(states.get(done + 1));
        if !expected.into_iter().any(|state| *state == found) {
            return Err(format!("producer {producer} had {done} changes acknowledged, found {found:?}"));
        }
    }
    // It goes on working.
    store.reserve_account().await.map_err(|error| format!("write: {error}"))?;
    store.close();
    let report = check(dir, &mut |_, _| {}).map_err(|error| format!("check: {error}"))?;
    report.damage.is_empty().then_some(()).ok_or_else(|| format!("damage: {:?}", report.damage))
}

/// What a producer's folders hold: UID to (number of the change that brought the message, whether it is seen).
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    inbox: BTreeMap<u32, (u32, bool)>,
    archive: BTreeMap<u32, (u32, bool)>,
    next: (u32, u32),
}

/// One change of a producer.
#[derive(Clone, Copy, Debug)]
enum Change {
    Deliver,
    Seen(u32),
    Remove(u32),
    Move(u32),
    Copy(u32),
}

fn changes() -> u32 {
    std::env::var("GATEPOST_POWER_CHANGES").ok().and_then(|changes| changes.parse().ok()).unwrap_or(250)
}

impl State {
    /// The states before each change and after the last.
    fn all(producer: u32) -> Vec<State> {
        let mut states = vec![State { next: (1, 1), ..State::default() }];
        for number in 0..changes() {
            let mut state = states[states.len() - 1].clone();
            state.apply(number, state.change(producer, number));
            states.push(state);
        }
        states
    }

    /// The change that follows in this state: the same whenever it is asked for.
    fn change(&self, producer: u32, number: u32) -> Change {
        let mut random = Random(u64::from(producer) << 32 | u64::from(number) | 1 << 63);
        let kind = random.below(10);
        let picked = random.below(self.inbox.len().max(1));
        let picked = if kind < 8 { 0 } else { picked }; // the oldest go, so that whole segments become garbage
        match (self.inbox.keys().nth(picked), kind) {
            (Some(uid), 5) => Change::Seen(*uid),
            (Some(uid), 6 | 7) => Change::Remove(*uid),
            (Some(uid), 8) => Change::Move(*uid),
            (Some(uid), 9) => Change::Copy(*uid),
            _ => Change::Deliver,
        }
    }

    fn apply(&mut self, number: u32, change: Change) {
        match change {
            Change::Deliver => {
                self.inbox.insert(self.next.0, (number, false));
                self.next.0 += 1;
            }
            Change::Seen(uid) => self.inbox.get_mut(&uid).unwrap().1 = true,
            Change::Remove(uid) => drop(self.inbox.remove(&uid)),
            Change::Move(uid) | Change::Copy(uid) => {
                self.archive.insert(self.next.1, self.inbox[&uid]);
                self.next.1 += 1;
                if matches!(change, Change::Move(_)) {
                    self.inbox.remove(&uid);
                }
            }
        }
    }

    /// What a store holds; every message's octets are compared with what was sent.
    async fn of(store: &Store, producer: u32) -> Result<State, String> {
        let account = AccountId(u64::from(producer) + 1);
        let mut state = State::default();
        for (folder, messages, next) in
            [(INBOX, &mut state.inbox, &mut state.next.0), (ARCHIVE, &mut state.archive, &mut state.next.1)]
        {
            let listing =
                store.listing(account, folder).await.map_err(|error| format!("listing: {error}"))?;
            *next = listing.uid_next.0;
            for entry in listing.iter() {
                let bodies = store
                    .bodies(account, folder, vec![entry.uid])
                    .await
                    .map_err(|error| error.to_string())?;
                let (_, body) = bodies.found.first().ok_or("a message cannot be read")?;
                let octets = store.read(body, 0, u32::MAX).await.map_err(|error| error.to_string())?;
                let text = String::from_utf8_lossy(&octets[..octets.len().min(40)]).into_owned();
                let number = text.split([' ', '\r']).nth(2).and_then(|number| number.parse().ok());
                let number = number.ok_or_else(|| format!("strange message {text:?}"))?;
                if octets != message(producer, number) {
                    return Err(format!("message {number} of producer {producer} has other octets"));
                }
                messages.insert(entry.uid.0, (number, entry.flags.contains(Flag::Seen)));
            }
        }
        Ok(state)
    }
}

/// Mostly small, sometimes so large that it comes in through a file.
fn message(producer: u32, number: u32) -> Vec<u8> {
    let mut random = Random(u64::from(producer) << 32 | u64::from(number));
    let size = match random.below(20) {
        0 => 300_000,
        _ => 100 + random.below(6_000),
    };
    let mut octets = format!("Subject: {producer} {number} \r\n\r\n").into_bytes();
    while octets.len() < size {
        octets.extend_from_slice(&random.next().to_le_bytes());
    }
    octets
}

/// Makes the changes, and writes each into a file once it is acknowledged.
async fn child(dir: &Path) {
    let options = Options { segment_size: 1 << 18, small: 2_000, ..Options::default() };
    let store = Store::open(dir, options.clone()).unwrap();
    let mut accounts = Vec::new();
    for _ in 0..PRODUCERS {
        accounts.push(store.reserve_account().await.unwrap());
    }
    store.save(ObjectChange { create_accounts: accounts, ..ObjectChange::default() }).await.unwrap();
    let acknowledged = Arc::new(Mutex::new(std::fs::File::create(dir.join("acknowledged")).unwrap()));
    let upkeep = tokio::spawn(upkeep(store.clone()));
    let producers = |from, to| {
        let (store, acknowledged) = (store.clone(), Arc::clone(&acknowledged));
        (0..PRODUCERS).map(move |producer| {
            tokio::spawn(produce(store.clone(), producer, from..to, Arc::clone(&acknowledged)))
        })
    };
    for producer in producers(0, changes() / 2).collect::<Vec<_>>() {
        producer.await.unwrap();
    }
    upkeep.abort();
    let _ = upkeep.await;
    store.close();
    // Once more, on data that was closed in good order.
    let store = Store::open(dir, options).unwrap();
    for producer in 0..PRODUCERS {
        produce(store.clone(), producer, changes() / 2..changes(), Arc::clone(&acknowledged)).await;
    }
    store.close();
}

async fn upkeep(store: Store) {
    loop {
        store.purge_recoverable(i64::MAX).await.unwrap();
        while store.reclaim(1 << 20).await.unwrap() {}
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }
}

async fn produce(
    store: Store,
    producer: u32,
    numbers: std::ops::Range<u32>,
    acknowledged: Arc<Mutex<std::fs::File>>,
) {
    use std::io::Write;
    let account = AccountId(u64::from(producer) + 1);
    let states = State::all(producer);
    for number in numbers {
        let change = states[number as usize].change(producer, number);
        make(&store, account, producer, number, change).await.unwrap();
        acknowledged.lock().unwrap().write_all(format!("{producer}\n").as_bytes()).unwrap();
    }
}

async fn make(
    store: &Store,
    account: AccountId,
    producer: u32,
    number: u32,
    change: Change,
) -> Result<(), store::Error> {
    match change {
        Change::Deliver => {
            let mut staging = store.stage();
            for piece in message(producer, number).chunks(40_000) {
                staging.write(piece).await?;
            }
            let date = DateTime::utc(i64::from(number));
            let to = Target { account, folder: None, flags: FlagSet::NONE, keywords: Vec::new(), date };
            store.deliver(staging.finish().await?, vec![to], None).await.map(drop)
        }
        Change::Seen(uid) => {
            let how = FlagOperation::Add;
            let change =
                FlagChange { how, flags: vec![Flag::Seen], keywords: Vec::new(), unchanged_since: None };
            store.set_flags(account, INBOX, vec![Uid(uid)], change).await.map(drop)
        }
        Change::Remove(uid) => store.remove(account, INBOX, vec![Uid(uid)]).await.map(drop),
        Change::Move(uid) => {
            store.move_messages(account, INBOX, vec![Uid(uid)], ARCHIVE, Absent::Skip).await.map(drop)
        }
        Change::Copy(uid) => {
            store.copy(account, INBOX, vec![Uid(uid)], ARCHIVE, Absent::Skip).await.map(drop)
        }
    }
}

/// The file that acknowledgements are written to.
fn acknowledged_path() -> PathBuf {
    PathBuf::from("acknowledged")
}
