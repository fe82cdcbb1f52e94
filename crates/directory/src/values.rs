//! Values of parameters: sizes, time spans, bindings, address ranges, limits.

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// A number of octets, printed as `36 MB (37,748,736 bytes)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

/// A value, or no limit at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit<T> {
    /// `unlimited`
    Unlimited,
    /// At most this.
    To(T),
}

/// A length of time in whole seconds, printed as `00:30:00` or `1.00:00:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeSpan(pub u64);

/// A local address and port to listen on, printed as `0.0.0.0:110` or `[::]:110`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Binding(pub SocketAddr);

/// A range of client addresses of one family, both ends included; printed as it is best read (address, CIDR or `a-b`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IpRange {
    /// First address.
    pub first: IpAddr,
    /// Last address.
    pub last: IpAddr,
}
