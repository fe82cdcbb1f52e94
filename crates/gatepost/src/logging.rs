//! The log: events on standard error, so that standard output belongs to results.
//!
//! Lines are written by a thread of their own from a bounded [`queue`]: who does not read our standard error must not
//! stop the server, however much strangers give it to log.

mod queue;

use crate::boot::{LogFormat, LogLevel};
use queue::{Queue, Weight};
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How long the end waits for one who does not read.
const PATIENCE: Duration = Duration::from_secs(1);

/// The queue of the process's one log.
static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

/// Begins to log. `GATEPOST_LOG` (`info`, `debug`, `server=debug,warn`) goes before the level given.
pub fn start(level: LogLevel, format: LogFormat) {
    let queue = QUEUE.get_or_init(Arc::default);
    let filter = EnvFilter::try_from_env("GATEPOST_LOG").unwrap_or_else(|_| EnvFilter::new(level.name()));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(ToQueue(queue.clone()))
        .with_target(false);
    let started = match format {
        LogFormat::Text => log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    if started.is_ok() {
        write(queue.clone());
        // A panic is a bug that ends one session or task; it belongs in the log like every other event.
        std::panic::set_hook(Box::new(|panic| {
            tracing::error!(%panic, "a bug");
            if std::thread::current().name() == Some("main") {
                // This one ends the process.
                finish();
            }
        }));
    }
}

fn write(queue: Arc<Queue>) {
    let lost =
        |lines| tracing::error!(lines, "log lines were lost: they came faster than standard error was read");
    let writer = std::thread::Builder::new().name("log".to_owned());
    if let Err(error) = writer.spawn(move || queue.write_to(io::stderr(), lost)) {
        crate::terminal::tell(&format!("gatepost: there is no log: {error}"));
    }
}

/// Writes what is still to be written, as far as somebody reads it.
pub fn finish() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(PATIENCE);
    }
}

struct ToQueue(Arc<Queue>);

impl<'a> MakeWriter<'a> for ToQueue {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0, Weight::Usual)
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line<'a> {
        Line(&self.0, if *event.level() == Level::ERROR { Weight::Error } else { Weight::Usual })
    }
}

/// Takes an event, which comes as one piece.
struct Line<'a>(&'a Queue, Weight);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line, self.1);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
