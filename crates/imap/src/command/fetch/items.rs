//! The data items that FETCH can name, and what they need.

use super::Need;
use crate::border::Access;
use crate::encode;
use crate::parse::{Bad, Parser};
use mail::ModSeq;
use mail::header::{Keep, Selection};
use mail::section::{Section, Specifier};

/// What a command fetches.
#[derive(Debug)]
pub(super) struct Items {
    pub list: Vec<Item>,
    /// Only messages that changed after this.
    pub changed_since: Option<ModSeq>,
}

/// One data item.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    Uid,
    Flags,
    Size,
    InternalDate,
    ModSeq,
    Envelope,
    Body,
    BodyStructure,
    Text(BodyText),
}

/// Octets of a message: `BODY[...]` and the older RFC822 forms.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BodyText {
    /// The item as the response names it.
    pub label: Vec<u8>,
    pub section: Section,
    /// Which fields of the header.
    pub fields: Option<Selection>,
    /// First octet and how many at most.
    pub partial: Option<(u32, u32)>,
    /// Whether reading it sets `\Seen`.
    pub marks_seen: bool,
}

impl BodyText {
    /// Whether it is the message's own header or fields of it.
    pub fn is_main_header(&self) -> bool {
        self.section.path.is_empty() && self.section.specifier == Specifier::Header
    }

    fn is_whole(&self) -> bool {
        self.section.path.is_empty() && self.section.specifier == Specifier::All
    }
}

impl Items {
    /// A macro, one item or a list of them, and modifiers.
    pub fn parse(parser: &mut Parser<'_>) -> Result<Items, Bad> {
        let mut items = Items { list: Vec::new(), changed_since: None };
        if parser.peek() == Some(b'(') {
            parser.list(|parser| item(parser).map(|item| items.add(item)))?;
            if items.list.is_empty() {
                return Err(Bad("No data items"));
            }
        } else if let Some(list) = expand_macro(parser) {
            items.list = list;
        } else {
            items.add(item(parser)?);
        }
        if parser.eat(" ") {
            parser.list(|parser| {
                parser.expect("CHANGEDSINCE ", "Unknown modifier")?;
                items.changed_since = Some(ModSeq(parser.number()?));
                Ok(())
            })?;
            // RFC 7162 §3.1.4.1: CHANGEDSINCE implies MODSEQ.
            items.add(Item::ModSeq);
        }
        Ok(items)
    }

    /// Adds an item; said twice, it is answered once.
    fn add(&mut self, item: Item) {
        if !self.list.contains(&item) {
            self.list.push(item);
        }
    }

    pub fn add_first(&mut self, item: Item) {
        if !self.list.contains(&item) {
            self.list.insert(0, item);
        }
    }

    /// Whether the client shows by them that it knows CONDSTORE.
    pub fn knows_condstore(&self) -> bool {
        self.list.contains(&Item::ModSeq)
    }

    /// What must be asked for, in this order.
    pub fn needs(&self, access: Access) -> Vec<Need> {
        let texts = || {
            self.list.iter().filter_map(|item| match item {
                Item::Text(text) => Some(text),
                _ => None,
            })
        };
        // Sections other than the message and its header are found by the structure.
        let structure = [Item::Envelope, Item::Body, Item::BodyStructure];
        let summaries = structure.iter().any(|item| self.list.contains(item))
            || texts().any(|text| !text.is_main_header() && !text.is_whole());
        let needs = [
            (Need::Summaries, summaries),
            (Need::Bodies, texts().any(|text| !text.is_main_header())),
            (Need::Headers, texts().any(BodyText::is_main_header)),
            (Need::Seen, access == Access::ReadWrite && texts().any(|text| text.marks_seen)),
        ];
        needs.into_iter().filter(|(_, needed)| *needed).map(|(need, _)| need).collect()
    }
}

