//! Writes one message's FETCH response, item by item, pausing where octets of the message are to be sent and where
//! enough is written or worked for once: no more is ever held than [`FLUSH`] and one item.

use super::items::{BodyText, Item, Items};
use super::sift::{Sifting, write_selected};
use super::structure;
use crate::border::Ask;
use crate::encode;
use crate::session::{FLUSH, WORK};
use crate::state::Turn;
use crate::view::View;
use bytes::Bytes;
use mail::{Body, Entry, FlagSet, Summary};
use std::sync::Arc;
use wire::{Copy, Shape};

/// Flags that are written often: most messages of a folder have the same few sets.
const FLAG_SETS: usize = 8;

/// What goes from message to message: texts that are likely to be written again, and how much was done.
#[derive(Default)]
pub(super) struct Memo {
    /// Octets of headers looked through since others had their turn.
    work: usize,
    flags: Vec<((FlagSet, bool), Vec<u8>)>,
    day: encode::DayMemo,
}

impl Memo {
    /// Keywords have other names now.
    pub fn forget_flags(&mut self) {
        self.flags.clear();
    }

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
    header: Option<Body>,
    begun: bool,
    /// Items written so far.
    done: usize,
    /// The next item, where it is a header that is read in pieces.
    sifting: Option<Sifting>,
    /// A piece that was asked for.
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
        header: Option<Body>,
    ) -> Writer {
        let (begun, done, sifting, octets, extra) = (false, 0, None, None, &[]);
        Writer { seq, entry, summary, body, header, begun, done, sifting, octets, extra }
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
    pub fn octets_came(&mut self, octets: Bytes) {
        self.octets = Some(octets);
    }

    /// Goes on writing; a turn where it has to pause.
    pub fn write(&mut self, out: &mut Vec<u8>, view: &View, items: &Items, memo: &mut Memo) -> Option<Turn> {
        if !std::mem::replace(&mut self.begun, true) {
            begin(out, self.seq);
        }
        while let Some(item) = items.list.get(self.done) {
            let turn = match item {
                Item::Text(text) if self.sifting.is_some() => self.sift(out, text),
                _ if out.len() >= FLUSH => return Some(Turn::Again),
                _ if memo.work >= WORK => {
                    memo.work = 0;
                    return Some(Turn::Ask(Ask::Pause));
                }
                _ => {
                    if self.done > 0 {
                        out.push(b' ');
                    }
                    self.write_item(out, item, view, memo)
                }
            };
            if self.sifting.is_some() {
                return turn;
            }
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
            (Item::Text(text), _) => return self.write_text(out, text, memo),
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

    fn write_text(&mut self, out: &mut Vec<u8>, text: &BodyText, memo: &mut Memo) -> Option<Turn> {
        let Some((body, start, len)) = self.place(text) else {
            out.extend_from_slice(&text.label);
            out.extend_from_slice(b" NIL");
            return None;
        };
        let held = at_hand(body, start, len);
        if let Some(selection) = &text.fields {
            if let Some(header) = held {
                memo.work += header.len();
                write_selected(out, text, selection, header);
                return None;
            }
            self.sifting = Some(Sifting::new(body.clone(), start, len));
            return self.sift(out, text);
        }
        let is_header = text.is_main_header();
        let (start, len) = cut(start, len, text.partial);
        write_label(out, text);
        if len == 0 {
            out.extend_from_slice(EMPTY);
            return None;
        }
        // A header is short, most of the time: no need to pause for it.
        if is_header && let Some(octets) = at_hand(body, start, len) {
            encode::literal(out, octets);
            return None;
        }
        encode::literal_head(out, len.into());
        Some(Turn::Copy(Copy { body: body.clone(), start, len, shape: Shape::Char8 }))
    }

    /// The stored octets that a text is taken from.
    fn place(&self, text: &BodyText) -> Option<(&Body, u32, u32)> {
        if text.is_main_header() {
            return self.header.as_ref().map(|header| (header, 0, header.size));
        }
        let body = self.body.as_ref()?;
        match &self.summary {
            // Without a summary it is the whole message.
            None => Some((body, 0, body.size)),
            Some(summary) => summary.section(&text.section).map(|range| (body, range.start, range.len)),
        }
    }

    /// Goes on with a header that is read in pieces.
    fn sift(&mut self, out: &mut Vec<u8>, text: &BodyText) -> Option<Turn> {
        let (sifting, selection) = (self.sifting.as_mut()?, text.fields.as_ref()?);
        if let Some(octets) = self.octets.take()
            && sifting.is_complete_with(out, text, selection, &octets)
        {
            self.sifting = None;
            return None;
        }
        Some(Turn::Ask(sifting.next_piece()))
    }
}

/// Some clients wait for ever for a literal without octets.
pub(super) const EMPTY: &[u8] = b"\"\"";

/// The octets of a range, where the store handed them out with the body.
fn at_hand(body: &Body, start: u32, len: u32) -> Option<&[u8]> {
    let (start, len) = (usize::try_from(start).ok()?, usize::try_from(len).ok()?);
    body.octets.as_ref()?.get(start..start.checked_add(len)?)
}

/// `BODY[HEADER] `
pub(super) fn write_label(out: &mut Vec<u8>, text: &BodyText) {
    out.extend_from_slice(&text.label);
    out.push(b' ');
}

/// The part of a range that a partial leaves (RFC 3501 §6.4.5: what lies beyond the end is empty).
pub(super) fn cut(start: u32, len: u32, partial: Option<(u32, u32)>) -> (u32, u32) {
    match partial {
        None => (start, len),
        Some((skip, at_most)) if skip < len => (start.saturating_add(skip), at_most.min(len - skip)),
        Some(_) => (start, 0),
    }
}
