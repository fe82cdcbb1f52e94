//! `gatepost quickstart`: sets up a server, by questions or by flags alone.
//!
//! Nothing is written before all answers are there. POP3 and IMAP4 are installed but stopped, as administrators of
//! Exchange expect, unless they are asked for.

use crate::boot::Boot;
use crate::cli;
use crate::client_settings;
use crate::failure::Failure;
use crate::running::{self, Opened};
use crate::setup::{self, NewMailbox, NewServer};
use crate::terminal;
use directory::{Change, InitialNode, Service, ServiceName, Snapshot, StartupType};
use mail::{Address, Domain, Secret};
use server::certificate;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// What is to be made.
struct Answers {
    domain: Domain,
    hostname: String,
    mailboxes: Vec<NewMailbox>,
    services: Vec<ServiceName>,
}

/// Sets up and ends.
pub fn run(options: &cli::Quickstart) -> Result<(), Failure> {
    let dir = options.data.dir();
    if Boot::load(&dir)?.is_some() {
        let dir = dir.display();
        return Err(Failure::setup(format!(
            "{dir} is set up already; run it with `gatepost serve --data {dir}`, or choose another directory with --data"
        )));
    }
    let answers = answers(options)?;
    setup::make_dir(&dir)?;
    let boot = Boot::default();
    let runtime = running::runtime(&boot)?;
    let opened = Opened::new(&dir, boot)?;
    let made = runtime.block_on(make(&opened, options, answers));
    opened.store.close();
    made.map(|snapshot| present(&dir, &snapshot))
}

async fn make(opened: &Opened, options: &cli::Quickstart, answers: Answers) -> Result<Snapshot, Failure> {
    let now = server::system_clock().seconds;
    // Found only after a quickstart that was cut short before it wrote the boot file.
    if setup::load(&opened.dir, &opened.store).await?.is_some() {
        return Err(Failure::setup(format!(
            "{} already holds mailboxes of a quickstart that did not end; remove the directory and start again",
            opened.dir.display()
        )));
    }
    let names = [answers.hostname.as_str(), "localhost", "127.0.0.1", "::1"].map(str::to_owned);
    certificate::ensure(&opened.dir, &names, now).map_err(Failure::setup)?;
    let services = answers.services;
    let server = NewServer {
        node: InitialNode {
            client_host: answers.hostname.clone(),
            hostname: answers.hostname,
            domain: answers.domain,
            addresses: addresses(&options.bind),
            port_offset: options.port_offset,
            pop_and_imap: StartupType::Manual,
        },
        mailboxes: answers.mailboxes,
        changes: services
            .iter()
            .map(|name| Change::put(Service::new(*name, StartupType::Automatic)))
            .collect(),
        caller: "gatepost quickstart",
    };
    let snapshot = setup::create(&opened.dir, &opened.store, server, now).await?;
    opened.boot.save(&opened.dir)?;
    Ok(snapshot)
}

fn addresses(bind: &[IpAddr]) -> Vec<IpAddr> {
    match bind {
        [] => vec![Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()],
        some => some.to_vec(),
    }
}

fn answers(options: &cli::Quickstart) -> Result<Answers, Failure> {
    let domain = match &options.domain {
        Some(domain) => domain.clone(),
        None => question("Domain of the mail addresses", "", "--domain")?,
    };
    let domain = Domain::new(&domain).map_err(|error| {
        Failure::Usage(format!("'{domain}' is no domain: {error}; legal is a name like example.org"))
    })?;
    let usual = format!("mail.{domain}");
    let hostname = match &options.hostname {
        Some(hostname) => hostname.clone(),
        None if terminal::is_interactive() => {
            terminal::ask("Name under which clients reach this server", &usual)?
        }
        None => usual,
    };
    Domain::new(&hostname)
        .map_err(|error| Failure::Usage(format!("'{hostname}' is no host name: {error}")))?;
    if !hostname.is_ascii() {
        // Names in certificates are ASCII, and TLS clients ask for the A-labels.
        return Err(Failure::Usage(format!(
            "'{hostname}' cannot stand in a certificate: give the name of this server in ASCII with --hostname, with \
             A-labels (mail.xn--...), as it stands in the DNS, or another name; addresses keep the domain as it is"
        )));
    }
    let mut mailboxes = vec![NewMailbox {
        address: address("admin", &domain)?,
        password: password(options.admin_password_file.as_ref(), "admin", "--admin-password-file")?,
        administrator: true,
    }];
    mailboxes.extend(more_mailboxes(options, &domain)?);
    Ok(Answers { domain, hostname, mailboxes, services: services(options)? })
}

