//! Messages as people read them, for searching: encoded words, transfer encodings and character sets undone, case
//! folded (RFC 2047, RFC 2045 §6, RFC 9051 §6.4.4).
//!
//! mail-parser decodes; this module decides what belongs to the text. What cannot be decoded is taken as it stands.
//! Folding is full case folding of each character, without decomposition: `é` in one and in two code points differ.

use crate::header::{self, Field};
use crate::lex::encoded_word;
use crate::summary::{Content, Part, Summary};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::html::html_to_text;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::parsers::MessageStream;
use std::borrow::Cow;
use std::cell::OnceCell;

/// A text to look for, without regard to case.
#[derive(Clone, Debug)]
pub struct Needle {
    finder: memchr::memmem::Finder<'static>,
}

impl Needle {
    /// The text to look for. An empty one is in every text.
    pub fn new(text: &str) -> Needle {
        Needle { finder: memchr::memmem::Finder::new(fold(text).as_bytes()).into_owned() }
    }

    fn is_in(&self, folded: &str) -> bool {
        self.finder.find(folded.as_bytes()).is_some()
    }
}

/// A message that is searched, decoded at most once however many texts are looked for.
#[derive(Debug)]
pub struct Document<'a> {
    octets: &'a [u8],
    summary: &'a Summary,
    header: OnceCell<String>,
    body: OnceCell<Vec<String>>,
}

impl<'a> Document<'a> {
    /// The message with all its octets. For [`Document::field_contains`] alone, those of its header are enough.
    pub fn new(octets: &'a [u8], summary: &'a Summary) -> Document<'a> {
        Document { octets, summary, header: OnceCell::new(), body: OnceCell::new() }
    }

    /// Whether a header field of this name contains the text; with an empty text, whether there is such a field.
    pub fn field_contains(&self, name: &str, needle: &Needle) -> bool {
        let header = self.summary.root.header.of(self.octets);
        let mut named = header::fields(header).filter(|field| field.is(name.as_bytes()));
        named.any(|field| needle.is_in(&fold(&decode(field.value))))
    }

    /// Whether a text part, or the header or a text part of a message within the message, contains the text.
    pub fn body_contains(&self, needle: &Needle) -> bool {
        self.body().iter().any(|text| needle.is_in(text)) || needle.is_in("")
    }

    /// Whether the header or the body contains the text.
    pub fn contains(&self, needle: &Needle) -> bool {
        needle.is_in(self.header()) || self.body_contains(needle)
    }

    fn header(&self) -> &str {
        self.header.get_or_init(|| fold(&header_text(self.summary.root.header.of(self.octets))))
    }

    fn body(&self) -> &[String] {
        self.body.get_or_init(|| {
            let mut texts = Vec::new();
            each_text(&self.summary.root, self.octets, &mut |text| texts.push(fold(text)));
            texts
        })
    }
}

/// Gives the decoded text parts below `part`, and the headers of messages within it, in order.
fn each_text(part: &Part, octets: &[u8], give: &mut dyn FnMut(&str)) {
    match &part.content {
        Content::Multipart(parts) => parts.iter().for_each(|part| each_text(part, octets, give)),
        Content::Message(message) => {
            give(&header_text(message.root.header.of(octets)));
            each_text(&message.root, octets, give);
        }
        Content::Leaf if part.media_type.eq_ignore_ascii_case("text") => give(&part_text(part, octets)),
        Content::Leaf => {}
    }
}

/// The decoded content of a text part; of HTML, what is left without tags.
pub fn part_text(part: &Part, message: &[u8]) -> String {
    let octets = part.body.of(message);
    let encoding = |name| part.encoding.eq_ignore_ascii_case(name);
    let decoded = if encoding("base64") {
        base64_decode(octets)
    } else if encoding("quoted-printable") {
        quoted_printable_decode(octets)
    } else {
        None
    };
    let charset = part.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("charset"));
    let text = to_unicode(decoded.as_deref().unwrap_or(octets), charset.map(|(_, value)| value.as_slice()));
    if part.media_subtype.eq_ignore_ascii_case("html") { html_to_text(&text) } else { text.into_owned() }
}

