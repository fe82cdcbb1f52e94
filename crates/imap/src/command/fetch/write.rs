//! Writes one message's FETCH response, item by item, pausing where octets of the message are to be sent.

use super::items::{BodyText, Item, Items};
use super::structure;
use crate::border::Ask;
use crate::encode;
use crate::state::Turn;
use crate::view::View;
use bytes::Bytes;
use mail::{Body, Entry, FlagSet, Summary};
use std::sync::Arc;
use wire::{Copy, Shape};

/// Flags that are written often: most messages of a folder have the same few sets.
const FLAG_SETS: usize = 8;

/// What was written for earlier messages and is likely to be written again.
#[derive(Default)]
pub(super) struct Memo {
    flags: Vec<((FlagSet, bool), Vec<u8>)>,
    day: encode::DayMemo,
}

impl Memo {
    fn write_flags(&mut self, out: &mut Vec<u8>, entry: &Entry, view: &View) {
        let of = (entry.flags, view.is_recent(entry.uid));
        if let Some((_, text)) = self.flags.iter().find(|(known, _)| *known == of) {
            out.extend_from_slice(text);
            return;
        }
        let mut text = Vec::new();
        encode::flags(&mut text, of.0, &view.listing.keywords, of.1);
        out.extend_from_slice(&text);
        if self.flags.len() == FLAG_SETS {
            self.flags.remove(0);
        }
        self.flags.push((of, text));
    }
}

/// The whole response of a message whose items the listing knows.
pub(super) fn plain(
    out: &mut Vec<u8>,
    seq: usize,
    entry: &Entry,
    view: &View,
    items: &Items,
    memo: &mut Memo,
) {
    begin(out, seq);
    for (index, item) in items.list.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        write_plain(out, item, entry, view, memo);
    }
    out.extend_from_slice(b")\r\n");
}

fn begin(out: &mut Vec<u8>, seq: usize) {
    out.extend_from_slice(b"* ");
    encode::number(out, seq as u64);
    out.extend_from_slice(b" FETCH (");
}

fn write_plain(out: &mut Vec<u8>, item: &Item, entry: &Entry, view: &View, memo: &mut Memo) {
    match item {
        Item::Uid => named(out, b"UID ", entry.uid.0.into()),
        Item::Size => named(out, b"RFC822.SIZE ", entry.size.into()),
        Item::Flags => {
            out.extend_from_slice(b"FLAGS ");
            memo.write_flags(out, entry, view);
        }
        Item::InternalDate => {
            out.extend_from_slice(b"INTERNALDATE ");
            memo.day.write(out, entry.date);
        }
        Item::ModSeq => {
            named(out, b"MODSEQ (", entry.modseq.0);
            out.push(b')');
        }
        // These are not known to the listing; `Items::needs` says so.
        Item::Envelope | Item::Body | Item::BodyStructure | Item::Text(_) => {}
    }
}

fn named(out: &mut Vec<u8>, name: &[u8], number: u64) {
    out.extend_from_slice(name);
    encode::number(out, number);
}

/// A message whose response is being written.
pub(super) struct Writer {
    seq: usize,
    entry: Entry,
    summary: Option<Arc<Summary>>,
    body: Option<Body>,
    header: Option<Bytes>,
    /// Items written so far.
    done: usize,
    /// Octets that were asked for, for the next item.
    octets: Option<Bytes>,
    /// Written at the end, because `\Seen` was set.
    extra: &'static [Item],
}

impl Writer {
    pub fn new(
        seq: usize,
        entry: Entry,
        summary: Option<Arc<Summary>>,
        body: Option<Body>,
        header: Option<Bytes>,
    ) -> Writer {
        Writer { seq, entry, summary, body, header, done: 0, octets: None, extra: &[] }
    }

    /// The response also shows the flags, and to those who know it the modseq.
    pub fn shows_flags(&mut self, items: &Items, condstore: bool) {
        let asked = |item| items.list.contains(item);
        self.extra = match (asked(&Item::Flags), asked(&Item::ModSeq) || !condstore) {
            (true, true) => &[],
            (true, false) => &[Item::ModSeq],
            (false, true) => &[Item::Flags],
            (false, false) => &[Item::Flags, Item::ModSeq],
        };
    }

