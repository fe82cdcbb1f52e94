//! A [`Summary`] as octets for its row in the index, and back.
//!
//! The first octet is the version. Numbers are little-endian base 128, texts have their length before them, ranges
//! begin where the one before them suggests, so that a usual message takes some 200 octets. Reading is for octets from
//! a disk: anything may stand there, and what is not a summary is an error. This is hand-written because a derived
//! reader follows nested messages without a bound.

use super::builder::DEPTH_LIMIT;
use super::{Content, Envelope, EnvelopeAddress, Part, Range, Summary};
use crate::DateTime;
use std::fmt;

const VERSION: u8 = 1;

/// Why octets are no summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// They were written by a newer version of this crate.
    Version(u8),
    /// They are damaged.
    Damaged,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Version(version) => write!(f, "message summary of the unknown version {version}"),
            DecodeError::Damaged => f.write_str("message summary is damaged"),
        }
    }
}

impl std::error::Error for DecodeError {}

impl Summary {
    /// The summary as octets.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer { out: Vec::with_capacity(256) };
        out.octet(VERSION);
        out.summary(self, 0);
        out.out
    }

    /// The summary that [`Summary::encode`] made these octets of.
    pub fn decode(octets: &[u8]) -> Result<Summary, DecodeError> {
        let mut input = Reader::new(octets)?;
        let summary = input.summary(0, 0)?;
        if input.rest.is_empty() { Ok(summary) } else { Err(DecodeError::Damaged) }
    }

    /// What `envelope.sent` is in the summary that [`Summary::encode`] made these octets of. It stands near their
    /// beginning; nothing else is made of them.
    pub fn decode_sent(octets: &[u8]) -> Result<Option<DateTime>, DecodeError> {
        let mut input = Reader::new(octets)?;
        input.some()?;
        input.sent()
    }
}

struct Writer {
    out: Vec<u8>,
}

impl Writer {
    fn octet(&mut self, octet: u8) {
        self.out.push(octet);
    }

