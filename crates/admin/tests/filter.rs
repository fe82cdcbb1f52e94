//! Filters that the index answers give what they give without it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::Site;

#[tokio::test]
async fn the_index_answers_as_looking_at_everybody_does() {
    let mut site = Site::new().await;
    site.good("Set-Mailbox alice -EmailAddresses @{Add='a.smith@example.test'}; Set-CASMailbox bob -PopEnabled $false")
        .await;
    let filters = [
        ("Name -eq 'ALICE'", "alice"),
        ("Alias -eq 'bob'", "bob"),
        ("PrimarySmtpAddress -eq 'Alice@Example.test'", "alice"),
        // Another of her addresses is not the primary one.
        ("PrimarySmtpAddress -eq 'a.smith@example.test'", ""),
        // A name is not what is looked for in an alias, nor an address in a name.
        ("Name -eq 'alice@example.test'", ""),
        ("PrimarySmtpAddress -eq 'alice'", ""),
        ("Name -eq 'nobody'", ""),
        ("Name -eq 'bob' -and PopEnabled -eq $true", ""),
        ("PopEnabled -eq $false -and Name -eq 'bob'", "bob"),
        ("Name -eq 'alice' -or Name -eq 'bob'", "alice bob"),
        ("-not (Name -eq 'alice')", "admin bob"),
        ("Name -eq 'alice' -and Name -eq 'bob'", ""),
        ("(Name -eq 'bob' -or Name -eq 'alice') -and Alias -eq 'alice'", "alice"),
        // Words, as they are left where a filter in double quotes was expanded.
        ("Name -eq alice", "alice"),
        ("PopEnabled -eq True", "admin alice"),
        ("PopEnabled -ne true", "bob"),
        ("Name -ne 'alice'", "admin bob"),
        ("Name -like 'a*'", "admin alice"),
    ];
    for (filter, expected) in filters {
        let get = if filter.contains("PopEnabled") { "Get-CASMailbox" } else { "Get-Mailbox" };
        let found = site.good(&format!("{get} -Filter \"{}\" | % Name", filter.replace('$', "`$"))).await;
        let words: Vec<&str> = found.split_whitespace().collect();
        assert_eq!(words.join(" "), expected, "{filter}");
        if !filter.contains('\'') {
            continue;
        }
        let (all, _) = site.run(&format!("{get} | ? {{{}}} | % Name", with_item(filter))).await;
        assert_eq!(all.output, found, "{filter}");
    }
}

/// The same condition for Where-Object.
fn with_item(filter: &str) -> String {
    ["PrimarySmtpAddress", "PopEnabled", "Alias", "Name"]
        .iter()
        .fold(filter.to_owned(), |text, name| text.replace(&format!("{name} -"), &format!("$_.{name} -")))
}

#[tokio::test]
async fn a_property_that_is_not_there_is_an_error() {
    let mut site = Site::new().await;
    for filter in ["{Bogus -eq True}", "{PopEnabled -eq $true}", "{Name -eq 'alice' -and Bogus -ne 1}"] {
        let errors = site.bad(&format!("Get-Mailbox -Filter {filter}")).await;
        assert!(errors.contains("A filter knows no property"), "{filter}: {errors}");
    }
}
