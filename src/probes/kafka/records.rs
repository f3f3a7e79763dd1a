use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, ClientContext, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::{BorrowedMessage, DeliveryResult, Header, Headers as _, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext},
};

use super::code::screaming;

/// The header every record carries.
const HEADER: &str = "soma-run";

/// The records of one round trip: what is sent, and what must come back.
#[derive(Debug, Clone)]
pub(super) struct Records {
    /// The topic, of one partition.
    pub(super) topic: String,
    /// A text nobody else has written.
    pub(super) nonce: String,
    /// How many.
    pub(super) count: usize,
}

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The offsets the broker acknowledged, in the order of sending.
    pub(super) acknowledged: Vec<i64>,
    /// The name of the first error of producing.
    pub(super) produce_error: Option<String>,
    /// The offsets that came back, in the order of reading.
    pub(super) returned: Vec<i64>,
    /// Of these, how many held the key, the payload and the header that was sent.
    pub(super) identical: usize,
    /// The name of the first error of consuming.
    pub(super) consume_error: Option<String>,
}

type Deliveries = Arc<Mutex<Vec<Result<i64, KafkaError>>>>;

/// Collects what the broker says of each record.
#[derive(Clone, Default)]
struct Collector(Deliveries);

impl ClientContext for Collector {
    // The reasons of a failure come with the calls; a library must not write to standard error.
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Collector {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let said = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(said);
    }
}

impl Records {
    /// Produces with `acks=all` and reads everything back on a fresh consumer. Blocks, at most for `budget`, and longer
    /// only for closing the clients.
    pub(super) fn round_trip(&self, config: &ClientConfig, budget: Duration) -> Outcome {
        let end = Instant::now() + budget;
        let mut outcome = Outcome::default();
        if let Err(error) = self.produce(config.clone(), end, &mut outcome) {
            outcome.produce_error.get_or_insert(name_of(&error));
        }
        if outcome.produce_error.is_none()
            && let Err(error) = self.consume(config.clone(), end, &mut outcome)
        {
            outcome.consume_error.get_or_insert(name_of(&error));
        }
        outcome
    }

    fn produce(&self, mut config: ClientConfig, end: Instant, outcome: &mut Outcome) -> Result<(), KafkaError> {
        let collector = Collector::default();
        config
            .set("acks", "all")
            .set("linger.ms", "0")
            // Without idempotence no producer id is waited for. The few retries cover a leader that is not known
            // everywhere yet; with more of them the broker's reason would be hidden behind a time-out.
            .set("enable.idempotence", "false")
            .set("retries", "4")
            .set("request.timeout.ms", millis(left(end)))
            .set("message.timeout.ms", millis(left(end)));
        let producer: BaseProducer<Collector> = config.create_with_context(collector.clone())?;
        // The first send to a topic nobody asked about waits up to a second for it.
        producer.client().fetch_metadata(Some(&self.topic), left(end))?;
        for index in 0..self.count {
            let headers = OwnedHeaders::new().insert(Header { key: HEADER, value: Some(&self.nonce) });
            let (key, payload) = (key(index), self.payload(index));
            let record = BaseRecord::to(&self.topic).partition(0).key(&key).payload(&payload).headers(headers);
            producer.send(record).map_err(|(error, _)| error)?;
        }
        let flushed = producer.flush(left(end));
        let deliveries = collector.0.lock().unwrap_or_else(PoisonError::into_inner);
        for delivery in deliveries.iter() {
            match delivery {
                Ok(offset) => outcome.acknowledged.push(*offset),
                Err(error) => drop(outcome.produce_error.get_or_insert(name_of(error))),
            }
        }
        flushed
    }

    fn consume(&self, mut config: ClientConfig, end: Instant, outcome: &mut Outcome) -> Result<(), KafkaError> {
        config
            // The library wants a name; the group never exists, because partitions are assigned and nothing is committed.
            .set("group.id", &self.topic)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("check.crcs", "true")
            .set("fetch.wait.max.ms", "5");
        let consumer: BaseConsumer = config.create()?;
        consumer.fetch_metadata(Some(&self.topic), left(end))?;
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_offset(&self.topic, 0, Offset::Offset(0))?;
        consumer.assign(&partitions)?;
        while outcome.returned.len() < self.count && !left(end).is_zero() {
            let Some(message) = consumer.poll(left(end)) else { break };
            let message = message?;
            if self.is_identical(outcome.returned.len(), &message) {
                outcome.identical += 1;
            }
            outcome.returned.push(message.offset());
        }
        Ok(())
    }

    fn is_identical(&self, index: usize, message: &BorrowedMessage<'_>) -> bool {
        let header = message.headers().and_then(|headers| headers.try_get(0));
        message.key() == Some(key(index).as_bytes())
            && message.payload() == Some(self.payload(index).as_bytes())
            && header.is_some_and(|one| one.key == HEADER && one.value == Some(self.nonce.as_bytes()))
    }

    fn payload(&self, index: usize) -> String {
        format!("{} {index}", self.nonce)
    }
}

impl Outcome {
    /// Whether both the acknowledged and the returned offsets count up by one, and are the same.
    pub(super) fn is_contiguous(&self) -> bool {
        self.acknowledged == self.returned && self.returned.windows(2).all(|pair| pair[1] == pair[0] + 1)
    }
}

fn key(index: usize) -> String {
    format!("key-{index}")
}

/// The name of an error's code, in the protocol guide's spelling where it comes from the broker.
fn name_of(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(code) => screaming(&format!("{code:?}")),
        None => error.to_string(),
    }
}

fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}

fn millis(duration: Duration) -> String {
    duration.as_millis().clamp(1, 300_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_contiguous_only_without_a_gap_a_loss_or_a_twin() {
        let cases: [(&[i64], &[i64], bool); 5] = [
            (&[0, 1, 2], &[0, 1, 2], true),
            (&[0, 1, 2], &[0, 1], false),
            (&[0, 2, 3], &[0, 2, 3], false),
            (&[0, 1], &[0, 0], false),
            (&[1, 0], &[1, 0], false),
        ];
        for (acknowledged, returned, expected) in cases {
            let outcome =
                Outcome { acknowledged: acknowledged.to_vec(), returned: returned.to_vec(), ..Outcome::default() };
            assert_eq!(outcome.is_contiguous(), expected, "{acknowledged:?} {returned:?}");
        }
    }
}
