//! Access tokens at work: what is random, what is saved, and who calls with one.

use crate::run::Failure;
use crate::{Context, change};
use aws_lc_rs::{digest, rand};
use directory::{AccessToken, Change, Mailbox, Snapshot};
use policy::{Caller, Refusal};
use std::fmt::Write;
use std::sync::Arc;

/// Every token begins so, and is found by that where it should not be.
const PREFIX: &str = "gatepost_";
/// How exactly it is kept when a token was used, in seconds: keeping it more often would cost a commit for each call.
const EXACTNESS: i64 = 3_600;

/// A new token.
pub(crate) fn random() -> Result<String, Failure> {
    let mut octets = [0; 32];
    rand::fill(&mut octets).map_err(|_| "The system gives no random numbers.")?;
    Ok(format!("{PREFIX}{}", hexadecimal(&octets)))
}

/// What is saved of a token.
pub(crate) fn hash(token: &str) -> String {
    hexadecimal(digest::digest(&digest::SHA256, token.as_bytes()).as_ref())
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a string does not fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// Who calls with this token, his mailbox, and what is known of the token; keeps when it was used.
pub async fn caller(
    context: &Context,
    token: &str,
) -> Result<(Caller, Arc<Mailbox>, Arc<AccessToken>), Refusal> {
    let snapshot = context.directory.snapshot();
    let now = context.node.now();
    let known = snapshot.access_token_by_hash(&hash(token)).cloned();
    let (caller, mailbox) = policy::use_token(&snapshot, known.as_deref(), now)?;
    let known = known.ok_or(Refusal::UnknownToken)?;
    if is_old(&known, now) {
        let noted = change::note(context, |all| used(all, &known, now)).await;
        if let Err(error) = noted {
            tracing::warn!(
                token = known.name,
                ?error,
                "it could not be kept that this access token was used"
            );
        }
    }
    Ok((caller, mailbox, known))
}

fn is_old(token: &AccessToken, now: i64) -> bool {
    token.last_used.is_none_or(|last| now.saturating_sub(last) >= EXACTNESS)
}

/// The token as it is now, unless it was removed meanwhile or somebody else was faster.
fn used(all: &Snapshot, token: &AccessToken, now: i64) -> Option<Change> {
    let current = all.by_guid::<AccessToken>(token.guid).filter(|current| is_old(current, now))?;
    Some(Change::put(AccessToken { last_used: Some(now), ..AccessToken::clone(current) }))
}
