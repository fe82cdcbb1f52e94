//! Header fields on their way into a [`Part`] and an [`Envelope`]: collected line by line within bounds, unfolded, and
//! taken apart (RFC 5322 §3.6, RFC 2045 §5 and §8, RFC 2183, RFC 3282).
//!
//! Where a field comes twice the first one counts, except that lists of recipients are joined. A malformed field is as
//! good as none.

use super::{Envelope, EnvelopeAddress, Part};
use crate::header::unfold;
use crate::lex::{Kind, Lexer, Token};
use crate::{DateTime, addresses};

/// Octets kept of one field, or of one line.
pub(super) const FIELD_LIMIT: usize = 64 << 10;
/// Octets of fields kept for one message, all its parts taken together.
const MESSAGE_LIMIT: usize = 256 << 10;
/// Members of address lists kept for one message, all fields and all messages within it taken together.
const ADDRESS_LIMIT: usize = 4_096;

/// Where fields go.
pub(super) struct Target<'a> {
    pub part: &'a mut Part,
    /// For the header of a message.
    pub envelope: Option<&'a mut Envelope>,
}

/// Puts the lines of a field together.
#[derive(Debug)]
pub(super) struct Collector {
    field: Option<Field>,
    /// Fields that this header has had, as bits.
    seen: u32,
    value: Vec<u8>,
    /// Octets that may still be kept.
    budget: usize,
    /// Members of address lists that may still be kept.
    addresses: usize,
}

impl Default for Collector {
    fn default() -> Collector {
        Collector { field: None, seen: 0, value: Vec::new(), budget: MESSAGE_LIMIT, addresses: ADDRESS_LIMIT }
    }
}

impl Collector {
    /// Takes the next line of a header.
    pub fn line(&mut self, line: &[u8], target: Target<'_>) {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            if self.field.is_some() {
                self.keep(line);
            }
            return;
        }
        let of_message = target.envelope.is_some();
        self.end_field(target);
        let Some(colon) = memchr::memchr(b':', line) else { return };
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        self.field = Field::named(name.trim_ascii_end()).filter(|field| field.is_mime() || of_message);
        self.field = self.field.filter(|&field| self.is_wanted(field));
        if self.field.is_some() {
            self.keep(value.get(1..).unwrap_or_default());
        }
    }

    /// Whether the field is the first of its name, or one that may come again.
    fn is_wanted(&mut self, field: Field) -> bool {
        let bit = 1 << field as u32;
        let first = self.seen & bit == 0;
        self.seen |= bit;
        first || matches!(field, Field::To | Field::Cc | Field::Bcc)
    }

    fn keep(&mut self, octets: &[u8]) {
        let room = (FIELD_LIMIT - self.value.len()).min(self.budget).min(octets.len());
        self.value.extend_from_slice(octets.get(..room).unwrap_or_default());
        self.budget -= room;
    }

    /// The header is complete.
    pub fn end_header(&mut self, target: Target<'_>) {
        self.end_field(target);
        self.seen = 0;
    }

    fn end_field(&mut self, target: Target<'_>) {
        let Some(field) = self.field.take() else { return };
        let value = unfold(&self.value);
        match target.envelope {
            Some(envelope) if !field.is_mime() => envelope.set(field, &value, &mut self.addresses),
            _ => target.part.set(field, &value),
        }
        self.value.clear();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Date,
    Subject,
    From,
    Sender,
    ReplyTo,
    To,
    Cc,
    Bcc,
    InReplyTo,
    MessageId,
    ContentType,
    ContentTransferEncoding,
    ContentId,
    ContentDescription,
    ContentMd5,
    ContentDisposition,
    ContentLanguage,
    ContentLocation,
}

impl Field {
    const ALL: [(&'static str, Field); 18] = [
        ("date", Field::Date),
        ("subject", Field::Subject),
        ("from", Field::From),
        ("sender", Field::Sender),
        ("reply-to", Field::ReplyTo),
        ("to", Field::To),
        ("cc", Field::Cc),
        ("bcc", Field::Bcc),
        ("in-reply-to", Field::InReplyTo),
        ("message-id", Field::MessageId),
        ("content-type", Field::ContentType),
        ("content-transfer-encoding", Field::ContentTransferEncoding),
        ("content-id", Field::ContentId),
        ("content-description", Field::ContentDescription),
        ("content-md5", Field::ContentMd5),
        ("content-disposition", Field::ContentDisposition),
        ("content-language", Field::ContentLanguage),
        ("content-location", Field::ContentLocation),
    ];

    fn named(name: &[u8]) -> Option<Field> {
        let found = Field::ALL.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name));
        found.map(|(_, field)| *field)
    }

    /// Whether it describes a part and not only a message.
    fn is_mime(self) -> bool {
        self as u8 >= Field::ContentType as u8
    }
}

