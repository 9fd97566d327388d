//! What a certificate says of itself: whose it is, who signed it, for which names, from when until when.
//!
//! For people and for metrics only: whether it is to be trusted, rustls decides.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

/// The facts of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The common name, or the whole name where there is none.
    pub subject: String,
    /// The same of who signed it.
    pub issuer: String,
    /// The host names and addresses that it is for.
    pub names: Vec<String>,
    /// When its validity begins.
    pub not_before: SystemTime,
    /// When its validity ends.
    pub not_after: SystemTime,
}

impl Certificate {
    /// Reads the DER form; `None` where it can't be read.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        let whole = x509_cert::Certificate::from_der(der).ok()?;
        let facts = whole.tbs_certificate();
        let validity = facts.validity();
        // An extension that can't be read leaves the names out, not the dates.
        let names = match facts.get_extension::<SubjectAltName>() {
            Ok(Some((_, names))) => names.0.iter().filter_map(host).collect(),
            _ => Vec::new(),
        };
        Some(Self {
            subject: title(facts.subject()),
            issuer: title(facts.issuer()),
            names,
            not_before: instant(validity.not_before.to_unix_duration()),
            not_after: instant(validity.not_after.to_unix_duration()),
        })
    }

    /// Whole days from `now` to its end; negative once it has expired.
    #[must_use]
    pub fn days_left(&self, now: SystemTime) -> i64 {
        const DAY: u64 = 24 * 60 * 60;
        let days = |time: Duration| i64::try_from(time.as_secs() / DAY).unwrap_or(i64::MAX);
        match self.not_after.duration_since(now) {
            Ok(left) => days(left),
            Err(past) => -1 - days(past.duration()),
        }
    }
}

fn instant(since_epoch: Duration) -> SystemTime {
    UNIX_EPOCH + since_epoch
}

fn title(name: &Name) -> String {
    match name.common_name() {
        Ok(Some(common)) => common.value().into_owned(),
        _ => name.to_string(),
    }
}

fn host(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(address) => {
            let bytes = address.as_bytes();
            let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            let v6 = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
            v4.or(v6).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Certificate;
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
    use std::time::{Duration, UNIX_EPOCH};

    fn certificate() -> Certificate {
        let names = ["cache.example.com", "*.example.com", "10.0.0.7", "::1"];
        let mut params = CertificateParams::new(names.map(str::to_owned)).unwrap();
        params.distinguished_name.push(DnType::CommonName, "the cache");
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        let key = KeyPair::generate().unwrap();
        Certificate::read(params.self_signed(&key).unwrap().der()).unwrap()
    }

    #[test]
    fn it_says_whose_it_is_and_for_which_names() {
        let certificate = certificate();
        assert_eq!(
            (certificate.subject.as_str(), certificate.issuer.as_str()),
            ("the cache", "the cache")
        );
        assert_eq!(certificate.names, ["cache.example.com", "*.example.com", "10.0.0.7", "::1"]);
    }

    #[test]
    fn days_left_are_whole_and_negative_once_it_has_expired() {
        let certificate = certificate();
        let day = Duration::from_secs(86_400);
        let end = UNIX_EPOCH + Duration::from_secs(1_798_761_600);
        assert_eq!(certificate.not_after, end);
        assert_eq!(certificate.not_before, end - day * 365);
        for (now, days) in [
            (end - day * 30, 30),
            (end - day * 30 + Duration::from_secs(1), 29),
            (end, 0),
            (end + Duration::from_secs(1), -1),
            (end + day, -2),
        ] {
            assert_eq!(certificate.days_left(now), days);
        }
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for bytes in [&b""[..], b"+PONG", &[0x30, 0x82, 0xff, 0xff], &[0x30; 4096]] {
            assert_eq!(Certificate::read(bytes), None);
        }
    }
}
