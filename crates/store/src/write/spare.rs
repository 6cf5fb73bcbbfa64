//! The segment in hand: a preallocated file for the next roll.
//!
//! This is where a full disk shows, and not in the middle of a commit.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Access, Disk, DiskFile};
use crate::format::segment::SPARE_NAME;
use crate::options::Options;
use crate::write::failure::Failure;

#[derive(Debug)]
pub(crate) struct Spare {
    disk: Arc<dyn Disk>,
    file: Mutex<Option<Arc<dyn DiskFile>>>,
}

impl Spare {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, file: Mutex::new(None) }
    }

    /// Makes a spare if there is none.
    pub(crate) fn prepare(&self, options: &Options) -> Result<(), Failure> {
        let mut file = self.lock();
        if file.is_none() {
            *file = Some(self.create(options)?);
        }
        Ok(())
    }

    /// Takes the spare, which keeps its name until it is renamed.
    pub(crate) fn take(&self, options: &Options) -> Result<Arc<dyn DiskFile>, Failure> {
        let spare = self.lock().take();
        spare.map_or_else(|| self.create(options), Ok)
    }

    /// Gives the space of the spare back, so that a full disk has room for what cannot wait.
    pub(crate) fn release(&self) -> Result<(), Failure> {
        match self.lock().take() {
            Some(_) => self.disk.unlink(SPARE_NAME).map_err(Failure::refused),
            None => Err(Failure::refused(ErrorKind::StorageFull.into())),
        }
    }

    fn create(&self, options: &Options) -> Result<Arc<dyn DiskFile>, Failure> {
        let bytes = u64::from(options.segment_bytes);
        if let Ok(space) = self.disk.space()
            && space.free_bytes < bytes.saturating_add(options.free_bytes_min(space))
        {
            return Err(Failure::refused(ErrorKind::StorageFull.into()));
        }
        match self.disk.unlink(SPARE_NAME) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Failure::refused(error));
            }
            _ => {}
        }
        self.disk.create(SPARE_NAME).map_err(Failure::refused)?;
        let file = self.disk.open(SPARE_NAME, Access::Append).map_err(Failure::refused)?;
        file.allocate(bytes).map_err(Failure::refused)?;
        file.sync_all().map_err(Failure::refused)?;
        Ok(file)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<dyn DiskFile>>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
