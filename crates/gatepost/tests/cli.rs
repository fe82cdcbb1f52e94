//! The command line as scripts and newcomers meet it: exit codes, helpful errors, output where it belongs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs;
use std::io::{BufRead, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use testkit::node::{Node, Port, free_offset};

const GATEPOST: &str = env!("CARGO_BIN_EXE_gatepost");

fn gatepost(arguments: &[&str]) -> Output {
    Command::new(GATEPOST).args(arguments).stdin(Stdio::null()).env_remove("GATEPOST_DATA").output().unwrap()
}

fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap()
}

/// Checks exit code, parts of standard error, and that standard output is empty.
fn fails(output: &Output, code: i32, parts: &[&str]) {
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    for part in parts {
        assert!(errors.contains(part), "'{part}' is not in: {errors}");
    }
    assert_eq!(text(&output.stdout), "");
}

fn set_up(dir: &Path) -> String {
    let offset = free_offset().to_string();
    let password = dir.with_extension("password");
    fs::write(&password, "correct horse\n").unwrap();
    let (data, password) = (dir.to_str().unwrap(), password.to_str().unwrap());
    let output = gatepost(&[
        "quickstart",
        "--data",
        data,
        "--domain",
        "example.org",
        "--admin-password-file",
        password,
        "--mailbox",
        "carol",
        "--mailbox-password-file",
        password,
        "--enable",
        "imap4",
        "--bind",
        "127.0.0.1",
        "--port-offset",
        &offset,
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

#[test]
fn wrong_usage_is_2() {
    for arguments in [
        &[][..],
        &["serf"],
        &["serve", "--dta", "x"],
        &["demo", "--port-offset", "70000"],
        &["check", "a", "b"],
    ] {
        let output = gatepost(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn every_error_says_what_to_do() {
    let parent = tempfile::tempdir().unwrap();
    let path = |name: &str| parent.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("file"), "no directory").unwrap();
    fs::create_dir(path("latin1")).unwrap();
    fs::write(path("latin1/gatepost.toml"), b"# gr\xfc\xdfe\n").unwrap();
    let (file, latin1, missing) = (path("file"), path("latin1"), path("missing"));
    let table: [(&[&str], i32, &[&str]); 14] = [
        (&["serf"], 2, &["'serf'", "'serve'", "--help"]),
        (&["backup"], 2, &["<DIR>", "--help"]),
        (&["probe", "localhost"], 2, &["'probe' is not part of this version"]),
        (&["demo", "--bind", "localhost"], 2, &["'localhost'", "IP addresses of this machine", "127.0.0.1"]),
        (&["quickstart", "--bind", "127.0.0.1,here"], 2, &["'here'", "IP addresses of this machine"]),
        (&["demo", "--data", &file], 3, &[&file, "name a directory with --data"]),
        (&["serve", "--data", &file], 3, &["name a directory with --data"]),
        (&["serve", "--data", &latin1], 3, &["gatepost.toml", "UTF-8"]),
        (&["serve", "--data", &missing], 3, &["gatepost quickstart --data"]),
        (&["shell", "--data", &missing, "-c", "Get-Mailbox"], 3, &["--data", "gatepost quickstart --data"]),
        (&["check", "--data", &missing], 3, &["no such data directory", "--data"]),
        (&["shell", "Get-Mailbox"], 2, &["the script Get-Mailbox", "gatepost shell -c 'Get-Mailbox'"]),
        (&["shell", "-c", "Get-Mailbox", "alice"], 2, &["-c <CMDLETS>", "[FILE]"]),
        (
            &["quickstart", "--data", &missing, "--domain", "example.org", "--admin-password-file", &missing],
            3,
            &[&missing, "nothing at this path"],
        ),
    ];
    for (arguments, code, parts) in table {
        fails(&gatepost(arguments), code, parts);
    }
    assert!(!Path::new(&missing).exists());
}

#[test]
fn help_lists_what_exists() {
    let output = gatepost(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    for part in ["demo", "quickstart", "serve", "shell", "check"] {
        assert!(text(&output.stdout).contains(part), "{part}");
    }
    assert!(!text(&output.stdout).contains("gateway"));
}

#[test]
fn quickstart_makes_a_server_that_serve_runs() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    let said = set_up(&dir);
    for part in
        ["mail.example.org", "ca.pem", "gatepost serve", "Set-Service MSExchangePOP3 -StartupType Automatic"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("MSExchangeIMAP4"), "it starts with the server: {said}");
    let again = gatepost(&["quickstart", "--data", dir.to_str().unwrap(), "--domain", "example.org"]);
    fails(&again, 3, &["set up already", "gatepost serve"]);
    let demo = gatepost(&["demo", "--data", dir.to_str().unwrap()]);
    fails(&demo, 3, &["not to a demo", "gatepost serve"]);

    let mut server =
        Command::new(GATEPOST).args(["serve", "--data"]).arg(&dir).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufRead::read_line(&mut std::io::BufReader::new(server.stdout.take().unwrap()), &mut line).unwrap();
    assert_eq!(line, "ready\n");
    let second = gatepost(&["serve", "--data", dir.to_str().unwrap()]);
    fails(&second, 1, &["in use by another Gatepost", "gatepost shell --data"]);
    let services = gatepost(&[
        "shell",
        "--data",
        dir.to_str().unwrap(),
        "-c",
        "Get-Service MSExchangePOP3 | ConvertTo-Json",
    ]);
    assert!(
        text(&services.stdout).contains("Stopped"),
        "{}{}",
        text(&services.stdout),
        text(&services.stderr)
    );
    Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0));
    let after = gatepost(&["shell", "--data", dir.to_str().unwrap(), "-c", "Get-Service"]);
    fails(&after, 1, &["no server is running", "gatepost serve --data"]);
}

#[test]
fn quickstart_asks_for_what_is_missing() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let data = data.to_str().unwrap();
    fails(&gatepost(&["quickstart", "--data", data]), 2, &["--domain is missing"]);
    fails(
        &gatepost(&["quickstart", "--data", data, "--domain", "no domain"]),
        2,
        &["'no domain'", "example.org"],
    );
    fails(
        &gatepost(&["quickstart", "--data", data, "--domain", "example.org"]),
        2,
        &["--admin-password-file is missing"],
    );
    let short = parent.path().join("short");
    fs::write(&short, "short\n").unwrap();
    let output = gatepost(&[
        "quickstart",
        "--data",
        data,
        "--domain",
        "example.org",
        "--admin-password-file",
        short.to_str().unwrap(),
    ]);
    fails(&output, 2, &["legal are 8 to 256"]);
    assert!(!Path::new(data).exists(), "nothing is made before all is known");
}

/// Runs the program at a terminal on which this was typed ahead; gives its exit code, and what the terminal shows.
fn at_terminal(arguments: &[&str], typed: &str) -> (Option<i32>, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let mut child = {
        let open = || fs::File::options().read(true).write(true).open(&name).unwrap();
        let mut command = Command::new(GATEPOST);
        command.args(arguments).env_remove("GATEPOST_DATA").env("TERM", "dumb");
        command.stdin(open()).stdout(open()).stderr(open()).spawn().unwrap()
    };
    let mut master = fs::File::from(master);
    master.write_all(typed.as_bytes()).unwrap();
    let mut shown = Vec::new();
    // It ends with an error, because the other end is closed.
    let _ = master.read_to_end(&mut shown);
    (child.wait().unwrap().code(), String::from_utf8(shown).unwrap())
}

#[test]
fn quickstart_asks_again_after_an_answer_that_cannot_be() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let arguments = ["quickstart", "--data", data.to_str().unwrap(), "--bind", "127.0.0.1"];
    let (code, shown) = at_terminal(&arguments, "no domain\n\x04");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("nothing was set up") && !data.exists(), "{shown}");

    let answers = [
        ("no domain", "'no domain' is no domain"),
        ("example.org", ""),
        ("m@il", "'m@il' is no host name"),
        ("", ""),
        ("short", "8 to 256"),
        ("correct horse", ""),
        ("correct horse", ""),
        ("x..y", "'x..y@example.org' is no address"),
        ("carol, Admin", "is named twice"),
        ("carol@example.net", "is not in example.org"),
        ("carol", ""),
        ("correct horse", ""),
        ("correct horse", ""),
        ("smtp", "'smtp' is no service; legal: pop3, imap4, none"),
        ("imap4, none", "none stands alone"),
        ("pop3", ""),
    ];
    let typed: String = answers.iter().map(|(answer, _)| format!("{answer}\n")).collect();
    let (code, shown) = at_terminal(&arguments, &typed);
    assert_eq!(code, Some(0), "{shown}");
    for (answer, why) in answers {
        assert!(shown.contains(why), "{answer}: {shown}");
    }
    assert!(shown.contains("Start-Service MSExchangeIMAP4"), "{shown}");
    assert!(!shown.contains("Start-Service MSExchangePOP3"), "{shown}");

    // A flag is no slip at the keyboard.
    let data = parent.path().join("other");
    let (code, shown) = at_terminal(&["quickstart", "--data", data.to_str().unwrap(), "--domain", "a b"], "");
    assert_eq!(code, Some(2), "{shown}");
}

