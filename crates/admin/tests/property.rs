//! Whatever value is written down is the value that is read; whatever is read ends with statements or an error.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

mod common;

use admin::grammar::{
    Argument, Element, Expr, ExprKind, Statement, needs_more, parse, parse_filter, quoted, quoted_list,
};
use common::Site;
use serde_json::{Value, json};

/// Numbers that only look random, so that a failure comes again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

const CHARACTERS: &[char] = &[
    'a', 'Z', '5', ' ', '\'', '"', '$', '`', '(', ')', '{', '}', '@', '#', ';', '|', ',', '-', '\n', '\t',
    '\\', '<', '>', '\r', '\0', '\u{1b}', '\u{85}', '‚', '‛', '“', '”', '„', '‘', '’', '–', 'ä', '日', '😀',
    '&', '%', '=', ':', '_', '\u{a0}',
];

fn text(chance: &mut Chance) -> String {
    (0..chance.below(12)).map(|_| chance.pick(CHARACTERS)).collect()
}

fn single_quoted(text: &str) -> String {
    let doubled = |c: char| if "'‘’‚‛".contains(c) { vec![c, c] } else { vec![c] };
    format!("'{}'", text.chars().flat_map(doubled).collect::<String>())
}

fn double_quoted(text: &str) -> String {
    let escaped = |c: char| if "\"“”„$`".contains(c) { vec!['`', c] } else { vec![c] };
    format!("\"{}\"", text.chars().flat_map(escaped).collect::<String>())
}

/// A value as it is written in the language, and as JSON.
fn value(chance: &mut Chance, depth: usize) -> (String, Value) {
    match chance.below(if depth == 0 { 5 } else { 7 }) {
        0 => {
            let text = text(chance);
            (single_quoted(&text), json!(text))
        }
        1 => {
            let text = text(chance);
            (double_quoted(&text), json!(text))
        }
        2 => {
            let number = chance.below(1 << 30) as i64 - (1 << 29);
            (format!("({number})"), json!(number))
        }
        3 => {
            let truth = chance.below(2) == 1;
            (format!("${truth}"), json!(truth))
        }
        4 => ("$null".to_owned(), Value::Null),
        5 => {
            let items: Vec<_> = (0..chance.below(4)).map(|_| value(chance, depth - 1)).collect();
            let written: Vec<&str> = items.iter().map(|(written, _)| written.as_str()).collect();
            // Each on a statement of its own would be unrolled; a list of one needs its comma.
            let written = match written.as_slice() {
                [one] => format!("(,{one})"),
                [] => "@()".to_owned(),
                many => format!("({})", many.join(", ")),
            };
            (written, Value::Array(items.into_iter().map(|(_, value)| value).collect()))
        }
        _ => {
            let entries: Vec<_> =
                (0..chance.below(4)).map(|n| (format!("k{n}"), value(chance, depth - 1))).collect();
            let written: Vec<String> =
                entries.iter().map(|(key, (written, _))| format!("{key} = {written}")).collect();
            let map = entries.into_iter().map(|(key, (_, value))| (key, value)).collect();
            (format!("@{{{}}}", written.join(chance.pick(&["; ", "\n"]))), Value::Object(map))
        }
    }
}

#[tokio::test]
async fn values_are_read_as_they_were_written() {
    let mut site = Site::new().await;
    let mut chance = Chance(1);
    for round in 0..500 {
        let (written, expected) = value(&mut chance, 3);
        let line = format!("@{{v = {written}}} | ConvertTo-Json -Compress -Depth 20");
        let shown = site.good(&line).await;
        let found: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(found["v"], expected, "round {round}: {written}");
    }
}

