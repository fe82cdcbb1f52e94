//! The objects of a new node.

use crate::check::Invalid;
use crate::settings;
use crate::{
    AcceptedDomain, AuthMechanism, Binding, Change, ConnectionSetting, Encryption, IpRange, Limit,
    LoginNames, LoginType, Object, Organization, PermissionGroups, ProtocolSettings, Quotas,
    ReceiveConnector, RemoteDomain, Restrictions, Service, ServiceName, Snapshot, SortOrder, StartupType,
    TimeSpan, TransportConfig, WebSettings,
};
use crate::{CalendarItems, ExtendedProtection, MimeTextFormat, RollOver};
use mail::Domain;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What a new node is made of. POP3 and IMAP4 are installed but stopped, unless the start type says otherwise.
#[derive(Clone, Debug)]
pub struct InitialNode {
    /// The node's full name: in greetings, `Received` fields and certificates.
    pub hostname: String,
    /// The name under which users reach it; mostly the same.
    pub client_host: String,
    /// The first accepted domain.
    pub domain: Domain,
    /// Local addresses to listen on, all services alike.
    pub addresses: Vec<IpAddr>,
    /// Is added to every standard port.
    pub port_offset: u16,
    /// When POP3 and IMAP4 start.
    pub pop_and_imap: StartupType,
}

impl Snapshot {
    /// The objects of a new node, without mailboxes.
    pub fn initial(node: &InitialNode) -> Result<Snapshot, Invalid> {
        let organization = Organization {
            hostname: node.hostname.clone(),
            client_host: node.client_host.clone(),
            login_names: LoginNames::All,
            smtp_client_authentication_disabled: false,
            deleted_item_retention: settings::fourteen_days(),
            admin_audit_log_age_limit: settings::ninety_days(),
            database_quotas: Quotas::default(),
            transport: TransportConfig::default(),
        };
        let server = organization.server_name().to_uppercase();
        let pop = node.settings("POP3", 110, 995, 512)?;
        let imap = node.settings("IMAP4", 143, 993, 10_240)?;
        let domain = AcceptedDomain { default: true, ..AcceptedDomain::new(node.domain.clone()) };
        let mut changes = vec![
            Change::put(domain),
            Change::put(RemoteDomain::for_all()),
            Change::put(node.default_connector(&server)?),
            Change::put(node.client_connector(&server)?),
        ];
        let web = WebSettings { ssl_bindings: node.bindings(443)?, ..WebSettings::default() };
        changes.push(Change::put(web));
        // As submission: logins need TLS, and administration from afar needs a role too.
        changes.push(Change::put(Service::new(ServiceName::Web, StartupType::Automatic)));
        for service in [ServiceName::Pop3, ServiceName::Imap4] {
            changes.push(Change::put(Service::new(service, node.pop_and_imap)));
        }
        // The settings are put once more so that they are checked like any others.
        changes.extend(
            [Object::pop(pop.clone()), Object::imap(imap.clone()), organization.clone().into()]
                .map(Change::Put),
        );
        let base = Snapshot::bare(Arc::new(organization), Arc::new(pop), Arc::new(imap));
        Ok(base.apply(changes)?.snapshot)
    }
}

impl InitialNode {
    fn port(&self, standard: u16) -> Result<u16, Invalid> {
        let most = u16::MAX - 995;
        standard.checked_add(self.port_offset).ok_or_else(|| {
            Invalid::new(
                "Node",
                "port offset",
                format!("{} is too large; legal: 0 to {most}", self.port_offset),
            )
        })
    }

    fn bindings(&self, standard: u16) -> Result<Vec<Binding>, Invalid> {
        let port = self.port(standard)?;
        Ok(self.addresses.iter().map(|address| Binding(SocketAddr::new(*address, port))).collect())
    }

    fn settings(
        &self,
        protocol: &str,
        clear: u16,
        ssl: u16,
        command: u32,
    ) -> Result<ProtocolSettings, Invalid> {
        let advertise =
            |port, encryption| ConnectionSetting { host: self.client_host.clone(), port, encryption };
        Ok(ProtocolSettings {
            login_type: LoginType::SecureLogin,
            enable_gssapi_and_ntlm_auth: true,
            unencrypted_or_tls_bindings: self.bindings(clear)?,
            ssl_bindings: self.bindings(ssl)?,
            internal_connection_settings: vec![
                advertise(self.port(ssl)?, Encryption::Ssl),
                advertise(self.port(clear)?, Encryption::Tls),
            ],
            external_connection_settings: Vec::new(),
            x509_certificate_name: self.hostname.clone(),
            banner: format!("Gatepost {protocol} service ready."),
            authenticated_connection_timeout: TimeSpan(30 * 60),
            pre_authenticated_connection_timeout: TimeSpan(60),
            max_connections: i32::MAX as u32,
            max_connection_from_single_ip: i32::MAX as u32,
            max_connections_per_user: 16,
            max_command_size: command,
            message_retrieval_sort_order: SortOrder::Ascending,
            enable_exact_rfc822_size: false,
            protocol_log_enabled: false,
            log_file_location: String::new(),
            log_file_roll_over_settings: RollOver::default(),
            log_per_file_size_quota: ProtocolSettings::BY_TIME,
            message_retrieval_mime_format: MimeTextFormat::default(),
            calendar_item_retrieval_option: CalendarItems::default(),
            owa_server_url: String::new(),
            suppress_read_receipt: false,
            extended_protection_policy: ExtendedProtection::default(),
            enforce_certificate_errors: false,
            proxy_target_port: 0,
            show_hidden_folders_enabled: false,
        })
    }

    /// Mail from other servers for our own recipients. Nobody logs in here: passwords belong to port 587.
    fn default_connector(&self, server: &str) -> Result<ReceiveConnector, Invalid> {
        let name = format!("Default {server}");
        Ok(ReceiveConnector {
            auth_mechanism: AuthMechanism { exchange_server: true, ..AuthMechanism::LOGIN },
            permission_groups: PermissionGroups {
                anonymous_users: true,
                exchange_servers: true,
                exchange_legacy_servers: true,
                ..PermissionGroups::default()
            },
            max_recipients_per_message: 5000,
            restrictions: Restrictions::default(),
            ..ReceiveConnector::new(&name, self.bindings(25)?, everyone())
        })
    }

    /// Submission by our users, who log in under TLS.
    fn client_connector(&self, server: &str) -> Result<ReceiveConnector, Invalid> {
        let name = format!("Client {server}");
        Ok(ReceiveConnector {
            ssl_bindings: self.bindings(465)?,
            auth_mechanism: AuthMechanism::LOGIN,
            permission_groups: PermissionGroups { exchange_users: true, ..PermissionGroups::default() },
            max_inbound_connection_per_source: Limit::To(20),
            ..ReceiveConnector::new(&name, self.bindings(587)?, everyone())
        })
    }
}

fn everyone() -> Vec<IpRange> {
    vec![IpRange::ALL_V6, IpRange::ALL_V4]
}
