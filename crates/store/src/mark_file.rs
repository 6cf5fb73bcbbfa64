//! The mark on the disk.

use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;

use crate::disk::{Access, Disk, DiskFile, read_exact_at, write_all_at};
use crate::format::Unusable;
use crate::format::mark::{Mark, NAME, SLOT_BYTES, SLOTS};
use crate::read::segment_file::FileError;

/// The mark, as it is in the file of that name.
///
/// That it cannot be written harms nobody but readers in other processes, who see less: it is
/// counted, and tried again with the next group.
#[derive(Debug)]
pub(crate) struct MarkFile {
    disk: Arc<dyn Disk>,
    file: Option<Arc<dyn DiskFile>>,
    current: Mark,
    /// Whether readers have not been told of the current mark.
    untold: bool,
    failures: u64,
}

/// Reads the mark. The default, which says nothing, if there is none or it is torn.
pub(crate) fn load(disk: &dyn Disk) -> Result<Mark, FileError> {
    let file = match disk.open(NAME, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Mark::default()),
        Err(error) => return Err(FileError::io(NAME, 0, error)),
    };
    let mut newest = Mark::default();
    for position in SLOTS {
        let mut slot = [0; SLOT_BYTES];
        match read_exact_at(&*file, position, &mut slot) {
            Ok(()) => {}
            // The second slot has not been written yet.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => continue,
            Err(error) => return Err(FileError::io(NAME, position, error)),
        }
        match Mark::decode(&slot) {
            Ok(mark) if mark.sequence > newest.sequence => newest = mark,
            Ok(_) | Err(Unusable::Flawed(_)) => {}
            Err(cause) => return Err(FileError { file: NAME.to_owned(), position, cause }),
        }
    }
    Ok(newest)
}

impl MarkFile {
    pub(crate) fn new(disk: Arc<dyn Disk>, current: Mark) -> Self {
        Self { disk, file: None, current, untold: false, failures: 0 }
    }

    /// Tells readers how far the log is durable.
    pub(crate) fn publish_lsn(&mut self, durable_lsn: u64) {
        self.current.durable_lsn = durable_lsn;
        self.publish();
    }

    /// Tells readers that there is a new catalogue.
    pub(crate) fn publish_catalogue(&mut self, generation: u64) {
        self.current.catalogue_generation = generation;
        self.publish();
    }

    /// Whether readers could be told of everything, if need be by trying once more.
    pub(crate) fn is_told(&mut self) -> bool {
        if self.untold {
            self.publish();
        }
        !self.untold
    }

    /// Makes the mark durable, where that costs nobody anything.
    pub(crate) fn sync(&mut self) {
        let synced = self.file.as_ref().map_or(Ok(()), |file| file.sync_all());
        let synced = synced.and_then(|()| self.disk.sync_dir());
        self.failures += u64::from(synced.is_err());
    }

    /// How often the mark could not be written.
    pub(crate) fn failures(&self) -> u64 {
        self.failures
    }

    fn publish(&mut self) {
        self.current.sequence += 1;
        self.untold = self.write().is_err();
        self.failures += u64::from(self.untold);
    }

    fn write(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(match self.disk.open(NAME, Access::ReadWrite) {
                Err(error) if error.kind() == ErrorKind::NotFound => self.disk.create(NAME)?,
                file => file?,
            });
        }
        let Some(file) = &self.file else { return Ok(()) };
        let slot = self.current.encode();
        write_all_at(&**file, self.current.position(), &mut [IoSlice::new(&slot)])
    }
}
