//! Protocol logs: what clients and server said to each other, in files as Exchange writes them.
//!
//! Sessions hand lines over a bounded queue to a thread that writes; what finds no room is counted and lost, and an event
//! says so. No secret gets here: [`mask`] leaves out passwords and all that a SASL exchange sends. Where logs are, and
//! whether they are written at all, follows the settings while sessions run.

mod files;
mod mask;

use mask::Transcript;

use crate::node::source;
use crate::{Connection, SessionId};
use directory::{Limit, ProtocolSettings, RollOver, ServiceName, Snapshot};
use files::Files;
use journal::{Journal, event};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Lines that wait for the disk at most, each of up to a few KiB.
const QUEUE: usize = 4_096;

/// Where and how one service's log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    service: ServiceName,
    dir: PathBuf,
    roll: RollOver,
    /// Octets at which a new file begins; `None` is by time.
    quota: Option<u64>,
}

/// The protocol logs of a node.
#[derive(Clone, Default)]
pub struct ProtocolLogs(Arc<Inner>);

#[derive(Default)]
struct Inner {
    places: RwLock<[Option<Arc<Place>>; 2]>,
    lost: AtomicU64,
    queue: OnceLock<Option<SyncSender<Message>>>,
}

enum Message {
    Line(Arc<Place>, String),
    /// Is answered when all before it is written.
    Flush(SyncSender<()>),
}

impl ProtocolLogs {
    /// Follows the settings; relative places are in this data directory.
    pub(crate) fn follow(&self, all: &Snapshot, data: Option<&std::path::Path>) {
        let place = |service, settings: &ProtocolSettings, usual: &str| {
            let dir = if settings.log_file_location.is_empty() { usual } else { &settings.log_file_location };
            let dir = data.filter(|_| settings.protocol_log_enabled)?.join(dir);
            let quota = match settings.log_per_file_size_quota {
                Limit::To(size) if size.0 == 0 => None,
                Limit::To(size) => Some(size.0),
                Limit::Unlimited => Some(u64::MAX),
            };
            let roll = settings.log_file_roll_over_settings;
            Some(Arc::new(Place { service, dir, roll, quota }))
        };
        let places = [
            place(ServiceName::Pop3, all.pop(), directory::POP_LOG),
            place(ServiceName::Imap4, all.imap(), directory::IMAP_LOG),
        ];
        *self.0.places.write().unwrap_or_else(PoisonError::into_inner) = places;
    }

    /// Where a service's log is now; `None` where there is none.
    fn place(&self, service: ServiceName) -> Option<Arc<Place>> {
        let [pop, imap] = &*self.0.places.read().unwrap_or_else(PoisonError::into_inner);
        match service {
            ServiceName::Pop3 => pop.clone(),
            ServiceName::Imap4 => imap.clone(),
            ServiceName::Transport | ServiceName::Web => None,
        }
    }

    fn write(&self, journal: &Arc<Journal>, place: Arc<Place>, line: String) {
        let queue = self.0.queue.get_or_init(|| start(&self.0, journal));
        if queue.as_ref().is_none_or(|queue| queue.try_send(Message::Line(place, line)).is_err()) {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all that was handed over is written.
    pub fn flush(&self) {
        let (sender, written) = sync_channel(1);
        if let Some(Some(queue)) = self.0.queue.get()
            && queue.send(Message::Flush(sender)).is_ok()
        {
            let _ = written.recv(); // it fails where the thread has ended
        }
    }
}

/// Starts the thread that writes, where the system has one to give. It ends with the last handle.
fn start(inner: &Arc<Inner>, journal: &Arc<Journal>) -> Option<SyncSender<Message>> {
    let (queue, lines) = sync_channel(QUEUE);
    let (inner, journal) = (Arc::downgrade(inner), Arc::clone(journal));
    let work = move || {
        let lost = || inner.upgrade().map_or(0, |inner| inner.lost.swap(0, Ordering::Relaxed));
        write(&lines, &journal, lost);
    };
    std::thread::Builder::new().name("protocol-log".to_owned()).spawn(work).ok().map(|_| queue)
}

fn write(lines: &Receiver<Message>, journal: &Journal, lost: impl Fn() -> u64) {
    let mut files = Files::default();
    while let Ok(message) = lines.recv() {
        match message {
            Message::Line(place, line) => {
                let source = source(place.service);
                if let Some(error) = files.write(&place, &line) {
                    let message =
                        format!("The protocol log in {} cannot be written: {error}.", place.dir.display());
                    journal.write(&event::PROTOCOL_LOG_FAILED, source, &message);
                }
                let lost = lost();
                if lost > 0 {
                    let message = format!("{lost} lines of the protocol log were lost.");
                    journal.write(&event::PROTOCOL_LOG_LOST, source, &message);
                }
            }
            Message::Flush(written) => {
                let _ = written.send(()); // who waited may be gone
            }
        }
    }
}

/// One session's part in the log.
pub struct SessionLog {
    logs: ProtocolLogs,
    journal: Arc<Journal>,
    service: ServiceName,
    id: SessionId,
    local: SocketAddr,
    remote: SocketAddr,
    sequence: u64,
    /// There only while the log is on: a session that is not logged holds nothing.
    transcript: Option<Box<Transcript>>,
}

impl SessionLog {
    /// The log of a connection that has just begun.
    pub fn begin(
        logs: &ProtocolLogs,
        journal: &Arc<Journal>,
        service: ServiceName,
        at: &Connection,
    ) -> SessionLog {
        let (logs, journal) = (logs.clone(), Arc::clone(journal));
        let (id, local, remote) = (at.id, at.local, at.remote);
        let mut log = SessionLog { logs, journal, service, id, local, remote, sequence: 0, transcript: None };
        if let Some(place) = log.logs.place(service) {
            log.transcript = Some(Box::new(Transcript::begin(service)));
            log.line(&place, '+', "");
        }
        log
    }

    /// The client has sent this.
    pub(crate) fn received(&mut self, octets: &[u8]) {
        self.note('<', |transcript| transcript.client(octets));
    }

    /// The server sends this.
    pub(crate) fn sent(&mut self, octets: &[u8]) {
        self.note('>', |transcript| transcript.server(octets));
    }

    /// Something else that is worth a line.
    pub(crate) fn information(&mut self, text: &str) {
        self.note('*', |_| vec![text.to_owned()]);
    }

    fn note(&mut self, event: char, lines: impl FnOnce(&mut Transcript) -> Vec<String>) {
        let Some(place) = self.logs.place(self.service) else {
            self.transcript = None;
            return;
        };
        let service = self.service;
        let transcript = self.transcript.get_or_insert_with(|| Box::new(Transcript::midway(service)));
        for line in lines(transcript) {
            self.line(&place, event, &line);
        }
    }

    fn line(&mut self, place: &Arc<Place>, event: char, data: &str) {
        let now = jiff::Timestamp::now();
        let (id, sequence, local, remote) = (self.id, self.sequence, self.local, self.remote);
        let data = files::field(data);
        let line = format!("{now:.3},,{id},{sequence},{local},{remote},{event},{data},\r\n");
        self.sequence += 1;
        self.logs.write(&self.journal, Arc::clone(place), line);
    }
}

impl Drop for SessionLog {
    fn drop(&mut self) {
        if self.transcript.is_some()
            && let Some(place) = self.logs.place(self.service)
        {
            self.line(&place, '-', "");
        }
    }
}
