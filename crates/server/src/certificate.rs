//! The node's own certificate authority and server certificate, made when they are missing.
//!
//! `DIR/ca.pem` is what clients import; its key, and the server's certificate with key, lie in `DIR/tls`, readable by the
//! owner only. The authority lives ten years, the server's certificate a year; it is renewed within its last thirty
//! days, or when the names it must have changed. The authority is never replaced by itself: clients trust it.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

const DAY: i64 = 86_400;
const CA_LIFE: i64 = 3652 * DAY;
/// Some clients refuse certificates that live longer than 398 days.
const SERVER_LIFE: i64 = 365 * DAY;
const RENEW_BEFORE: i64 = 30 * DAY;
/// Clients' clocks may be this slow.
const BACKDATE: i64 = DAY;

/// A certificate with its chain and key, as TLS needs it.
pub struct Identity {
    /// The server's certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

/// Why there is no certificate.
#[derive(Debug)]
pub enum CertificateError {
    /// A file could not be read or written.
    File(PathBuf, std::io::Error),
    /// A file is there but holds something else, with a hint what to do.
    Content(PathBuf, &'static str),
    /// A certificate could not be made.
    Making(rcgen::Error),
    /// TLS does not take the certificate or its key.
    Tls(rustls::Error),
}

impl std::fmt::Display for CertificateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CertificateError::File(path, error) => write!(f, "{}: {error}", path.display()),
            CertificateError::Content(path, hint) => write!(f, "{}: {hint}", path.display()),
            CertificateError::Making(error) => write!(f, "a certificate could not be made: {error}"),
            CertificateError::Tls(error) => write!(f, "TLS does not take the certificate: {error}"),
        }
    }
}

impl std::error::Error for CertificateError {}

impl From<rcgen::Error> for CertificateError {
    fn from(error: rcgen::Error) -> CertificateError {
        CertificateError::Making(error)
    }
}

impl From<rustls::Error> for CertificateError {
    fn from(error: rustls::Error) -> CertificateError {
        CertificateError::Tls(error)
    }
}

/// Where a data directory keeps its certificates.
struct Files {
    ca: PathBuf,
    ca_key: PathBuf,
    server: PathBuf,
    server_key: PathBuf,
}

impl Files {
    fn of(data: &Path) -> Files {
        let tls = data.join("tls");
        Files {
            ca: ca_path(data),
            ca_key: tls.join("ca-key.pem"),
            server: tls.join("server.pem"),
            server_key: tls.join("server-key.pem"),
        }
    }
}

/// The certificate that clients of this data directory import.
pub fn ca_path(data: &Path) -> PathBuf {
    data.join("ca.pem")
}

/// The server's certificate for these names (host names and IP addresses), made or renewed where needed; `now` is in
/// seconds since 1970.
pub fn ensure(data: &Path, names: &[String], now: i64) -> Result<Identity, CertificateError> {
    let files = Files::of(data);
    if let Some(identity) = load(&files, names, now)? {
        return Ok(identity);
    }
    make_private_dir(&data.join("tls"))?;
    let issuer = authority(&files, now)?;
    issue(&files, &issuer, names, now)?;
    load(&files, names, now)?.ok_or(CertificateError::Content(
        files.server,
        "the certificate just made is not good; is the clock right?",
    ))
}

/// The certificate as it is on disk, if it is still good for a while.
fn load(files: &Files, names: &[String], now: i64) -> Result<Option<Identity>, CertificateError> {
    // A directory without the authority's certificate is one that was never finished.
    if !files.server.exists() || !files.server_key.exists() || !files.ca.exists() {
        return Ok(None);
    }
    let hint = "this is no PEM file of a certificate or key; restore it, or remove it to have a new one made";
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(&files.server)?).collect();
    let chain = chain.map_err(|_| CertificateError::Content(files.server.clone(), hint))?;
    let key = PrivateKeyDer::from_pem_slice(&read(&files.server_key)?)
        .map_err(|_| CertificateError::Content(files.server_key.clone(), hint))?;
    let first = chain.first().ok_or(CertificateError::Content(files.server.clone(), hint))?;
    let (_, leaf) = X509Certificate::from_der(first)
        .map_err(|_| CertificateError::Content(files.server.clone(), hint))?;
    let good = leaf.validity().not_after.timestamp() - RENEW_BEFORE > now && covers(&leaf, names);
    // A renewal that was cut short leaves a key that is not the certificate's: then both are made again.
    Ok(Some(Identity { chain, key }).filter(|identity| good && belong_together(identity)))
}

