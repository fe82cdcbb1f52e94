//! Pipelines, variables, binding and output, as a person at the shell sees them.

mod common;

use admin::{Outcome, Shell, Terminal};
use common::{Shown, Site};

/// Lines and what they print.
async fn table(site: &mut Site, rows: &[(&str, &str)]) {
    for (line, expected) in rows {
        assert_eq!(site.good(line).await.trim_end(), *expected, "{line}");
    }
}

#[tokio::test]
async fn values_and_pipelines() {
    let mut site = Site::new().await;
    table(
        &mut site,
        &[
            ("1 + 2 * 3", "7"),
            ("'a', 'b'", "a\nb"),
            ("\"1 + 1 = $(1 + 1)\"", "1 + 1 = 2"),
            ("$x = 5; $x += 2; $x", "7"),
            ("$l = @('a'); $l += 'b'; $l.Count; \"$l\"", "2\na b"),
            ("10MB", "10485760"),
            ("1..4 | ? {$_ -gt 2}", "3\n4"),
            ("1..3 | % {$_ * 2}", "2\n4\n6"),
            ("1..9 | select -First 2", "1\n2"),
            ("1..9 | select -Last 2", "8\n9"),
            ("1..9 | select -Skip 7", "8\n9"),
            ("3,1,2 | sort", "1\n2\n3"),
            ("3,1,2 | sort -Descending", "3\n2\n1"),
            ("'b','a','B' | sort -Unique", "a\nb"),
            ("1,1,2 | select -Unique", "1\n2"),
            ("1..4 | measure -Sum -Average", "Count Average Sum\n----- ------- ---\n    4     2.5  10"),
            ("if (1 -eq 2) {'yes'} else {'no'}", "no"),
            ("foreach ($i in 1..3) {\"no. $i\"}", "no. 1\nno. 2\nno. 3"),
            ("1..3 | foreach -Begin {'a'} -Process {$_} -End {'z'}", "a\n1\n2\n3\nz"),
            ("$h = @{a=1; b='x'}; $h.b; $h['a']", "x\n1"),
            ("'Alice'.ToUpper().Replace('L','1')", "A1ICE"),
            ("Get-Mailbox | % Name", "admin\nalice\nbob"),
            ("(Get-Mailbox alice).PrimarySmtpAddress", "alice@example.test"),
            ("(Get-Mailbox).Count", "3"),
            ("Get-Mailbox | select -ExpandProperty Alias -First 1", "admin"),
            ("Get-Mailbox | where Name -like 'a*' | % {$_.Name}", "admin\nalice"),
            ("Get-Mailbox | ft name -HideTableHeaders | Out-Null", ""),
            ("Get-CASMailbox | group PopEnabled", "Count Name\n----- ----\n    3 True"),
            ("Get-Mailbox nobody -ErrorAction SilentlyContinue", ""),
            ("Get-Mailbox nobody -ea Silent -ev problem; $problem.Count", "1"),
            ("Get-Mailbox alice -OutVariable found | Out-Null; $found.Name", "alice"),
            ("1..200 | % {Get-Mailbox alice} | select -First 1 | % Name", "alice"),
        ],
    )
    .await;
}