#[test]
fn quickstart_leaves_services_stopped_unless_it_is_told_otherwise() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, password) = (parent.path().join("data"), parent.path().join("password"));
    fs::write(&password, "correct horse\n").unwrap();
    let arguments = |dir: &Path| {
        let all = ["quickstart", "--domain", "example.org", "--admin-password-file"];
        let mut all: Vec<String> = all.map(str::to_owned).to_vec();
        all.extend([&password, Path::new("--data"), dir].map(|path| path.to_str().unwrap().to_owned()));
        all
    };
    let at_once = arguments(&dir);
    let at_once: Vec<&str> = at_once.iter().map(String::as_str).collect();
    // The host name, no more mailboxes, and what is usual.
    let (code, shown) = at_terminal(&at_once, "\n\n\n");
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("none) [none]:"), "{shown}");
    let other = arguments(&parent.path().join("other"));
    let output = gatepost(&other.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(output.status.success(), "{}", text(&output.stderr));
    for said in [&shown, text(&output.stdout)] {
        for service in ["MSExchangePOP3", "MSExchangeIMAP4"] {
            let line = format!("Set-Service {service} -StartupType Automatic; Start-Service {service}");
            assert!(said.contains(&line), "{said}");
        }
    }
    assert!(text(&gatepost(&["quickstart", "--help"]).stdout).contains("[default: none]"));
}