    /// Octets that a turn of this writer asked for.
    pub fn octets_came(&mut self, octets: &Bytes) {
        self.octets = Some(octets.clone());
    }

    /// Goes on writing; a turn where it has to pause.
    pub fn write(&mut self, out: &mut Vec<u8>, view: &View, items: &Items, memo: &mut Memo) -> Option<Turn> {
        // After an ask for octets the same item is written again, its space already before it.
        if self.done == 0 && self.octets.is_none() {
            begin(out, self.seq);
        }
        while let Some(item) = items.list.get(self.done) {
            if self.done > 0 && self.octets.is_none() {
                out.push(b' ');
            }
            let turn = self.write_item(out, item, view, memo);
            if let Some(Turn::Ask(_)) = turn {
                return turn;
            }
            self.octets = None;
            self.done += 1;
            if turn.is_some() {
                return turn;
            }
        }
        for item in self.extra {
            out.push(b' ');
            write_plain(out, item, &self.entry, view, memo);
        }
        out.extend_from_slice(b")\r\n");
        None
    }

    /// One item; a turn where the message's octets have to be sent or read for it.
    fn write_item(&mut self, out: &mut Vec<u8>, item: &Item, view: &View, memo: &mut Memo) -> Option<Turn> {
        match (item, &self.summary) {
            (Item::Text(text), _) => return self.write_text(out, text),
            (Item::Envelope, Some(summary)) => {
                out.extend_from_slice(b"ENVELOPE ");
                structure::envelope(out, &summary.envelope);
            }
            (Item::Body, Some(summary)) => {
                out.extend_from_slice(b"BODY ");
                structure::body(out, &summary.root, structure::Form::Body);
            }
            (Item::BodyStructure, Some(summary)) => {
                out.extend_from_slice(b"BODYSTRUCTURE ");
                structure::body(out, &summary.root, structure::Form::BodyStructure);
            }
            _ => write_plain(out, item, &self.entry, view, memo),
        }
        None
    }

    fn write_text(&mut self, out: &mut Vec<u8>, text: &BodyText) -> Option<Turn> {
        if text.is_main_header() {
            let header = self.header.clone().unwrap_or_default();
            write_inline(out, text, &header);
            return None;
        }
        let body = self.body.as_ref()?;
        let range = match &self.summary {
            // Without a summary it is the whole message.
            None => Some((0, body.size)),
            Some(summary) => summary.section(&text.section).map(|range| (range.start, range.len)),
        };
        let Some((start, len)) = range else {
            out.extend_from_slice(&text.label);
            out.extend_from_slice(b" NIL");
            return None;
        };
        // Fields of a header further in: it has to be read to be filtered, which headers are small enough for.
        if text.fields.is_some() {
            let Some(octets) = self.octets.take() else {
                return Some(Turn::Ask(Ask::Read(body.clone(), start, len)));
            };
            write_inline(out, text, &octets);
            return None;
        }
        let (start, len) = cut(start, len, text.partial);
        out.extend_from_slice(&text.label);
        out.push(b' ');
        // Some clients wait for ever for a literal without octets.
        if len == 0 {
            out.extend_from_slice(b"\"\"");
            return None;
        }
        encode::literal_head(out, len.into());
        Some(Turn::Copy(Copy { body: body.clone(), start, len, shape: Shape::Octets }))
    }
}

/// A header, or fields of it, as a literal.
fn write_inline(out: &mut Vec<u8>, text: &BodyText, header: &[u8]) {
    let filtered = text.fields.as_ref().map(|(names, keep)| mail::header::filter(header, names, *keep));
    let octets = filtered.as_deref().unwrap_or(header);
    let size = u32::try_from(octets.len()).unwrap_or(u32::MAX);
    let (start, len) = cut(0, size, text.partial);
    let end = (start as usize).saturating_add(len as usize);
    out.extend_from_slice(&text.label);
    out.push(b' ');
    encode::literal(out, octets.get(start as usize..end).unwrap_or_default());
}

/// The part of a range that a partial leaves (RFC 3501 §6.4.5: what lies beyond the end is empty).
fn cut(start: u32, len: u32, partial: Option<(u32, u32)>) -> (u32, u32) {
    match partial {
        None => (start, len),
        Some((skip, at_most)) if skip < len => (start.saturating_add(skip), at_most.min(len - skip)),
        Some(_) => (start, 0),
    }
}
