//! Values of parameters as administrators write and read them: sizes, time spans, limits, bindings, connection settings.
//!
//! Each type has one parser (`FromStr`) and one printed form (`Display`), which the parser accepts again. A text that is
//! no value gives a [`BadValue`] that says what would be one.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// A text that is no value of its type, with the legal forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// What was given.
    pub given: String,
    /// What is legal, in words.
    pub legal: String,
}

impl BadValue {
    /// `given` is not one of `legal`.
    pub fn new(given: &str, legal: impl Into<String>) -> BadValue {
        BadValue { given: given.to_owned(), legal: legal.into() }
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not valid; legal: {}", self.given, self.legal)
    }
}

impl std::error::Error for BadValue {}

/// A number of octets, printed as `36 MB (37,748,736 bytes)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

const UNITS: [(&str, u32); 5] = [("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10), ("B", 0)];
const SIZES: &str = "a number with B, KB, MB, GB or TB, such as 10MB";

impl ByteSize {
    /// So many kibibytes, which administrators call KB.
    pub const fn kb(count: u64) -> ByteSize {
        ByteSize(count << 10)
    }

    /// So many mebibytes, which administrators call MB.
    pub const fn mb(count: u64) -> ByteSize {
        ByteSize(count << 20)
    }
}

impl FromStr for ByteSize {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<ByteSize, BadValue> {
        // The printed form is exact only within its parentheses.
        let exact = text.split_once('(').and_then(|(_, rest)| rest.trim_end().strip_suffix(" bytes)"));
        let octets = match exact {
            Some(digits) => digits.replace(',', "").parse().ok(),
            None => scaled(text.trim()),
        };
        octets.map(ByteSize).ok_or_else(|| BadValue::new(text, SIZES))
    }
}

fn scaled(text: &str) -> Option<u64> {
    let upper = text.to_ascii_uppercase();
    let (number, shift) = UNITS
        .iter()
        .find_map(|(unit, shift)| upper.strip_suffix(unit).map(|number| (number.trim_end(), *shift)))
        .unwrap_or((&upper, 0));
    if !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(1 << shift),
        Err(_) => {
            let octets = number.parse::<f64>().ok()? * (1_u64 << shift) as f64;
            (octets < (1_u64 << 53) as f64).then_some(octets as u64)
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, shift) = UNITS.into_iter().find(|(_, shift)| self.0 >> shift > 0).unwrap_or(("B", 0));
        let value = format!("{:.3}", self.0 as f64 / (1_u64 << shift) as f64);
        let value = value.trim_end_matches('0').trim_end_matches('.');
        write!(f, "{value} {unit} ({} bytes)", thousands(self.0))
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A value, or no limit at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<T>", into = "Option<T>", bound(serialize = "T: Clone + Serialize"))]
pub enum Limit<T> {
    /// `unlimited`
    Unlimited,
    /// At most this.
    To(T),
}

impl<T: PartialOrd> Limit<T> {
    /// Whether `value` is within the limit.
    pub fn allows(&self, value: &T) -> bool {
        match self {
            Limit::Unlimited => true,
            Limit::To(most) => value <= most,
        }
    }
}

impl<T> From<Option<T>> for Limit<T> {
    fn from(limit: Option<T>) -> Limit<T> {
        limit.map_or(Limit::Unlimited, Limit::To)
    }
}

impl<T> From<Limit<T>> for Option<T> {
    fn from(limit: Limit<T>) -> Option<T> {
        match limit {
            Limit::Unlimited => None,
            Limit::To(value) => Some(value),
        }
    }
}

impl FromStr for Limit<u32> {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Limit<u32>, BadValue> {
        if text.trim().eq_ignore_ascii_case("unlimited") {
            return Ok(Limit::Unlimited);
        }
        let number = text.trim().parse().map_err(|_| BadValue::new(text, "a whole number, or unlimited"))?;
        Ok(Limit::To(number))
    }
}

impl FromStr for Limit<ByteSize> {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Limit<ByteSize>, BadValue> {
        if text.trim().eq_ignore_ascii_case("unlimited") {
            return Ok(Limit::Unlimited);
        }
        text.parse()
            .map(Limit::To)
            .map_err(|bad: BadValue| BadValue::new(text, format!("{}, or unlimited", bad.legal)))
    }
}

impl<T: fmt::Display> fmt::Display for Limit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Unlimited => f.write_str("Unlimited"),
            Limit::To(value) => value.fmt(f),
        }
    }
}

/// A length of time in whole seconds, printed as `00:30:00` or `1.00:00:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeSpan(pub u64);

impl TimeSpan {
    /// For timers.
    pub const fn duration(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.0)
    }
}

