//! Remote domains: what mail and notices to domains elsewhere are like.
//!
//! One of them, for `*`, is always there. Data from before there were any get it as it is in Exchange when they are
//! loaded; it is saved with its first change.

use crate::check::Invalid;
use crate::lists::Listed;
use crate::names::named;
use crate::record::Kind;
use crate::{BadValue, Limit, Snapshot};
use mail::Domain;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// What a remote domain is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DomainPattern {
    /// `*`: all domains.
    All,
    /// `*.example.test`: a domain and its subdomains.
    Under(Domain),
    /// `example.test`: a domain.
    Only(Domain),
}

impl DomainPattern {
    /// How specific it is where it is for this domain: more is more specific. `None` where it is not.
    pub fn fit(&self, domain: &Domain) -> Option<usize> {
        let text = domain.as_str();
        match self {
            DomainPattern::All => Some(0),
            DomainPattern::Only(only) => (only == domain).then_some(usize::MAX),
            DomainPattern::Under(top) => {
                let above = text.strip_suffix(top.as_str())?;
                (above.is_empty() || above.ends_with('.')).then_some(top.as_str().len())
            }
        }
    }
}

impl FromStr for DomainPattern {
    type Err = BadValue;
    fn from_str(text: &str) -> Result<DomainPattern, BadValue> {
        let wrong =
            |_| BadValue::new(text, "a domain, *.domain for its subdomains too, or * for all".to_owned());
        let named = |text: &str| Domain::new(text).map_err(wrong);
        match (text.trim(), text.trim().strip_prefix("*.")) {
            ("*", _) => Ok(DomainPattern::All),
            (_, Some(top)) => Ok(DomainPattern::Under(named(top)?)),
            (only, None) => Ok(DomainPattern::Only(named(only)?)),
        }
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DomainPattern::All => f.write_str("*"),
            DomainPattern::Under(domain) => write!(f, "*.{domain}"),
            DomainPattern::Only(domain) => write!(f, "{domain}"),
        }
    }
}

impl TryFrom<String> for DomainPattern {
    type Error = BadValue;
    fn try_from(text: String) -> Result<DomainPattern, BadValue> {
        text.parse()
    }
}

impl From<DomainPattern> for String {
    fn from(pattern: DomainPattern) -> String {
        pattern.to_string()
    }
}

/// What mail and notices to domains elsewhere are like; all of it is kept only. Object kind `RemoteDomain`, key `guid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteDomain {
    /// Never changes.
    pub guid: Uuid,
    /// Unique name.
    pub name: String,
    /// What it is for; unique.
    pub domain_name: DomainPattern,
    /// Kept: whether delivery is confirmed.
    pub delivery_report_enabled: bool,
    /// Kept: whether failures are told.
    pub ndr_enabled: bool,
    /// Kept: whether notices of failures have their second, technical part.
    pub ndr_diagnostic_info_enabled: bool,
    /// Kept: whether there are automatic replies.
    pub auto_reply_enabled: bool,
    /// Kept: whether clients may forward.
    pub auto_forward_enabled: bool,
    /// Kept: which out-of-office messages are sent.
    pub allowed_oof_type: AllowedOofType,
    /// Kept: whether organisers are told that a meeting was forwarded.
    pub meeting_forward_notification_enabled: bool,
    /// Kept: whether it counts as a part of the organisation.
    pub is_internal: bool,
    /// Kept: whether what comes from it is trusted.
    pub trusted_mail_inbound_enabled: bool,
    /// Kept: whether what goes to it is trusted.
    pub trusted_mail_outbound_enabled: bool,
    /// Kept: whether names of senders are shown.
    pub display_sender_name: bool,
    /// Kept: whether the simple names are.
    pub use_simple_display_name: bool,
    /// Kept: formats of messages.
    pub content_type: ContentType,
    /// Kept: whether there is TNEF; `None` leaves it to the sender.
    pub tnef_enabled: Option<bool>,
    /// Kept: character set of MIME messages.
    pub character_set: String,
    /// Kept: character set of others.
    pub non_mime_character_set: String,
    /// Kept: characters in a line.
    pub line_wrap_size: Limit<u32>,
    /// Kept: whether its addresses are for delivery from a forest.
    pub target_delivery_domain: bool,
    /// Kept: encoding of texts in 7-bit character sets.
    pub byte_encoder_type_for_7bit_charsets: String,
    /// Kept: code page of Japanese texts.
    pub preferred_internet_code_page_for_shift_jis: String,
    /// Kept: percentage of characters that a character set has to have.
    pub required_charset_coverage: Option<u32>,
    /// Kept: messages before somebody is told.
    pub message_count_threshold: u32,
}