/// The value of a header field, unfolded and with its encoded words decoded.
pub fn decode(value: &[u8]) -> String {
    let unfolded = header::unfold(value);
    let text = to_unicode(&unfolded, None);
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    let mut after_word = false;
    while let Some((plain, found)) = rest.find("=?").and_then(|at| rest.split_at_checked(at)) {
        let word = encoded_word(found.as_bytes()).and_then(|len| found.split_at_checked(len));
        let decoded = word.and_then(|(word, after)| Some((decode_word(word)?, after)));
        // RFC 2047 §6.2: white space between two encoded words is not part of the text.
        if !(after_word && decoded.is_some() && plain.trim_ascii().is_empty()) {
            out.push_str(plain);
        }
        after_word = decoded.is_some();
        let (text, after) = decoded.unwrap_or_else(|| ("=?".to_owned(), found.get(2..).unwrap_or_default()));
        out.push_str(&text);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// One word; with more around it, mail-parser puts spaces where there are none.
fn decode_word(word: &str) -> Option<String> {
    match MessageStream::new(format!("{word}\n").as_bytes()).parse_unstructured() {
        mail_parser::HeaderValue::Text(decoded) => Some(decoded.into_owned()),
        _ => None,
    }
}

/// All fields of a header, decoded, one on each line.
fn header_text(header: &[u8]) -> String {
    let line =
        |field: Field<'_>| format!("{}: {}\n", String::from_utf8_lossy(field.name), decode(field.value));
    header::fields(header).map(line).collect()
}

/// The octets as text of this character set. Where none is known they are UTF-8, or else Latin-1 as in old mail.
fn to_unicode<'a>(octets: &'a [u8], charset: Option<&[u8]>) -> Cow<'a, str> {
    let known = charset.filter(|name| !name.is_empty() && !is_utf8(name)).and_then(charset_decoder);
    match (known, std::str::from_utf8(octets)) {
        (Some(decode), _) => Cow::Owned(decode(octets)),
        (None, Ok(text)) => Cow::Borrowed(text),
        (None, Err(_)) if charset.is_some_and(is_utf8) => String::from_utf8_lossy(octets),
        (None, Err(_)) => Cow::Owned(octets.iter().map(|&octet| char::from(octet)).collect()),
    }
}

/// Also US-ASCII: text that calls itself so and has eight bits is UTF-8 today.
fn is_utf8(charset: &[u8]) -> bool {
    [&b"utf-8"[..], b"utf8", b"us-ascii"].iter().any(|name| name.eq_ignore_ascii_case(charset))
}

