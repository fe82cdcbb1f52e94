//! Checks passwords, with bounded work and without telling users and strangers apart.
//!
//! argon2 runs on a few blocking threads at a time. A verified password is remembered for a while, as an HMAC under a key
//! that lives only in this process, so that clients who poll stay cheap; a changed password is another HMAC, and nothing
//! needs to be forgotten. Failures are never remembered. Who may log in at all is asked of `policy`, not here.

use aws_lc_rs::hmac;
use directory::password::{self, Cost};
use directory::{Mailbox, PasswordHash};
use mail::{AccountId, Secret};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How passwords are checked.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Checks at a time.
    pub workers: usize,
    /// How long a failed login is kept waiting for its answer.
    pub failure_delay: Duration,
    /// How long a verified password is remembered at most (at least half of it).
    pub remember: Duration,
    /// How many are remembered at most.
    pub capacity: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Settings {
            workers: cores,
            failure_delay: Duration::from_millis(1500),
            remember: Duration::from_secs(3600),
            capacity: 20_000,
        }
    }
}

/// Checks passwords. Cloning gives another handle to the same memory and the same workers.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    settings: Settings,
    workers: Arc<Semaphore>,
    key: hmac::Key,
    remembered: Mutex<Remembered>,
    /// A hash of the standard cost for users that do not exist; made at the first need.
    decoy: Mutex<Option<PasswordHash>>,
}

