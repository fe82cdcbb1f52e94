//! Get-/Set-PopSettings and Get-/Set-ImapSettings.
//!
//! Both protocols have one type of settings and so one implementation. In Exchange a change waits for a restart of the
//! service; here the node follows at once, and says so where it cannot (a port that is taken). As long as clear-text
//! logins are allowed on a port without TLS, every change here ends with the warning that the article describes.

use super::mailbox::put;
use super::servers::{self, SERVER};
use super::{CHANGES, READS};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Arguments, Call, Failure};
use crate::value::{Object, Shape, Value};
use directory::{CalendarItems, ExtendedProtection, MimeTextFormat, RollOver};
use directory::{Change, ProtocolSettings, Snapshot};
use journal::{Source, event};

static SETTINGS: Shape = Shape {
    name: "ProtocolSettings",
    columns: &["UnencryptedOrTLSBindings", "SSLBindings", "LoginType", "X509CertificateName"],
};

/// POP3 or IMAP4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// POP3
    Pop,
    /// IMAP4
    Imap,
}

const LOGIN_TYPES: &[&str] = &["PlainTextLogin", "PlainTextAuthentication", "SecureLogin"];

const PARAMETERS: &[Parameter] = &[
    parameter("LoginType", Kind::Text, "Which logins connections without TLS may try. PlainTextAuthentication is as SecureLogin here: every login sends the password, and so needs TLS.").one_of(LOGIN_TYPES),
    parameter(
        "UnencryptedOrTLSBindings",
        Kind::List,
        "Addresses and ports that begin in clear text and offer TLS.",
    ),
    parameter("SSLBindings", Kind::List, "Addresses and ports with TLS from the first octet."),
    parameter(
        "InternalConnectionSettings",
        Kind::List,
        "Shown to users inside: host:port:SSL or host:port:TLS.",
    ),
    parameter(
        "ExternalConnectionSettings",
        Kind::List,
        "Shown to users outside: host:port:SSL or host:port:TLS.",
    ),
    parameter("X509CertificateName", Kind::Text, "Kept for scripts; has no effect in this version, which has one certificate."),
    parameter("Banner", Kind::Text, "The text of the greeting."),
    parameter("AuthenticatedConnectionTimeout", Kind::Text, "Idle limit after login, such as 00:30:00."),
    parameter("PreAuthenticatedConnectionTimeout", Kind::Text, "Idle limit before login, such as 00:01:00."),
    parameter("MaxConnections", Kind::Text, "Connections to the service."),
    parameter("MaxConnectionFromSingleIP", Kind::Text, "Connections from one client address."),
    parameter("MaxConnectionsPerUser", Kind::Text, "Connections of one user; has no effect in this version for POP3, which always takes one for each mailbox."),
    parameter("MaxCommandSize", Kind::Text, "Octets in one command line."),
    parameter("MessageRetrievalSortOrder", Kind::Text, "How POP3 numbers messages.")
        .one_of(&["Ascending", "Descending"]),
    parameter("EnableExactRFC822Size", Kind::Bool, "Kept for scripts; sizes are always exact."),
    parameter(
        "EnableGSSAPIAndNTLMAuth",
        Kind::Bool,
        "Kept for scripts; has no effect in this version, which has no GSSAPI and no NTLM.",
    ),
    parameter("ProtocolLogEnabled", Kind::Bool, "Whether every line of every session is written to the protocol log; passwords never are."),
    parameter("LogFileLocation", Kind::Text, "Where the protocol log is; from the data directory, unless it begins with /."),
    parameter("LogFileRollOverSettings", Kind::Text, "How often a new file of the protocol log begins.").one_of(RollOver::NAMES),
    parameter("LogPerFileSizeQuota", Kind::Text, "The size at which a new file of the protocol log begins; 0 is by time."),
    parameter("MessageRetrievalMimeFormat", Kind::Text, "Kept for scripts; messages are always sent as they came.").one_of(MimeTextFormat::NAMES),
    parameter("CalendarItemRetrievalOption", Kind::Text, "Kept for scripts; calendar items are sent as they came.").one_of(CalendarItems::NAMES),
    parameter("OwaServerUrl", Kind::Text, "Kept for scripts; has no effect in this version."),
    parameter("SuppressReadReceipt", Kind::Bool, "Kept for scripts; no message is ever reported as read because it was fetched."),
    parameter("ExtendedProtectionPolicy", Kind::Text, "Kept for scripts; has no effect in this version, which has no integrated login.").one_of(ExtendedProtection::NAMES),
    parameter("EnforceCertificateErrors", Kind::Bool, "Kept for scripts; has no effect in this version, which asks no other server."),
    parameter("ProxyTargetPort", Kind::Text, "Kept for scripts; has no effect in this version, which asks no other server."),
    parameter("ShowHiddenFoldersEnabled", Kind::Bool, "Kept for scripts; has no effect in this version, which has no hidden folders."),
    SERVER,
    super::recipients::DOMAIN_CONTROLLER,
];

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-PopSettings",
        synopsis: "Shows the settings of POP3.",
        parameters: &[SERVER, super::recipients::DOMAIN_CONTROLLER],
        accepts: servers::SERVER_TYPES,
        examples: &[("Get-PopSettings | Format-List", "Shows all of them.")],
        run: Run::Each(|call| Box::pin(get(call, Protocol::Pop))),
        ..READS
    },
    Cmdlet {
        name: "Get-ImapSettings",
        synopsis: "Shows the settings of IMAP4.",
        parameters: &[SERVER, super::recipients::DOMAIN_CONTROLLER],
        accepts: servers::SERVER_TYPES,
        examples: &[("Get-ImapSettings | Format-List", "Shows all of them.")],
        run: Run::Each(|call| Box::pin(get(call, Protocol::Imap))),
        ..READS
    },
    Cmdlet {
        name: "Set-PopSettings",
        synopsis: "Changes the settings of POP3, at once.",
        parameters: PARAMETERS,
        accepts: servers::SERVER_TYPES,
        examples: &[
            ("Set-PopSettings -LoginType SecureLogin", "Asks for TLS before passwords."),
            ("Set-PopSettings -X509CertificateName pop3.example.test", "Keeps the name; see the warning."),
        ],
        run: Run::Each(|call| Box::pin(set(call, Protocol::Pop))),
        ..CHANGES
    },
    Cmdlet {
        name: "Set-ImapSettings",
        synopsis: "Changes the settings of IMAP4, at once.",
        parameters: PARAMETERS,
        accepts: servers::SERVER_TYPES,
        examples: &[("Set-ImapSettings -LoginType SecureLogin", "Asks for TLS before passwords.")],
        run: Run::Each(|call| Box::pin(set(call, Protocol::Imap))),
        ..CHANGES
    },
];

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Protocol::Pop => "POP3",
            Protocol::Imap => "IMAP4",
        }
    }

    /// Where its protocol log is if nothing else was said.
    fn usual_log(self) -> &'static str {
        match self {
            Protocol::Pop => directory::POP_LOG,
            Protocol::Imap => directory::IMAP_LOG,
        }
    }

    fn source(self) -> Source {
        match self {
            Protocol::Pop => Source::Pop3,
            Protocol::Imap => Source::Imap4,
        }
    }

    fn settings(self, snapshot: &Snapshot) -> &ProtocolSettings {
        match self {
            Protocol::Pop => snapshot.pop(),
            Protocol::Imap => snapshot.imap(),
        }
    }

    fn door(self, settings: &ProtocolSettings) -> policy::Door<'_> {
        match self {
            Protocol::Pop => policy::Door::Pop3(settings),
            Protocol::Imap => policy::Door::Imap4(settings),
        }
    }

    fn object(self, settings: ProtocolSettings) -> directory::Object {
        match self {
            Protocol::Pop => directory::Object::pop(settings),
            Protocol::Imap => directory::Object::imap(settings),
        }
    }
}

