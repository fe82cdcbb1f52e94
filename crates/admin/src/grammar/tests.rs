//! Tables of texts and what they are read as, or where they are refused.

use super::*;

fn all_read_as(table: &[(&str, &str)]) {
    for &(text, expected) in table {
        match parse(text) {
            Ok(script) => assert_eq!(statements(&script.statements), expected, "{text}"),
            Err(error) => panic!("{text}\n{}", error.render(text)),
        }
    }
}

#[test]
fn good_texts() {
    let table = [
        ("", ""),
        ("Get-Mailbox", "Get-Mailbox"),
        ("Set-popSettings -LoginType PlainTextLogin", "Set-popSettings -LoginType 'PlainTextLogin'"),
        (
            "Set-PopSettings -X509CertificateName pop3.msxfaq.local",
            "Set-PopSettings -X509CertificateName 'pop3.msxfaq.local'",
        ),
        ("' Englische Exchange Server\nGet-Mailbox", "Get-Mailbox"),
        ("Get-Mailbox # all\n# nothing\nGet-Service", "Get-Mailbox; Get-Service"),
        ("Get-Mailbox <# a\nb #> alice", "Get-Mailbox 'alice'"),
        ("[PS] C:\\Windows\\system32>Get-Mailbox", "Get-Mailbox"),
        ("PS C:\\> Get-Mailbox |\n>> ft", "Get-Mailbox | ft"),
        ("Get-Mailbox `\n -Identity `\n alice", "Get-Mailbox -Identity 'alice'"),
        ("Get-Mailbox `\r\n alice", "Get-Mailbox 'alice'"),
        // A CR alone is no line end. It was taken for one by half, and reading went on without end.
        ("Get-Mailbox `\ralice", "Get-Mailbox '\ralice'"),
        ("Get-Mailbox a`\r\tb", "Get-Mailbox 'a\r' 'b'"),
        ("Get-Mailbox | ft Name,Alias", "Get-Mailbox | ft ['Name', 'Alias']"),
        ("Get-Mailbox | ft Name, Alias -Auto", "Get-Mailbox | ft ['Name', 'Alias'] -Auto"),
        ("Get-Mailbox –Identity “alice b” ", "Get-Mailbox -Identity 'alice b'"),
        ("Set–PopSettings -Banner ‚hi’", "Set-PopSettings -Banner 'hi'"),
        ("Remove-Mailbox alice -Confirm:$false", "Remove-Mailbox 'alice' -Confirm:$false"),
        ("Remove-Mailbox alice -Confirm: $false", "Remove-Mailbox 'alice' -Confirm:$false"),
        ("New-X -Bindings 0.0.0.0:25,[::]:25", "New-X -Bindings ['0.0.0.0:25', '[::]:25']"),
        (
            "New-X -RemoteIPRanges 192.168.5.10-192.168.5.20",
            "New-X -RemoteIPRanges '192.168.5.10-192.168.5.20'",
        ),
        (
            "Set-X -Max 10MB -Min -1 -Time 00:05:00 -Hex 0x10",
            "Set-X -Max 10485760 -Min -1 -Time '00:05:00' -Hex 16",
        ),
        ("Set-X -Add @{Add='a','b'; Remove=\"c\"}", "Set-X -Add @{Add=['a', 'b']; Remove='c'}"),
        ("Set-X @{\n a = 1\n b = (Get-Y)\n}", "Set-X @{a=1; b=(Get-Y)}"),
        ("Get-X -Filter {PopEnabled -eq $true}", "Get-X -Filter {PopEnabled -eq $true}"),
        ("Set-X -Y {host:995:SSL}", "Set-X -Y {host:995:SSL}"),
        (
            "Get-X | ? {$_.A -eq 'b' -and -not ($_.C -gt 1KB)}",
            "Get-X | ? {$_.A -eq 'b' -and -not ($_.C -gt 1KB)}",
        ),
        ("Get-X|%{$_.Name}", "Get-X | % {$_.Name}"),
        ("$x = Get-Mailbox alice", "$x = Get-Mailbox 'alice'"),
        ("$x.Name", "($x).'Name'"),
        ("$x += 'a'", "$x += 'a'"),
        ("$x.Y -= 2", "($x).'Y' -= 2"),
        ("$a, $b", "[$a, $b]"),
        ("1 + 2 * 3 -eq 7", "((1 Add (2 Multiply 3)) Eq 7)"),
        ("-not $a -and $b", "((Not $a) And $b)"),
        ("!$a", "(Not $a)"),
        ("1..3", "(1 Range 3)"),
        ("'a' -IEQ 'A'", "('a' Eq 'A')"),
        ("'it''s'", "'it's'"),
        ("\"a`tb $x.Name $($y.Z)!\"", "\"a\tb |$x|.Name |$(($y).'Z')|!\""),
        ("\"cost: 5$ \"\"q\"\"\"", "'cost: 5$ \"q\"'"),
        ("Get-X $server\\name", "Get-X \"|$server|\\name\""),
        ("Get-X a'b c'd", "Get-X 'ab cd'"),
        ("Get-X 'a b'c", "Get-X 'a bc'"),
        ("@\"\nline $x\n\"@", "\"line |$x\""),
        ("@'\nline $x\n'@", "'line $x'"),
        ("(Get-X).Count", "((Get-X)).'Count'"),
        ("(Get-X)[0]", "((Get-X))[0]"),
        ("'a'.ToUpper()", "('a').ToUpper()"),
        ("@()", "@()"),
        ("@(1;2)", "@(1; 2)"),
        ("if ($a) {1} elseif ($b) {2} else {3}", "if ($a) {1} if ($b) {2} else {3}"),
        (
            "ForEach ($s in Get-Y) { Set-X -Server $s.Name }",
            "foreach $s in Get-Y {Set-X -Server ($s).'Name'}",
        ),
        ("Get-X -?", "Get-X -?"),
    ];
    all_read_as(&table);
}