/// The value that a text is read as, in the places where values stand.
fn read_back(text: &str) -> Expr {
    match parse(text).unwrap_or_else(|error| panic!("{}", error.render(text))).statements.as_slice() {
        [Statement::Pipeline(pipeline)] => match pipeline.elements.as_slice() {
            [Element::Expression(value)] => value.clone(),
            [Element::Command(command)] => match command.arguments.as_slice() {
                [_, Argument::Value(value)] => value.clone(),
                other => panic!("{text}: {other:?}"),
            },
            other => panic!("{text}: {other:?}"),
        },
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn whatever_is_quoted_is_read_as_it_was() {
    let texts = |value: Expr| match value.kind {
        ExprKind::List(all) => all.into_iter().map(|one| one.kind).collect(),
        one => vec![one],
    };
    let mut chance = Chance(4);
    for _ in 0..20_000 {
        let all: Vec<String> = (0..chance.below(3) + 1).map(|_| text(&mut chance)).collect();
        let expected: Vec<ExprKind> = all.iter().cloned().map(ExprKind::Text).collect();
        let literal = quoted_list(&all);
        assert_eq!(texts(read_back(&literal)), expected, "{literal}");
        assert_eq!(texts(read_back(&format!("Set-X -Name {literal}"))), expected, "{literal}");
        let first = quoted(&all[0]);
        let inside = format!("@(\n{first}\n)");
        let ExprKind::Array(statements) = read_back(&inside).kind else { panic!("{inside}") };
        let [Statement::Pipeline(pipeline)] = statements.as_slice() else { panic!("{inside}") };
        let [Element::Expression(value)] = pipeline.elements.as_slice() else { panic!("{inside}") };
        assert_eq!(value.kind, expected[0], "{inside}");
    }
}

#[test]
fn any_text_is_read_or_refused() {
    const WORDS: &[&str] = &[
        "Get-X", "-Name", "$x", "$_", "'", "\"", "(", ")", "{", "}", "@{", "@(", "@\"\n", "\n\"@", "=", ";",
        "|", ",", "if", "else", "foreach", "in", "-eq", "-not", "!", "1", "10MB", "..", ".", "[", "]", "`",
        "`\n", "#", "<#", "#>", "\n", " ", "%", "?", "&", ">", "“", "–", "$(", "${", "@", ":", "PS C:\\>",
        "\u{0}", "ä",
    ];
    let mut chance = Chance(2);
    for _ in 0..20_000 {
        let text: String = (0..chance.below(25)).map(|_| chance.pick(WORDS)).collect();
        if let Err(error) = parse(&text) {
            // The place lies in the text, and can be shown.
            assert!(error.span.start <= text.len(), "{text:?}");
            assert!(error.render(&text).contains("line "), "{text:?}");
        }
        let _ = (needs_more(&text), parse_filter(&text));
    }
}

/// What can be put around a value, before and behind it.
const LEVELS: &[(&str, &str)] = &[
    ("(", ")"),
    ("@(", ")"),
    ("$(", ")"),
    ("\"$(", ")\""),
    ("(,", ")"),
    ("@{a=", "}"),
    ("(1 + ", ")"),
    ("(1 -and 2 -eq 3 + 4 * 5..", ")"),
    ("-not ", ""),
    ("$x[", "]"),
    ("$x.($x.", ")"),
    ("'a'.ToString(", ")"),
    ("$(if (", ") {1})"),
    ("$(if ($false) {} else {", "})"),
    ("$(foreach ($i in ", ") {$i})"),
    ("$(1 | % {", "})"),
    ("(1 | ? {", "} | select @{n='a'; e={1}} | sort)"),
    ("$($y = ", ")"),
    ("$(@\"\n$(", ")\n\"@)"),
    ("(Get-Mailbox -Filter {Name -like '", "'})"),
    ("[string](", ")"),
    ("$(do {", "} while ($false))"),
    ("$(do {break} while (", "))"),
    ("$(for ($n = 0; $n -lt 1; $n++) {", "})"),
    ("$(switch (1) {1 {", "}})"),
    ("$(try {", "} catch {throw})"),
    ("$(try {throw 1} catch {", "})"),
    ("$(try {} finally {", "})"),
    ("$(function f {", "}; f)"),
    ("$(return ", ")"),
];

/// Runs a text on a thread that has half the stack of the server's.
fn run_on_half_a_stack(texts: Vec<String>) {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut site = Site::new().await;
            for text in texts {
                site.run(&text).await;
            }
        });
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn however_deep_a_text_is_the_stack_is_enough() {
    let mut texts = Vec::new();
    for (open, close) in LEVELS {
        for levels in [5, 12, 16, 24, 33, 49, 60, 98, 99, 2000] {
            texts.push(format!("{}1{}", open.repeat(levels), close.repeat(levels)));
        }
    }
    for operator in ["+", "-and", "-eq", "..", ",", "*", "-join", "|%{$_}", "|select"] {
        texts.push(format!("1{}", format!(" {operator} 1").repeat(2000)));
    }
    for suffix in [".b", "[0]", ".ToString()", ".$x", ".'b'"] {
        texts.push(format!("$x{}", suffix.repeat(100_000)));
    }
    for stages in [20, 90, 99, 2000] {
        texts.push(format!("1{}", " | % {$_}".repeat(stages)));
        texts.push(format!("1..3{}", " | ? {$_} | sort".repeat(stages)));
        texts.push(format!("Get-Mailbox{}", " | select @{n='a'; e={$_}}".repeat(stages)));
    }
    texts.push(format!("if ($x) {{}}{}", " elseif ($x) {}".repeat(50_000)));
    // A block that calls itself, and values that are put into themselves.
    for text in [
        "$b = {1 | % $b}; 1 | % $b",
        "$b = {1 | select @{n='a'; e=$b}}; 1 | % $b",
        "$b = {(1 | ? $b)}; 1 | ? $b",
        "$b = {try {1 | % $b} finally {1}}; 1 | % $b",
        "function f {f}; f",
        "function f {1 | f}; f",
        "function f {f | f}; f",
        "function f {1 | % {f}}; f",
        "function f {try {f} catch {throw}}; f",
        "function f {switch (1) {1 {f}}}; f",
        "function f {for ($i = 0; $i -lt 1; $i++) {while ($true) {do {f} while ($true)}}}; f",
        "function f($x) {$y = \"$(f (f ([string]$x)))\"; $y}; f 1",
        "function f {if (f) {}}; f",
        "function f {return f}; f",
        "foreach ($i in 1..5000) {$x = @{x = $x}}; $x; \"$x\"; $x | ConvertTo-Json -Depth 10000",
        "foreach ($i in 1..5000) {$x = ,$x + 1}; $x",
        "foreach ($i in 1..5000) {$x += ,$x}",
        "$x = @{}; foreach ($i in 1..5000) {$x.y = $x}",
        "foreach ($i in 1..90) {$x = @{a = $x; b = $x}}",
        "foreach ($i in 1..5000) {$x = $x | select @{n='a'; e={$_}}}; $x",
    ] {
        texts.push(text.to_owned());
    }
    run_on_half_a_stack(texts);
}

#[test]
fn levels_of_any_kind_in_any_order_never_end_the_process() {
    let mut chance = Chance(3);
    let mut texts = Vec::new();
    for _ in 0..2000 {
        let (mut text, mut after) = (String::new(), Vec::new());
        for _ in 0..chance.below(130) {
            let (open, close) = chance.pick(LEVELS);
            text.push_str(open);
            after.push(close);
        }
        text.push_str(chance.pick(&["1", "$x", "'a'", "Get-Mailbox", ""]));
        let kept = chance.below(20) != 0;
        after.iter().rev().filter(|_| kept || chance.below(9) != 0).for_each(|close| text.push_str(close));
        texts.push(text);
    }
    run_on_half_a_stack(texts);
}