#[tokio::test]
async fn statements() {
    let mut site = Site::new().await;
    table(
        &mut site,
        &[
            ("$i = 0; while ($i -lt 3) {$i++; $i}", "1\n2\n3"),
            ("$i = 5; do {$i; $i--} while ($i -gt 3)", "5\n4"),
            ("$i = 0; do {$i++} until ($i -ge 4); $i", "4"),
            ("for ($i = 0; $i -lt 10; $i += 4) {$i}", "0\n4\n8"),
            ("foreach ($i in 1..9) {if ($i -eq 2) {continue}; if ($i -gt 3) {break}; $i}", "1\n3"),
            ("for (;;) {break}; 'after'", "after"),
            ("1..3 | % {if ($_ -eq 2) {return}; $_}", "1\n3"),
            ("foreach ($i in 1..3) {1..3 | % {if ($_ -eq 2) {break}; \"$i$_\"}}; 'after'", "11\nafter"),
            ("function add($a, $b = 10) {$a + $b}; add 1 2; add 5; add -b 1 -a 2", "3\n15\n3"),
            ("function f {param([switch]$Loud, [string]$Text) if ($Loud) {$Text.ToUpper()} else {$Text}}; f -l a; f b", "A\nb"),
            ("function f {return 1; 2}; f", "1"),
            ("function f {$args.Count; $input}; 1..2 | f a b c", "3\n1\n2"),
            // What a function sets is its own; what runs behind it in the pipeline is its caller's.
            ("$x = 1; function f {$x = 2; $x}; f; $x", "2\n1"),
            ("$n = 0; function f {$n = 50; 1; 2; $n}; f | % {$n += $_}; $n", "53"),
            ("function f {$script:g = 7}; $g = 1; f; $g", "7"),
            ("function f($n) {if ($n -gt 1) {$n * (f ($n - 1))} else {1}}; f 6", "720"),
            ("try {throw 'no'} catch {\"caught $_\"}", "caught no"),
            ("try {Get-Mailbox nobody -ea Stop} catch {$_.Exception.Message -match \"'(\\w+)'\"; $Matches[1]}", "True\nnobody"),
            ("try {1 / 0} catch {'zero'} finally {'end'}", "zero\nend"),
            ("try {1} finally {'end'}", "1\nend"),
            ("try {1..3 | ? {1 / 0} | sort} catch {'once'}", "once"),
            ("try {try {throw 'a'} catch {throw \"b$_\"}} catch {$_}", "ba"),
            ("try {Get-Nothing} catch {$_ -like '*is no cmdlet*'}", "True"),
            ("foreach ($i in 1..2) {try {throw $i} catch {continue}; 'no'}; 'after'", "after"),
            ("switch (1..3) {1 {'one'} 3 {'three'} default {'other'}}", "one\nother\nthree"),
            ("switch -Wildcard ('alice') {'a*' {'a'} '*e' {'e'}}", "a\ne"),
            ("switch -Regex ('alice') {'^a' {'a'; break} 'e$' {'e'}}", "a"),
            ("switch ('X') {x {'same'}}", "same"),
            ("$null = 5; [void](1..3); 'end'", "end"),
            ("return 5; 6", "5"),
            ("Get-Mailbox nobody -ea Silent; $?; Get-Mailbox alice | Out-Null; $?", "False\nTrue"),
            ("Get-Mailbox nobody -ea Silent; $Error[0] -like '*nobody*'", "True"),
            ("$x = 1,2 | ? {$_ -gt 1}; $x", "2"),
            ("[int]$n = '5'; $n + 1", "6"),
        ],
    )
    .await;
}

#[tokio::test]
async fn operators_and_methods() {
    let mut site = Site::new().await;
    table(
        &mut site,
        &[
            ("'Alice' -match '^a(.)'; $Matches[0]; $Matches[1]", "True\nAl\nl"),
            ("'2026-11-24' -match '(?<year>\\d+)-'; $Matches.year", "True\n2026"),
            ("'a','b','ab' -match 'a'", "a\nab"),
            ("'a','b','ab' -notmatch 'a'", "b"),
            ("Get-Mailbox | ? {$_.Name -match '^.l'} | % Name", "alice"),
            ("Get-Mailbox | where Name -match 'b$' | % Name", "bob"),
            ("'a.b.c' -split '\\.'", "a\nb\nc"),
            ("'a,b,c' -split ',',2", "a\nb,c"),
            ("-split ' a  b '", "a\nb"),
            ("'a','b' -join '-'; -join ('a','b')", "a-b\nab"),
            ("'alice@a.test' -replace '@(.*)$','@new.$1'", "alice@new.a.test"),
            ("'a1','b1' -replace '\\d'", "a\nb"),
            ("'{0,-5}|{1:N1}' -f 'ab',2.55", "ab   |2.5"),
            ("5 -is [int]; 'a' -is [int]; 'a' -isnot [int]; $null -is [string]", "True\nFalse\nTrue\nFalse"),
            ("'5' -as [int]; ('x' -as [int]) -eq $null", "5\nTrue"),
            ("[int]'0x10'; [int]2.5; [string](1,2); [bool]'x'; [int]''", "16\n2\n1 2\nTrue\n0"),
            ("([pscustomobject]@{Name='x'; Size=5}).Size", "5"),
            (
                "([array]5).Count; [double]'1.5' * 2; [timespan]'00:10:00'; ([hashtable]@{a=1}).a",
                "1\n3\n00:10:00\n1",
            ),
            ("'abcabc'.LastIndexOf('b'); 'xxa'.TrimStart('x')", "4\na"),
            ("$true -xor $true", "False"),
            ("(1..5)[1..3]; (1..3)[-1]; (Get-Mailbox alice)[0].Name", "2\n3\n4\n3\nalice"),
            ("$h = @{a=1; b=2}; $h.Keys; $h.Count; $h.ContainsKey('A')", "a\nb\n2\nTrue"),
            ("'abcdef'.Substring(2,3); 'abc'.IndexOf('c'); 'abc'.IndexOf('x')", "cde\n2\n-1"),
            ("'7'.PadLeft(3)+'|'; 'a'.PadRight(3)+'|'; 'xax'.Trim('x').TrimEnd()", "  7|\na  |\nxax"),
            ("(1234.5).ToString('N0')", "1,234"),
            ("@\"\n$(1+1) is two\n\"@", "2 is two"),
            ("@'\n$x\n'@", "$x"),
        ],
    )
    .await;
}

