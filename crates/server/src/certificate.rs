//! The node's own certificate authority and server certificate, made when they are missing.
//!
//! `DIR/ca.pem` is what clients import; its key, and the server's certificate with key, lie in `DIR/tls`, readable by the
//! owner only. The authority lives ten years, the server's certificate a year; it is renewed within its last thirty
//! days, or when the names it must have changed. The authority is never replaced by itself: clients trust it.
//!
//! Only a certificate that this authority signed is ever replaced. One that somebody else put in its place is theirs to
//! look after: it is taken as it is, with warnings. No key is ever written over. A renewal keeps the key, so that it
//! replaces one file only, and a certificate and a key that do not belong together are never our doing.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SerialNumber,
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
use x509_parser::oid_registry::{
    OID_PKCS1_SHA256WITHRSA, OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ED25519,
};
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
    /// Whether its time is over; only with one that somebody else must replace.
    pub expired: bool,
    /// What is wrong with it that somebody else must put right, each with how.
    pub warnings: Vec<String>,
}

/// Why there is no certificate.
#[derive(Debug)]
pub enum CertificateError {
    /// A file could not be read or written.
    File(PathBuf, std::io::Error),
    /// A file is there but holds something else, with a hint what to do.
    Content(PathBuf, &'static str),
    /// Certificate and key do not belong together, or one is missing: somebody may be about to replace them.
    Pair {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
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
            CertificateError::Pair { certificate, key } => write!(
                f,
                "{} and {} do not belong together: copy both again, the certificate with its chain and its key; or move \
                 both away to have new ones made",
                certificate.display(),
                key.display()
            ),
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

    fn no_pair(&self) -> CertificateError {
        CertificateError::Pair { certificate: self.server.clone(), key: self.server_key.clone() }
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
    if exists(&files.ca_key)? && !exists(&files.ca)? {
        make_authority(&files, now)?;
        tracing::warn!(
            "ca.pem was missing and is made again; clients that have imported the old one trust it too"
        );
    }
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

/// The certificate as it is on disk; `None` where ours is missing, or has to be replaced by another.
fn load(files: &Files, names: &[String], now: i64) -> Result<Option<Identity>, CertificateError> {
    if !exists(&files.server)? {
        return Ok(None);
    }
    let hint = "this is no PEM file of a certificate or key; restore it, or remove it to have a new one made";
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(&files.server)?).collect();
    let chain = chain.map_err(|_| CertificateError::Content(files.server.clone(), hint))?;
    let first = chain.first().ok_or(CertificateError::Content(files.server.clone(), hint))?.clone();
    let (_, leaf) = X509Certificate::from_der(&first)
        .map_err(|_| CertificateError::Content(files.server.clone(), hint))?;
    if !exists(&files.server_key)? {
        return if is_ours(files, &leaf) { Ok(None) } else { Err(files.no_pair()) };
    }
    let key = text(&files.server_key)?;
    if key.contains("ENCRYPTED") {
        let hint = "the key is encrypted, and nobody is here to type its password: write it without, for example by \
                    `openssl pkey -in FILE -out server-key.pem`";
        return Err(CertificateError::Content(files.server_key.clone(), hint));
    }
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| CertificateError::Content(files.server_key.clone(), hint))?;
    belong_together(files, &chain, &key)?;
    let left = leaf.validity().not_after.timestamp() - now;
    let identity = Identity { chain, key, expired: false, warnings: Vec::new() };
    if left > RENEW_BEFORE && missing(&leaf, names).is_empty() {
        return Ok(Some(identity));
    }
    if is_ours(files, &leaf) {
        return Ok(None);
    }
    Ok(Some(Identity { expired: left <= 0, warnings: warnings(&leaf, names, left), ..identity }))
}

/// Whether our authority signed this certificate.
fn is_ours(files: &Files, leaf: &X509Certificate<'_>) -> bool {
    let Ok(ca) = CertificateDer::from_pem_file(&files.ca) else { return false };
    let Ok((_, ca)) = X509Certificate::from_der(&ca) else { return false };
    let algorithms: [(_, &dyn VerificationAlgorithm); 4] = [
        (OID_SIG_ECDSA_WITH_SHA256, &signature::ECDSA_P256_SHA256_ASN1),
        (OID_SIG_ECDSA_WITH_SHA384, &signature::ECDSA_P384_SHA384_ASN1),
        (OID_SIG_ED25519, &signature::ED25519),
        (OID_PKCS1_SHA256WITHRSA, &signature::RSA_PKCS1_2048_8192_SHA256),
    ];
    let key = &ca.public_key().subject_public_key.data;
    algorithms.into_iter().filter(|(id, _)| *id == leaf.signature_algorithm.algorithm).any(
        |(_, algorithm)| {
            let key = UnparsedPublicKey::new(algorithm, key);
            key.verify(leaf.tbs_certificate.as_ref(), &leaf.signature_value.data).is_ok()
        },
    )
}

/// What somebody has to do about a certificate that is not ours.
fn warnings(leaf: &X509Certificate<'_>, names: &[String], left: i64) -> Vec<String> {
    let remedy =
        "replace tls/server.pem and tls/server-key.pem in the data directory, and send the server a SIGHUP";
    let age = match left {
        ..=0 => Some(format!("the certificate has expired, and clients refuse it: {remedy}")),
        1..=RENEW_BEFORE => {
            Some(format!("the certificate expires in {} days: {remedy}", left.div_euclid(DAY)))
        }
        _ => None,
    };
    // No public authority signs these, and clients elsewhere use none of them.
    let local = |name: &str| name == "localhost" || name.parse::<IpAddr>().is_ok();
    let missing: Vec<&str> = missing(leaf, names).into_iter().filter(|name| !local(name)).collect();
    let names = (!missing.is_empty()).then(|| {
        let missing = missing.join(", ");
        format!("the certificate lacks {missing}, and clients that connect by that name refuse it: {remedy}")
    });
    age.into_iter().chain(names).collect()
}

fn belong_together(
    files: &Files,
    chain: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
) -> Result<(), CertificateError> {
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(key).map_err(|_| {
        let hint = "TLS cannot use a key of this kind; take one for ECDSA, Ed25519 or RSA";
        CertificateError::Content(files.server_key.clone(), hint)
    })?;
    match rustls::sign::CertifiedKey::new(chain.to_vec(), key).keys_match() {
        Ok(()) => Ok(()),
        Err(rustls::Error::InconsistentKeys(_)) => Err(files.no_pair()),
        Err(_) => {
            let hint = "TLS cannot use this certificate; have one issued of X.509 version 3, with the server's name as \
                        subjectAltName";
            Err(CertificateError::Content(files.server.clone(), hint))
        }
    }
}

/// The names that the certificate does not have.
fn missing<'a>(leaf: &X509Certificate<'_>, names: &'a [String]) -> Vec<&'a str> {
    let alternatives = leaf.subject_alternative_name().ok().flatten();
    let general = alternatives.iter().flat_map(|alternatives| &alternatives.value.general_names);
    let listed: Vec<String> = general.filter_map(name_text).collect();
    let covered = |name: &str| listed.iter().any(|listed| covers(listed, name));
    names.iter().map(String::as_str).filter(|name| !covered(name)).collect()
}

/// RFC 6125 §6.4.3: a star is the whole of the first label.
fn covers(listed: &str, name: &str) -> bool {
    let below = listed.strip_prefix("*.").zip(name.split_once('.'));
    listed.eq_ignore_ascii_case(name)
        || below.is_some_and(|(listed, (_, name))| listed.eq_ignore_ascii_case(name))
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
    match (exists(&files.ca)?, exists(&files.ca_key)?) {
        (true, true) => load_authority(files),
        (true, false) => Err(CertificateError::Content(
            files.ca_key.clone(),
            "the authority's key is missing, so the server's certificate cannot be renewed: restore the file from a \
             backup, or remove ca.pem and tls/server.pem to have a new authority made, which clients must import again",
        )),
        (false, _) => make_authority(files, now),
    }
}

fn authority_key(files: &Files) -> Result<KeyPair, CertificateError> {
    let hint = "this is no PEM file of a private key; restore it from a backup";
    KeyPair::from_pem(&text(&files.ca_key)?)
        .map_err(|_| CertificateError::Content(files.ca_key.clone(), hint))
}

fn load_authority(files: &Files) -> Result<Issuer<'static, KeyPair>, CertificateError> {
    let key = authority_key(files)?;
    Issuer::from_ca_cert_pem(&text(&files.ca)?, key)
        .map_err(|_| CertificateError::Content(files.ca.clone(), "this is no PEM file of a certificate"))
}

/// A certificate for the authority's key, and the key where there is none. Its name comes from the key, so whoever trusts an
/// earlier certificate trusts this one.
fn make_authority(files: &Files, now: i64) -> Result<Issuer<'static, KeyPair>, CertificateError> {
    let known = exists(&files.ca_key)?;
    let key = if known { authority_key(files)? } else { KeyPair::generate()? };
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Told apart in a client's list of authorities by a number from the key.
    let tail: String =
        key.public_key_raw().iter().rev().take(4).map(|octet| format!("{octet:02X}")).collect();
    params.distinguished_name = common_name(&format!("Gatepost CA {tail}"));
    params.serial_number = Some(serial_number()?);
    set_life(&mut params, now, CA_LIFE);
    let certificate = params.self_signed(&key)?;
    if !known {
        write(&files.ca_key, key.serialize_pem().as_bytes(), 0o600)?;
    }
    write(&files.ca, certificate.pem().as_bytes(), 0o644)?;
    Ok(Issuer::new(params, key))
}