impl Envelope {
    /// Takes the value of a field; `room` is how many addresses may still come.
    fn set(&mut self, field: Field, value: &[u8], room: &mut usize) {
        match field {
            Field::Date => {
                self.sent = DateTime::from_rfc5322(value);
                self.date = Some(value.to_vec());
            }
            Field::Subject => self.subject = Some(value.to_vec()),
            Field::InReplyTo => self.in_reply_to = Some(value.to_vec()),
            Field::MessageId => self.message_id = Some(value.to_vec()),
            Field::From => fill(&mut self.from, value, room),
            Field::Sender => fill(&mut self.sender, value, room),
            Field::ReplyTo => fill(&mut self.reply_to, value, room),
            Field::To => fill(&mut self.to, value, room),
            Field::Cc => fill(&mut self.cc, value, room),
            Field::Bcc => fill(&mut self.bcc, value, room),
            _ => {}
        }
    }
}

/// Adds the addresses of a field to a list.
fn fill(list: &mut Vec<EnvelopeAddress>, value: &[u8], room: &mut usize) {
    let mut found = addresses::parse(value, *room);
    *room -= found.len();
    list.append(&mut found);
}

impl Part {
    fn set(&mut self, field: Field, value: &[u8]) {
        match field {
            Field::ContentType => self.set_type(value),
            Field::ContentTransferEncoding => self.set_encoding(value),
            Field::ContentDisposition => self.set_disposition(value),
            Field::ContentLanguage => self.language = languages(value),
            Field::ContentId => self.id = Some(value.to_vec()),
            Field::ContentDescription => self.description = Some(value.to_vec()),
            Field::ContentMd5 => self.md5 = Some(value.to_vec()),
            Field::ContentLocation => self.location = Some(value.to_vec()),
            _ => {}
        }
    }

    fn set_encoding(&mut self, value: &[u8]) {
        if let Some(Kind::Atom(encoding)) = Lexer::new(value, b";").next().map(|token| token.kind) {
            self.encoding = text(encoding);
        }
    }

    fn set_disposition(&mut self, value: &[u8]) {
        let mut lexer = Lexer::new(value, SPECIALS);
        if let Some(Kind::Atom(disposition)) = lexer.next().map(|token| token.kind) {
            self.disposition = Some((text(disposition), parameters(lexer)));
        }
    }

    fn set_type(&mut self, value: &[u8]) {
        let mut lexer = Lexer::new(value, SPECIALS);
        let tokens = [lexer.next(), lexer.next(), lexer.next()].map(|token| token.map(|token| token.kind));
        // RFC 2045 §5.2: a type that cannot be read counts as none.
        if let [Some(Kind::Atom(kind)), Some(Kind::Special(b'/')), Some(Kind::Atom(subtype))] = tokens {
            self.media_type = text(kind);
            self.media_subtype = text(subtype);
            self.parameters = parameters(lexer);
        }
    }
}

/// RFC 2045 §5.1, as far as programs keep to it.
const SPECIALS: &[u8] = b"/;=,";

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// The parameters that follow a type or disposition, each after a `;`. What makes no sense is skipped.
fn parameters(mut lexer: Lexer<'_>) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut token = lexer.next();
    while let Some(Token { kind, .. }) = token {
        token = lexer.next();
        let Some(Token { kind: Kind::Atom(name), .. }) = token else { continue };
        if kind != Kind::Special(b';') {
            continue;
        }
        token = lexer.next();
        if token.as_ref().map(|token| &token.kind) != Some(&Kind::Special(b'=')) {
            continue;
        }
        // A value that is no quoted string may hold `=` and `/`, though it must not: many boundaries do.
        token = lexer.next_with(b";");
        match token.map(|token| token.kind) {
            Some(Kind::Atom(value) | Kind::Literal(value)) => found.push((text(name), value.to_vec())),
            Some(Kind::Quoted(value)) => found.push((text(name), value)),
            other => {
                token = other.map(|kind| Token { kind, spaced: false });
                continue;
            }
        }
        token = lexer.next();
    }
    found
}

fn languages(value: &[u8]) -> Vec<String> {
    let tags = Lexer::new(value, b",").filter_map(|token| match token.kind {
        Kind::Atom(tag) => Some(text(tag)),
        _ => None,
    });
    tags.collect()
}

/// The boundary of a multipart; RFC 2231 §3 lets it come in pieces.
pub(super) fn boundary(part: &Part) -> Option<Vec<u8>> {
    let value = |name: &str| {
        let found = part.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    let pieces = || {
        let pieces: Vec<_> = (0..9).map_while(|number| value(&format!("boundary*{number}"))).collect();
        (!pieces.is_empty()).then(|| pieces.concat())
    };
    let mut boundary = value("boundary").or_else(pieces)?;
    boundary.truncate(boundary.trim_ascii_end().len());
    (!boundary.is_empty()).then_some(boundary)
}
