use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::protocol::buf::ByteBuf;

/// The largest tag number and the like that is not a length and may stand near the end of an answer.
const SLACK: u64 = 64;

/// An answer that refuses lengths which the rest of it cannot hold.
///
/// The decoder reserves memory for as many elements as a list claims before it reads the first of them, so four wrong
/// bytes would make the process ask for hundreds of gigabytes and be ended. In the versions we speak every length is an
/// unsigned varint, and the decoder reads nothing but varints and flags through `try_get_u8`: a varint that grows
/// larger than what is left of the answer is refused there.
pub(super) struct Bounded {
    bytes: Bytes,
    varint: u64,
    shift: u32,
}

impl Bounded {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, varint: 0, shift: 0 }
    }
}

impl Buf for Bounded {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }

    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        let byte = self.bytes.try_get_u8()?;
        let bits = u64::from(byte & 0x7f);
        // Counted from the first byte of a run that never ended, which is at least what any varint within it says: the
        // decoder takes five bytes for a whole one also when the fifth says that more follow.
        self.varint |= if bits == 0 || self.shift < 56 { bits << self.shift.min(56) } else { u64::MAX };
        self.shift += 7;
        let available = self.bytes.remaining();
        if self.varint > available as u64 + SLACK {
            let requested = usize::try_from(self.varint).unwrap_or(usize::MAX);
            return Err(TryGetError { requested, available });
        }
        if byte & 0x80 == 0 {
            (self.varint, self.shift) = (0, 0);
        }
        Ok(byte)
    }
}

impl ByteBuf for Bounded {
    fn peek_bytes(&mut self, range: std::ops::Range<usize>) -> Bytes {
        self.bytes.slice(range)
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        self.bytes.split_to(size)
    }
}

/// Whether the list at `offset`, counted in four bytes as in the oldest versions, can be in an answer of this length.
pub(super) fn old_list_fits(body: &[u8], offset: usize) -> bool {
    let count = body.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes);
    count.is_some_and(|count| usize::try_from(count).is_ok_and(|count| count <= body.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::{
        messages::{ApiVersionsResponse, MetadataResponse},
        protocol::{Decodable as _, Encodable as _},
    };
    use proptest::prelude::*;

    fn decode(bytes: &[u8], version: i16) -> bool {
        MetadataResponse::decode(&mut Bounded::new(Bytes::copy_from_slice(bytes)), version).is_ok()
    }

    #[test]
    fn a_list_that_claims_more_than_there_is_is_refused_before_memory_is_reserved() {
        // Throttle time, then a list of 2^32 - 2 brokers.
        assert!(!decode(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f], 12));
        // The same with a fifth byte that does not end it.
        assert!(!decode(&[0, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0xff, 0, 0, 0], 12));
        let mut good = Vec::new();
        MetadataResponse::default().encode(&mut good, 12).expect("encodes");
        assert!(decode(&good, 12));
    }

    #[test]
    fn an_old_list_is_counted_in_four_bytes() {
        assert!(old_list_fits(&[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], 2));
        assert!(!old_list_fits(&[0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0], 2));
        assert!(!old_list_fits(&[0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0], 2));
        assert!(!old_list_fits(&[0, 0, 0], 2));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(&bytes, 12);
            let _ = ApiVersionsResponse::decode(&mut Bounded::new(Bytes::from(bytes)), 3);
        }
    }
}