fn belong_together(identity: &Identity) -> bool {
    let Ok(key) = rustls::crypto::aws_lc_rs::sign::any_supported_type(&identity.key) else { return false };
    rustls::sign::CertifiedKey::new(identity.chain.clone(), key).keys_match().is_ok()
}

fn covers(leaf: &X509Certificate<'_>, names: &[String]) -> bool {
    let Ok(Some(alternatives)) = leaf.subject_alternative_name() else { return false };
    let listed: Vec<String> = alternatives.value.general_names.iter().filter_map(name_text).collect();
    names.iter().all(|name| listed.iter().any(|listed| listed.eq_ignore_ascii_case(name)))
}

fn name_text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => match octets.len() {
            4 => <[u8; 4]>::try_from(*octets).ok().map(|octets| IpAddr::from(octets).to_string()),
            _ => <[u8; 16]>::try_from(*octets).ok().map(|octets| IpAddr::from(octets).to_string()),
        },
        _ => None,
    }
}

/// The authority, loaded or made.
fn authority(files: &Files, now: i64) -> Result<Issuer<'static, KeyPair>, CertificateError> {
    match (files.ca.exists(), files.ca_key.exists()) {
        (true, true) => load_authority(files),
        (true, false) => Err(CertificateError::Content(
            files.ca_key.clone(),
            "the authority's key is missing, so the server's certificate cannot be renewed: restore the file from a \
             backup, or remove ca.pem to have a new authority made, which clients must import again",
        )),
        // The key is written first: without the certificate, nobody has trusted it yet.
        (false, _) => make_authority(files, now),
    }
}

fn load_authority(files: &Files) -> Result<Issuer<'static, KeyPair>, CertificateError> {
    let text = |path: &Path| read(path).map(|octets| String::from_utf8_lossy(&octets).into_owned());
    let key = KeyPair::from_pem(&text(&files.ca_key)?).map_err(|_| {
        CertificateError::Content(files.ca_key.clone(), "this is no PEM file of a private key")
    })?;
    Issuer::from_ca_cert_pem(&text(&files.ca)?, key)
        .map_err(|_| CertificateError::Content(files.ca.clone(), "this is no PEM file of a certificate"))
}

fn make_authority(files: &Files, now: i64) -> Result<Issuer<'static, KeyPair>, CertificateError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Told apart in a client's list of authorities by a number from the key.
    let tail: String =
        key.public_key_raw().iter().rev().take(4).map(|octet| format!("{octet:02X}")).collect();
    params.distinguished_name = common_name(&format!("Gatepost CA {tail}"));
    set_life(&mut params, now, CA_LIFE);
    let certificate = params.self_signed(&key)?;
    write(&files.ca_key, key.serialize_pem().as_bytes(), 0o600)?;
    write(&files.ca, certificate.pem().as_bytes(), 0o644)?;
    Ok(Issuer::new(params, key))
}

fn issue(
    files: &Files,
    issuer: &Issuer<'_, KeyPair>,
    names: &[String],
    now: i64,
) -> Result<(), CertificateError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.distinguished_name = common_name(names.first().map_or("Gatepost", String::as_str));
    set_life(&mut params, now, SERVER_LIFE);
    let certificate = params.signed_by(&key, issuer)?;
    write(&files.server_key, key.serialize_pem().as_bytes(), 0o600)?;
    write(&files.server, certificate.pem().as_bytes(), 0o600)
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn set_life(params: &mut CertificateParams, now: i64, life: i64) {
    let moment =
        |seconds: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds.max(0).unsigned_abs());
    params.not_before = moment(now - BACKDATE);
    params.not_after = moment(now + life);
}

