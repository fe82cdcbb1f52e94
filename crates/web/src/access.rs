//! Who sends a request: by name and password (RFC 7617) or by an access token (RFC 6750).

use crate::reply::{self, Reply};
use crate::serve::{Session, Web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use directory::{AccessToken, Mailbox, Role};
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use mail::Secret;
use policy::{Caller, Refusal};
use std::sync::Arc;

/// Who sends a request.
pub(crate) struct Access {
    /// As policy judges him.
    pub(crate) caller: Caller,
    /// The mailbox of the user as it was.
    mailbox: Arc<Mailbox>,
    /// The token, where it was one.
    token: Option<Arc<AccessToken>>,
    /// As the audit log names him.
    name: String,
}

impl Access {
    /// Who sends it, or what to answer to somebody unknown.
    pub(crate) async fn of(session: &Session, fields: &HeaderMap) -> Result<Access, Reply> {
        let Some(given) = fields.get(AUTHORIZATION) else {
            return Err(reply::unauthorized("say who you are, by name and password or by an access token"));
        };
        let given = given.to_str().unwrap_or_default();
        let (scheme, rest) = given.split_once(' ').unwrap_or((given, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Access::by_password(session, rest.trim()).await;
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            return Access::by_token(session, rest.trim()).await;
        }
        Err(reply::unauthorized("this is neither Basic nor Bearer, and nothing else is taken"))
    }

    async fn by_password(session: &Session, given: &str) -> Result<Access, Reply> {
        let Some((name, password)) = name_and_password(given) else {
            return Err(reply::unauthorized("this is no user name and password in the form of RFC 7617"));
        };
        let from = session.peer.ip();
        let mailbox = session.web.gate.log_in(name, password).await;
        let mailbox = mailbox.map_err(|refusal| reply::refused(&refusal))?;
        let name = format!("{} (HTTPS from {from})", mailbox.user_principal_name);
        Ok(Access { caller: Caller::User(mailbox.account), mailbox, token: None, name })
    }

    async fn by_token(session: &Session, token: &str) -> Result<Access, Reply> {
        let from = session.peer.ip();
        let called = admin::token::caller(&session.web.context, token).await;
        let (caller, mailbox, token) = called.map_err(|refusal| {
            let (reason, remedy) = (refusal.reason(), refusal.remedy().unwrap_or_default());
            tracing::warn!(protocol = "HTTPS", reason, remedy, "login refused");
            reply::refused(&refusal)
        })?;
        let name = format!("{} (token '{}', HTTPS from {from})", mailbox.user_principal_name, token.name);
        Ok(Access { caller, mailbox, token: Some(token), name })
    }

    /// The administration in his name.
    pub(crate) fn context(&self, web: &Web) -> admin::Context {
        admin::Context { who: self.caller, caller: self.name.clone(), ..web.context.clone() }
    }

    /// Whether he may do what needs this role.
    pub(crate) fn needs(&self, web: &Web, role: Role) -> Result<(), Refusal> {
        policy::administer(&web.context.directory.snapshot(), self.caller, role)
    }

    /// Whether what he showed would still be taken.
    pub(crate) fn may_stay(&self, web: &Web) -> bool {
        let snapshot = web.context.directory.snapshot();
        match &self.token {
            None => policy::may_stay(&snapshot, &self.mailbox).is_ok(),
            Some(token) => {
                let token = snapshot.by_guid::<AccessToken>(token.guid);
                policy::use_token(&snapshot, token.map(|token| &**token), web.context.node.now()).is_ok()
            }
        }
    }
}

fn name_and_password(given: &str) -> Option<(String, Secret)> {
    let text = String::from_utf8(STANDARD.decode(given).ok()?).ok()?;
    // RFC 7617 §2: a name has no colon, a password may have some.
    let (name, password) = text.split_once(':')?;
    let good = !name.is_empty() && !text.chars().any(char::is_control);
    good.then(|| (name.to_owned(), Secret::new(password)))
}

/// Whether a browser sends this for a page of another site. Browsers add passwords they know to such requests, too.
pub(crate) fn is_cross_site(fields: &HeaderMap) -> bool {
    let field = |name: &str| fields.get(name).map(|value| value.to_str().unwrap_or("?"));
    let fetched = field("sec-fetch-site").is_some_and(|site| !["same-origin", "none"].contains(&site));
    let origin = field(ORIGIN.as_str());
    let own = field(HOST.as_str()).map(|host| format!("https://{host}"));
    fetched || origin.is_some_and(|origin| own.is_none_or(|own| !own.eq_ignore_ascii_case(origin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords() {
        let table = [
            ("YWxpY2U6c2VjcmV0", Some(("alice", "secret"))),
            ("YWxpY2U6YTpi", Some(("alice", "a:b"))),
            ("YWxpY2U=", None),
            ("OnNlY3JldA==", None),
            ("YWxpY2U6YQpi", None),
            ("?", None),
        ];
        for (given, expected) in table {
            let got = name_and_password(given);
            let got = got.as_ref().map(|(name, password)| (name.as_str(), password.reveal()));
            assert_eq!(got, expected, "{given}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_known() {
        let table: [(&[(&str, &str)], bool); 7] = [
            (&[], false),
            (&[("origin", "https://mail.example.test")], false),
            (&[("origin", "https://evil.test")], true),
            (&[("origin", "http://mail.example.test")], true),
            (&[("origin", "null")], true),
            (&[("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-origin")], false),
        ];
        for (given, cross) in table {
            let mut fields = HeaderMap::new();
            fields.insert(HOST, "mail.example.test".parse().unwrap());
            for (name, value) in given {
                fields.insert(*name, value.parse().unwrap());
            }
            assert_eq!(is_cross_site(&fields), cross, "{given:?}");
        }
    }
}
