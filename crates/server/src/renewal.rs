//! The certificate of a running server: made or loaded at the start, and renewed in time while it runs.
//!
//! What is to be done to the files is decided by [`crate::certificate`]. A certificate that somebody else has put in their
//! place is taken too. TLS is given a new one only where it is another, for with it the resumable sessions are forgotten.

use crate::certificate::{self, CertificateError};
use crate::tls::Tls;
use rustls::pki_types::CertificateDer;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Looks after the certificate.
pub struct Renewal {
    data: PathBuf,
    names: Vec<String>,
    tls: Tls,
    used: Mutex<Vec<CertificateDer<'static>>>,
}

impl Renewal {
    /// Begins with the certificate in this data directory for these names; `now` is in seconds since 1970.
    pub fn start(data: PathBuf, names: Vec<String>, now: i64) -> Result<Renewal, CertificateError> {
        let identity = certificate::ensure(&data, &names, now)?;
        let tls = Tls::new(&identity)?;
        Ok(Renewal { data, names, tls, used: Mutex::new(identity.chain) })
    }

    /// TLS with the certificate.
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Renews the certificate where it is time, and uses what is there now. Whether it is another than before.
    pub fn renew(&self, now: i64) -> Result<bool, CertificateError> {
        // One at a time: two that renew at once would each write a file of the pair.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let identity = certificate::ensure(&self.data, &self.names, now)?;
        if *used == identity.chain {
            return Ok(false);
        }
        self.tls.reload(&identity)?;
        *used = identity.chain;
        Ok(true)
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
        let renewal = Renewal::start(dir.path().to_owned(), vec!["a.test".to_owned()], NOW).unwrap();
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

    #[test]
    fn a_failure_leaves_the_old_in_use() {
        let (dir, renewal) = start();
        let begin = renewal.tls().config();
        std::fs::remove_file(dir.path().join("tls/ca-key.pem")).unwrap();
        assert!(renewal.renew(NOW + 340 * DAY).is_err());
        assert!(Arc::ptr_eq(&begin, &renewal.tls().config()));
    }
}
