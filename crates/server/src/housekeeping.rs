//! What a node does by itself, now and then: it forgets removed messages whose time is up, gives back their space, and
//! renews its certificate.
//!
//! It works in small steps with pauses, for users must not notice. A failure waits for the next round: nothing here is
//! urgent, and a full disk is healed by others.

use crate::Context;
use crate::renewal::Renewal;
use journal::{Source, event};
use std::time::Duration;
use store::Error;

/// From one round to the next.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// Octets copied in one step to empty segments, and the pause after it.
const STEP: u64 = 16 << 20;
const PAUSE: Duration = Duration::from_secs(1);
/// Removals that a folder remembers, for clients that ask what changed since they were last here.
const REMEMBERED: u32 = 10_000;

/// Keeps house until the store is closed.
pub async fn keep(context: &Context, renewal: &Renewal) {
    loop {
        renew(renewal, context.now().seconds);
        match round(context).await {
            Ok(()) => {}
            Err(Error::Closed) => return,
            Err(error) => tracing::warn!(%error, "removed messages could not be purged; trying again later"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn renew(certificate: &Renewal, now: i64) {
    match certificate.renew(now) {
        Ok(_) => {}
        Err(error) => certificate.tell_failure(&error),
    }
}

/// Does all that is to be done to the store now.
pub async fn round(context: &Context) -> Result<(), Error> {
    let retention = context.directory.snapshot().organization().deleted_item_retention;
    let kept = i64::try_from(retention.0).unwrap_or(i64::MAX);
    let purged = context.store.purge_recoverable(context.now().seconds.saturating_sub(kept)).await?;
    if purged > 0 {
        let message = format!("{purged} removed messages were purged after {retention}.");
        context.store.journal().write(&event::HOUSEKEEPING, Source::Gatepost, &message);
    }
    context.store.forget_removals(REMEMBERED).await?;
    let age = context.directory.snapshot().organization().admin_audit_log_age_limit;
    let age = i64::try_from(age.0).unwrap_or(i64::MAX);
    context.store.forget_audit(context.now().seconds.saturating_sub(age)).await?;
    context.store.forget_events(context.now().seconds).await?;
    while context.store.reclaim(STEP).await? {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
