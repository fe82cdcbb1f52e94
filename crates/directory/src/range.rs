//! Ranges of client addresses, as receive connectors use them.

use crate::BadValue;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of client addresses of one family, both ends included; printed as it is best read (address, CIDR or `a-b`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IpRange {
    first: IpAddr,
    last: IpAddr,
}

impl IpRange {
    /// Every IPv4 address.
    pub const ALL_V4: IpRange =
        IpRange { first: IpAddr::V4(Ipv4Addr::UNSPECIFIED), last: IpAddr::V4(Ipv4Addr::BROADCAST) };

    /// Every IPv6 address.
    pub const ALL_V6: IpRange = IpRange {
        first: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        last: IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)),
    };

    /// From the first to the last, which is of the same family and not smaller.
    pub fn new(first: IpAddr, last: IpAddr) -> Option<IpRange> {
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(IpRange { first, last })
    }

    /// Its first address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// Its last address.
    pub fn last(&self) -> IpAddr {
        self.last
    }

    /// Whether the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && (self.first..=self.last).contains(&address)
    }

    /// Whether all addresses of the other are in it.
    pub fn covers(&self, other: &IpRange) -> bool {
        self.contains(other.first) && self.contains(other.last)
    }

    /// Whether they share an address.
    pub fn overlaps(&self, other: &IpRange) -> bool {
        self.contains(other.first) || other.contains(self.first)
    }

    /// The number of its addresses less one: what makes one range more specific than another of its family.
    pub fn span(&self) -> u128 {
        bits(self.last) - bits(self.first)
    }

    /// Whether it is every address of its family.
    pub fn is_everyone(&self) -> bool {
        *self == IpRange::ALL_V4 || *self == IpRange::ALL_V6
    }

    /// The prefix length, where the range is a network.
    fn prefix(&self) -> Option<u32> {
        let size = self.span().checked_add(1)?;
        let aligned = size.is_power_of_two() && bits(self.first).is_multiple_of(size);
        aligned.then(|| width(self.first) - size.trailing_zeros())
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

const RANGES: &str = "an address, a range a-b, or a network such as 192.168.1.0/24 or 2001:db8::/32";

impl FromStr for IpRange {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<IpRange, BadValue> {
        range(text.trim()).ok_or_else(|| BadValue::new(text, RANGES))
    }
}

fn range(text: &str) -> Option<IpRange> {
    if let Some((first, last)) = text.split_once('-') {
        return IpRange::new(address(first)?, address(last)?);
    }
    match text.split_once('/') {
        Some((base, prefix)) => network(address(base)?, prefix.parse().ok()?),
        None => address(text).and_then(|one| IpRange::new(one, one)),
    }
}

/// The address without a zone: a zone says by which interface to answer, not who the client is.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    text.split_once('%').map_or(text, |(address, _)| address).parse().ok()
}

/// Host bits may be set: `192.168.1.1/24` is `192.168.1.0/24`.
fn network(base: IpAddr, prefix: u32) -> Option<IpRange> {
    let free = width(base).checked_sub(prefix)?;
    let mask = u128::MAX.checked_shl(free).unwrap_or(0);
    let (first, last) = (bits(base) & mask, bits(base) | !mask);
    match base {
        IpAddr::V4(_) => {
            let end = |bits: u128| IpAddr::V4(Ipv4Addr::from_bits((bits & u128::from(u32::MAX)) as u32));
            IpRange::new(end(first), end(last))
        }
        IpAddr::V6(_) => IpRange::new(Ipv6Addr::from_bits(first).into(), Ipv6Addr::from_bits(last).into()),
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix() {
            _ if self.first == self.last => self.first.fmt(f),
            Some(prefix) if prefix > 0 => write!(f, "{}/{prefix}", self.first),
            _ => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl TryFrom<String> for IpRange {
    type Error = BadValue;
    fn try_from(text: String) -> Result<IpRange, BadValue> {
        text.parse()
    }
}

impl From<IpRange> for String {
    fn from(range: IpRange) -> String {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let table = [
            ("192.168.1.75", "192.168.1.75"),
            ("192.168.1.0-192.168.1.255", "192.168.1.0/24"),
            ("192.168.1.1/24", "192.168.1.0/24"),
            ("192.168.5.10-192.168.5.11", "192.168.5.10/31"),
            ("192.168.5.10 - 192.168.5.12", "192.168.5.10-192.168.5.12"),
            ("10.0.0.0/0", "0.0.0.0-255.255.255.255"),
            ("0.0.0.0-255.255.255.255", "0.0.0.0-255.255.255.255"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("fe80::1%eth0", "fe80::1"),
            ("::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ];
        for (text, printed) in table {
            let range: IpRange = text.parse().unwrap();
            assert_eq!(range.to_string(), printed, "{text}");
            assert_eq!(printed.parse(), Ok(range), "{text}: printed form");
        }
        for text in [
            "",
            "192.168.1",
            "10.0.0.2-10.0.0.1",
            "10.0.0.1-::1",
            "10.0.0.0/33",
            "::/129",
            "a-b",
            "10.0.0.1/-1",
        ] {
            assert!(text.parse::<IpRange>().unwrap_err().legal.contains("192.168.1.0/24"), "{text}");
        }
    }

    #[test]
    fn relations() {
        let range = |text: &str| text.parse::<IpRange>().unwrap();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let net = range("192.168.1.0/24");
        for (text, inside) in
            [("192.168.1.0", true), ("192.168.1.255", true), ("192.168.2.0", false), ("::1", false)]
        {
            assert_eq!(net.contains(address(text)), inside, "{text}");
        }
        let table = [
            ("192.168.1.75", true, true),
            ("192.168.1.200-192.168.2.10", true, false),
            ("192.168.0.0/16", true, false),
            ("192.168.1.0/24", true, true),
            ("192.168.2.0/24", false, false),
            ("::/0", false, false),
        ];
        for (other, overlaps, covers) in table {
            let other = range(other);
            assert_eq!((net.overlaps(&other), other.overlaps(&net)), (overlaps, overlaps), "{other}");
            assert_eq!(net.covers(&other), covers, "{other}");
        }
        assert_eq!(range("10.0.0.1").span(), 0);
        assert_eq!(net.span(), 255);
        assert_eq!(IpRange::ALL_V6.span(), u128::MAX);
        assert!(IpRange::ALL_V4.is_everyone() && IpRange::ALL_V6.is_everyone() && !net.is_everyone());
    }
}
