//! HTTPS end to end: cmdlets for programs, the shell from afar, roles, tokens, health, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;
use testkit::node::{Node, Port};

const GATEPOST: &str = env!("CARGO_BIN_EXE_gatepost");
const PASSWORD: &str = "Gatepost!1";

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    /// The lines of an answer of cmdlets.
    fn lines(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}{}", self.head, self.body);
        self.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn detail(&self) -> String {
        serde_json::from_str::<Value>(&self.body).unwrap()["detail"].as_str().unwrap().to_owned()
    }
}

fn connect(node: &Node) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
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
    let socket = TcpStream::connect(node.address(Port::Https)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    rustls::StreamOwned::new(session, socket)
}

/// Sends a request as HTTP/1.0, whose answers end with the connection.
fn request(node: &Node, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = connect(node);
    let mut head =
        format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    // A body that is too large is not read to its end.
    let _ = stream.write_all(body.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

fn get(node: &Node, path: &str) -> Answer {
    request(node, "GET", path, &[], "")
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn script(node: &Node, authorization: &str, text: &str) -> Answer {
    let fields = [("Authorization", authorization), ("Content-Type", "text/plain; charset=utf-8")];
    request(node, "POST", "/api/v1/script", &fields, text)
}

fn cmdlet(node: &Node, authorization: &str, name: &str, parameters: &Value) -> Answer {
    let fields = [("Authorization", authorization), ("Content-Type", "application/json")];
    request(node, "POST", &format!("/api/v1/cmdlets/{name}"), &fields, &parameters.to_string())
}

/// Runs `gatepost shell --server` as this user.
fn shell(node: &Node, user: &str, arguments: &[&str]) -> Output {
    let file = node.data().join("password");
    std::fs::write(&file, PASSWORD).unwrap();
    let mut command = command(node);
    command.args(["--user", user, "--password-file"]).arg(file).args(arguments).output().unwrap()
}

fn command(node: &Node) -> Command {
    let mut command = Command::new(GATEPOST);
    let url = format!("https://localhost:{}", node.address(Port::Https).port());
    command.env_remove("GATEPOST_TOKEN").args(["shell", "--server", &url, "--ca"]).arg(node.ca());
    command
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[test]
fn programs_run_cmdlets() {
    let node = Node::start().unwrap();
    let admin = basic("admin@example.test", PASSWORD);

    let lines =
        script(&node, &admin, "$n = 'alice', 'bob'\n$n | Get-Mailbox | select Name\n1 + 1\nGet-Nothing")
            .lines();
    assert_eq!(lines[0], json!({"kind": "object", "type": "Selected", "value": {"Name": "alice"}}));
    assert_eq!(lines[1]["value"]["Name"], "bob");
    assert_eq!(lines[2], json!({"kind": "object", "type": "Int64", "value": 2}));
    assert_eq!(lines[3]["kind"], "error");
    assert_eq!(lines[4], json!({"kind": "end", "outcome": "Failed", "code": 1}));
    assert_eq!(
        script(&node, &admin, "exit 7").lines(),
        [json!({"kind": "end", "outcome": "Exit", "code": 7})]
    );

    let quota = json!({"Identity": "alice", "ProhibitSendQuota": "2GB", "EmailAddresses": {"Add": ["sales@example.test"]}});
    let lines = cmdlet(&node, &admin, "Set-Mailbox", &quota).lines();
    assert_eq!(lines, [json!({"kind": "end", "outcome": "Done", "code": 0})]);
    let lines = cmdlet(&node, &admin, "get-mailbox", &json!({"Identity": "sales@example.test"})).lines();
    assert_eq!(lines[0]["value"]["ProhibitSendQuota"], 2_147_483_648_u64);

    // Nobody can be asked, and -WhatIf does nothing.
    let lines = cmdlet(&node, &admin, "Remove-Mailbox", &json!({"Identity": "bob"})).lines();
    assert!(lines[0]["text"].as_str().unwrap().contains("Add -Confirm:$false"), "{lines:?}");
    let lines = cmdlet(&node, &admin, "Remove-Mailbox", &json!({"Identity": "bob", "WhatIf": true})).lines();
    assert_eq!(lines[0]["kind"], "text", "{lines:?}");
    let lines =
        cmdlet(&node, &admin, "Remove-Mailbox", &json!({"Identity": "bob", "Confirm": false})).lines();
    assert_eq!(lines[0]["outcome"], "Done");

    // What text could be in a script is only a value here.
    let lines =
        cmdlet(&node, &admin, "Get-Mailbox", &json!({"Identity": "x'; Remove-Mailbox alice; '"})).lines();
    assert!(lines[0]["text"].as_str().unwrap().contains("couldn't be found"), "{lines:?}");

    // Who did it, and from where.
    let audit = text(&node.shell("Search-AdminAuditLog | ft Caller -AutoSize").unwrap().stdout);
    assert!(audit.contains("admin@example.test (HTTPS from 127.0.0.1)"), "{audit}");
}

#[test]
fn everybody_does_what_his_role_lets_him() {
    let node = Node::start().unwrap();
    let shown = node.shell("Add-RoleGroupMember 'Recipient Management' -Member bob").unwrap();
    assert!(shown.status.success());
    let [admin, alice, bob] = ["admin", "alice", "bob"].map(|user| basic(user, PASSWORD));
    let quota = |whose: &str| json!({"Identity": whose, "ProhibitSendQuota": "1GB"});
    let table = [
        (&alice, "Get-Mailbox", json!({}), "alice"),
        (&alice, "Get-Mailbox", json!({"Identity": "bob"}), "couldn't be found"),
        (&alice, "Get-ClientSettings", json!({"Identity": "alice"}), "IMAP4"),
        (&alice, "Get-Service", json!({}), "'View-Only Organization Management'"),
        (&alice, "Set-Mailbox", quota("alice"), "'Recipient Management'"),
        (
            &alice,
            "Set-Mailbox",
            json!({"Identity": "bob", "Password": "another password"}),
            "couldn't be found",
        ),
        (
            &alice,
            "New-Mailbox",
            json!({"Name": "x", "UserPrincipalName": "x@example.test"}),
            "'Recipient Management'",
        ),
        (&bob, "Get-Service", json!({}), "W3SVC"),
        (&bob, "Set-Mailbox", quota("alice"), "\"Done\""),
        (
            &bob,
            "Set-Mailbox",
            json!({"Identity": "admin", "Password": "another password"}),
            "'Organization Management'",
        ),
        (&bob, "Set-Mailbox", json!({"Identity": "bob", "Administrator": true}), "'Organization Management'"),
        (&bob, "Set-PopSettings", json!({"LoginType": "PlainTextLogin"}), "'Organization Management'"),
        (
            &bob,
            "Add-RoleGroupMember",
            json!({"Identity": "Organization Management", "Member": "bob"}),
            "'Organization Management'",
        ),
        (&alice, "Get-Recipient", json!({}), "'View-Only Organization Management'"),
        (&alice, "New-DistributionGroup", json!({"Name": "staff"}), "'Recipient Management'"),
        (&bob, "New-DistributionGroup", json!({"Name": "staff"}), "\"Done\""),
        (&bob, "Add-DistributionGroupMember", json!({"Identity": "staff", "Member": "alice"}), "\"Done\""),
        (
            &bob,
            "New-MailContact",
            json!({"Name": "Carol", "ExternalEmailAddress": "carol@example.org"}),
            "\"Done\"",
        ),
        (
            &bob,
            "Add-MailboxPermission",
            json!({"Identity": "admin", "User": "bob", "AccessRights": "FullAccess"}),
            "'Organization Management'",
        ),
        (
            &bob,
            "New-ProtocolPolicy",
            json!({"Name": "x", "Group": "staff", "PopEnabled": false}),
            "'Organization Management'",
        ),
        (&admin, "Set-PopSettings", json!({"MaxConnections": 100}), "\"Done\""),
    ];
    for (who, name, parameters, expected) in table {
        let answer = cmdlet(&node, who, name, &parameters);
        assert!(answer.body.contains(expected), "{name} {parameters}: {}{}", answer.head, answer.body);
    }
    // A script is judged cmdlet by cmdlet.
    let lines =
        script(&node, &alice, "Get-Mailbox | select Name; Get-AcceptedDomain; 'x' | Out-Nothing").lines();
    assert_eq!(lines[0]["value"]["Name"], "alice");
    assert_eq!(lines[1]["kind"], "error");

    // Everybody sets his own password, and then has it.
    let answer =
        cmdlet(&node, &alice, "Set-Mailbox", &json!({"Identity": "alice", "Password": "another password"}));
    assert!(answer.body.contains("\"Done\""), "{}", answer.body);
    assert_eq!(script(&node, &alice, "1").status, 401);
    assert_eq!(script(&node, &basic("alice", "another password"), "1").status, 200);
}

#[test]
fn who_is_not_known_is_refused() {
    let node = Node::start().unwrap();
    let admin = basic("admin", PASSWORD);
    for wrong in
        [basic("admin", "wrong"), basic("nobody", PASSWORD), "Basic ?".to_owned(), "Bearer x".to_owned()]
    {
        let answer = script(&node, &wrong, "Get-Mailbox");
        assert_eq!(answer.status, 401, "{wrong}");
        assert!(answer.head.contains("www-authenticate: basic"), "{}", answer.head);
    }
    let [unknown, known] = ["nobody", "admin"].map(|user| script(&node, &basic(user, "wrong"), "1").detail());
    assert_eq!(unknown, known, "nobody learns who is there");

    let plain = ("Content-Type", "text/plain");
    let with = |fields: &[(&str, &str)], body: &str| {
        let fields = [&[("Authorization", admin.as_str())], fields].concat();
        request(&node, "POST", "/api/v1/script", &fields, body).status
    };
    assert_eq!(request(&node, "POST", "/api/v1/script", &[plain], "1").status, 401);
    assert_eq!(with(&[plain, ("Origin", "https://evil.test")], "1"), 403);
    assert_eq!(with(&[plain, ("Sec-Fetch-Site", "cross-site")], "1"), 403);
    assert_eq!(with(&[plain, ("Origin", "https://localhost")], "1"), 200);
    assert_eq!(with(&[("Content-Type", "application/x-www-form-urlencoded")], "1"), 415);
    assert_eq!(with(&[plain], &" ".repeat((1 << 20) + 1)), 413);
    assert_eq!(with(&[("X", &"x".repeat(70_000))], "1"), 431);
    let as_admin = [("Authorization", admin.as_str())];
    assert_eq!(request(&node, "GET", "/api/v1/script", &as_admin, "").status, 405);
    assert_eq!(request(&node, "GET", "/api/v1/nothing", &as_admin, "").status, 404);
    assert_eq!(request(&node, "GET", "/api/v1/shell", &as_admin, "").status, 426);
    assert_eq!(cmdlet(&node, &admin, "Get-Nothing", &json!({})).status, 404);
    assert_eq!(cmdlet(&node, &admin, "Get-Mailbox", &json!(["alice"])).status, 400);
    assert_eq!(script(&node, &admin, "1").status, 200, "and all is well still");
}

#[test]
fn tokens_work_until_they_are_taken_away() {
    let node = Node::start().unwrap();
    let make = "(New-AccessToken watch -Mailbox admin -WarningAction SilentlyContinue).Token";
    let made = text(&node.shell(make).unwrap().stdout);
    let bearer = format!("Bearer {}", made.trim());
    assert!(script(&node, &bearer, "(Get-Service W3SVC).Status").body.contains("Running"));
    let refused = cmdlet(&node, &bearer, "Set-PopSettings", &json!({"MaxConnections": 5}));
    assert_eq!(refused.status, 403, "the token is to look: {}", refused.body);
    let used = text(&node.shell("(Get-AccessToken watch).LastUsed").unwrap().stdout);
    assert!(used.starts_with("20"), "{used}");

    let run = |cmdlets: &str| {
        command(&node).env("GATEPOST_TOKEN", made.trim()).args(["-c", cmdlets]).output().unwrap()
    };
    assert_eq!(text(&run("(Get-Service W3SVC).Name").stdout), "W3SVC\n");
    node.shell("Remove-AccessToken watch -Confirm:$false").unwrap();
    assert_eq!(script(&node, &bearer, "1").status, 401);
    let refused = run("Get-Service");
    assert!(text(&refused.stderr).contains("the access token is not valid"), "{refused:?}");

    // Nothing of the token is kept, in the index or the log beside it.
    for file in ["index.db", "index.db-wal"] {
        let octets = std::fs::read(node.data().join(file)).unwrap_or_default();
        let secret = made.trim().as_bytes();
        assert!(!octets.windows(secret.len()).any(|window| window == secret), "{file}");
    }
}

#[test]
fn the_shell_works_from_afar() {
    let node = Node::start().unwrap();
    let done = shell(
        &node,
        "admin",
        &[
            "-c",
            "Get-ExchangeServer | Set-PopSettings -Banner 'from afar'; (Get-PopSettings -Server MAIL).Banner",
        ],
    );
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(0), "from afar\n".to_owned()), "{done:?}");
    let failed = shell(&node, "admin", &["-c", "Get-Service W3SVC | Get-Nothing"]);
    assert_eq!((failed.status.code(), text(&failed.stdout)), (Some(1), String::new()));
    assert!(text(&failed.stderr).contains("'Get-Nothing' is no cmdlet"));
    assert_eq!(shell(&node, "admin", &["-c", "exit 9"]).status.code(), Some(9));
    let loop_ = "foreach ($s in Get-ExchangeServer) { Set-ImapSettings -Server $s.Name -MaxConnections 77 }; (Get-ImapSettings).MaxConnections";
    assert_eq!(text(&shell(&node, "admin", &["-c", loop_]).stdout), "77\n");

    let file = node.data().join("script.ps1");
    std::fs::write(&file, "$n = 5\n\"$n mailboxes at most\"\n").unwrap();
    assert_eq!(text(&shell(&node, "admin", &[file.to_str().unwrap()]).stdout), "5 mailboxes at most\n");
    // Much text, in order and to its end.
    let many = text(&shell(&node, "admin", &["-c", "$n = 0; foreach ($i in 1..20000) { $i }"]).stdout);
    assert_eq!(many.lines().count(), 20_000);
    assert_eq!(many.lines().last(), Some("20000"));

    let refused = shell(&node, "alice", &["-c", "Get-Service"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("'View-Only Organization Management'"), "{refused:?}");
    let own = shell(&node, "alice", &["-c", "(Get-Mailbox).Name"]);
    assert_eq!(text(&own.stdout), "alice\n");
}

/// `gatepost import` speaks to the same place over the local socket.
#[test]
fn nobody_files_messages_from_afar_who_may_not() {
    let node = Node::start().unwrap();
    let mut stream = connect(&node);
    let alice = basic("alice", PASSWORD);
    let head =
        "GET /api/v1/shell HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: gatepost-shell\r\n";
    stream.write_all(format!("{head}Authorization: {alice}\r\n\r\n").as_bytes()).unwrap();
    let hello = json!({"hello": {"width": 80, "interactive": false}});
    let load = json!({"load": {"mailbox": "bob", "command": "import", "source": "afar"}});
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "the head has an end");
    }
    reader.get_mut().write_all(format!("{hello}\n{load}\n").as_bytes()).unwrap();
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("failed") && line.contains("'Organization Management'"), "{line}");
}

