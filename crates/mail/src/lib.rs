//! Internet message types: addresses, flags, identifiers, message lists, headers and MIME structure.
//!
//! This crate knows nothing of Gatepost: no store, no policy, no protocol session. What several protocols and the
//! store share is defined here once, and built only through constructors that check it.

mod address;
mod addresses;
mod body;
mod date;
mod flags;
pub mod header;
mod ids;
mod lex;
pub mod listing;
mod secret;
pub mod section;
pub mod summary;
pub mod text;
pub mod utf7;

pub use address::{Address, AddressError, Domain};
pub use addresses::mailboxes;
pub use body::Body;
pub use date::{DateTime, Day};
pub use flags::{Flag, FlagSet, Keyword, KeywordTable, KeywordTableFull};
pub use ids::{AccountId, BlobId, FolderId, ModSeq, QueueId, Uid, UidValidity};
pub use listing::{Entry, Listing};
pub use secret::Secret;
pub use section::Section;
pub use summary::Summary;
