//! What was sent, acknowledged and refused, and so what may be in the store and what must be.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use logboom_store::{Shard, Store, StoredBatch, StreamId};

use crate::coverage::State;
use crate::dice::Dice;
use crate::outcome::Violation;

/// A shard of a Logstore of a project, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShardKey {
    pub(crate) project: usize,
    pub(crate) logstore: usize,
    pub(crate) shard: u32,
}

/// A batch of a client.
#[derive(Debug, Clone)]
struct Batch {
    key: ShardKey,
    bytes: Bytes,
    client: usize,
    idempotent: bool,
    /// It was sent to `X.json` and not to `X`: another topic, and so another order.
    json: bool,
    /// How often it was sent.
    attempts: u32,
    /// How many of these were refused for certain.
    refused: u32,
    /// Where it is, as a client was told.
    acknowledged: Vec<i64>,
    /// The connection of the first attempt. The others of that connection came in order.
    connection: usize,
    /// How often it is in the log.
    copies: u32,
    /// Where it was seen last.
    seen_at: Option<i64>,
    /// It was sent again when it had expired, and with it the memory of its producer.
    reborn: bool,
    /// Its producer was told for ever that it is too late for it, which is right only if it is in
    /// the log.
    too_late: bool,
}

impl Batch {
    /// Takes note of a copy in the log.
    fn appears(&mut self, offset: i64, start: i64) {
        let expired = self.seen_at.is_some_and(|before| before < start);
        if self.idempotent && expired {
            self.reborn = true;
        } else {
            self.copies += 1;
        }
        self.seen_at = Some(offset);
    }

    /// The first of its acknowledgements with another offset than the first.
    fn contradiction(&self) -> Option<i64> {
        let first = self.acknowledged.first()?;
        let judged = self.idempotent && !self.reborn;
        self.acknowledged.iter().copied().find(|offset| judged && offset != first)
    }
}

/// What was seen of a shard.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// Offsets, numbers of records and batches. What was durable once stays.
    log: Vec<(i64, u32, usize)>,
    start: i64,
}

/// The judge of a run.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    batches: Vec<Batch>,
    by_bytes: BTreeMap<Bytes, usize>,
    shards: BTreeMap<ShardKey, Seen>,
    producer_ids: BTreeSet<i64>,
}

impl Oracle {
    /// A producer was given an id.
    pub(crate) fn granted(&mut self, id: i64) -> Result<(), Violation> {
        if id > 0 && self.producer_ids.insert(id) {
            return Ok(());
        }
        Err(Violation::new("a producer id is given out once", id.to_string()))
    }

    /// Takes note of a batch that is going to be sent.
    pub(crate) fn create(
        &mut self,
        key: ShardKey,
        client: usize,
        (idempotent, json): (bool, bool),
        bytes: &Bytes,
    ) -> usize {
        let id = self.batches.len();
        self.shards.entry(key).or_default();
        self.by_bytes.insert(bytes.clone(), id);
        self.batches.push(Batch {
            key,
            bytes: bytes.clone(),
            client,
            idempotent,
            json,
            attempts: 0,
            refused: 0,
            acknowledged: Vec::new(),
            connection: 0,
            copies: 0,
            seen_at: None,
            reborn: false,
            too_late: false,
        });
        id
    }

    pub(crate) fn sent(&mut self, id: usize, connection: usize) {
        let batch = &mut self.batches[id];
        if batch.attempts == 0 {
            batch.connection = connection;
        }
        batch.attempts += 1;
    }

    /// An attempt was refused in a way that means that nothing was stored.
    pub(crate) fn refused(&mut self, id: usize) {
        self.batches[id].refused += 1;
    }

    /// A client was told that the batch is stored, and where.
    pub(crate) fn acknowledged(&mut self, id: usize, offset: i64) -> Result<(), Violation> {
        let batch = &mut self.batches[id];
        if offset < 0 {
            let detail = format!("batch {id} at {offset}");
            return Err(Violation::new("an acknowledgement has an offset", detail));
        }
        batch.acknowledged.push(offset);
        Ok(())
    }

    /// A batch of unknown fate is refused for ever because of its sequence number.
    pub(crate) fn too_late(&mut self, id: usize) {
        self.batches[id].too_late = true;
    }

    /// Whatever came too late is there.
    pub(crate) fn check_too_late(&self) -> Result<(), Violation> {
        let lost = self.batches.iter().enumerate().find(|(_, batch)| {
            let expired = self.shards.get(&batch.key).is_some_and(|seen| seen.start > 0);
            batch.too_late && batch.copies == 0 && !expired
        });
        match lost {
            None => Ok(()),
            Some((id, batch)) => {
                let detail = format!("batch {id} of {:?}", batch.key);
                Err(Violation::new("an idempotent producer is never stuck", detail))
            }
        }
    }

    pub(crate) fn bytes(&self, id: usize) -> Bytes {
        self.batches[id].bytes.clone()
    }

    /// Whether anything of a shard was ever sent.
    pub(crate) fn keys(&self) -> impl Iterator<Item = ShardKey> {
        self.shards.keys().copied()
    }

