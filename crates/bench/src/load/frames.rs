//! Produce requests that are encoded once and sent again and again.

use std::io::Write as _;

use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ProduceRequest, RequestHeader, TopicName};
use kafka_protocol::protocol::{Encodable, HeaderVersion, StrBytes};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record,
    RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use super::values::Values;
use crate::{Failure, Result};

/// The version of Produce that is spoken: the first with zstd, the newest before tagged fields, and
/// every server of the last years has it.
pub(super) const PRODUCE_VERSION: i16 = 7;
/// The key of Produce.
pub(super) const PRODUCE_KEY: i16 = 0;
/// What the connections call themselves.
pub(super) const CLIENT_ID: &str = "logboom-bench";

/// A server may take so long to do what a batch asks for.
const TIMEOUT_MS: i32 = 30_000;

/// Where the correlation ID stands in a request.
const CORRELATION: std::ops::Range<usize> = 8..12;
/// The partition and the size of its batch are the last fields before the batch.
const FROM_PARTITION: usize = 8;

/// What is sent.
#[derive(Debug, Clone)]
pub struct Content {
    /// The size of each value.
    pub record_bytes: u64,
    /// The sum of the values of a batch, before it is compressed.
    pub batch_bytes: u64,
    /// How batches are compressed.
    pub codec: Codec,
    /// So many different batches are sent in turns.
    pub distinct: usize,
}

/// How a batch is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Codec {
    /// Not at all.
    None,
    /// zlib, level 6.
    Gzip,
    /// Blocks of 32 KiB as the Java client frames them.
    Snappy,
    /// LZ4 frame, the fast mode.
    Lz4,
    /// Level 3.
    Zstd,
}

impl Codec {
    /// Its name as producers configure it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// A request that is complete but for its correlation ID and its partition.
#[derive(Debug)]
pub(super) struct Frame {
    head: Vec<u8>,
    pub(super) batch: Bytes,
}

impl Frame {
    /// What comes before the batch.
    pub(super) fn head(&self, correlation: i32, partition: i32) -> Vec<u8> {
        let mut head = self.head.clone();
        head[CORRELATION].copy_from_slice(&correlation.to_be_bytes());
        let at = head.len() - FROM_PARTITION;
        head[at..at + 4].copy_from_slice(&partition.to_be_bytes());
        head
    }
}

/// Requests with different batches of the same size.
#[derive(Debug)]
pub struct Frames {
    pub(super) frames: Vec<Frame>,
    /// Records of each batch.
    pub(super) records: u64,
    /// Bytes of their values.
    pub(super) value_bytes: u64,
}

impl Frames {
    /// Encodes requests to a topic. The first record of each batch has the time `first_ms`, in ms
    /// since 1970.
    ///
    /// # Errors
    ///
    /// If such a batch is too large for the format.
    pub fn new(content: &Content, topic: &str, acks: i16, first_ms: i64) -> Result<Self> {
        let records = (content.batch_bytes / content.record_bytes).max(1);
        let frames = (0..content.distinct.max(1) as u64)
            .map(|seed| frame(batch(content, records, seed, first_ms)?, topic, acks))
            .collect::<Result<_>>()?;
        Ok(Self { frames, records, value_bytes: records * content.record_bytes })
    }

    /// A whole request with one of the batches, which are counted modulo their number.
    #[must_use]
    pub fn request(&self, batch: usize, correlation: i32, partition: i32) -> Vec<u8> {
        let frame = &self.frames[batch % self.frames.len()];
        [&frame.head(correlation, partition)[..], &frame.batch[..]].concat()
    }

    /// Bytes of the values of each request.
    #[must_use]
    pub const fn value_bytes(&self) -> u64 {
        self.value_bytes
    }

    /// How much smaller batches are than the values in them.
    #[must_use]
    pub fn compression_ratio(&self) -> f64 {
        let batches: usize = self.frames.iter().map(|frame| frame.batch.len()).sum();
        self.value_bytes as f64 * self.frames.len() as f64 / batches as f64
    }
}

fn batch(content: &Content, records: u64, seed: u64, first_ms: i64) -> Result<Bytes> {
    let record_bytes = usize::try_from(content.record_bytes)
        .map_err(Failure::while_doing("make records so large"))?;
    let mut values = Values::new(record_bytes, seed);
    let mut list = Vec::new();
    for offset in 0..i64::try_from(records).unwrap_or(i64::MAX) {
        list.push(record(offset, first_ms + offset % 1_000, values.next_value()));
    }
    let compression = match content.codec {
        Codec::None => Compression::None,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    };
    let mut encoded = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression };
    let done = match content.codec {
        Codec::Lz4 => RecordBatchEncoder::encode_with_custom_compression(
            &mut encoded,
            &list,
            &options,
            Some(|records: &mut BytesMut, out: &mut BytesMut, _| Ok(lz4(records, out)?)),
        ),
        _ => RecordBatchEncoder::encode(&mut encoded, &list, &options),
    };
    done.map_err(Failure::while_doing("encode such a batch"))?;
    Ok(encoded.freeze())
}