    fn number(&mut self, number: u64) {
        let mut rest = number;
        while rest >= 0x80 {
            self.octet(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.octet(rest as u8);
    }

    /// Small negative numbers are short, too.
    fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63).cast_unsigned());
    }

    fn text(&mut self, text: &[u8]) {
        self.number(text.len() as u64);
        self.out.extend_from_slice(text);
    }

    fn some(&mut self, text: Option<&[u8]>) {
        match text {
            None => self.number(0),
            Some(text) => {
                self.number(text.len() as u64 + 1);
                self.out.extend_from_slice(text);
            }
        }
    }

    fn list<T>(&mut self, list: &[T], mut each: impl FnMut(&mut Writer, &T)) {
        self.number(list.len() as u64);
        for item in list {
            each(self, item);
        }
    }

    fn range(&mut self, range: Range, expected: u32) {
        self.signed(i64::from(range.start) - i64::from(expected));
        self.number(range.len.into());
    }

    fn summary(&mut self, summary: &Summary, start: u32) {
        let Summary { envelope, root } = summary;
        self.some(envelope.date.as_deref());
        self.octet(envelope.sent.is_some().into());
        if let Some(DateTime { seconds, offset }) = envelope.sent {
            self.signed(seconds);
            self.signed(offset.into());
        }
        self.some(envelope.subject.as_deref());
        for list in [&envelope.from, &envelope.sender, &envelope.reply_to] {
            self.list(list, Writer::address);
        }
        for list in [&envelope.to, &envelope.cc, &envelope.bcc] {
            self.list(list, Writer::address);
        }
        self.some(envelope.in_reply_to.as_deref());
        self.some(envelope.message_id.as_deref());
        self.part(root, start);
    }

    fn address(&mut self, address: &EnvelopeAddress) {
        match address {
            EnvelopeAddress::Mailbox { name, local, domain } => {
                self.octet(0);
                self.some(name.as_deref());
                self.text(local);
                self.text(domain);
            }
            EnvelopeAddress::GroupStart(name) => {
                self.octet(1);
                self.text(name);
            }
            EnvelopeAddress::GroupEnd => self.octet(2),
        }
    }

    fn parameters(&mut self, parameters: &[(String, Vec<u8>)]) {
        self.list(parameters, |out, (name, value)| {
            out.text(name.as_bytes());
            out.text(value);
        });
    }

    fn part(&mut self, part: &Part, start: u32) {
        self.range(part.header, start);
        self.range(part.body, part.header.end());
        self.number(part.lines.into());
        self.text(part.media_type.as_bytes());
        self.text(part.media_subtype.as_bytes());
        self.parameters(&part.parameters);
        self.text(part.encoding.as_bytes());
        for text in [&part.id, &part.description, &part.md5, &part.location] {
            self.some(text.as_deref());
        }
        self.octet(part.disposition.is_some().into());
        if let Some((disposition, parameters)) = &part.disposition {
            self.text(disposition.as_bytes());
            self.parameters(parameters);
        }
        self.list(&part.language, |out, tag| out.text(tag.as_bytes()));
        self.content(part);
    }

    fn content(&mut self, part: &Part) {
        match &part.content {
            Content::Leaf => self.octet(0),
            Content::Multipart(parts) => {
                self.octet(1);
                let mut expected = part.body.start;
                self.list(parts, |out, part| {
                    out.part(part, expected);
                    expected = part.body.end();
                });
            }
            Content::Message(message) => {
                self.octet(2);
                self.summary(message, part.body.start);
            }
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

type Read<T> = Result<T, DecodeError>;

impl<'a> Reader<'a> {
    fn new(octets: &'a [u8]) -> Read<Reader<'a>> {
        let mut input = Reader { rest: octets };
        match input.octet()? {
            VERSION => Ok(input),
            version => Err(DecodeError::Version(version)),
        }
    }

    fn take(&mut self, len: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Damaged)?;
        self.rest = rest;
        Ok(taken)
    }

    fn octet(&mut self) -> Read<u8> {
        let (&octet, rest) = self.rest.split_first().ok_or(DecodeError::Damaged)?;
        self.rest = rest;
        Ok(octet)
    }

    fn number(&mut self) -> Read<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let octet = self.octet()?;
            number |= u64::from(octet & 0x7f) << shift;
            if octet < 0x80 {
                return Ok(number);
            }
        }
        // The tenth octet holds the one bit that is left.
        let last = self.octet()?;
        if last > 1 { Err(DecodeError::Damaged) } else { Ok(number | u64::from(last) << 63) }
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Read<T> {
        T::try_from(self.number()?).map_err(|_| DecodeError::Damaged)
    }

    fn signed(&mut self) -> Read<i64> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn flag(&mut self) -> Read<bool> {
        match self.octet()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Damaged),
        }
    }

    fn text(&mut self) -> Read<Vec<u8>> {
        let len = self.small()?;
        Ok(self.take(len)?.to_vec())
    }

    fn string(&mut self) -> Read<String> {
        String::from_utf8(self.text()?).map_err(|_| DecodeError::Damaged)
    }

    fn some(&mut self) -> Read<Option<Vec<u8>>> {
        let len: usize = self.small()?;
        len.checked_sub(1).map(|len| self.take(len).map(<[u8]>::to_vec)).transpose()
    }

    /// Grows with what is really there: the count alone reserves nothing.
    fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.number()?;
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(each(self)?);
        }
        Ok(list)
    }

    fn range(&mut self, expected: u32) -> Read<Range> {
        let start = self.signed()?.checked_add(expected.into()).ok_or(DecodeError::Damaged)?;
        let start = u32::try_from(start).map_err(|_| DecodeError::Damaged)?;
        let len: u32 = self.small()?;
        start.checked_add(len).ok_or(DecodeError::Damaged)?;
        Ok(Range { start, len })
    }

    fn summary(&mut self, start: u32, depth: usize) -> Read<Summary> {
        let envelope = Envelope {
            date: self.some()?,
            sent: self.sent()?,
            subject: self.some()?,
            from: self.list(Reader::address)?,
            sender: self.list(Reader::address)?,
            reply_to: self.list(Reader::address)?,
            to: self.list(Reader::address)?,
            cc: self.list(Reader::address)?,
            bcc: self.list(Reader::address)?,
            in_reply_to: self.some()?,
            message_id: self.some()?,
        };
        Ok(Summary { envelope, root: self.part(start, depth)? })
    }

    fn sent(&mut self) -> Read<Option<DateTime>> {
        if !self.flag()? {
            return Ok(None);
        }
        let seconds = self.signed()?;
        let offset = i16::try_from(self.signed()?).map_err(|_| DecodeError::Damaged)?;
        Ok(Some(DateTime { seconds, offset }))
    }

    fn address(&mut self) -> Read<EnvelopeAddress> {
        Ok(match self.octet()? {
            0 => EnvelopeAddress::Mailbox { name: self.some()?, local: self.text()?, domain: self.text()? },
            1 => EnvelopeAddress::GroupStart(self.text()?),
            2 => EnvelopeAddress::GroupEnd,
            _ => return Err(DecodeError::Damaged),
        })
    }

    fn parameters(&mut self) -> Read<Vec<(String, Vec<u8>)>> {
        self.list(|input| Ok((input.string()?, input.text()?)))
    }

    fn part(&mut self, start: u32, depth: usize) -> Read<Part> {
        // A message beyond the limit that was left whole is one level deeper than the limit.
        if depth > DEPTH_LIMIT {
            return Err(DecodeError::Damaged);
        }
        let header = self.range(start)?;
        let mut part =
            Part { header, body: self.range(header.end())?, lines: self.small()?, ..Part::default() };
        part.media_type = self.string()?;
        part.media_subtype = self.string()?;
        part.parameters = self.parameters()?;
        part.encoding = self.string()?;
        for slot in [&mut part.id, &mut part.description, &mut part.md5, &mut part.location] {
            *slot = self.some()?;
        }
        if self.flag()? {
            part.disposition = Some((self.string()?, self.parameters()?));
        }
        part.language = self.list(Reader::string)?;
        part.content = self.content(part.body.start, depth)?;
        Ok(part)
    }

    fn content(&mut self, start: u32, depth: usize) -> Read<Content> {
        let mut expected = start;
        let content = match self.octet()? {
            0 => Content::Leaf,
            1 => Content::Multipart(self.list(|input| {
                let part = input.part(expected, depth + 1)?;
                expected = part.body.end();
                Ok(part)
            })?),
            2 => Content::Message(Box::new(self.summary(start, depth + 1)?)),
            _ => return Err(DecodeError::Damaged),
        };
        if content == Content::Multipart(Vec::new()) { Err(DecodeError::Damaged) } else { Ok(content) }
    }
}
