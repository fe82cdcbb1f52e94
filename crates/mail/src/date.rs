//! A moment with the zone it was written in, as mail keeps it, and the forms it is written in: RFC 5322 §3.3 for
//! header fields, `date-time` and `date` of RFC 9051 §9 for IMAP.
//!
//! Reading header fields is lenient (mail-parser does it); reading what a client sends is strict. There is no clock
//! here.

use crate::lex::{Kind, Lexer};
use serde::{Deserialize, Serialize};

const DAY: i64 = 86_400;
/// The seconds of the years 0 to 9999, all that four digits show.
const SHOWN: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;
/// Minutes of the zone farthest from UTC that four digits show.
const FARTHEST: i16 = 1439;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Seconds since 1970-01-01T00:00:00Z, and the offset from UTC in minutes that it is shown with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DateTime {
    /// Seconds since the epoch.
    pub seconds: i64,
    /// Minutes east of UTC, from -1439 to 1439.
    pub offset: i16,
}

/// A day of the calendar, counted from 1970-01-01. IMAP's searches compare these and disregard time and zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    /// The day in IMAP's `date`, `1-Feb-1994`, without quotes.
    pub fn from_imap(text: &str) -> Option<Day> {
        let mut parts = text.split('-');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        let good = parts.next().is_none() && (1..=2).contains(&day.len()) && year.len() == 4;
        if good { Day::from_civil(number(year)?, month_number(month)?, number(day)?) } else { None }
    }

    /// The day with this year, month and day of the month, if the calendar has it.
    fn from_civil(year: i64, month: i64, day: i64) -> Option<Day> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=length).contains(&day) {
            return None;
        }
        // Years begin in March here, so that the leap day is the last of its year.
        let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        Some(Day(year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468))
    }

    /// Year, month and day of the month.
    fn civil(self) -> (i64, i64, i64) {
        let days = self.0 + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let year = era * 400 + year_of_era;
        if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
    }
}

impl DateTime {
    /// This moment in UTC.
    pub fn utc(seconds: i64) -> DateTime {
        DateTime { seconds, offset: 0 }
    }

    /// The moment in a `Date` field or the like, with obsolete zones and missing weekdays forgiven.
    pub fn from_rfc5322(text: &[u8]) -> Option<DateTime> {
        let text = with_seconds(&without_comments(text));
        let mut read = mail_parser::DateTime::parse_rfc822(&format!("{text}\n"))?;
        // A leap second is a moment too.
        read.second = read.second.min(59);
        if !read.is_valid() {
            return None;
        }
        let minutes = i16::from(read.tz_hour) * 60 + i16::from(read.tz_minute);
        let offset = if read.tz_before_gmt { -minutes } else { minutes };
        Day::from_civil(read.year.into(), read.month.into(), read.day.into())?;
        Some(DateTime { seconds: read.to_timestamp(), offset })
    }

    /// As `Date` and trace fields carry it: `Wed, 17 Jul 1996 02:44:25 -0700`.
    pub fn to_rfc5322(self) -> String {
        let Shown { year, month, day, time, zone } = self.shown();
        let weekday =
            WEEKDAYS.get(usize::try_from(self.day().0.rem_euclid(7)).unwrap_or(0)).unwrap_or(&"Thu");
        format!("{weekday}, {day} {month} {year:04} {time} {zone}")
    }

    /// The moment in IMAP's `date-time`, `17-Jul-1996 02:44:25 -0700`, without quotes.
    pub fn from_imap(text: &str) -> Option<DateTime> {
        let text = text.strip_prefix(' ').unwrap_or(text);
        let mut parts = text.split(' ');
        let (date, time, zone) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let offset = zone_minutes(zone)?;
        let seconds = Day::from_imap(date)?.0 * DAY + seconds_of_day(time)? - i64::from(offset) * 60;
        // At its ends the calendar has moments that are not shown as they were read.
        SHOWN.contains(&seconds).then_some(DateTime { seconds, offset })
    }

    /// As INTERNALDATE shows it: `17-Jul-1996 02:44:25 -0700`, two characters for the day, without quotes.
    pub fn to_imap(self) -> String {
        let Shown { year, month, day, time, zone } = self.shown();
        format!("{day:2}-{month}-{year:04} {time} {zone}")
    }

