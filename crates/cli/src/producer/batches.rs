//! From lines to batches: gathering lines until there are enough or time is up, and packing them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use logboom_wire::records::{BatchBuilder, Codec, ProducerStamp};

use super::error::Error;
use super::metadata::ProducerId;

/// A batch is closed before it grows beyond so many bytes, not compressed. It is what librdkafka
/// takes, and below the limit of a Kafka server that nobody configured.
const BATCH_BYTES_MAX: usize = 1_000_000;

/// Bytes that a record needs besides its line, key and headers, at most.
const RECORD_OVERHEAD_BYTES: usize = 64;

/// A header that every record gets: its name and its value.
pub(crate) type Header = (String, String);

/// Lines that will be one batch.
#[derive(Debug)]
pub(super) struct Gathered {
    builder: BatchBuilder,
    first_line: u64,
    since: Instant,
}

/// Gathers lines for the next batch.
#[derive(Debug)]
pub(super) struct Gatherer {
    key: Option<String>,
    headers: Vec<Header>,
    lines_max: usize,
    linger: Duration,
    open: Option<Gathered>,
}

impl Gatherer {
    pub(super) fn new(
        key: Option<String>,
        headers: Vec<Header>,
        lines_max: usize,
        linger: Duration,
    ) -> Self {
        Self { key, headers, lines_max, linger, open: None }
    }

    /// Adds the line with this number. Returns the lines before it if it does not fit to them.
    pub(super) fn add(
        &mut self,
        line: &[u8],
        number: u64,
        timestamp_ms: i64,
        now: Instant,
    ) -> Result<Option<Gathered>, Error> {
        let done = self.open.take_if(|open| {
            let bytes = open.builder.records_bytes() + line.len() + RECORD_OVERHEAD_BYTES;
            open.builder.record_count() >= self.lines_max || bytes > BATCH_BYTES_MAX
        });
        let open = self.open.get_or_insert_with(|| Gathered {
            builder: BatchBuilder::new(),
            first_line: number,
            since: now,
        });
        let headers: Vec<(&[u8], Option<&[u8]>)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), Some(value.as_bytes())))
            .collect();
        let key = self.key.as_ref().map(String::as_bytes);
        open.builder.append(timestamp_ms, key, Some(line), &headers).map_err(Error::internal)?;
        Ok(done)
    }

    /// The lines that have waited long enough for company.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Gathered> {
        let linger = self.linger;
        self.open.take_if(|open| open.since + linger <= now)
    }

    /// The lines that are there, because no others will come.
    pub(super) fn take(&mut self) -> Option<Gathered> {
        self.open.take()
    }

    /// When there will be something to [take](Self::take_due).
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.since + self.linger)
    }

    /// The first line that was added and not taken.
    pub(super) fn first_line(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.first_line)
    }
}

/// A batch as it is sent, byte for byte the same however often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    /// The shard it goes to.
    pub(super) shard: u32,
    /// The number of its first line within the input.
    pub(super) first_line: u64,
    pub(super) line_count: u32,
    pub(super) bytes: Bytes,
}

/// Makes batches: says to which shard they go, gives them sequence numbers, and compresses them.
#[derive(Debug)]
pub(super) struct Packer {
    codec: Codec,
    producer: Option<ProducerId>,
    /// The next sequence number, for each shard.
    sequences: Vec<i32>,
    next_shard: usize,
    /// Records with a key all go to the same shard.
    has_key: bool,
}

impl Packer {
    /// A packer for this many shards, at least one.
    pub(super) fn new(
        codec: Codec,
        producer: Option<ProducerId>,
        shards: u32,
        key: Option<&str>,
    ) -> Self {
        let shards = shards.max(1);
        let next_shard = match (key, producer) {
            // Where librdkafka would put it.
            (Some(key), _) => {
                crc_fast::checksum(CrcAlgorithm::Crc32IsoHdlc, key.as_bytes()) % u64::from(shards)
            }
            // Producer ids count up, so that one line at a time reaches all shards as well.
            (None, Some(producer)) => producer.id.unsigned_abs() % u64::from(shards),
            (None, None) => 0,
        };
        Self {
            codec,
            producer,
            sequences: vec![0; shards as usize],
            next_shard: next_shard as usize,
            has_key: key.is_some(),
        }
    }

