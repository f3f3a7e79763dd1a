use kafka_protocol::error::ResponseError;

/// The protocol's own name of an error code, such as `TOPIC_AUTHORIZATION_FAILED`; `NONE` for 0.
///
/// Source: the table of error codes of the Kafka protocol guide.
pub(super) fn code_name(code: i16) -> String {
    match ResponseError::try_from_code(code) {
        None => "NONE".to_owned(),
        Some(ResponseError::Unknown(code)) => format!("UNKNOWN_CODE_{code}"),
        Some(known) => screaming(&format!("{known:?}")),
    }
}

/// Whether the code says that this principal lacks a right.
pub(super) fn is_denied(code: i16) -> bool {
    matches!(code, 29 | 30 | 31 | 53 | 65)
}

/// A name in the spelling of the protocol guide: `NotEnoughReplicas` becomes `NOT_ENOUGH_REPLICAS`.
pub(super) fn screaming(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 8);
    for (index, character) in name.chars().enumerate() {
        if character.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(character.to_ascii_uppercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_the_name_of_the_protocol_guide() {
        let cases = [
            (0, "NONE"),
            (3, "UNKNOWN_TOPIC_OR_PARTITION"),
            (15, "COORDINATOR_NOT_AVAILABLE"),
            (19, "NOT_ENOUGH_REPLICAS"),
            (29, "TOPIC_AUTHORIZATION_FAILED"),
            (31, "CLUSTER_AUTHORIZATION_FAILED"),
            (35, "UNSUPPORTED_VERSION"),
            (38, "INVALID_REPLICATION_FACTOR"),
            (58, "SASL_AUTHENTICATION_FAILED"),
            (9999, "UNKNOWN_CODE_9999"),
        ];
        for (code, name) in cases {
            assert_eq!(code_name(code), name, "{code}");
        }
    }
}
