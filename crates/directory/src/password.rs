//! Password hashes: argon2id (RFC 9106) in PHC form.
//!
//! One place for the cost of a password, for those who set it (`admin`, the quickstart) and those who check it
//! (`server`). Both functions are slow on purpose and need 19 MiB: callers keep them off the threads that serve
//! connections, and bound how many run at once.

use crate::PasswordHash;
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
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
    let params = cost.params();
    let salt = phc::Salt::generate();
    let output = output(password, &salt, &params, Params::DEFAULT_OUTPUT_LEN).ok_or(HashFailed)?;
    let hash = phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: (&params).try_into().map_err(|_| HashFailed)?,
        salt: Some(salt),
        hash: Some(output),
    };
    Ok(PasswordHash(hash.to_string()))
}

/// Whether the password belongs to the hash; the cost is the one the hash was made with. `false` for a text that is no
/// argon2id hash, or whose cost is beyond reason.
pub fn verify(password: &Secret, hash: &PasswordHash) -> bool {
    let Ok(parsed) = phc::PasswordHash::new(&hash.0) else { return false };
    let (Some(salt), Some(expected)) = (&parsed.salt, &parsed.hash) else { return false };
    let known =
        parsed.algorithm == Algorithm::Argon2id.ident() && parsed.version == Some(Version::V0x13.into());
    let Some(params) =
        Params::try_from(&parsed).ok().filter(|params| known && params.m_cost() <= MOST_MEMORY)
    else {
        return false;
    };
    // The comparison takes the same time whatever differs.
    output(password, salt, &params, expected.len()).is_some_and(|found| found == *expected)
}

/// Largest memory of a hash that is checked, in KiB.
const MOST_MEMORY: u32 = 256 * 1024;

/// Blocks of 1 KiB that are asked for at least. glibc gives an allocation above 32 MiB back to the system as soon as it
/// is freed; a smaller one it keeps for the thread, which would leave 19 MiB with each thread that ever checked a
/// password. What is not used is never touched, and takes no memory.
const LEAST_RESERVED: usize = 33 * 1024;

fn output(password: &Secret, salt: &phc::Salt, params: &Params, len: usize) -> Option<phc::Output> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let used = params.block_count();
    let mut blocks: Vec<Block> = Vec::new();
    blocks.try_reserve_exact(used.max(LEAST_RESERVED)).ok()?;
    blocks.resize(used, Block::new());
    let mut out = vec![0; len];
    argon2.hash_password_into_with_memory(password.reveal().as_bytes(), salt, &mut out, &mut blocks).ok()?;
    phc::Output::new(&out).ok()
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
    fn hashes_are_those_of_argon2_itself() {
        use argon2::{PasswordHasher, PasswordVerifier};
        let ours = hash(&Secret::new("Gatepost!1"), Cost::Standard).unwrap();
        assert!(Argon2::default().verify_password(b"Gatepost!1", ours.0.as_str()).is_ok());
        let theirs = Argon2::default().hash_password(b"Gatepost!1").unwrap();
        assert!(verify(&Secret::new("Gatepost!1"), &PasswordHash(theirs.to_string())));
    }

    #[test]
    fn a_text_that_is_no_hash_verifies_nothing() {
        let whole = hash(&Secret::new("Gatepost!1"), Cost::Cheap).unwrap().0;
        let greedy = whole.replace("m=8,", "m=4194304,");
        let other = whole.replace("argon2id", "argon2i");
        assert!(greedy != whole && other != whole, "{whole}");
        for text in [
            "",
            "x",
            "$argon2id$v=19$m=19456,t=2,p=1$",
            "Gatepost!1",
            &greedy,
            &other,
            &whole[..whole.len() - 8],
        ] {
            assert!(!verify(&Secret::new(text), &PasswordHash(text.into())), "{text}");
        }
    }
}
