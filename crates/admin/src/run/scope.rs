//! The variables of a shell, and the places of functions in them.
//!
//! A function sees the variables of who calls it, and what it sets is gone when it ends, as in PowerShell. While
//! something that it gives runs through the rest of the pipeline, its variables are put aside: what stands there
//! belongs to the caller.

use super::env::{FULL, MOST};
use crate::grammar::Function;
use crate::value::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Errors that are kept in `$Error`.
const ERRORS: usize = 64;

/// The variables of a shell; they outlive its runs.
#[derive(Clone, Default)]
pub struct Variables(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// Each with its weight.
    values: HashMap<String, Weighed>,
    /// The sum of the weights, also of values that functions put aside.
    octets: usize,
    /// What the functions that run have put aside, the innermost last.
    frames: Vec<Frame>,
    functions: HashMap<String, Arc<Function>>,
    /// The latest first.
    errors: VecDeque<Value>,
    /// Whether the latest command had an error.
    troubled: bool,
}

type Weighed = (Value, usize);

/// Values as they were before a function set them; nothing where there was none.
type Frame = HashMap<String, Option<Weighed>>;

impl Kept {
    fn put(&mut self, name: &str, value: Value, weight: usize) -> Weighed {
        let before = self.values.insert(name.to_lowercase(), (value, weight)).unwrap_or_default();
        self.octets = (self.octets + weight).saturating_sub(before.1);
        before
    }

    /// Sets a variable of the innermost function, or of the shell where none runs.
    fn put_here(&mut self, name: &str, value: Value, weight: usize) {
        if let Some(frame) = self.frames.last_mut() {
            let old = self.values.get(name).cloned();
            let aside = frame.entry(name.to_owned());
            if let std::collections::hash_map::Entry::Vacant(place) = aside {
                self.octets += old.as_ref().map_or(0, |(_, weight)| *weight);
                place.insert(old);
            }
        }
        self.put(name, value, weight);
    }

    /// Sets a variable of the shell, also from within a function.
    fn put_outside(&mut self, name: &str, value: Value, weight: usize) {
        match self.frames.iter_mut().find_map(|frame| frame.get_mut(name)) {
            Some(aside) => {
                let before = aside.replace((value, weight)).map_or(0, |(_, weight)| weight);
                self.octets = (self.octets + weight).saturating_sub(before);
            }
            None => drop(self.put(name, value, weight)),
        }
    }

    /// Puts a function's values aside, or back.
    fn exchange(&mut self, frame: &mut Frame) {
        for (name, aside) in frame {
            *aside = match aside.take() {
                Some(value) => self.values.insert(name.clone(), value),
                None => self.values.remove(name),
            };
        }
    }
}

/// Where a variable is to be set.
enum Place<'n> {
    Here(&'n str),
    Outside(&'n str),
}

/// The name without its scope: `$script:x` is the shell's `x`, also within a function.
fn scoped(name: &str) -> Place<'_> {
    match name.split_once(':') {
        Some((scope, rest))
            if scope.eq_ignore_ascii_case("script") || scope.eq_ignore_ascii_case("global") =>
        {
            Place::Outside(rest)
        }
        Some((scope, rest)) if scope.eq_ignore_ascii_case("local") => Place::Here(rest),
        _ => Place::Here(name),
    }
}

impl Variables {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A variable's value, null where there is none.
    pub fn get(&self, name: &str) -> Value {
        let (Place::Here(name) | Place::Outside(name)) = scoped(name);
        self.lock().values.get(&name.to_lowercase()).map(|(value, _)| value.clone()).unwrap_or_default()
    }

    /// The names of all that have a value.
    pub fn names(&self) -> Vec<String> {
        let kept = self.lock();
        let set = kept.values.iter().filter(|(_, (value, _))| !matches!(value, Value::Null));
        set.map(|(name, _)| name.clone()).collect()
    }