#[tokio::test]
async fn statements_that_fail() {
    let mut site = Site::new().await;
    for (text, expected) in [
        ("throw 'no'", "no\nline 1, column 7:"),
        ("function Get-Mailbox {}", "Get-Mailbox is a cmdlet"),
        ("function f($a) {}; f -x 1", "Function f has no parameter 'x'; it has: -a."),
        (
            "function f([int]$n) {$n}; f abc",
            "The value of parameter 'n' is not valid: 'abc' cannot be made a [int].",
        ),
        ("function f {1 / 0}; f", "Nothing can be divided by 0.\nline 1, column 13:"),
        ("[int]'x'", "'x' cannot be made a [int].\nline 1, column 1:"),
        ("'a' -match '('", "is no regular expression of this shell"),
        ("'{5}' -f 1", "There is no value for {5}"),
        ("'abc'.Substring(9)", "Substring goes beyond"),
        ("'a'.Normalize()", "The method Normalize() is not part of this shell's language."),
        ("$error = 5", "$error cannot be assigned to"),
        ("try {1 / 0} finally {'end'}", "Nothing can be divided by 0."),
        ("5 -is 'nothing'", "'nothing' is no type"),
        ("1,2 | ? {1 / 0} | sort", "Nothing can be divided by 0."),
    ] {
        let errors = site.bad(text).await;
        assert!(errors.contains(expected), "{text}\n{errors}");
    }
    // What failed on the way gives nothing: half a list that is sorted looks like a whole one.
    let (shown, _) = site.run("3,2,1,0 | % {6 / $_} | sort").await;
    assert_eq!(shown.output, "");
    // An error that is caught is none of the whole.
    let (shown, outcome) = site.run("try {1 / 0} catch {'caught'}").await;
    assert_eq!((shown.output.as_str(), outcome), ("caught\n", Outcome::Done));
}