    /// Makes the next batch.
    pub(super) fn pack(&mut self, gathered: Gathered) -> Batch {
        let Gathered { mut builder, first_line, .. } = gathered;
        let shard = self.next_shard;
        if !self.has_key {
            self.next_shard = (shard + 1) % self.sequences.len();
        }
        let line_count = builder.record_count();
        if let Some(ProducerId { id, epoch }) = self.producer {
            let base_sequence = self.sequences[shard];
            builder.set_producer(ProducerStamp { id, epoch, base_sequence });
            self.sequences[shard] = sequence_after(base_sequence, line_count);
        }
        Batch {
            shard: shard as u32,
            first_line,
            line_count: line_count as u32,
            bytes: build(&builder, self.codec).into(),
        }
    }
}

/// The batch, compressed if that makes it smaller, as librdkafka does.
fn build(builder: &BatchBuilder, codec: Codec) -> Vec<u8> {
    let compressed = builder.build(codec);
    if codec == Codec::None || compressed.len() < builder.records_bytes() {
        return compressed;
    }
    let plain = builder.build(Codec::None);
    if plain.len() <= compressed.len() { plain } else { compressed }
}

/// The sequence number behind so many records. After the largest one follows 0.
fn sequence_after(base: i32, records: usize) -> i32 {
    let sum = base as u64 + records as u64;
    (sum % (1 << 31)) as i32
}

#[cfg(test)]
mod tests {
    use logboom_wire::records::{Limits, Scratch, batches, read, validate};
    use proptest::prelude::*;

    use super::*;

    const LINGER: Duration = Duration::from_millis(50);
    const PRODUCER: ProducerId = ProducerId { id: 7, epoch: 0 };

