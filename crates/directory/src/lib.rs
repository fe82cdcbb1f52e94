//! Administration objects, typed and validated, and the immutable [`Snapshot`] of all of them.
//!
//! Names, values and defaults are those an Exchange administrator knows. An object is valid alone by its types; what
//! concerns several objects is checked by [`Snapshot::apply`], so that a change is either valid as a whole or refused.
//! Saving is left to the caller: a snapshot gives records, and is made from records.

mod objects;
pub mod password;
mod settings;
mod values;

pub use objects::*;
pub use settings::*;
pub use values::*;