#[test]
fn the_way_there_is_explained() {
    let node = Node::start().unwrap();
    let port = node.address(Port::Https).port();
    let url = |host: &str| format!("https://{host}:{port}");
    let file = node.data().join("wrong");
    std::fs::write(&file, "a wrong password").unwrap();
    let (ca, wrong) = (node.ca(), file.to_str().unwrap().to_owned());
    let ca = ca.to_str().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let imap = format!("https://localhost:{}", node.address(Port::Imaps).port());
    let table: [(&str, Vec<&str>, i32, &str); 7] = [
        (
            &url("localhost"),
            vec!["--ca", ca, "--password-file", &wrong],
            1,
            "the user name or the password is wrong",
        ),
        (&url("localhost"), vec!["--password-file", &wrong], 1, "copy ca.pem from its data directory"),
        (&url("127.0.0.2"), vec!["--ca", ca, "--password-file", &wrong], 1, "Get-Service W3SVC"),
        (
            &format!("https://{free}"),
            vec!["--ca", ca, "--password-file", &wrong],
            1,
            "nobody listens on port",
        ),
        (&imap, vec!["--ca", ca, "--password-file", &wrong], 1, "speaks no HTTP"),
        ("http://localhost", vec!["--ca", ca, "--password-file", &wrong], 2, "legal: https://host"),
        (&url("localhost"), vec!["--ca", ca], 2, "--password-file is missing"),
    ];
    for (server, rest, code, expected) in table {
        let mut command = Command::new(GATEPOST);
        command.args(["shell", "--server", server, "--user", "admin", "-c", "1"]).args(rest);
        let ended = command.stdin(std::process::Stdio::null()).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        assert!(text(&ended.stderr).contains(expected), "{server}: {}", text(&ended.stderr));
    }
}