#[test]
fn good_statements_and_operators() {
    let table = [
        ("while ($x -lt 3) {$x++}", "while (($x Lt 3)) {$x += 1}"),
        ("do {1} while ($x)", "do {1} DoWhile ($x)"),
        ("do {\n1\n}\nuntil ($x)", "do {1} DoUntil ($x)"),
        ("for ($i = 0; $i -lt 3; $i--) {Get-X $i}", "for ($i = 0; ($i Lt 3); $i -= 1) {Get-X $i}"),
        ("for (;;) {break}", "for (; ; ) {break}"),
        ("foreach ($x in 1,2) {continue; return 5}", "foreach $x in [1, 2] {continue; return 5}"),
        ("try {1} catch {2} finally {3}", "try {1} catch {2} finally {3}"),
        ("try {1}\nfinally {3}", "try {1} finally {3}"),
        ("throw 'no'; throw; return", "throw 'no'; throw; return"),
        ("function Get-Y {}", "function Get-Y() {}"),
        (
            "function f { param($a, [int]$b = 5, [switch]$c)\n $a }",
            "function f($a, [int]$b=5, [switch]$c) {$a}",
        ),
        ("function f($a) { return $a + 1 }", "function f($a) {return ($a Add 1)}"),
        (
            "switch ($x) { 'a' {1} b {2} 3 {3}\n default {4} }",
            "switch Eq $x {'a' {1} 'b' {2} 3 {3} default {4}}",
        ),
        ("switch -Wildcard ($x) {'a*' {1}}", "switch Like $x {'a*' {1}}"),
        ("switch -regex ($x) {'^a' {1}}", "switch Match $x {'^a' {1}}"),
        ("$x -match '^a' -and $y -notmatch 'b'", "(($x Match '^a') And ($y NotMatch 'b'))"),
        ("'{0}' -f $x, 5", "('{0}' Format [$x, 5])"),
        ("'{0}' -f 1 + 2", "(('{0}' Format 1) Add 2)"),
        ("$x -is [string] -xor $y -isnot [int]", "(($x Is [string]) Xor ($y IsNot [int]))"),
        ("[int]'5' + 1", "([int]'5' Add 1)"),
        ("[string[]]$x", "[array]$x"),
        ("[System.String]$x", "[string]$x"),
        ("[string]$x = 5", "[string]$x = 5"),
        ("-join $x", "(Join $x)"),
        ("-split 'a b'", "(Split 'a b')"),
        ("'a,b' -split ','", "('a,b' Split ',')"),
        ("Get-X a2", "Get-X 'a2'"),
        ("$i++; $i.n--", "$i += 1; ($i).'n' -= 1"),
        ("$null = Get-X", "$null = Get-X"),
        ("$x = if ($a) {1} else {2}", "$x = if ($a) {1} else {2}"),
        ("sc config MSExchangePOP3 start= auto", "sc 'config' 'MSExchangePOP3' 'start=' 'auto'"),
        ("net start MSExchangePOP3", "net 'start' 'MSExchangePOP3'"),
        ("exit", "exit"),
        ("quit", "exit"),
        ("exit 3", "exit 3"),
        ("if ($x) {exit $x + 1}; Quit", "if ($x) {exit ($x Add 1)} else {}; exit"),
        ("Set-X 007", "Set-X 7"),
        ("New-X $env:HOME", "New-X $env:HOME"),
        ("Get-X ;; Get-Y\r\n\r\nGet-Z\r\n", "Get-X; Get-Y; Get-Z"),
        ("Get-X *Settings,*Bindings", "Get-X ['*Settings', '*Bindings']"),
        (
            "Get-Receive \"c\" | Add-P -User \"NT-AUTORITäT\\ANONYMOUS-Anmeldung\"",
            "Get-Receive 'c' | Add-P -User 'NT-AUTORITäT\\ANONYMOUS-Anmeldung'",
        ),
    ];
    all_read_as(&table);
}

