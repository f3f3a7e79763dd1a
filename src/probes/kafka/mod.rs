//! Apache Kafka: its own protocol over our dialler for everything that can be asked, librdkafka for records.
//!
//! Reading order: [`connection`] (one broker, one question at a time), [`cluster`] (who the brokers are), then a file
//! per probe.

mod advertised;
mod api_versions;
mod bounded;
mod client;
mod cluster;
mod code;
mod committed;
mod configs;
mod connection;
mod consumer_group;
mod consumer_lag;
mod create_dry_run;
mod end_offsets;
mod frame;
mod group;
mod leftovers;
mod log_dirs;
mod login;
mod metadata;
mod partitions;
mod quorum;
mod records;
mod registered_brokers;
mod retention;
mod round_trip;
mod sasl;
mod scram;
mod scratch_topic;
mod topic_lifecycle;
mod topics;

pub(super) use advertised::AdvertisedListeners;
pub(super) use api_versions::ApiVersions;
pub(super) use configs::Configs;
pub(super) use consumer_group::ConsumerGroup;
pub(super) use consumer_lag::ConsumerLag;
pub(super) use create_dry_run::CreateDryRun;
pub(super) use leftovers::Leftovers;
pub(super) use log_dirs::LogDirs;
pub(super) use login::LoginProbe;
pub(super) use metadata::Metadata;
pub(super) use quorum::Quorum;
pub(super) use registered_brokers::RegisteredBrokers;
pub(super) use round_trip::RoundTrip;
pub(super) use topic_lifecycle::TopicLifecycle;
pub(super) use topics::Topics;
