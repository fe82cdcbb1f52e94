//! A record of what a process did to its files, and a disk that it is played back on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Small, repeatable, good enough (xorshift64*).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = (self.0 | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (self.0 >> 29);
        self.0 ^= self.0 >> 31;
        self.0.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ (self.0 >> 32)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}

/// Something a process did.
pub struct Event {
    path: PathBuf,
    what: What,
}

enum What {
    Created,
    Written(u64, Vec<u8>),
    Cut(u64),
    SyncBegun(u32),
    SyncDone(u32),
    Renamed(PathBuf),
    Removed,
}

/// Reads a record; paths in it become relative to `root`.
pub fn read(file: &Path, root: &Path) -> Vec<Event> {
    let octets = std::fs::read(file).unwrap();
    let mut rest = &octets[..];
    let mut take = |length: usize| {
        let (taken, left) = rest.split_at(length);
        rest = left;
        (taken, left.is_empty())
    };
    let mut events = Vec::new();
    loop {
        let kind = take(1).0[0];
        let number = u32::from_le_bytes(take(4).0.try_into().unwrap());
        let offset = u64::from_le_bytes(take(8).0.try_into().unwrap());
        let path_length = u32::from_le_bytes(take(4).0.try_into().unwrap());
        let data_length = u32::from_le_bytes(take(4).0.try_into().unwrap());
        let relative = |octets: &[u8]| {
            let path = PathBuf::from(String::from_utf8(octets.to_vec()).unwrap());
            path.strip_prefix(root).unwrap().to_owned()
        };
        let path = relative(take(path_length as usize).0);
        let (data, end) = take(data_length as usize);
        let what = match kind {
            b'O' => What::Created,
            b'W' => What::Written(offset, data.to_vec()),
            b'T' => What::Cut(offset),
            b'B' => What::SyncBegun(number),
            b'E' => What::SyncDone(number),
            b'R' => What::Renamed(relative(data)),
            b'U' => What::Removed,
            other => panic!("unknown kind {other}"),
        };
        if path.extension().is_none_or(|extension| extension != "db-shm") {
            events.push(Event { path, what });
        }
        if end {
            return events;
        }
    }
}

/// How often the database file was synced, and how many segments were removed.
pub fn rare(events: &[Event]) -> (usize, usize) {
    let is = |event: &&Event, extension| event.path.extension().is_some_and(|found| found == extension);
    let synced = events.iter().filter(|event| is(event, "db") && matches!(event.what, What::SyncDone(_)));
    let removed = events.iter().filter(|event| is(event, "seg") && matches!(event.what, What::Removed));
    (synced.count(), removed.count())
}

/// Which syncs a disk only pretends to make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lie {
    None,
    /// Those of the index's log.
    Log,
    /// Those of segments.
    Segments,
}

impl Lie {
    fn concerns(self, path: &Path) -> bool {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match self {
            Lie::None => false,
            Lie::Log => extension == Some("db-wal"),
            Lie::Segments => extension == Some("seg"),
        }
    }
}

#[derive(Clone, Default)]
struct File {
    durable: Vec<u8>,
    /// Writes (`Some`) and cuts that no sync has covered, with the time of each.
    pending: Vec<(usize, u64, Option<Vec<u8>>)>,
    created: usize,
    name_durable: bool,
    /// The name it had before one that is not yet durable.
    was: Option<PathBuf>,
}

/// Files, what of them is durable and what is not.
pub struct Disk {
    lie: Lie,
    time: usize,
    files: BTreeMap<PathBuf, File>,
    /// Removed, but not yet durably so.
    removed: Vec<(usize, PathBuf, File)>,
    syncs: BTreeMap<u32, usize>,
    acknowledged: Vec<u8>,
}

impl Disk {
    pub fn new(lie: Lie) -> Disk {
        let (files, syncs) = (BTreeMap::new(), BTreeMap::new());
        Disk { lie, time: 0, files, removed: Vec::new(), syncs, acknowledged: Vec::new() }
    }

    /// Changes acknowledged to each producer.
    pub fn acknowledged(&self) -> BTreeMap<u32, usize> {
        let mut counts = BTreeMap::new();
        for line in String::from_utf8_lossy(&self.acknowledged).lines() {
            *counts.entry(line.parse().unwrap()).or_default() += 1;
        }
        counts
    }