/// Runs `serve` until it is ready, ends it, and gives what it said on standard error.
fn serve_once(dir: &Path) -> String {
    let mut command = Command::new(GATEPOST);
    command.args(["serve", "--data"]).arg(dir).env_remove("GATEPOST_DATA");
    let mut server = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufRead::read_line(&mut std::io::BufReader::new(server.stdout.take().unwrap()), &mut line).unwrap();
    Command::new("kill").arg(server.id().to_string()).status().unwrap();
    let output = server.wait_with_output().unwrap();
    assert_eq!((line.as_str(), output.status.code()), ("ready\n", Some(0)), "{}", text(&output.stderr));
    text(&output.stderr).to_owned()
}

#[test]
fn a_lost_boot_file_is_no_lost_mail() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    set_up(&dir);
    let file = dir.join("gatepost.toml");
    let good = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let data = dir.to_str().unwrap();
    let again = gatepost(&["quickstart", "--data", data]);
    fails(&again, 3, &["set up already", &format!("gatepost serve --data {data}` writes it again")]);
    fails(&gatepost(&["demo", "--data", data]), 3, &["not to a demo", "gatepost serve"]);
    fails(&gatepost(&["shell", "--data", data, "-c", "1"]), 1, &["no server is running", "gatepost serve"]);
    let said = serve_once(&dir);
    assert!(said.contains("gatepost.toml was missing, and was written again"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), good);
    assert!(!serve_once(&dir).contains("gatepost.toml"));
    // Without mail there is nothing that a boot file could be made for.
    let empty = gatepost(&["serve", "--data", parent.path().join("empty").to_str().unwrap()]);
    fails(&empty, 3, &["gatepost quickstart --data", "data = \"DIRECTORY\""]);
}

