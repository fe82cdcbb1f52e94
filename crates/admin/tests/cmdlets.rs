//! What the cmdlets do: to the objects, to what is saved, to the audit log, and to the node.

mod common;

use admin::{Outcome, Shell, Terminal};
use common::{Shown, Site};
use directory::{LoginType, ServiceName, StartupType};
use mail::Secret;

#[tokio::test]
async fn only_administrators_run_cmdlets() {
    let site = Site::new().await;
    for (name, allowed) in [("admin", true), ("alice", false)] {
        let account = site.saved().await.mailbox(&format!("{name}@example.test")).unwrap().account;
        let context = admin::Context { who: policy::Caller::User(account), ..site.context.clone() };
        let mut shown = Shown::default();
        let outcome =
            Shell::new(context, common::TERMINAL).run("Get-AcceptedDomain | fl Name", &mut shown).await;
        assert_eq!(outcome == Outcome::Done, allowed, "{}", shown.errors);
        let refused =
            "it needs the role 'View-Only Organization Management', which 'alice' does not have here";
        assert_eq!(shown.errors.contains(refused), !allowed, "{}", shown.errors);
        assert_eq!(shown.output.contains("example.test"), allowed, "{}", shown.output);
    }
}

#[tokio::test]
async fn a_mailbox_is_made_changed_and_removed() {
    let mut site = Site::new().await;
    let made = site
        .good("$p = ConvertTo-SecureString 'a secret' -AsPlainText -Force\nNew-Mailbox Carol -UserPrincipalName carol@example.test -Password $p")
        .await;
    assert_eq!(
        made,
        "Name  Alias ServerName ProhibitSendQuota\n----  ----- ---------- -----------------\nCarol carol MAIL       Unlimited\n"
    );
    let carol = site.saved().await.mailbox("carol@example.test").cloned().unwrap();
    assert!(directory::password::verify(&Secret::new("a secret"), carol.password.as_ref().unwrap()));
    // Its account is there, with its folders.
    assert!(site.context.store.folders(carol.account).await.unwrap().len() >= 6);

    site.good("Set-Mailbox carol -DisplayName 'Carol C.' -ProhibitSendReceiveQuota 2GB -EmailAddresses @{Add='sales@example.test'}").await;
    let shown = site
        .good("Get-Mailbox sales@example.test | fl DisplayName,EmailAddresses,ProhibitSendReceiveQuota")
        .await;
    assert_eq!(
        shown,
        "DisplayName              : Carol C.\nEmailAddresses           : {SMTP:carol@example.test, smtp:sales@example.test}\n\
         ProhibitSendReceiveQuota : 2 GB (2,147,483,648 bytes)\n"
    );
    site.good("Set-Mailbox carol -EmailAddresses 'SMTP:sales@example.test','smtp:carol@example.test'").await;
    assert_eq!(site.good("(Get-Mailbox carol).PrimarySmtpAddress").await, "sales@example.test\n");
    site.good("Set-Mailbox carol -Password $null").await;
    assert!(site.saved().await.mailbox("carol").unwrap().password.is_none());

    let errors = site.bad("Remove-Mailbox carol").await;
    assert!(
        errors.contains("needs a confirmation, and there is nobody to ask. Add -Confirm:$false."),
        "{errors}"
    );
    assert_eq!(
        site.good("Remove-Mailbox carol -WhatIf").await,
        "What if: Remove with all its mail the mailbox 'Carol'.\n"
    );
    assert!(site.saved().await.mailbox("carol").is_some());
    site.good("Remove-Mailbox carol -Confirm:$false").await;
    assert!(site.saved().await.mailbox("carol").is_none());
    assert!(site.context.store.folders(carol.account).await.is_err());
    let errors = site.bad("Remove-Mailbox carol -Confirm:$false").await;
    assert_eq!(
        errors,
        "Remove-Mailbox: The operation couldn't be performed because object 'carol' couldn't be found on 'MAIL'.\n"
    );
}

