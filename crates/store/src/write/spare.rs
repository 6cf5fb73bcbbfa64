//! The segment in hand: a preallocated file that has its name and waits for its turn.
//!
//! This is where a full disk shows, and not in the middle of a commit.

use std::io::{ErrorKind, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logboom_planted::planted;

use crate::disk::{Access, Disk, DiskFile, write_all_at};
use crate::format::segment::{self, Header, SPARE_NAME};
use crate::options::Options;
use crate::random::Random;
use crate::write::failure::{Failure, poison};

#[derive(Debug)]
pub(crate) struct Spare {
    disk: Arc<dyn Disk>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The number of the segment that begins next.
    next_number: u64,
    random: Random,
    reserved: Option<Reserved>,
}

/// A segment that has not begun.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) header: Header,
}

impl Spare {
    pub(crate) fn new(disk: Arc<dyn Disk>, next_number: u64, random: Random) -> Self {
        Self { disk, state: Mutex::new(State { next_number, random, reserved: None }) }
    }

    /// Makes a spare if there is none. `last_durable` is the last segment that has begun for good:
    /// as long as the one before the spare may still be lost, there must be no spare.
    pub(crate) fn prepare(
        &self,
        options: &Options,
        last_durable: Option<u64>,
    ) -> Result<(), Failure> {
        let mut state = self.lock();
        let due = last_durable.map_or(0, |number| number.saturating_add(1)) == state.next_number;
        if state.reserved.is_none() && due {
            state.reserved = Some(self.reserve(&mut state, options)?);
        }
        Ok(())
    }

    /// Takes the spare, which is the next segment from now on.
    pub(crate) fn take(&self, options: &Options) -> Result<Reserved, Failure> {
        let mut state = self.lock();
        let reserved = match state.reserved.take() {
            Some(reserved) => reserved,
            None => self.reserve(&mut state, options)?,
        };
        state.next_number += 1;
        Ok(reserved)
    }

    /// Whether there is no spare, and no room for one.
    pub(crate) fn lacks_room(&self, options: &Options) -> bool {
        self.lock().reserved.is_none() && !self.has_room(options)
    }

    /// Gives the space of the spare back, so that a full disk has room for what cannot wait.
    pub(crate) fn release(&self) -> Result<(), Failure> {
        match self.lock().reserved.take() {
            Some(reserved) => {
                let name = segment::file_name(reserved.header.number);
                self.disk.unlink(&name).map_err(Failure::refused)
            }
            None => Err(Failure::refused(ErrorKind::StorageFull.into())),
        }
    }

    /// Makes the file of the next segment, and gives it its name when its header is durable.
    fn reserve(&self, state: &mut State, options: &Options) -> Result<Reserved, Failure> {
        let header = Header::reserved(state.next_number, state.random.next());
        let file = self.create(options)?;
        write_all_at(&*file, 0, &mut [IoSlice::new(&header.encode())]).map_err(Failure::refused)?;
        if !planted!(HeaderNotSynced) {
            file.sync_all().map_err(Failure::refused)?;
        }
        let name = segment::file_name(header.number);
        self.disk.rename(SPARE_NAME, &name).map_err(Failure::refused)?;
        if !planted!(NameNotSynced) {
            self.disk.sync_dir().map_err(poison("sync", ""))?;
        }
        Ok(Reserved { file, header })
    }

    fn create(&self, options: &Options) -> Result<Arc<dyn DiskFile>, Failure> {
        if !self.has_room(options) {
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
        file.allocate(options.segment_bytes.into()).map_err(Failure::refused)?;
        Ok(file)
    }

    fn has_room(&self, options: &Options) -> bool {
        let bytes = u64::from(options.segment_bytes);
        self.disk.space().map_or(true, |space| {
            space.free_bytes >= bytes.saturating_add(options.free_bytes_min(space))
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