/// An LZ4 frame as the Java client and librdkafka write it unless they are told to try harder: with the
/// fast mode, independent blocks of 64 KiB, and no checksum besides that of the batch.
fn lz4(records: &BytesMut, out: &mut BytesMut) -> std::io::Result<()> {
    let mut encoder = lz4::EncoderBuilder::new()
        .block_mode(lz4::BlockMode::Independent)
        .block_size(lz4::BlockSize::Max64KB)
        .block_checksum(lz4::liblz4::BlockChecksum::NoBlockChecksum)
        .checksum(lz4::ContentChecksum::NoChecksum)
        .build(out.writer())?;
    encoder.write_all(records)?;
    encoder.finish().1
}

fn record(offset: i64, timestamp: i64, value: Vec<u8>) -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset,
        // Where the batch begins it is "no sequence"; the encoder wants the others in order.
        sequence: NO_SEQUENCE.wrapping_add(offset as i32),
        timestamp,
        key: None,
        value: Some(value.into()),
        headers: IndexMap::new(),
    }
}

fn frame(batch: Bytes, topic: &str, acks: i16) -> Result<Frame> {
    let partition = PartitionProduceData::default().with_records(Some(batch.clone()));
    let topic = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partition_data(vec![partition]);
    let request = ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(acks)
        .with_timeout_ms(TIMEOUT_MS)
        .with_topic_data(vec![topic]);
    let mut head = request_bytes(PRODUCE_KEY, PRODUCE_VERSION, 0, &request)?;
    // Nothing comes behind the records in this version.
    head.truncate(head.len() - batch.len());
    Ok(Frame { head, batch })
}

/// A request with its length in front.
pub(super) fn request_bytes<R: Encodable + HeaderVersion>(
    key: i16,
    version: i16,
    correlation: i32,
    request: &R,
) -> Result<Vec<u8>> {
    let header = RequestHeader::default()
        .with_request_api_key(key)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str(CLIENT_ID)));
    let mut body = BytesMut::new();
    header
        .encode(&mut body, R::header_version(version))
        .and_then(|()| request.encode(&mut body, version))
        .map_err(Failure::while_doing("encode a request"))?;
    let length = i32::try_from(body.len()).map_err(Failure::while_doing("send so much at once"))?;
    Ok([&length.to_be_bytes()[..], &body[..]].concat())
}

#[cfg(test)]
mod tests {
    use kafka_protocol::protocol::Decodable;
    use kafka_protocol::records::RecordBatchDecoder;

    use super::*;

    fn content(codec: Codec) -> Content {
        Content { record_bytes: 512, batch_bytes: 100 << 10, codec, distinct: 2 }
    }

    #[test]
    fn lz4_is_framed_as_producers_frame_it() {
        let mut frame = BytesMut::new();
        lz4(&BytesMut::from(&b"records"[..]), &mut frame).unwrap();
        // tests/transcripts/kcat-rdk2.0.2-lz4.jsonl has the same header.
        assert_eq!(frame[..7], [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
    }

    #[test]
    fn a_frame_is_a_request_with_what_is_filled_in() {
        let frames = Frames::new(&content(Codec::None), "logs", -1, 0).unwrap();
        let (frame, whole) = (&frames.frames[1], frames.request(3, 77, 3));
        let (length, body) = whole.split_first_chunk().unwrap();
        assert_eq!(u32::from_be_bytes(*length) as usize, body.len());
        let mut body = Bytes::copy_from_slice(body);
        let header = RequestHeader::decode(&mut body, 1).unwrap();
        assert_eq!((header.correlation_id, header.request_api_version), (77, PRODUCE_VERSION));
        let request = ProduceRequest::decode(&mut body, PRODUCE_VERSION).unwrap();
        let data = &request.topic_data[0].partition_data[0];
        assert_eq!((request.acks, data.index), (-1, 3));
        assert_eq!(data.records.as_ref(), Some(&frame.batch));
        assert!(body.is_empty());
    }

    #[test]
    fn batches_hold_the_records_that_were_asked_for_with_every_codec() {
        for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let frames = Frames::new(&content(codec), "logs", 1, 0).unwrap();
            assert_eq!((frames.records, frames.value_bytes), (200, 102_400));
            assert_ne!(frames.frames[0].batch, frames.frames[1].batch);
            let mut batch = frames.frames[0].batch.clone();
            let set = RecordBatchDecoder::decode(&mut batch).unwrap();
            assert!(batch.is_empty(), "one batch");
            assert_eq!(set.records.len(), 200);
            assert!(set.records.iter().all(|record| record.producer_id == NO_PRODUCER_ID));
            let bytes: usize = set.records.iter().flat_map(|it| &it.value).map(Bytes::len).sum();
            assert_eq!(bytes, 102_400);
        }
    }

    /// Measuring with other data would be measuring something else.
    #[test]
    fn records_compress_as_logs_do() {
        let ratio = |codec| Frames::new(&content(codec), "logs", 1, 0).unwrap().compression_ratio();
        for (codec, low, high) in [
            (Codec::None, 0.95, 1.0),
            (Codec::Gzip, 3.4, 4.6),
            (Codec::Zstd, 3.4, 4.6),
            (Codec::Snappy, 2.0, 2.9),
            (Codec::Lz4, 2.0, 3.4),
        ] {
            let ratio = ratio(codec);
            assert!((low..high).contains(&ratio), "{codec:?} {ratio}");
        }
    }
}
