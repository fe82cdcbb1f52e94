//! A moment with the zone it was written in, as mail keeps it.

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01T00:00:00Z, and the offset from UTC in minutes that it is shown with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DateTime {
    /// Seconds since the epoch.
    pub seconds: i64,
    /// Minutes east of UTC, from -1439 to 1439.
    pub offset: i16,
}

impl DateTime {
    /// This moment in UTC.
    pub fn utc(seconds: i64) -> DateTime {
        DateTime { seconds, offset: 0 }
    }
}
