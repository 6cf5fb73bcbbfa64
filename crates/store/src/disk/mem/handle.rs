use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use super::{Fault, Inode, MemDisk, NameChange, Operation, OperationKind, to_usize};
use crate::disk::{Access, Disk, DiskFile, DiskLock, Space};

impl Disk for MemDisk {
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let (mut state, _) = self.begin(operation(OperationKind::Create, name))?;
        if state.names.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        state.inodes_created += 1;
        let inode = state.inodes_created;
        state.inodes.insert(inode, Inode::default());
        state.change_names(NameChange::Link { name: name.to_owned(), inode });
        Ok(self.file(name, inode, Access::ReadWrite))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let (state, _) = self.begin(operation(OperationKind::Open, name))?;
        let inode = *state.names.get(name).ok_or(ErrorKind::NotFound)?;
        Ok(self.file(name, inode, access))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (mut state, _) = self.begin(operation(OperationKind::Rename, from))?;
        let inode = *state.names.get(from).ok_or(ErrorKind::NotFound)?;
        state.change_names(NameChange::Rename { from: from.to_owned(), to: to.to_owned(), inode });
        Ok(())
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        let (mut state, _) = self.begin(operation(OperationKind::Unlink, name))?;
        if !state.names.contains_key(name) {
            return Err(ErrorKind::NotFound.into());
        }
        state.change_names(NameChange::Unlink { name: name.to_owned() });
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let (mut state, _) = self.begin(operation(OperationKind::SyncDir, ""))?;
        state.sync_names();
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock_state().names.keys().cloned().collect())
    }

    fn space(&self) -> io::Result<Space> {
        let state = self.lock_state();
        Ok(Space { total_bytes: state.total_bytes, free_bytes: state.free_bytes() })
    }

    fn lock(&self, name: &str) -> io::Result<Box<dyn DiskLock>> {
        if !self.lock_state().locks.insert(name.to_owned()) {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(MemLock { disk: self.clone(), name: name.to_owned() }))
    }

    fn now(&self) -> Duration {
        self.lock_state().now
    }
}

impl MemDisk {
    fn file(&self, name: &str, inode: u64, access: Access) -> Arc<dyn DiskFile> {
        Arc::new(MemFile { disk: self.clone(), name: name.to_owned(), inode, access })
    }
}

#[derive(Debug)]
struct MemLock {
    disk: MemDisk,
    name: String,
}

impl DiskLock for MemLock {}

impl Drop for MemLock {
    fn drop(&mut self) {
        let mut state = self.disk.lock_state();
        if state.boot == self.disk.boot {
            state.locks.remove(&self.name);
        }
    }
}

#[derive(Debug)]
struct MemFile {
    disk: MemDisk,
    name: String,
    inode: u64,
    access: Access,
}

impl MemFile {
    fn operation(&self, kind: OperationKind, position: u64, bytes: usize) -> Operation<'_> {
        Operation { kind, name: &self.name, position, bytes: bytes as u64 }
    }

    fn check_writable(&self) -> io::Result<()> {
        match self.access {
            Access::ReadWrite | Access::Append => Ok(()),
            Access::Read => Err(ErrorKind::PermissionDenied.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let (mut state, fault) = self.disk.begin(self.operation(OperationKind::Sync, 0, 0))?;
        let inode = state.inode(self.inode)?;
        if let Some(Fault::Fail(kind)) = fault {
            inode.fail_sync();
            return Err(kind.into());
        }
        inode.sync();
        Ok(())
    }
}

impl DiskFile for MemFile {
    fn write_at(&self, position: u64, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.check_writable()?;
        let mut bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let operation = self.operation(OperationKind::Write, position, bytes.len());
        let (mut state, fault) = self.disk.begin(operation)?;
        let position = match fault {
            Some(Fault::Misdirect(elsewhere)) => elsewhere,
            _ => position,
        };
        if let Some(Fault::Short(most)) = fault {
            bytes.truncate(most);
        }
        state.check_room(self.inode, position + bytes.len() as u64)?;
        state.inode(self.inode)?.write(position, &bytes);
        Ok(bytes.len())
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let operation = self.operation(OperationKind::Read, position, buffer.len());
        let (mut state, fault) = self.disk.begin(operation)?;
        let wanted = match fault {
            Some(Fault::Short(most)) => buffer.len().min(most),
            _ => buffer.len(),
        };
        let read = state.inode(self.inode)?.content().read(position, &mut buffer[..wanted]);
        if let (Some(Fault::FlipBit(bit)), true) = (fault, read > 0) {
            let bit = bit % (read as u64 * 8);
            buffer[to_usize(bit / 8)] ^= 1 << (bit % 8);
        }
        Ok(read)
    }

    fn length(&self) -> io::Result<u64> {
        let mut state = self.disk.lock_state();
        Ok(state.inode(self.inode)?.content().length())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.check_writable()?;
        let operation = self.operation(OperationKind::Allocate, 0, to_usize(bytes));
        let (mut state, _) = self.disk.begin(operation)?;
        state.check_room(self.inode, bytes)?;
        let inode = state.inode(self.inode)?;
        if inode.content().length() < bytes {
            inode.set_length(bytes);
        }
        Ok(())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.check_writable()?;
        let operation = self.operation(OperationKind::Truncate, bytes, 0);
        let (mut state, _) = self.disk.begin(operation)?;
        state.inode(self.inode)?.set_length(bytes);
        Ok(())
    }

    fn forget_cached(&self) {
        let mut state = self.disk.lock_state();
        if let Ok(inode) = state.inode(self.inode) {
            inode.forget_cached();
        }
    }
}

fn operation(kind: OperationKind, name: &str) -> Operation<'_> {
    Operation { kind, name, position: 0, bytes: 0 }
}
