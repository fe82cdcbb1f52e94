//! Message octets in append-only files.
//!
//! A segment is a header and records; a record is a head and the octets as they were received. Which records exist is
//! the index's to say: what stands behind the last indexed record was never acknowledged, and is overwritten. Order
//! of a commit: append, sync the segment, then the index transaction. A record says whose octets it holds and carries
//! their checksum, so that no reader takes others for them.

use crate::sql::io;
use crate::{Error, files};
use bytes::{Bytes, BytesMut};
use mail::BlobId;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use xxhash_rust::xxh3::xxh3_64;

/// Octets of a segment's header: what it is, the version of its form, its number.
pub(crate) const HEADER: u64 = 32;
/// Octets of a record's head.
pub(crate) const HEAD: u64 = 32;

const MAGIC: &[u8; 8] = b"GPSEGMNT";
const VERSION: u32 = 1;
const RECORD: &[u8; 4] = b"GPm1";
/// The octets stand as they were received. Other codecs may follow.
const RAW: u8 = 0;
/// Files kept open for reading.
const OPEN_FILES: usize = 128;
/// Octets gathered before they are written.
const GATHER: usize = 1 << 20;

/// Where the octets of one message are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the segment.
    pub(crate) segment: u32,
    /// Where the record's head begins.
    pub(crate) offset: u64,
    /// Octets behind the head.
    pub(crate) length: u32,
    /// xxh3-64 of the octets.
    pub(crate) checksum: u64,
}

impl Place {
    /// In place of a segment's number: the octets lie in the index.
    const INDEX: u32 = 0;

    /// The place of a small message.
    pub(crate) fn index(length: u32, checksum: u64) -> Place {
        Place { segment: Place::INDEX, offset: 0, length, checksum }
    }

    /// Whether the octets lie in the index.
    pub(crate) fn in_index(&self) -> bool {
        self.segment == Place::INDEX
    }

    /// Octets of the whole record.
    pub(crate) fn record(&self) -> u64 {
        HEAD + u64::from(self.length)
    }
}

/// Octets on their way into a segment.
#[derive(Clone)]
pub(crate) enum Octets {
    /// In memory.
    Memory(Bytes),
    /// At the beginning of a file.
    File(Arc<File>),
}

/// What a segment is kept in.
pub(crate) enum Medium {
    File(File),
    Memory(RwLock<Vec<u8>>),
}