#[test]
fn a_demo_without_its_boot_file_goes_on() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let mut node = Node::start_on(&data).unwrap();
    let file = data.join("gatepost.toml");
    for lost in [true, false] {
        node.kill9().unwrap();
        fs::remove_file(&file).unwrap();
        if !lost {
            fs::write(&file, "").unwrap();
        }
        node.restart().unwrap();
        assert!(fs::read_to_string(&file).unwrap().contains("complete = true"));
    }
}

/// The program for one who owns the files, and yet has no more rights than they give: root would have all.
fn without_privileges(arguments: &[&str]) -> Output {
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-dac_override,-dac_read_search", GATEPOST]);
    if !rustix::process::geteuid().is_root() {
        command = Command::new(GATEPOST);
    }
    command.args(arguments).stdin(Stdio::null()).env_remove("GATEPOST_DATA").output().unwrap()
}

#[test]
fn a_missing_right_is_told_with_its_remedy() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    set_up(&dir);
    serve_once(&dir);
    let data = dir.to_str().unwrap();
    for (name, taken, commands) in [
        ("gatepost.toml", 0, &["serve", "check"][..]),
        ("index.db", 0, &["serve", "check"]),
        ("segments", 0, &["serve", "check"]),
        ("FORMAT", 0, &["serve", "check"]),
        ("lock", 0, &["serve", "check"]),
        ("tls/server-key.pem", 0, &["serve"]),
        ("", 0o500, &["serve"]),
    ] {
        let path = dir.join(name);
        let before = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(taken)).unwrap();
        for command in commands {
            let output = without_privileges(&[command, "--data", data]);
            fails(&output, 3, &[name, "Permission denied", "run this as the user whom the data belongs to"]);
            assert!(!text(&output.stderr).contains("damaged"), "{}", text(&output.stderr));
            assert!(!text(&output.stderr).contains("looks as if"), "{}", text(&output.stderr));
        }
        fs::set_permissions(&path, before).unwrap();
    }
    serve_once(&dir);
}

#[test]
fn check_says_what_is_lost_beside_the_mail() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    set_up(&dir);
    let check = || gatepost(&["check", "--data", dir.to_str().unwrap()]);
    let said = |output: &Output| text(&output.stdout).to_owned() + text(&output.stderr);
    assert!(!said(&check()).contains("note:"));

    // Each is put back before the next is tried.
    let mark = fs::read(dir.join("FORMAT")).unwrap();
    fs::write(dir.join("FORMAT"), "garbage").unwrap();
    let output = check();
    let text = said(&output);
    assert!(output.status.code() == Some(3) && text.contains("this is no format mark"), "{text}");
    assert!(!text.contains("gatepost check"), "it was just run: {text}");
    let serve = gatepost(&["serve", "--data", dir.to_str().unwrap()]);
    assert_eq!(said(&serve).matches("gatepost check").count(), 1, "{}", said(&serve));
    fs::remove_file(dir.join("FORMAT")).unwrap();
    let output = check();
    assert!(
        output.status.success() && said(&output).contains("note: FORMAT is missing"),
        "{}",
        said(&output)
    );
    assert!(serve_once(&dir).contains("FORMAT was missing"));
    assert_eq!(fs::read(dir.join("FORMAT")).unwrap(), mark);

    let index = fs::read(dir.join("index.db")).unwrap();
    let table: [(&[u8], &str); 3] =
        [(b"", "index.db is empty"), (&[7; 20_000], "index.db: "), (&index[..index.len() / 2], "index.db: ")];
    for (octets, part) in table {
        fs::write(dir.join("index.db"), octets).unwrap();
        let output = check();
        let text = said(&output);
        assert!(output.status.code() == Some(3) && text.contains(part), "{text}");
        assert!(text.contains("restore index.db from a backup"), "{text}");
        assert!(!text.contains("can be served") && !text.contains("0 messages"), "{text}");
    }
    fs::write(dir.join("index.db"), index).unwrap();

    fs::rename(dir.join("tls"), dir.join("away")).unwrap();
    let output = check();
    assert!(output.status.success() && said(&output).contains("only mail is checked"), "{}", said(&output));
}

