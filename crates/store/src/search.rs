//! Looks for texts in messages, by reading them.
//!
//! Searches have a thread of their own, so that none of them makes others wait who only want to read; and they share it
//! in small pieces of work, so that a search over a large folder does not make a small one wait. Nothing is done for a
//! caller who went away. Only the header is read where only header fields are looked at.

use crate::bodies::Bodies;
use crate::core::Core;
use crate::reads::{Found, find, summaries};
use crate::{Error, TextPlace, TextQuery};
use mail::text::{Document, Needle};
use mail::{AccountId, FolderId, Uid};
use std::sync::Arc;

/// Messages looked up in one go.
const BATCH: usize = 256;
/// Octets looked at in one piece of work, each of them counted for each text; one message and one text at least.
const WORK: u64 = 16 << 20;

type Needles = Arc<Vec<(TextPlace, Needle)>>;

/// For each text, the messages that contain it.
pub(crate) async fn search(
    core: &Core,
    account: AccountId,
    folder: FolderId,
    uids: &[Uid],
    texts: Vec<TextQuery>,
) -> Result<Vec<Vec<Uid>>, Error> {
    let mut hits = vec![Vec::new(); texts.len()];
    let header_only = texts.iter().all(|query| matches!(query.place, TextPlace::Header(_)));
    let needles = texts.into_iter().map(|query| (query.place, Needle::new(&query.text)));
    let needles: Needles = Arc::new(needles.collect());
    for batch in uids.chunks(BATCH) {
        let batch = batch.to_vec();
        let found = core.read(move |db| find(db, account, folder, &batch)).await?;
        let octets = |found: &Found| u64::from(if header_only { found.header } else { found.place.length });
        for messages in pieces(&found, octets) {
            let most = messages.iter().map(octets).sum::<u64>().max(1);
            let at_once = usize::try_from(WORK / most).unwrap_or(usize::MAX).max(1);
            for first in (0..needles.len()).step_by(at_once) {
                let (needles, messages) = (Arc::clone(&needles), messages.to_vec());
                let job = move |bodies: Bodies<'_>| {
                    let needles = needles.iter().skip(first).take(at_once);
                    let needles: Vec<_> = needles.collect();
                    let looked = Look { bodies, account, folder, header_only };
                    messages.iter().map(|found| Ok((found.uid, looked.at(found, &needles)?))).collect()
                };
                let looked: Vec<(Uid, Vec<bool>)> = core.search_bodies(job).await?;
                for (uid, matches) in looked {
                    let matched = hits.iter_mut().skip(first).zip(matches).filter(|(_, matches)| *matches);
                    matched.for_each(|(hits, _)| hits.push(uid));
                }
            }
        }
    }
    Ok(hits)
}

/// Cuts messages into pieces of about as many octets as are looked at in one go.
fn pieces(found: &[Found], octets: impl Fn(&Found) -> u64) -> Vec<&[Found]> {
    let mut pieces = Vec::new();
    let (mut start, mut sum) = (0, 0);
    for (at, message) in found.iter().enumerate() {
        sum += octets(message);
        if sum > WORK / 16 {
            pieces.extend(found.get(start..=at));
            (start, sum) = (at + 1, 0);
        }
    }
    pieces.extend(found.get(start..).filter(|rest| !rest.is_empty()));
    pieces
}

struct Look<'a> {
    bodies: Bodies<'a>,
    account: AccountId,
    folder: FolderId,
    header_only: bool,
}

impl Look<'_> {
    /// Which of the texts this message contains; none if it cannot be read, or is gone.
    fn at(&self, found: &Found, needles: &[&(TextPlace, Needle)]) -> Result<Vec<bool>, Error> {
        let Found { uid, blob, place, header } = found;
        let octets = match self.header_only {
            true => self.bodies.part(*blob, place, 0, *header),
            false => self.bodies.whole(*blob, place),
        };
        let summary = summaries(self.bodies, self.account, self.folder, &[*uid]);
        let (octets, summary) = match octets.and_then(|octets| Ok((octets, summary?.found.pop()))) {
            Ok((octets, Some((_, summary)))) => (octets, summary),
            Ok((_, None)) | Err(Error::NotFound) => return Ok(vec![false; needles.len()]),
            Err(Error::Damaged(what)) => {
                self.bodies.tell_damage(&format!("Message {uid} is damaged and not searched: {what}."));
                return Ok(vec![false; needles.len()]);
            }
            Err(error) => return Err(error),
        };
        let document = Document::new(&octets, &summary);
        Ok(needles.iter().map(|needle| contains(&document, needle)).collect())
    }
}

fn contains(document: &Document<'_>, (place, needle): &(TextPlace, Needle)) -> bool {
    match place {
        TextPlace::Header(name) => document.field_contains(name, needle),
        TextPlace::Body => document.body_contains(needle),
        TextPlace::Anywhere => document.contains(needle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segments::Place;
    use mail::BlobId;

    #[test]
    fn large_messages_are_looked_at_alone_and_small_ones_together() {
        let size =
            |octets| Found { uid: Uid(1), blob: BlobId(1), place: Place::index(octets, 0), header: 10 };
        let found = [10, 20, 9 << 20, 5, 1 << 20, 1 << 20].map(size);
        let cut = pieces(&found, |found| found.place.length.into());
        assert_eq!(cut.iter().map(|piece| piece.len()).collect::<Vec<_>>(), [3, 2, 1]);
        assert_eq!(pieces(&found, |found| found.header.into()).len(), 1);
        assert!(pieces(&[], |_| 1).is_empty());
    }
}
