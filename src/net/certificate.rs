use serde_json::{Value, json};
use x509_parser::{extensions::GeneralName, prelude::X509Certificate};

/// The facts of a certificate (DER): subject, names, issuer, validity and days left; `{"unreadable": …}` for bytes that
/// are no certificate.
#[must_use]
pub fn certificate_facts(der: &[u8]) -> Value {
    let certificate = match x509_parser::parse_x509_certificate(der) {
        Ok((_, certificate)) => certificate,
        Err(error) => return json!({"unreadable": error.to_string()}),
    };
    let now = jiff::Timestamp::now().as_second();
    let validity = certificate.validity();
    let time = |at: i64| jiff::Timestamp::from_second(at).map_or(Value::Null, |at| json!(at.to_string()));
    json!({
        "subject": certificate.subject().to_string(),
        "issuer": certificate.issuer().to_string(),
        "names": names(&certificate),
        "not_before": time(validity.not_before.timestamp()),
        "not_after": time(validity.not_after.timestamp()),
        "days_left": validity.not_after.timestamp().saturating_sub(now).div_euclid(24 * 3600),
    })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::IpAddr::from(bytes).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::IpAddr::from(bytes).to_string()),
        },
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_days_are_read_off_the_certificate() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut parameters =
            rcgen::CertificateParams::new(["db.example.org".to_owned(), "127.0.0.1".to_owned()]).expect("names");
        let now = time::OffsetDateTime::now_utc();
        parameters.not_after = now + time::Duration::days(10) + time::Duration::hours(1);
        let facts = certificate_facts(parameters.self_signed(&key).expect("a certificate").der());
        assert_eq!(facts["names"], json!(["db.example.org", "127.0.0.1"]));
        assert_eq!(facts["days_left"], 10);
    }

    #[test]
    fn bytes_that_are_no_certificate_are_said_to_be_none() {
        assert!(certificate_facts(b"\x30\x82garbage").get("unreadable").is_some());
    }
}