#[test]
fn bad_texts() {
    // Line and column, and some of the message.
    let table = [
        ("Get-X | while ($true) {}", 1, 9, "'while' belongs to a statement"),
        ("while {}", 1, 7, "( is missing"),
        ("while ($true)", 1, 14, "{ is missing"),
        ("do {1}\n5", 2, 1, "while or until is missing"),
        ("for ($i) {}", 1, 8, "; is missing before )"),
        ("for ($i in 1..3) {}", 1, 9, "; is missing before i"),
        ("for (;$i = 1;) {}", 1, 13, "condition is missing"),
        ("try {1}; 2", 1, 8, "catch or finally is missing"),
        ("try {1} catch [System.Exception] {2}", 1, 15, "catch has no types"),
        ("catch {1}", 1, 1, "'catch' belongs to a statement"),
        ("else {1}", 1, 1, "'else' belongs to a statement"),
        ("function {}", 1, 10, "A function has a name"),
        ("function f { param(5) }", 1, 20, "variable is missing before 5"),
        ("function f { param([Parameter(Mandatory=$true)]$a) }", 1, 20, "type or attribute"),
        ("function f { process {1} }", 1, 14, "'process' is not part"),
        ("switch -File x {}", 1, 8, "switch has -Wildcard"),
        ("switch ($x) { {$_ -eq 1} {2} }", 1, 15, "Conditions in braces"),
        ("class A {}", 1, 1, "'class' is not part"),
        ("Get-X\ntrap {}", 2, 1, "'trap' is not part"),
        ("Get-X | ", 1, 9, "cmdlet is missing"),
        ("| ft", 1, 1, "cmdlet is missing before |"),
        ("Get-X )", 1, 7, ") is not expected"),
        ("$x = 'abc", 1, 10, "' is missing"),
        ("Get-X -A \"abc", 1, 14, "\" is missing"),
        ("Get-X > file", 1, 7, "Redirection"),
        ("Get-X < a", 1, 7, "< is not part"),
        ("Get-X && Get-Y", 1, 7, "&&"),
        ("[System.Net.Dns]::GetHostName()", 1, 1, "Calls of .NET"),
        ("[int]::MaxValue", 1, 1, "Calls of .NET"),
        ("[regex]'a'", 1, 1, "type or attribute"),
        ("$x -band 1", 1, 4, "-band is not part"),
        ("$x -equals 'a'", 1, 4, "-equals is no operator"),
        ("Get-X @args", 1, 7, "Splatting"),
        ("Get-X -A @{a}", 1, 13, "= is missing"),
        ("Get-X -A , b", 1, 10, "before the comma"),
        ("1 + foo", 1, 5, "stands in quotes"),
        ("'a' = 5", 1, 5, "= is not expected"),
        ("$x[0] = 5", 1, 7, "= is not expected"),
        ("${x = 5", 1, 8, "} is missing"),
        ("foreach (x in Get-Y) {}", 1, 10, "variable"),
        ("<# never closed", 1, 16, "#> is missing"),
        ("Get-X {", 1, 8, "} is missing"),
    ];
    for (text, line, column, message) in table {
        let error = match parse(text) {
            Err(error) => error,
            Ok(script) => panic!("{text} was read as {}", statements(&script.statements)),
        };
        let rendered = error.render(text);
        assert!(rendered.contains(message), "{text}\n{rendered}");
        assert!(rendered.contains(&format!("line {line}, column {column}:")), "{text}\n{rendered}");
    }
}

#[test]
fn incomplete_texts() {
    let incomplete = [
        "Get-X |",
        "Get-X a,",
        "Get-X `",
        "Get-X {",
        "$x = @{",
        "(Get-X",
        "Get-X 'abc",
        "\"a $(",
        "@\"\nabc",
        "<# a",
        "if ($a)",
        "$x =",
        "do {1}",
        "try {1}",
        "try {1} catch",
        "function f",
        "function f { param(",
        "for ($i = 0;",
        "switch ($x) { 'a' {1}",
    ];
    for text in incomplete {
        assert!(needs_more(text), "{text}");
        assert!(needs_more(&format!("{text}\n")), "{text} with a line end");
    }
    for text in [
        "Get-X",
        "",
        "Get-X )",
        "class",
        "1 + foo",
        "try {1} catch {2}",
        "if ($a) {1}",
        "' comment",
        "Get-X 'a'",
    ] {
        assert!(!needs_more(text), "{text}");
    }
}

