use hyper::{
    HeaderMap, Method, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde_json::Value;

use super::request::authorize;
use crate::{
    model::{HostPort, Target, TlsTarget, Trouble, clip},
    net::{HttpAnswer, HttpRequest},
    probes::Scope,
};

/// A JSON API of a service, asked over the one dialler.
///
/// Every request has a connection of its own: the price on loopback is a third of a millisecond, and no answer can come
/// from a server that has gone in the meantime.
pub(in crate::probes) struct Api<'a> {
    scope: &'a Scope,
    address: HostPort,
    tls: Option<TlsTarget>,
    headers: HeaderMap,
}

impl<'a> Api<'a> {
    /// The API of the check's own service, with its credentials.
    ///
    /// # Errors
    /// Unable, when there is no such service or its credentials cannot stand in a header.
    pub(in crate::probes) fn of(scope: &'a Scope) -> Result<Self, Trouble> {
        let target = scope.target()?;
        let mut api = Self::anonymous(scope, target.address.clone(), target.tls.clone());
        authorize(&mut api.headers, &target, None)?;
        Ok(api)
    }

    /// The API of another service of the configuration, with its credentials.
    ///
    /// # Errors
    /// As [`Api::of`].
    pub(in crate::probes) fn of_service(scope: &'a Scope, target: &Target) -> Result<Self, Trouble> {
        let mut api = Self::anonymous(scope, target.address.clone(), target.tls.clone());
        authorize(&mut api.headers, target, None)?;
        Ok(api)
    }

    /// An API that is asked without credentials.
    pub(in crate::probes) fn anonymous(scope: &'a Scope, address: HostPort, tls: Option<TlsTarget>) -> Self {
        Self { scope, address, tls, headers: HeaderMap::new() }
    }

    /// Adds a header that is never shown.
    ///
    /// # Errors
    /// Unable, when the value cannot stand in a header.
    pub(in crate::probes) fn with_secret(mut self, name: &'static str, value: &str) -> Result<Self, Trouble> {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| Trouble::unable("plan", "harness.credentials", "the credentials cannot stand in a header"))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// GET.
    ///
    /// # Errors
    /// The trouble of the connection; an answer of any status is none.
    pub(in crate::probes) async fn get(&self, path: &str) -> Result<ApiAnswer, Trouble> {
        self.send(Method::GET, path, None, String::new()).await
    }

    /// POST of JSON.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(in crate::probes) async fn post(&self, path: &str, body: &Value) -> Result<ApiAnswer, Trouble> {
        self.send(Method::POST, path, Some("application/json"), body.to_string()).await
    }

    /// Any request.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub(in crate::probes) async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&'static str>,
        body: String,
    ) -> Result<ApiAnswer, Trouble> {
        let mut headers = self.headers.clone();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let request = HttpRequest { method, path: path.to_owned(), headers, body: body.into() };
        let answer = request.send(&self.scope.dialler, &self.scope.clock, &self.address, self.tls.as_ref()).await?;
        Ok(ApiAnswer::of(&answer))
    }
}

/// What an API answered.
pub(in crate::probes) struct ApiAnswer {
    /// The status.
    pub(in crate::probes) status: StatusCode,
    /// The media type, without parameters.
    pub(in crate::probes) media_type: String,
    /// The body, if it is JSON.
    pub(in crate::probes) json: Option<Value>,
    text: String,
}

impl ApiAnswer {
    fn of(answer: &HttpAnswer) -> Self {
        let media_type = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self {
            status: answer.status,
            media_type: media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase(),
            json: serde_json::from_slice(&answer.body).ok(),
            text: clip(&String::from_utf8_lossy(&answer.body), 300),
        }
    }

    /// The JSON of an answer that must be a good one.
    ///
    /// # Errors
    /// A fault: `auth.denied` (401), `authz.denied` (403), `proto.status` (any other but 2xx), `proto.garbage` (not JSON).
    pub(in crate::probes) fn good(self, what: &str) -> Result<Value, Trouble> {
        if !self.status.is_success() {
            return Err(self.refusal(what));
        }
        let text = self.text;
        self.json.ok_or_else(|| {
            Trouble::fault("request", "proto.garbage", format!("{what}: the answer is not JSON: {text}"))
        })
    }

    /// The trouble of a status that was not asked for.
    pub(in crate::probes) fn refusal(&self, what: &str) -> Trouble {
        let class = match self.status.as_u16() {
            401 => "auth.denied",
            403 => "authz.denied",
            503 => "proto.not_ready",
            _ => "proto.status",
        };
        Trouble::fault("request", class, format!("{what}: status {}: {}", self.status.as_u16(), self.text))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn answer(status: u16, body: &'static str) -> ApiAnswer {
        let status = StatusCode::from_u16(status).expect("a status");
        ApiAnswer::of(&HttpAnswer { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) })
    }

    #[test]
    fn only_json_of_a_good_status_is_good() {
        assert_eq!(answer(200, "{\"a\":1}").good("x").expect("good")["a"], 1);
        for (status, body, class) in [
            (200, "<html>login</html>", "proto.garbage"),
            (204, "", "proto.garbage"),
            (302, "{}", "proto.status"),
            (401, "{}", "auth.denied"),
            (403, "{}", "authz.denied"),
            (500, "{}", "proto.status"),
        ] {
            assert_eq!(answer(status, body).good("x").expect_err("bad").class, class, "{status}");
        }
    }
}
