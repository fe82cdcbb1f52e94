//! Password hashes: argon2id (RFC 9106) in PHC form.
//!
//! One place for the cost of a password, for those who set it (`admin`, the quickstart) and those who check it
//! (`server`). Both functions are slow on purpose and need 19 MiB: callers keep them off the threads that serve
//! connections, and bound how many run at once.

use crate::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use mail::Secret;

/// How much work a hash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// 19 MiB and two passes, about 30 ms: what OWASP recommends.
    Standard,
    /// As little as argon2 allows; for tests that are not about passwords.
    Cheap,
}

impl Cost {
    fn params(self) -> Params {
        let wanted = match self {
            Cost::Standard => Params::new(19 * 1024, 2, 1, None),
            Cost::Cheap => Params::new(Params::MIN_M_COST, 1, 1, None),
        };
        wanted.unwrap_or(Params::DEFAULT)
    }
}

/// The system's source of randomness or argon2 itself failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashFailed;

impl std::fmt::Display for HashFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the password could not be hashed: no randomness or memory to be had")
    }
}

impl std::error::Error for HashFailed {}

/// Hashes a password with a new random salt.
pub fn hash(password: &Secret, cost: Cost) -> Result<PasswordHash, HashFailed> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params());
    let hash = argon2.hash_password(password.reveal().as_bytes()).map_err(|_| HashFailed)?;
    Ok(PasswordHash(hash.to_string()))
}

/// Whether the password belongs to the hash; the cost is the one the hash was made with. `false` for a text that is no
/// hash.
pub fn verify(password: &Secret, hash: &PasswordHash) -> bool {
    let Ok(hash) = phc::PasswordHash::new(&hash.0) else { return false };
    Argon2::default().verify_password(password.reveal().as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_verifies() {
        let hash = hash(&Secret::new("Gatepost!1"), Cost::Cheap).unwrap();
        for (password, good) in
            [("Gatepost!1", true), ("gatepost!1", false), ("", false), ("Gatepost!1 ", false)]
        {
            assert_eq!(verify(&Secret::new(password), &hash), good, "{password}");
        }
    }

    #[test]
    fn salts_differ_and_the_cost_is_written_down() {
        let [one, two] = [(); 2].map(|()| hash(&Secret::new("same"), Cost::Standard).unwrap());
        assert_ne!(one, two);
        assert!(one.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.0);
    }

    #[test]
    fn a_text_that_is_no_hash_verifies_nothing() {
        for text in ["", "x", "$argon2id$v=19$m=19456,t=2,p=1$", "Gatepost!1"] {
            assert!(!verify(&Secret::new(text), &PasswordHash(text.into())), "{text}");
        }
    }
}