    /// Compares what can be read of a shard with what was sent. What is read now must stay.
    pub(crate) fn verify(
        &mut self,
        store: &Store,
        stream: StreamId,
        key: ShardKey,
        dice: &Dice,
    ) -> Result<(), Violation> {
        let shard = Shard::new(stream, key.shard);
        let offsets = store.offsets(shard);
        let mut seen = self.shards.remove(&key).unwrap_or_default();
        if offsets.start < seen.start {
            let detail = format!("{key:?}: from {} to {}", seen.start, offsets.start);
            return Err(Violation::new("a start only moves forward", detail));
        }
        if offsets.start > seen.start {
            dice.reached(State::StartAdvanced);
        }
        seen.start = offsets.start;
        let batches = store.read(shard, offsets.start, usize::MAX).map_err(|error| {
            Violation::new("what is acknowledged can be read", format!("{key:?}: {error}"))
        })?;
        self.compare(key, &mut seen, &batches, offsets.next)?;
        dice.note(20, offsets.next.unsigned_abs());
        self.check_order(key, &seen)?;
        self.shards.insert(key, seen);
        Ok(())
    }

    fn compare(
        &mut self,
        key: ShardKey,
        seen: &mut Seen,
        batches: &[StoredBatch],
        next: i64,
    ) -> Result<(), Violation> {
        let wrong = |invariant, detail: String| Err(Violation::new(invariant, detail));
        let known_end = seen.log.last().map_or(0, |(offset, count, _)| offset + i64::from(*count));
        if next < known_end {
            return wrong(
                "nothing that was durable is lost",
                format!("{key:?}: ended at {known_end}, and now at {next}"),
            );
        }
        let mut end = seen.start;
        let from =
            seen.log.partition_point(|(offset, count, _)| offset + i64::from(*count) <= seen.start);
        for (batch, place) in batches.iter().zip(from..) {
            if batch.base_offset != end {
                return wrong(
                    "offsets are dense",
                    format!("{key:?}: {} after {end}", { batch.base_offset }),
                );
            }
            end = batch.end_offset();
            let Some(id) = self.by_bytes.get(&batch.batch).copied() else {
                return wrong(
                    "nothing appears that nobody sent",
                    format!("{key:?} at {}: {}", batch.base_offset, shown(&batch.batch)),
                );
            };
            if self.batches[id].key != key {
                let sent_to = self.batches[id].key;
                return wrong("nothing gets to another shard", format!("{sent_to:?} in {key:?}"));
            }
            if batch.form != u8::from(self.batches[id].json) {
                let detail = format!("{key:?} at {}: form {}", batch.base_offset, batch.form);
                return wrong("a batch is read as its topic says", detail);
            }
            match seen.log.get(place).copied() {
                Some((offset, _, was)) if offset != batch.base_offset || was != id => {
                    return wrong(
                        "an offset means one batch for ever",
                        format!("{key:?}: {offset} was batch {was} and is batch {id}"),
                    );
                }
                Some(_) => {}
                None => {
                    seen.log.push((batch.base_offset, batch.record_count, id));
                    self.batches[id].appears(batch.base_offset, seen.start);
                }
            }
        }
        if end != next {
            return wrong("what is acknowledged can be read", format!("{key:?}: {end} of {next}"));
        }
        Ok(())
    }

    /// Batches of one producer are in the order in which it sent them.
    fn check_order(&self, key: ShardKey, seen: &Seen) -> Result<(), Violation> {
        let mut last: BTreeMap<(usize, usize, bool, bool), usize> = BTreeMap::new();
        for (offset, _, id) in &seen.log {
            let batch = &self.batches[*id];
            // Whoever sends again while others are under way changes the order itself, unless it is
            // idempotent.
            let changes_order = batch.attempts != 1 || batch.copies != 1;
            if batch.reborn || !batch.idempotent && changes_order {
                continue;
            }
            let connection = if batch.idempotent { 0 } else { batch.connection };
            let place = (batch.client, connection, batch.idempotent, batch.json);
            if let Some(before) = last.insert(place, *id)
                && before >= *id
            {
                let detail = format!("{key:?}: batch {before} before batch {id} at {offset}");
                return Err(Violation::new("the order of a producer is kept", detail));
            }
        }
        Ok(())
    }

    /// Compares every acknowledgement and every refusal with what was seen.
    pub(crate) fn check_acknowledged(&self) -> Result<(), Violation> {
        for (id, batch) in self.batches.iter().enumerate() {
            let possible = batch.attempts - batch.refused;
            let most = if batch.idempotent { possible.min(1) } else { possible };
            if batch.copies > most {
                let invariant = match (batch.idempotent, possible) {
                    (_, 0) => "what was refused is never seen",
                    (true, _) => "an idempotent batch is stored once",
                    (false, _) => "nothing is stored more often than it was sent",
                };
                let detail = format!("batch {id}: {} copies, {possible} attempts", batch.copies);
                return Err(Violation::new(invariant, detail));
            }
            if let Some(other) = batch.contradiction() {
                let detail = format!("batch {id} at {:?} and {other}", batch.acknowledged);
                return Err(Violation::new(
                    "a duplicate is answered with the first offset",
                    detail,
                ));
            }
            let Some(seen) = self.shards.get(&batch.key) else { continue };
            for offset in &batch.acknowledged {
                let place = seen.log.binary_search_by(|(base, _, _)| base.cmp(offset));
                match place.map(|index| seen.log[index].2) {
                    Ok(found) if found == id => {}
                    // It may have expired before anybody looked.
                    Err(_) if *offset < seen.start => {}
                    found => {
                        let detail =
                            format!("batch {id} at {offset} of {:?}: {found:?}", batch.key);
                        return Err(Violation::new("nothing acknowledged is lost", detail));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The beginning of some bytes, as text.
fn shown(bytes: &[u8]) -> String {
    let printable = bytes.iter().filter(|byte| byte.is_ascii_graphic() || **byte == b' ');
    printable.take(80).map(|byte| char::from(*byte)).collect()
}