/// Settings as they are shown.
fn view(settings: &ProtocolSettings, protocol: Protocol, server: &str) -> Object {
    let object = Object::new(&SETTINGS, server)
        .with("Name", "1")
        .with("ProtocolName", protocol.name())
        .with("Identity", format!("{server}\\1"))
        .with("Server", server)
        .with("LoginType", settings.login_type.to_string())
        .with("UnencryptedOrTLSBindings", Value::texts(&settings.unencrypted_or_tls_bindings))
        .with("SSLBindings", Value::texts(&settings.ssl_bindings))
        .with("InternalConnectionSettings", Value::texts(&settings.internal_connection_settings))
        .with("ExternalConnectionSettings", Value::texts(&settings.external_connection_settings))
        .with("X509CertificateName", &settings.x509_certificate_name)
        .with("Banner", &settings.banner)
        .with("AuthenticatedConnectionTimeout", settings.authenticated_connection_timeout)
        .with("PreAuthenticatedConnectionTimeout", settings.pre_authenticated_connection_timeout)
        .with("MaxConnections", settings.max_connections)
        .with("MaxConnectionFromSingleIP", settings.max_connection_from_single_ip)
        .with("MaxConnectionsPerUser", settings.max_connections_per_user)
        .with("MaxCommandSize", settings.max_command_size);
    let object = match protocol {
        Protocol::Pop => {
            object.with("MessageRetrievalSortOrder", settings.message_retrieval_sort_order.to_string())
        }
        Protocol::Imap => object,
    };
    let object = object
        .with("EnableExactRFC822Size", settings.enable_exact_rfc822_size)
        .with("EnableGSSAPIAndNTLMAuth", settings.enable_gssapi_and_ntlm_auth)
        .with("ProtocolLogEnabled", settings.protocol_log_enabled)
        .with("LogFileLocation", or(&settings.log_file_location, protocol.usual_log()))
        .with("LogFileRollOverSettings", settings.log_file_roll_over_settings.to_string())
        .with("LogPerFileSizeQuota", settings.log_per_file_size_quota);
    kept(object, settings, protocol)
}