#[tokio::test]
async fn tables_lists_and_json() {
    let mut site = Site::new().await;
    let columns = "\
Name  ActiveSyncEnabled OWAEnabled PopEnabled ImapEnabled MapiEnabled
----  ----------------- ---------- ---------- ----------- -----------
admin True              True       True       True        True
alice True              True       True       True        True
bob   True              True       True       True        True
";
    assert_eq!(site.good("GET-CASMAilbox").await, columns);
    assert_eq!(
        site.good("Get-CASMailbox alice | fl Name,*ncEnabled,*mapEnabled").await,
        "Name              : alice\nActiveSyncEnabled : True\nImapEnabled       : True\n"
    );
    let calculated = site.good("Get-Mailbox a* | ft Name,@{n='Upper';e={$_.Name.ToUpper()}}").await;
    assert_eq!(calculated, "Name  Upper\n----  -----\nadmin ADMIN\nalice ALICE\n");
    let two = site.good("Get-Mailbox alice; Get-Service MSExchangePOP3").await;
    assert!(two.contains("alice MAIL       Unlimited\n\nStatus  Name"), "{two}");
    let json: serde_json::Value =
        serde_json::from_str(&site.good("Get-CASMailbox | ConvertTo-Json").await).unwrap();
    assert_eq!(json.as_array().map(Vec::len), Some(3));
    assert_eq!(json[1]["Name"], "alice");
    assert_eq!(json[1]["PopEnabled"], true);
    let one: serde_json::Value =
        serde_json::from_str(&site.good("Get-Mailbox bob | ConvertTo-Json").await).unwrap();
    assert_eq!(one["EmailAddresses"][0], "SMTP:bob@example.test");
    assert_eq!(site.good("Get-Mailbox x* | ConvertTo-Json").await, "[]\n");
    assert_eq!(
        site.good("Get-Mailbox a* | select Name | ConvertTo-Json -Compress").await,
        "[{\"Name\":\"admin\"},\n{\"Name\":\"alice\"}]\n"
    );
    assert_eq!(
        site.good("Get-Mailbox alice | select Name | ConvertTo-Json -Compress -AsArray").await,
        "[{\"Name\":\"alice\"}]\n"
    );
}

#[tokio::test]
async fn tables_fit_the_terminal() {
    let site = Site::new().await;
    for width in [1u16, 20, 40, 60, 80] {
        let mut shell = Shell::new(site.context.clone(), Terminal { width, interactive: false });
        let mut shown = Shown::default();
        assert_eq!(
            shell.run("Get-CASMailbox; Get-PopSettings; Get-ReceiveConnector", &mut shown).await,
            Outcome::Done
        );
        let widest = shown.output.lines().map(|line| line.chars().count()).max();
        assert!(
            widest.is_some_and(|widest| widest <= usize::from(width).max(5)),
            "{width}\n{}",
            shown.output
        );
    }
}

#[tokio::test]
async fn errors_point_at_the_place() {
    let mut site = Site::new().await;
    let rows = [
        (
            "Get-Mailbx",
            "'Get-Mailbx' is no cmdlet of this shell. Did you mean Get-Mailbox?\nline 1, column 1:\n  Get-Mailbx\n  ^~~~~~~~~~",
        ),
        (
            "Get-Mailbox -Nme x",
            "parameter name 'Nme'. Get-Help Get-Mailbox shows the parameters.\nline 1, column 13:",
        ),
        ("Get-Mailbox -Filtre x", "Did you mean -Filter?\nline 1, column 13:"),
        ("Get-Mailbox a b", "A positional parameter cannot be found that accepts argument 'b'."),
        (
            "Set-PopSettings -Max 5",
            "'Max' could be any of -MaxConnections, -MaxConnectionFromSingleIP, -MaxConnectionsPerUser, -MaxCommandSize.",
        ),
        (
            "Set-PopSettings -LoginType Foo",
            "The value of parameter 'LoginType' is not valid: 'Foo' is not valid; legal: PlainTextLogin, PlainTextAuthentication, SecureLogin.",
        ),
        (
            "Set-CASMailbox alice -PopEnabled maybe",
            "The value of parameter 'PopEnabled' is not valid: 'maybe' is neither $true nor $false.",
        ),
        ("Set-CASMailbox -PopEnabled $false", "Set-CASMailbox needs a value for: Identity."),
        ("Set-CASMailbox $null -PopEnabled $false", "Set-CASMailbox needs a value for: Identity."),
        ("Get-Mailbox -Identity", "Parameter 'Identity' needs a value."),
        ("Get-Mailbox alice -Anr a -Anr b", "Parameter 'Anr' is given twice."),
        (
            "Get-Mailbox nobody",
            "Get-Mailbox: The operation couldn't be performed because object 'nobody' couldn't be found on 'MAIL'.",
        ),
        ("Get-Mailbox -Filter {Name -foo 'a'}", "The filter is not understood: -foo is no operator."),
        (
            "Get-Mailbox | ft | Set-CASMailbox -PopEnabled $false",
            "What a Format- cmdlet gives can be shown, and nothing else.",
        ),
        (
            "Get-Service | Set-CASMailbox -PopEnabled $false",
            "Set-CASMailbox takes no Service from a pipeline.",
        ),
        ("Get-Mailbox | ? {$_.Name -band 1}", "The operator -band is not part of this shell's language."),
        ("Where-Object {$true}", "Where-Object needs something piped to it."),
        ("Get-PopSettings -Server other", "object 'other' couldn't be found on 'MAIL'."),
        ("class A {}", "'class' is not part of this shell's language.\nline 1, column 1:"),
        ("$env:PATH", "The server's environment is not shown to its shells."),
        (
            "Get-ReceiveConnector 'x' | New-TransportRule -Name y",
            "New-TransportRule is not part of this version. Get-Command lists what is.\nline 1, column 28:",
        ),
        ("Get-Mailbox -Server other", "object 'other' couldn't be found on 'MAIL'."),
        ("1 / 0", "Nothing can be divided by 0."),
    ];
    for (line, expected) in rows {
        let errors = site.bad(line).await;
        assert!(errors.contains(expected), "{line}\n{errors}");
    }
}

