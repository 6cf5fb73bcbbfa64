//! Opening a store: what the last process left, however it ended.
//!
//! Every step can be interrupted and done again. What was not known to be durable is made durable
//! before it is read: otherwise a process that was killed would leave bytes in memory that its
//! successor serves and a later power cut takes away.

mod ahead;
mod footers;
mod loading;
mod remembered;
mod tail;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use logboom_planted::planted;

use crate::catalogue_file::{self, CatalogueFile};
use crate::disk::{Disk, DiskLock};
use crate::error::{OpenError, Poison};
use crate::format::catalogue::{self, Catalogue};
use crate::format::mark::Mark;
use crate::format::segment;
use crate::mark_file::{self, MarkFile};
use crate::options::Options;
use crate::random::Random;
use crate::read::readable::Readable;
use crate::read::watch::Watchers;
use crate::retention::Leftovers;
use crate::statistics::Statistics;
use crate::store::Inner;
use crate::write::failure::Failure;
use crate::write::pipeline::Pipeline;
use crate::write::producer_ids::{self, ProducerIds};
use crate::write::queue::Queue;
use crate::write::spare::Spare;
use crate::write::writer::{ActiveFile, Writer};

use loading::Loading;

/// The file that the process locks that has the store open.
const LOCK_NAME: &str = "lock";

/// What was found when a store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// How many segments there are.
    pub segments: usize,
    /// How many bytes of frames there are in all segments.
    pub log_bytes: u64,
    /// How many bytes of frames were read one by one, because no footer covers them.
    pub scanned_bytes: u64,
    /// How many bytes of batches that were never acknowledged were cut off.
    pub truncated_bytes: u64,
    /// How many sealed segments have a damaged footer, and were read instead.
    pub footers_rebuilt: usize,
    /// How many segments an interrupted retention had left to remove.
    pub segments_removed: usize,
    /// How many shards have, or had, data.
    pub shards: usize,
}

/// Opens a store.
pub(crate) fn open(
    disk: Arc<dyn Disk>,
    options: Options,
    entropy: [u8; 32],
    now_ms: i64,
) -> Result<(Inner, Recovery), OpenError> {
    options.validate()?;
    let lock = take_lock(&*disk)?;
    // Names that the last process created or renamed may not be durable yet.
    disk.sync_dir().map_err(|error| OpenError::io("sync", "", error))?;
    let names = disk.list().map_err(|error| OpenError::io("list", "", error))?;
    let mut numbers: BTreeSet<u64> =
        names.iter().filter_map(|name| segment::parse_name(name)).collect();
    let catalogue = match catalogue_file::load(&*disk)? {
        None if !numbers.is_empty() => {
            return Err(OpenError::Missing { file: catalogue::NAME.to_owned() });
        }
        catalogue => catalogue,
    };
    let mark = mark_file::load(&*disk)?;
    let known = catalogue.clone().unwrap_or_default();
    let segments_removed = clean_up(&*disk, &names, &mut numbers, &known)?;
    let report = Recovery { segments_removed, ..Recovery::default() };
    let mut loading = Loading::new(disk, options, now_ms, mark.durable_lsn, report);
    if !planted!(StartsForgotten) {
        loading.view.set_starts(&known.starts);
    }
    let active = loading.load_segments(&numbers)?;
    let random = Random::from_entropy(entropy);
    assemble(loading, Rest { lock, catalogue, mark, active, random })
}

fn take_lock(disk: &dyn Disk) -> Result<Box<dyn DiskLock>, OpenError> {
    disk.lock(LOCK_NAME).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => OpenError::InUse,
        _ => OpenError::io("lock", LOCK_NAME, error),
    })
}

