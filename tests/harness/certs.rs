//! A certificate authority of its own for each test, and what it signed, as PEM files.
//! Owns the directory: the files are gone when the value is.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

/// `ca`, `server`, `cloud` (for cache.example.com), `client`, `expired`, `not-yet-valid` and `wrong-host`, each with `.crt` and `.key`, and the
/// certificate of an authority that signed none of them as `unknown-ca.crt`.
pub(crate) struct Certs {
    dir: TempDir,
}

impl Certs {
    pub(crate) fn generate() -> Self {
        let certs = Self { dir: TempDir::new().unwrap() };
        let issuer = certs.authority("ca");
        certs.authority("unknown-ca");
        certs.sign(
            "server",
            &["localhost", "127.0.0.1"],
            ExtendedKeyUsagePurpose::ServerAuth,
            &issuer,
        );
        let cloud = ["cache.example.com"];
        certs.sign("cloud", &cloud, ExtendedKeyUsagePurpose::ServerAuth, &issuer);
        certs.sign("client", &["app"], ExtendedKeyUsagePurpose::ClientAuth, &issuer);
        certs.sign("wrong-host", &["elsewhere.test"], ExtendedKeyUsagePurpose::ServerAuth, &issuer);
        certs.sign(
            "expired",
            &["localhost", "127.0.0.1"],
            ExtendedKeyUsagePurpose::ServerAuth,
            &issuer,
        );
        certs.sign(
            "not-yet-valid",
            &["localhost", "127.0.0.1"],
            ExtendedKeyUsagePurpose::ServerAuth,
            &issuer,
        );
        certs
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        assert!(path.exists(), "no such certificate file: {name}");
        path
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn authority(&self, name: &str) -> Issuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().unwrap();
        self.write(name, &params.self_signed(&key).unwrap().pem(), &key);
        Issuer::new(params, key)
    }

    fn sign(
        &self,
        name: &str,
        hosts: &[&str],
        usage: ExtendedKeyUsagePurpose,
        issuer: &Issuer<'static, KeyPair>,
    ) {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        if name == "expired" {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        if name == "not-yet-valid" {
            params.not_before = date_time_ymd(4000, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        self.write(name, &params.signed_by(&key, issuer).unwrap().pem(), &key);
    }

    fn write(&self, name: &str, cert: &str, key: &KeyPair) {
        fs::write(self.dir.path().join(format!("{name}.crt")), cert).unwrap();
        fs::write(self.dir.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}