#[tokio::test]
async fn an_error_ends_its_statement_and_no_more() {
    let mut site = Site::new().await;
    let (shown, outcome) = site.run("Get-Mailbox nobody; 'next'\nGet-Nothing\n'last'").await;
    assert_eq!((shown.output.as_str(), outcome), ("next\nlast\n", Outcome::Failed));
    let (shown, outcome) = site.run("Get-Mailbox nobody -ErrorAction Stop; 'next'").await;
    assert_eq!((shown.output.as_str(), outcome), ("", Outcome::Failed));
    let (shown, outcome) = site.run("'alice','nobody','bob' | Get-Mailbox | % Name").await;
    assert_eq!((shown.output.as_str(), outcome), ("alice\nbob\n", Outcome::Failed));
    // Nothing of a text is run that is not understood to its end.
    let (shown, outcome) = site.run("'first'\n)").await;
    assert_eq!((shown.output.as_str(), outcome), ("", Outcome::Failed));
    let table = [
        ("exit; 'not reached'", 0),
        ("quit\n'not reached'", 0),
        ("1..3 | % {exit $_ + 1; 'not reached'}; 'nor this'", 2),
        ("$x = $(exit 255); 'not reached'", 255),
        // Without a code it is as the end of the text.
        ("Get-Mailbox nobody; exit", 1),
        ("Get-Mailbox nobody; exit 0", 0),
    ];
    for (text, code) in table {
        let (shown, outcome) = site.run(text).await;
        assert_eq!((shown.output.as_str(), outcome), ("", Outcome::Exit(code)), "{text}");
    }
    for wrong in ["exit 256", "exit -1", "exit 'x'"] {
        let errors = site.bad(wrong).await;
        assert!(errors.contains("from 0 to 255") && errors.contains("column 6"), "{errors}");
    }
}

#[tokio::test]
async fn variables_outlive_a_run_and_belong_to_their_shell() {
    let mut site = Site::new().await;
    site.good("$x = Get-Mailbox alice").await;
    assert_eq!(site.good("$x.Alias").await, "alice\n");
    let mut other = Shell::new(site.context.clone(), common::TERMINAL);
    let mut shown = Shown::default();
    other.run("$x", &mut shown).await;
    assert_eq!(shown.output, "");
}

