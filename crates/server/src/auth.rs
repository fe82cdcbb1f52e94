//! Checks passwords, with bounded work and without telling users and strangers apart.
//!
//! argon2 runs on a few blocking threads at a time. Client addresses take turns at it, and of each only so many may wait
//! as `policy` allows: a flood from one address delays nobody else. Equal attempts from one address are one. A verified
//! password is remembered for a while, as an HMAC under a key that lives only in this process, so that clients who poll
//! stay cheap and wait for nobody; a changed password is another HMAC, and nothing needs to be forgotten. Failures are
//! never remembered. Who may log in at all is asked of `policy`, not here.

use crate::turns::{Place, Source, Turns};
use aws_lc_rs::hmac;
use directory::password::{self, Cost};
use directory::{Mailbox, PasswordHash};
use mail::{AccountId, Secret};
use policy::{Checks, Refusal};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

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

/// What a client says to log in.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// Its login name as given.
    pub name: &'a str,
    /// Its password.
    pub password: &'a Secret,
}

/// Checks passwords. Cloning gives another handle to the same memory and the same workers.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    settings: Settings,
    turns: Turns,
    /// What is being checked at the moment.
    running: Mutex<HashMap<Attempt, watch::Receiver<Option<bool>>>>,
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
            turns: Turns::new(settings.workers.max(1)),
            running: Mutex::default(),
            key,
            remembered: Mutex::new(Remembered::new(Instant::now())),
            decoy: Mutex::new(None),
        }))
    }

    /// Whether this is the mailbox's password. `None`, and a mailbox without a password, cost the same work and say no.
    /// Refused where too many wait already, be there such a user or not. A "no" of either kind comes only after the
    /// failure delay.
    pub async fn verify(
        &self,
        mailbox: Option<&Mailbox>,
        login: &Login<'_>,
        from: IpAddr,
    ) -> Result<bool, Refusal> {
        let result = self.check(mailbox, login, Source::of(from)).await;
        if result != Ok(true) {
            tokio::time::sleep(self.0.settings.failure_delay).await;
        }
        result
    }

    async fn check(
        &self,
        mailbox: Option<&Mailbox>,
        login: &Login<'_>,
        from: Source,
    ) -> Result<bool, Refusal> {
        let known = mailbox.and_then(|mailbox| Some((mailbox.account, mailbox.password.clone()?)));
        let job = match &known {
            Some((account, hash)) => {
                let tag = self.tag(*account, hash, login.password);
                if self.remembers(&tag) {
                    return Ok(true);
                }
                Some((hash.clone(), tag))
            }
            None => self.decoy(),
        };
        let hash = known.map(|(_, hash)| hash);
        let verified = self.once(self.attempt(from, login, hash.as_ref()), &job, login.password).await?;
        match (hash, job) {
            (Some(_), Some((_, tag))) if verified => {
                self.remembered().insert(tag, Instant::now(), &self.0.settings);
                Ok(true)
            }
            // Nobody has the decoy's password, but whoever finds it is a stranger still.
            _ => Ok(false),
        }
    }

    /// Does the work, or waits for the result of a session that does the same: programs open several connections at a
    /// time.
    async fn once(
        &self,
        attempt: Attempt,
        job: &Option<(PasswordHash, Tag)>,
        password: &Secret,
    ) -> Result<bool, Refusal> {
        loop {
            let mut result = match self.join(attempt)? {
                Part::Work(work, place) => {
                    let verified = self.work(place, job.clone(), password).await;
                    work.result.send_replace(Some(verified));
                    return Ok(verified);
                }
                Part::Wait(result) => result,
            };
            if let Ok(verified) = result.wait_for(Option::is_some).await {
                return Ok(*verified == Some(true));
            }
            // The client of the session that did the work is gone, and the next takes it over.
        }
    }

    fn join(&self, attempt: Attempt) -> Result<Part, Refusal> {
        let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = running.get(&attempt) {
            return Ok(Part::Wait(result.clone()));
        }
        let may = |from_source, total| policy::check_password(Checks { from_source, total });
        let place = self.0.turns.enter(attempt.from, may)?;
        let (result, results) = watch::channel(None);
        running.insert(attempt, results);
        Ok(Part::Work(Work { auth: self.clone(), attempt, result }, place))
    }

    /// Runs argon2 when it is our turn; not at all where another session has verified the same meanwhile.
    async fn work(&self, mut place: Place, job: Option<(PasswordHash, Tag)>, password: &Secret) -> bool {
        place.turn().await;
        if job.as_ref().is_some_and(|(_, tag)| self.remembers(tag)) {
            return true;
        }
        let (this, password) = (self.clone(), password.clone());
        let work = tokio::task::spawn_blocking(move || {
            // Held here, so that a client who hangs up does not free the turn before its work is done.
            let _turn = place;
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
        tag_of(context)
    }

    /// The same for the same attempt, by what the client said: what is one user's name or another's must not matter to a
    /// client who counts refusals.
    fn attempt(&self, from: Source, login: &Login<'_>, hash: Option<&PasswordHash>) -> Attempt {
        let mut context = hmac::Context::with_key(&self.0.key);
        let hash = hash.map_or("", |hash| &hash.0);
        for part in [hash, login.name, login.password.reveal()] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        Attempt { from, tag: tag_of(context) }
    }

    fn remembers(&self, tag: &Tag) -> bool {
        self.remembered().contains(tag, Instant::now(), &self.0.settings)
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Tag = [u8; 32];

fn tag_of(context: hmac::Context) -> Tag {
    let mut tag = [0; 32];
    tag.copy_from_slice(context.sign().as_ref());
    tag
}

/// Somebody at an address who tries a name and a password.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Attempt {
    from: Source,
    tag: Tag,
}

/// A session's part in a check.
enum Part {
    /// It does the work.
    Work(Work, Place),
    /// Another does the same work.
    Wait(watch::Receiver<Option<bool>>),
}

/// Tells the result to those who wait for it; dropped without one, that there will be none.
struct Work {
    auth: Authenticator,
    attempt: Attempt,
    result: watch::Sender<Option<bool>>,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.auth.0.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.attempt);
    }
}

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

    async fn check(auth: &Authenticator, mailbox: Option<&Mailbox>, password: &str) -> bool {
        check_from(auth, mailbox, "alice", password, "192.0.2.1").await.unwrap()
    }

    async fn check_from(
        auth: &Authenticator,
        mailbox: Option<&Mailbox>,
        name: &str,
        password: &str,
        from: &str,
    ) -> Result<bool, Refusal> {
        let password = Secret::new(password);
        auth.verify(mailbox, &Login { name, password: &password }, from.parse().unwrap()).await
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
            assert_eq!(check(&auth, Some(&alice), password).await, good, "{password}");
        }
        let mut no_password = alice.clone();
        no_password.password = None;
        assert!(!check(&auth, Some(&no_password), "").await);
        assert!(!check(&auth, None, "right").await);
    }

    #[tokio::test]
    async fn a_changed_password_counts_at_once() {
        let (auth, old) = (quick(), mailbox("old", Cost::Cheap));
        assert!(check(&auth, Some(&old), "old").await);
        let new = mailbox("new", Cost::Cheap);
        assert!(!check(&auth, Some(&new), "old").await);
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
        let begin = Instant::now();
        assert!(check(&auth, Some(&alice), "right").await);
        let first = begin.elapsed();
        let begin = Instant::now();
        for _ in 0..100 {
            assert!(check(&auth, Some(&alice), "right").await);
        }
        assert!(begin.elapsed() < first * 10, "100 times {:?} after {first:?}", begin.elapsed() / 100);
    }

    #[tokio::test]
    async fn many_at_once_do_the_work_once() {
        let (auth, alice) = (quick(), Arc::new(mailbox("right", Cost::Standard)));
        let mut logins = tokio::task::JoinSet::new();
        for _ in 0..500 {
            let (auth, alice) = (auth.clone(), alice.clone());
            logins.spawn(async move { check(&auth, Some(&alice), "right").await });
        }
        let begin = Instant::now();
        assert!(logins.join_all().await.into_iter().all(|verified| verified));
        // 500 times the work would take a quarter of a minute and more.
        assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    }

    /// A crowd from one address that waits for as long as the returned turn is held.
    async fn crowded(auth: &Authenticator, alice: Option<&Arc<Mailbox>>) -> (Place, Vec<Refusal>) {
        let other = Source::of("192.0.2.9".parse().unwrap());
        let mut turn = auth.0.turns.enter(other, |_, _| Ok::<(), ()>(())).ok().unwrap();
        turn.turn().await;
        let (sender, mut refused) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..policy::CHECKS_PER_SOURCE + 5 {
            let (auth, alice, sender) = (auth.clone(), alice.cloned(), sender.clone());
            tokio::spawn(async move {
                let password = format!("wrong {number}");
                let result = check_from(&auth, alice.as_deref(), "alice", &password, "192.0.2.1").await;
                let _ = sender.send(result.err());
            });
        }
        let mut refusals = Vec::new();
        while refusals.len() < 5 {
            refusals.extend(refused.recv().await.unwrap());
        }
        (turn, refusals)
    }

    #[tokio::test]
    async fn a_crowd_is_refused_alike_whether_the_user_exists_or_not() {
        let settings = Settings { workers: 1, failure_delay: Duration::ZERO, ..Settings::default() };
        let alice = Arc::new(mailbox("right", Cost::Cheap));
        let [known, unknown] = [Some(&alice), None].map(|user| (Authenticator::new(settings), user));
        let (_turn, known) = crowded(&known.0, known.1).await;
        let (_other_turn, unknown) = crowded(&unknown.0, unknown.1).await;
        assert_eq!(known, unknown);
        assert!(known.iter().all(|refusal| matches!(refusal, Refusal::TooManyLogins { .. })), "{known:?}");
    }

    #[tokio::test]
    async fn a_crowd_holds_up_neither_other_addresses_nor_the_remembered() {
        let settings = Settings { workers: 1, failure_delay: Duration::ZERO, ..Settings::default() };
        let (auth, alice) = (Authenticator::new(settings), Arc::new(mailbox("right", Cost::Cheap)));
        assert!(check(&auth, Some(&alice), "right").await);
        let (turn, _) = crowded(&auth, Some(&alice)).await;
        assert!(
            check(&auth, Some(&alice), "right").await,
            "from the crowd's own address, while nobody works"
        );
        let mut bob = mailbox("other", Cost::Cheap);
        bob.account = AccountId(2);
        let login = check_from(&auth, Some(&bob), "bob", "other", "2001:db8::1");
        let waiting = tokio::spawn(async move { drop(turn) });
        assert_eq!(login.await, Ok(true));
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn equal_attempts_are_one_and_survive_the_one_who_leaves() {
        let settings = Settings { workers: 1, failure_delay: Duration::ZERO, ..Settings::default() };
        for user in [Some(Arc::new(mailbox("right", Cost::Cheap))), None] {
            let auth = Authenticator::new(settings);
            let mut turn =
                auth.0.turns.enter(Source::of("192.0.2.9".parse().unwrap()), |_, _| Ok::<(), ()>(()));
            turn.as_mut().unwrap().turn().await;
            let mut logins = Vec::new();
            for _ in 0..100 {
                let (auth, user) = (auth.clone(), user.clone());
                logins.push(tokio::spawn(async move { check(&auth, user.as_deref(), "right").await }));
                tokio::task::yield_now().await;
            }
            logins.remove(0).abort();
            drop(turn);
            for login in logins {
                assert_eq!(login.await.unwrap(), user.is_some());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_waits() {
        let auth = Authenticator::new(Settings::default());
        let begin = tokio::time::Instant::now();
        assert!(!check(&auth, Some(&mailbox("right", Cost::Cheap)), "wrong").await);
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
