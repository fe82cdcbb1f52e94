//! The log: events on standard error, so that standard output belongs to results.

use crate::boot::{LogFormat, LogLevel};
use tracing_subscriber::EnvFilter;

/// Begins to log. `GATEPOST_LOG` (`info`, `debug`, `server=debug,warn`) goes before the level given.
pub fn start(level: LogLevel, format: LogFormat) {
    let filter = EnvFilter::try_from_env("GATEPOST_LOG").unwrap_or_else(|_| EnvFilter::new(level.name()));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match format {
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    if started.is_ok() {
        // A panic is a bug that ends one session or task; it belongs in the log like every other event.
        std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a bug")));
    }
}
