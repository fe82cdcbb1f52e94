//! ENVELOPE, BODY and BODYSTRUCTURE (RFC 3501 §7.4.2), written from a message's summary.

use crate::encode::{nstring, number, string};
use mail::summary::{Content, Envelope, EnvelopeAddress, Part};

/// Whether the extension data is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Body,
    BodyStructure,
}

/// `("date" "subject" (from) ...)`
pub(super) fn envelope(out: &mut Vec<u8>, envelope: &Envelope) {
    // RFC 3501 §7.4.2: without Sender or Reply-To, From takes their place.
    let or_from = |list| if Vec::is_empty(list) { &envelope.from } else { list };
    out.push(b'(');
    nstring(out, envelope.date.as_deref());
    out.push(b' ');
    nstring(out, envelope.subject.as_deref());
    let (sender, reply_to) = (or_from(&envelope.sender), or_from(&envelope.reply_to));
    for list in [&envelope.from, sender, reply_to, &envelope.to, &envelope.cc, &envelope.bcc] {
        out.push(b' ');
        addresses(out, list);
    }
    out.push(b' ');
    nstring(out, envelope.in_reply_to.as_deref());
    out.push(b' ');
    nstring(out, envelope.message_id.as_deref());
    out.push(b')');
}

/// A list of addresses; groups are marked by entries without a host (RFC 3501 §7.4.2).
fn addresses(out: &mut Vec<u8>, list: &[EnvelopeAddress]) {
    if list.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for address in list {
        match address {
            EnvelopeAddress::Mailbox { name, local, domain } => {
                out.push(b'(');
                nstring(out, name.as_deref());
                out.extend_from_slice(b" NIL ");
                string(out, local);
                out.push(b' ');
                // An empty one too is a string: NIL would make it a group.
                string(out, domain);
                out.push(b')');
            }
            EnvelopeAddress::GroupStart(name) => {
                out.extend_from_slice(b"(NIL NIL ");
                string(out, name);
                out.extend_from_slice(b" NIL)");
            }
            EnvelopeAddress::GroupEnd => out.extend_from_slice(b"(NIL NIL NIL NIL)"),
        }
    }
    out.push(b')');
}

/// The structure of a part and of all below it.
pub(super) fn body(out: &mut Vec<u8>, part: &Part, form: Form) {
    out.push(b'(');
    match &part.content {
        // RFC 3501 §9, body-type-mpart: parts follow one another without a space.
        Content::Multipart(parts) => {
            for part in parts {
                body(out, part, form);
            }
            out.push(b' ');
            string(out, part.media_subtype.as_bytes());
            if form == Form::BodyStructure {
                out.push(b' ');
                parameters(out, &part.parameters);
            }
        }
        // body-type-msg: what the message holds stands between size and lines. RFC 3501 §9 has it for RFC822 only, not for
        // a `message/global`.
        Content::Message(message) if part.media_subtype.eq_ignore_ascii_case("rfc822") => {
            single(out, part);
            out.push(b' ');
            envelope(out, &message.envelope);
            out.push(b' ');
            body(out, &message.root, form);
            out.push(b' ');
            number(out, part.lines.into());
            md5(out, part, form);
        }
        Content::Leaf | Content::Message(_) => {
            single(out, part);
            // body-type-text has its lines; any other message is shown as body-type-basic.
            if part.media_type.eq_ignore_ascii_case("text") {
                out.push(b' ');
                number(out, part.lines.into());
            }
            md5(out, part, form);
        }
    }
    if form == Form::BodyStructure {
        extension(out, part);
    }
    out.push(b')');
}

/// What every part has that is no multipart.
fn single(out: &mut Vec<u8>, part: &Part) {
    string(out, part.media_type.as_bytes());
    out.push(b' ');
    string(out, part.media_subtype.as_bytes());
    out.push(b' ');
    parameters(out, &part.parameters);
    out.push(b' ');
    nstring(out, part.id.as_deref());
    out.push(b' ');
    nstring(out, part.description.as_deref());
    out.push(b' ');
    string(out, part.encoding.as_bytes());
    out.push(b' ');
    number(out, part.body.len.into());
}

fn md5(out: &mut Vec<u8>, part: &Part, form: Form) {
    if form == Form::BodyStructure {
        out.push(b' ');
        nstring(out, part.md5.as_deref());
    }
}

/// Disposition, language and location.
fn extension(out: &mut Vec<u8>, part: &Part) {
    out.push(b' ');
    match &part.disposition {
        // body-fld-dsp
        None => out.extend_from_slice(b"NIL"),
        Some((kind, list)) => {
            out.push(b'(');
            string(out, kind.as_bytes());
            out.push(b' ');
            parameters(out, list);
            out.push(b')');
        }
    }
    out.push(b' ');
    match part.language.as_slice() {
        [] => out.extend_from_slice(b"NIL"),
        // RFC 3501 §9, body-fld-lang: one language needs no list.
        [language] => string(out, language.as_bytes()),
        languages => {
            out.push(b'(');
            for (index, language) in languages.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                string(out, language.as_bytes());
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    nstring(out, part.location.as_deref());
}

/// body-fld-param: names and values in pairs, RFC 2231 encodings left to the client.
fn parameters(out: &mut Vec<u8>, list: &[(String, Vec<u8>)]) {
    if list.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for (index, (name, value)) in list.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        string(out, name.as_bytes());
        out.push(b' ');
        string(out, value);
    }
    out.push(b')');
}