fn make_private_dir(path: &Path) -> Result<(), CertificateError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| CertificateError::File(path.to_owned(), error))
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|error| CertificateError::File(path.to_owned(), error))
}

/// Writes a file so that after a crash it is there as a whole or not at all.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), CertificateError> {
    let whole = || {
        let new = path.with_extension("new");
        // One left behind by a crash may have another mode.
        let _ = fs::remove_file(&new);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        path.parent().map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all())
    };
    whole().map_err(|error| CertificateError::File(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const NOW: i64 = 1_767_700_000;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn serial(identity: &Identity) -> Vec<u8> {
        X509Certificate::from_der(&identity.chain[0]).unwrap().1.raw_serial().to_vec()
    }

    #[test]
    fn made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let wanted = names(&["mail.example.test", "localhost", "127.0.0.1", "::1"]);
        let first = ensure(dir.path(), &wanted, NOW).unwrap();
        let again = ensure(dir.path(), &wanted, NOW + 300 * DAY).unwrap();
        assert_eq!(serial(&first), serial(&again));
        for file in ["tls/ca-key.pem", "tls/server.pem", "tls/server-key.pem"] {
            let mode = fs::metadata(dir.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    #[test]
    fn renewed_in_time_by_the_same_authority() {
        let dir = tempfile::tempdir().unwrap();
        let first = ensure(dir.path(), &names(&["a.test"]), NOW).unwrap();
        let ca = fs::read(ca_path(dir.path())).unwrap();
        let late = ensure(dir.path(), &names(&["a.test"]), NOW + 336 * DAY).unwrap();
        assert_ne!(serial(&first), serial(&late), "less than 30 days were left");
        let other = ensure(dir.path(), &names(&["a.test", "b.test"]), NOW + 336 * DAY).unwrap();
        assert_ne!(serial(&late), serial(&other), "a name was missing");
        assert_eq!(ca, fs::read(ca_path(dir.path())).unwrap());
    }

    #[test]
    fn a_start_cut_short_is_finished() {
        for left in [
            &["tls/ca-key.pem"][..],
            &["tls/ca-key.pem", "ca.pem"],
            &["tls/ca-key.pem", "ca.pem", "tls/server-key.pem"],
        ] {
            let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            ensure(whole.path(), &names(&["a.test"]), NOW).unwrap();
            fs::create_dir(cut.path().join("tls")).unwrap();
            for file in left {
                fs::copy(whole.path().join(file), cut.path().join(file)).unwrap();
            }
            ensure(cut.path(), &names(&["a.test"]), NOW).unwrap_or_else(|error| panic!("{left:?}: {error}"));
        }
    }

    #[test]
    fn mistakes_are_explained() {
        let table = [("tls/server.pem", "no PEM file"), ("tls/server-key.pem", "no PEM file")];
        for (file, part) in table {
            let dir = tempfile::tempdir().unwrap();
            ensure(dir.path(), &names(&["a.test"]), NOW).unwrap();
            fs::write(dir.path().join(file), "rubbish").unwrap();
            let error = ensure(dir.path(), &names(&["a.test"]), NOW).err().unwrap().to_string();
            assert!(error.contains(file) && error.contains(part), "{error}");
        }
        let dir = tempfile::tempdir().unwrap();
        ensure(dir.path(), &names(&["a.test"]), NOW).unwrap();
        fs::remove_file(dir.path().join("tls/ca-key.pem")).unwrap();
        assert!(
            ensure(dir.path(), &names(&["a.test"]), NOW).is_ok(),
            "not needed as long as nothing is signed"
        );
        let error = ensure(dir.path(), &names(&["b.test"]), NOW).err().unwrap().to_string();
        assert!(error.contains("ca-key.pem") && error.contains("backup"), "{error}");
    }
}
