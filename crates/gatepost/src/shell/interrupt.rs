//! Ctrl-C while a text runs stops the text, not the shell.
//!
//! At the prompt the terminal gives Ctrl-C as a key, so that no signal comes. A signal that comes at any other time is
//! sent to the server as a request to stop; the answer to the text that runs then comes at once.

use crate::protocol::{Request, line};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio::signal::unix::{SignalKind, signal};

/// The way to the server, which the person and the signal share.
#[derive(Clone)]
pub struct Sender {
    stream: Arc<Mutex<UnixStream>>,
    stopped: Arc<AtomicBool>,
}

impl Sender {
    /// Sends on this connection.
    pub fn new(stream: UnixStream) -> Sender {
        Sender { stream: Arc::new(Mutex::new(stream)), stopped: Arc::default() }
    }

    /// Sends a request.
    pub fn send(&self, request: &Request) -> io::Result<()> {
        if let Request::Run(_) = request {
            self.stopped.store(false, Ordering::Relaxed);
        }
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line(request)?)
    }

    /// Whether the text that runs was told to stop.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// From now on Ctrl-C stops what runs, and no longer ends the program.
    pub fn stop_at_signals(&self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = {
            let _inside = runtime.enter();
            signal(SignalKind::interrupt())?
        };
        let sender = self.clone();
        thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
            runtime.block_on(async {
                while signals.recv().await.is_some() {
                    sender.stopped.store(true, Ordering::Relaxed);
                    // A server that is gone is noticed by who waits for it.
                    let _ = sender.send(&Request::Stop);
                }
            });
        })?;
        Ok(())
    }
}
