//! ConvertTo-SecureString and Read-Host: how passwords get into the shell.
//!
//! A SecureString is `mail::Secret`: it prints as its type's name everywhere, is left out of the audit log, and is
//! overwritten when it is dropped. Reading one from the terminal is the caller's part, which does not echo it.

use super::FOR_ALL;
use crate::cmdlet::{Cmdlet, Kind, Run, parameter};
use crate::run::{Call, Failure};
use crate::value::Value;
use crate::{Echo, Question};
use mail::Secret;

pub const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "ConvertTo-SecureString",
        synopsis: "Makes a SecureString of a text.",
        parameters: &[
            parameter("String", Kind::Text, "The text.").at(1).piped().mandatory(),
            parameter("AsPlainText", Kind::Switch, "Says that the text is in clear."),
            parameter("Force", Kind::Switch, "Says that this is meant."),
        ],
        examples: &[(
            "$p = ConvertTo-SecureString 'a secret' -AsPlainText -Force",
            "Keeps a password in a variable.",
        )],
        run: Run::Each(|call| Box::pin(convert(call))),
        ..FOR_ALL
    },
    Cmdlet {
        name: "Read-Host",
        synopsis: "Asks the person at the terminal.",
        parameters: &[
            parameter("Prompt", Kind::Text, "What is asked.").at(1),
            parameter("AsSecureString", Kind::Switch, "Does not show what is typed."),
        ],
        examples: &[("$p = Read-Host 'Password' -AsSecureString", "Asks for a password.")],
        run: Run::Each(|call| Box::pin(read(call))),
        ..FOR_ALL
    },
];

async fn convert(call: &mut Call<'_>) -> Result<(), Failure> {
    if !call.arguments.switch("AsPlainText") {
        return Err("Only texts in clear are known: add -AsPlainText -Force.".into());
    }
    let secret = Secret::new(call.arguments.text("String").unwrap_or_default());
    call.emit(Value::Secret(secret)).await?;
    Ok(())
}

async fn read(call: &mut Call<'_>) -> Result<(), Failure> {
    if !call.env().terminal().interactive {
        return Err("There is nobody to ask: the shell is not interactive.".into());
    }
    let prompt = call.arguments.text("Prompt").map(|prompt| format!("{prompt}: ")).unwrap_or_default();
    let hidden = call.arguments.switch("AsSecureString");
    let echo = if hidden { Echo::Hidden } else { Echo::Shown };
    let answer = call.env().ask(Question { text: prompt, echo }).await?;
    let value = if hidden { Value::Secret(Secret::new(answer)) } else { Value::text(answer) };
    call.emit(value).await?;
    Ok(())
}
