//! The settings of a receive connector.

use super::setting::settings;
use directory::ReceiveConnector;

settings! { $ ReceiveConnector, with_settings;
    "RequireTLS" Bool "Whether it refuses MAIL FROM before STARTTLS." = require_tls,
    "Fqdn" Text "Name in banner, EHLO and Received; $null is the server's." = fqdn,
    "Banner" Text "Replaces the greeting; starts with 220. $null restores it." = banner,
    "MaxMessageSize" Text "Largest message, such as 36MB." = max_message_size,
    "MaxHeaderSize" Text "Largest header, such as 256KB." = restrictions.max_header_size,
    "MaxRecipientsPerMessage" Text "Recipients of one message." = max_recipients_per_message,
    "MaxHopCount" Text "Received fields before a message counts as looping." = max_hop_count,
    "MaxLocalHopCount" Text "Received fields of our own before it does; 0 is off." = restrictions.max_local_hop_count;
        "MaxHopCount ends loops.",
    "MaxInboundConnection" Text "Connections at a time, or Unlimited." = max_inbound_connection,
    "MaxInboundConnectionPerSource" Text "Connections at a time from one address, or Unlimited."
        = max_inbound_connection_per_source,
    "MaxInboundConnectionPercentagePerSource" Text "Share of the connections left that one address may have; 100 is no limit."
        = restrictions.max_inbound_connection_percentage_per_source,
    "MessageRateLimit" Text "Messages per minute and source, or Unlimited." = restrictions.message_rate_limit;
        "MaxInboundConnectionPerSource limits what one client does at a time.",
    "MessageRateSource" Text ["None", "User", "IPAddress", "All"] "What the rate is counted by."
        = restrictions.message_rate_source; "There is no limit of the rate of messages.",
    "ConnectionTimeout" Text "Life of a connection, such as 00:10:00." = connection_timeout,
    "ConnectionInactivityTimeout" Text "Idle limit, such as 00:05:00." = connection_inactivity_timeout,
    "MaxProtocolErrors" Text "Errors before the connection is closed, or Unlimited." = max_protocol_errors,
    "MaxLogonFailures" Text "Failed logins before the connection is closed; 0 is never." = max_logon_failures,
    "TarpitInterval" Text "Delay before refusals to clients not logged in, such as 00:00:05." = tarpit_interval,
    "AuthTarpitInterval" Text "Delay after a failed login." = restrictions.auth_tarpit_interval;
        "A failed login always waits.",
    "MaxAcknowledgementDelay" Text "How long the answer to a message may wait for its delivery."
        = restrictions.max_acknowledgement_delay; "A message is answered once it is on stable storage.",
    "SizeEnabled" Text ["Enabled", "Disabled", "EnabledWithoutValue"] "Whether EHLO offers SIZE, and with a number."
        = extensions.size,
    "PipeliningEnabled" Bool "Whether EHLO offers PIPELINING." = extensions.pipelining,
    "EightBitMimeEnabled" Bool "Whether EHLO offers 8BITMIME." = extensions.eight_bit_mime,
    "EnhancedStatusCodesEnabled" Bool "Whether EHLO offers ENHANCEDSTATUSCODES." = extensions.enhanced_status_codes,
    "SmtpUtf8Enabled" Bool "Whether EHLO offers SMTPUTF8." = extensions.smtp_utf8,
    "ChunkingEnabled" Bool "Kept for CHUNKING, which is not offered." = extensions.chunking;
        "There is no CHUNKING that could be switched off.",
    "BinaryMimeEnabled" Bool "Kept for BINARYMIME, which is not offered; needs ChunkingEnabled." = extensions.binary_mime;
        "There is no BINARYMIME that could be switched off.",
    "DeliveryStatusNotificationEnabled" Bool "Kept for DSN, which is not offered." = extensions.delivery_status_notification;
        "There is no DSN that could be switched off.",
    "LongAddressesEnabled" Bool "Kept for XLONGADDR." = extensions.long_addresses; "Addresses have the length of RFC 5321.",
    "OrarEnabled" Bool "Kept for XORAR." = extensions.orar; "There is no XORAR.",
    "RequireEHLODomain" Bool "Whether EHLO needs a name; it always does." = restrictions.require_ehlo_domain;
        "EHLO without a name is always refused.",
    "BareLinefeedRejectionEnabled" Bool "Whether LF without CR is refused; it always is." = restrictions.bare_linefeed_rejection;
        "LF without CR is always refused.",
    "RejectReservedTopLevelRecipientDomains" Bool "Whether recipients elsewhere in domains such as .invalid are refused."
        = restrictions.reject_reserved_top_level_recipient_domains,
    "RejectReservedSecondLevelRecipientDomains" Bool "Whether recipients elsewhere in domains such as example.com are refused."
        = restrictions.reject_reserved_second_level_recipient_domains,
    "RejectSingleLabelRecipientDomains" Bool "Whether recipients elsewhere in domains without a dot are refused."
        = restrictions.reject_single_label_recipient_domains,
    "ProtocolLoggingLevel" Text ["None", "Verbose"] "Whether there is a protocol log." = kept.protocol_logging_level;
        "For more in the log, set log_level = \"debug\" in gatepost.toml, and restart the server.",
    "TlsCertificateName" Text "The certificate, as <I>issuer<S>subject." = kept.tls_certificate_name;
        "All listeners have the server's certificate.",
    "TlsDomainCapabilities" List "What domains of partners may, as domain:capability." = kept.tls_domain_capabilities;
        "There are no partners known by their certificates.",
    "DomainSecureEnabled" Bool "Mutual TLS." = kept.domain_secure_enabled; "Clients are not asked for a certificate.",
    "EnableAuthGSSAPI" Bool "GSSAPI besides NTLM." = kept.enable_auth_gssapi; "There is no GSSAPI and no NTLM.",
    "ExtendedProtectionPolicy" Text ["None", "Allow", "Require"] "Binding of logins to the TLS channel."
        = kept.extended_protection_policy; "There is no mechanism that is bound to the channel.",
    "AdvertiseClientSettings" Bool "Whether users are shown how to reach it." = kept.advertise_client_settings;
        "Get-ClientSettings shows it to administrators.",
    "SuppressXAnonymousTls" Bool "Hides X-ANONYMOUSTLS, which is not there." = kept.suppress_x_anonymous_tls;
        "There is no X-ANONYMOUSTLS.",
    "ServiceDiscoveryFqdn" Text "The name by which services are found." = kept.service_discovery_fqdn;
        "Clients find the server by the names of Get-ClientSettings.",
    "DefaultDomain" Text "The accepted domain that completes addresses without one." = kept.default_domain;
        "The default accepted domain does that: Set-AcceptedDomain NAME -MakeDefault $true",
    "TransportRole" Text ["HubTransport", "FrontendTransport"] "Accepted; there is one process for both." = kept.transport_role,
    "Comment" Text "A note." = kept.comment,
}
#[allow(clippy::single_component_path_imports, reason = "it gives a macro a path")]
pub(super) use with_settings;