#[test]
fn filters() {
    let table = [
        ("PopEnabled -eq $true", "(:PopEnabled Eq $true)"),
        ("(Name -like 'a*') -and -not (Alias -eq 5)", "(((:Name Like 'a*')) And (Not ((:Alias Eq 5))))"),
        (" Name -ne \"x\" -or ImapEnabled -eq $false ", "((:Name Ne 'x') Or (:ImapEnabled Eq $false))"),
    ];
    for (text, expected) in table {
        let found = parse_filter(text).map(|filter| expression(&filter)).map_err(|error| error.render(text));
        assert_eq!(found, Ok(expected.to_owned()), "{text}");
    }
    for text in ["", "Name -eq", "Name 'a'", "Name -eq 'a' )", "Name -band 1"] {
        assert!(parse_filter(text).is_err(), "{text}");
    }
}

#[test]
fn the_place_is_shown() {
    let text = "Get-Mailbox\nGet-X 'ü' && b";
    let error = parse(text).unwrap_err();
    let expected = "&& , || and & are not part of this shell's language.\nline 2, column 11:\n  Get-X 'ü' && b\n            ^";
    assert_eq!(error.render(text), expected);
}

#[test]
fn deep_nesting_and_garbage_are_refused() {
    for bracket in ["(", "@(", "{", "@{a=", "-not ", "!", "$x = ", "\"$(", "if ($a) {", "$x[", "a{("] {
        let text = bracket.repeat(5000);
        assert!(parse(&text).is_err(), "{bracket}");
    }
    // What is read twice at each level would take longer than anyone waits.
    for (open, close) in [
        ("$a[$(", ")]"),
        ("a \"$(", ")\"b"),
        ("a $x[$(", ")]b"),
        ("{", "}"),
        ("@{a=$(", ")}"),
        ("$a.($(", ")) = 1"),
    ] {
        let text = format!("{}1{}", open.repeat(40), close.repeat(40));
        let _ = parse(&text);
    }
    // Every prefix and every cut of a text with everything in it either parses or is refused, and ends.
    let text = "$x = @{a='b';c=\"d $($y.e)\"}; Get-X -A:1,2 {$_ -eq 3} | ? B -like “*” <# c #> | % { $_.F[0] } `\n@'\n'@";
    for (cut, _) in text.char_indices() {
        let _ = parse(&text[..cut]);
        let _ = parse(&text[cut..]);
    }
}

fn statements(all: &[Statement]) -> String {
    all.iter().map(statement).collect::<Vec<_>>().join("; ")
}

fn statement(statement: &Statement) -> String {
    match statement {
        Statement::Pipeline(all) => pipeline(all),
        Statement::Assign { target, how, value } => {
            let sign = match how {
                Assignment::Set => "=",
                Assignment::Add => "+=",
                Assignment::Subtract => "-=",
            };
            format!("{} {sign} {}", expression(target), self::statement(value))
        }
        Statement::If { branches, otherwise } => {
            let branches = branches
                .iter()
                .map(|(when, then)| format!("if ({}) {{{}}}", pipeline(when), statements(then)));
            format!("{} else {{{}}}", branches.collect::<Vec<_>>().join(" "), statements(otherwise))
        }
        Statement::ForEach { variable, items, body } => {
            format!("foreach ${variable} in {} {{{}}}", pipeline(items), statements(body))
        }
        Statement::Loop { kind: Loop::While, condition, body } => {
            format!("while ({}) {{{}}}", pipeline(condition), statements(body))
        }
        Statement::Loop { kind, condition, body } => {
            format!("do {{{}}} {kind:?} ({})", statements(body), pipeline(condition))
        }
        Statement::For { first, condition, step, body } => {
            let part =
                |part: &Option<Box<Statement>>| part.as_deref().map(self::statement).unwrap_or_default();
            let condition = condition.as_ref().map(pipeline).unwrap_or_default();
            format!("for ({}; {condition}; {}) {{{}}}", part(first), part(step), statements(body))
        }
        Statement::Switch { how, of, cases } => {
            let cases = cases.iter().map(|(case, body)| {
                let case = case.as_ref().map_or("default".to_owned(), expression);
                format!("{case} {{{}}}", statements(body))
            });
            format!("switch {how:?} {} {{{}}}", pipeline(of), cases.collect::<Vec<_>>().join(" "))
        }
        Statement::Try { body, catch, finally } => {
            let catch =
                catch.as_ref().map(|body| format!(" catch {{{}}}", statements(body))).unwrap_or_default();
            let finally = if finally.is_empty() {
                String::new()
            } else {
                format!(" finally {{{}}}", statements(finally))
            };
            format!("try {{{}}}{catch}{finally}", statements(body))
        }
        Statement::Function(function) => {
            let parameters = function.parameters.iter().map(|declared| {
                let kind = declared.kind.map(|kind| format!("[{}]", kind.name())).unwrap_or_default();
                let default = declared.default.as_ref().map(|value| format!("={}", expression(value)));
                format!("{kind}${}{}", declared.name, default.unwrap_or_default())
            });
            let parameters = parameters.collect::<Vec<_>>().join(", ");
            format!("function {}({parameters}) {{{}}}", function.name, statements(&function.body))
        }
        Statement::Break => "break".to_owned(),
        Statement::Continue => "continue".to_owned(),
        Statement::Return(value, _) => with_value("return", value.as_ref()),
        Statement::Throw(value, _) => with_value("throw", value.as_ref()),
        Statement::Exit(None) => "exit".to_owned(),
        Statement::Exit(Some(code)) => format!("exit {}", expression(code)),
    }
}

