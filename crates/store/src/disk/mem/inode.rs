use super::{Crash, Partly};
use crate::random::Random;

/// Devices write sectors of this size whole or not at all, if they do not garble them.
const SECTOR_BYTES: u64 = 512;
/// Or of this one.
const LARGE_SECTOR_BYTES: u64 = 4096;

/// A file, as the processes see it and as the device has it.
#[derive(Clone, Default)]
pub(super) struct Inode {
    cached: Content,
    durable: Content,
    /// What is on its way from `cached` to `durable`.
    pending: Vec<Change>,
}

/// The bytes of a file. The zeros at its end take no memory.
#[derive(Clone, Default)]
pub(super) struct Content {
    bytes: Vec<u8>,
    length: u64,
}

#[derive(Clone)]
enum Change {
    Write { position: u64, bytes: Vec<u8> },
    Length(u64),
}

impl Inode {
    pub(super) fn content(&self) -> &Content {
        &self.cached
    }

    pub(super) fn write(&mut self, position: u64, bytes: &[u8]) {
        self.change(Change::Write { position, bytes: bytes.to_vec() });
    }

    pub(super) fn set_length(&mut self, length: u64) {
        self.change(Change::Length(length));
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// What was on its way never arrives, and nobody remembers that it should.
    pub(super) fn fail_sync(&mut self) {
        self.pending.clear();
    }

    pub(super) fn forget_cached(&mut self) {
        self.cached.clone_from(&self.durable);
        for change in &self.pending {
            change.apply(&mut self.cached);
        }
    }

    /// Changes the file on the device behind everybody's back.
    pub(super) fn edit(&mut self, edit: impl Fn(&mut Vec<u8>)) {
        for content in [&mut self.durable, &mut self.cached] {
            let mut bytes = content.to_vec();
            edit(&mut bytes);
            *content = Content { length: bytes.len() as u64, bytes };
        }
    }

    pub(super) fn crash(&mut self, crash: Crash, random: &mut Random) {
        match crash {
            Crash::Kill => return,
            Crash::LoseUnsynced => self.pending.clear(),
            Crash::KeepUnsynced => self.sync(),
            Crash::Tear(_) => {
                for change in self.pending.drain(..) {
                    change.tear(&mut self.durable, SECTOR_BYTES, random);
                }
            }
            Crash::Partly(partly) => self.keep_part(partly, random),
        }
        self.cached.clone_from(&self.durable);
    }

    /// Lets a part of what was on its way arrive.
    fn keep_part(&mut self, partly: Partly, random: &mut Random) {
        let large = random.next().is_multiple_of(2);
        let sector_bytes = if large { LARGE_SECTOR_BYTES } else { SECTOR_BYTES };
        let first_lost = random.next() % (self.pending.len() as u64 + 1);
        for (index, change) in (0u64..).zip(self.pending.drain(..)) {
            let chosen = random.next().is_multiple_of(2);
            let by_itself =
                partly.reordered || partly.lengths && matches!(change, Change::Length(_));
            if if by_itself { chosen } else { index < first_lost } {
                change.apply(&mut self.durable);
            } else if partly.torn && (partly.reordered || index == first_lost) {
                change.tear(&mut self.durable, sector_bytes, random);
            }
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.cached);
        self.pending.push(change);
    }
}

impl Content {
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes.resize(to_usize(self.length), 0);
        bytes
    }

    /// Fills as much of the buffer as there is, and says how much that is.
    pub(super) fn read(&self, position: u64, buffer: &mut [u8]) -> usize {
        let read = buffer.len().min(to_usize(self.length.saturating_sub(position)));
        let written = self.bytes.get(to_usize(position)..).unwrap_or_default();
        let (head, zeros) = buffer[..read].split_at_mut(written.len().min(read));
        head.copy_from_slice(&written[..head.len()]);
        zeros.fill(0);
        read
    }

    fn put(&mut self, position: u64, bytes: &[u8]) {
        let start = to_usize(position);
        let end = start + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(bytes);
        self.length = self.length.max(end as u64);
    }

    fn set_length(&mut self, length: u64) {
        self.bytes.truncate(to_usize(length));
        self.length = length;
    }
}

impl Change {
    fn apply(&self, content: &mut Content) {
        match self {
            Self::Length(length) => content.set_length(*length),
            Self::Write { position, bytes } => content.put(*position, bytes),
        }
    }

    /// Applies what arrives of the change when the power fails on the way.
    fn tear(self, content: &mut Content, sector_bytes: u64, random: &mut Random) {
        match self {
            Self::Length(_) => {
                if random.next().is_multiple_of(2) {
                    self.apply(content);
                }
            }
            Self::Write { mut position, bytes } => {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let room = sector_bytes - position % sector_bytes;
                    let (piece, after) = rest.split_at(rest.len().min(to_usize(room)));
                    match random.next() % 8 {
                        0..=2 => content.put(position, piece),
                        3 => {
                            let garbage: Vec<u8> =
                                piece.iter().map(|_| random.next().to_le_bytes()[0]).collect();
                            content.put(position, &garbage);
                        }
                        _ => {}
                    }
                    position += piece.len() as u64;
                    rest = after;
                }
            }
        }
    }
}

/// Files in memory are smaller than memory.
pub(super) fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("a file in memory is addressed by usize")
}