    /// The moment in UTC for names of files, which sort by it: `1996-07-17T09-44-25Z`.
    pub fn to_name(self) -> String {
        let utc = DateTime::utc(self.seconds);
        let (year, month, day) = utc.day().civil();
        let time = utc.shown().time.replace(':', "-");
        format!("{year:04}-{month:02}-{day:02}T{time}Z")
    }

    /// The day it is in its own zone.
    pub fn day(self) -> Day {
        Day(self.local().div_euclid(DAY))
    }

    // A value from a damaged file must not overflow, and is shown in the same form.
    fn local(self) -> i64 {
        let shown = |seconds: i64| seconds.clamp(*SHOWN.start(), *SHOWN.end());
        shown(shown(self.seconds) + i64::from(self.zone()) * 60)
    }

    fn zone(self) -> i16 {
        self.offset.clamp(-FARTHEST, FARTHEST)
    }

    fn shown(self) -> Shown {
        let (year, month, day) = self.day().civil();
        let second = self.local().rem_euclid(DAY);
        let month = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).unwrap_or(&"Jan");
        let time = format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.zone().unsigned_abs();
        Shown { year, month, day, time, zone: format!("{sign}{:02}{:02}", minutes / 60, minutes % 60) }
    }
}

/// The pieces that the forms put in different orders.
struct Shown {
    year: i64,
    month: &'static str,
    day: i64,
    time: String,
    zone: String,
}

