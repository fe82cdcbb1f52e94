//! The server that is measured: where it listens, who may log in, and which processes it is.

use crate::connection::Tls;
use crate::error::Error;
use std::net::IpAddr;
use std::path::PathBuf;

/// A server by address and ports.
#[derive(Clone, Debug, clap::Args)]
pub struct Target {
    /// Name of the server in the reports
    #[arg(long, default_value = "server")]
    pub name: String,
    /// Address of all ports
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port for SMTP with STARTTLS
    #[arg(long, default_value_t = 25)]
    pub smtp: u16,
    /// Port for IMAP over TLS
    #[arg(long, default_value_t = 993)]
    pub imaps: u16,
    /// Port for POP3 over TLS
    #[arg(long, default_value_t = 995)]
    pub pop3s: u16,
    /// Login names and addresses; {} stands for a number from 1
    #[arg(long, default_value = "user{}@example.test")]
    pub user: String,
    /// How many such users there are
    #[arg(long, default_value_t = 100)]
    pub users: u32,
    /// Their common password
    #[arg(long, default_value = "pass")]
    pub password: String,
    /// CA certificates in PEM; without them certificates are not verified
    #[arg(long)]
    pub ca: Option<PathBuf>,
    /// Process whose CPU time and memory are reported, with all its children (repeatable)
    #[arg(long)]
    pub pid: Vec<u32>,
}

impl Target {
    /// The login name of a user; numbers beyond the last start again.
    pub fn user(&self, number: u32) -> String {
        let number = number.saturating_sub(1) % self.users.max(1) + 1;
        self.user.replace("{}", &number.to_string())
    }

    /// What is needed to begin TLS.
    pub fn tls(&self) -> Result<Tls, Error> {
        Tls::new(self.ca.as_deref())
    }
}