#[test]
fn it_tells_how_it_is_and_what_it_can() {
    let node = Node::start().unwrap();
    assert_eq!((get(&node, "/healthz").status, get(&node, "/healthz").body), (200, "ok\n".to_owned()));
    assert_eq!(get(&node, "/readyz").body, "store ok\nlisteners ok\n");
    assert_eq!(get(&node, "/").status, 404);

    let document = get(&node, "/api/v1/openapi.json");
    let document: Value = serde_json::from_str(&document.body).unwrap();
    let operation = &document["paths"]["/cmdlets/Set-Mailbox"]["post"];
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(schema["required"], json!(["Identity"]));
    assert_eq!(schema["properties"]["WhatIf"]["type"], "boolean");
    let listed = text(&node.shell("(Get-Command).Name").unwrap().stdout);
    for name in
        document["paths"].as_object().unwrap().keys().filter_map(|path| path.strip_prefix("/cmdlets/"))
    {
        assert!(listed.lines().any(|known| known == name), "{name}");
    }

    // A service as the others: it stops, and nobody is left out for good.
    assert!(node.shell("Stop-Service W3SVC").unwrap().status.success());
    assert!(TcpStream::connect(node.address(Port::Https)).is_err());
    assert!(node.shell("Start-Service W3SVC").unwrap().status.success());
    assert_eq!(get(&node, "/healthz").status, 200);
}
