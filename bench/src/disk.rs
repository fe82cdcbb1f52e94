//! How quickly the disk makes octets durable at the moment: the condition that ingest depends on most, and that other
//! programs on the same machine change from one minute to the next.

use crate::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const PROBE: Duration = Duration::from_secs(1);

/// Appends of 16 KiB, each made durable, per second.
pub fn syncs_per_second(dir: &Path) -> Result<f64, Error> {
    fs::create_dir_all(dir)?;
    let path = dir.join("probe");
    let mut file = File::create(&path)?;
    let start = Instant::now();
    let mut count = 0.0;
    while start.elapsed() < PROBE {
        file.write_all(&[b'x'; 16 << 10])?;
        file.sync_data()?;
        count += 1.0;
    }
    let rate = count / start.elapsed().as_secs_f64();
    fs::remove_file(&path)?;
    Ok(rate)
}