fn issue(
    files: &Files,
    issuer: &Issuer<'_, KeyPair>,
    names: &[String],
    now: i64,
) -> Result<(), CertificateError> {
    let key = server_key(files)?;
    let mut params = CertificateParams::new(names)?;
    params.serial_number = Some(serial_number()?);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.distinguished_name = common_name(names.first().map_or("Gatepost", String::as_str));
    set_life(&mut params, now, SERVER_LIFE);
    let certificate = params.signed_by(&key, issuer)?;
    write(&files.server, certificate.pem().as_bytes(), 0o600)
}

/// The key that is there, whosever it is; where there is none, a new one.
fn server_key(files: &Files) -> Result<KeyPair, CertificateError> {
    if exists(&files.server_key)? {
        return KeyPair::from_pem(&text(&files.server_key)?).map_err(|_| {
            let hint = "no certificate can be made for this key: copy its certificate to tls/server.pem, or move the key \
                        away to have a new one made";
            CertificateError::Content(files.server_key.clone(), hint)
        });
    }
    // Ours, without its key: cut short after the new key, it would be a pair that is none.
    remove(&files.server)?;
    let key = KeyPair::generate()?;
    write(&files.server_key, key.serialize_pem().as_bytes(), 0o600)?;
    Ok(key)
}