fn number(text: &str) -> Option<i64> {
    if text.bytes().all(|c| c.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn month_number(name: &str) -> Option<i64> {
    let at = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
    i64::try_from(at + 1).ok()
}

/// RFC 5322 §4.3 lets comments and space stand nearly everywhere; mail-parser takes them at word ends only.
fn without_comments(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut glue = true;
    for token in Lexer::new(text, b":,") {
        match token.kind {
            Kind::Atom(word) => {
                if !std::mem::take(&mut glue) {
                    out.push(' ');
                }
                out.push_str(&String::from_utf8_lossy(word));
            }
            Kind::Special(b':') => {
                out.push(':');
                glue = true;
            }
            _ => {}
        }
    }
    out
}

/// RFC 5322 §3.3 lets the seconds be missing; mail-parser does not.
fn with_seconds(text: &str) -> String {
    match text.split_once(':') {
        Some((hour, rest)) if !rest.contains(':') => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (minute, rest) = rest.split_at_checked(digits).unwrap_or_default();
            format!("{hour}:{minute}:00{rest}")
        }
        _ => text.to_owned(),
    }
}

/// The second of the day in `02:44:25`. There is no 60: a leap second cannot be shown as it was given.
fn seconds_of_day(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let mut next = |max: i64| {
        let part = parts.next().filter(|part| part.len() == 2)?;
        number(part).filter(|n| *n <= max)
    };
    let (hour, minute, second) = (next(23)?, next(59)?, next(59)?);
    if parts.next().is_some() { None } else { Some(hour * 3_600 + minute * 60 + second) }
}

fn zone_minutes(text: &str) -> Option<i16> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+')?),
    };
    let number = number(digits).filter(|n| digits.len() == 4 && *n <= 2_359 && n % 100 < 60)?;
    i16::try_from(sign * (number / 100 * 60 + number % 100)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_files_sort_by_the_moment() {
        let zoned = DateTime { seconds: 837_596_665, offset: -420 };
        assert_eq!(zoned.to_name(), "1996-07-17T09-44-25Z");
        assert!(DateTime::utc(999_999_999).to_name() < DateTime::utc(1_000_000_000).to_name());
    }

    #[test]
    fn imap_forms() {
        let table = [
            ("17-Jul-1996 02:44:25 -0700", Some((837_596_665, -420))),
            (" 1-Jan-1970 00:00:00 +0000", Some((0, 0))),
            ("01-jan-1970 01:00:00 +0100", Some((0, 60))),
            ("29-Feb-2000 23:59:59 +0000", Some((951_868_799, 0))),
            ("29-Feb-2000 23:59:60 +0000", None),
            ("31-Dec-2016 15:59:60 -0800", None),
            ("29-Feb-1900 00:00:00 +0000", None),
            ("31-Apr-2024 00:00:00 +0000", None),
            ("0-Apr-2024 00:00:00 +0000", None),
            ("1-Apr-24 00:00:00 +0000", None),
            ("1-Apr-2024 24:00:00 +0000", None),
            ("1-Apr-2024 0:00:00 +0000", None),
            ("1-Apr-2024 00:00:00 0000", None),
            ("1-Apr-2024 00:00:00 +2400", None),
            ("1-Apr-2024 00:00:00 +0060", None),
            ("1-Apr-2024 00:00:00", None),
            ("1-Apr-2024 00:00:00 +0000 x", None),
            ("+1-Apr-2024 00:00:00 +0000", None),
            ("31-Dec-9999 23:59:59 +0000", Some((253_402_300_799, 0))),
            ("31-Dec-9999 16:59:59 -0700", Some((253_402_300_799, -420))),
            ("31-Dec-9999 17:00:00 -0700", None),
            (" 1-Jan-0000 01:00:00 +0100", Some((-62_167_219_200, 60))),
            (" 1-Jan-0000 00:59:59 +0100", None),
            ("", None),
        ];
        for (text, expected) in table {
            let got = DateTime::from_imap(text).map(|date| (date.seconds, date.offset));
            assert_eq!(got, expected, "{text}");
        }
        assert_eq!(DateTime { seconds: 837_596_665, offset: -420 }.to_imap(), "17-Jul-1996 02:44:25 -0700");
        assert_eq!(DateTime::utc(0).to_imap(), " 1-Jan-1970 00:00:00 +0000");
        assert_eq!(Day::from_imap("1-Feb-1994"), Some(Day(8_797)));
        assert_eq!(Day::from_imap("1-Feb-1994-"), None);
    }

    #[test]
    fn header_forms() {
        let table = [
            ("Wed, 17 Jul 1996 02:44:25 -0700", Some((837_596_665, -420))),
            ("Wed,17 Jul 1996 02:44:25 -0700 (PDT)", Some((837_596_665, -420))),
            ("17 Jul 96 02:44:25 PDT", Some((837_596_665, -420))),
            ("17 Jul 1996 09:44 GMT", Some((837_596_640, 0))),
            ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", Some((880_127_706, -360))),
            ("30 Jun 2012 23:59:60 +0000", Some((1_341_100_799, 0))),
            ("Wed, 31 Feb 1996 02:44:25 -0700", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in table {
            let got = DateTime::from_rfc5322(text.as_bytes()).map(|date| (date.seconds, date.offset));
            assert_eq!(got, expected, "{text}");
        }
        let date = DateTime { seconds: 837_596_665, offset: -420 };
        assert_eq!(date.to_rfc5322(), "Wed, 17 Jul 1996 02:44:25 -0700");
        assert_eq!(date.day(), Day(9_694));
    }

    proptest! {
        #[test]
        fn forms_are_inverse(seconds in -2_208_988_800_i64..32_503_680_000, offset in -1439_i16..=1439) {
            let date = DateTime { seconds, offset };
            prop_assert_eq!(DateTime::from_imap(&date.to_imap()), Some(date));
            if (1901..2999).contains(&date.day().civil().0) {
                prop_assert_eq!(DateTime::from_rfc5322(date.to_rfc5322().as_bytes()), Some(date));
            }
        }

        #[test]
        fn days_are_consecutive(day in -800_000_i64..3_000_000) {
            let (year, month, of_month) = Day(day).civil();
            prop_assert_eq!(Day::from_civil(year, month, of_month), Some(Day(day)));
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,60}", octets in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = (DateTime::from_imap(&text), Day::from_imap(&text));
            let _ = (DateTime::from_rfc5322(text.as_bytes()), DateTime::from_rfc5322(&octets));
        }

        #[test]
        fn no_moment_is_too_odd(seconds in any::<i64>(), offset in any::<i16>()) {
            let moment = DateTime { seconds, offset };
            let _ = moment.to_rfc5322();
            prop_assert_eq!(moment.to_imap().len(), "17-Jul-1996 02:44:25 -0700".len());
        }
    }
}
