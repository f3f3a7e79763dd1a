#[cfg(feature = "faults")]
use super::fault;
use super::{
    RegisteredProbe, contract, etcd, host, http, jwt, kafka, kubernetes, net, netpol, openfga, postgres, prometheus,
    redis, suite, vault,
};
use crate::model::ProbeDescriptor;

/// Every probe of the program.
#[must_use]
pub fn registry() -> &'static [RegisteredProbe] {
    #[cfg(feature = "faults")]
    if let Some(all) = fault::with_faults() {
        return all;
    }
    own()
}

#[expect(clippy::too_many_lines, reason = "one line for each probe")]
pub(super) const fn own() -> &'static [RegisteredProbe] {
    const {
        &[
            RegisteredProbe::of::<net::Tcp>(),
            RegisteredProbe::of::<net::Tls>(),
            RegisteredProbe::of::<net::Resolve>(),
            RegisteredProbe::of::<host::Tools>(),
            RegisteredProbe::of::<kubernetes::Raw>(),
            RegisteredProbe::of::<kubernetes::Capacity>(),
            RegisteredProbe::of::<kubernetes::ClusterDns>(),
            RegisteredProbe::of::<kubernetes::Exposure>(),
            RegisteredProbe::of::<kubernetes::HostNetwork>(),
            RegisteredProbe::of::<kubernetes::Inventory>(),
            RegisteredProbe::of::<kubernetes::Nodes>(),
            RegisteredProbe::of::<kubernetes::Policies>(),
            RegisteredProbe::of::<kubernetes::PolicyEngine>(),
            RegisteredProbe::of::<kubernetes::ReservedPorts>(),
            RegisteredProbe::of::<kubernetes::Service>(),
            RegisteredProbe::of::<kubernetes::ServiceName>(),
            RegisteredProbe::of::<kubernetes::StorageClasses>(),
            RegisteredProbe::of::<kubernetes::Get>(),
            RegisteredProbe::of::<kubernetes::List>(),
            RegisteredProbe::of::<kubernetes::Admit>(),
            RegisteredProbe::of::<kubernetes::Permissions>(),
            RegisteredProbe::of::<kubernetes::Pods>(),
            RegisteredProbe::of::<kubernetes::Containers>(),
            RegisteredProbe::of::<kubernetes::Workloads>(),
            RegisteredProbe::of::<kubernetes::Claims>(),
            RegisteredProbe::of::<kubernetes::Volume>(),
            RegisteredProbe::of::<kubernetes::VolumeUsage>(),
            RegisteredProbe::of::<kubernetes::Budgets>(),
            RegisteredProbe::of::<kubernetes::Autoscalers>(),
            RegisteredProbe::of::<kubernetes::Spread>(),
            RegisteredProbe::of::<kubernetes::Accounts>(),
            RegisteredProbe::of::<kubernetes::Literals>(),
            RegisteredProbe::of::<kubernetes::Secret>(),
            RegisteredProbe::of::<kubernetes::SecretSource>(),
            RegisteredProbe::of::<kubernetes::PodSecurity>(),
            RegisteredProbe::of::<kubernetes::Consumers>(),
            RegisteredProbe::of::<netpol::Canary>(),
            RegisteredProbe::of::<netpol::Reach>(),
            RegisteredProbe::of::<netpol::Flip>(),
            RegisteredProbe::of::<netpol::PortScope>(),
            RegisteredProbe::of::<netpol::Egress>(),
            RegisteredProbe::of::<netpol::Simulation>(),
            RegisteredProbe::of::<netpol::Leftovers>(),
            RegisteredProbe::of::<suite::Controls>(),
            RegisteredProbe::of::<suite::Reports>(),
            RegisteredProbe::of::<http::Request>(),
            RegisteredProbe::of::<http::Sequence>(),
            RegisteredProbe::of::<http::WritingSequence>(),
            RegisteredProbe::of::<http::Latency>(),
            RegisteredProbe::of::<http::ServerClock>(),
            RegisteredProbe::of::<prometheus::Query>(),
            RegisteredProbe::of::<prometheus::Rules>(),
            RegisteredProbe::of::<prometheus::ScrapeTargets>(),
            RegisteredProbe::of::<openfga::Check>(),
            RegisteredProbe::of::<openfga::Model>(),
            RegisteredProbe::of::<openfga::RoundTrip>(),
            RegisteredProbe::of::<openfga::Leftovers>(),
            RegisteredProbe::of::<jwt::Discovery>(),
            RegisteredProbe::of::<jwt::Jwks>(),
            RegisteredProbe::of::<jwt::Mint>(),
            RegisteredProbe::of::<jwt::Present>(),
            RegisteredProbe::of::<contract::Published>(),
            RegisteredProbe::of::<contract::Fetch>(),
            RegisteredProbe::of::<contract::Endpoints>(),
            RegisteredProbe::of::<vault::LookupSelf>(),
            RegisteredProbe::of::<vault::KvRoundTrip>(),
            RegisteredProbe::of::<vault::Leftovers>(),
            RegisteredProbe::of::<postgres::Startup>(),
            RegisteredProbe::of::<postgres::Tls>(),
            RegisteredProbe::of::<postgres::LogIn>(),
            RegisteredProbe::of::<postgres::Query>(),
            RegisteredProbe::of::<postgres::Roundtrip>(),
            RegisteredProbe::of::<postgres::ArchiveSwitch>(),
            RegisteredProbe::of::<postgres::Patroni>(),
            RegisteredProbe::of::<postgres::Replicas>(),
            RegisteredProbe::of::<postgres::Leftovers>(),
            RegisteredProbe::of::<redis::Command>(),
            RegisteredProbe::of::<redis::Write>(),
            RegisteredProbe::of::<redis::Info>(),
            RegisteredProbe::of::<redis::Members>(),
            RegisteredProbe::of::<redis::Cluster>(),
            RegisteredProbe::of::<redis::Permissions>(),
            RegisteredProbe::of::<redis::Plaintext>(),
            RegisteredProbe::of::<redis::Roundtrip>(),
            RegisteredProbe::of::<redis::Durability>(),
            RegisteredProbe::of::<redis::Leftovers>(),
            RegisteredProbe::of::<kafka::ApiVersions>(),
            RegisteredProbe::of::<kafka::Metadata>(),
            RegisteredProbe::of::<kafka::AdvertisedListeners>(),
            RegisteredProbe::of::<kafka::Quorum>(),
            RegisteredProbe::of::<kafka::RegisteredBrokers>(),
            RegisteredProbe::of::<kafka::Configs>(),
            RegisteredProbe::of::<kafka::Topics>(),
            RegisteredProbe::of::<kafka::LogDirs>(),
            RegisteredProbe::of::<kafka::LoginProbe>(),
            RegisteredProbe::of::<kafka::CreateDryRun>(),
            RegisteredProbe::of::<kafka::TopicLifecycle>(),
            RegisteredProbe::of::<kafka::RoundTrip>(),
            RegisteredProbe::of::<kafka::ConsumerGroup>(),
            RegisteredProbe::of::<kafka::ConsumerLag>(),
            RegisteredProbe::of::<kafka::Leftovers>(),
            RegisteredProbe::of::<etcd::EndpointHealth>(),
            RegisteredProbe::of::<etcd::Status>(),
            RegisteredProbe::of::<etcd::Members>(),
            RegisteredProbe::of::<etcd::Alarms>(),
            RegisteredProbe::of::<etcd::Range>(),
            RegisteredProbe::of::<etcd::RoundTrip>(),
            RegisteredProbe::of::<etcd::Lease>(),
            RegisteredProbe::of::<etcd::Watch>(),
            RegisteredProbe::of::<etcd::Login>(),
            RegisteredProbe::of::<etcd::Leftovers>(),
        ]
    }
}

/// The probe of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static RegisteredProbe> {
    registry().iter().find(|probe| probe.descriptor.name == name)
}

/// What the catalogue must know of every probe.
#[must_use]
pub fn descriptors() -> Vec<ProbeDescriptor> {
    registry().iter().map(|probe| probe.descriptor).collect()
}
