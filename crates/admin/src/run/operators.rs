//! Operators and the few methods. Comparison follows the left side's type, as in PowerShell, and never regards case.

use super::env::{FULL, MOST};
use super::{format, pattern, types, wildcard};
use crate::grammar::{Binary, Type};
use crate::value::Value;
use directory::{ByteSize, TimeSpan};
use std::cmp::Ordering;
use std::sync::Arc;

/// The value where the left side alone decides.
pub fn short(operator: Binary, left: &Value) -> Option<Value> {
    match operator {
        Binary::And if !left.truth() => Some(Value::Bool(false)),
        Binary::Or if left.truth() => Some(Value::Bool(true)),
        _ => None,
    }
}

/// The value of `left operator right`.
pub fn binary(operator: Binary, left: Value, right: Value) -> Result<Value, String> {
    let holds = match operator {
        Binary::Eq => return Ok(each(left, |item| equal(item, &right))),
        Binary::Ne => return Ok(each(left, |item| !equal(item, &right))),
        Binary::Like => return Ok(each(left, |item| like(item, &right))),
        Binary::NotLike => return Ok(each(left, |item| !like(item, &right))),
        Binary::Gt => return Ok(each(left, |item| compare(item, &right) == Some(Ordering::Greater))),
        Binary::Lt => return Ok(each(left, |item| compare(item, &right) == Some(Ordering::Less))),
        Binary::Ge => return Ok(each(left, |item| compare(item, &right).is_some_and(Ordering::is_ge))),
        Binary::Le => return Ok(each(left, |item| compare(item, &right).is_some_and(Ordering::is_le))),
        Binary::Contains => contains(&left, &right),
        Binary::NotContains => !contains(&left, &right),
        Binary::In => contains(&right, &left),
        Binary::NotIn => !contains(&right, &left),
        Binary::And => left.truth() && right.truth(),
        Binary::Or => left.truth() || right.truth(),
        Binary::Xor => left.truth() != right.truth(),
        Binary::Add => return add(left, right),
        Binary::Subtract => return subtract(left, right),
        Binary::Multiply => return number(&left, &right, i64::checked_mul, |a, b| a * b),
        Binary::Divide => return divide(&left, &right),
        Binary::Remainder => return number(&left, &right, i64::checked_rem, |a, b| a % b),
        Binary::Range => return range(&left, &right),
        Binary::Join => return join(left, &right),
        Binary::Split => return split_at_pattern(&left.to_string(), &right),
        Binary::Replace => return replace(left, &right),
        Binary::Match => return matching(left, &right, true),
        Binary::NotMatch => return matching(left, &right, false),
        Binary::Format => return format::format(&left.to_string(), &right.items()).map(Value::text),
        Binary::Is => types::is(&left, kind(&right)?),
        Binary::IsNot => !types::is(&left, kind(&right)?),
        Binary::As => return Ok(types::cast(left, kind(&right)?).unwrap_or_default()),
    };
    Ok(Value::Bool(holds))
}

/// Of a list, the items that fit; of anything else, whether it fits.
fn each(left: Value, fits: impl Fn(&Value) -> bool) -> Value {
    match left {
        Value::List(items) => {
            Value::List(Arc::new(items.iter().filter(|item| fits(item)).cloned().collect()))
        }
        one => Value::Bool(fits(&one)),
    }
}

/// Whether two values are the same to an administrator: `10MB` and a size, `Alice` and `alice`.
pub fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Null, right) => matches!(right, Value::Null),
        (_, Value::Null) => false,
        (Value::Bool(left), right) => *left == truth(right),
        _ => compare(left, right) == Some(Ordering::Equal),
    }
}

/// A truth value, also from text.
fn truth(value: &Value) -> bool {
    match value {
        Value::Text(text) if text.eq_ignore_ascii_case("false") || text.eq_ignore_ascii_case("$false") => {
            false
        }
        other => other.truth(),
    }
}

/// Which of two values is the greater, where that can be said.
pub fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Null, _) => Some(Ordering::Less),
        (_, Value::Null) => Some(Ordering::Greater),
        (Value::Bool(left), right) => Some(left.cmp(&truth(right))),
        (Value::Size(left), right) => Some(left.cmp(&size(right)?)),
        (Value::Span(left), Value::Span(right)) => Some(left.cmp(right)),
        (Value::Span(left), right) => Some(left.cmp(&right.to_string().parse::<TimeSpan>().ok()?)),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Int(_) | Value::Real(_), right) => real(left)?.partial_cmp(&real(right)?),
        (left, right) => Some(left.to_string().to_lowercase().cmp(&right.to_string().to_lowercase())),
    }
}