impl FromStr for TimeSpan {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<TimeSpan, BadValue> {
        // PowerShell reads a bare number as days, which nobody means; it is refused.
        seconds(text.trim()).map(TimeSpan).ok_or_else(|| {
            BadValue::new(text, "a time span hh:mm:ss or d.hh:mm:ss, such as 00:30:00 or 1.00:00:00")
        })
    }
}

/// As many as in .NET; what a setting takes is less, and said by it.
const LONGEST_DAYS: u64 = 10_675_199;

fn seconds(text: &str) -> Option<u64> {
    let (days, clock) = match text.split_once('.') {
        Some((days, clock)) => (part(days, LONGEST_DAYS)?, clock),
        None => (0, text),
    };
    let mut parts = clock.split(':');
    let (hours, minutes) = (part(parts.next()?, 23)?, part(parts.next()?, 59)?);
    let seconds = parts.next().map_or(Some(0), |seconds| part(seconds, 59))?;
    parts.next().is_none().then_some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

fn part(text: &str, most: u64) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= most)
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours, minutes, seconds) =
            (self.0 / 86_400, self.0 / 3_600 % 24, self.0 / 60 % 60, self.0 % 60);
        if days > 0 {
            write!(f, "{days}.")?;
        }
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}")
    }
}

/// A local address and port to listen on, printed as `0.0.0.0:110` or `[::]:110`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Binding(pub SocketAddr);

impl Binding {
    /// Whether a socket on one of the two would also get connections of the other: same port, and the same address or
    /// all addresses of its family.
    pub fn overlaps(&self, other: &Binding) -> bool {
        let (a, b) = (self.0, other.0);
        a.port() == b.port()
            && a.is_ipv4() == b.is_ipv4()
            && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
    }
}

impl FromStr for Binding {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Binding, BadValue> {
        text.trim()
            .parse()
            .map(Binding)
            .map_err(|_| BadValue::new(text, "address:port, such as 0.0.0.0:110 or [::]:110"))
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encryption {
    /// TLS from the first octet.
    Ssl,
    /// TLS after STLS or STARTTLS.
    Tls,
    /// None.
    Unencrypted,
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encryption::Ssl => "SSL",
            Encryption::Tls => "TLS",
            Encryption::Unencrypted => "",
        })
    }
}

/// What users are told to enter, printed as `mail.example.test:995:SSL`. Opens no port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectionSetting {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What to choose there.
    pub encryption: Encryption,
}

const CONNECTIONS: &str = "host:port:SSL, host:port:TLS, or host:port: for no encryption";

impl FromStr for ConnectionSetting {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<ConnectionSetting, BadValue> {
        connection(text.trim()).ok_or_else(|| BadValue::new(text, CONNECTIONS))
    }
}

fn connection(text: &str) -> Option<ConnectionSetting> {
    let (rest, encryption) = text.rsplit_once(':')?;
    let (host, port) = rest.rsplit_once(':')?;
    let encryption = match encryption.to_ascii_uppercase().as_str() {
        "SSL" => Encryption::Ssl,
        "TLS" => Encryption::Tls,
        "" => Encryption::Unencrypted,
        _ => return None,
    };
    let port = port.parse().ok().filter(|port| *port > 0)?;
    mail::Domain::new(host).ok()?;
    Some(ConnectionSetting { host: host.to_owned(), port, encryption })
}

impl fmt::Display for ConnectionSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.host, self.port, self.encryption)
    }
}

impl TryFrom<String> for ConnectionSetting {
    type Error = BadValue;
    fn try_from(text: String) -> Result<ConnectionSetting, BadValue> {
        text.parse()
    }
}

impl From<ConnectionSetting> for String {
    fn from(setting: ConnectionSetting) -> String {
        setting.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let table = [
            ("10MB", Some(10 << 20), "10 MB (10,485,760 bytes)"),
            ("10 MB", Some(10 << 20), "10 MB (10,485,760 bytes)"),
            ("36 MB (37,748,736 bytes)", Some(37_748_736), "36 MB (37,748,736 bytes)"),
            ("1.177 MB (1,234,567 bytes)", Some(1_234_567), "1.177 MB (1,234,567 bytes)"),
            ("1.5gb", Some(3 << 29), "1.5 GB (1,610,612,736 bytes)"),
            ("512KB", Some(512 << 10), "512 KB (524,288 bytes)"),
            ("1024 B", Some(1024), "1 KB (1,024 bytes)"),
            ("999", Some(999), "999 B (999 bytes)"),
            ("0", Some(0), "0 B (0 bytes)"),
            ("20480TB", Some(20_480 << 40), "20480 TB (22,517,998,136,852,480 bytes)"),
            ("", None, ""),
            ("MB", None, ""),
            ("-1MB", None, ""),
            ("1e3", None, ""),
            ("inf", None, ""),
            ("1.2.3MB", None, ""),
            ("99999999999 TB", None, ""),
            ("ten MB", None, ""),
        ];
        for (text, octets, printed) in table {
            let got = text.parse::<ByteSize>();
            assert_eq!(got.clone().ok().map(|size| size.0), octets, "{text}");
            match got {
                Ok(size) => {
                    assert_eq!(size.to_string(), printed, "{text}");
                    assert_eq!(size.to_string().parse(), Ok(size), "{text}: printed form");
                }
                Err(bad) => assert!(bad.to_string().contains("such as 10MB"), "{bad}"),
            }
        }
    }

