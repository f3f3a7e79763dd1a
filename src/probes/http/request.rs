use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{
    HeaderMap, Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::placeholders::{filled, filled_text, plain};
use crate::{
    model::{Fact, Facts, HostPort, Secret, Target, Trouble, clip, printable},
    net::{HttpAnswer, HttpRequest},
    probes::{Probe, Scope},
};

/// One HTTP request over a connection of its own.
///
/// The target's token (bearer) or user and password (basic) are sent unless `anonymous` is set. Redirects are not
/// followed: they are facts.
pub(in crate::probes) struct Request;

const MOST_FILL: u32 = 4 * 1024 * 1024;

/// Parameters.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The method; `GET` if not given, `POST` if there is a body.
    method: Option<String>,
    /// Path and query.
    path: String,
    /// Further parameters of the query, by name; encoded here.
    #[serde(default)]
    query: Map<String, Value>,
    /// A JSON body.
    json: Option<Value>,
    /// A body sent as it stands.
    text: Option<String>,
    /// How many letters take the place of `@FILL@` in `text`, for bodies too large to write down; at most 4194304.
    fill: Option<u32>,
    /// Further headers.
    #[serde(default)]
    headers: Map<String, Value>,
    /// The name of the header the token goes into; `Authorization: Bearer` if not given.
    token_header: Option<String>,
    /// Whether to send no credentials.
    #[serde(default)]
    anonymous: bool,
    /// Whether to speak plain HTTP also where TLS is declared, for checks that ask for a refusal.
    #[serde(default)]
    plain_text: bool,
    /// Another address than the service's own.
    #[schemars(with = "Option<String>")]
    address: Option<HostPort>,
    /// Another service of the configuration than the check's own, with its address and its credentials.
    service: Option<String>,
}

impl Probe for Request {
    const NAME: &'static str = "http.request";
    const ABOUT: &'static str = "sends one HTTP request and reads the whole answer";
    const FACTS: &'static [Fact] = &[
        Fact { name: "status", about: "the status code" },
        Fact { name: "headers", about: "the headers by lower-case name" },
        Fact { name: "json", about: "the body as JSON, if it is JSON" },
        Fact { name: "body", about: "the body as text, at most 4096 characters" },
        Fact { name: "accepted", about: "whether the status is 2xx" },
    ];
    type With = With;

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        Ok(facts_of(&with.send(&scope).await?))
    }
}

impl With {
    /// Sends it.
    pub(super) async fn send(&self, scope: &Scope) -> Result<HttpAnswer, Trouble> {
        let target = match &self.service {
            None => scope.target()?,
            Some(service) => scope.targets.get(service).cloned().ok_or_else(|| {
                let message = format!("the configuration has no service `{service}`");
                Trouble::unable("plan", "harness.no_target", message)
            })?,
        };
        let request = self.request(&target)?;
        let address = self.address.as_ref().unwrap_or(&target.address);
        let tls = target.tls.as_ref().filter(|_| !self.plain_text);
        let answer = request.send(&scope.dialler, &scope.clock, address, tls).await?;
        // Asked for in plain text on purpose, the same answer is the fact that a check wants.
        if tls.is_none() && !self.plain_text && wants_tls(answer.status.as_u16(), &answer.body) {
            let message = "the server answers plain HTTP with the advice to speak HTTPS";
            return Err(Trouble::fault("request", "tls.required", message));
        }
        Ok(answer)
    }

