//! Finds the structure of a message while its octets pass by, in one pass and without keeping them.
//!
//! Only the header fields that the summary shows are held back, within bounds. Bodies are searched for delimiter lines
//! (RFC 2046 §5.1.1) and counted for line ends, nothing else. Every sequence of octets has a summary: what goes beyond
//! the bounds, or breaks the rules, is plain content of the part it stands in.

use super::fields::{self, Collector, FIELD_LIMIT};
use super::{Content, Envelope, Part, Range, Summary};
use crate::header::is_blank;
use memchr::memmem::Finder;

/// Parts and messages within one another.
pub(super) const DEPTH_LIMIT: usize = 50;
/// Parts of one message.
const PARTS_LIMIT: usize = 10_000;
/// Octets of a delimiter line that are compared. RFC 2046 allows boundaries of 70; some programs exceed that.
const DELIMITER_LIMIT: usize = 1_000;
/// Octets of a boundary, which leave room for `--` before and after it, padding and the line end.
const BOUNDARY_LIMIT: usize = DELIMITER_LIMIT - 8;

/// Takes a message in pieces and gives its [`Summary`] at the end. How it is cut into pieces makes no difference.
#[derive(Debug)]
pub struct Builder {
    /// The part being read and those around it, outermost first; never empty.
    open: Vec<Open>,
    mode: Mode,
    /// What earlier pieces brought of the current line; in bodies only while it may be a delimiter.
    line: Vec<u8>,
    fields: Collector,
    parts: usize,
    /// Octets taken so far.
    at: u64,
    /// Line ends among them.
    lines: u32,
    /// The octet before `at`.
    last: u8,
    /// The length of the line end before `at`, where there is one.
    line_end: u64,
    /// Where the current line begins, for lines that are looked at.
    start: Start,
    delimiters: Finder<'static>,
}

/// A place in the message.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    at: u64,
    /// Line ends before it.
    lines: u32,
}

/// The beginning of a line.
#[derive(Clone, Copy, Debug, Default)]
struct Start {
    place: Place,
    /// The length of the line end just before it: it belongs to a delimiter that stands here.
    line_end: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// In the header of the innermost part.
    Header,
    /// In a body, at the beginning of a line or in what may become a delimiter line.
    LineStart,
    /// In a body, where no delimiter line can begin before the next line end.
    Inside,
}

/// A part that is being read.
#[derive(Debug)]
struct Open {
    part: Part,
    /// For the root of a message.
    envelope: Option<Envelope>,
    header_start: u64,
    body_start: Place,
    /// The boundary, while delimiters are looked for.
    boundary: Option<Vec<u8>>,
    children: Vec<Part>,
    nested: Option<Box<Summary>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delimiter {
    Part,
    Close,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// For a message of which nothing has been seen.
    pub fn new() -> Builder {
        Builder {
            open: vec![Open::new(0, Part::plain(), Some(Envelope::default()))],
            mode: Mode::Header,
            line: Vec::new(),
            fields: Collector::default(),
            parts: 1,
            at: 0,
            lines: 0,
            last: 0,
            line_end: 0,
            start: Start::default(),
            delimiters: Finder::new(b"\n--"),
        }
    }

    /// Takes the next octets of the message.
    pub fn push(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while !rest.is_empty() {
            rest = match self.mode {
                Mode::Header => self.in_header(rest),
                Mode::LineStart => self.at_line_start(rest),
                Mode::Inside => self.inside(rest),
            };
        }
    }

    /// The message is complete.
    pub fn finish(mut self) -> Summary {
        let line = std::mem::take(&mut self.line);
        match self.mode {
            Mode::Header if !line.is_empty() => self.header_line(&line),
            Mode::LineStart if line.starts_with(b"--") => self.body_line(&line),
            _ => {}
        }
        let end = Place { at: self.at, lines: self.lines };
        self.end_headers(end);
        while self.open.len() > 1 {
            self.close(end);
        }
        self.open.pop().map(|root| root.into_message(end)).unwrap_or_default()
    }

    /// Passes over these octets.
    fn advance(&mut self, octets: &[u8]) {
        let Some((&last, before)) = octets.split_last() else { return };
        let previous = before.last().copied().unwrap_or(self.last);
        self.line_end = match (previous, last) {
            (b'\r', b'\n') => 2,
            (_, b'\n') => 1,
            _ => 0,
        };
        self.last = last;
        self.at += octets.len() as u64;
        let lines = memchr::memchr_iter(b'\n', octets).count();
        self.lines = self.lines.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
    }

    /// A line begins here.
    fn begin_line(&mut self) {
        self.start = Start { place: Place { at: self.at, lines: self.lines }, line_end: self.line_end };
    }

    fn in_header<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        let end = memchr::memchr(b'\n', octets).map(|at| at + 1);
        let (piece, rest) = octets.split_at_checked(end.unwrap_or(octets.len())).unwrap_or_default();
        self.advance(piece);
        if end.is_some() && self.line.is_empty() {
            self.header_line(piece);
        } else {
            let room = FIELD_LIMIT.saturating_sub(self.line.len());
            self.line.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
            if end.is_some() {
                self.with_line(Builder::header_line);
            }
        }
        if end.is_some() {
            self.begin_line();
        }
        rest
    }