#[test]
fn a_boot_file_with_mistakes_is_explained() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    set_up(&dir);
    let file = dir.join("gatepost.toml");
    let good = fs::read_to_string(&file).unwrap();
    let table: [(&str, &[&str]); 2] = [
        ("hostnam = \"x\"\n", &["gatepost.toml", "line", "hostnam", "admin_socket"]),
        ("reader_threads = \"many\"\n", &["gatepost.toml", "line", "many"]),
    ];
    for (mistake, parts) in table {
        fs::write(&file, format!("{mistake}{good}")).unwrap();
        for command in ["serve", "shell", "check", "demo"] {
            fails(&gatepost(&[command, "--data", dir.to_str().unwrap()]), 3, parts);
        }
    }
}

#[test]
fn names_that_no_certificate_can_have_are_refused_before_anything_is_written() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, password) = (parent.path().join("data"), parent.path().join("password"));
    fs::write(&password, "correct horse\n").unwrap();
    let mut arguments =
        vec!["quickstart", "--data", dir.to_str().unwrap(), "--domain", "b\u{fc}cher.example"];
    arguments.extend(["--admin-password-file", password.to_str().unwrap()]);
    fails(&gatepost(&arguments), 2, &["mail.b\u{fc}cher.example", "--hostname", "xn--"]);
    assert!(!dir.exists());
    arguments.extend(["--hostname", "mail.xn--bcher-kva.example"]);
    let output = gatepost(&arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn passwords_have_a_length_everywhere() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, password) = (parent.path().join("data"), parent.path().join("password"));
    for wrong in ["seven77".to_owned(), "x".repeat(257)] {
        fs::write(&password, wrong).unwrap();
        let output = gatepost(&[
            "quickstart",
            "--data",
            dir.to_str().unwrap(),
            "--domain",
            "example.org",
            "--admin-password-file",
            password.to_str().unwrap(),
        ]);
        fails(&output, 2, &["8 to 256", "Several words"]);
    }
    assert!(!dir.exists());
}

#[test]
fn services_that_contradict_each_other_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, password) = (parent.path().join("data"), parent.path().join("password"));
    fs::write(&password, "correct horse\n").unwrap();
    let quickstart = |enable: &str| {
        let mut arguments = vec!["quickstart", "--data", dir.to_str().unwrap(), "--domain", "example.org"];
        arguments.extend(["--admin-password-file", password.to_str().unwrap(), "--enable", enable]);
        gatepost(&arguments)
    };
    fails(&quickstart("imap4,none"), 2, &["'imap4,none' contradicts itself", "pop3,imap4"]);
    fails(&quickstart("imap4,smtp"), 2, &["'smtp'", "pop3, imap4, none"]);
    assert!(!dir.exists());
    let output = quickstart("imap4,pop3,imap4");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn an_offset_beyond_the_ports_is_refused_before_anything_is_written() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    fails(&gatepost(&["demo", "--data", dir.to_str().unwrap(), "--port-offset", "65000"]), 2, &["64540"]);
    assert!(!dir.exists());
}