    /// The same request with every `@PATH@` in its path, query, headers and bodies replaced by what `find` knows of it.
    ///
    /// # Errors
    /// The first path that `find` knows nothing of.
    pub(super) fn filled(&self, find: &dyn Fn(&str) -> Option<Value>) -> Result<Self, String> {
        let text = |text: &str| filled_text(text, find).map(|value| plain(&value));
        let object = |map: &Map<String, Value>| match filled(&Value::Object(map.clone()), find) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Ok(Map::new()),
            Err(path) => Err(path),
        };
        Ok(Self {
            path: text(&self.path)?,
            query: object(&self.query)?,
            headers: object(&self.headers)?,
            json: self.json.as_ref().map(|json| filled(json, find)).transpose()?,
            text: self.text.as_deref().map(text).transpose()?,
            ..self.clone()
        })
    }

    fn request(&self, target: &Target) -> Result<HttpRequest, Trouble> {
        let wrong = |what: String| Trouble::unable("plan", "harness.parameters", what);
        let has_body = self.json.is_some() || self.text.is_some();
        let method = self.method.as_deref().unwrap_or(if has_body { "POST" } else { "GET" });
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| wrong(format!("`{method}` is not a method")))?;
        let mut headers = HeaderMap::new();
        if !self.anonymous {
            authorize(&mut headers, target, self.token_header.as_deref())?;
        }
        if self.json.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in &self.headers {
            let text = plain(value);
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(format!("`{name}` is not a header")))?;
            headers.insert(
                name,
                HeaderValue::from_str(&text).map_err(|_| wrong("a header value is not printable".to_owned()))?,
            );
        }
        let body = match (&self.json, &self.text) {
            (Some(json), _) => json.to_string(),
            (None, Some(text)) => text.replace("@FILL@", &"a".repeat(self.fill.unwrap_or(0).min(MOST_FILL) as usize)),
            (None, None) => String::new(),
        };
        Ok(HttpRequest { method, path: self.path_and_query(), headers, body: body.into() })
    }

    fn path_and_query(&self) -> String {
        if self.query.is_empty() {
            return self.path.clone();
        }
        let mut encoder = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.query {
            encoder.append_pair(name, &plain(value));
        }
        let joint = if self.path.contains('?') { '&' } else { '?' };
        format!("{}{joint}{}", self.path, encoder.finish())
    }
}

/// Whether a plain request was answered by a listener that speaks TLS: in the words of Go's, nginx's or Apache's.
fn wants_tls(status: u16, body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let told =
        ["an HTTP request to an HTTPS server", "HTTP request was sent to HTTPS port", "plain HTTP to an SSL-enabled"];
    status == 400 && told.iter().any(|words| text.contains(words))
}

/// Puts the target's credentials into a header: its token, or else its user and password.
pub(super) fn authorize(headers: &mut HeaderMap, target: &Target, token_header: Option<&str>) -> Result<(), Trouble> {
    let sensitive = |text: String| {
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| Trouble::unable("plan", "harness.credentials", "the credentials cannot stand in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    };
    if let Some(token) = target.token.as_ref().map(Secret::expose) {
        match token_header {
            None => headers.insert(AUTHORIZATION, sensitive(format!("Bearer {token}"))?),
            Some(name) => {
                let name = HeaderName::from_bytes(name.as_bytes())
                    .map_err(|_| Trouble::unable("plan", "harness.parameters", format!("`{name}` is not a header")))?;
                headers.insert(name, sensitive(token.to_owned())?)
            }
        };
    } else if let (Some(user), Some(password)) = (&target.user, &target.password) {
        headers.insert(
            AUTHORIZATION,
            sensitive(format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose()))))?,
        );
    }
    Ok(())
}

/// The facts of an answer, shared with probes that send a request of their own.
pub(in crate::probes) fn facts_of(answer: &HttpAnswer) -> Facts {
    let mut headers = Map::new();
    for (name, value) in answer.headers.iter().take(64) {
        headers.insert(name.as_str().to_owned(), json!(clip(&String::from_utf8_lossy(value.as_bytes()), 512)));
    }
    let mut facts = Facts::new();
    facts.insert("status".to_owned(), json!(answer.status.as_u16()));
    facts.insert("accepted".to_owned(), json!(answer.status.is_success()));
    facts.insert("headers".to_owned(), Value::Object(headers));
    if let Ok(json) = serde_json::from_slice::<Value>(&answer.body) {
        facts.insert("json".to_owned(), json);
    }
    facts.insert("body".to_owned(), json!(clip(&printable(&String::from_utf8_lossy(&answer.body)), 4096)));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_of_tls_is_known_by_its_advice_alone() {
        for (status, body, expected) in [
            (400, "Client sent an HTTP request to an HTTPS server.\n", true),
            (400, "<center>The plain HTTP request was sent to HTTPS port</center>", true),
            (400, "Reason: You're speaking plain HTTP to an SSL-enabled server port.", true),
            (400, "malformed token", false),
            (400, "", false),
            (200, "Client sent an HTTP request to an HTTPS server.\n", false),
        ] {
            assert_eq!(wants_tls(status, body.as_bytes()), expected, "{status} {body}");
        }
    }
}
