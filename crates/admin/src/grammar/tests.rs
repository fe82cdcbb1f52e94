//! Tables of texts and what they are read as, or where they are refused.

use super::*;

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
    for (text, expected) in table {
        match parse(text) {
            Ok(script) => assert_eq!(statements(&script.statements), expected, "{text}"),
            Err(error) => panic!("{text}\n{}", error.render(text)),
        }
    }
}

#[test]
fn bad_texts() {
    // Line and column, and some of the message.
    let table = [
        ("Get-X | while ($true) {}", 1, 9, "'while' is not part"),
        ("while ($true) {}", 1, 1, "'while' is not part"),
        ("Get-X\nfunction f {}", 2, 1, "'function' is not part"),
        ("Get-X | ", 1, 9, "cmdlet is missing"),
        ("| ft", 1, 1, "cmdlet is missing before |"),
        ("Get-X )", 1, 7, ") is not expected"),
        ("$x = 'abc", 1, 10, "' is missing"),
        ("Get-X -A \"abc", 1, 14, "\" is missing"),
        ("Get-X > file", 1, 7, "Redirection"),
        ("Get-X && Get-Y", 1, 7, "&&"),
        ("[int]5", 1, 1, "Types and .NET"),
        ("$x -match 'a'", 1, 4, "-match is not part"),
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
    ];
    for text in incomplete {
        assert!(needs_more(text), "{text}");
        assert!(needs_more(&format!("{text}\n")), "{text} with a line end");
    }
    for text in ["Get-X", "", "Get-X )", "while", "1 + foo", "' comment", "Get-X 'a'"] {
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
    for text in ["", "Name -eq", "Name 'a'", "Name -eq 'a' )", "Name -match 'a'"] {
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
        Statement::Exit(None) => "exit".to_owned(),
        Statement::Exit(Some(code)) => format!("exit {}", expression(code)),
    }
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
        ExprKind::Unary(operator, value) => format!("({operator:?} {})", expression(value)),
        ExprKind::Binary(first, more) => more.iter().fold(expression(first), |left, (operator, right)| {
            format!("({left} {operator:?} {})", expression(right))
        }),
    }
}