/// ALL, FAST and FULL, which cannot stand among others.
fn expand_macro(parser: &mut Parser<'_>) -> Option<Vec<Item>> {
    let mut ahead = *parser;
    let mut list = vec![Item::Flags, Item::InternalDate, Item::Size];
    match ahead.item_name().as_str() {
        "FAST" => {}
        "ALL" => list.push(Item::Envelope),
        "FULL" => list.extend([Item::Envelope, Item::Body]),
        _ => return None,
    }
    *parser = ahead;
    Some(list)
}

/// One data item by its name, in any case.
fn item(parser: &mut Parser<'_>) -> Result<Item, Bad> {
    let name = parser.item_name();
    if parser.peek() == Some(b'[') {
        return match name.as_str() {
            "BODY" => section(parser, true),
            "BODY.PEEK" => section(parser, false),
            _ => Err(Bad("Unknown data item")),
        };
    }
    Ok(match name.as_str() {
        "UID" => Item::Uid,
        "FLAGS" => Item::Flags,
        "RFC822.SIZE" => Item::Size,
        "INTERNALDATE" => Item::InternalDate,
        "MODSEQ" => Item::ModSeq,
        "ENVELOPE" => Item::Envelope,
        "BODY" => Item::Body,
        "BODYSTRUCTURE" => Item::BodyStructure,
        "RFC822" => old_form("RFC822", Specifier::All, true),
        // RFC 3501 §6.4.5: RFC822.HEADER alone of the three does not set \Seen.
        "RFC822.HEADER" => old_form("RFC822.HEADER", Specifier::Header, false),
        "RFC822.TEXT" => old_form("RFC822.TEXT", Specifier::Text, true),
        _ => return Err(Bad("Unknown data item")),
    })
}

fn old_form(label: &str, specifier: Specifier, marks_seen: bool) -> Item {
    Item::Text(BodyText {
        label: label.as_bytes().to_vec(),
        section: Section { path: Vec::new(), specifier },
        fields: None,
        partial: None,
        marks_seen,
    })
}

/// `[1.2.HEADER.FIELDS (From To)]<0.100>`
fn section(parser: &mut Parser<'_>, marks_seen: bool) -> Result<Item, Bad> {
    parser.expect("[", "Expected [")?;
    let mut section = Section::default();
    let mut label = b"BODY[".to_vec();
    // A number, or the dot before what follows it.
    let mut more = true;
    while more && parser.peek().is_some_and(|octet| octet.is_ascii_digit()) {
        let number = parser.number32()?;
        // RFC 3501 §9: nz-number.
        if number == 0 {
            return Err(Bad("Parts are counted from 1"));
        }
        if !section.path.is_empty() {
            label.push(b'.');
        }
        encode::number(&mut label, number.into());
        section.path.push(number);
        more = parser.eat(".");
    }
    let mut fields = None;
    if parser.peek() == Some(b']') {
        if more && !section.path.is_empty() {
            return Err(Bad("Section not ended"));
        }
    } else if more {
        fields = specifier(parser, &mut section, &mut label)?;
    }
    parser.expect("]", "Section not ended by ]")?;
    label.push(b']');
    let partial = partial(parser, &mut label)?;
    Ok(Item::Text(BodyText { label, section, fields, partial, marks_seen }))
}

/// HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME.
fn specifier(
    parser: &mut Parser<'_>,
    section: &mut Section,
    label: &mut Vec<u8>,
) -> Result<Option<Selection>, Bad> {
    let name = parser.item_name();
    let (specifier, keep) = match name.as_str() {
        "HEADER" => (Specifier::Header, None),
        "HEADER.FIELDS" => (Specifier::Header, Some(Keep::Named)),
        "HEADER.FIELDS.NOT" => (Specifier::Header, Some(Keep::Others)),
        "TEXT" => (Specifier::Text, None),
        "MIME" if !section.path.is_empty() => (Specifier::Mime, None),
        _ => return Err(Bad("Unknown section")),
    };
    section.specifier = specifier;
    if !section.path.is_empty() {
        label.push(b'.');
    }
    label.extend_from_slice(name.as_bytes());
    let Some(keep) = keep else { return Ok(None) };
    parser.space()?;
    let mut names = Vec::new();
    parser.list(|parser| {
        names.push(parser.astring()?);
        Ok(())
    })?;
    if names.is_empty() {
        return Err(Bad("No header fields"));
    }
    label.extend_from_slice(b" (");
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            label.push(b' ');
        }
        write_name(label, name);
    }
    label.push(b')');
    Ok(Some(Selection::new(names, keep)))
}