    /// Gives the line that was put together to `take`.
    fn with_line(&mut self, take: impl FnOnce(&mut Builder, &[u8])) {
        let mut line = std::mem::take(&mut self.line);
        take(self, &line);
        line.clear();
        self.line = line;
    }

    /// Takes a line of a header, which has been passed over.
    fn header_line(&mut self, line: &[u8]) {
        if let Some(found) = self.delimiter(line) {
            self.end_headers(self.start.place);
            self.delimit(found);
        } else if is_blank(line) {
            self.end_header(Place { at: self.at, lines: self.lines });
        } else if let Some(open) = self.open.last_mut() {
            let target = fields::Target { part: &mut open.part, envelope: open.envelope.as_mut() };
            self.fields.line(line, target);
        }
    }

    /// Ends the innermost header, and those of messages that begin where it ends, because no octet is left for them.
    fn end_headers(&mut self, end: Place) {
        while self.mode == Mode::Header {
            self.end_header(end);
        }
    }

    /// The innermost part's header ends here, and its body begins.
    fn end_header(&mut self, end: Place) {
        let deep = self.open.len() >= DEPTH_LIMIT;
        let full = self.parts >= PARTS_LIMIT;
        let Some(open) = self.open.last_mut() else { return };
        self.fields.end_header(fields::Target { part: &mut open.part, envelope: open.envelope.as_mut() });
        open.part.header = range(open.header_start, end.at);
        open.body_start = end;
        self.mode = Mode::LineStart;
        if deep || full {
            return;
        }
        if open.part.is_multipart() {
            open.boundary = fields::boundary(&open.part).filter(|text| text.len() <= BOUNDARY_LIMIT);
        } else if open.part.is_message() && !open.part.is_encoded() {
            self.begin_part(end.at, Part::plain(), Some(Envelope::default()));
        }
    }

    fn begin_part(&mut self, at: u64, part: Part, envelope: Option<Envelope>) {
        self.parts += 1;
        self.open.push(Open::new(at, part, envelope));
        self.mode = Mode::Header;
    }

    fn at_line_start<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        let end = memchr::memchr(b'\n', octets.get(..DELIMITER_LIMIT).unwrap_or(octets)).map(|at| at + 1);
        let (piece, rest) = octets.split_at_checked(end.unwrap_or(octets.len())).unwrap_or_default();
        let begins_with_dashes = self.line.iter().chain(piece).take(2).all(|&c| c == b'-');
        let too_long = self.line.len() + piece.len() > DELIMITER_LIMIT;
        if !begins_with_dashes || too_long || !self.has_boundary() {
            self.line.clear();
            self.mode = Mode::Inside;
            return octets;
        }
        self.advance(piece);
        self.line.extend_from_slice(piece);
        if end.is_some() {
            self.with_line(Builder::body_line);
            self.begin_line();
        }
        rest
    }

    /// Takes a line of a body that begins with dashes.
    fn body_line(&mut self, line: &[u8]) {
        if let Some(found) = self.delimiter(line) {
            self.delimit(found);
        }
    }

    fn inside<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        if !self.has_boundary() {
            self.advance(octets);
            return &[];
        }
        let line_end = match self.delimiters.find(octets) {
            Some(at) => Some(at + 1),
            // The dashes may come with the next piece.
            None if octets.ends_with(b"\n") => Some(octets.len()),
            None if octets.ends_with(b"\n-") => Some(octets.len() - 1),
            None => None,
        };
        let (piece, rest) = octets.split_at_checked(line_end.unwrap_or(octets.len())).unwrap_or_default();
        self.advance(piece);
        if line_end.is_some() {
            self.begin_line();
            self.mode = Mode::LineStart;
        }
        rest
    }

    fn has_boundary(&self) -> bool {
        self.open.iter().any(|open| open.boundary.is_some())
    }

    /// Whose delimiter this line is, innermost first.
    fn delimiter(&self, line: &[u8]) -> Option<(usize, Delimiter)> {
        let text = line.strip_prefix(b"--")?;
        let mut open = self.open.iter().enumerate().rev();
        open.find_map(|(at, open)| open.delimiter(text).map(|kind| (at, kind)))
    }

    /// The line that began at `self.start` is a delimiter of the open part with this number.
    fn delimit(&mut self, (owner, kind): (usize, Delimiter)) {
        let Start { place: Place { at, lines }, line_end } = self.start;
        // RFC 2046 §5.1.1: the line end before a delimiter is part of it.
        let mut end = Place { at: at - line_end, lines: lines.saturating_sub(u32::from(line_end > 0)) };
        while self.open.len() > owner + 1 {
            end = self.close(end);
        }
        self.mode = Mode::LineStart;
        let Some(open) = self.open.last_mut() else { return };
        match kind {
            Delimiter::Close => open.boundary = None,
            Delimiter::Part if self.parts < PARTS_LIMIT => {
                let child = open.part.default_child();
                self.begin_part(self.at, child, None);
            }
            Delimiter::Part => {}
        }
    }

    /// The innermost part ends here; the one around it goes on. Returns where it really ended: a delimiter just behind
    /// a header leaves no body, and the line end before it was the header's.
    fn close(&mut self, end: Place) -> Place {
        let Some(open) = self.open.pop() else { return end };
        let Some(parent) = self.open.last_mut() else { return end };
        let end = if open.body_start.at > end.at { open.body_start } else { end };
        if open.envelope.is_some() {
            parent.nested = Some(Box::new(open.into_message(end)));
        } else {
            parent.children.push(open.into_part(end));
        }
        end
    }
}