    #[test]
    fn time_spans() {
        let table = [
            ("00:30:00", Some(1800), "00:30:00"),
            ("1:00:00", Some(3600), "01:00:00"),
            ("00:15", Some(900), "00:15:00"),
            ("1.00:00:00", Some(86_400), "1.00:00:00"),
            ("2.03:04:05", Some(183_845), "2.03:04:05"),
            ("24:00:00", None, ""),
            ("00:60:00", None, ""),
            ("5", None, ""),
            ("+1:00:00", None, ""),
            ("1:2:3:4", None, ""),
            ("", None, ""),
        ];
        for (text, seconds, printed) in table {
            let got = text.parse::<TimeSpan>();
            assert_eq!(got.clone().ok().map(|span| span.0), seconds, "{text}");
            if let Ok(span) = got {
                assert_eq!(span.to_string(), printed, "{text}");
                assert_eq!(printed.parse(), Ok(span));
            }
        }
    }

    #[test]
    fn limits() {
        assert_eq!("unlimited".parse(), Ok(Limit::<u32>::Unlimited));
        assert_eq!(" Unlimited ".parse(), Ok(Limit::<ByteSize>::Unlimited));
        assert_eq!("20".parse(), Ok(Limit::To(20_u32)));
        assert_eq!("2GB".parse(), Ok(Limit::To(ByteSize(2 << 30))));
        assert_eq!(Limit::<u32>::Unlimited.to_string(), "Unlimited");
        assert!("-1".parse::<Limit<u32>>().unwrap_err().legal.ends_with("unlimited"));
        assert!("x".parse::<Limit<ByteSize>>().unwrap_err().legal.ends_with("unlimited"));
        assert!(Limit::To(5).allows(&5) && !Limit::To(5).allows(&6) && Limit::Unlimited.allows(&6));
        assert_eq!(serde_json::to_string(&[Limit::Unlimited, Limit::To(5)]).unwrap(), "[null,5]");
        assert_eq!(
            serde_json::from_str::<Vec<Limit<u32>>>("[null,5]").unwrap(),
            [Limit::Unlimited, Limit::To(5)]
        );
    }

    #[test]
    fn bindings() {
        for text in ["0.0.0.0:110", "[::]:995", "127.0.0.1:10110", "[2001:db8::1]:25"] {
            assert_eq!(text.parse::<Binding>().unwrap().to_string(), text);
        }
        for text in ["110", "0.0.0.0", "::110", "localhost:110", "0.0.0.0:65536", ""] {
            assert!(text.parse::<Binding>().unwrap_err().legal.contains("0.0.0.0:110"), "{text}");
        }
        let table = [
            ("0.0.0.0:25", "127.0.0.1:25", true),
            ("127.0.0.1:25", "127.0.0.1:25", true),
            ("127.0.0.1:25", "127.0.0.2:25", false),
            ("0.0.0.0:25", "0.0.0.0:26", false),
            ("[::]:25", "0.0.0.0:25", false),
        ];
        for (a, b, overlap) in table {
            let (a, b) = (a.parse::<Binding>().unwrap(), b.parse::<Binding>().unwrap());
            assert_eq!((a.overlaps(&b), b.overlaps(&a)), (overlap, overlap), "{a} {b}");
        }
    }

    #[test]
    fn connection_settings() {
        for text in ["mail.example.test:995:SSL", "mail.example.test:110:TLS", "192.0.2.1:143:"] {
            assert_eq!(text.parse::<ConnectionSetting>().unwrap().to_string(), text);
        }
        for text in ["mail:995", "mail:0:SSL", ":995:SSL", "mail:995:SSH", "a b:1:SSL", "mail:99999:SSL"] {
            assert!(text.parse::<ConnectionSetting>().is_err(), "{text}");
        }
    }
}