    #[allow(clippy::disallowed_methods, reason = "tests need one point in time to start from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn gatherer(lines_max: usize) -> Gatherer {
        Gatherer::new(None, Vec::new(), lines_max, LINGER)
    }

    fn gathered(lines: usize) -> Gathered {
        let (mut gatherer, now) = (gatherer(usize::MAX), start());
        for number in 0..lines {
            gatherer.add(b"line", number as u64 + 1, 0, now).unwrap();
        }
        gatherer.take().unwrap()
    }

    /// The producer's stamp and the values of a batch, which has to pass the server's own checks.
    fn unpack(batch: &Batch) -> (Option<ProducerStamp>, Vec<Vec<u8>>) {
        let (limits, mut scratch) = (Limits::default(), Scratch::default());
        let raw: Vec<_> = batches(&batch.bytes).collect::<Result<_, _>>().unwrap();
        assert_eq!(raw.len(), 1);
        let summary = validate(&raw[0], &limits, &mut scratch).unwrap();
        assert_eq!(summary.record_count, batch.line_count);
        let records = read(&batch.bytes, &limits, &mut scratch).unwrap();
        let values = records.map(|record| record.unwrap().value.unwrap().to_vec()).collect();
        (summary.producer, values)
    }

    proptest! {
        #[test]
        fn batches_hold_all_lines_in_order_and_no_more_than_they_may(
            lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..60),
            lines_max in 1_usize..10,
        ) {
            let (mut gatherer, now) = (gatherer(lines_max), start());
            let mut packer = Packer::new(Codec::Zstd, Some(PRODUCER), 1, None);
            let mut packed = Vec::new();
            for (number, line) in (1..).zip(&lines) {
                packed.extend(gatherer.add(line, number, 0, now).unwrap());
            }
            packed.extend(gatherer.take());
            let mut read = Vec::new();
            for gathered in packed {
                let batch = packer.pack(gathered);
                prop_assert_eq!(batch.first_line, read.len() as u64 + 1);
                let (stamp, values) = unpack(&batch);
                prop_assert_eq!(stamp.unwrap().base_sequence, read.len() as i32);
                prop_assert!(values.len() <= lines_max);
                read.extend(values);
            }
            prop_assert_eq!(read, lines);
        }
    }

    #[test]
    fn a_batch_is_closed_before_it_is_too_large_and_a_long_line_is_alone() {
        let (mut gatherer, now) = (gatherer(usize::MAX), start());
        let long = vec![b'x'; BATCH_BYTES_MAX + 1];
        assert!(gatherer.add(b"short", 1, 0, now).unwrap().is_none());
        let before = gatherer.add(&long, 2, 0, now).unwrap().unwrap();
        assert_eq!((before.first_line, before.builder.record_count()), (1, 1));
        let alone = gatherer.add(b"short", 3, 0, now).unwrap().unwrap();
        assert_eq!((alone.first_line, alone.builder.record_count()), (2, 1));
        assert_eq!(gatherer.first_line(), Some(3));
    }

    #[test]
    fn lines_wait_for_company_from_the_first_one_on() {
        let (mut gatherer, now) = (gatherer(usize::MAX), start());
        assert_eq!(gatherer.due_at(), None);
        gatherer.add(b"a", 1, 0, now).unwrap();
        gatherer.add(b"b", 2, 0, now + LINGER / 2).unwrap();
        assert_eq!(gatherer.due_at(), Some(now + LINGER));
        assert!(gatherer.take_due(now + LINGER / 2).is_none());
        assert_eq!(gatherer.take_due(now + LINGER).unwrap().builder.record_count(), 2);
        assert_eq!(gatherer.due_at(), None);
    }

    #[test]
    fn batches_go_round_the_shards_and_each_shard_counts_for_itself() {
        let mut packer = Packer::new(Codec::None, Some(PRODUCER), 3, None);
        let batches: Vec<Batch> = (0..4).map(|_| packer.pack(gathered(2))).collect();
        let shards: Vec<u32> = batches.iter().map(|batch| batch.shard).collect();
        assert_eq!(shards, [1, 2, 0, 1]);
        let sequences: Vec<i32> =
            batches.iter().map(|batch| unpack(batch).0.unwrap().base_sequence).collect();
        assert_eq!(sequences, [0, 0, 0, 2]);
    }

    #[test]
    fn a_key_always_goes_to_the_shard_where_librdkafka_puts_it() {
        // zlib.crc32(b"host-1") % 5 == 4
        let mut packer = Packer::new(Codec::None, Some(PRODUCER), 5, Some("host-1"));
        for _ in 0..3 {
            assert_eq!(packer.pack(gathered(1)).shard, 4);
        }
    }

    #[test]
    fn keys_and_headers_are_on_every_record() {
        let headers = vec![("app".to_owned(), "web".to_owned()), ("app".to_owned(), String::new())];
        let mut gatherer = Gatherer::new(Some("k".into()), headers, 9, LINGER);
        gatherer.add(b"v", 1, 1234, start()).unwrap();
        let batch = Packer::new(Codec::None, None, 1, None).pack(gatherer.take().unwrap());
        let mut scratch = Scratch::default();
        let mut records = read(&batch.bytes, &Limits::default(), &mut scratch).unwrap();
        let record = records.next().unwrap().unwrap();
        assert_eq!((record.key, record.timestamp_ms), (Some(&b"k"[..]), Some(1234)));
        let headers: Vec<_> = record.headers.collect();
        assert_eq!(headers, [(&b"app"[..], Some(&b"web"[..])), (&b"app"[..], Some(&b""[..]))]);
    }

    #[test]
    fn what_compression_makes_larger_is_not_compressed() {
        for codec in Codec::ALL {
            let small = Packer::new(codec, None, 1, None).pack(gathered(1));
            let plain = Packer::new(Codec::None, None, 1, None).pack(gathered(1));
            assert_eq!(small, plain, "{codec:?}");
            let (mut gatherer, now) = (gatherer(usize::MAX), start());
            gatherer.add(&[b'x'; 10_000], 1, 0, now).unwrap();
            let large = Packer::new(codec, None, 1, None).pack(gatherer.take().unwrap());
            assert_eq!(large.bytes.len() < 1_000, codec != Codec::None, "{codec:?}");
            assert_eq!(unpack(&large).1, [[b'x'; 10_000]]);
        }
    }

    #[test]
    fn sequence_numbers_begin_again_at_zero_after_the_largest() {
        assert_eq!(sequence_after(0, 10), 10);
        assert_eq!(sequence_after(i32::MAX - 1, 1), i32::MAX);
        assert_eq!(sequence_after(i32::MAX, 1), 0);
        assert_eq!(sequence_after(i32::MAX, 3), 2);
    }
}
