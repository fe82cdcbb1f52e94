//! Internet message types: addresses, flags, identifiers, message lists, headers and MIME structure.
//!
//! This crate knows nothing of Gatepost: no store, no policy, no protocol session. What several protocols and the
//! store share is defined here once, and built only through constructors that check it.

mod address;
mod body;
mod date;
mod flags;
mod ids;
pub mod listing;
mod secret;
pub mod summary;

pub use address::{Address, AddressError, Domain};
pub use body::Body;
pub use date::DateTime;
pub use flags::{Flag, FlagSet, Keyword, KeywordTable, KeywordTableFull};
pub use ids::{AccountId, BlobId, FolderId, ModSeq, QueueId, Uid, UidValidity};
pub use listing::{Entry, Listing};
pub use secret::Secret;
pub use summary::Summary;
