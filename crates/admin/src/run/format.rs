//! `-f`: `'{0,-10} {1:N2}' -f 'a', 5`.

use super::operators::{real, room};
use crate::value::Value;

/// Characters that a value can be filled up to.
const WIDEST: usize = 1000;

/// The text with its places filled.
pub fn format(text: &str, values: &[Value]) -> Result<String, String> {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at(at);
        done.push_str(before);
        if after.starts_with("{{") || after.starts_with("}}") {
            done.push_str(after.get(..1).unwrap_or_default());
            rest = after.get(2..).unwrap_or_default();
            continue;
        }
        let Some((place, behind)) = after.strip_prefix('{').and_then(|after| after.split_once('}')) else {
            return Err(
                "A place has the form {0} or {0,10:N2}; { and } themselves are written {{ and }}.".to_owned()
            );
        };
        done.push_str(&filled(place, values)?);
        room(done.len())?;
        rest = behind;
    }
    Ok(done + rest)
}

/// One place: the number of a value, the width, and how it is written.
fn filled(place: &str, values: &[Value]) -> Result<String, String> {
    let (place, how) = place.split_once(':').unwrap_or((place, ""));
    let (number, width) = place.split_once(',').unwrap_or((place, "0"));
    let at: usize = number.trim().parse().map_err(|_| format!("'{{{place}}}' has no number of a value."))?;
    let Some(value) = values.get(at) else {
        return Err(format!(
            "There is no value for {{{at}}}: values are counted from 0, and there are {}.",
            values.len()
        ));
    };
    let text = written(value, how)?;
    let width: isize = width.trim().parse().map_err(|_| format!("'{width}' is no width."))?;
    if width.unsigned_abs() > WIDEST {
        return Err(format!("A width is at most {WIDEST}."));
    }
    let fill = " ".repeat(width.unsigned_abs().saturating_sub(text.chars().count()));
    Ok(if width < 0 { text + &fill } else { fill + &text })
}

/// A value as a standard format has it.
pub fn written(value: &Value, how: &str) -> Result<String, String> {
    let mut letters = how.chars();
    let Some(kind) = letters.next() else { return Ok(value.to_string()) };
    let refused =
        || format!("'{how}' is no format here; there are N, F, P, D and X, each with a number of digits.");
    let digits = match letters.as_str() {
        "" => None,
        digits => Some(digits.parse::<usize>().ok().filter(|digits| *digits <= 15).ok_or_else(refused)?),
    };
    let number = real(value).ok_or_else(|| format!("'{value}' is no number."))?;
    Ok(match kind.to_ascii_uppercase() {
        'N' => grouped(&format!("{number:.*}", digits.unwrap_or(2))),
        'F' => format!("{number:.*}", digits.unwrap_or(2)),
        'P' => format!("{} %", grouped(&format!("{:.*}", digits.unwrap_or(2), number * 100.0))),
        'D' => format!("{:0fill$}", number as i64, fill = digits.unwrap_or(0)),
        'X' => format!("{:0fill$X}", number as i64, fill = digits.unwrap_or(0)),
        _ => return Err(refused()),
    })
}

/// A number with commas between its thousands.
fn grouped(number: &str) -> String {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(a, b)| (a, Some(b)));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let mut text = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    match fraction {
        Some(fraction) => format!("{text}.{fraction}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let values = [Value::text("ab"), Value::Int(1_234_567), Value::Real(0.5)];
        let table = [
            ("{0}-{1}", Ok("ab-1234567")),
            ("[{0,5}] [{0,-5}]", Ok("[   ab] [ab   ]")),
            ("{1:N0} {2:N2} {2:P0} {2:F1}", Ok("1,234,567 0.50 50 % 0.5")),
            ("{1:D10} {1:X}", Ok("0001234567 12D687")),
            ("{{0}}", Ok("{0}")),
            ("{3}", Err("no value")),
            ("{x}", Err("no number")),
            ("{0", Err("has the form")),
            ("}", Err("has the form")),
            ("{1:Q}", Err("no format")),
            ("{1:N99}", Err("no format")),
            ("{0,99999}", Err("at most")),
            ("{0:N2}", Err("no number")),
        ];
        for (text, expected) in table {
            match (format(text, &values), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(found), Err(part)) => assert!(found.contains(part), "{text}: {found}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}