/// A number of octets, written in any way.
fn size(value: &Value) -> Option<ByteSize> {
    match value {
        Value::Size(size) => Some(*size),
        Value::Int(octets) => u64::try_from(*octets).ok().map(ByteSize),
        other => other.to_string().parse().ok(),
    }
}

/// A value as a number with a fraction.
pub fn real(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Real(value) => Some(*value),
        Value::Size(size) => Some(size.0 as f64),
        Value::Bool(value) => Some(f64::from(*value)),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn like(item: &Value, pattern: &Value) -> bool {
    wildcard::fits(&pattern.to_string(), &item.to_string())
}

/// Whether a list has the item; a single value is a list of one.
pub fn contains(list: &Value, item: &Value) -> bool {
    match list {
        Value::List(items) => items.iter().any(|known| equal(known, item)),
        one => equal(one, item),
    }
}

/// `left + right`: lists grow, texts are joined, numbers are added.
pub fn add(left: Value, right: Value) -> Result<Value, String> {
    match (left, right) {
        (Value::Null, right) => Ok(right),
        (Value::List(items), right) => {
            let mut items = Arc::unwrap_or_clone(items);
            items.extend(right.items());
            Ok(Value::List(Arc::new(items)))
        }
        (Value::Text(left), right) => {
            let right = right.to_string();
            room(left.len() + right.len())?;
            Ok(Value::text(format!("{left}{right}")))
        }
        (Value::Table(left), Value::Table(right)) => {
            let mut entries = Arc::unwrap_or_clone(left);
            entries.extend(right.iter().cloned());
            Ok(Value::Table(Arc::new(entries)))
        }
        (left, right) => number(&left, &right, i64::checked_add, |a, b| a + b),
    }
}

/// `left - right` of numbers; of lists it is `evaluate::without`.
pub fn subtract(left: Value, right: Value) -> Result<Value, String> {
    number(&left, &right, i64::checked_sub, |a, b| a - b)
}

/// Whole numbers stay whole as long as they fit; everything else is calculated with fractions.
fn number(
    left: &Value,
    right: &Value,
    whole: fn(i64, i64) -> Option<i64>,
    fraction: fn(f64, f64) -> f64,
) -> Result<Value, String> {
    if let (Some(a), Some(b)) = (int(left), int(right)) {
        return whole(a, b).map(Value::Int).ok_or_else(|| "The result is no number that fits.".to_owned());
    }
    match (real(left), real(right)) {
        (Some(a), Some(b)) => Ok(Value::Real(fraction(a, b))),
        (None, _) => Err(format!("'{left}' is no number.")),
        (_, None) => Err(format!("'{right}' is no number.")),
    }
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        Value::Size(size) => i64::try_from(size.0).ok(),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn divide(left: &Value, right: &Value) -> Result<Value, String> {
    match (int(left), int(right)) {
        (_, Some(0)) => Err("Nothing can be divided by 0.".to_owned()),
        (Some(a), Some(b)) if a.checked_rem(b) == Some(0) => Ok(Value::Int(a / b)),
        _ => number(left, right, |_, _| None, |a, b| a / b).or_else(|_| {
            let quotient = real(left).zip(real(right)).map(|(a, b)| Value::Real(a / b));
            quotient.ok_or_else(|| format!("'{left}' / '{right}' is no number."))
        }),
    }
}

/// Numbers of a range.
const LONGEST_RANGE: i64 = 100_000;

fn range(left: &Value, right: &Value) -> Result<Value, String> {
    let (Some(first), Some(last)) = (int(left), int(right)) else {
        return Err("A range has a whole number on both sides: 1..5".to_owned());
    };
    if first.abs_diff(last) >= LONGEST_RANGE as u64 {
        return Err(format!("A range has at most {LONGEST_RANGE} numbers."));
    }
    Ok(if first <= last { Value::list(first..=last) } else { Value::list((last..=first).rev()) })
}

fn join(left: Value, right: &Value) -> Result<Value, String> {
    joined(&left.items(), &right.to_string()).map(Value::text)
}

/// All items as texts, with a separator between.
pub fn joined(items: &[Value], separator: &str) -> Result<String, String> {
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        let item = item.to_string();
        room(text.len() + separator.len() + item.len())?;
        if index > 0 {
            text.push_str(separator);
        }
        text.push_str(&item);
    }
    Ok(text)
}

/// Refuses what would take too much memory, before it is made.
pub fn room(octets: usize) -> Result<(), String> {
    if octets < MOST { Ok(()) } else { Err(FULL.to_owned()) }
}

/// Splits at a text, not at a pattern; at nothing, into characters.
fn split(text: &str, separator: &str) -> Result<Value, String> {
    let parts = if separator.is_empty() { text.chars().count() } else { text.matches(separator).count() };
    // Each part is a value of its own.
    room(text.len().saturating_add(parts.saturating_mul(Value::text("").weight())))?;
    Ok(match separator {
        "" => Value::texts(text.chars()),
        separator => Value::texts(text.split(separator)),
    })
}

/// `text -split 'pattern', 2`
fn split_at_pattern(text: &str, right: &Value) -> Result<Value, String> {
    let mut parts = right.clone().items().into_iter();
    let pattern = parts.next().unwrap_or_default().to_string();
    let most = parts.next().and_then(|most| int(&most)).and_then(|most| usize::try_from(most).ok());
    pattern::split(text, &pattern, most.filter(|most| *most > 0).unwrap_or(usize::MAX))
}

/// `-split text`: its words.
pub fn words(text: &str) -> Result<Value, String> {
    room(
        text.len().saturating_add(text.split_whitespace().count().saturating_mul(Value::text("").weight())),
    )?;
    Ok(Value::texts(text.split_whitespace()))
}

/// `text -replace 'pattern', 'new'`; of a list, each item.
fn replace(left: Value, right: &Value) -> Result<Value, String> {
    let mut parts = right.clone().items().into_iter().map(|part| part.to_string());
    let (pattern, by) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Value::List(items) = left else {
        return pattern::replaced(&left.to_string(), &pattern, &by).map(Value::text);
    };
    let mut octets = 0;
    let mut done = Vec::with_capacity(items.len());
    for item in items.iter() {
        let text = pattern::replaced(&item.to_string(), &pattern, &by)?;
        octets += text.len();
        room(octets)?;
        done.push(Value::text(text));
    }
    Ok(Value::List(Arc::new(done)))
}

/// Whether a text fits a pattern; of a list, the items that do, or do not.
fn matching(left: Value, right: &Value, wanted: bool) -> Result<Value, String> {
    let pattern = pattern::compiled(&right.to_string())?;
    Ok(each(left, |item| pattern.is_match(&item.to_string()) == wanted))
}

/// The type that stands to the right of `-is` and `-as`.
fn kind(right: &Value) -> Result<Type, String> {
    let name = right.to_string();
    Type::named(&name)
        .ok_or_else(|| format!("'{name}' is no type of this shell; such are [string] and [int]."))
}

/// `$x[0]`, `$x[-1]`, `$x['key']`
pub fn index(of: &Value, at: &Value) -> Result<Value, String> {
    match (of, at) {
        (_, Value::List(all)) => {
            let found: Result<Vec<Value>, String> = all.iter().map(|at| index(of, at)).collect();
            return found.map(Value::from_items);
        }
        // One object is a list of one.
        (Value::Object(_), Value::Int(0 | -1)) => return Ok(of.clone()),
        (Value::Table(_) | Value::Object(_), _) => return Ok(of.property(&at.to_string())),
        _ => {}
    }
    let Some(at) = int(at) else { return Err(format!("'{at}' is no index.")) };
    let items = match of {
        Value::Text(text) => {
            let at = if at < 0 { text.chars().count() as i64 + at } else { at };
            let found = usize::try_from(at).ok().and_then(|at| text.chars().nth(at));
            return Ok(found.map(|c| Value::text(c.to_string())).unwrap_or_default());
        }
        other => other.clone().items(),
    };
    let at = if at < 0 { items.len() as i64 + at } else { at };
    Ok(usize::try_from(at).ok().and_then(|at| items.get(at).cloned()).unwrap_or_default())
}

/// The few methods there are.
pub fn method(of: &Value, name: &str, arguments: &[Value]) -> Result<Value, String> {
    let text = of.to_string();
    let argument = |at: usize| arguments.get(at).map(ToString::to_string).unwrap_or_default();
    Ok(match name.to_ascii_lowercase().as_str() {
        "tostring" if !arguments.is_empty() => Value::text(format::written(of, &argument(0))?),
        "tostring" => Value::text(text),
        "tolower" => Value::text(text.to_lowercase()),
        "toupper" => Value::text(text.to_uppercase()),
        "trim" => Value::text(text.trim()),
        "trimstart" => Value::text(text.trim_start_matches(|c| trimmed(c, &argument(0)))),
        "trimend" => Value::text(text.trim_end_matches(|c| trimmed(c, &argument(0)))),
        "substring" => substring(&text, arguments)?,
        "indexof" => Value::Int(position(&text, text.find(&argument(0)))),
        "lastindexof" => Value::Int(position(&text, text.rfind(&argument(0)))),
        "padleft" => {
            format::format(&format!("{{0,{}}}", argument(0)), &[Value::text(text)]).map(Value::text)?
        }
        "padright" => {
            format::format(&format!("{{0,-{}}}", argument(0)), &[Value::text(text)]).map(Value::text)?
        }
        "containskey" => Value::Bool(match of {
            Value::Table(entries) => entries.iter().any(|(key, _)| key.eq_ignore_ascii_case(&argument(0))),
            _ => false,
        }),
        "startswith" => Value::Bool(text.starts_with(&argument(0))),
        "endswith" => Value::Bool(text.ends_with(&argument(0))),
        "replace" => {
            let (old, new) = (argument(0), argument(1));
            room(text.len().saturating_add(text.matches(&old).count().saturating_mul(new.len())))?;
            Value::text(text.replace(&old, &new))
        }
        "split" => split(&text, &argument(0))?,
        "contains" => match of {
            Value::List(_) => Value::Bool(arguments.first().is_some_and(|item| contains(of, item))),
            _ => Value::Bool(text.contains(&argument(0))),
        },
        _ => return Err(format!("The method {name}() is not part of this shell's language.")),
    })
}

/// Whether a character is taken from an end; blanks where nothing is said.
fn trimmed(c: char, which: &str) -> bool {
    if which.is_empty() { c.is_whitespace() } else { which.contains(c) }
}

/// The number of the character at this octet, or -1.
fn position(text: &str, at: Option<usize>) -> i64 {
    at.and_then(|at| text.get(..at)).map_or(-1, |before| before.chars().count() as i64)
}

/// `.Substring(from)` and `.Substring(from, length)`
fn substring(text: &str, arguments: &[Value]) -> Result<Value, String> {
    let count = text.chars().count();
    let number = |at: usize, usual: usize| match arguments.get(at) {
        None => Some(usual),
        Some(value) => int(value).and_then(|value| usize::try_from(value).ok()),
    };
    let from = number(0, 0).filter(|from| *from <= count);
    let length = from.and_then(|from| number(1, count - from).filter(|length| *length <= count - from));
    match (from, length) {
        (Some(from), Some(length)) => {
            Ok(Value::text(text.chars().skip(from).take(length).collect::<String>()))
        }
        _ => Err(format!("Substring goes beyond the text, which has {count} characters.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons() {
        let size = || Value::Size(ByteSize::mb(10));
        let table = [
            (Value::text("Alice"), Binary::Eq, Value::text("alice"), true),
            (Value::text("a"), Binary::Ne, Value::Null, true),
            (Value::Null, Binary::Eq, Value::Null, true),
            (Value::Bool(true), Binary::Eq, Value::text("True"), true),
            (Value::Bool(false), Binary::Eq, Value::text("false"), true),
            (Value::Int(5), Binary::Eq, Value::text("5"), true),
            (Value::Int(9), Binary::Lt, Value::text("10"), true),
            (size(), Binary::Eq, Value::Int(10 << 20), true),
            (size(), Binary::Gt, Value::text("9MB"), true),
            (Value::Span(TimeSpan(90)), Binary::Ge, Value::text("00:01:30"), true),
            (Value::text("abc"), Binary::Like, Value::text("A*"), true),
            (Value::text("abc"), Binary::NotLike, Value::text("A*"), false),
            (Value::texts(["a", "b"]), Binary::Contains, Value::text("B"), true),
            (Value::text("B"), Binary::In, Value::texts(["a", "b"]), true),
            (Value::text("c"), Binary::NotIn, Value::texts(["a", "b"]), true),
        ];
        for (left, operator, right, expected) in table {
            let shown = format!("{left} {operator:?} {right}");
            assert_eq!(binary(operator, left, right), Ok(Value::Bool(expected)), "{shown}");
        }
    }

    #[test]
    fn arithmetic() {
        let table = [
            (Value::Int(7), Binary::Divide, Value::Int(2), Ok(Value::Real(3.5))),
            (Value::Int(8), Binary::Divide, Value::Int(2), Ok(Value::Int(4))),
            (Value::text("a"), Binary::Add, Value::Int(1), Ok(Value::text("a1"))),
            (Value::texts(["a"]), Binary::Add, Value::text("b"), Ok(Value::texts(["a", "b"]))),
            (Value::Int(3), Binary::Range, Value::Int(1), Ok(Value::list([3i64, 2, 1]))),
            (Value::text("x.Y"), Binary::Replace, Value::texts(["y", "z"]), Ok(Value::text("x.z"))),
            (
                Value::Int(i64::MAX),
                Binary::Add,
                Value::Int(1),
                Err("The result is no number that fits.".to_owned()),
            ),
            (Value::Int(1), Binary::Divide, Value::Int(0), Err("Nothing can be divided by 0.".to_owned())),
            (Value::Int(1), Binary::Multiply, Value::text("x"), Err("'x' is no number.".to_owned())),
        ];
        for (left, operator, right, expected) in table {
            let shown = format!("{left} {operator:?} {right}");
            assert_eq!(binary(operator, left, right), expected, "{shown}");
        }
    }
}