/// Adds what has no effect.
fn kept(object: Object, settings: &ProtocolSettings, protocol: Protocol) -> Object {
    let port = match (settings.proxy_target_port, protocol) {
        (0, Protocol::Pop) => 1995,
        (0, Protocol::Imap) => 1993,
        (port, _) => port,
    };
    let object = object
        .with("MessageRetrievalMimeFormat", settings.message_retrieval_mime_format.to_string())
        .with("CalendarItemRetrievalOption", settings.calendar_item_retrieval_option.to_string())
        .with("OwaServerUrl", &settings.owa_server_url)
        .with("SuppressReadReceipt", settings.suppress_read_receipt)
        .with("ExtendedProtectionPolicy", settings.extended_protection_policy.to_string())
        .with("EnforceCertificateErrors", settings.enforce_certificate_errors)
        .with("ProxyTargetPort", u32::from(port));
    match protocol {
        Protocol::Pop => object,
        Protocol::Imap => object.with("ShowHiddenFoldersEnabled", settings.show_hidden_folders_enabled),
    }
}

fn or<'a>(text: &'a str, usual: &'a str) -> &'a str {
    if text.is_empty() { usual } else { text }
}

async fn get(call: &mut Call<'_>, protocol: Protocol) -> Result<(), Failure> {
    servers::check(call)?;
    let server = call.context().server_name();
    let object = view(protocol.settings(&call.context().directory.snapshot()), protocol, &server);
    call.emit(object).await?;
    Ok(())
}

async fn set(call: &mut Call<'_>, protocol: Protocol) -> Result<(), Failure> {
    servers::check(call)?;
    let server = call.context().server_name();
    if protocol == Protocol::Imap && call.arguments.given("MessageRetrievalSortOrder") {
        return Err("IMAP4 has no MessageRetrievalSortOrder; clients sort for themselves.".into());
    }
    if protocol == Protocol::Pop && call.arguments.given("ShowHiddenFoldersEnabled") {
        return Err("POP3 has no ShowHiddenFoldersEnabled; it shows the inbox only.".into());
    }
    if !call.may(&format!("Change the settings of {} on", protocol.name()), &server).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = protocol.settings(&changing.snapshot).clone();
    let mut settings = old.clone();
    let mut remarks = apply(&call.arguments, &mut settings)?;
    remarks.extend(without_effect(&call.arguments, protocol, &old, &settings));
    check_log(call, protocol, &settings).await?;
    let warning = policy::clear_text_warning(protocol.door(&settings));
    let edit = Edit {
        before: Some(view(&old, protocol, &server)),
        after: Some(view(&settings, protocol, &server)),
        changes: vec![Change::Put(protocol.object(settings))],
        ..Edit::default()
    };
    let committed = changing.commit(call, edit).await;
    for remark in remarks {
        call.warn(remark).await?;
    }
    if let Some(warning) = warning {
        let journal = call.context().store.journal();
        journal.write(&event::CLEAR_TEXT_LOGIN, protocol.source(), &warning);
        call.warn(warning).await?;
    }
    committed
}