/// No two certificates of an authority may have the same number; by itself it would come from the key, which stays.
fn serial_number() -> Result<SerialNumber, CertificateError> {
    let mut octets = [0; 16];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| rcgen::Error::RingUnspecified)?;
    Ok(SerialNumber::from_slice(&octets))
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

fn text(path: &Path) -> Result<String, CertificateError> {
    read(path).map(|octets| String::from_utf8_lossy(&octets).into_owned())
}

/// Whether the file is there; where that cannot be known, it is not taken for missing.
fn exists(path: &Path) -> Result<bool, CertificateError> {
    path.try_exists().map_err(|error| CertificateError::File(path.to_owned(), error))
}

fn remove(path: &Path) -> Result<(), CertificateError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(CertificateError::File(path.to_owned(), error))
        }
        _ => Ok(()),
    }
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
    fn a_lost_certificate_of_the_authority_is_made_again_for_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let names = names(&["a.test"]);
        let before = ensure(dir.path(), &names, NOW).unwrap();
        let authority = || {
            let pem = CertificateDer::from_pem_file(ca_path(dir.path())).unwrap();
            let (_, ca) = X509Certificate::from_der(&pem).unwrap();
            (ca.subject().to_string(), ca.public_key().raw.to_vec(), ca.raw_serial().to_vec())
        };
        let (name, key, number) = authority();
        let secret = fs::read(dir.path().join("tls/ca-key.pem")).unwrap();
        fs::remove_file(ca_path(dir.path())).unwrap();
        let after = ensure(dir.path(), &names, NOW).unwrap();
        assert_eq!(serial(&after), serial(&before), "the server's certificate stays");
        let again = authority();
        assert_eq!((again.0, again.1), (name, key));
        assert_ne!(again.2, number, "two certificates of one authority have two numbers");
        assert_eq!(fs::read(dir.path().join("tls/ca-key.pem")).unwrap(), secret);
        // It is known as ours again, and so renewed in time.
        let renewed = ensure(dir.path(), &names, NOW + 400 * DAY).unwrap();
        assert_ne!(serial(&renewed), serial(&after));
    }

    /// A certificate of another authority, with its key, as their files hold them.
    fn foreign(names: &[&str], life: i64) -> (String, String) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = common_name("Public CA");
        let issuer = Issuer::new(params, KeyPair::generate().unwrap());
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(self::names(names)).unwrap();
        set_life(&mut params, NOW, life);
        (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    }

    /// A directory with an authority of its own and these files in the place of its certificate and key.
    fn replaced(certificate: Option<&str>, key: Option<&str>) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        ensure(dir.path(), &names(&["a.test"]), NOW).unwrap();
        for (file, content) in [("tls/server.pem", certificate), ("tls/server-key.pem", key)] {
            if let Some(content) = content {
                fs::write(dir.path().join(file), content).unwrap();
            }
        }
        dir
    }

    fn contents(dir: &Path) -> [String; 2] {
        ["tls/server.pem", "tls/server-key.pem"].map(|file| fs::read_to_string(dir.join(file)).unwrap())
    }

    #[test]
    fn a_certificate_of_others_is_taken_as_it_is() {
        let local = ["a.test", "localhost", "127.0.0.1", "::1"];
        let table: [(&[&str], i64, &[&str]); 7] = [
            (&["a.test"], 90, &[]),
            (&["A.TEST", "other.test"], 31, &[]),
            (&["*.test"], 90, &[]),
            (&["a.test"], 30, &["expires in 30 days"]),
            (&["a.test"], 0, &["has expired"]),
            (&["*.a.test", "b.test"], 90, &["lacks a.test, and"]),
            (&["b.test"], -1, &["has expired", "lacks a.test, and"]),
        ];
        for (listed, days, told) in table {
            let (certificate, key) = foreign(listed, days * DAY);
            let dir = replaced(Some(&certificate), Some(&key));
            let identity = ensure(dir.path(), &names(&local), NOW).unwrap();
            assert_eq!(identity.chain[0], CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap());
            assert_eq!(identity.warnings.len(), told.len(), "{listed:?}: {:?}", identity.warnings);
            for (warning, part) in identity.warnings.iter().zip(told) {
                assert!(warning.contains(part) && warning.contains("SIGHUP"), "{warning}");
            }
            assert_eq!(identity.expired, days <= 0, "{listed:?}");
            assert_eq!(contents(dir.path()), [certificate, key], "{listed:?}");
        }
    }

    #[test]
    fn half_a_pair_is_left_alone() {
        let (certificate, key) = foreign(&["a.test"], 90 * DAY);
        for (certificate, key) in [(Some(&*certificate), None), (None, Some(&*key))] {
            let dir = replaced(certificate, key);
            let before = contents(dir.path());
            // Its time is up, too.
            let error = ensure(dir.path(), &names(&["a.test"]), NOW + 400 * DAY).err().unwrap().to_string();
            assert!(
                error.contains("tls/server.pem and ") && error.contains("tls/server-key.pem do"),
                "{error}"
            );
            assert_eq!(contents(dir.path()), before);
        }
        let dir = replaced(Some(&certificate), None);
        fs::remove_file(dir.path().join("tls/server-key.pem")).unwrap();
        assert!(matches!(ensure(dir.path(), &names(&["a.test"]), NOW), Err(CertificateError::Pair { .. })));
        assert_eq!(fs::read_to_string(dir.path().join("tls/server.pem")).unwrap(), certificate);
    }

    #[test]
    fn a_renewal_keeps_the_key_and_a_removed_key_is_made_again() {
        let dir = replaced(None, None);
        let before = contents(dir.path());
        ensure(dir.path(), &names(&["b.test"]), NOW).unwrap();
        let renewed = contents(dir.path());
        assert!(before[0] != renewed[0] && before[1] == renewed[1]);
        fs::remove_file(dir.path().join("tls/server-key.pem")).unwrap();
        ensure(dir.path(), &names(&["b.test"]), NOW).unwrap();
        let again = contents(dir.path());
        assert!(renewed[0] != again[0] && renewed[1] != again[1]);
    }

    #[test]
    fn mistakes_are_explained() {
        let table = [
            ("tls/server.pem", "rubbish", "no PEM file"),
            ("tls/server-key.pem", "rubbish", "no PEM file"),
            ("tls/server-key.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----", "is encrypted"),
        ];
        for (file, content, part) in table {
            let dir = tempfile::tempdir().unwrap();
            ensure(dir.path(), &names(&["a.test"]), NOW).unwrap();
            fs::write(dir.path().join(file), content).unwrap();
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