/// Which out-of-office messages go to a remote domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AllowedOofType {
    /// Those for outside.
    External,
    /// Those for inside, and what old clients set.
    InternalLegacy,
    /// Those for outside, and what old clients set.
    ExternalLegacy,
    /// None.
    None,
}

named!(AllowedOofType { External = 0, InternalLegacy = 1, ExternalLegacy = 2, None = 3 });

/// Formats of messages to a remote domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContentType {
    /// Both where there are both.
    MimeHtmlText,
    /// Text.
    MimeText,
    /// HTML.
    MimeHtml,
}

named!(ContentType { MimeHtmlText = 0, MimeText = 1, MimeHtml = 2 });

impl RemoteDomain {
    /// Where the one for all domains is found that is not saved yet.
    const DEFAULT: Uuid = Uuid::from_u128(0x8d5c_0f3e_6a1b_4c57_9e02_4b7d_1f60_a3c9);

    /// One as Exchange begins with.
    pub fn new(name: &str, domain_name: DomainPattern) -> RemoteDomain {
        RemoteDomain {
            guid: Uuid::new_v4(),
            name: name.to_owned(),
            domain_name,
            delivery_report_enabled: true,
            ndr_enabled: true,
            ndr_diagnostic_info_enabled: true,
            auto_reply_enabled: true,
            auto_forward_enabled: true,
            allowed_oof_type: AllowedOofType::External,
            meeting_forward_notification_enabled: true,
            is_internal: false,
            trusted_mail_inbound_enabled: false,
            trusted_mail_outbound_enabled: false,
            display_sender_name: true,
            use_simple_display_name: false,
            content_type: ContentType::MimeHtmlText,
            tnef_enabled: None,
            character_set: String::new(),
            non_mime_character_set: String::new(),
            line_wrap_size: Limit::Unlimited,
            target_delivery_domain: false,
            byte_encoder_type_for_7bit_charsets: "Undefined".to_owned(),
            preferred_internet_code_page_for_shift_jis: "Undefined".to_owned(),
            required_charset_coverage: None,
            message_count_threshold: i32::MAX as u32,
        }
    }

    /// The one for all domains as it is on a new node.
    pub fn for_all() -> RemoteDomain {
        RemoteDomain {
            guid: RemoteDomain::DEFAULT,
            auto_reply_enabled: false,
            auto_forward_enabled: false,
            character_set: "iso-8859-1".to_owned(),
            non_mime_character_set: "iso-8859-1".to_owned(),
            ..RemoteDomain::new("Default", DomainPattern::All)
        }
    }

    fn texts(&self) -> [(&'static str, &str); 4] {
        [
            ("CharacterSet", &self.character_set),
            ("NonMimeCharacterSet", &self.non_mime_character_set),
            ("ByteEncoderTypeFor7BitCharsets", &self.byte_encoder_type_for_7bit_charsets),
            ("PreferredInternetCodePageForShiftJis", &self.preferred_internet_code_page_for_shift_jis),
        ]
    }
}

impl Listed for RemoteDomain {
    const KIND: Kind = Kind::RemoteDomain;

    fn guid(&self) -> Uuid {
        self.guid
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &Snapshot) -> Result<(), Invalid> {
        let bad = |(_, text): &(&str, &str)| text.len() > 64 || !text.bytes().all(|b| b.is_ascii_graphic());
        if let Some((parameter, _)) = self.texts().into_iter().find(bad) {
            return Err(Invalid::new(
                self.label(),
                parameter,
                "legal: a name of up to 64 letters and digits",
            ));
        }
        match self.line_wrap_size {
            Limit::To(size) if size > 132 => {
                let problem = format!("{size} is out of range; legal: 0 to 132, or Unlimited");
                return Err(Invalid::new(self.label(), "LineWrapSize", problem));
            }
            _ => {}
        }
        match self.required_charset_coverage {
            Some(percent) if percent > 100 => {
                let problem = format!("{percent} is out of range; legal: 0 to 100, or $null");
                Err(Invalid::new(self.label(), "RequiredCharsetCoverage", problem))
            }
            _ => Ok(()),
        }
    }
}

/// No two are for the same, and one is for all.
pub(crate) fn check_all(all: &Snapshot) -> Result<(), Invalid> {
    let mut seen = std::collections::HashSet::new();
    for domain in all.all::<RemoteDomain>() {
        if !seen.insert(&domain.domain_name) {
            let problem = format!("another remote domain is for {}", domain.domain_name);
            return Err(Invalid::new(domain.label(), "DomainName", problem));
        }
    }
    if seen.contains(&DomainPattern::All) {
        return Ok(());
    }
    Err(Invalid::new("RemoteDomain", "", "the one for * cannot be removed; change it with Set-RemoteDomain"))
}
