//! Settings of an object, one line each: what binding, showing, changing and help have of them.
//!
//! A setting that is kept for scripts and does nothing here says so when it is set to another value than a new object
//! has: whoever sets it expects something that does not come.

use crate::run::{Arguments, Failure};
use crate::value::{Object, Value};
use directory::{
    AllowedOofType, ByteSize, ContentType, ExtendedProtectionPolicy, Limit, MessageRateSource,
    ProtocolLoggingLevel, SizeEnabled, TimeSpan, TransportRole,
};
use mail::Address;
use std::fmt::Display;
use std::str::FromStr;

/// One setting.
pub struct Setting<T> {
    /// The parameter's and the property's name.
    pub name: &'static str,
    /// As it is shown.
    pub show: fn(&T) -> Value,
    /// Takes it from the arguments, where they have it.
    pub put: fn(&mut T, &Arguments, &'static str) -> Result<(), Failure>,
    /// For one without effect: what to do instead.
    pub instead: Option<&'static str>,
}

/// A type of settings: how it is shown, and taken from arguments.
pub trait Field: Sized {
    /// As it is shown.
    fn show(&self) -> Value;
    /// Takes it from the arguments, where they have it.
    fn put(&mut self, arguments: &Arguments, name: &str) -> Result<(), Failure>;
}

impl Field for bool {
    fn show(&self) -> Value {
        (*self).into()
    }

    fn put(&mut self, arguments: &Arguments, name: &str) -> Result<(), Failure> {
        super::mailbox::put(self, arguments.bool(name));
        Ok(())
    }
}

impl Field for String {
    fn show(&self) -> Value {
        self.as_str().into()
    }

    fn put(&mut self, arguments: &Arguments, name: &str) -> Result<(), Failure> {
        super::mailbox::put(self, arguments.text(name));
        Ok(())
    }
}

/// Empty is nothing.
impl Field for Option<String> {
    fn show(&self) -> Value {
        self.as_ref().into()
    }

    fn put(&mut self, arguments: &Arguments, name: &str) -> Result<(), Failure> {
        let text = arguments.text(name).map(|text| Some(text).filter(|text| !text.is_empty()));
        super::mailbox::put(self, text);
        Ok(())
    }
}

/// Empty is nobody.
impl Field for Option<Address> {
    fn show(&self) -> Value {
        self.as_ref().map(ToString::to_string).into()
    }

    fn put(&mut self, arguments: &Arguments, name: &str) -> Result<(), Failure> {
        let cleared = arguments.text(name).is_some_and(|text| text.is_empty());
        *self = if cleared { None } else { arguments.parse(name)? };
        Ok(())
    }
}

/// `$null` leaves it open.
impl Field for Option<bool> {
    fn show(&self) -> Value {
        (*self).into()
    }

    fn put(&mut self, arguments: &Arguments, name: &str) -> Result<(), Failure> {
        let cleared = arguments.text(name).is_some_and(|text| text.is_empty());
        *self = arguments.bool(name).filter(|_| !cleared);
        Ok(())
    }
}

/// `$null` leaves it open.
impl Field for Option<u32> {
    fn show(&self) -> Value {
        (*self).into()
    }

    fn put(&mut self, arguments: &Arguments, name: &str) -> Result<(), Failure> {
        let cleared = arguments.text(name).is_some_and(|text| text.is_empty());
        *self = if cleared { None } else { arguments.parse(name)? };
        Ok(())
    }
}

impl<T> Field for Vec<T>
where
    T: FromStr<Err: Display> + Clone + PartialEq + Display,
{
    fn show(&self) -> Value {
        Value::texts(self)
    }

    fn put(&mut self, arguments: &Arguments, name: &str) -> Result<(), Failure> {
        super::settings::change_list(arguments, name, self, &mut Vec::new())
    }
}

macro_rules! parsed {
    ($($type:ty => |$value:ident| $shown:expr),+ $(,)?) => {$(
        impl Field for $type {
            fn show(&self) -> Value {
                let $value = self;
                $shown.into()
            }

            fn put(&mut self, arguments: &Arguments, name: &str) -> Result<(), Failure> {
                super::mailbox::put(self, arguments.parse(name)?);
                Ok(())
            }
        }
    )+};
}

parsed! {
    u32 => |value| *value,
    ByteSize => |value| *value,
    TimeSpan => |value| *value,
    Limit<u32> => |value| *value,
    Limit<ByteSize> => |value| *value,
    SizeEnabled => |value| value.to_string(),
    MessageRateSource => |value| value.to_string(),
    ProtocolLoggingLevel => |value| value.to_string(),
    ExtendedProtectionPolicy => |value| value.to_string(),
    TransportRole => |value| value.to_string(),
    AllowedOofType => |value| value.to_string(),
    ContentType => |value| value.to_string(),
}

/// Makes the table, and the macro that adds the parameters to a cmdlet's own.
macro_rules! settings {
    (@instead) => { None };
    (@instead $instead:literal) => { Some($instead) };
    ($d:tt $type:ty, $with:ident; $($name:literal $kind:ident $([$($value:literal),+])? $help:literal = $($path:ident).+ $(; $instead:literal)?,)+) => {
        /// All settings, in the order in which they are shown.
        pub const SETTINGS: &[$crate::cmdlets::setting::Setting<$type>] = &[$($crate::cmdlets::setting::Setting {
            name: $name,
            show: |object| $crate::cmdlets::setting::Field::show(&object.$($path).+),
            put: |object, arguments, name| {
                $crate::cmdlets::setting::Field::put(&mut object.$($path).+, arguments, name)
            },
            instead: $crate::cmdlets::setting::settings!(@instead $($instead)?),
        }),+];

        /// A cmdlet's own parameters, and those of all settings.
        macro_rules! $with {
            ($d($d own:expr),* $d(,)?) => {
                &[$d($d own,)* $($crate::cmdlet::parameter($name, $crate::cmdlet::Kind::$kind, $help)$(.one_of(&[$($value),+]))?),+]
            };
        }
    };
}
pub(super) use settings;

/// The object as it is shown, with all settings.
pub fn show<T>(settings: &[Setting<T>], of: &T, object: Object) -> Object {
    settings.iter().fold(object, |object, setting| object.with(setting.name, (setting.show)(of)))
}

/// Changes what the arguments have, and says what of it does nothing.
pub fn put<T>(
    settings: &[Setting<T>],
    object: &mut T,
    usual: &T,
    arguments: &Arguments,
) -> Result<Vec<String>, Failure> {
    let mut remarks = Vec::new();
    for setting in settings.iter().filter(|setting| arguments.given(setting.name)) {
        (setting.put)(object, arguments, setting.name)?;
        if let Some(instead) = setting.instead
            && (setting.show)(object) != (setting.show)(usual)
        {
            let name = setting.name;
            remarks.push(format!("{name} is kept, but has no effect in this version. {instead}"));
        }
    }
    Ok(remarks)
}