#[test]
fn only_the_owner_reaches_data_and_socket() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let mut node = Node::start_on(&data).unwrap();
    assert_eq!((mode(&data), mode(&data.join("admin.sock"))), (0o700, 0o600));
    node.kill9().unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o750)).unwrap();
    fs::create_dir(data.join("admin.new")).unwrap();
    fs::write(data.join("admin.new/sock"), "").unwrap();
    node.restart().unwrap();
    assert_eq!((mode(&data), mode(&data.join("admin.sock"))), (0o700, 0o600));
    assert!(!data.join("admin.new").exists());
    node.kill9().unwrap();
    fs::write(data.join("admin.new"), "").unwrap();
    node.restart().unwrap();
    assert!(!data.join("admin.new").exists());
}

#[test]
fn a_directory_without_a_server_is_explained() {
    let empty = tempfile::tempdir().unwrap();
    let data = empty.path().to_str().unwrap();
    fails(&gatepost(&["serve", "--data", data]), 3, &["no boot file", "gatepost quickstart"]);
    fails(&gatepost(&["shell", "--data", data, "-c", "Get-Mailbox"]), 3, &["no data directory", "--data"]);
    fails(&gatepost(&["check", "--data", "/nowhere/at/all"]), 3, &["no such data directory"]);
}

#[test]
fn a_taken_port_is_explained() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let offset = free_offset();
    let _taken = TcpListener::bind(("127.0.0.1", 143 + offset)).unwrap();
    let output = gatepost(&["demo", "--data", data.to_str().unwrap(), "--port-offset", &offset.to_string()]);
    let port = format!("port {} is taken", 143 + offset);
    fails(&output, 3, &[&port, "ss -ltnp", "--port-offset"]);
    let errors = text(&output.stderr);
    assert_eq!(errors.matches(&port).count(), 1, "it is said once: {errors}");
    assert!(!errors.contains("Set-ImapSettings"), "no shell could give it: {errors}");
}

#[test]
fn serve_starts_with_what_it_can_and_lets_the_rest_be_corrected() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    set_up(&dir);
    let data = dir.to_str().unwrap();
    let boot = |stderr| {
        Command::new(GATEPOST)
            .args(["serve", "--data", data])
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap()
    };
    let wait = |server: &mut std::process::Child| {
        let mut line = String::new();
        BufRead::read_line(&mut std::io::BufReader::new(server.stdout.take().unwrap()), &mut line).unwrap();
        line
    };
    let mut server = boot(Stdio::null());
    assert_eq!(wait(&mut server), "ready\n");
    let shell = |cmdlets: &str| gatepost(&["shell", "--data", data, "-c", cmdlets]);
    let bindings = shell("(Get-ImapSettings).SSLBindings");
    let bound: std::net::SocketAddr = text(&bindings.stdout).trim().parse().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();

    let taken = TcpListener::bind(bound).unwrap();
    let mut server = boot(Stdio::piped());
    assert_eq!(wait(&mut server), "ready\n");
    let unrelated = shell("Set-ImapSettings -Banner Hello; Set-Mailbox carol -DisplayName Carol");
    assert!(unrelated.status.success() && unrelated.stderr.is_empty(), "{}", text(&unrelated.stderr));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let moved = shell(&format!("Set-ImapSettings -SSLBindings {free}"));
    assert!(moved.status.success(), "{}", text(&moved.stderr));
    assert!(std::net::TcpStream::connect(free).is_ok());
    server.kill().unwrap();
    let errors = server.wait_with_output().unwrap().stderr;
    let port = format!("port {} is taken", bound.port());
    assert_eq!(text(&errors).matches(&port).count(), 1, "{}", text(&errors));
    assert!(!text(&errors).contains("No mail port is open"), "{}", text(&errors));
    drop(taken);
}