fn with_value(word: &str, value: Option<&Pipeline>) -> String {
    value.map_or(word.to_owned(), |value| format!("{word} {}", pipeline(value)))
}

fn pipeline(all: &Pipeline) -> String {
    let elements = all.elements.iter().map(|element| match element {
        Element::Expression(value) => expression(value),
        Element::Command(command) => {
            let mut words = vec![command.name.text.clone()];
            words.extend(command.arguments.iter().map(|argument| match argument {
                Argument::Value(value) => expression(value),
                Argument::Parameter { name, value: None } => format!("-{}", name.text),
                Argument::Parameter { name, value: Some(value) } => {
                    format!("-{}:{}", name.text, expression(value))
                }
            }));
            words.join(" ")
        }
    });
    elements.collect::<Vec<_>>().join(" | ")
}

fn list(all: &[Expr]) -> String {
    all.iter().map(expression).collect::<Vec<_>>().join(", ")
}

fn expression(value: &Expr) -> String {
    match &value.kind {
        ExprKind::Number(Number::Int(value), _) => value.to_string(),
        ExprKind::Number(Number::Real(value), _) => value.to_string(),
        ExprKind::Text(text) => format!("'{text}'"),
        ExprKind::Expandable(pieces) => {
            let pieces =
                pieces.iter().filter(|piece| **piece != Piece::Text(String::new())).map(
                    |piece| match piece {
                        Piece::Text(text) => text.clone(),
                        Piece::Value(value) => format!("|{}|", expression(value)),
                    },
                );
            format!("\"{}\"", pieces.collect::<String>())
                .replace("||", "|")
                .replace("|\"", "\"")
                .replace("\"$", "\"|$")
        }
        ExprKind::Variable(name) => format!("${name}"),
        ExprKind::Property(name) => format!(":{name}"),
        ExprKind::Postfix(of, suffixes) => suffixes.iter().fold(expression(of), |of, suffix| match suffix {
            Suffix::Member(name) => format!("({of}).{}", expression(name)),
            Suffix::Method(name, all) => format!("({of}).{}({})", name.text, list(all)),
            Suffix::Index(index) => format!("({of})[{}]", expression(index)),
        }),
        ExprKind::List(all) => format!("[{}]", list(all)),
        ExprKind::Array(all) => format!("@({})", statements(all)),
        ExprKind::Group(all) => format!("({})", pipeline(all)),
        ExprKind::Statements(all) => format!("$({})", statements(all)),
        ExprKind::Table(all) => {
            let entries = all
                .iter()
                .map(|(key, value)| format!("{}={}", expression(key).trim_matches('\''), statement(value)));
            format!("@{{{}}}", entries.collect::<Vec<_>>().join("; "))
        }
        ExprKind::Block(block) => format!("{{{}}}", block.text()),
        ExprKind::Type(kind) => format!("[{}]", kind.name()),
        ExprKind::Cast(kind, value) => format!("[{}]{}", kind.name(), expression(value)),
        ExprKind::Unary(operator, value) => format!("({operator:?} {})", expression(value)),
        ExprKind::Binary(first, more) => more.iter().fold(expression(first), |left, (operator, right)| {
            format!("({left} {operator:?} {})", expression(right))
        }),
    }
}