fn more_mailboxes(options: &cli::Quickstart, domain: &Domain) -> Result<Vec<NewMailbox>, Failure> {
    let mut names = options.mailbox.clone();
    if names.is_empty() && terminal::is_interactive() {
        let answer = terminal::ask("More mailboxes, parts before @ with commas between (none)", "")?;
        names = answer.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    }
    let mailbox = |name: &String| {
        Ok(NewMailbox {
            address: address(name, domain)?,
            password: password(options.mailbox_password_file.as_ref(), name, "--mailbox-password-file")?,
            administrator: false,
        })
    };
    names.iter().map(mailbox).collect()
}

fn address(name: &str, domain: &Domain) -> Result<Address, Failure> {
    let text = if name.contains('@') { name.to_owned() } else { format!("{name}@{domain}") };
    Address::parse(&text).map_err(|error| Failure::Usage(format!("'{text}' is no address: {error}")))
}

fn services(options: &cli::Quickstart) -> Result<Vec<ServiceName>, Failure> {
    let listed = match &options.enable {
        Some(listed) => listed.clone(),
        None if terminal::is_interactive() => {
            let answer = terminal::ask("Services to start with the server (pop3, imap4, or none)", "imap4")?;
            answer.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_lowercase).collect()
        }
        None => Vec::new(),
    };
    let mut services = Vec::new();
    for name in listed {
        match name.as_str() {
            "pop3" => services.push(ServiceName::Pop3),
            "imap4" | "imap" => services.push(ServiceName::Imap4),
            "none" => {}
            other => {
                return Err(Failure::Usage(format!("'{other}' is no service; legal: pop3, imap4, none")));
            }
        }
    }
    services.dedup();
    Ok(services)
}

fn question(text: &str, default: &str, flag: &str) -> Result<String, Failure> {
    if terminal::is_interactive() {
        return terminal::ask(text, default);
    }
    Err(Failure::Usage(format!("{flag} is missing, and there is no terminal to ask for it")))
}

fn password(file: Option<&PathBuf>, name: &str, flag: &str) -> Result<Secret, Failure> {
    if let Some(path) = file {
        let text = fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
        return strong(text.lines().next().unwrap_or_default())
            .map_err(|refusal| Failure::Usage(format!("{}: {refusal}", path.display())));
    }
    if !terminal::is_interactive() {
        return Err(Failure::Usage(format!(
            "{flag} is missing, and there is no terminal to ask for the password of {name}"
        )));
    }
    loop {
        let password = terminal::ask_hidden(&format!("Password of {name}"))?;
        match strong(&password) {
            Err(refusal) => terminal::tell(&refusal.to_string()),
            Ok(password) if terminal::ask_hidden("Again")? == password.reveal() => return Ok(password),
            Ok(_) => terminal::tell("These are two different passwords."),
        }
    }
}

fn strong(password: &str) -> Result<Secret, policy::ChangeRefusal> {
    let password = Secret::new(password);
    policy::new_password(&password).map(|()| password)
}

fn present(dir: &Path, snapshot: &Snapshot) {
    let ca = certificate::ca_path(&fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned()));
    let stopped: Vec<String> = snapshot
        .services()
        .filter(|service| service.startup != StartupType::Automatic)
        .map(|service| format!("  Set-Service {0} -StartupType Automatic; Start-Service {0}\n", service.name))
        .collect();
    terminal::say(&format!(
        "The server is set up. Settings for mail programs:\n\n{}",
        client_settings::table(snapshot)
    ));
    terminal::say(&format!("  Clients import the certificate authority {}\n", ca.display()));
    if !stopped.is_empty() {
        terminal::say(&format!(
            "Services that are stopped, and how to start them in the shell:\n{}",
            stopped.concat()
        ));
    }
    let dir = dir.display();
    terminal::say(&format!(
        "Run it:         gatepost serve --data {dir}\nAdminister it:  gatepost shell --data {dir}"
    ));
}