#[test]
fn serve_without_any_port_lets_them_be_corrected() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    let said = set_up(&dir);
    let row = said.lines().find(|line| line.contains("IMAP") && line.contains("SSL/TLS")).unwrap();
    let imaps: u16 = row.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    let at = |port: &Port| TcpListener::bind(("127.0.0.1", port.standard() + imaps - 993)).unwrap();
    let taken: Vec<TcpListener> = Port::ALL.iter().map(at).collect();
    let data = dir.to_str().unwrap();
    let mut server = Command::new(GATEPOST)
        .args(["serve", "--data", data])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufRead::read_line(&mut std::io::BufReader::new(server.stdout.take().unwrap()), &mut line).unwrap();
    assert_eq!(line, "ready\n");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let moved = gatepost(&["shell", "--data", data, "-c", &format!("Set-ImapSettings -SSLBindings {free}")]);
    assert!(moved.status.success(), "{}", text(&moved.stderr));
    assert!(std::net::TcpStream::connect(free).is_ok());
    Command::new("kill").arg(server.id().to_string()).status().unwrap();
    let ended = server.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let errors = text(&ended.stderr);
    // POP3 is stopped.
    assert_eq!(errors.matches("is taken by another program").count(), taken.len() - 2, "each once: {errors}");
    for part in ["(Set-ImapSettings -SSLBindings)", "(Set-ReceiveConnector -SSLBindings)", "ss -ltnp"] {
        assert!(errors.contains(part), "{part}: {errors}");
    }
    let told = errors.lines().find(|line| line.starts_with("No mail port is open"));
    assert!(told.is_some_and(|told| told.ends_with(&format!("shell --data {data}"))), "{errors}");
}

#[test]
fn the_shell_writes_results_and_errors_apart() {
    let node = Node::start().unwrap();
    let json = node.shell("Get-CASMailbox | ConvertTo-Json").unwrap();
    assert_eq!((json.status.code(), text(&json.stderr)), (Some(0), ""));
    let parsed: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(parsed.as_array().map(Vec::len), Some(3), "{parsed}");

    let failed = node.shell("Get-Mailbox nobody").unwrap();
    assert_eq!((failed.status.code(), text(&failed.stdout)), (Some(1), ""));
    assert!(text(&failed.stderr).contains("nobody"));

    for (text, code) in [("exit 7", 7), ("if (1) {quit}", 0), ("Get-Mailbox nobody; exit", 1)] {
        assert_eq!(node.shell(text).unwrap().status.code(), Some(code), "{text}");
    }
    let script = node.data().with_extension("ps1");
    fs::write(&script, "\u{feff}$name = 'alice'\r\nGet-Mailbox $name | ConvertTo-Json\r\n").unwrap();
    let data = node.data().to_str().unwrap();
    let run = gatepost(&["shell", "--data", data, script.to_str().unwrap()]);
    assert!(text(&run.stdout).contains("alice@example.test"), "{}{}", text(&run.stdout), text(&run.stderr));

    let mut piped = Command::new(GATEPOST)
        .args(["shell", "--data", data])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    Write::write_all(&mut piped.stdin.take().unwrap(), b"Get-Mailbox bob | ConvertTo-Json\n").unwrap();
    let piped = piped.wait_with_output().unwrap();
    assert!(text(&piped.stdout).contains("bob@example.test"));
}

#[test]
fn services_start_and_stop_while_the_server_runs() {
    let node = Node::start().unwrap();
    let pop = node.address(Port::Pop3);
    assert!(std::net::TcpStream::connect(pop).is_ok());
    assert!(node.shell("Stop-Service MSExchangePOP3").unwrap().status.success());
    assert!(std::net::TcpStream::connect(pop).is_err(), "stopped");
    let taken = TcpListener::bind(pop).unwrap();
    let failed = node.shell("Start-Service MSExchangePOP3").unwrap();
    assert!(text(&failed.stderr).contains("is taken"), "{}", text(&failed.stderr));
    drop(taken);
    let started = node.shell("Restart-Service MSExchangePOP3").unwrap();
    assert!(started.status.success(), "{}", text(&started.stderr));
    assert!(std::net::TcpStream::connect(pop).is_ok());
}