impl Medium {
    fn read_exact_at(&self, out: &mut [u8], offset: u64) -> std::io::Result<()> {
        match self {
            Medium::File(file) => file.read_exact_at(out, offset),
            Medium::Memory(octets) => {
                let octets = octets.read().unwrap_or_else(PoisonError::into_inner);
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let part = octets.get(start..).and_then(|rest| rest.get(..out.len()));
                out.copy_from_slice(part.ok_or(std::io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }

    fn write_all_at(&self, octets: &[u8], offset: u64) -> std::io::Result<()> {
        match self {
            Medium::File(file) => file.write_all_at(octets, offset),
            Medium::Memory(memory) => {
                let mut memory = memory.write().unwrap_or_else(PoisonError::into_inner);
                memory.truncate(usize::try_from(offset).unwrap_or(usize::MAX));
                memory.extend_from_slice(octets);
                Ok(())
            }
        }
    }

    fn sync(&self) -> std::io::Result<()> {
        match self {
            Medium::File(file) => file.sync_data(),
            Medium::Memory(_) => Ok(()),
        }
    }

    fn truncate(&self, len: u64) -> std::io::Result<()> {
        match self {
            Medium::File(file) => file.set_len(len),
            Medium::Memory(memory) => {
                let mut memory = memory.write().unwrap_or_else(PoisonError::into_inner);
                memory.truncate(usize::try_from(len).unwrap_or(usize::MAX));
                Ok(())
            }
        }
    }
}

/// All segments, for reading; shared by all threads.
pub(crate) struct Segments {
    /// The directory; `None` keeps all in memory.
    dir: Option<PathBuf>,
    open: Mutex<HashMap<u32, Arc<Medium>>>,
    /// A segment that has grown beyond this is followed by a new one.
    pub(crate) full_at: AtomicU64,
    /// Octets that fit into a segment; lowered by tests of a full disk.
    pub(crate) space: AtomicU64,
}

impl Segments {
    /// The segments of this directory, which exists; or none, in memory.
    pub(crate) fn new(dir: Option<PathBuf>, size: u64) -> Segments {
        let (full_at, space) = (AtomicU64::new(size), AtomicU64::new(u64::MAX));
        Segments { dir, open: Mutex::default(), full_at, space }
    }

    fn path(&self, segment: u32) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join(format!("{segment:08}.seg")))
    }

    fn remember(&self, segment: u32, medium: Arc<Medium>) -> Arc<Medium> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if self.dir.is_some() && open.len() >= OPEN_FILES {
            let oldest = open.keys().copied().min();
            oldest.map(|oldest| open.remove(&oldest));
        }
        open.insert(segment, Arc::clone(&medium));
        medium
    }

    fn medium(&self, segment: u32) -> Result<Arc<Medium>, Error> {
        if let Some(medium) = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&segment) {
            return Ok(Arc::clone(medium));
        }
        let missing = || Error::Damaged(format!("segment {segment} is missing"));
        let path = self.path(segment).ok_or_else(missing)?;
        match File::open(&path) {
            Ok(file) => Ok(self.remember(segment, Arc::new(Medium::File(file)))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(missing()),
            Err(error) => Err(io(path.display())(error)),
        }
    }

    /// Whether the file is there; a segment that was reclaimed is not.
    pub(crate) fn exists(&self, segment: u32) -> bool {
        self.medium(segment).is_ok()
    }

    /// Some octets of a message, as many as there are from `start` on but at most `len`. Not checked against the
    /// checksum, which is of the whole.
    pub(crate) fn part(&self, place: &Place, start: u32, len: u32) -> Result<Bytes, Error> {
        let len = len.min(place.length.saturating_sub(start));
        if len == 0 {
            return Ok(Bytes::new());
        }
        let mut out = BytesMut::zeroed(len as usize);
        let at = place.offset + HEAD + u64::from(start);
        self.medium(place.segment)?.read_exact_at(&mut out, at).map_err(damage(place))?;
        Ok(out.freeze())
    }

    /// All octets of a message, checked.
    pub(crate) fn whole(&self, blob: BlobId, place: &Place) -> Result<Bytes, Error> {
        let mut out = BytesMut::zeroed(HEAD as usize + place.length as usize);
        self.medium(place.segment)?.read_exact_at(&mut out, place.offset).map_err(damage(place))?;
        let head = out.split_to(HEAD as usize);
        if head[..] != head_of(blob, place) {
            return Err(damaged(place, "the record is another"));
        }
        if xxh3_64(&out) != place.checksum {
            return Err(damaged(place, "the octets do not match their checksum"));
        }
        Ok(out.freeze())
    }

    /// Makes sure that a record is there from its head to its last octet; what lies between is not read.
    pub(crate) fn stands(&self, blob: BlobId, place: &Place) -> Result<(), Error> {
        let medium = self.medium(place.segment)?;
        let (mut head, mut last) = ([0; HEAD as usize], [0]);
        medium.read_exact_at(&mut head, place.offset).map_err(damage(place))?;
        if head != head_of(blob, place) {
            return Err(damaged(place, "the record is another"));
        }
        medium.read_exact_at(&mut last, place.offset + place.record() - 1).map_err(damage(place))
    }

    /// What can be read of a message, whether it is whole or not.
    pub(crate) fn remains(&self, place: &Place) -> Vec<u8> {
        let Ok(length) = self.length(place.segment) else { return Vec::new() };
        let there = length.saturating_sub(place.offset + HEAD).min(u64::from(place.length));
        let mut out = vec![0; usize::try_from(there).unwrap_or(0)];
        let read =
            self.medium(place.segment).map(|medium| medium.read_exact_at(&mut out, place.offset + HEAD));
        if matches!(read, Ok(Ok(()))) { out } else { Vec::new() }
    }

    /// All records of a segment that follow one another from its beginning, whatever the index knows of them.
    pub(crate) fn records(&self, segment: u32) -> Result<Vec<(BlobId, Place)>, Error> {
        let (medium, length) = (self.medium(segment)?, self.length(segment)?);
        let (mut found, mut offset) = (Vec::new(), HEADER);
        while offset + HEAD <= length {
            let mut head = [0; HEAD as usize];
            medium.read_exact_at(&mut head, offset).map_err(io(format_args!("segment {segment}")))?;
            match read_head(&head, segment, offset) {
                Some((blob, place)) if offset + place.record() <= length => {
                    found.push((blob, place));
                    offset += place.record();
                }
                _ => offset = next_record(&medium, offset + 1, length)?,
            }
        }
        Ok(found)
    }

    /// Writes a segment's header anew.
    pub(crate) fn mend(&self, segment: u32) -> Result<(), Error> {
        let Some(path) = self.path(segment) else { return Ok(()) };
        let write = || {
            let file = files::private_file(&path)?;
            file.write_all_at(&header_of(segment), 0)?;
            file.sync_all()
        };
        write().map_err(io(path.display()))
    }

    /// Removes a segment's file; nothing may refer to it any more.
    pub(crate) fn remove(&self, segment: u32) -> Result<(), Error> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&segment);
        let Some(path) = self.path(segment) else { return Ok(()) };
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(path.display())(error)),
            _ => Ok(()),
        }
    }

    /// Octets in the segment's file.
    pub(crate) fn length(&self, segment: u32) -> Result<u64, Error> {
        match &*self.medium(segment)? {
            Medium::File(file) => {
                file.metadata().map(|meta| meta.len()).map_err(io(format_args!("segment {segment}")))
            }
            Medium::Memory(octets) => Ok(octets.read().unwrap_or_else(PoisonError::into_inner).len() as u64),
        }
    }

    /// The first number from this one on under which nothing lies. What a crash left there may be all that is left of a
    /// message, so it is not written over.
    fn unused(&self, from: u32) -> Result<u32, Error> {
        let mut number = from;
        while let Some(path) = self.path(number)
            && path.metadata().is_ok_and(|meta| meta.len() > HEADER)
        {
            number = number
                .checked_add(1)
                .ok_or_else(|| Error::Damaged("segments: all numbers are used".into()))?;
        }
        Ok(number)
    }

    /// Begins a new segment: header written, and file and name synced.
    fn create(&self, segment: u32) -> Result<Arc<Medium>, Error> {
        let medium = match self.path(segment) {
            Some(path) => Medium::File(files::private_file(&path).map_err(io(path.display()))?),
            None => Medium::Memory(RwLock::default()),
        };
        let what = || format!("segment {segment}");
        medium.truncate(0).map_err(io(what()))?;
        medium.write_all_at(&header_of(segment), 0).map_err(io(what()))?;
        medium.sync().map_err(io(what()))?;
        if let Some(dir) = &self.dir {
            files::sync_dir(dir)?;
        }
        Ok(self.remember(segment, Arc::new(medium)))
    }

    /// Opens a segment for writing on, after making sure that it is one that this program understands.
    fn reopen(&self, segment: u32) -> Result<Arc<Medium>, Error> {
        let Some(path) = self.path(segment) else { return self.medium(segment) };
        if !path.exists() {
            return Err(Error::Damaged(format!("segment {segment} is missing")));
        }
        let file = files::private_file(&path).map_err(io(path.display()))?;
        let medium = Arc::new(Medium::File(file));
        check_header(segment, &medium)?;
        Ok(self.remember(segment, medium))
    }

    /// Reads a segment's header.
    pub(crate) fn check(&self, segment: u32) -> Result<(), Error> {
        check_header(segment, &*self.medium(segment)?)
    }
}

