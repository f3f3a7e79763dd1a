use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

use bytes::{Buf as _, Bytes, BytesMut};
use kafka_protocol::{
    messages::{ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader},
    protocol::{Decodable, HeaderVersion, Request, StrBytes, encode_request_header_into_buffer},
};

use super::{
    bounded::{Bounded, old_list_fits},
    frame, sasl,
};
use crate::{
    model::{HostPort, Target, TlsTarget, Trouble},
    net::{Clock, Stream},
    probes::Scope,
};

/// Asked in a version it does not know, a broker answers `ApiVersions` in version 0 with this code (KIP-511).
const UNSUPPORTED_VERSION: i16 = 35;

/// One connection to one broker: it has told which requests it understands, and may have let us in.
///
/// Requests go one at a time, and every wait stands inside a phase of the clock. No retry, no redirection to another
/// broker: what this broker answers is the fact.
pub(super) struct Connection {
    stream: Stream,
    clock: Arc<Clock>,
    sent: i32,
    /// What the broker answered to our first request.
    pub(super) versions: ApiVersionsResponse,
    supported: BTreeMap<i16, RangeInclusive<i16>>,
}

impl Connection {
    /// Dials the service's own address, asks for the versions and logs in as declared.
    pub(super) async fn open(scope: &Scope) -> Result<Self, Trouble> {
        let target = scope.target()?;
        Self::open_at(scope, &target, &target.address).await
    }

    /// Dials one broker by the address it is known under, asks for the versions and logs in as declared.
    pub(super) async fn open_at(scope: &Scope, target: &Target, address: &HostPort) -> Result<Self, Trouble> {
        let tls = target.tls.as_ref().map(|tls| tls_for(tls, target, address));
        let mut connection = Self::greet(scope, address, tls.as_ref()).await?;
        sasl::log_in(&mut connection, target).await?;
        Ok(connection)
    }

    /// Dials and asks for the versions, without logging in. Phases: `dns`, `tcp`, `tls`, `api_versions`.
    pub(super) async fn greet(scope: &Scope, address: &HostPort, tls: Option<&TlsTarget>) -> Result<Self, Trouble> {
        let stream = scope.dialler.stream(&scope.clock, address, tls, &[]).await?;
        let mut connection = Self {
            stream,
            clock: Arc::clone(&scope.clock),
            sent: 0,
            versions: ApiVersionsResponse::default(),
            supported: BTreeMap::new(),
        };
        let clock = Arc::clone(&scope.clock);
        let versions = clock.phase("api_versions", connection.ask_versions()).await?;
        connection.supported =
            versions.api_keys.iter().map(|api| (api.api_key, api.min_version..=api.max_version)).collect();
        connection.versions = versions;
        Ok(connection)
    }

    async fn ask_versions(&mut self) -> Result<ApiVersionsResponse, Trouble> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("soma-conformance"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let body = self.exchange("api_versions", &request, 3).await?;
        if body.get(..2) == Some(&UNSUPPORTED_VERSION.to_be_bytes()) {
            let body = self.exchange("api_versions", &ApiVersionsRequest::default(), 0).await?;
            return old_versions(body);
        }
        decode::<ApiVersionsResponse>("api_versions", body, 3)
    }

    /// Sends one request in the newest version of `ours` that the broker knows, and decodes its answer.
    ///
    /// Only versions with compact lists may be asked for here (see [`Bounded`]).
    pub(super) async fn call<Q: Request>(
        &mut self,
        phase: &str,
        request: &Q,
        ours: RangeInclusive<i16>,
    ) -> Result<Q::Response, Trouble> {
        let clock = Arc::clone(&self.clock);
        clock.phase(phase, self.ask(phase, request, ours)).await
    }

    /// [`Connection::call`] inside a phase of the caller's, for questions that are asked again and again.
    pub(super) async fn ask<Q: Request>(
        &mut self,
        phase: &str,
        request: &Q,
        ours: RangeInclusive<i16>,
    ) -> Result<Q::Response, Trouble> {
        let version = self.version::<Q>(phase, ours)?;
        let body = self.exchange(phase, request, version).await?;
        decode::<Q::Response>(phase, body, version)
    }

    /// [`Connection::call`] for a request whose answer is decoded by the caller.
    pub(super) async fn call_raw<Q: Request>(
        &mut self,
        phase: &str,
        request: &Q,
        version: i16,
    ) -> Result<Bytes, Trouble> {
        let version = self.version::<Q>(phase, version..=version)?;
        let clock = Arc::clone(&self.clock);
        clock.phase(phase, self.exchange(phase, request, version)).await
    }

