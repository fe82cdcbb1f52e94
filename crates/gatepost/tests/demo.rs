//! `gatepost demo` end to end: from nothing to mail, through restarts and kills, as any user.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::node::{Node, Port, free_offset};

const GATEPOST: &str = env!("CARGO_BIN_EXE_gatepost");

type Tls = BufReader<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>;

/// A TLS connection that trusts the node's authority and nothing else; past the greeting.
fn connect(node: &Node, port: Port) -> Tls {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(node.ca()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(node.address(port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut stream = BufReader::new(rustls::StreamOwned::new(session, socket));
    line(&mut stream);
    stream
}

fn line(stream: &mut Tls) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line
}

fn ask(stream: &mut Tls, command: &str) -> String {
    stream.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
    line(stream)
}

fn pop(node: &Node, user: &str) -> Tls {
    let mut pop = connect(node, Port::Pop3s);
    assert!(ask(&mut pop, &format!("USER {user}@example.test")).starts_with("+OK"));
    let login = ask(&mut pop, "PASS Gatepost!1");
    assert!(login.starts_with("+OK"), "{login}");
    pop
}

fn count(node: &Node, user: &str) -> u32 {
    let stat = ask(&mut pop(node, user), "STAT");
    stat.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Sends a message from alice to bob; returns once it is acknowledged.
fn send(node: &Node, subject: &str) {
    let mut smtp = connect(node, Port::Submissions);
    smtp.get_mut().write_all(b"EHLO client.test\r\n").unwrap();
    while line(&mut smtp).starts_with("250-") {}
    let steps = [
        ("AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABHYXRlcG9zdCEx", "235"),
        ("MAIL FROM:<alice@example.test>", "250"),
        ("RCPT TO:<bob@example.test>", "250"),
        ("DATA", "354"),
        (&format!("From: alice@example.test\r\nSubject: {subject}\r\n\r\nHello\r\n."), "250"),
    ];
    for (command, code) in steps {
        let reply = ask(&mut smtp, command);
        assert!(reply.starts_with(code), "{command}: {reply}");
    }
}

#[test]
fn mail_goes_from_alice_to_bob_and_stays() {
    let mut node = Node::start().unwrap();
    assert_eq!((count(&node, "alice"), count(&node, "bob")), (4, 2), "the samples");
    send(&node, "before the kill");
    node.kill9().unwrap();
    node.restart().unwrap();
    assert_eq!(count(&node, "bob"), 3, "acknowledged is durable");
    send(&node, "before the end");
    assert_eq!(node.stop().unwrap(), Some(0), "SIGTERM ends it cleanly");
    assert!(!node.data().join("admin.sock").exists());
    node.restart().unwrap();
    assert_eq!((count(&node, "alice"), count(&node, "bob")), (4, 4), "no samples again");

    let mut pop = pop(&node, "bob");
    assert!(ask(&mut pop, "RETR 4").starts_with("+OK"));
    let mut message = String::new();
    loop {
        match line(&mut pop).as_str() {
            ".\r\n" => break,
            line => message.push_str(line),
        }
    }
    assert!(message.contains("Subject: before the end\r\n"), "{message}");

    let mut imap = connect(&node, Port::Imaps);
    assert!(ask(&mut imap, "a LOGIN bob@example.test Gatepost!1").starts_with("a OK"));
    let status = ask(&mut imap, "b STATUS INBOX (MESSAGES)");
    assert!(status.contains("MESSAGES 4"), "{status}");
}

#[test]
fn sessions_are_told_of_the_end() {
    let mut node = Node::start().unwrap();
    let mut pop = pop(&node, "alice");
    let mut imap = connect(&node, Port::Imaps);
    let begin = Instant::now();
    assert_eq!(node.stop().unwrap(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert!(line(&mut imap).starts_with("* BYE"));
    let mut rest = String::new();
    // POP3 has no word for it; the connection just ends.
    let _ = pop.read_to_string(&mut rest);
}

#[test]
fn a_disabled_or_removed_account_loses_its_sessions() {
    let node = Node::start().unwrap();
    let shell = |cmdlet: &str| {
        let output = node.shell(cmdlet).unwrap();
        assert!(output.status.success(), "{cmdlet}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let imap = |user: &str| {
        let mut imap = connect(&node, Port::Imaps);
        assert!(ask(&mut imap, &format!("a LOGIN {user}@example.test Gatepost!1")).starts_with("a OK"));
        imap
    };
    let mut smtp = connect(&node, Port::Submissions);
    smtp.get_mut().write_all(b"EHLO client.test\r\n").unwrap();
    while line(&mut smtp).starts_with("250-") {}
    assert!(ask(&mut smtp, "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABHYXRlcG9zdCEx").starts_with("235"));
    let (mut alice_pop, mut alice, mut bob) = (pop(&node, "alice"), imap("alice"), imap("bob"));
    let mut stranger = connect(&node, Port::Imaps);
    shell("Set-CASMailbox alice -PopEnabled $false");
    assert!(ask(&mut alice_pop, "NOOP").starts_with("+OK"), "that is for new connections");
    shell("Set-Mailbox alice -AccountDisabled $true");
    for (session, word) in [(&mut alice_pop, "-ERR"), (&mut alice, "* BYE"), (&mut smtp, "421")] {
        let said = line(session);
        assert!(said.starts_with(word), "{said}");
    }
    assert!(ask(&mut bob, "b NOOP").starts_with("b OK"), "others stay");
    shell("Remove-Mailbox bob -Confirm:$false");
    assert!(line(&mut bob).starts_with("* BYE"));
    assert!(ask(&mut stranger, "a NOOP").starts_with("a OK"));
}

#[test]
fn a_disabled_account_gets_no_more_of_what_it_asked_for() {
    let node = Node::start().unwrap();
    let mut imap = connect(&node, Port::Imaps);
    assert!(ask(&mut imap, "a LOGIN alice@example.test Gatepost!1").starts_with("a OK"));
    // More than sockets hold on their way.
    let line_of_text = [[b'x'; 70].as_slice(), b"\r\n"].concat();
    let large = [b"Subject: large\r\n\r\n".as_slice(), &line_of_text.repeat(400_000)].concat();
    assert!(ask(&mut imap, &format!("b APPEND Archive {{{}}}", large.len())).starts_with('+'));
    imap.get_mut().write_all(&large).unwrap();
    assert!(ask(&mut imap, "").starts_with("b OK"));
    assert!(ask(&mut imap, "c SELECT Archive").starts_with('*'));
    while !line(&mut imap).starts_with("c OK") {}
    assert!(ask(&mut imap, "d FETCH 1 BODY[]\r\ne APPEND Drafts {1+}\r\nx").starts_with("* 1 FETCH"));
    let output = node.shell("Set-Mailbox alice -AccountDisabled $true").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut rest = Vec::new();
    // Not an orderly end, which some clients would take for the end of the message.
    let end = imap.read_to_end(&mut rest).unwrap_err();
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset, "{end}");
    assert!(rest.len() < large.len(), "{}", rest.len());
}

#[test]
fn a_new_password_ends_the_sessions_of_the_old_one() {
    let node = Node::start().unwrap();
    let imap = |user: &str, password: &str| {
        let mut imap = connect(&node, Port::Imaps);
        let login = ask(&mut imap, &format!("a LOGIN {user}@example.test {password}"));
        assert!(login.starts_with("a OK"), "{login}");
        imap
    };
    let set = |password: &str| {
        let secret = format!("(ConvertTo-SecureString '{password}' -AsPlainText -Force)");
        let output = node.shell(&format!("Set-Mailbox alice -Password {secret}")).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let mut smtp = connect(&node, Port::Submissions);
    smtp.get_mut().write_all(b"EHLO client.test\r\n").unwrap();
    while line(&mut smtp).starts_with("250-") {}
    assert!(ask(&mut smtp, "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABHYXRlcG9zdCEx").starts_with("235"));
    let (mut old_pop, mut old, mut idle) =
        (pop(&node, "alice"), imap("alice", "Gatepost!1"), imap("alice", "Gatepost!1"));
    assert!(ask(&mut idle, "b SELECT INBOX").starts_with('*'));
    while !line(&mut idle).starts_with("b OK") {}
    assert!(ask(&mut idle, "c IDLE").starts_with('+'));
    let mut bob = imap("bob", "Gatepost!1");
    set("Another!2");
    for (session, word) in
        [(&mut old_pop, "-ERR"), (&mut old, "* BYE"), (&mut idle, "* BYE"), (&mut smtp, "421")]
    {
        let said = line(session);
        assert!(said.starts_with(word), "{said}");
        assert_eq!(line(session), "", "the connection is closed");
    }
    let mut new = imap("alice", "Another!2");
    let output = node.shell("Set-Mailbox alice -DisplayName 'Alice A.'").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(ask(&mut new, "b NOOP").starts_with("b OK"), "it knows the new one");
    assert!(ask(&mut bob, "b NOOP").starts_with("b OK"), "others stay");
}

#[test]
fn the_table_is_followed_by_ready() {
    let parent = tempfile::tempdir().unwrap();
    let (data, ready) = (parent.path().join("data"), parent.path().join("ready"));
    let offset = free_offset();
    let start = |offset: Option<u16>| {
        let mut command = Command::new(GATEPOST);
        command
            .args(["demo", "--data"])
            .arg(&data)
            .arg("--once-ready-file")
            .arg(&ready)
            .stdout(Stdio::piped());
        if let Some(offset) = offset {
            command.args(["--port-offset", &offset.to_string()]);
        }
        command.spawn().unwrap()
    };
    let mut last = offset;
    for chosen in [Some(offset), None, Some(free_offset()), None] {
        last = chosen.unwrap_or(last);
        fs::write(&ready, "old").unwrap();
        let mut demo = start(chosen);
        let mut said = String::new();
        let mut out = BufReader::new(demo.stdout.take().unwrap());
        while !said.ends_with("ready\n") {
            assert!(out.read_line(&mut said).unwrap() > 0, "{said}");
        }
        for port in [110, 143, 993, 995, 587, 465] {
            assert!(said.contains(&(port + last).to_string()), "{port}: {said}");
        }
        for part in ["alice@example.test", "Gatepost!1", "localhost", data.join("ca.pem").to_str().unwrap()] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(said.contains(&format!("{GATEPOST} shell --data")), "it can be typed as it stands: {said}");
        let (import, accept) = (said.find("import").unwrap(), said.find("ccepting").unwrap());
        assert!(import < accept, "what is safe comes first: {said}");
        let ours = |line: &&str| !line.contains(data.to_str().unwrap());
        assert!(said.lines().filter(ours).all(|line| line.len() <= 80), "{said}");
        for port in [25, 110, 143, 993, 995, 587, 465] {
            assert!(TcpStream::connect(("127.0.0.1", port + last)).is_ok(), "{port}");
        }
        assert_eq!(fs::read_to_string(&ready).unwrap(), "ready\n", "it is there first");
        assert!(!said.contains("Start-Service"), "all services run: {said}");
        demo.kill().unwrap();
        demo.wait().unwrap();
    }
}

#[test]
fn a_ready_file_that_cannot_be_written_is_told_before_anything_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    for ready in [parent.path().join("nowhere/ready"), parent.path().to_owned()] {
        let output = Command::new(GATEPOST)
            .args(["demo", "--port-offset", &free_offset().to_string(), "--data"])
            .arg(&data)
            .arg("--once-ready-file")
            .arg(&ready)
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{errors}");
        for part in [ready.to_str().unwrap(), "name a file with --once-ready-file"] {
            assert!(errors.contains(part), "{part}: {errors}");
        }
        assert!(output.stdout.is_empty(), "it was never ready");
        assert_eq!(fs::read_dir(&data).unwrap().count(), 0, "nothing was made");
    }
}

#[test]
fn a_stopped_service_is_told_with_the_command_that_starts_it() {
    let mut node = Node::start().unwrap();
    let manual = node.shell("Set-Service MSExchangePOP3 -StartupType Manual").unwrap();
    assert!(manual.status.success(), "{}", String::from_utf8_lossy(&manual.stderr));
    assert_eq!(node.stop().unwrap(), Some(0));
    let mut demo = Command::new(GATEPOST)
        .args(["demo", "--data"])
        .arg(node.data())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut out = BufReader::new(demo.stdout.take().unwrap());
    while !said.ends_with("ready\n") {
        assert!(out.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let command = "Set-Service MSExchangePOP3 -StartupType Automatic; Start-Service MSExchangePOP3";
    assert!(said.contains("Services that are stopped") && said.contains(command), "{said}");
    assert!(!said.contains("MSExchangeIMAP4"), "{said}");
    let started = node.shell(command).unwrap();
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    assert!(TcpStream::connect(node.address(Port::Pop3)).is_ok());
    demo.kill().unwrap();
    demo.wait().unwrap();
}

/// Asks the shell until it answers so.
fn wait_for(node: &Node, cmdlets: &str, expected: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let said = node.shell(cmdlets).unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        if said.trim() == expected {
            return;
        }
        assert!(Instant::now() < until, "{cmdlets}: {said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn removed_messages_are_purged_when_their_time_is_up() {
    const REMOVED: &str = "Get-MailboxStatistics bob | % DeletedItemCount";
    let mut node = Node::start().unwrap();
    let mut pop = pop(&node, "bob");
    assert!(ask(&mut pop, "DELE 1").starts_with("+OK"));
    assert!(ask(&mut pop, "QUIT").starts_with("+OK"));
    wait_for(&node, REMOVED, "1");
    node.kill9().unwrap();
    node.restart().unwrap();
    wait_for(&node, REMOVED, "1");
    assert!(node.shell("Set-MailboxDatabase -DeletedItemRetention 00:00:00").unwrap().status.success());
    // The clock has seconds; what was removed in this one is not older than nothing.
    std::thread::sleep(Duration::from_millis(1_100));
    node.kill9().unwrap();
    node.restart().unwrap();
    wait_for(&node, REMOVED, "0");
    assert_eq!(count(&node, "bob"), 1);
}

/// The server's certificate as a new connection sees it.
fn certificate(node: &Node) -> Vec<u8> {
    let pop = connect(node, Port::Pop3s);
    pop.get_ref().conn.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn a_new_certificate_is_taken_without_a_restart() {
    let node = Node::start().unwrap();
    let mut session = pop(&node, "bob");
    let before = certificate(&node);
    let file = node.data().join("tls/server.pem");
    let hang_up = || Command::new("kill").args(["-HUP", &node.pid().unwrap().to_string()]).status().unwrap();
    // What cannot be used is said in the log, and the certificate stays.
    fs::write(&file, "nothing of the kind").unwrap();
    assert!(hang_up().success());
    assert!(ask(&mut session, "STAT").starts_with("+OK"));
    assert_eq!(certificate(&node), before);
    fs::remove_file(&file).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while certificate(&node) == before {
        assert!(hang_up().success());
        assert!(Instant::now() < until, "still the old certificate");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(ask(&mut session, "NOOP").starts_with("+OK"), "sessions go on");
}

#[test]
fn secrets_are_for_the_owner() {
    let node = Node::start().unwrap();
    for (file, mode) in
        [("", 0o700), ("admin.sock", 0o600), ("tls/ca-key.pem", 0o600), ("tls/server-key.pem", 0o600)]
    {
        let found = fs::metadata(node.data().join(file)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{file}");
    }
}

#[test]
fn an_ordinary_user_can_run_it() {
    let parent = tempfile::tempdir().unwrap();
    if fs::metadata(parent.path()).unwrap().uid() != 0 {
        // Then every other test here has shown it already.
        return;
    }
    const NOBODY: u32 = 65_534;
    fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let home = parent.path().join("home");
    fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
    // The build directory may be closed to others.
    let program = parent.path().join("gatepost");
    fs::copy(GATEPOST, &program).unwrap();
    let mut demo = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&program)
        .args(["demo", "--port-offset", &free_offset().to_string()])
        .current_dir(&home)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut out = BufReader::new(demo.stdout.take().unwrap());
    while !said.ends_with("ready\n") {
        assert!(out.read_line(&mut said).unwrap() > 0, "{said}");
    }
    Command::new("kill").arg(demo.id().to_string()).status().unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(0));
    assert_eq!(fs::metadata(home.join("gatepost-demo")).unwrap().uid(), NOBODY, "the default place");
}

#[test]
fn an_address_that_this_machine_does_not_have_is_not_remembered() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    // An address for documentation, which no machine has.
    let wrong = || {
        let output = Command::new(GATEPOST)
            .args(["demo", "--bind", "192.0.2.1", "--data"])
            .arg(&data)
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{errors}");
        for part in ["192.0.2.1", "no such address", "--bind 127.0.0.1"] {
            assert!(errors.contains(part), "{part}: {errors}");
        }
    };
    wrong();
    let mut node = Node::start_on(&data).unwrap();
    assert_eq!((count(&node, "alice"), count(&node, "bob")), (4, 2));
    node.stop().unwrap();
    let boot = fs::read(data.join("gatepost.toml")).unwrap();
    wrong();
    assert_eq!(fs::read(data.join("gatepost.toml")).unwrap(), boot);
    node.restart().unwrap();
    assert!(TcpStream::connect(node.address(Port::Imap)).is_ok());
    let audited = node.shell("(Search-AdminAuditLog -Cmdlets Move-Demo | measure).Count").unwrap();
    assert_eq!(String::from_utf8_lossy(&audited.stdout).trim(), "0");
}

#[test]
fn moving_the_ports_again_after_a_crash_moves_them_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let boot = data.join("gatepost.toml");
    let mut node = Node::start_on(&data).unwrap();
    node.stop().unwrap();
    let before = fs::read(&boot).unwrap();
    let mut moved = loop {
        // The first one's ports are free again, and could be chosen again.
        let moved = Node::start_on(&data).unwrap();
        if moved.offset() != node.offset() {
            break moved;
        }
    };
    moved.kill9().unwrap();
    // As if the end had come before the boot file was written.
    fs::write(&boot, before).unwrap();
    moved.restart().unwrap();
    for port in Port::ALL {
        assert!(TcpStream::connect(moved.address(port)).is_ok(), "{port:?}");
    }
    let audited = moved.shell("(Search-AdminAuditLog -Cmdlets Move-Demo | measure).Count").unwrap();
    assert_eq!(String::from_utf8_lossy(&audited.stdout).trim(), "1");
}

#[test]
fn a_first_start_cut_short_is_finished() {
    for delay in [0, 20, 60, 120, 200, 300] {
        let parent = tempfile::tempdir().unwrap();
        let data = parent.path().join("data");
        let mut first = Command::new(GATEPOST)
            .args(["demo", "--port-offset", &free_offset().to_string(), "--data"])
            .arg(&data)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        first.kill().unwrap();
        first.wait().unwrap();
        let node = Node::start_on(&data).unwrap();
        assert_eq!((count(&node, "alice"), count(&node, "bob")), (4, 2), "killed after {delay} ms");
    }
}
