//! What mailboxes, users and contacts have in common: who the person is.

use super::mailbox::put;
use crate::cmdlet::{Kind, Parameter, parameter};
use crate::run::{Call, Failure};
use crate::value::{Object, Value};
use directory::Person;

pub const FIRST_NAME: Parameter = parameter("FirstName", Kind::Text, "Given name.");
pub const INITIALS: Parameter = parameter("Initials", Kind::Text, "Initials of middle names.");
pub const LAST_NAME: Parameter = parameter("LastName", Kind::Text, "Family name.");
pub const DEPARTMENT: Parameter = parameter("Department", Kind::Text, "Part of the company.");
pub const COMPANY: Parameter = parameter("Company", Kind::Text, "Company.");
pub const TITLE: Parameter = parameter("Title", Kind::Text, "What the person does there.");
pub const OFFICE: Parameter = parameter("Office", Kind::Text, "Room.");
pub const PHONE: Parameter = parameter("Phone", Kind::Text, "Telephone number.");

/// Names of CustomAttribute1 to 15, with their numbers.
pub const CUSTOM_ATTRIBUTES: [(&str, u8); 15] = [
    ("CustomAttribute1", 1),
    ("CustomAttribute2", 2),
    ("CustomAttribute3", 3),
    ("CustomAttribute4", 4),
    ("CustomAttribute5", 5),
    ("CustomAttribute6", 6),
    ("CustomAttribute7", 7),
    ("CustomAttribute8", 8),
    ("CustomAttribute9", 9),
    ("CustomAttribute10", 10),
    ("CustomAttribute11", 11),
    ("CustomAttribute12", 12),
    ("CustomAttribute13", 13),
    ("CustomAttribute14", 14),
    ("CustomAttribute15", 15),
];

/// The longest text that is kept of a person.
const LONGEST: usize = 1024;

/// Sets what was given.
pub fn set(call: &Call<'_>, person: &mut Person) -> Result<(), Failure> {
    put(&mut person.first_name, text(call, "FirstName")?);
    put(&mut person.initials, text(call, "Initials")?);
    put(&mut person.last_name, text(call, "LastName")?);
    put(&mut person.department, text(call, "Department")?);
    put(&mut person.company, text(call, "Company")?);
    put(&mut person.title, text(call, "Title")?);
    put(&mut person.office, text(call, "Office")?);
    put(&mut person.phone, text(call, "Phone")?);
    for (name, number) in CUSTOM_ATTRIBUTES {
        match text(call, name)? {
            Some(value) if value.is_empty() => drop(person.custom_attributes.remove(&number)),
            Some(value) => drop(person.custom_attributes.insert(number, value)),
            None => {}
        }
    }
    Ok(())
}

fn text(call: &Call<'_>, name: &str) -> Result<Option<String>, Failure> {
    let given = call.arguments.text(name);
    match given {
        Some(text) if text.len() > LONGEST || text.chars().any(char::is_control) => Err(format!(
            "The value of parameter '{name}' is not valid; legal: up to {LONGEST} octets of text on one line."
        )
        .into()),
        given => Ok(given),
    }
}

/// Adds the person to what is shown.
pub fn with(object: Object, person: &Person) -> Object {
    object
        .with("FirstName", &person.first_name)
        .with("Initials", &person.initials)
        .with("LastName", &person.last_name)
        .with("Department", &person.department)
        .with("Company", &person.company)
        .with("Title", &person.title)
        .with("Office", &person.office)
        .with("Phone", &person.phone)
}

/// Adds CustomAttribute1 to 15 to what is shown.
pub fn with_custom_attributes(mut object: Object, person: &Person) -> Object {
    for (name, number) in CUSTOM_ATTRIBUTES {
        let value = person.custom_attributes.get(&number).map_or("", String::as_str);
        object = object.with(name, Value::from(value));
    }
    object
}