/// A field's name, as an atom where it is one.
fn write_name(out: &mut Vec<u8>, name: &[u8]) {
    let plain = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    if !name.is_empty() && name.iter().all(plain) {
        out.extend_from_slice(name)
    } else {
        encode::string(out, name)
    }
}

/// `<0.100>`, of which the response repeats the first number.
fn partial(parser: &mut Parser<'_>, label: &mut Vec<u8>) -> Result<Option<(u32, u32)>, Bad> {
    if !parser.eat("<") {
        return Ok(None);
    }
    let start = parser.number32()?;
    parser.expect(".", "Malformed partial")?;
    let len = parser.number32()?;
    parser.expect(">", "Malformed partial")?;
    if len == 0 {
        return Err(Bad("A partial has at least one octet"));
    }
    label.push(b'<');
    encode::number(label, start.into());
    label.push(b'>');
    Ok(Some((start, len)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Items, Bad> {
        let mut parser = Parser::new(text.as_bytes());
        let items = Items::parse(&mut parser)?;
        parser.end().map(|()| items)
    }

    #[test]
    fn labels() {
        let table = [
            ("BODY[]", "BODY[]"),
            ("body.peek[]", "BODY[]"),
            ("BODY[1]", "BODY[1]"),
            ("BODY[1.2.3]<0.10>", "BODY[1.2.3]<0>"),
            ("BODY[HEADER]", "BODY[HEADER]"),
            ("BODY[text]<5.1>", "BODY[TEXT]<5>"),
            ("BODY[4.1.MIME]", "BODY[4.1.MIME]"),
            ("BODY[4.2.HEADER]", "BODY[4.2.HEADER]"),
            ("BODY[header.fields (From \"To\")]", "BODY[HEADER.FIELDS (From To)]"),
            ("BODY[1.HEADER.FIELDS.NOT (\"x y\")]", "BODY[1.HEADER.FIELDS.NOT (\"x y\")]"),
            ("RFC822", "RFC822"),
            ("RFC822.Text", "RFC822.TEXT"),
        ];
        for (text, label) in table {
            let items = parse(text).unwrap();
            let Some(Item::Text(text)) = items.list.first() else { panic!("{text}") };
            assert_eq!(String::from_utf8_lossy(&text.label), label);
        }
    }

    #[test]
    fn lists_and_macros() {
        assert_eq!(parse("FAST").unwrap().list, [Item::Flags, Item::InternalDate, Item::Size]);
        assert_eq!(parse("full").unwrap().list.len(), 5);
        assert_eq!(parse("(FLAGS flags UID)").unwrap().list, [Item::Flags, Item::Uid]);
        let items = parse("(FLAGS) (CHANGEDSINCE 12345)").unwrap();
        assert_eq!(items.list, [Item::Flags, Item::ModSeq]);
        assert_eq!(items.changed_since, Some(ModSeq(12345)));
    }

    #[test]
    fn refuses_what_is_no_item() {
        let table = [
            "",
            "()",
            "(FAST)",
            "(ALL)",
            "FOO",
            "BODY[",
            "BODY[0]",
            "BODY[1.]",
            "BODY[1.FOO]",
            "BODY[MIME]",
            "BODY[1TEXT]",
            "BODY[.TEXT]",
            "BODY[1..2]",
            "BODY[HEADER.FIELDS]",
            "BODY[HEADER.FIELDS ()]",
            "BODY[]<0>",
            "BODY[]<0.0>",
            "BODY[]<a.1>",
            "BODY.PEEK",
            "RFC822[]",
            "(FLAGS UID",
            "FLAGS UID",
            "FLAGS (VANISHED)",
            "FLAGS (CHANGEDSINCE)",
            "BODYSTRUCTURE[]",
            "BODY[4294967296]",
        ];
        for text in table {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