#[tokio::test]
async fn wrong_mailboxes_are_refused() {
    let mut site = Site::new().await;
    let rows = [
        ("New-Mailbox alice -UserPrincipalName alice2@example.test", "There is a mailbox 'alice' already"),
        (
            "New-Mailbox Dora -UserPrincipalName alice@example.test",
            "'alice' is name or alias of mailbox 'alice'",
        ),
        ("New-Mailbox Dora -UserPrincipalName dora", "'dora': an address has the form local-part@domain"),
        ("New-Mailbox Dora", "New-Mailbox needs a value for: UserPrincipalName."),
        ("Set-Mailbox alice -ProhibitSendQuota 2GB -ProhibitSendReceiveQuota 1GB", "ProhibitSend"),
        (
            "Set-Mailbox alice -ProhibitSendQuota lots",
            "'lots' is not valid; legal: a number with B, KB, MB, GB or TB",
        ),
        ("Set-Mailbox alice -EmailAddresses @{Plus='x'}", "knows @{Add=…; Remove=…}, not 'Plus'"),
        ("Remove-Mailbox admin -Confirm:$false", "'admin' is the only administrator."),
        (
            "New-Mailbox Dora -UserPrincipalName dora@example.test -Password ''",
            "it has 0 characters, and legal are 8 to 256.",
        ),
    ];
    let before = site.saved().await.records();
    for (line, expected) in rows {
        let errors = site.bad(line).await;
        assert!(errors.contains(expected), "{line}\n{errors}");
    }
    assert_eq!(site.saved().await.records(), before);
    assert!(site.context.store.audit(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_password_in_clear_text_is_taken_with_a_warning() {
    let mut site = Site::new().await;
    let (shown, outcome) = site.run("Set-Mailbox alice -Password 'hidden text'").await;
    assert_eq!(outcome, Outcome::Done);
    assert!(shown.errors.starts_with("WARNING: The password was given in clear text"), "{}", shown.errors);
    let alice = site.saved().await.mailbox("alice").cloned().unwrap();
    assert!(directory::password::verify(&Secret::new("hidden text"), alice.password.as_ref().unwrap()));
    let audit = site.context.store.audit(1).await.unwrap();
    assert!(!format!("{audit:?}").contains("hidden text"));
    assert_eq!(site.good("ConvertTo-SecureString 'hidden text' -AsPlainText -Force").await, "SecureString\n");
}

#[tokio::test]
async fn protocols_of_mailboxes() {
    let mut site = Site::new().await;
    site.good("Set-CASMailbox alice -PopEnabled $false -SmtpClientAuthenticationDisabled $true").await;
    let alice = site.saved().await.mailbox("alice").cloned().unwrap();
    assert!(alice.cas.pop_enabled == Some(false) && alice.cas.imap_enabled.is_none());
    assert_eq!(alice.cas.smtp_client_authentication_disabled, Some(true));
    assert_eq!(site.good("Get-CASMailbox -Filter {PopEnabled -eq $true} | % Name").await, "admin\nbob\n");
    assert_eq!(site.good("Get-CASMailbox -Filter \"PopEnabled -eq `$false\" | % Name").await, "alice\n");
    site.good("Set-CASMailbox alice -SmtpClientAuthenticationDisabled $null").await;
    assert_eq!(site.saved().await.mailbox("alice").unwrap().cas.smtp_client_authentication_disabled, None);
    site.good("Get-CASMailbox -ResultSize unlimited | Set-CASMailbox -ImapEnabled:$false").await;
    assert_eq!(site.good("Get-CASMailbox | where {-not $_.ImapEnabled} | measure | % Count").await, "3\n");
    site.good("'alice','bob' | foreach {Set-CASMailbox $_ -ImapEnabled $true}").await;
    assert_eq!(site.good("Get-CASMailbox | where ImapEnabled -eq $true | % Name").await, "alice\nbob\n");
}

#[tokio::test]
async fn settings_and_their_warning() {
    let mut site = Site::new().await;
    let (shown, outcome) = site.run("Set-popSettings -LoginType PlainTextLogin").await;
    assert_eq!((shown.output.as_str(), outcome), ("", Outcome::Done));
    assert!(
        shown.errors.starts_with("WARNING: POP3 accepts user names and passwords in clear text"),
        "{}",
        shown.errors
    );
    assert_eq!(site.saved().await.pop().login_type, LoginType::PlainTextLogin);
    // The warning stays with every change until it is set back.
    assert!(site.run("Set-PopSettings -Banner hello").await.0.errors.contains("clear text"));
    site.good("Set-popSettings -LoginType SecureLogin").await;
    site.good(
        "Set-ImapSettings -LoginType 2 -MaxConnectionsPerUser 20 -AuthenticatedConnectionTimeout 00:20:00",
    )
    .await;
    let saved = site.saved().await;
    assert_eq!(saved.imap().login_type, LoginType::PlainTextAuthentication);
    assert_eq!(saved.imap().max_connections_per_user, 20);
    site.good("Set-PopSettings -X509CertificateName pop3.msxfaq.local -WarningAction Ignore").await;
    site.good("Get-ClientAccessServer | Set-PopSettings -MaxCommandSize 600 -Confirm:$false -WhatIf:$false")
        .await;
    let (shown, _) = site
        .run("Set-PopSettings -SSLBindings @{Add='127.0.0.1:10996','127.0.0.1:10995'; Remove='127.0.0.1:1'}")
        .await;
    assert!(
        shown.errors.contains("has the value '127.0.0.1:10995' already")
            && shown.errors.contains("has no value '127.0.0.1:1'")
    );
    assert_eq!(site.good("(Get-PopSettings).SSLBindings").await, "127.0.0.1:10995\n127.0.0.1:10996\n");
    for (line, expected) in [
        ("Set-PopSettings -MaxCommandSize 5000", "MaxCommandSize"),
        ("Set-PopSettings -AuthenticatedConnectionTimeout 5", "a time span hh:mm:ss"),
        ("Set-PopSettings -SSLBindings nowhere", "address:port"),
        ("Set-ImapSettings -MessageRetrievalSortOrder Ascending", "IMAP4 has no MessageRetrievalSortOrder"),
    ] {
        let errors = site.bad(line).await;
        assert!(errors.contains(expected), "{line}\n{errors}");
    }
}

#[tokio::test]
async fn services_start_and_stop() {
    let mut site = Site::new().await;
    assert_eq!(
        site.good("Get-Service MSExchangeP*").await,
        "Status  Name          DisplayName\n------  ----          -----------\nRunning MSExchangePOP3 Microsoft Exchange POP3\n"
            .replace("Name          D", "Name           D")
            .replace("----          -", "----           -")
    );
    site.good("Stop-Service MSExchangePOP3; Set-Service MSExchangePOP3 -StartupType Disabled").await;
    assert!(!site.context.directory.snapshot().is_running(ServiceName::Pop3));
    let errors = site.bad("Get-Service MSExchangePOP3 | Start-Service").await;
    assert!(
        errors.contains(
            "its start type is Disabled. Set-Service MSExchangePOP3 -StartupType Manual allows it."
        ),
        "{errors}"
    );
    site.good("Set-Service MSExchangePOP3 -StartupType Automatic; Start-Service MSExchangePOP3").await;
    assert!(site.context.directory.snapshot().is_running(ServiceName::Pop3));
    assert_eq!(site.saved().await.service(ServiceName::Pop3).unwrap().startup, StartupType::Automatic);
    let before = *site.node.reconciled.lock().unwrap();
    site.good("Restart-Service MSExchangeIMAP4").await;
    assert_eq!(*site.node.reconciled.lock().unwrap(), before + 2);
    let audit = site.context.store.audit(100).await.unwrap();
    assert_eq!(audit.iter().filter(|entry| entry.cmdlet == "Restart-Service").count(), 1);
    let (shown, outcome) = site.run("Restart-Service MSExchangePOP3BE").await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(shown.errors, "WARNING: MSExchangePOP3BE is one with MSExchangePOP3 here, which is meant.\n");
    assert!(
        site.bad("Get-Service MSExchangeFoo")
            .await
            .contains("Cannot find any service with service name 'MSExchangeFoo'.")
    );
    assert_eq!(site.good("Get-Service Foo*").await, "");
}

#[tokio::test]
async fn a_taken_port_is_told_and_the_service_counts_as_stopped() {
    let mut site = Site::new().await;
    site.good("Stop-Service MSExchangePOP3").await;
    *site.node.failure.lock().unwrap() = Some("0.0.0.0:110 is in use by another program".to_owned());
    let errors = site.bad("Start-Service MSExchangePOP3").await;
    assert!(errors.contains("Service 'MSExchangePOP3' cannot be started: 0.0.0.0:110 is in use"), "{errors}");
    *site.node.failure.lock().unwrap() = None;
    assert!(!site.context.directory.snapshot().is_running(ServiceName::Pop3));
    *site.node.failure.lock().unwrap() = Some("no".to_owned());
    let errors = site.bad("Set-PopSettings -Banner other").await;
    assert!(
        errors.contains("The change is saved, but not all of it could be put into effect: no"),
        "{errors}"
    );
    assert_eq!(site.saved().await.pop().banner, "other");
}

#[tokio::test]
async fn a_restart_that_fails_says_what_became_of_it() {
    let mut site = Site::new().await;
    *site.node.failure.lock().unwrap() = Some("port 10110 is taken by another program.".to_owned());
    let errors = site.bad("Restart-Service MSExchangePOP3").await;
    for part in [
        "'MSExchangePOP3' is stopped, and cannot be started again: port 10110",
        "Start-Service MSExchangePOP3",
    ] {
        assert!(errors.contains(part), "{errors}");
    }
    let running = |site: &Site| site.context.directory.snapshot().is_running(ServiceName::Pop3);
    assert!(!running(&site));
    *site.node.failure.lock().unwrap() = None;
    let last = "Search-AdminAuditLog -ResultSize 1 | fl CmdletName,ModifiedProperties";
    assert_eq!(
        site.good(last).await,
        "CmdletName         : Restart-Service\nModifiedProperties : {Status: Running -> Stopped}\n"
    );
    site.good("Restart-Service MSExchangePOP3").await;
    assert!(running(&site));
    // What could not be started again is not stopped.
    site.good("Set-Service MSExchangePOP3 -StartupType Disabled").await;
    assert!(site.bad("Restart-Service MSExchangePOP3").await.contains("start type is Disabled"));
    assert!(running(&site));
}

#[tokio::test]
async fn connectors_and_domains() {
    let mut site = Site::new().await;
    site.good("New-ReceiveConnector Scanners -Bindings 127.0.0.1:10025 -RemoteIPRanges 192.168.5.10,192.168.5.16/30 -PermissionGroups AnonymousUsers | Out-Null").await;
    assert_eq!(
        site.good("Get-ReceiveConnector 'MAIL\\Scanners' | fl Identity,RemoteIPRanges,PermissionGroups,MaxMessageSize").await,
        "Identity         : MAIL\\Scanners\nRemoteIPRanges   : {192.168.5.10, 192.168.5.16/30}\nPermissionGroups : AnonymousUsers\n\
         MaxMessageSize   : 36 MB (37,748,736 bytes)\n"
    );
    site.good("Set-ReceiveConnector Scanners -MaxMessageSize 10MB -AuthMechanism Tls,BasicAuth -MaxInboundConnection unlimited -Banner '220 here'").await;
    let saved = site.saved().await;
    let connector = saved.receive_connector("Scanners").unwrap();
    assert_eq!((connector.max_message_size.0, connector.auth_mechanism.basic_auth), (10 << 20, true));
    assert!(site.bad("Set-ReceiveConnector Scanners -Banner hello").await.contains("220"));
    site.good("Get-ReceiveConnector Scan* | Remove-ReceiveConnector -Confirm:$false").await;
    assert!(site.saved().await.receive_connector("Scanners").is_none());

    site.good("New-AcceptedDomain Sales -DomainName sales.example.test -DomainType InternalRelay | Out-Null")
        .await;
    assert_eq!(site.good("Get-AcceptedDomain sales.example.test | % DomainType").await, "InternalRelay\n");
    site.good("Set-AcceptedDomain Sales -MakeDefault $true").await;
    assert_eq!(site.good("Get-AcceptedDomain | where Default | % Name").await, "Sales\n");
    assert!(!site.bad("Remove-AcceptedDomain Sales -Confirm:$false").await.is_empty());
    site.good(
        "Set-AcceptedDomain example.test -MakeDefault $true; Remove-AcceptedDomain Sales -Confirm:$false",
    )
    .await;
    assert!(site.bad("New-AcceptedDomain '*'").await.contains("open relay"));
}

#[tokio::test]
async fn every_change_is_audited() {
    let mut site = Site::new().await;
    site.good("Set-CASMailbox alice -PopEnabled $false; Stop-Service MSExchangeIMAP4").await;
    let log = site.good("Search-AdminAuditLog").await;
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[2].contains("tester Stop-Service   MSExchangeIMAP4"), "{log}");
    assert!(lines[3].contains("tester Set-CASMailbox alice"), "{log}");
    let list =
        site.good("Search-AdminAuditLog -Cmdlets set-cas* | fl CmdletParameters,ModifiedProperties").await;
    assert_eq!(
        list,
        "CmdletParameters   : {Identity=alice, PopEnabled=False}\nModifiedProperties : {PopEnabled: True -> False, PopEnabledSource: Default -> Mailbox}\n"
    );
    assert_eq!(site.good("Search-AdminAuditLog -ResultSize 1 | measure | % Count").await, "1\n");
}

#[tokio::test]
async fn what_changes_nothing_is_told_and_not_audited() {
    let mut site = Site::new().await;
    site.good("New-ReceiveConnector Scanners -Bindings 127.0.0.1:10026 -RemoteIPRanges 192.0.2.1 | Out-Null")
        .await;
    let table = [
        ("Set-PopSettings", "MAIL\\1"),
        ("Set-ImapSettings -LoginType SecureLogin", "MAIL\\1"),
        ("Set-CASMailbox alice -PopEnabled $true", "alice"),
        ("Set-Mailbox bob", "bob"),
        ("Set-MailboxDatabase -DeletedItemRetention 14.00:00:00", "Mailbox Database"),
        ("Set-AcceptedDomain example.test", "example.test"),
        ("Set-ReceiveConnector Scanners", "MAIL\\Scanners"),
    ];
    let told = *site.node.reconciled.lock().unwrap();
    for (text, name) in table {
        let (shown, outcome) = site.run(text).await;
        let warning = format!(
            "WARNING: The command completed successfully but no settings of '{name}' have been modified.\n"
        );
        assert_eq!((shown.errors, outcome), (warning, Outcome::Done), "{text}");
    }
    site.good("Set-Service MSExchangePOP3 -StartupType Automatic; Start-Service MSExchangePOP3").await;
    assert_eq!(site.context.store.audit(10).await.unwrap().len(), 1, "the connector");
    assert_eq!(*site.node.reconciled.lock().unwrap(), told);
    // A new password is shown nowhere, and is a change.
    site.good("Set-Mailbox bob -Password (ConvertTo-SecureString 'correct horse' -AsPlainText -Force)").await;
    assert_eq!(site.context.store.audit(10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn client_settings_follow_services_and_flags() {
    let mut site = Site::new().await;
    let all = "\
Protocol Server    Port Encryption LoginName
-------- ------    ---- ---------- ---------
IMAP4    localhost 10993 SSL/TLS    alice@example.test
";
    let shown = site.good("Get-ClientSettings alice").await;
    assert_eq!(shown.lines().next(), Some("Protocol Server     Port Encryption LoginName"), "{shown}");
    assert_eq!(shown.lines().nth(2), all.lines().nth(2), "{shown}");
    let ports = "Get-ClientSettings alice | % {\"$($_.Protocol) $($_.Port) $($_.Encryption)\"}";
    let expected = "IMAP4 10993 SSL/TLS\nIMAP4 10143 STARTTLS\nPOP3 10995 SSL/TLS\nPOP3 10110 STARTTLS\nSMTP 10587 STARTTLS\nSMTP 10465 SSL/TLS\n";
    assert_eq!(site.good(ports).await, expected);
    site.good("Stop-Service MSExchangePOP3; Set-CASMailbox alice -SmtpClientAuthenticationDisabled $true")
        .await;
    assert_eq!(site.good(ports).await, "IMAP4 10993 SSL/TLS\nIMAP4 10143 STARTTLS\n");
}

#[tokio::test]
async fn a_person_is_asked_before_something_is_removed() {
    let site = Site::new().await;
    let terminal = Terminal { width: 80, interactive: true };
    for (answers, left) in [(vec!["n", "y"], 2), (vec!["a"], 1), (vec!["l"], 3), (vec!["?", ""], 2)] {
        let mut site = Site::with(&["alice", "bob", "admin"]).await;
        let mut shell = Shell::new(site.context.clone(), terminal);
        let mut shown = Shown {
            answers: answers.iter().map(|answer| (*answer).to_owned()).collect(),
            ..Shown::default()
        };
        let names = if answers[0] == "?" { "'alice'" } else { "'alice','bob'" };
        assert_eq!(
            shell.run(&format!("{names} | Remove-Mailbox"), &mut shown).await,
            Outcome::Done,
            "{answers:?}"
        );
        assert_eq!(site.good("(Get-Mailbox | measure).Count").await, format!("{left}\n"), "{answers:?}");
        assert!(shown.questions[0].text.contains("Remove with all its mail the mailbox 'alice'."));
    }
    let mut shell = Shell::new(site.context.clone(), terminal);
    let mut shown = Shown { answers: ["secret".to_owned()].into(), ..Shown::default() };
    assert_eq!(shell.run("$p = Read-Host Password -AsSecureString; \"$p\"", &mut shown).await, Outcome::Done);
    assert_eq!(shown.output, "SecureString\n");
    assert_eq!(shown.questions[0].echo, admin::Echo::Hidden);
}

/// As Exchange does where no password is given, but twice: a slip would make a mailbox that nobody can log in to.
#[tokio::test]
async fn a_new_mailbox_asks_for_its_password() {
    let site = Site::new().await;
    let terminal = Terminal { width: 80, interactive: true };
    let run = async |line: &str, answers: &[&str]| {
        let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let mut shown = Shown { answers, ..Shown::default() };
        let outcome = Shell::new(site.context.clone(), terminal).run(line, &mut shown).await;
        (outcome, shown)
    };
    let dora = "New-Mailbox Dora -UserPrincipalName dora@example.test";
    let (outcome, shown) = run(dora, &["short"]).await;
    assert!(outcome == Outcome::Failed && shown.errors.contains("8 to 256"), "{}", shown.errors);
    let (outcome, shown) =
        run(dora, &["correct horse", "correct house", "correct horse", "correct horse"]).await;
    assert_eq!(outcome, Outcome::Done, "{}", shown.errors);
    assert_eq!(shown.questions.len(), 4);
    assert!(shown.questions.iter().all(|question| question.echo == admin::Echo::Hidden));
    assert!(site.saved().await.mailbox("Dora").unwrap().password.is_some());
    // Nobody types a password for what is refused anyway.
    let (outcome, shown) = run(dora, &[]).await;
    assert!(outcome == Outcome::Failed && shown.questions.is_empty(), "{}", shown.errors);
    let (_, shown) = run("New-Mailbox Room -UserPrincipalName room@example.test -Password $null", &[]).await;
    assert!(shown.questions.is_empty() && site.saved().await.mailbox("Room").unwrap().password.is_none());
}

#[tokio::test]
async fn changes_at_the_same_time_do_not_undo_each_other() {
    let site = Site::new().await;
    let run = |line: &'static str| {
        let context = site.context.clone();
        async move {
            let mut shell = Shell::new(context, common::TERMINAL);
            for _ in 0..20 {
                assert_eq!(shell.run(line, &mut Shown::default()).await, Outcome::Done);
            }
        }
    };
    tokio::join!(
        run("Set-CASMailbox alice -PopEnabled $true -wa Ignore; Set-CASMailbox alice -PopEnabled $false"),
        run("Set-CASMailbox alice -ImapEnabled $true -wa Ignore; Set-CASMailbox alice -ImapEnabled $false"),
        run("Set-PopSettings -Banner there; Set-PopSettings -Banner here"),
    );
    let saved = site.saved().await;
    let cas = &saved.mailbox("alice").unwrap().cas;
    assert!(
        cas.pop_enabled == Some(false) && cas.imap_enabled == Some(false) && saved.pop().banner == "here"
    );
    assert_eq!(site.context.store.audit(200).await.unwrap().len(), 39 + 39 + 40);
}

/// The lines that product and article promise to work as they are pasted.
#[tokio::test]
async fn pasted_lines() {
    let mut site = Site::new().await;
    let text = "\
' Englische Exchange Server
Set-popSettings -LoginType PlainTextLogin
Set-ImapSettings -LoginType PlainTextLogin
[PS] C:\\Windows\\system32>Set-popSettings -LoginType SecureLogin
Set–ImapSettings –LoginType “SecureLogin”
' Deutsche Exchange Server
Set-PopSettings -X509CertificateName pop3.msxfaq.local
GET-CASMAilbox
Get-CASMailbox
ForEach ($s in Get-ClientAccessServer) { Set-PopSettings -Server $s.Name -LoginType SecureLogin }
";
    let (shown, outcome) = site.run(text).await;
    assert_eq!(outcome, Outcome::Done, "{}", shown.errors);
    assert_eq!(
        shown.output.matches("Name  ActiveSyncEnabled OWAEnabled PopEnabled ImapEnabled MapiEnabled").count(),
        2
    );
}