impl Authenticator {
    /// An authenticator that remembers nothing yet.
    #[expect(
        clippy::expect_used,
        reason = "without the system's randomness there is no TLS either; start must fail"
    )]
    pub fn new(settings: Settings) -> Authenticator {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new())
            .expect("the system's source of randomness works");
        Authenticator(Arc::new(Inner {
            settings,
            workers: Arc::new(Semaphore::new(settings.workers.max(1))),
            key,
            remembered: Mutex::new(Remembered::new(Instant::now())),
            decoy: Mutex::new(None),
        }))
    }

    /// Whether this is the mailbox's password. `None`, and a mailbox without a password, cost the same work and say no.
    /// A "no" comes only after the failure delay.
    pub async fn verify(&self, mailbox: Option<&Mailbox>, password: &Secret) -> bool {
        let known = mailbox.and_then(|mailbox| Some((mailbox.account, mailbox.password.clone()?)));
        let verified = match known {
            Some((account, hash)) => self.verify_known(account, hash, password).await,
            None => {
                self.work(self.decoy(), password).await;
                false
            }
        };
        if !verified {
            tokio::time::sleep(self.0.settings.failure_delay).await;
        }
        verified
    }

    async fn verify_known(&self, account: AccountId, hash: PasswordHash, password: &Secret) -> bool {
        let tag = self.tag(account, &hash, password);
        if self.remembers(&tag) {
            return true;
        }
        let verified = self.work(Some((hash, tag)), password).await;
        if verified {
            self.remembered().insert(tag, Instant::now(), &self.0.settings);
        }
        verified
    }

    /// Runs argon2 when it is our turn; not at all where another session has verified the same meanwhile.
    async fn work(&self, job: Option<(PasswordHash, Tag)>, password: &Secret) -> bool {
        let Ok(turn) = self.0.workers.clone().acquire_owned().await else { return false };
        if job.as_ref().is_some_and(|(_, tag)| self.remembers(tag)) {
            return true;
        }
        let (this, password) = (self.clone(), password.clone());
        let work = tokio::task::spawn_blocking(move || {
            // Held here, so that a client who hangs up does not free the turn before its work is done.
            let _turn = turn;
            let hash = job.map(|(hash, _)| hash).or_else(|| this.make_decoy());
            hash.is_some_and(|hash| password::verify(&password, &hash))
        });
        work.await.unwrap_or(false)
    }

    fn decoy(&self) -> Option<(PasswordHash, Tag)> {
        let hash = self.0.decoy.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        // No password has this tag: it is not one that `tag` makes.
        Some((hash, [0; 32]))
    }

    fn make_decoy(&self) -> Option<PasswordHash> {
        let mut nobody = [0u8; 16];
        aws_lc_rs::rand::fill(&mut nobody).ok()?;
        let hash = password::hash(&Secret::new(format!("{nobody:?}")), Cost::Standard).ok()?;
        *self.0.decoy.lock().unwrap_or_else(PoisonError::into_inner) = Some(hash);
        // Making it was the work.
        None
    }

    fn tag(&self, account: AccountId, hash: &PasswordHash, password: &Secret) -> Tag {
        let mut context = hmac::Context::with_key(&self.0.key);
        context.update(&account.0.to_be_bytes());
        context.update(&(hash.0.len() as u64).to_be_bytes());
        context.update(hash.0.as_bytes());
        context.update(password.reveal().as_bytes());
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    fn remembers(&self, tag: &Tag) -> bool {
        self.remembered().contains(tag, Instant::now(), &self.0.settings)
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Tag = [u8; 32];

/// Two generations: the younger takes in, the older only answers, and is forgotten when the younger is full or old.
struct Remembered {
    young: HashSet<Tag>,
    old: HashSet<Tag>,
    since: Instant,
}

impl Remembered {
    fn new(now: Instant) -> Remembered {
        Remembered { young: HashSet::new(), old: HashSet::new(), since: now }
    }

    fn contains(&mut self, tag: &Tag, now: Instant, settings: &Settings) -> bool {
        self.age(now, settings);
        self.young.contains(tag) || self.old.contains(tag)
    }

    fn insert(&mut self, tag: Tag, now: Instant, settings: &Settings) {
        self.age(now, settings);
        if self.young.len() >= settings.capacity / 2 {
            self.turn(now);
        }
        if settings.capacity >= 2 {
            self.young.insert(tag);
        }
    }

    fn age(&mut self, now: Instant, settings: &Settings) {
        let age = now.saturating_duration_since(self.since);
        if age >= settings.remember {
            self.turn(now);
            self.old.clear();
        } else if age >= settings.remember / 2 {
            self.turn(now);
        }
    }

    fn turn(&mut self, now: Instant) {
        self.old = std::mem::take(&mut self.young);
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail::Address;

    fn quick() -> Authenticator {
        Authenticator::new(Settings { failure_delay: Duration::ZERO, ..Settings::default() })
    }

    fn mailbox(password: &str, cost: Cost) -> Mailbox {
        let mut mailbox =
            Mailbox::new("alice", Address::parse("alice@example.test").unwrap(), AccountId(1), 0);
        mailbox.password = Some(password::hash(&Secret::new(password), cost).unwrap());
        mailbox
    }

    #[tokio::test]
    async fn only_the_password_lets_in() {
        let (auth, alice) = (quick(), mailbox("right", Cost::Cheap));
        for (password, good) in
            [("right", true), ("wrong", false), ("right", true), ("", false), ("Right", false)]
        {
            assert_eq!(auth.verify(Some(&alice), &Secret::new(password)).await, good, "{password}");
        }
        let mut no_password = alice.clone();
        no_password.password = None;
        assert!(!auth.verify(Some(&no_password), &Secret::new("")).await);
        assert!(!auth.verify(None, &Secret::new("right")).await);
    }

    #[tokio::test]
    async fn a_changed_password_counts_at_once() {
        let (auth, old) = (quick(), mailbox("old", Cost::Cheap));
        assert!(auth.verify(Some(&old), &Secret::new("old")).await);
        let new = mailbox("new", Cost::Cheap);
        assert!(!auth.verify(Some(&new), &Secret::new("old")).await);
        let mut other = mailbox("x", Cost::Cheap);
        (other.account, other.password) = (AccountId(2), old.password.clone());
        assert!(!auth.remembers(&auth.tag(
            AccountId(2),
            other.password.as_ref().unwrap(),
            &Secret::new("old")
        )));
    }

    #[tokio::test]
    async fn a_verified_password_is_cheap_the_next_time() {
        let (auth, alice) = (quick(), mailbox("right", Cost::Standard));
        let password = Secret::new("right");
        let begin = Instant::now();
        assert!(auth.verify(Some(&alice), &password).await);
        let first = begin.elapsed();
        let begin = Instant::now();
        for _ in 0..100 {
            assert!(auth.verify(Some(&alice), &password).await);
        }
        assert!(begin.elapsed() < first * 10, "100 times {:?} after {first:?}", begin.elapsed() / 100);
    }

    #[tokio::test]
    async fn many_at_once_do_the_work_once() {
        let (auth, alice) = (quick(), Arc::new(mailbox("right", Cost::Standard)));
        let mut logins = tokio::task::JoinSet::new();
        for _ in 0..500 {
            let (auth, alice) = (auth.clone(), alice.clone());
            logins.spawn(async move { auth.verify(Some(&alice), &Secret::new("right")).await });
        }
        let begin = Instant::now();
        assert!(logins.join_all().await.into_iter().all(|verified| verified));
        // 500 times the work would take a quarter of a minute and more.
        assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_waits() {
        let auth = Authenticator::new(Settings::default());
        let begin = tokio::time::Instant::now();
        assert!(!auth.verify(Some(&mailbox("right", Cost::Cheap)), &Secret::new("wrong")).await);
        assert!(begin.elapsed() >= Duration::from_secs(1));
    }

    #[test]
    fn remembering_ends() {
        let settings = Settings { remember: Duration::from_secs(100), capacity: 6, ..Settings::default() };
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut memory = Remembered::new(begin);
        memory.insert([1; 32], at(0), &settings);
        assert!(memory.contains(&[1; 32], at(49), &settings));
        assert!(memory.contains(&[1; 32], at(99), &settings), "in the older generation");
        assert!(!memory.contains(&[1; 32], at(151), &settings));
        memory.insert([2; 32], at(200), &settings);
        assert!(!memory.contains(&[2; 32], at(301), &settings), "nobody came by meanwhile");
        for tag in 10..30 {
            memory.insert([tag; 32], at(302), &settings);
        }
        assert!(memory.young.len() + memory.old.len() <= 6);
        assert!(memory.contains(&[29; 32], at(302), &settings));
    }
}
