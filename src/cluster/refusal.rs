use std::error::Error as _;

use serde_json::Value;

use crate::model::{Right, Trouble};

/// What an answer of the API server that is not a success says: always that *we* could not tell.
pub(super) fn refusal(status: u16, body: &Value, right: Option<&Right>) -> Trouble {
    let message = body["message"].as_str().unwrap_or("no message");
    let (class, text) = match status {
        401 => ("kube.unauthorized", format!("the API server does not know us: {message}")),
        403 => {
            let rule = right.map(|right| format!("; the Role lacks: {right} ({})", rule(right))).unwrap_or_default();
            ("kube.forbidden", format!("{message}{rule}"))
        }
        404 => ("kube.not_found", message.to_owned()),
        409 => ("kube.conflict", message.to_owned()),
        410 => ("kube.gone", message.to_owned()),
        422 | 400 => ("kube.invalid", message.to_owned()),
        429 => ("kube.throttled", format!("the API server asks to come back later: {message}")),
        500..=599 => ("kube.server_error", format!("the API server answered {status}: {message}")),
        _ => ("kube.unexpected", format!("the API server answered {status}: {message}")),
    };
    Trouble::unable("api", class, text)
}

/// The rule to add to a Role, as YAML in one line.
fn rule(right: &Right) -> String {
    let names = right.name.as_ref().map(|name| format!(", resourceNames: [{name}]")).unwrap_or_default();
    format!(
        "rule: {{apiGroups: [\"{}\"], resources: [{}]{names}, verbs: [{}]}}",
        right.group, right.resource, right.verb
    )
}

/// What a failure before or during an answer says.
pub(super) fn failure(error: &kube::Error) -> Trouble {
    if let kube::Error::Api(status) = error {
        return refusal(status.code, &serde_json::json!({"message": status.message}), None);
    }
    let mut chain = vec![error.to_string()];
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        // Several libraries repeat their source in their own words.
        if !chain.iter().any(|said| said.contains(&text)) {
            chain.push(text);
        }
        source = inner.source();
    }
    let text = chain.join(": ");
    let class = match error {
        kube::Error::Service(_) | kube::Error::HyperError(_)
            if text.contains("timed out") || text.contains("elapsed") =>
        {
            "kube.timeout"
        }
        kube::Error::Service(_) | kube::Error::HyperError(_) => "kube.unreachable",
        kube::Error::Auth(_) => "kube.unauthorized",
        _ => "kube.client",
    };
    Trouble::unable("api", class, text)
}

/// The same trouble, told as ours: a silent API server says nothing about the services.
pub(super) fn ours(trouble: Trouble) -> Trouble {
    match trouble.class.as_str() {
        "proto.timeout" => Trouble::unable("api", "kube.timeout", "the API server did not answer in time"),
        _ => trouble,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::TroubleKind;

    #[test]
    fn no_refusal_of_the_api_server_is_a_fault_of_a_service() {
        for (status, class) in [
            (401, "kube.unauthorized"),
            (403, "kube.forbidden"),
            (404, "kube.not_found"),
            (409, "kube.conflict"),
            (410, "kube.gone"),
            (422, "kube.invalid"),
            (429, "kube.throttled"),
            (500, "kube.server_error"),
            (503, "kube.server_error"),
            (302, "kube.unexpected"),
        ] {
            let trouble = refusal(status, &json!({"message": "no"}), None);
            assert_eq!((trouble.kind, trouble.class.as_str()), (TroubleKind::Unable, class));
            assert!(!trouble.is_transient());
        }
    }

    #[test]
    fn a_missing_right_comes_with_the_rule_to_add() {
        let right = Right::within("soma-infra", "apps", "deployments", "list");
        let trouble = refusal(403, &json!({"message": "forbidden"}), Some(&right));
        assert!(trouble.message.contains(r#"{apiGroups: ["apps"], resources: [deployments], verbs: [list]}"#));
        assert!(trouble.message.contains("in namespace soma-infra"));
    }

    #[test]
    fn silence_of_the_api_server_is_ours() {
        let trouble = ours(Trouble::fault("api", "proto.timeout", "silent"));
        assert_eq!((trouble.kind, trouble.class.as_str()), (TroubleKind::Unable, "kube.timeout"));
    }
}
