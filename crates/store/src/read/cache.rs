//! Segment files that are open for reading, and the indexes of sealed ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::Disk;
use crate::read::index::SealedIndex;
use crate::read::segment_file::{FileError, SegmentFile};

/// Opens segment files when they are read, and closes those that were not read for longest.
#[derive(Debug)]
pub(crate) struct SegmentCache {
    files_max: usize,
    index_bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    segments: BTreeMap<u64, Cached>,
    uses: u64,
    index_bytes: usize,
}

#[derive(Debug)]
struct Cached {
    file: Arc<SegmentFile>,
    index: Option<Arc<SealedIndex>>,
    last_use: u64,
}

impl SegmentCache {
    pub(crate) fn new(files_max: usize, index_bytes_max: usize) -> Self {
        Self { files_max, index_bytes_max, state: Mutex::new(State::default()) }
    }

    /// The segment of that number, open for reading.
    pub(crate) fn file(&self, disk: &dyn Disk, number: u64) -> Result<Arc<SegmentFile>, FileError> {
        if let Some(cached) = self.lock().touch(number) {
            return Ok(Arc::clone(&cached.file));
        }
        // Two threads may open the same file at the same time; one of the handles is dropped.
        let file = Arc::new(SegmentFile::open(disk, number)?);
        let mut state = self.lock();
        let last_use = state.uses;
        let cached = Cached { file: Arc::clone(&file), index: None, last_use };
        state.segments.entry(number).or_insert(cached);
        state.shrink(self);
        Ok(file)
    }

    /// The index of a sealed segment, whose frames end at `data_end`.
    pub(crate) fn index(
        &self,
        disk: &dyn Disk,
        number: u64,
        data_end: u64,
    ) -> Result<Arc<SealedIndex>, FileError> {
        if let Some(index) = self.lock().touch(number).and_then(|cached| cached.index.clone()) {
            return Ok(index);
        }
        let file = self.file(disk, number)?;
        let index = Arc::new(file.index(data_end)?);
        let mut state = self.lock();
        if let Some(cached) = state.segments.get_mut(&number)
            && cached.index.is_none()
        {
            cached.index = Some(Arc::clone(&index));
            state.index_bytes += index.bytes();
        }
        state.shrink(self);
        Ok(index)
    }

    /// Closes a segment that has been removed, so that its space is free.
    pub(crate) fn forget(&self, number: u64) {
        self.lock().remove(number);
    }

    /// The cache stays whole even if a thread panicked while it held the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn touch(&mut self, number: u64) -> Option<&Cached> {
        self.uses += 1;
        let cached = self.segments.get_mut(&number)?;
        cached.last_use = self.uses;
        Some(cached)
    }

    fn remove(&mut self, number: u64) {
        if let Some(Cached { index: Some(index), .. }) = self.segments.remove(&number) {
            self.index_bytes -= index.bytes();
        }
    }

    /// Goes back below the limits, but keeps the one that was used last.
    fn shrink(&mut self, limits: &SegmentCache) {
        while self.segments.len() > 1
            && (self.segments.len() > limits.files_max || self.index_bytes > limits.index_bytes_max)
        {
            let oldest = self.segments.iter().min_by_key(|(_, cached)| cached.last_use);
            let Some(number) = oldest.map(|(number, _)| *number) else { return };
            self.remove(number);
        }
    }
}
