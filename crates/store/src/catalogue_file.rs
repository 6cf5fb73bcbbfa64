//! The catalogue on the disk.

use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;

use logboom_planted::planted;

use crate::disk::{Access, Disk, read_exact_at, write_all_at};
use crate::error::{CatalogueError, Flaw};
use crate::format::catalogue::{Catalogue, NAME, NEXT_NAME};
use crate::read::segment_file::FileError;
use crate::types::StreamId;
use crate::write::failure::{Failure, poison};
use crate::write::spare::Spare;

/// More bytes than this are no catalogue of this program.
const CATALOGUE_BYTES_MAX: u64 = 1 << 30;

/// The catalogue, as it is in the file of that name.
#[derive(Debug)]
pub(crate) struct CatalogueFile {
    disk: Arc<dyn Disk>,
    spare: Arc<Spare>,
    current: Catalogue,
}

/// Reads the catalogue. `None` if there is no such file.
pub(crate) fn load(disk: &dyn Disk) -> Result<Option<Catalogue>, FileError> {
    let file = match disk.open(NAME, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::io(NAME, 0, error)),
    };
    let length = file.length().map_err(|error| FileError::io(NAME, 0, error))?;
    let flawed = |cause| FileError { file: NAME.to_owned(), position: 0, cause };
    let length = usize::try_from(length.min(CATALOGUE_BYTES_MAX))
        .map_err(|_| flawed(Flaw::Length.into()))?;
    let mut bytes = vec![0; length];
    read_exact_at(&*file, 0, &mut bytes).map_err(|error| FileError::io(NAME, 0, error))?;
    Catalogue::decode(&bytes).map(Some).map_err(flawed)
}

impl CatalogueFile {
    pub(crate) fn new(disk: Arc<dyn Disk>, spare: Arc<Spare>, current: Catalogue) -> Self {
        Self { disk, spare, current }
    }

    pub(crate) fn current(&self) -> &Catalogue {
        &self.current
    }

    /// Gives a Logstore that has none the next number.
    pub(crate) fn create_stream(
        &mut self,
        project: &str,
        logstore: &str,
    ) -> Result<StreamId, CatalogueError> {
        let last = self.current.streams.last_key_value().map(|(stream, _)| stream.get());
        let next = last.map_or(Some(0), |last| last.checked_add(1)).ok_or(CatalogueError::Full)?;
        if project.len().max(logstore.len()) > usize::from(u16::MAX) {
            return Err(CatalogueError::Full);
        }
        let stream = StreamId::new(next);
        self.change(|catalogue| {
            catalogue.streams.insert(stream, (project.to_owned(), logstore.to_owned()));
        })?;
        Ok(stream)
    }

    /// Changes the catalogue, durably or not at all.
    ///
    /// If the disk is full, the spare segment makes room: what is written here may be what frees
    /// the disk.
    pub(crate) fn change(&mut self, edit: impl FnOnce(&mut Catalogue)) -> Result<(), Failure> {
        let mut next = self.current.clone();
        edit(&mut next);
        next.generation += 1;
        if planted!(CatalogueNotWritten) && self.current.generation > 0 {
            self.current = next;
            return Ok(());
        }
        let bytes = next.encode();
        match self.replace(&bytes) {
            Err(failure) if failure.is_full() => {
                self.spare.release().map_err(|_| failure)?;
                self.replace(&bytes)?;
            }
            result => result?,
        }
        self.current = next;
        Ok(())
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), Failure> {
        match self.disk.unlink(NEXT_NAME) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Failure::refused(error));
            }
            _ => {}
        }
        let file = self.disk.create(NEXT_NAME).map_err(Failure::refused)?;
        file.allocate(bytes.len() as u64).map_err(Failure::refused)?;
        write_all_at(&*file, 0, &mut [IoSlice::new(bytes)]).map_err(Failure::refused)?;
        if !planted!(CatalogueNotSynced) {
            file.sync_all().map_err(poison("sync", NEXT_NAME))?;
        }
        self.disk.rename(NEXT_NAME, NAME).map_err(poison("rename", NEXT_NAME))?;
        self.disk.sync_dir().map_err(poison("sync", ""))?;
        Ok(())
    }
}