/// What was given, would do something in Exchange, and does nothing here; with what to do instead.
fn without_effect(
    arguments: &Arguments,
    protocol: Protocol,
    old: &ProtocolSettings,
    new: &ProtocolSettings,
) -> Vec<String> {
    let certificate = !new.x509_certificate_name.eq_ignore_ascii_case(&old.x509_certificate_name);
    let given = |name: &str, wanted: bool, instead: &str| {
        let told = wanted && arguments.given(name);
        told.then(|| format!("{name} is kept, but has no effect in this version. {instead}"))
    };
    let all = [
        given(
            "X509CertificateName",
            certificate,
            "To use another certificate, replace tls/server.pem and tls/server-key.pem in the data directory, and send \
             the server a SIGHUP.",
        ),
        given(
            "MaxConnectionsPerUser",
            protocol == Protocol::Pop && new.max_connections_per_user != 1,
            "POP3 takes one connection for each mailbox at a time; let users with several clients use IMAP4.",
        ),
        given(
            "EnableGSSAPIAndNTLMAuth",
            new.enable_gssapi_and_ntlm_auth,
            "There is no GSSAPI and no NTLM; let clients log in with name and password under TLS.",
        ),
    ];
    all.into_iter().flatten().chain(kept_without_effect(arguments, new)).collect()
}

/// The same of settings that later versions will follow, where they are not as usual.
fn kept_without_effect(arguments: &Arguments, new: &ProtocolSettings) -> Vec<String> {
    let all = [
        (
            "MessageRetrievalMimeFormat",
            new.message_retrieval_mime_format != MimeTextFormat::default(),
            "Messages are sent as they came; let mail programs choose what they show.",
        ),
        (
            "CalendarItemRetrievalOption",
            new.calendar_item_retrieval_option != CalendarItems::default(),
            "Calendar items are sent as they came.",
        ),
        ("OwaServerUrl", !new.owa_server_url.is_empty(), "There is no webmail to link to."),
        (
            "SuppressReadReceipt",
            new.suppress_read_receipt,
            "The server reports no message as read because it was fetched; there is nothing to suppress.",
        ),
        (
            "ExtendedProtectionPolicy",
            new.extended_protection_policy != ExtendedProtection::default(),
            "There is no integrated login; let clients log in with name and password under TLS.",
        ),
        ("EnforceCertificateErrors", new.enforce_certificate_errors, "No other server is asked."),
        ("ProxyTargetPort", new.proxy_target_port != 0, "No other server is asked."),
        ("ShowHiddenFoldersEnabled", new.show_hidden_folders_enabled, "There are no hidden folders."),
    ];
    let told = all.into_iter().filter(|(name, wanted, _)| *wanted && arguments.given(name));
    told.map(|(name, _, instead)| format!("{name} is kept, but has no effect in this version. {instead}"))
        .collect()
}

