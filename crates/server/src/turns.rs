//! Turns at work that costs much, shared fairly between the addresses that cause it.
//!
//! Each source has a queue of its own, and free turns go round the sources: whoever asks for a thousand waits for his own
//! thousand, and others wait for one of his at most. How many may wait is decided by the caller, who is told the counts.
//! A place is given back when its guard is dropped, be it still waiting or at work.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Whoever is counted as one: an IPv4 address, or the /64 of an IPv6 address, which any customer has to himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source(IpAddr);

impl Source {
    pub(crate) fn of(address: IpAddr) -> Source {
        Source(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
            address => address,
        })
    }
}

/// Turns for so many at a time. Cloning gives another handle to the same ones.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    /// Those who wait or work, in all.
    total: usize,
    /// Never without somebody who waits or works.
    sources: HashMap<Source, Queue>,
    /// Sources with somebody who waits, each once, in the order of their turns.
    round: VecDeque<Source>,
    /// The number of the next place.
    next: u64,
}

#[derive(Default)]
struct Queue {
    /// Those who wait or work.
    count: usize,
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
}

impl Turns {
    pub(crate) fn new(at_a_time: usize) -> Turns {
        Turns(Arc::new(Mutex::new(State {
            free: at_a_time,
            total: 0,
            sources: HashMap::new(),
            round: VecDeque::new(),
            next: 0,
        })))
    }

    /// Takes a place in the source's queue where `may` agrees, given how many of the source and how many in all wait or
    /// work already.
    pub(crate) fn enter<E>(
        &self,
        source: Source,
        may: impl FnOnce(usize, usize) -> Result<(), E>,
    ) -> Result<Place, E> {
        let mut state = self.state();
        let of_source = state.sources.get(&source).map_or(0, |queue| queue.count);
        may(of_source, state.total)?;
        let (begin, begins) = oneshot::channel();
        let number = state.next;
        state.next += 1;
        state.total += 1;
        let queue = state.sources.entry(source).or_default();
        queue.count += 1;
        queue.waiting.push_back((number, begin));
        if queue.waiting.len() == 1 {
            state.round.push_back(source);
        }
        state.give();
        drop(state);
        Ok(Place { begins: Some(begins), _held: Held { turns: self.clone(), source, number } })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives free turns to those who wait.
    fn give(&mut self) {
        while self.free > 0 {
            let Some(source) = self.round.pop_front() else { return };
            let Some(queue) = self.sources.get_mut(&source) else { continue };
            let Some((_, begin)) = queue.waiting.pop_front() else { continue };
            if !queue.waiting.is_empty() {
                self.round.push_back(source);
            }
            self.free -= 1;
            // One who left meanwhile gives the turn back with the place.
            let _ = begin.send(());
        }
    }

    fn leave(&mut self, source: Source, number: u64) {
        let Some(queue) = self.sources.get_mut(&source) else { return };
        let waiting = queue.waiting.iter().position(|(waiting, _)| *waiting == number);
        match waiting {
            Some(at) => drop(queue.waiting.remove(at)),
            None => self.free += 1,
        }
        queue.count -= 1;
        self.total -= 1;
        if queue.waiting.is_empty() {
            self.round.retain(|other| *other != source);
        }
        if queue.count == 0 {
            self.sources.remove(&source);
        }
        self.give();
    }
}

/// A place in a queue; at its turn, the turn.
pub(crate) struct Place {
    begins: Option<oneshot::Receiver<()>>,
    _held: Held,
}

impl Place {
    /// Waits for the turn, which lasts until this is dropped.
    pub(crate) async fn turn(&mut self) {
        if let Some(begins) = self.begins.take() {
            // The sender is dropped only when this place is given back.
            let _ = begins.await;
        }
    }
}

struct Held {
    turns: Turns,
    source: Source,
    number: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.turns.state().leave(self.source, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::task::{Context, Poll, Waker};

    fn source(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    fn enter(turns: &Turns, from: Source) -> Place {
        turns.enter(from, |_, _| Ok::<(), Infallible>(())).unwrap()
    }

    /// Whether it is this place's turn.
    fn has_turn(place: &mut Place) -> bool {
        let Some(begins) = &mut place.begins else { return true };
        let begun = std::pin::pin!(begins).poll(&mut Context::from_waker(Waker::noop()));
        if begun.is_ready() {
            place.begins = None;
        }
        begun == Poll::Ready(Ok(()))
    }

    #[test]
    fn a_flood_waits_for_itself_and_others_for_one_of_it() {
        let turns = Turns::new(1);
        let (flood, other) = (source("192.0.2.1"), source("192.0.2.2"));
        let mut many: Vec<Place> = (0..1000).map(|_| enter(&turns, flood)).collect();
        let mut one = enter(&turns, other);
        assert!(has_turn(&mut many[0]) && !has_turn(&mut one));
        many.remove(0);
        assert!(has_turn(&mut many[0]), "it came first");
        many.remove(0);
        assert!(has_turn(&mut one) && !has_turn(&mut many[0]));
        drop(one);
        assert!(has_turn(&mut many[0]) && !has_turn(&mut many[1]));
    }

    #[test]
    fn those_who_leave_give_back_their_place_and_their_turn() {
        let turns = Turns::new(1);
        let (a, b) = (source("192.0.2.1"), source("192.0.2.2"));
        let (working, gone, mut last) = (enter(&turns, a), enter(&turns, b), enter(&turns, b));
        drop(gone);
        drop(working);
        assert!(has_turn(&mut last));
        // One who never heard of his turn gives it back too.
        let unheard = enter(&turns, a);
        drop(last);
        let mut next = enter(&turns, b);
        assert!(!has_turn(&mut next));
        drop(unheard);
        assert!(has_turn(&mut next));
        drop(next);
        let state = turns.state();
        assert_eq!((state.free, state.total, state.sources.len(), state.round.len()), (1, 0, 0, 0));
    }

    #[test]
    fn the_caller_decides_by_the_counts() {
        let turns = Turns::new(1);
        let places = [enter(&turns, source("192.0.2.1")), enter(&turns, source("192.0.2.2"))];
        let refused = turns.enter(source("192.0.2.1"), |of_source, total| Err::<(), _>((of_source, total)));
        assert_eq!(refused.err(), Some((1, 2)));
        drop(places);
        assert!(
            turns.enter(source("192.0.2.1"), |_, total| if total == 0 { Ok(()) } else { Err(total) }).is_ok()
        );
    }

    #[test]
    fn sources() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            assert_eq!(source(one) == source(other), same, "{one} {other}");
        }
    }
}
