//! The little that this layer itself knows of the TLS record format (RFC 8446, section 5.1).

/// The content type of the record every TLS client starts with.
pub(crate) const HANDSHAKE: u8 = 0x16;

/// Content type, version and length.
const HEADER_BYTES: usize = 5;

/// Follows the borders of the records in a stream, to know how far the next one is.
#[derive(Debug, Default)]
pub(crate) struct RecordCursor {
    header: [u8; HEADER_BYTES],
    /// So many bytes of the current record have passed.
    seen: usize,
}

impl RecordCursor {
    /// Lets `bytes` pass up to the end of the current record, and returns how many that are.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> usize {
        let mut passed = 0;
        while passed < bytes.len() {
            let part = &bytes[passed..][..self.missing().min(bytes.len() - passed)];
            if self.seen < HEADER_BYTES {
                self.header[self.seen..][..part.len()].copy_from_slice(part);
            }
            self.seen += part.len();
            passed += part.len();
            if self.seen >= HEADER_BYTES && self.missing() == 0 {
                self.seen = 0;
                break;
            }
        }
        passed
    }

    /// How many bytes of an incomplete record have passed.
    pub(crate) fn partial(&self) -> usize {
        self.seen
    }

    /// A lower bound of the bytes that complete the current record: exact behind its header.
    pub(crate) fn missing(&self) -> usize {
        let [_, _, _, high, low] = self.header;
        let payload_bytes = usize::from(u16::from_be_bytes([high, low]));
        let known = if self.seen < HEADER_BYTES { 0 } else { payload_bytes };
        HEADER_BYTES + known - self.seen
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(payload_bytes: u16) -> Vec<u8> {
        let mut record = vec![0x17, 3, 3];
        record.extend(payload_bytes.to_be_bytes());
        record.resize(HEADER_BYTES + usize::from(payload_bytes), 0xee);
        record
    }

    proptest! {
        #[test]
        fn every_record_border_is_found_in_any_chunking(
            lengths in prop::collection::vec(0_u16..700, 1..20),
            cut in 1_usize..97,
        ) {
            let stream: Vec<u8> = lengths.iter().flat_map(|&length| record(length)).collect();
            let mut cursor = RecordCursor::default();
            let mut passed = 0;
            for chunk in stream.chunks(cut) {
                let mut rest = chunk;
                while !rest.is_empty() {
                    rest = &rest[cursor.advance(rest)..];
                    prop_assert!(cursor.partial() == 0 || rest.is_empty());
                }
                passed += chunk.len();
                let mut border = 0;
                let mut next = lengths.iter().map(|&length| HEADER_BYTES + usize::from(length));
                while let Some(record_bytes) = next.next()
                    && border + record_bytes <= passed
                {
                    border += record_bytes;
                }
                prop_assert_eq!(cursor.partial(), passed - border);
                prop_assert!(cursor.missing() > 0);
            }
            prop_assert_eq!(cursor.partial(), 0);
        }
    }

    #[test]
    fn the_rest_of_a_record_is_known_behind_its_header() {
        let mut cursor = RecordCursor::default();
        cursor.advance(&record(300)[..3]);
        assert_eq!(cursor.missing(), 2);
        cursor.advance(&record(300)[3..105]);
        assert_eq!(cursor.missing(), 200);
    }
}
