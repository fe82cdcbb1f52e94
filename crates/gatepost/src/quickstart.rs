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
    let boot = Boot::default();
    let runtime = running::runtime(&boot)?;
    if setup::has_store(&dir) {
        // All objects are saved at once: what is there is a whole server, whose boot file was lost or never written.
        let opened = Opened::new(&dir, boot.clone())?;
        let known = runtime.block_on(setup::load(&dir, &opened.store));
        opened.store.close();
        if known?.is_some() {
            return Err(only_boot_file_is_missing(&dir));
        }
    }
    let answers = answers(options)?;
    setup::make_dir(&dir)?;
    let opened = Opened::new(&dir, boot)?;
    let made = runtime.block_on(make(&opened, options, answers));
    opened.store.close();
    made.map(|snapshot| present(&dir, &snapshot))
}

async fn make(opened: &Opened, options: &cli::Quickstart, answers: Answers) -> Result<Snapshot, Failure> {
    let now = server::system_clock().seconds;
    let names = [answers.hostname.as_str(), "localhost", "127.0.0.1", "::1"].map(str::to_owned);
    certificate::ensure(&opened.dir, &names, now).map_err(|error| Failure::certificate(&error))?;
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

fn only_boot_file_is_missing(dir: &Path) -> Failure {
    let dir = dir.display();
    Failure::setup(format!(
        "{dir} is set up already, and only its boot file gatepost.toml is missing; `gatepost serve --data {dir}` writes \
         it again and runs the server. To set up another, choose another directory with --data"
    ))
}

fn addresses(bind: &[IpAddr]) -> Vec<IpAddr> {
    match bind {
        [] => vec![Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()],
        some => some.to_vec(),
    }
}

fn answers(options: &cli::Quickstart) -> Result<Answers, Failure> {
    let domain = answer(options.domain.as_deref(), DOMAIN, domain)?;
    let usual = format!("mail.{domain}");
    let text = "Name under which clients reach this server";
    let name = Question { text, default: &usual, flag: "--hostname", unasked: Some(&usual) };
    let hostname = answer(options.hostname.as_deref(), name, hostname)?;
    let admin = address("admin", &domain).map_err(Failure::Usage)?;
    let mut mailboxes = vec![NewMailbox {
        address: admin.clone(),
        password: password(options.admin_password_file.as_ref(), "admin", "--admin-password-file")?,
        administrator: true,
    }];
    let given = Some(options.mailbox.join(",")).filter(|names| !names.is_empty());
    for address in answer(given.as_deref(), MAILBOXES, |names| addresses_of(names, &domain, &admin))? {
        let (file, flag) = (options.mailbox_password_file.as_ref(), "--mailbox-password-file");
        let password = password(file, address.local(), flag)?;
        mailboxes.push(NewMailbox { address, password, administrator: false });
    }
    let enabled = options.enable.as_ref().map(|names| names.join(","));
    let services = answer(enabled.as_deref(), SERVICES, services)?;
    Ok(Answers { domain, hostname, mailboxes, services })
}

/// What is asked where a flag does not say it.
struct Question<'q> {
    text: &'q str,
    /// What an empty answer means.
    default: &'q str,
    flag: &'q str,
    /// What is taken where nobody can be asked; where there is nothing, the flag must be given.
    unasked: Option<&'q str>,
}

const DOMAIN: Question<'_> =
    Question { text: "Domain of the mail addresses", default: "", flag: "--domain", unasked: None };
const MAILBOXES: Question<'_> = Question {
    text: "More mailboxes, parts before @ with commas between (none)",
    default: "",
    flag: "--mailbox",
    unasked: Some(""),
};
const SERVICES: Question<'_> = Question {
    text: "Services to start with the server (pop3, imap4, or none)",
    default: "none",
    flag: "--enable",
    unasked: Some("none"),
};

/// What the flag says, or the person at the terminal, who is asked again after an answer that cannot be.
fn answer<T>(
    given: Option<&str>,
    question: Question<'_>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    if let Some(given) = given {
        return read(given).map_err(Failure::Usage);
    }
    while terminal::is_interactive() {
        match read(&terminal::ask(question.text, question.default)?) {
            Ok(value) => return Ok(value),
            Err(why) => terminal::tell(&why),
        }
    }
    match question.unasked {
        Some(usual) => read(usual).map_err(Failure::Usage),
        None => Err(Failure::Usage(format!(
            "{} is missing, and there is no terminal to ask for it",
            question.flag
        ))),
    }
}

fn domain(text: &str) -> Result<Domain, String> {
    Domain::new(text)
        .map_err(|error| format!("'{text}' is no domain: {error}; legal is a name like example.org"))
}

fn hostname(text: &str) -> Result<String, String> {
    Domain::new(text).map_err(|error| {
        format!("'{text}' is no host name: {error}; legal is a name like mail.example.org")
    })?;
    if text.is_ascii() {
        return Ok(text.to_owned());
    }
    // Names in certificates are ASCII, and TLS clients ask for the A-labels.
    Err(format!(
        "'{text}' cannot stand in a certificate: give the name of this server in ASCII (--hostname), with A-labels \
         (mail.xn--...), as it stands in the DNS, or another name; addresses keep the domain as it is"
    ))
}

/// The addresses of the mailboxes that are wanted beside the administrator's.
fn addresses_of(names: &str, domain: &Domain, admin: &Address) -> Result<Vec<Address>, String> {
    let mut addresses: Vec<Address> = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let address = address(name, domain)?;
        if addresses.iter().chain([admin]).any(|known| known.key() == address.key()) {
            return Err(format!("{address} is named twice, or is the administrator's, which is made anyway"));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

fn address(name: &str, domain: &Domain) -> Result<Address, String> {
    let text = if name.contains('@') { name.to_owned() } else { format!("{name}@{domain}") };
    let address = Address::parse(&text).map_err(|error| format!("'{text}' is no address: {error}"))?;
    if address.domain() != domain {
        return Err(format!(
            "'{text}' is not in {domain}; give the part before @ alone. Other domains are made in the shell, with \
             New-AcceptedDomain"
        ));
    }
    Ok(address)
}

fn services(text: &str) -> Result<Vec<ServiceName>, String> {
    let lower = text.to_lowercase();
    let (mut services, mut none) = (Vec::new(), false);
    for name in lower.split([',', ' ']).filter(|name| !name.is_empty()) {
        let service = match name {
            "pop3" => ServiceName::Pop3,
            "imap4" | "imap" => ServiceName::Imap4,
            "none" => {
                none = true;
                continue;
            }
            other => return Err(format!("'{other}' is no service; legal: pop3, imap4, none")),
        };
        if !services.contains(&service) {
            services.push(service);
        }
    }
    if none && !services.is_empty() {
        return Err(format!(
            "'{text}' contradicts itself: none stands alone; legal: pop3, imap4, pop3,imap4, or none"
        ));
    }
    Ok(services)
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
    terminal::say(&format!(
        "The server is set up. Settings for mail programs:\n\n{}",
        client_settings::table(snapshot)
    ));
    terminal::say(&format!("  Clients import the certificate authority {}\n", ca.display()));
    let (stopped, dir) = (client_settings::stopped(snapshot), dir.display());
    terminal::say(&format!(
        "{stopped}Run it:         gatepost serve --data {dir}\nAdminister it:  gatepost shell --data {dir}"
    ));
}