    pub fn apply(&mut self, event: &Event) {
        self.time += 1;
        let path = &event.path;
        if path == &super::acknowledged_path() {
            if let What::Written(_, data) = &event.what {
                self.acknowledged.extend_from_slice(data);
            }
            return;
        }
        match &event.what {
            What::Created => {
                let file = File { created: self.time, ..File::default() };
                self.files.insert(path.clone(), file);
            }
            What::Written(at, data) => self.pend(path, *at, Some(data.clone())),
            What::Cut(length) => self.pend(path, *length, None),
            What::SyncBegun(number) => drop(self.syncs.insert(*number, self.time)),
            What::SyncDone(number) => self.synced(path, self.syncs[number]),
            What::Renamed(to) => {
                let mut file = self.files.remove(path).unwrap();
                (file.was, file.name_durable, file.created) = (Some(path.clone()), false, self.time);
                self.files.insert(to.clone(), file);
            }
            What::Removed => {
                if let Some(file) = self.files.remove(path) {
                    self.removed.push((self.time, path.clone(), file));
                }
            }
        }
    }

    /// A file without a name has nothing that outlives the process.
    fn pend(&mut self, path: &Path, at: u64, data: Option<Vec<u8>>) {
        if let Some(file) = self.files.get_mut(path) {
            file.pending.push((self.time, at, data));
        }
    }

    /// A sync that began at `since` has returned.
    fn synced(&mut self, path: &Path, since: usize) {
        if self.lie.concerns(path) {
            return;
        }
        if let Some(file) = self.files.get_mut(path) {
            let later = file.pending.partition_point(|(time, ..)| *time <= since);
            for (_, at, data) in file.pending.drain(..later) {
                write(&mut file.durable, at, data.as_deref());
            }
            return;
        }
        for (name, file) in &mut self.files {
            file.name_durable |= name.parent() == Some(path) && file.created <= since;
        }
        self.removed.retain(|(time, name, _)| name.parent() != Some(path) || *time > since);
    }

    /// Writes into `dir` what a loss of power now could leave.
    pub fn cut(&self, random: &mut Random, dir: &Path) {
        std::fs::create_dir_all(dir.join("segments")).unwrap();
        for (name, file) in &self.files {
            let name = match (&file.was, file.name_durable) {
                (Some(old), false) if random.below(2) == 0 => old,
                (None, false) if random.below(2) == 0 => continue,
                _ => name,
            };
            put(dir, name, &file.survivor(random));
        }
        for (_, name, file) in &self.removed {
            if random.below(2) == 0 {
                put(dir, name, &file.survivor(random));
            }
        }
    }
}

fn put(dir: &Path, name: &Path, octets: &[u8]) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, octets).unwrap();
}

fn write(file: &mut Vec<u8>, at: u64, data: Option<&[u8]>) {
    let at = usize::try_from(at).unwrap();
    let Some(data) = data else { return file.resize(at, 0) };
    file.resize(file.len().max(at + data.len()), 0);
    file[at..at + data.len()].copy_from_slice(data);
}

impl File {
    /// What is durable and some of the rest: nothing, all, what was written first, or single sectors.
    fn survivor(&self, random: &mut Random) -> Vec<u8> {
        const SECTOR: usize = 512;
        let mut octets = self.durable.clone();
        let kind = random.below(4);
        let first = random.below(self.pending.len() + 1);
        for (number, (_, at, data)) in self.pending.iter().enumerate() {
            match (kind, data) {
                (0, _) => {}
                (1, data) => write(&mut octets, *at, data.as_deref()),
                (2, data) if number < first => write(&mut octets, *at, data.as_deref()),
                (2, _) => {}
                (_, Some(data)) => {
                    for (sector, part) in data.chunks(SECTOR).enumerate() {
                        if random.below(2) == 0 {
                            write(&mut octets, at + (sector * SECTOR) as u64, Some(part));
                        }
                    }
                }
                (_, None) => {
                    if random.below(2) == 0 {
                        write(&mut octets, *at, None);
                    }
                }
            }
        }
        octets
    }
}