fn header_of(segment: u32) -> [u8; HEADER as usize] {
    let fields: [&[u8]; 3] = [MAGIC, &VERSION.to_le_bytes(), &segment.to_le_bytes()];
    let mut header = [0; HEADER as usize];
    for (to, from) in header.iter_mut().zip(fields.into_iter().flatten()) {
        *to = *from;
    }
    header
}

/// Behind damage: where something begins that looks like a record, or the end.
fn next_record(medium: &Medium, mut offset: u64, length: u64) -> Result<u64, Error> {
    let mut room = vec![0; GATHER];
    while offset < length {
        let there = (length - offset).min(GATHER as u64) as usize;
        let part = room.get_mut(..there).unwrap_or_default();
        medium.read_exact_at(part, offset).map_err(io("reading a damaged segment"))?;
        if let Some(at) = part.windows(RECORD.len()).position(|octets| octets == RECORD) {
            return Ok(offset + at as u64);
        }
        offset += (there - there.min(RECORD.len() - 1)).max(1) as u64;
    }
    Ok(length)
}

/// What a record's head says, if it is one.
fn read_head(head: &[u8; HEAD as usize], segment: u32, offset: u64) -> Option<(BlobId, Place)> {
    let (start, rest) = head.split_first_chunk::<8>()?;
    let (blob, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let checksum = u64::from_le_bytes(*rest.first_chunk::<8>()?);
    let (magic, codec) = start.split_at(4);
    let place = Place { segment, offset, length: u32::from_le_bytes(*length), checksum };
    (magic == RECORD && codec == [RAW, 0, 0, 0]).then_some((BlobId(u64::from_le_bytes(*blob)), place))
}

fn check_header(segment: u32, medium: &Medium) -> Result<(), Error> {
    let mut header = [0; 16];
    let what = |why: &str| Error::Damaged(format!("segment {segment}: {why}"));
    medium.read_exact_at(&mut header, 0).map_err(|_| what("it has no header"))?;
    let [magic @ .., v0, v1, v2, v3, n0, n1, n2, n3] = header;
    match (&magic == MAGIC, u32::from_le_bytes([v0, v1, v2, v3]), u32::from_le_bytes([n0, n1, n2, n3])) {
        (true, VERSION, number) if number == segment => Ok(()),
        (true, found, _) if found > VERSION => Err(Error::TooNew { found, known: VERSION }),
        (true, _, _) => Err(what("its header names another segment")),
        _ => Err(what("it is not a segment")),
    }
}

/// The head of the record that is at this place.
fn head_of(blob: BlobId, place: &Place) -> [u8; HEAD as usize] {
    let fields: [&[u8]; 6] = [
        RECORD,
        &[RAW, 0, 0, 0],
        &blob.0.to_le_bytes(),
        &place.length.to_le_bytes(), // as received
        &place.length.to_le_bytes(), // as kept; another codec has other octets
        &place.checksum.to_le_bytes(),
    ];
    let mut head = [0; HEAD as usize];
    for (to, from) in head.iter_mut().zip(fields.into_iter().flatten()) {
        *to = *from;
    }
    head
}

fn damaged(place: &Place, why: impl std::fmt::Display) -> Error {
    Error::Damaged(format!("segment {} at octet {}: {why}", place.segment, place.offset))
}

fn damage(place: &Place) -> impl FnOnce(std::io::Error) -> Error {
    move |error| damaged(place, error)
}

/// The end of the newest segment, where the writer appends. Only what was [`Appender::keep`]t counts.
pub(crate) struct Appender {
    segments: Arc<Segments>,
    segment: u32,
    medium: Option<Arc<Medium>>,
    /// Up to here the index knows the segment.
    kept: u64,
    /// Of these, octets that the index was not yet told are garbage.
    skipped: u64,
    /// Up to here octets were written or gathered.
    end: u64,
    gathered: Vec<u8>,
}

impl Appender {
    /// Continues the newest segment, of which the index knows `kept` octets; or begins the first one, when needed.
    pub(crate) fn new(segments: Arc<Segments>, newest: Option<(u32, u64)>) -> Result<Appender, Error> {
        let (segment, kept) = newest.unwrap_or((0, 0));
        let medium = newest.map(|(segment, _)| segments.reopen(segment)).transpose()?;
        Ok(Appender { segments, segment, medium, kept, skipped: 0, end: kept, gathered: Vec::new() })
    }

    /// The segment appended to, and its octets with those not yet kept.
    pub(crate) fn end(&self) -> (u32, u64) {
        (self.segment, self.end)
    }

    /// Whether something was appended that is not yet kept.
    pub(crate) fn has_grown(&self) -> bool {
        self.end > self.kept
    }

    fn ready(&mut self) -> Result<Arc<Medium>, Error> {
        match &self.medium {
            Some(medium) if self.has_grown() || self.kept < self.segments.full_at.load(Ordering::Relaxed) => {
                Ok(Arc::clone(medium))
            }
            _ => {
                let next = self.segments.unused(self.segment + 1)?;
                let medium = self.segments.create(next)?;
                self.medium = Some(Arc::clone(&medium));
                (self.segment, self.kept, self.end, self.skipped) = (next, HEADER, HEADER, 0);
                Ok(medium)
            }
        }
    }

    /// Puts a message's octets behind all others. They are not yet durable.
    pub(crate) fn append(
        &mut self,
        blob: BlobId,
        octets: &Octets,
        length: u32,
        checksum: u64,
    ) -> Result<Place, Error> {
        let medium = self.ready()?;
        let place = Place { segment: self.segment, offset: self.end, length, checksum };
        if self.segments.space.load(Ordering::Relaxed) < self.end + place.record() {
            return Err(Error::Full);
        }
        self.gathered.extend_from_slice(&head_of(blob, &place));
        self.end += HEAD;
        match octets {
            Octets::Memory(octets) => {
                self.gathered.extend_from_slice(octets);
                self.end += octets.len() as u64;
            }
            Octets::File(file) => self.append_file(&medium, file, length)?,
        }
        if self.gathered.len() >= GATHER {
            self.flush(&medium)?;
        }
        Ok(place)
    }

    fn append_file(&mut self, medium: &Medium, file: &File, length: u32) -> Result<(), Error> {
        let mut done = 0_u64;
        while done < u64::from(length) {
            let piece = (u64::from(length) - done).min(GATHER as u64);
            let start = self.gathered.len();
            self.gathered.resize(start + piece as usize, 0);
            let room = self.gathered.get_mut(start..).unwrap_or_default();
            file.read_exact_at(room, done).map_err(io("reading a message on its way in"))?;
            done += piece;
            self.end += piece;
            if self.gathered.len() >= GATHER {
                self.flush(medium)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, medium: &Medium) -> Result<(), Error> {
        let start = self.end - self.gathered.len() as u64;
        let result = medium.write_all_at(&self.gathered, start);
        self.gathered.clear();
        self.gathered.shrink_to(2 * GATHER);
        result.map_err(io(format_args!("segment {}", self.segment)))
    }

    /// Makes all that was appended durable.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        let Some(medium) = self.medium.clone().filter(|_| self.end > self.kept) else { return Ok(()) };
        self.flush(&medium)?;
        medium.sync().map_err(io(format_args!("segment {}", self.segment)))
    }

    /// The index has committed what was appended.
    pub(crate) fn keep(&mut self) {
        if self.has_grown() {
            self.skipped = 0;
        }
        self.kept = self.end;
    }

    /// It is unknown whether the index has: the octets are garbage, but nothing is written over them.
    pub(crate) fn skip(&mut self) {
        self.skipped += self.end - self.kept;
        self.kept = self.end;
    }

    /// Octets behind the index's end that were [`Appender::skip`]ped.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The index has not: the octets are garbage, and their space is given back.
    pub(crate) fn forget(&mut self) {
        self.gathered.clear();
        self.end = self.kept;
        if let Some(medium) = &self.medium {
            // Should it fail, the next append overwrites them all the same.
            let _ = medium.truncate(self.kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL_AT: u64 = 256 << 20;

    fn appender(segments: &Arc<Segments>, newest: Option<(u32, u64)>) -> Appender {
        Appender::new(Arc::clone(segments), newest).unwrap()
    }

    fn put(appender: &mut Appender, blob: u64, octets: &'static [u8]) -> Place {
        let length = u32::try_from(octets.len()).unwrap();
        let octets = Octets::Memory(Bytes::from_static(octets));
        let checksum = match &octets {
            Octets::Memory(octets) => xxh3_64(octets),
            Octets::File(_) => 0,
        };
        appender.append(BlobId(blob), &octets, length, checksum).unwrap()
    }

    fn on_both(test: impl Fn(Arc<Segments>)) {
        test(Arc::new(Segments::new(None, FULL_AT)));
        let dir = tempfile::tempdir().unwrap();
        test(Arc::new(Segments::new(Some(dir.path().to_owned()), FULL_AT)));
    }

    #[test]
    fn records_are_found_again_and_checked() {
        on_both(|segments| {
            let mut end = appender(&segments, None);
            let one = put(&mut end, 1, b"first");
            let two = put(&mut end, 2, b"");
            let three = put(&mut end, 3, b"third");
            end.sync().unwrap();
            end.keep();
            assert_eq!(&segments.whole(BlobId(1), &one).unwrap()[..], b"first");
            assert_eq!(&segments.whole(BlobId(2), &two).unwrap()[..], b"");
            assert_eq!(&segments.part(&three, 1, 3).unwrap()[..], b"hir");
            assert_eq!(&segments.part(&three, 4, 30).unwrap()[..], b"d");
            assert!(segments.part(&three, 9, 1).unwrap().is_empty());
            assert!(matches!(segments.whole(BlobId(2), &one), Err(Error::Damaged(_))));
            let wrong = Place { checksum: 7, ..one };
            assert!(matches!(segments.whole(BlobId(1), &wrong), Err(Error::Damaged(_))));
            assert_eq!(segments.length(1).unwrap(), HEADER + 3 * HEAD + 10);
            segments.check(1).unwrap();
        });
    }

    #[test]
    fn forgotten_octets_are_overwritten() {
        on_both(|segments| {
            let mut end = appender(&segments, None);
            let kept = put(&mut end, 1, b"kept");
            end.sync().unwrap();
            end.keep();
            put(&mut end, 2, b"never committed");
            end.sync().unwrap();
            end.forget();
            let next = put(&mut end, 3, b"next");
            end.sync().unwrap();
            assert_eq!(next.offset, kept.offset + kept.record());
            assert_eq!(&segments.whole(BlobId(1), &kept).unwrap()[..], b"kept");
            assert_eq!(&segments.whole(BlobId(3), &next).unwrap()[..], b"next");
        });
    }

    #[test]
    fn full_segments_are_followed_by_new_ones() {
        on_both(|segments| {
            let mut end = appender(&segments, None);
            segments.full_at.store(50, Ordering::Relaxed);
            let first = put(&mut end, 1, b"a");
            let same_group = put(&mut end, 2, b"b");
            end.sync().unwrap();
            end.keep();
            let second = put(&mut end, 3, b"c");
            end.sync().unwrap();
            end.keep();
            assert_eq!((first.segment, same_group.segment, second.segment), (1, 1, 2));
            segments.full_at.store(FULL_AT, Ordering::Relaxed);
            let mut again = appender(&segments, Some(end.end()));
            let third = put(&mut again, 4, b"d");
            again.sync().unwrap();
            assert_eq!((third.segment, third.offset), (2, second.offset + second.record()));
            segments.remove(1).unwrap();
            assert!(!segments.exists(1) && segments.exists(2));
        });
    }

    #[test]
    fn large_files_pass_in_pieces() {
        let dir = tempfile::tempdir().unwrap();
        let file = files::scratch(dir.path(), 1).unwrap();
        let octets: Vec<u8> = (0..GATHER * 2 + 77).map(|n| (n % 251) as u8).collect();
        file.write_all_at(&octets, 0).unwrap();
        on_both(|segments| {
            let mut end = appender(&segments, None);
            put(&mut end, 1, b"before");
            let source = Octets::File(Arc::new(file.try_clone().unwrap()));
            let length = u32::try_from(octets.len()).unwrap();
            let place = end.append(BlobId(2), &source, length, xxh3_64(&octets)).unwrap();
            let after = put(&mut end, 3, b"after");
            end.sync().unwrap();
            assert_eq!(segments.whole(BlobId(2), &place).unwrap(), octets);
            assert_eq!(&segments.whole(BlobId(3), &after).unwrap()[..], b"after");
        });
    }

    #[test]
    fn strange_files_are_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        for (content, newer) in [
            (&b"GPSEGMNT\x02\0\0\0\x01\0\0\0"[..], true),
            (&b"GPSEGMNT\x01\0\0\0\x07\0\0\0"[..], false),
            (&b"not a segment at all"[..], false),
            (&b""[..], false),
        ] {
            std::fs::write(dir.path().join("00000001.seg"), content).unwrap();
            let segments = Arc::new(Segments::new(Some(dir.path().to_owned()), FULL_AT));
            match Appender::new(segments, Some((1, 32))).err().unwrap() {
                Error::TooNew { found: 2, known: 1 } => assert!(newer),
                Error::Damaged(_) => assert!(!newer),
                other => panic!("{other:?}"),
            }
        }
    }
}