/// Removes what is left of things that were interrupted, and checks that no segment is missing.
/// Returns how many segments were removed.
fn clean_up(
    disk: &dyn Disk,
    names: &[String],
    numbers: &mut BTreeSet<u64>,
    catalogue: &Catalogue,
) -> Result<usize, OpenError> {
    let removed = |number: &u64| catalogue.removed.contains(*number);
    let expired: BTreeSet<u64> = numbers.iter().copied().filter(removed).collect();
    let expired_names = expired.iter().map(|number| segment::file_name(*number));
    let temporary = [segment::SPARE_NAME, catalogue::NEXT_NAME].map(str::to_owned);
    let temporary = temporary.into_iter().filter(|name| names.contains(name));
    let unlinked: Vec<String> = expired_names.chain(temporary).collect();
    for name in &unlinked {
        disk.unlink(name).map_err(|error| OpenError::io("remove", name, error))?;
    }
    if !unlinked.is_empty() {
        disk.sync_dir().map_err(|error| OpenError::io("sync", "", error))?;
    }
    numbers.retain(|number| !expired.contains(number));
    let mut expected = catalogue.removed.next_kept(0);
    for number in numbers.iter() {
        if *number != expected {
            return Err(OpenError::Missing { file: segment::file_name(expected) });
        }
        expected = catalogue.removed.next_kept(number.saturating_add(1));
    }
    Ok(expired.len())
}

/// What there is besides the segments.
struct Rest {
    lock: Box<dyn DiskLock>,
    /// `None` if the store is new.
    catalogue: Option<Catalogue>,
    mark: Mark,
    active: Option<ActiveFile>,
    random: Random,
}

/// Puts the store together, and writes down that it has been opened.
fn assemble(loading: Loading, rest: Rest) -> Result<(Inner, Recovery), OpenError> {
    let Loading { disk, options, view, shards, report, .. } = loading;
    let end_lsn = view.durable_lsn();
    let next_number = view.last_segment().map_or(0, |number| number.saturating_add(1));
    let readable = Arc::new(Readable::new(Arc::clone(&disk), view, &options));
    let spare = Arc::new(Spare::new(Arc::clone(&disk), next_number, rest.random));
    let writer = Writer {
        options: options.clone(),
        readable: Arc::clone(&readable),
        spare: Arc::clone(&spare),
        end_lsn,
        shards,
        active: rest.active,
        sealed: None,
    };
    let is_new = rest.catalogue.is_none();
    let catalogue = rest.catalogue.unwrap_or_default();
    let mut catalogue = CatalogueFile::new(Arc::clone(&disk), Arc::clone(&spare), catalogue);
    let producer_ids = reserve_producer_ids(&mut catalogue, is_new)?;
    let mut mark = MarkFile::new(Arc::clone(&disk), rest.mark);
    mark.publish_lsn(end_lsn);
    mark.publish_catalogue(catalogue.current().generation);
    mark.sync();
    let watchers = Arc::new(Watchers::default());
    watchers.tell(end_lsn);
    let inner = Inner {
        readable,
        disk,
        options,
        leftovers: Mutex::new(Leftovers::default()),
        writer: Mutex::new(writer),
        pipeline: Pipeline::default(),
        catalogue: Mutex::new(catalogue),
        queue: Queue::default(),
        spare,
        mark: Mutex::new(mark),
        watchers,
        statistics: Mutex::new(Statistics::default()),
        producer_ids,
        roll_requested: AtomicBool::new(false),
        poison: OnceLock::new(),
        lock: Mutex::new(Some(rest.lock)),
    };
    Ok((inner, report))
}

/// Reserves producer ids, which the last process cannot have given out.
///
/// On a full disk there are none for now; everything else works. Only a new store cannot do
/// without its first catalogue.
fn reserve_producer_ids(
    catalogue: &mut CatalogueFile,
    is_new: bool,
) -> Result<ProducerIds, OpenError> {
    let reserved = catalogue.current().producer_ids_end;
    let used = if planted!(ProducerIdsReused) { reserved - producer_ids::BLOCK } else { reserved };
    let start = used.max(producer_ids::FIRST);
    let end = start.saturating_add(producer_ids::BLOCK);
    let file = catalogue::NAME.to_owned();
    match catalogue.change(|catalogue| catalogue.producer_ids_end = end) {
        Ok(()) => Ok(ProducerIds::new(start, end)),
        Err(Failure::Refused(_)) if !is_new => Ok(ProducerIds::new(start, start)),
        Err(Failure::Refused(failure)) => Err(OpenError::Io { operation: "write", file, failure }),
        Err(Failure::Fatal(Poison { operation, file, failure })) => {
            Err(OpenError::Io { operation, file, failure })
        }
    }
}