impl Open {
    fn new(at: u64, part: Part, envelope: Option<Envelope>) -> Open {
        Open {
            part,
            envelope,
            header_start: at,
            body_start: Place::default(),
            boundary: None,
            children: Vec::new(),
            nested: None,
        }
    }

    /// What the line with this text after its two dashes is to this part. The whole line is compared: a boundary that
    /// begins like another one is not taken for it, and a line of dashes and words is text.
    fn delimiter(&self, text: &[u8]) -> Option<Delimiter> {
        let rest = text.strip_prefix(self.boundary.as_deref()?)?;
        let (kind, padding) = match rest.strip_prefix(b"--") {
            Some(padding) => (Delimiter::Close, padding),
            None => (Delimiter::Part, rest),
        };
        padding.iter().all(u8::is_ascii_whitespace).then_some(kind)
    }

    fn into_message(mut self, end: Place) -> Summary {
        Summary { envelope: self.envelope.take().unwrap_or_default(), root: self.into_part(end) }
    }

    fn into_part(mut self, end: Place) -> Part {
        self.part.body = range(self.body_start.at, end.at);
        self.part.lines = end.lines.saturating_sub(self.body_start.lines);
        if self.part.is_multipart() {
            if self.children.is_empty() {
                self.children.push(self.part.whole());
            }
            self.part.content = Content::Multipart(self.children);
        } else if self.part.is_message() {
            let unread = || Box::new(Summary { envelope: Envelope::default(), root: self.part.whole() });
            self.part.content = Content::Message(self.nested.take().unwrap_or_else(unread));
        }
        self.part
    }
}

/// Positions beyond 4 GiB, which no stored message has, are held at the bound.
fn range(start: u64, end: u64) -> Range {
    let cut = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Range { start: cut(start), len: cut(end).saturating_sub(cut(start)) }
}

impl Part {
    /// RFC 2045 §5.2: what a part is that does not say what it is.
    pub(super) fn plain() -> Part {
        Part::of_type("text", "plain")
    }

    fn of_type(media_type: &str, media_subtype: &str) -> Part {
        Part {
            media_type: media_type.into(),
            media_subtype: media_subtype.into(),
            encoding: "7bit".into(),
            ..Part::default()
        }
    }

    /// What a part within this multipart is unless it says otherwise.
    fn default_child(&self) -> Part {
        // RFC 2046 §5.1.5
        let digest = self.media_subtype.eq_ignore_ascii_case("digest");
        if digest { Part::of_type("message", "rfc822") } else { Part::plain() }
    }

    /// The body as a plain part, for a body that was not or could not be taken apart.
    fn whole(&self) -> Part {
        let header = Range { start: self.body.start, len: 0 };
        Part { header, body: self.body, lines: self.lines, ..Part::plain() }
    }

    /// Whether its type is `multipart`, and with it its content [`Content::Multipart`].
    pub fn is_multipart(&self) -> bool {
        self.media_type.eq_ignore_ascii_case("multipart")
    }

    /// Whether it is a `message/rfc822` or `message/global`, and with it its content [`Content::Message`].
    pub fn is_message(&self) -> bool {
        let subtype = |name| self.media_subtype.eq_ignore_ascii_case(name);
        self.media_type.eq_ignore_ascii_case("message") && (subtype("rfc822") || subtype("global"))
    }

    /// Whether its octets are other than its content (RFC 2045 §6).
    fn is_encoded(&self) -> bool {
        let encoding = |name| self.encoding.eq_ignore_ascii_case(name);
        encoding("base64") || encoding("quoted-printable")
    }
}