fn apply(arguments: &Arguments, settings: &mut ProtocolSettings) -> Result<Vec<String>, Failure> {
    put(&mut settings.login_type, arguments.parse("LoginType")?);
    put(&mut settings.x509_certificate_name, arguments.text("X509CertificateName"));
    put(&mut settings.banner, arguments.text("Banner"));
    put(&mut settings.authenticated_connection_timeout, arguments.parse("AuthenticatedConnectionTimeout")?);
    put(
        &mut settings.pre_authenticated_connection_timeout,
        arguments.parse("PreAuthenticatedConnectionTimeout")?,
    );
    put(&mut settings.max_connections, arguments.parse("MaxConnections")?);
    put(&mut settings.max_connection_from_single_ip, arguments.parse("MaxConnectionFromSingleIP")?);
    put(&mut settings.max_connections_per_user, arguments.parse("MaxConnectionsPerUser")?);
    put(&mut settings.max_command_size, arguments.parse("MaxCommandSize")?);
    put(&mut settings.message_retrieval_sort_order, arguments.parse("MessageRetrievalSortOrder")?);
    put(&mut settings.enable_exact_rfc822_size, arguments.bool("EnableExactRFC822Size"));
    put(&mut settings.enable_gssapi_and_ntlm_auth, arguments.bool("EnableGSSAPIAndNTLMAuth"));
    apply_logging(arguments, settings)?;
    apply_kept(arguments, settings)?;
    let mut remarks = Vec::new();
    change_list(
        arguments,
        "UnencryptedOrTLSBindings",
        &mut settings.unencrypted_or_tls_bindings,
        &mut remarks,
    )?;
    change_list(arguments, "SSLBindings", &mut settings.ssl_bindings, &mut remarks)?;
    change_list(
        arguments,
        "InternalConnectionSettings",
        &mut settings.internal_connection_settings,
        &mut remarks,
    )?;
    change_list(
        arguments,
        "ExternalConnectionSettings",
        &mut settings.external_connection_settings,
        &mut remarks,
    )?;
    Ok(remarks)
}

fn apply_logging(arguments: &Arguments, settings: &mut ProtocolSettings) -> Result<(), Failure> {
    put(&mut settings.protocol_log_enabled, arguments.bool("ProtocolLogEnabled"));
    put(&mut settings.log_file_location, arguments.text("LogFileLocation"));
    put(&mut settings.log_file_roll_over_settings, arguments.parse("LogFileRollOverSettings")?);
    put(&mut settings.log_per_file_size_quota, arguments.parse("LogPerFileSizeQuota")?);
    if [Protocol::Pop, Protocol::Imap].iter().any(|known| settings.log_file_location == known.usual_log()) {
        settings.log_file_location.clear();
    }
    Ok(())
}

fn apply_kept(arguments: &Arguments, settings: &mut ProtocolSettings) -> Result<(), Failure> {
    put(&mut settings.message_retrieval_mime_format, arguments.parse("MessageRetrievalMimeFormat")?);
    put(&mut settings.calendar_item_retrieval_option, arguments.parse("CalendarItemRetrievalOption")?);
    put(&mut settings.owa_server_url, arguments.text("OwaServerUrl"));
    put(&mut settings.suppress_read_receipt, arguments.bool("SuppressReadReceipt"));
    put(&mut settings.extended_protection_policy, arguments.parse("ExtendedProtectionPolicy")?);
    put(&mut settings.enforce_certificate_errors, arguments.bool("EnforceCertificateErrors"));
    put(&mut settings.proxy_target_port, arguments.parse("ProxyTargetPort")?);
    put(&mut settings.show_hidden_folders_enabled, arguments.bool("ShowHiddenFoldersEnabled"));
    Ok(())
}

/// Whether the protocol log can be written where it is wanted.
async fn check_log(call: &Call<'_>, protocol: Protocol, settings: &ProtocolSettings) -> Result<(), Failure> {
    let wanted = settings.protocol_log_enabled || call.arguments.given("LogFileLocation");
    let Some(data) = call.context().store.dir().filter(|_| wanted) else { return Ok(()) };
    let place = data.join(or(&settings.log_file_location, protocol.usual_log()));
    let shown = place.display().to_string();
    let tried = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&place)?;
        let probe = place.join(format!(".probe-{}", uuid::Uuid::new_v4()));
        std::fs::File::create_new(&probe)?;
        std::fs::remove_file(&probe)
    });
    let tried = tried.await.map_err(|error| Failure::Error(error.to_string()))?;
    tried.map_err(|error| {
        Failure::Error(format!(
            "The protocol log cannot be written to {shown}: {error}. Give the server's user the right to write there, \
             or set another LogFileLocation."
        ))
    })
}

/// Changes a list where that was asked for, and collects remarks.
pub fn change_list<T>(
    arguments: &Arguments,
    name: &str,
    list: &mut Vec<T>,
    remarks: &mut Vec<String>,
) -> Result<(), Failure>
where
    T: std::str::FromStr + Clone + PartialEq + std::fmt::Display,
    T::Err: std::fmt::Display,
{
    if let Some(change) = arguments.list(name)? {
        let (changed, said) = change.apply(name, list)?;
        *list = changed;
        remarks.extend(said);
    }
    Ok(())
}
