use std::time::Duration;

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

use crate::model::{Secret, Target};

/// The configuration of a librdkafka client that reaches these brokers as an application would.
///
/// The bootstrap addresses are the advertised ones: librdkafka follows them anyway, and checks certificates against them.
/// Its defaults wait where a check must not: metadata and retries back off by 100 ms and more, an unknown topic hides
/// behind the message time-out, and fetches wait for data that is there already.
pub(super) fn client_config(target: &Target, brokers: &[String], budget: Duration) -> ClientConfig {
    let mut config = ClientConfig::new();
    let budget_ms = budget.as_millis().clamp(1_000, 60_000).to_string();
    config
        .set("bootstrap.servers", brokers.join(","))
        .set("client.id", "soma-conformance")
        .set("reconnect.backoff.ms", "10")
        .set("reconnect.backoff.max.ms", "200")
        .set("retry.backoff.ms", "50")
        .set("socket.timeout.ms", &budget_ms)
        .set("socket.connection.setup.timeout.ms", &budget_ms)
        .set("topic.metadata.propagation.max.ms", "500")
        .set("allow.auto.create.topics", "false")
        .set("log.connection.close", "false")
        .set_log_level(RDKafkaLogLevel::Critical);
    let is_sasl = target.sasl.is_some();
    config.set(
        "security.protocol",
        match (target.tls.is_some(), is_sasl) {
            (false, false) => "plaintext",
            (false, true) => "sasl_plaintext",
            (true, false) => "ssl",
            (true, true) => "sasl_ssl",
        },
    );
    if let Some(tls) = &target.tls {
        let pems = [
            ("ssl.ca.pem", tls.ca_pem.as_deref()),
            ("ssl.certificate.pem", tls.client_certificate_pem.as_deref()),
            ("ssl.key.pem", tls.client_key_pem.as_ref().map(Secret::expose)),
        ];
        for (name, pem) in pems {
            if let Some(pem) = pem {
                config.set(name, pem);
            }
        }
    }
    if let Some(mechanism) = &target.sasl {
        config
            .set("sasl.mechanisms", mechanism)
            .set("sasl.username", target.user.as_deref().unwrap_or_default())
            .set("sasl.password", target.password.as_ref().map(Secret::expose).unwrap_or_default());
    }
    config
}