    /// The versions the broker knows of a request, if it knows it at all.
    pub(super) fn supports(&self, api_key: i16) -> Option<&RangeInclusive<i16>> {
        self.supported.get(&api_key)
    }

    fn version<Q: Request>(&self, phase: &str, ours: RangeInclusive<i16>) -> Result<i16, Trouble> {
        let none = |what: String| Trouble::fault(phase, "proto.unsupported", what);
        let theirs = self
            .supports(Q::KEY)
            .ok_or_else(|| none(format!("the broker does not offer the request with api key {}", Q::KEY)))?;
        let version = *ours.end().min(theirs.end());
        if version < *ours.start() || version < *theirs.start() {
            return Err(none(format!(
                "the broker offers api key {} in versions {theirs:?}, we speak {ours:?}",
                Q::KEY
            )));
        }
        Ok(version)
    }

    /// Sends and receives; returns the answer behind its header.
    async fn exchange<Q: Request>(&mut self, phase: &str, request: &Q, version: i16) -> Result<Bytes, Trouble> {
        self.sent += 1;
        let header = RequestHeader::default()
            .with_request_api_key(Q::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.sent)
            .with_client_id(Some(StrBytes::from_static_str("soma-conformance")));
        let mut frame = BytesMut::new();
        encode_request_header_into_buffer(&mut frame, &header)
            .and_then(|()| request.encode(&mut frame, version))
            .map_err(|error| Trouble::unable(phase, "harness.request", error))?;
        frame::send(&mut self.stream, phase, &frame).await?;
        let mut answer = Bounded::new(frame::receive(&mut self.stream, phase).await?);
        let header = ResponseHeader::decode(&mut answer, Q::Response::header_version(version))
            .map_err(|error| garbage(phase, &error))?;
        if header.correlation_id != self.sent {
            return Err(Trouble::fault(
                phase,
                "proto.mismatch",
                format!("the answer belongs to request {}, not to {}", header.correlation_id, self.sent),
            ));
        }
        Ok(answer.copy_to_bytes(answer.remaining()))
    }
}

/// The certificate of a broker must carry the host of the address clients are sent to; a declared server name stands
/// for the declared address only.
fn tls_for(tls: &TlsTarget, target: &Target, address: &HostPort) -> TlsTarget {
    let server_name = if *address == target.address { tls.server_name.clone() } else { None };
    TlsTarget { server_name, ..tls.clone() }
}

fn old_versions(body: Bytes) -> Result<ApiVersionsResponse, Trouble> {
    if !old_list_fits(&body, 2) {
        return Err(Trouble::fault("api_versions", "proto.garbage", "the list of versions is longer than the answer"));
    }
    decode::<ApiVersionsResponse>("api_versions", body, 0)
}

pub(super) fn decode<R: Decodable>(phase: &str, body: Bytes, version: i16) -> Result<R, Trouble> {
    R::decode(&mut Bounded::new(body), version).map_err(|error| garbage(phase, &error))
}

fn garbage(phase: &str, error: &dyn std::fmt::Display) -> Trouble {
    Trouble::fault(phase, "proto.garbage", format!("the answer is not one of a Kafka broker: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(server_name: &str) -> (Target, TlsTarget) {
        let tls = TlsTarget {
            ca_pem: None,
            server_name: Some(server_name.to_owned()),
            client_certificate_pem: None,
            client_key_pem: None,
        };
        let target = Target {
            service: "kafka".to_owned(),
            address: "127.0.0.1:9092".parse().expect("an address"),
            members: Vec::new(),
            replicas: Vec::new(),
            tls: Some(tls.clone()),
            user: None,
            password: None,
            token: None,
            database: None,
            sasl: None,
            issuer: None,
            cluster: None,
        };
        (target, tls)
    }

    #[test]
    fn a_declared_server_name_does_not_stand_for_the_advertised_brokers() {
        let (target, tls) = target("kafka.example.org");
        let other = "broker-1.example.org:9092".parse().expect("an address");
        assert_eq!(tls_for(&tls, &target, &target.address).server_name.as_deref(), Some("kafka.example.org"));
        assert_eq!(tls_for(&tls, &target, &other).server_name, None);
    }

    #[test]
    fn an_old_answer_with_an_impossible_list_is_garbage() {
        let body = Bytes::from_static(&[0, 0, 0x7f, 0xff, 0xff, 0xff]);
        assert_eq!(old_versions(body).expect_err("impossible").class, "proto.garbage");
        let one = Bytes::from_static(&[0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 12]);
        assert_eq!(old_versions(one).expect("one api").api_keys.len(), 1);
    }
}
