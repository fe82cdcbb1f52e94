//! What the boot file says: where the data and the admin socket are, and how to log.
//!
//! Everything else is an administration object and changed while the server runs. A key that is not known is an error
//! that names the line and the keys there are: a misspelt setting that is silently ignored is worse than none.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The greatest number that can be added to every standard port.
pub const LARGEST_OFFSET: u16 = u16::MAX - 995;

/// The boot file's content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Boot {
    /// Where messages are, if not beside this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// The socket for `gatepost shell`, if not `admin.sock` beside this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_socket: Option<PathBuf>,
    /// What is logged.
    pub log_level: LogLevel,
    /// In which form.
    pub log_format: LogFormat,
    /// MiB of messages on their way in that are kept in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staging_memory_mib: Option<usize>,
    /// Threads that read from the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reader_threads: Option<usize>,
    /// Threads that serve connections, if not one per processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_threads: Option<usize>,
    /// What the demo was last started with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demo: Option<DemoPlace>,
}

/// Where the demo listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoPlace {
    /// Local address.
    pub bind: IpAddr,
    /// Is added to every standard port.
    pub port_offset: u16,
    /// Whether the sample messages are there.
    pub complete: bool,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What needs repair.
    Error,
    /// And what should be looked at.
    Warn,
    /// And what happened.
    #[default]
    Info,
    /// And how.
    Debug,
}

impl LogLevel {
    /// As the log's filter spells it.
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
        }
    }
}

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Boot {
    /// The boot file of this text, or what is wrong with it.
    pub fn parse(text: &str) -> Result<Boot, String> {
        // toml's own message shows the line and lists the legal keys or values.
        let boot: Boot = toml::from_str(text).map_err(|error| error.to_string())?;
        boot.out_of_range().map_or(Ok(boot), Err)
    }

    /// The boot file's text.
    pub fn to_text(&self) -> Result<String, toml::ser::Error> {
        Ok(format!("{HEAD}{}", toml::to_string(self)?))
    }

    /// The first value with which the server could not work.
    fn out_of_range(&self) -> Option<String> {
        let offset = self.demo.map(|demo| usize::from(demo.port_offset));
        let all = [
            ("staging_memory_mib", self.staging_memory_mib, 1..=65_536),
            ("reader_threads", self.reader_threads, 1..=64),
            ("worker_threads", self.worker_threads, 1..=512),
            ("port_offset of the demo", offset, 0..=usize::from(LARGEST_OFFSET)),
        ];
        all.into_iter().find_map(|(key, value, legal)| {
            let value = value.filter(|value| !legal.contains(value))?;
            Some(format!("{key} = {value} is out of range; legal: {} to {}", legal.start(), legal.end()))
        })
    }

    /// Where messages are.
    pub fn data_dir(&self, dir: &Path) -> PathBuf {
        self.data.as_ref().map_or_else(|| dir.to_owned(), |data| dir.join(data))
    }

    /// The socket for `gatepost shell`.
    pub fn socket(&self, dir: &Path) -> PathBuf {
        self.admin_socket.as_ref().map_or_else(|| dir.join("admin.sock"), |socket| dir.join(socket))
    }

    /// How the store is opened.
    pub fn store_options(&self) -> store::Options {
        let usual = store::Options::default();
        store::Options {
            staging_memory: self.staging_memory_mib.map_or(usual.staging_memory, |mib| mib << 20),
            readers: self.reader_threads.map_or(usual.readers, |threads| threads.max(1)),
            ..usual
        }
    }
}

const HEAD: &str = "# Gatepost boot file. All other settings are made in `gatepost shell`.\n\
                    # Keys: data, admin_socket, log_level, log_format, staging_memory_mib, reader_threads, worker_threads.\n\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_explained() {
        let table: [(&str, &[&str]); 4] = [
            ("log_level = \"info\"\nhostnam = \"x\"\n", &["line 2", "hostnam", "admin_socket", "log_format"]),
            ("log_level = \"loud\"\n", &["line 1", "loud", "error", "debug"]),
            ("log_level = \n", &["line 1"]),
            ("worker_threads = \"two\"\n", &["line 1", "two"]),
        ];
        for (text, parts) in table {
            let error = Boot::parse(text).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "{part}: {error}");
            }
        }
    }

    #[test]
    fn values_have_ranges() {
        let table = [
            ("reader_threads = 0", "reader_threads = 0 is out of range; legal: 1 to 64"),
            ("reader_threads = 100000", "legal: 1 to 64"),
            ("worker_threads = 1000000", "worker_threads = 1000000 is out of range; legal: 1 to 512"),
            ("staging_memory_mib = 17592186044416", "legal: 1 to 65536"),
            (
                "[demo]\nbind = \"127.0.0.1\"\nport_offset = 65000\ncomplete = false",
                "port_offset of the demo = 65000 is out of range; legal: 0 to 64540",
            ),
        ];
        for (text, part) in table {
            let error = Boot::parse(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert!(Boot::parse("reader_threads = 64\nworker_threads = 1\nstaging_memory_mib = 1").is_ok());
    }
}
