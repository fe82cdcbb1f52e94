//! AUTHORIZATION: USER and PASS (RFC 1939 §7), AUTH (RFC 5034).

use super::{Session, Stage};
use crate::command::Auth;
use crate::maildrop::Maildrop;
use crate::{Ask, Code, Login, Refusal, reply};
use mail::Listing;
use wire::sasl::{Exchange, Outcome};
use wire::{Credentials, Mechanism, Step};

const LOGON_FAILURE: &str = "Logon failure: unknown user name or bad password.";

impl Session {
    pub(super) fn user(&mut self, name: Vec<u8>) {
        if !self.offers().has(Mechanism::Command) {
            return self.not_offered();
        }
        // Every name is taken here: whether it exists is nobody's business before the password.
        self.ok("");
        self.stage = Stage::Authorization(Some(name));
    }

    pub(super) fn pass(&mut self, password: &[u8]) {
        if !self.offers().has(Mechanism::Command) {
            return self.not_offered();
        }
        let Stage::Authorization(name) = std::mem::replace(&mut self.stage, Stage::Authorization(None))
        else {
            return;
        };
        let Some(name) = name else { return self.bad_line("Send USER before PASS.") };
        match Credentials::from_command(&name, password) {
            Some(credentials) => self.open(credentials),
            None => self.login_refused(&Refusal { code: Some(Code::Auth), text: LOGON_FAILURE.to_owned() }),
        }
    }

    /// AUTH alone lists the mechanisms: older clients ask so, and RFC 1734's successors let them.
    pub(super) fn list_mechanisms(&mut self) {
        let names: Vec<&str> = self.offers().sasl().collect();
        self.ok("Mechanisms follow");
        for name in names {
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"\r\n");
        }
        self.out.extend_from_slice(b".\r\n");
    }

    pub(super) fn auth(&mut self, auth: Auth) {
        match Mechanism::from_name(&auth.mechanism) {
            Some(mechanism) if self.offers().has(mechanism) => {
                let (exchange, outcome) = Exchange::begin(mechanism, auth.initial.as_deref());
                self.exchanged(exchange, outcome);
            }
            Some(_) => self.not_offered(),
            None => self.bad_line("Unknown authentication mechanism."),
        }
    }

    pub(super) fn sasl_response(&mut self, line: &[u8]) {
        if let Stage::Exchange(mut exchange) = std::mem::replace(&mut self.stage, Stage::Authorization(None))
        {
            let outcome = exchange.respond(line);
            self.exchanged(exchange, outcome);
        }
    }

    fn exchanged(&mut self, exchange: Exchange, outcome: Outcome) {
        self.stage = Stage::Authorization(None);
        match outcome {
            Outcome::Challenge(text) => {
                self.out.extend_from_slice(format!("+ {text}\r\n").as_bytes());
                self.stage = Stage::Exchange(exchange);
            }
            Outcome::Complete(credentials) => self.open(credentials),
            Outcome::Failed(error) => self.bad_line(&format!("{error}.")),
        }
        self.set_line_limit();
    }

    fn open(&mut self, credentials: Credentials) {
        self.stage = Stage::Opening;
        self.then = Some(Step::Ask(Ask::Open(Login { credentials, tls: self.tls.clone() })));
    }

    pub(super) fn opened(&mut self, listing: Listing) {
        self.bad_lines = 0;
        self.stage = Stage::Transaction(Maildrop::new(listing, self.settings.order));
        self.ok("User successfully logged on.");
    }

    pub(super) fn login_refused(&mut self, refusal: &Refusal) {
        self.stage = Stage::Authorization(None);
        reply::err(&mut self.out, refusal.code, &refusal.text);
        self.lose_patience();
    }

    /// The words of Exchange, and then what to do.
    fn not_offered(&mut self) {
        let text = match (self.can_start_tls(), self.tls.is_some()) {
            (true, _) => "Command is not valid in this state: begin TLS with STLS first.",
            (false, false) => "Command is not valid in this state: connect with TLS.",
            (false, true) => "Command is not valid in this state: this way of logging in is switched off.",
        };
        self.bad_line(text);
    }
}