#[tokio::test]
async fn many_objects_stream() {
    let names: Vec<String> = (0..3000).map(|n| format!("user{n:05}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut site = Site::with(&names).await;
    let (shown, outcome) = site.run("Get-CASMailbox -ResultSize Unlimited").await;
    assert_eq!((shown.output.lines().count(), outcome), (3002, Outcome::Done));
    // What comes at once is bounded, however many objects there are.
    assert!(shown.largest < 16_384, "{}", shown.largest);
    let (shown, outcome) = site.run("Get-CASMailbox").await;
    assert_eq!((shown.output.lines().count(), outcome), (1002, Outcome::Done));
    assert!(
        shown
            .errors
            .contains("WARNING: There are more results than 1000. -ResultSize Unlimited gives all of them.")
    );
    let filtered = site
        .good("Get-CASMailbox -ResultSize unlimited -Filter {Name -like '*99'} | measure | % Count")
        .await;
    assert_eq!(filtered, "30\n");
    // A reader that goes away stops it.
    let mut shown = Shown { reads: Some(2), ..Shown::default() };
    assert_eq!(site.shell.run("Get-CASMailbox -ResultSize Unlimited", &mut shown).await, Outcome::Failed);
    assert!(shown.output.lines().count() < 1000);
}

#[tokio::test]
async fn help_knows_every_cmdlet() {
    let mut site = Site::new().await;
    let names = site.good("Get-Command | % Name").await;
    assert!(names.lines().count() > 30, "{names}");
    for name in names.lines() {
        let help = site.good(&format!("Get-Help {name}")).await;
        assert!(help.starts_with(name) && help.contains("\nEXAMPLES\n"), "{help}");
        assert_eq!(site.good(&format!("{name} -?")).await, help);
    }
    assert_eq!(site.good("Get-Command -Noun CASMailbox | % Name").await, "Get-CASMailbox\nSet-CASMailbox\n");
    assert!(site.good("Get-Help").await.contains("Get-Command lists the cmdlets"));
    assert!(
        site.good("Get-Help Set-PopSettings -Parameter LoginType").await.contains("One of: PlainTextLogin")
    );
    assert!(site.bad("Get-Help Get-Mailbx").await.contains("Did you mean Get-Mailbox?"));
}

#[tokio::test]
async fn long_texts_run_and_deep_ones_are_refused_with_their_place() {
    let mut site = Site::new().await;
    assert_eq!(site.good(&format!("0{}", " + 1".repeat(500))).await, "500\n");
    assert_eq!(site.good(&format!("0{}", "+1".repeat(50_000))).await, "50000\n");
    let lines = "$x += 1\n".repeat(10_000);
    assert_eq!(site.good(&format!("{lines}$x")).await, "10000\n");
    let error = site.bad(&format!("'first'; {}1{}", "(".repeat(150), ")".repeat(150))).await;
    assert!(error.starts_with("This is nested too deeply: "), "{error}");
    assert!(error.contains("line 1, column 109:\n"), "{error}");
    let error = site.bad(&format!("1{}", " | % {$_}".repeat(150))).await;
    assert!(error.contains("nested too deeply") && error.contains("line 1, column 889:\n"), "{error}");
    let error = site.bad("$b = {1 | % $b}; 1 | % $b").await;
    assert!(error.contains("called within each other"), "{error}");
    let error = site.bad("function f {f}; f").await;
    assert!(error.contains("called within each other"), "{error}");
    let error = site.bad("foreach ($i in 1..5000) {$x = @{x = $x}}").await;
    assert!(error.contains("at most 100 levels.\nline 1, column 26"), "{error}");
    let error = site.bad(&"1;".repeat(600_000)).await;
    assert!(error.starts_with("This text has 1200000 octets, and at most 1048576 (1 MiB)"), "{error}");
    // One that is just short enough is read in no time, also where it is one line.
    let text = format!("{}'end'", "$x = 'a';".repeat(110_000));
    assert_eq!(site.good(&text).await, "end\n");
}

#[tokio::test]
async fn loops_without_end_leave_the_thread_to_others_and_can_be_stopped() {
    let mut site = Site::new().await;
    let loops = [
        "while ($true) {}",
        "while ($true) {continue}",
        "do {} until ($false)",
        "for (;;) {}",
        "for (;;) {try {throw 1} catch {}}",
        "while ($true) {switch (1) {1 {break}}}",
        "function f {while ($true) {$x = 1}}; f",
    ];
    for text in loops {
        let mut shown = Shown::default();
        // On one thread, so that a loop that keeps it would keep this test.
        let others = async {
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = site.shell.run(text, &mut shown) => panic!("{text} has an end"),
            () = others => {}
        }
        assert_eq!(site.good("'next'").await, "next\n", "after {text}");
    }
    // When nobody reads any more, it ends by itself.
    for text in
        ["while ($true) {'x'}", "for (;;) {try {1 / 0} catch {$_}}", "for (;;) {try {'x'} finally {'y'}}"]
    {
        let mut shown = Shown { reads: Some(3), ..Shown::default() };
        assert_eq!(site.shell.run(text, &mut shown).await, Outcome::Failed, "{text}");
    }
}

#[tokio::test]
async fn what_is_stopped_in_the_middle_leaves_no_halves() {
    let mut site = Site::new().await;
    // Dropped at each place where it can wait.
    for polls in 0..60 {
        let mut shown = Shown::default();
        {
            let text = format!("'x' | % {{Set-Mailbox alice -DisplayName 'name {polls}' | Out-Null; $_}}");
            let mut run = std::pin::pin!(site.shell.run(&text, &mut shown));
            for _ in 0..polls {
                let ready = std::future::poll_fn(|cx| std::task::Poll::Ready(run.as_mut().poll(cx))).await;
                if ready.is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(site.good("\"$_\"").await, "\n", "after {polls}");
        // Whoever changes something waits for what has been begun.
        site.good(&format!("Set-Mailbox bob -DisplayName 'other {polls}'")).await;
        let names = |all: &directory::Snapshot| {
            all.mailboxes().map(|mailbox| mailbox.display_name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&site.context.directory.snapshot()), names(&site.saved().await), "after {polls}");
    }
}

#[tokio::test]
async fn what_a_shell_keeps_is_limited() {
    let mut site = Site::new().await;
    // A text of 1 MiB, and a list that holds it 16 times: they share memory until they are printed, so that the test needs
    // little.
    site.good("$t = '0123456789abcdef'; foreach ($i in 1..16) {$t = $t + $t}; $l = $t,$t,$t,$t; $l = $l + $l + $l + $l")
        .await;
    assert_eq!(site.good("$t.Length; $l.Count").await, "1048576\n16\n");
    let table = [
        ("foreach ($i in 1..300) {$g += $l}", "column 25:"),
        ("$g = @(); foreach ($i in 1..300) {$g += $l}", "column 35:"),
        ("$h = @{}; $h.a = @(); foreach ($i in 1..300) {$h.a += $l}", "column 47:"),
        ("$g = foreach ($i in 1..300) {$t}", "column 1:"),
        ("$x = 1..300 | % {$t}", "column 6:"),
        ("'x', @(foreach ($i in 1..300) {$t})", "column 6:"),
        ("@{a = $l; b = $l; c = @(1..300 | % {$t})}", "column 23:"),
        ("$t.Replace('0', $t)", "column 4:"),
        ("$t -replace '0', $t", "column 1:"),
        ("($t + $t + $t + $t) -split ''", "column 1:"),
        ("1..300 | % {$t} | sort; 'not reached'", "$null.\n"),
        ("1..300 | % {$t} | select -Last 290; 'not reached'", "$null.\n"),
        ("1..300 | ? {@(1..300 | % {$t})}; 'reached'", "column 13:"),
    ];
    for (text, place) in table {
        let (shown, outcome) = site.run(text).await;
        assert_eq!(outcome, Outcome::Failed, "{text}");
        for part in ["more than 256 MiB", place] {
            assert!(shown.errors.contains(part), "{part}, {text}: {}", shown.errors);
        }
        assert!(!shown.output.contains("not reached"), "{text}");
        site.good("$g = $null; $h = $null; $x = $null").await;
    }
    // What passes through takes nothing.
    let count = "1..300 | % {\"$t$_\"} | % {$_ + 'x'} | select -Last 1 | measure | % Count";
    assert_eq!(site.good(count).await, "1\n");
}

#[tokio::test]
async fn lists_without_items() {
    let mut site = Site::new().await;
    table(
        &mut site,
        &[("('a', 'b', 'c') - 'A'", "b\nc"), ("$l = 1..4; $l -= 2, 3; $l", "1\n4"), ("5 - 2", "3")],
    )
    .await;
}