#[test]
fn check_tells_damage_by_its_exit_code() {
    let mut node = Node::start().unwrap();
    let data = node.data().to_str().unwrap().to_owned();
    fails(&gatepost(&["check", "--data", &data]), 1, &["in use"]);
    node.stop().unwrap();
    let good = gatepost(&["check", "--data", &data]);
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stderr));
    assert!(text(&good.stdout).contains("damage: 0"), "{}", text(&good.stdout));
    damage(node.data(), b"Hi Alice,\r\n\r\nlunch at noon");
    let bad = gatepost(&["check", "--data", &data]);
    assert_eq!(bad.status.code(), Some(3), "{}", text(&bad.stdout));
    for said in ["damage: 1", "folder INBOX, message ", "\"Lunch?\"", "is alice (alice@example.test)"] {
        assert!(text(&bad.stdout).contains(said), "{said}: {}", text(&bad.stdout));
    }
    assert!(text(&bad.stderr).contains("nothing was changed"));
}

/// Changes one octet of a message where it lies.
fn damage(data: &Path, what: &[u8]) {
    let mut changed = 0;
    let mut dirs = vec![data.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                dirs.push(entry);
                continue;
            }
            let Ok(mut octets) = fs::read(&entry) else { continue };
            if let Some(at) = octets.windows(what.len()).position(|part| part == what) {
                octets[at] ^= 1;
                fs::write(&entry, octets).unwrap();
                changed += 1;
            }
        }
    }
    assert_eq!(changed, 1, "files that hold the message");
}

/// Far more work than anyone waits for.
const ENDLESS: &str = "1..100000 | % { 1..100000 | % {$_ + 1} } | measure";

/// A shell on the admin socket, with lines as they are sent.
struct RawShell {
    reader: std::io::BufReader<UnixStream>,
}

impl RawShell {
    fn new(node: &Node) -> RawShell {
        let stream = UnixStream::connect(node.data().join("admin.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut shell = RawShell { reader: std::io::BufReader::new(stream) };
        shell.send(r#"{"hello":{"width":80,"interactive":true}}"#);
        shell
    }

    fn send(&mut self, line: &str) {
        self.reader.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn run(&mut self, text: &str) {
        self.send(&serde_json::json!({ "run": text }).to_string());
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

#[test]
fn what_runs_is_stopped_when_told_to() {
    let node = Node::start().unwrap();
    let mut shell = RawShell::new(&node);
    for text in [
        ENDLESS,
        "foreach ($i in 1..100000) {foreach ($j in 1..100000) {}}",
        "$l = 1..100000; $l - $l",
        "'kept' | % {$x = $_}; Read-Host 'who'",
    ] {
        shell.run(text);
        shell.send("\"stop\"");
        let mut line = shell.line();
        if line.contains("\"ask\"") {
            line = shell.line();
        }
        assert_eq!(line, r#"{"exit":"Failed"}"#, "{text}");
        // It came too late, and is no answer to anything.
        shell.send(r#"{"answer":"late"}"#);
        shell.send("\"stop\"");
        shell.run("\"$x$_\" + (1 + 1)");
        assert!(shell.line().contains("2\\n"), "{text}");
        assert_eq!(shell.line(), r#"{"exit":"Done"}"#);
    }
    shell.run("Read-Host 'who'");
    assert!(shell.line().contains("who: "));
    shell.send(r#"{"answer":"me"}"#);
    assert_eq!(shell.line(), r#"{"text":["Output","me\n"]}"#);
}

#[test]
fn what_runs_ends_with_its_client() {
    let node = Node::start().unwrap();
    let mut shells: Vec<RawShell> = (0..4).map(|_| RawShell::new(&node)).collect();
    shells.iter_mut().for_each(|shell| shell.run(ENDLESS));
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", node.pid().unwrap())).unwrap();
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(11).unwrap().parse::<u64>().unwrap()
    };
    let wait_until = |busy: bool| {
        let changed = |_: &u32| {
            let before = ticks();
            std::thread::sleep(Duration::from_millis(100));
            (ticks() > before + 1) == busy
        };
        assert!((0..600).any(|round| changed(&round)), "busy: {busy}");
    };
    wait_until(true);
    // Others are served meanwhile.
    assert!(node.shell("Get-Mailbox alice").unwrap().status.success());
    drop(shells);
    wait_until(false);
}
