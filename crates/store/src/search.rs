//! Looks for texts in messages, by reading them.
//!
//! A few messages at a time, so that a search over a large folder shares the threads with all others. Only the header
//! is read where only header fields are looked at.

use crate::core::Core;
use crate::reads::{Found, find, summaries};
use crate::{Error, TextPlace, TextQuery};
use mail::text::{Document, Needle};
use mail::{AccountId, FolderId, Uid};
use std::sync::Arc;

/// Messages looked at in one go.
const BATCH: usize = 32;

/// For each text, the messages that contain it.
pub(crate) async fn search(
    core: &Core,
    account: AccountId,
    folder: FolderId,
    uids: &[Uid],
    texts: Vec<TextQuery>,
) -> Result<Vec<Vec<Uid>>, Error> {
    let mut hits = vec![Vec::new(); texts.len()];
    let needles: Vec<(TextPlace, Needle)> =
        texts.into_iter().map(|query| (query.place, Needle::new(&query.text))).collect();
    let needles = Arc::new(needles);
    for batch in uids.chunks(BATCH) {
        let (batch, needles) = (batch.to_vec(), Arc::clone(&needles));
        let found = core.read_bodies(move |bodies| {
            let mut found = Vec::new();
            let header_only = needles.iter().all(|(place, _)| matches!(place, TextPlace::Header(_)));
            let summaries = summaries(bodies, account, folder, &batch)?;
            let places = find(bodies.db, account, folder, &batch)?;
            for Found { uid, blob, place, header } in places {
                let Ok(at) = summaries.binary_search_by_key(&uid, |(uid, _)| *uid) else { continue };
                let Some((_, summary)) = summaries.get(at) else { continue };
                let octets = match header_only {
                    true => bodies.part(blob, &place, 0, header)?,
                    false => bodies.whole(blob, &place)?,
                };
                let document = Document::new(&octets, summary);
                found.push((
                    uid,
                    needles.iter().map(|needle| contains(&document, needle)).collect::<Vec<_>>(),
                ));
            }
            Ok(found)
        });
        for (uid, matches) in found.await? {
            let matched = hits.iter_mut().zip(matches).filter(|(_, matches)| *matches);
            matched.for_each(|(hits, _)| hits.push(uid));
        }
    }
    Ok(hits)
}

fn contains(document: &Document<'_>, (place, needle): &(TextPlace, Needle)) -> bool {
    match place {
        TextPlace::Header(name) => document.field_contains(name, needle),
        TextPlace::Body => document.body_contains(needle),
        TextPlace::Anywhere => document.contains(needle),
    }
}
