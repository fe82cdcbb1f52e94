//! A stored message's octets, as they are handed from the store to a protocol and on to the connection.

use crate::BlobId;
use bytes::Bytes;

/// The octets of one message. Small ones travel along; others are read from the store while they are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Where the store keeps them.
    pub blob: BlobId,
    /// How many there are.
    pub size: u32,
    /// All of them, where the store had them at hand.
    pub octets: Option<Bytes>,
}
