//! Limits and settings of transport that hold for the whole organisation (Get-TransportConfig).

use crate::{ByteSize, Limit};
use mail::{Address, Domain};
use serde::{Deserialize, Serialize};

/// What holds for all connectors; a part of the organisation. The defaults are the behaviour of a version that did not
/// know them: Exchange limits messages to 10 MB here, we to what the connectors say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransportConfig {
    /// Largest message from clients that are not our users.
    pub max_receive_size: Limit<ByteSize>,
    /// Largest message of a user.
    pub max_send_size: Limit<ByteSize>,
    /// Recipients of one message.
    pub max_recipient_envelope_limit: Limit<u32>,
    /// Kept: who notices come from that go outside; nobody is postmaster of the default domain.
    pub external_postmaster_address: Option<Address>,
    /// Kept: whether senders inside are told of delays.
    pub internal_delay_dsn_enabled: bool,
    /// Kept: whether senders outside are told of delays.
    pub external_delay_dsn_enabled: bool,
    /// Kept: codes of notices of which postmaster gets a copy, such as `5.4.8`.
    pub generate_copy_of_dsn_for: Vec<String>,
    /// Kept: domains that have to use mutual TLS with us.
    pub tls_receive_domain_secure_list: Vec<Domain>,
    /// Kept: domains with which we have to use mutual TLS.
    pub tls_send_domain_secure_list: Vec<Domain>,
}

impl Default for TransportConfig {
    fn default() -> TransportConfig {
        TransportConfig {
            max_receive_size: Limit::Unlimited,
            max_send_size: Limit::Unlimited,
            max_recipient_envelope_limit: Limit::Unlimited,
            external_postmaster_address: None,
            internal_delay_dsn_enabled: true,
            external_delay_dsn_enabled: true,
            generate_copy_of_dsn_for: Vec::new(),
            tls_receive_domain_secure_list: Vec::new(),
            tls_send_domain_secure_list: Vec::new(),
        }
    }
}