/// The text as it is compared. Going by way of capitals makes `ß` equal to `ss` and both sigmas equal.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'A'..='Z' => folded.push(c.to_ascii_lowercase()),
            '\0'..='\u{7f}' => folded.push(c),
            c => folded.extend(c.to_uppercase().flat_map(char::to_lowercase)),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::Builder;
    use proptest::prelude::*;

    fn summary(message: &[u8]) -> Summary {
        let mut builder = Builder::new();
        builder.push(message);
        builder.finish()
    }

    #[test]
    fn fields_are_decoded() {
        let table: &[(&[u8], &str)] = &[
            (b" plain\r\n", "plain"),
            (b" =?utf-8?q?Gr=C3=BC=C3=9Fe?= an\r\n =?iso-8859-1?q?J=FCrgen?=\r\n", "Grüße an Jürgen"),
            (b"=?utf-8?b?R3LDvA==?= =?utf-8?b?w59l?=", "Grüße"),
            (b"=?nonsense =?utf-8?q?a?= =?utf-8?q?b?=-=?x", "=?nonsense ab-=?x"),
            ("Grüße".as_bytes(), "Grüße"),
            (b"Gr\xfc\xdfe", "Grüße"),
            (b"\"=?utf-8?q?J=C3=BCrgen?=\" <j@x.test>", "\"Jürgen\" <j@x.test>"),
        ];
        for (value, expected) in table {
            assert_eq!(decode(value), *expected);
        }
    }

    #[test]
    fn parts_are_decoded() {
        let table: &[(&str, &[u8], &str)] = &[
            ("Content-Type: text/plain; charset=utf-8", "Grüße".as_bytes(), "Grüße"),
            ("Content-Type: text/plain; charset=ISO-8859-15", b"10 \xa4", "10 €"),
            ("Content-Type: text/plain; charset=shift_jis", b"\x83\x6e\x83\x8d\x81\x5b", "ハロー"),
            ("Content-Type: text/plain; charset=unknown-9", b"\xfc", "ü"),
            ("Content-Transfer-Encoding: base64", b"R3LDvMOf\r\nZQ==", "Grüße"),
            ("Content-Transfer-Encoding: base64", b"not base64 !", "not base64 !"),
            ("Content-Transfer-Encoding: quoted-printable", b"Gr=C3=BC=\r\n=C3=9Fe", "Grüße"),
            ("Content-Transfer-Encoding: quoted-printable", b"100 =% bad", "100 =% bad"),
            (
                "Content-Type: text/html",
                b"<p>one</p><script>x</script><b>t</b>wo &amp; &uuml;",
                "one\ntwo & ü",
            ),
        ];
        for (field, body, expected) in table {
            let message = [field.as_bytes(), b"\r\n\r\n", body].concat();
            assert_eq!(part_text(&summary(&message).root, &message).trim(), *expected, "{field}");
        }
    }

    #[test]
    fn case_is_folded() {
        let table = [
            ("Straße", "STRASSE", true),
            ("Ärger", "ärger", true),
            ("ΟΔΟΣ", "οδος", true),
            ("ПРИВЕТ", "привет", true),
            ("abc", "", true),
            ("abc", "abd", false),
        ];
        for (text, needle, expected) in table {
            assert_eq!(Needle::new(needle).is_in(&fold(text)), expected, "{needle} in {text}");
        }
    }

    #[test]
    fn documents_are_searched() {
        let message = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Empty:\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
            preamble\r\n--b\r\nX-Part: partfield\r\n\r\nfirst\r\n--b\r\nContent-Type: image/png\r\n\r\npicture\r\n--b\r\n\
            Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Transfer-Encoding: base64\r\n\r\nd29ybGQ=\r\n--b--\r\n";
        let summary = summary(message.as_bytes());
        let document = Document::new(message.as_bytes(), &summary);
        let table = [
            ("FIRST", true, true),
            ("world", true, true),
            ("subject: INNER", true, true),
            ("GRÜSSE", false, true),
            ("x-empty", false, true),
            ("preamble", false, false),
            ("picture", false, false),
            ("partfield", false, false),
            ("", true, true),
        ];
        for (text, body, anywhere) in table {
            let needle = Needle::new(text);
            assert_eq!(
                (document.body_contains(&needle), document.contains(&needle)),
                (body, anywhere),
                "{text}"
            );
        }
        let fields = [
            ("subject", "grüße", true),
            ("SUBJECT", "inner", false),
            ("X-Empty", "", true),
            ("X-None", "", false),
        ];
        for (name, text, expected) in fields {
            assert_eq!(document.field_contains(name, &Needle::new(text)), expected, "{name}: {text}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_can_be_searched(
            charset in prop::sample::select(vec!["", "utf-7", "utf-16", "iso-2022-jp", "big5", "gb18030", "koi8-r", "\"\"", "x"]),
            encoding in prop::sample::select(vec!["7bit", "base64", "quoted-printable"]),
            subtype in prop::sample::select(vec!["plain", "html"]),
            body in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"=<>&;!-\r\n \t?".to_vec())], 0..300),
        ) {
            let field = format!("Content-Type: text/{subtype}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n");
            let message = [field.as_bytes(), b"X: =?utf-8?q?", &body, b"?=\r\n\r\n", &body].concat();
            let summary = summary(&message);
            prop_assert!(!Document::new(&message, &summary).contains(&Needle::new("a text that is not there")));
        }
    }
}
