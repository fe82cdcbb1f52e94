//! The files of the protocol logs: `POP32026112417-1.LOG`, each with the header lines that tools know.
//!
//! A new file begins with the hour, day, week or month, or at a size. Old ones are removed where there are too many
//! octets or they are too old, each time a new one begins. All times are in UTC.

use super::Place;
use directory::{RollOver, ServiceName};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// As Exchange keeps them: so many octets of a service's files, for so long.
const ALL: u64 = 250 << 20;
const AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A file that grows by time is cut here too: what is removed is whole files.
const ONE: u64 = 25 << 20;

/// The open files.
#[derive(Default)]
pub(super) struct Files(HashMap<ServiceName, Open>);

struct Open {
    place: Arc<Place>,
    period: String,
    file: File,
    size: u64,
}

impl Files {
    /// Writes a line; what went wrong, if something did.
    pub(super) fn write(&mut self, place: &Arc<Place>, line: &str) -> Option<io::Error> {
        let result = self.open(place, Timestamp::now()).and_then(|open| {
            open.size += line.len() as u64;
            open.file.write_all(line.as_bytes())
        });
        if result.is_err() {
            self.0.remove(&place.service);
        }
        result.err()
    }

    fn open(&mut self, place: &Arc<Place>, now: Timestamp) -> io::Result<&mut Open> {
        let (service, period) = (place.service, period(place, now));
        let fits = |open: &Open| {
            *open.place == **place && open.period == period && open.size < place.quota.unwrap_or(ONE)
        };
        if !self.0.get(&service).is_some_and(fits) {
            self.0.insert(service, begin(place, period, now)?);
        }
        self.0.get_mut(&service).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// What the names of files of one time have in common.
fn period(place: &Place, now: Timestamp) -> String {
    let now = TimeZone::UTC.to_datetime(now);
    let day = |day: DateTime| format!("{:04}{:02}{:02}", day.year(), day.month(), day.day());
    match (place.quota, place.roll) {
        (Some(u64::MAX), _) => String::new(),
        (None, RollOver::Hourly) => format!("{}{:02}", day(now), now.hour()),
        (Some(_), _) | (None, RollOver::Daily) => day(now),
        (None, RollOver::Weekly) => {
            let since_monday = jiff::Span::new().days(now.weekday().to_monday_zero_offset());
            day(now.checked_sub(since_monday).unwrap_or(now))
        }
        (None, RollOver::Monthly) => format!("{:04}{:02}", now.year(), now.month()),
    }
}

fn prefix(service: ServiceName) -> &'static str {
    match service {
        ServiceName::Pop3 => "POP3",
        ServiceName::Imap4 => "IMAP4",
        ServiceName::Transport => "RECV",
        ServiceName::Web => "HTTP",
    }
}

/// Goes on with the newest file of this time that has room, or begins one.
fn begin(place: &Arc<Place>, period: String, now: Timestamp) -> io::Result<Open> {
    fs::create_dir_all(&place.dir)?;
    let stem = format!("{}{period}-", prefix(place.service));
    let number = |name: &str| name.strip_prefix(&stem)?.strip_suffix(".LOG")?.parse::<u32>().ok();
    let newest = names(place)?.iter().filter_map(|name| number(name)).max().unwrap_or(1);
    for number in newest..=newest.saturating_add(1) {
        let path = place.dir.join(format!("{stem}{number}.LOG"));
        // What clients ask for is nobody's business but the administrator's.
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        let size = file.metadata()?.len();
        if size == 0 {
            remove_old(place)?;
            file.write_all(header(place.service, now).as_bytes())?;
        }
        if size < place.quota.unwrap_or(ONE) {
            return Ok(Open { place: Arc::clone(place), period, file, size });
        }
    }
    Err(io::Error::other("there is no number left for a file"))
}

fn header(service: ServiceName, now: Timestamp) -> String {
    let (name, version) = (prefix(service), env!("CARGO_PKG_VERSION"));
    format!(
        "#Software: Gatepost\r\n#Version: {version}\r\n#Log-type: {name} Log\r\n#Date: {now:.3}\r\n#Fields: date-time,\
         connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\r\n"
    )
}

/// The names of all of the service's files.
fn names(place: &Place) -> io::Result<Vec<String>> {
    let is_ours = |name: &String| {
        let rest = name.strip_prefix(prefix(place.service)).and_then(|rest| rest.strip_suffix(".LOG"));
        rest.is_some_and(|rest| rest.bytes().all(|octet| octet.is_ascii_digit() || octet == b'-'))
    };
    let entries = fs::read_dir(&place.dir)?.flatten();
    Ok(entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(is_ours).collect())
}

fn remove_old(place: &Place) -> io::Result<()> {
    let mut all: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for name in names(place)? {
        let path = place.dir.join(name);
        let meta = path.metadata()?;
        all.push((meta.modified()?, meta.len(), path));
    }
    all.sort();
    let oldest = SystemTime::now().checked_sub(AGE).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut kept = 0_u64;
    for (modified, size, path) in all.into_iter().rev() {
        kept = kept.saturating_add(size);
        if size > 0 && (modified < oldest || kept > ALL) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// A text as a field of CSV. What would end the line or move the cursor is not written.
pub(super) fn field(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    match clean.contains([',', '"']) {
        true => format!("\"{}\"", clean.replace('"', "\"\"")),
        false => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(dir: &std::path::Path, roll: RollOver, quota: Option<u64>) -> Arc<Place> {
        Arc::new(Place { service: ServiceName::Pop3, dir: dir.to_owned(), roll, quota })
    }

    #[test]
    fn files_begin_with_time_or_size() {
        let now = "2026-11-26T17:05:00Z".parse().unwrap(); // a Thursday
        let table = [
            (RollOver::Hourly, None, "2026112617"),
            (RollOver::Daily, None, "20261126"),
            (RollOver::Weekly, None, "20261123"),
            (RollOver::Monthly, None, "202611"),
            (RollOver::Monthly, Some(1 << 20), "20261126"),
            (RollOver::Daily, Some(u64::MAX), ""),
        ];
        for (roll, quota, expected) in table {
            assert_eq!(period(&place("/x".as_ref(), roll, quota), now), expected);
        }
    }

    #[test]
    fn files_are_cut_at_their_size_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let place = place(dir.path(), RollOver::Daily, Some(1_000));
        let mut files = Files::default();
        for _ in 0..100 {
            assert!(files.write(&place, &"x".repeat(100)).is_none());
        }
        let count = names(&place).unwrap().len();
        assert!((8..=13).contains(&count), "{count}");
        // Another start goes on where this one ended.
        assert!(Files::default().write(&place, "y").is_none());
        assert!(names(&place).unwrap().len() <= count + 1);
        let huge = dir.path().join("POP319990101-1.LOG");
        File::create(&huge).unwrap().set_len(ALL).unwrap();
        File::open(&huge).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        fs::write(dir.path().join("other.LOG"), "not ours").unwrap();
        remove_old(&place).unwrap();
        assert!(!huge.exists() && dir.path().join("other.LOG").exists());
    }

    #[test]
    fn fields_cannot_be_broken_out_of() {
        let table = [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("a\r\nb\u{1b}", "a??b?"),
        ];
        for (text, expected) in table {
            assert_eq!(field(text), expected);
        }
    }
}