    /// Sets a variable for as long as what is returned is kept, however that ends.
    pub fn lend(&self, name: &'static str, value: Value) -> Lent<'_> {
        Lent { variables: self, name, before: self.lock().put(name, value, 0) }
    }

    /// Sets a variable, if with so many octets elsewhere there is room for its value.
    pub fn keep(&self, name: &str, value: Value, elsewhere: usize) -> Result<(), &'static str> {
        let weight = value.weight().min(MOST);
        let place = scoped(name);
        let (Place::Here(plain) | Place::Outside(plain)) = place;
        let lower = plain.to_lowercase();
        let mut kept = self.lock();
        // What a function sets for the first time is there twice.
        let before = match (&place, kept.frames.last()) {
            (Place::Here(_), Some(frame)) if !frame.contains_key(&lower) => 0,
            _ => kept.values.get(&lower).map_or(0, |(_, weight)| *weight),
        };
        if kept.octets.saturating_sub(before) + weight + elsewhere >= MOST {
            return Err(FULL);
        }
        match place {
            Place::Here(_) => kept.put_here(&lower, value, weight),
            Place::Outside(_) => kept.put_outside(&lower, value, weight),
        }
        Ok(())
    }

    /// Octets of all values.
    pub fn octets(&self) -> usize {
        self.lock().octets
    }

    /// A function begins.
    pub fn enter(&self) -> Scope {
        self.lock().frames.push(Frame::new());
        Scope { variables: self.clone(), aside: None }
    }

    /// The function of this name.
    pub fn function(&self, name: &str) -> Option<Arc<Function>> {
        self.lock().functions.get(&name.to_lowercase()).cloned()
    }

    /// Makes a function known, if with so many octets elsewhere there is room for its text.
    pub fn define(&self, function: &Arc<Function>, elsewhere: usize) -> Result<(), &'static str> {
        // Each may hold the whole text that it stands in; a tree of it takes some more.
        let weight = |function: &Function| function.source.len().saturating_mul(16);
        let mut kept = self.lock();
        let lower = function.name.to_lowercase();
        let before = kept.functions.get(&lower).map_or(0, |known| weight(known));
        let octets = kept.octets.saturating_sub(before) + weight(function);
        if octets + elsewhere >= MOST {
            return Err(FULL);
        }
        kept.octets = octets;
        kept.functions.insert(lower, function.clone());
        Ok(())
    }

    /// An error has happened.
    pub fn note(&self, error: Value) {
        let mut kept = self.lock();
        kept.errors.push_front(error);
        kept.errors.truncate(ERRORS);
        kept.troubled = true;
    }

    /// `$Error`
    pub fn errors(&self) -> Value {
        Value::list(self.lock().errors.iter().cloned())
    }

    /// `$Error[0]`
    pub fn latest_error(&self) -> Value {
        self.lock().errors.front().cloned().unwrap_or_default()
    }

    /// A command begins, without an error so far.
    pub fn begin_command(&self) {
        self.lock().troubled = false;
    }

    /// Whether the latest command had an error.
    pub fn troubled(&self) -> bool {
        self.lock().troubled
    }
}

/// A variable that will be again what it was.
pub struct Lent<'v> {
    variables: &'v Variables,
    name: &'static str,
    before: Weighed,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let (value, weight) = std::mem::take(&mut self.before);
        self.variables.lock().put(self.name, value, weight);
    }
}

/// The variables of a function that runs; they end with it, however that is.
pub struct Scope {
    variables: Variables,
    /// What the function has set, while something else runs.
    aside: Option<Frame>,
}

impl Scope {
    /// Puts the function's variables aside.
    pub fn leave(&mut self) {
        let mut kept = self.variables.lock();
        if let Some(mut frame) = kept.frames.pop() {
            kept.exchange(&mut frame);
            self.aside = Some(frame);
        }
    }

    /// Puts them back.
    pub fn come_back(&mut self) {
        if let Some(mut frame) = self.aside.take() {
            let mut kept = self.variables.lock();
            kept.exchange(&mut frame);
            kept.frames.push(frame);
        }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if self.aside.is_none() {
            self.leave();
        }
        let gone = self.aside.take().into_iter().flatten();
        let octets: usize = gone.filter_map(|(_, value)| value.map(|(_, weight)| weight)).sum();
        let mut kept = self.variables.lock();
        kept.octets = kept.octets.saturating_sub(octets);
    }
}
