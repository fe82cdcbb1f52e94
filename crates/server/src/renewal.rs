//! The certificate of a running server: made or loaded at the start, and renewed in time while it runs.
//!
//! What is to be done to the files is decided by [`crate::certificate`]. A certificate that somebody else has put in their
//! place is taken too, but none that has expired takes the place of another; what is wrong with it goes to the log, again
//! only when it changes. TLS is given a new one only where it is another, for with it the resumable sessions are forgotten.

use crate::certificate::{self, CertificateError};
use crate::tls::Tls;
use journal::{Journal, Source, event};
use rustls::pki_types::CertificateDer;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Looks after the certificate.
pub struct Renewal {
    data: PathBuf,
    names: Vec<String>,
    tls: Tls,
    state: Mutex<State>,
    journal: Arc<Journal>,
}

struct State {
    used: Vec<CertificateDer<'static>>,
    /// The warnings that are in the log.
    told: Vec<String>,
}

impl Renewal {
    /// Begins with the certificate in this data directory for these names; `now` is in seconds since 1970.
    pub fn start(
        data: PathBuf,
        names: Vec<String>,
        now: i64,
        journal: Arc<Journal>,
    ) -> Result<Renewal, CertificateError> {
        let identity = certificate::ensure(&data, &names, now)?;
        let tls = Tls::new(&identity)?;
        let mut state = State { used: identity.chain, told: Vec::new() };
        state.tell(&journal, identity.warnings);
        Ok(Renewal { data, names, tls, state: Mutex::new(state), journal })
    }

    /// TLS with the certificate.
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Renews the certificate where it is time, and uses what is there now. Whether it is another than before.
    pub fn renew(&self, now: i64) -> Result<bool, CertificateError> {
        // One at a time, for they write the same files.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let identity = certificate::ensure(&self.data, &self.names, now)?;
        let other = state.used != identity.chain;
        state.tell(&self.journal, identity.warnings.clone());
        if !other || identity.expired {
            return Ok(false);
        }
        self.tls.reload(&identity)?;
        state.used = identity.chain;
        let message = "Another certificate is in use now.";
        self.journal.write(&event::CERTIFICATE_RENEWED, Source::Gatepost, message);
        Ok(true)
    }

    /// As [`Renewal::renew`], for somebody who has replaced the files and wants to hear all that is wrong with them.
    pub fn reload(&self, now: i64) -> Result<bool, CertificateError> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).told.clear();
        self.renew(now)
    }

    /// The event that tells why the certificate in use stays.
    pub fn tell_failure(&self, error: &CertificateError) {
        let message = format!("The old certificate stays in use: {error}.");
        self.journal.write(&event::CERTIFICATE_UNUSABLE, Source::Gatepost, &message);
    }
}

impl State {
    fn tell(&mut self, journal: &Journal, warnings: Vec<String>) {
        if self.told != warnings {
            for warning in &warnings {
                journal.write(&event::CERTIFICATE_WARNING, Source::Gatepost, warning);
            }
            self.told = warnings;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const NOW: i64 = 1_767_700_000;
    const DAY: i64 = 86_400;

    fn start() -> (tempfile::TempDir, Renewal) {
        let dir = tempfile::tempdir().unwrap();
        let renewal =
            Renewal::start(dir.path().to_owned(), vec!["a.test".to_owned()], NOW, Arc::default()).unwrap();
        (dir, renewal)
    }

    #[test]
    fn years_go_by() {
        let (_dir, renewal) = start();
        let renewed: Vec<i64> = (0..800).filter(|day| renewal.renew(NOW + day * DAY).unwrap()).collect();
        // When thirty of its 365 days are left.
        assert_eq!(renewed, [335, 670]);
    }

    #[test]
    fn only_another_certificate_is_loaded() {
        let (_dir, renewal) = start();
        let begin = renewal.tls().config();
        renewal.renew(NOW + DAY).unwrap();
        assert!(Arc::ptr_eq(&begin, &renewal.tls().config()), "sessions can be resumed");
        renewal.renew(NOW + 340 * DAY).unwrap();
        assert!(!Arc::ptr_eq(&begin, &renewal.tls().config()));
    }

    /// A certificate that is not of the authority in the directory, and its key, in the files of another directory.
    fn foreign(now: i64) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        certificate::ensure(dir.path(), &["a.test".to_owned()], now).unwrap();
        dir
    }

    fn copy(from: &tempfile::TempDir, to: &tempfile::TempDir, file: &str) {
        std::fs::copy(from.path().join(file), to.path().join(file)).unwrap();
    }

    #[test]
    fn files_are_replaced_one_after_the_other() {
        for files in [["tls/server.pem", "tls/server-key.pem"], ["tls/server-key.pem", "tls/server.pem"]] {
            let ((dir, renewal), other) = (start(), foreign(NOW));
            let begin = renewal.tls().config();
            copy(&other, &dir, files[0]);
            assert!(matches!(renewal.renew(NOW + 340 * DAY), Err(CertificateError::Pair { .. })));
            assert!(Arc::ptr_eq(&begin, &renewal.tls().config()), "{files:?}");
            copy(&other, &dir, files[1]);
            // Less than thirty days are left, and it is taken.
            assert!(renewal.reload(NOW + 340 * DAY).unwrap());
            assert!(!renewal.reload(NOW + 340 * DAY).unwrap(), "nothing has changed");
            assert!(!renewal.renew(NOW + 400 * DAY).unwrap(), "nobody but its owner renews it");
            for file in files {
                let [put, now] = [&other, &dir].map(|dir| std::fs::read(dir.path().join(file)).unwrap());
                assert_eq!(put, now, "{file}");
            }
        }
    }

    #[test]
    fn one_that_has_expired_is_served_from_the_start_only() {
        let ((dir, renewal), other) = (start(), foreign(NOW - 400 * DAY));
        let begin = renewal.tls().config();
        for file in ["tls/server.pem", "tls/server-key.pem"] {
            copy(&other, &dir, file);
        }
        assert!(!renewal.reload(NOW).unwrap());
        assert!(Arc::ptr_eq(&begin, &renewal.tls().config()));
        let again =
            Renewal::start(dir.path().to_owned(), vec!["a.test".to_owned()], NOW, Arc::default()).unwrap();
        assert_eq!(again.state.lock().unwrap().told.len(), 1);
    }

    #[test]
    fn a_failure_leaves_the_old_in_use() {
        let (dir, renewal) = start();
        let begin = renewal.tls().config();
        std::fs::remove_file(dir.path().join("tls/ca-key.pem")).unwrap();
        assert!(renewal.renew(NOW + 340 * DAY).is_err());
        assert!(Arc::ptr_eq(&begin, &renewal.tls().config()));
    }
}
