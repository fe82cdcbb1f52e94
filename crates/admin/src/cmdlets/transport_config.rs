//! Get- and Set-TransportConfig: what holds for all receive connectors.

use super::recipients::{DOMAIN_CONTROLLER, not_found};
use super::setting::{self, settings};
use super::{CHANGES, READS};
use crate::change::{self, Edit};
use crate::cmdlet::{Cmdlet, Kind, Parameter, Run, parameter};
use crate::run::{Call, Failure, wildcard};
use crate::value::{Object, Shape};
use directory::{Change, Organization, TransportConfig};

static TRANSPORT_CONFIG: Shape = Shape {
    name: "TransportConfig",
    columns: &["Name", "MaxReceiveSize", "MaxSendSize", "MaxRecipientEnvelopeLimit"],
};

/// What the one object is called in Exchange.
const NAME: &str = "Transport Settings";

const WHICH: Parameter =
    parameter("Identity", Kind::Text, "Transport Settings; there is one, and it is meant without this.")
        .at(1)
        .piped();

settings! { $ TransportConfig, with_settings;
    "MaxReceiveSize" Text "Largest message from outside, such as 36MB, or Unlimited." = max_receive_size,
    "MaxSendSize" Text "Largest message of a user, such as 36MB, or Unlimited." = max_send_size,
    "MaxRecipientEnvelopeLimit" Text "Recipients of one message, or Unlimited." = max_recipient_envelope_limit,
    "ExternalPostmasterAddress" Text "Who notices come from that go outside; $null is postmaster of the default domain."
        = external_postmaster_address; "There are no notices about mail on its way.",
    "InternalDelayDsnEnabled" Bool "Whether senders inside are told of delays." = internal_delay_dsn_enabled;
        "There are no notices about mail on its way.",
    "ExternalDelayDsnEnabled" Bool "Whether senders outside are told of delays." = external_delay_dsn_enabled;
        "There are no notices about mail on its way.",
    "GenerateCopyOfDSNFor" List "Status codes of notices of which postmaster gets a copy, such as 5.4.8."
        = generate_copy_of_dsn_for; "There are no notices about mail on its way.",
    "TLSReceiveDomainSecureList" List "Domains that have to use mutual TLS with us." = tls_receive_domain_secure_list;
        "There are no partners known by their certificates.",
    "TLSSendDomainSecureList" List "Domains with which we have to use mutual TLS." = tls_send_domain_secure_list;
        "There are no partners known by their certificates.",
}

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-TransportConfig",
        synopsis: "Shows the limits of messages that hold for all receive connectors.",
        parameters: &[WHICH, DOMAIN_CONTROLLER],
        accepts: &["TransportConfig"],
        examples: &[("Get-TransportConfig | Format-List", "Shows everything about it.")],
        run: Run::Each(|call| Box::pin(get(call))),
        ..READS
    },
    Cmdlet {
        name: "Set-TransportConfig",
        synopsis: "Changes the limits of messages that hold for all receive connectors, at once.",
        parameters: with_settings![WHICH, DOMAIN_CONTROLLER],
        accepts: &["TransportConfig"],
        examples: &[(
            "Set-TransportConfig -MaxReceiveSize 20MB",
            "Refuses larger messages from outside, whatever a connector allows.",
        )],
        run: Run::Each(|call| Box::pin(set(call))),
        ..CHANGES
    },
];

/// Whether the identity given means the one object.
fn is_meant(call: &Call<'_>) -> Result<bool, Failure> {
    let Some(wanted) = call.arguments.text("Identity") else { return Ok(true) };
    match wildcard::fits(&wanted, NAME) {
        false if !wildcard::is_pattern(&wanted) => Err(not_found(call, &wanted)),
        meant => Ok(meant),
    }
}

fn view(config: &TransportConfig) -> Object {
    let object = Object::new(&TRANSPORT_CONFIG, NAME).with("Name", NAME).with("Identity", NAME);
    setting::show(SETTINGS, config, object)
}

async fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    if is_meant(call)? {
        let object = view(&call.context().directory.snapshot().organization().transport);
        call.emit(object).await?;
    }
    Ok(())
}

async fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    if !is_meant(call)? || !call.may("Change", NAME).await? {
        return Ok(());
    }
    let changing = change::begin(call.context()).await;
    let old = changing.snapshot.organization();
    let mut organization = Organization::clone(old);
    let usual = TransportConfig::default();
    let remarks = setting::put(SETTINGS, &mut organization.transport, &usual, &call.arguments)?;
    let edit = Edit {
        before: Some(view(&old.transport)),
        after: Some(view(&organization.transport)),
        changes: vec![Change::Put(organization.into())],
        ..Edit::default()
    };
    let committed = changing.commit(call, edit).await;
    for remark in remarks {
        call.warn(remark).await?;
    }
    committed
}
