//! Lines on their way to where they are written, which may be slow or stand still: nobody else waits for it.
//!
//! The queue is bounded. What finds no room is counted and lost, and the log says how many lines that were when it can.
//! Errors have room of their own, which no flood of lesser lines takes.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Octets that may wait.
const ROOM: usize = 1 << 20;
/// Octets that may wait with errors among them.
const ROOM_FOR_ERRORS: usize = 2 * ROOM;

/// Lines that wait to be written.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    came: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    octets: usize,
    /// A line is being written.
    writing: bool,
    lost: u64,
}

/// How much a line matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It may be lost to a flood.
    Usual,
    /// It is an error.
    Error,
}

impl Queue {
    /// Takes a line, without waiting.
    pub fn push(&self, line: &[u8], weight: Weight) {
        let room = if weight == Weight::Error { ROOM_FOR_ERRORS } else { ROOM };
        let mut state = self.state();
        if state.octets + line.len() > room {
            state.lost += 1;
            return;
        }
        state.octets += line.len();
        state.lines.push_back(line.to_vec());
        drop(state);
        self.came.notify_one();
    }

    /// Writes for ever what comes; `tell` is called with the number of lines that were lost, when there is room again.
    pub fn write_to(&self, mut out: impl Write, tell: impl Fn(u64)) {
        loop {
            let mut state = self.state();
            state.writing = false;
            self.written.notify_all();
            while state.lines.is_empty() {
                state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(line) = state.lines.pop_front() else { continue };
            state.octets -= line.len();
            state.writing = true;
            drop(state);
            // Whoever closed the other end does not want to read it; the server runs on.
            let _ = out.write_all(&line);
            let lost = std::mem::take(&mut self.state().lost);
            if lost > 0 {
                tell(lost);
            }
        }
    }

    /// Waits until all is written, or until nothing was for so long.
    pub fn flush(&self, patience: Duration) {
        let mut state = self.state();
        while state.writing || !state.lines.is_empty() {
            let waited = self.written.wait_timeout(state, patience);
            let (next, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            if waited.timed_out() {
                return;
            }
            state = next;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Takes a line only when it is let, and hands it on.
    struct Pipe {
        let_through: Receiver<()>,
        lines: Sender<String>,
    }

    impl Write for Pipe {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.let_through.recv().map_err(io::Error::other)?;
            self.lines.send(String::from_utf8_lossy(line).into_owned()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_pipe_that_stands_still_holds_nobody_up_and_the_loss_is_told() {
        let (queue, (go, let_through), (lines, written)) = (Arc::new(Queue::default()), channel(), channel());
        let (writer, teller) = (queue.clone(), queue.clone());
        std::thread::spawn(move || {
            let tell = |lost| teller.push(format!("{lost} lost\n").as_bytes(), Weight::Error);
            writer.write_to(Pipe { let_through, lines }, tell);
        });
        let line = [b'x'; 1024];
        // The first may be with the writer already.
        for _ in 0..1025 + 50 {
            queue.push(&line, Weight::Usual);
        }
        queue.push(b"an error\n", Weight::Error);
        queue.flush(Duration::ZERO);
        go.send(()).unwrap();
        written.recv().unwrap();
        for _ in 0..5000 {
            go.send(()).unwrap();
        }
        queue.flush(Duration::from_secs(60));
        let lines: Vec<String> = written.try_iter().collect();
        let told = lines.iter().position(|line| line.ends_with(" lost\n")).unwrap();
        let lost: usize = lines[told].trim_end_matches(" lost\n").parse().unwrap();
        assert!(lines.iter().any(|line| line == "an error\n"));
        // The one that was read first, the error and the notice are not among those that came.
        assert_eq!(1 + (lines.len() - 2) + lost, 1025 + 50);
        assert!((50..=51).contains(&lost), "{lost}");
        assert!(queue.state().octets == 0 && queue.state().lost == 0);
    }
}
