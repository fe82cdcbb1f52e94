//! Identifiers and counters, each a type of its own so that none is taken for another.

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $int);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// An account: one mailbox in the sense of the administrator, never reused after it is removed.
    AccountId(u64)
}
number! {
    /// A folder within its account, never reused.
    FolderId(u64)
}
number! {
    /// A message in its folder, from 1, strictly ascending, never reused (RFC 9051 §2.3.1.1).
    Uid(u32)
}
number! {
    /// The generation of a folder's UIDs (RFC 9051 §2.3.1.1), never 0.
    UidValidity(u32)
}
number! {
    /// When a message or folder last changed, as a counter that only grows within an account (RFC 7162 §3.1).
    ModSeq(u64)
}
number! {
    /// The bytes of one message, stored once however many folders show them.
    BlobId(u64)
}
number! {
    /// One message waiting for recipients on other servers.
    QueueId(u64)
}
