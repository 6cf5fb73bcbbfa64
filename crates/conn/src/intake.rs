use std::sync::Arc;

use bytes::Bytes;
use logboom_planted::planted;
use logboom_sans_io::Stale;
use logboom_wire::frame::{FrameError, PREFIX_BYTES, parse_length};
use logboom_wire::header::REQUEST_BYTES_MIN;

use crate::close::CloseReason;
use crate::connection::Connection;
use crate::event::{Event, MemoryRequest};
use crate::foreign::Foreign;
use crate::memory::Reservation;
use crate::phase::Phase;
use crate::recv::Custody;
use crate::ticket::MemoryTicket;
use crate::timer::Timer;

/// So many requests of a peer that speaks plaintext where TLS is wanted are looked at. Clients need
/// two, or three if they ask for a version of ApiVersions that is not there.
const FRAMES_UNSECURED_MAX: usize = 4;

/// Where the next frame stands if the process had no memory for it.
#[derive(Debug)]
pub(crate) enum MemoryWait {
    /// It had, so far.
    No,
    /// The application is yet to be asked for so many bytes.
    Wanted { bytes: usize },
    /// The application was asked.
    Asked { sequence: u64 },
    /// The application has given them.
    Granted(Reservation),
}

impl MemoryWait {
    pub(crate) const fn is_asked(&self) -> bool {
        matches!(self, Self::Asked { .. })
    }

    pub(crate) fn grant(&mut self, sequence: u64, memory: Reservation) -> Result<(), Stale> {
        match self {
            Self::Asked { sequence: asked } if *asked == sequence => {
                *self = Self::Granted(memory);
                Ok(())
            }
            _ => Err(Stale),
        }
    }
}

impl Connection {
    /// How many bytes may be read now. None is back-pressure, before anything is taken.
    pub(crate) fn read_room(&self) -> usize {
        let room = self.receiver.room();
        match self.phase {
            Phase::Closed => 0,
            _ if self.eof => 0,
            Phase::Closing | Phase::Lingering => room,
            // Its place in the window and its memory are settled.
            _ if self.receiver.has_body() => room,
            _ if !self.has_window() => 0,
            _ if !self.draining => room,
            _ if self.receiver.is_between_frames() => 0,
            _ => room.min(self.receiver.missing()),
        }
    }

    /// The next frame, if it is complete and there is room for it in every respect. If it is large
    /// and incomplete, its memory is made here.
    pub(crate) fn take_frame(&mut self) -> Result<Option<Bytes>, CloseReason> {
        if !self.has_window() {
            return Ok(None);
        }
        let frame = match self.receiver.prefix() {
            _ if self.receiver.has_body() => self.receiver.take_body(),
            None => None,
            Some(prefix) => {
                self.refuse_foreign(prefix)?;
                let bytes = self.parse_length(prefix)?;
                self.take_staged_frame(bytes)
            }
        };
        if frame.is_some() {
            self.frame_since = None;
            if self.phase != Phase::Ready {
                self.login.count_frame(self.frames_before_auth_max())?;
            }
        }
        Ok(frame)
    }

    /// What the application has to be asked for because there was no memory for a frame.
    pub(crate) fn take_memory_request(&mut self) -> Option<Event> {
        let MemoryWait::Wanted { bytes } = self.memory else { return None };
        // The number the frame itself will get: no other request comes before it.
        let address = self.address(self.slots.next_number());
        self.memory = MemoryWait::Asked { sequence: address.sequence };
        self.set_timer(Timer::Memory, self.config.limits().memory_timeout);
        Some(Event::Memory(MemoryRequest { ticket: MemoryTicket(address), bytes }))
    }

    /// Whether the next frame may be taken as far as the connection itself is concerned: its phase,
    /// its window of requests and bytes, and responses that the peer has not read.
    pub(crate) fn has_window(&self) -> bool {
        let limits = self.config.limits();
        let asking = matches!(self.memory, MemoryWait::Wanted { .. } | MemoryWait::Asked { .. });
        // A length that is refused anyway needs no room. A frame of any other length fits at the
        // latest when nothing else is in flight, see `Config::new`.
        let next = self.receiver.prefix().and_then(|prefix| self.parse_length(prefix).ok());
        self.phase.takes_frames()
            && !asking
            && self.slots.len()
                < limits.requests_in_flight_max + usize::from(planted!(WindowOffByOne))
            && self.slots.bytes() + next.unwrap_or(0) <= limits.bytes_in_flight_max
            && self.output.bytes() < limits.output_bytes_max
    }

    fn frames_before_auth_max(&self) -> usize {
        let frames_max = self.config.limits().frames_before_auth_max;
        match self.phase {
            Phase::Unsecured => frames_max.min(FRAMES_UNSECURED_MAX),
            _ => frames_max,
        }
    }

    /// Checks a length against what the phase allows.
    fn parse_length(&self, prefix: [u8; PREFIX_BYTES]) -> Result<usize, FrameError> {
        let limits = self.config.limits();
        match self.phase {
            _ if planted!(StrangersSendLargeFrames) => {
                parse_length(prefix, 0..=limits.frame_bytes_max)
            }
            Phase::Ready => parse_length(prefix, REQUEST_BYTES_MIN..=limits.frame_bytes_max),
            // A bare token may be as short as it likes; it is refused as a token.
            Phase::RawToken => parse_length(prefix, 0..=limits.frame_bytes_max_unauthenticated),
            _ => parse_length(prefix, REQUEST_BYTES_MIN..=limits.frame_bytes_max_unauthenticated),
        }
    }

    fn take_staged_frame(&mut self, bytes: usize) -> Option<Bytes> {
        let (phase, memory, config) = (self.phase, &mut self.memory, &self.config);
        self.receiver.take_frame(bytes, || {
            if phase != Phase::Ready {
                return Some(Custody::Connection);
            }
            let reservation = match std::mem::replace(memory, MemoryWait::No) {
                MemoryWait::Granted(reservation) => Some(reservation),
                _ => config.memory().try_reserve(bytes),
            };
            if reservation.is_none() {
                *memory = MemoryWait::Wanted { bytes };
            }
            reservation.map(|reservation| {
                let pool = Arc::clone(config.frame_pool());
                Custody::Process { reservation, pool }
            })
        })
    }

    /// Recognises a peer whose very first bytes are no Kafka, and tells it.
    fn refuse_foreign(&mut self, first: [u8; PREFIX_BYTES]) -> Result<(), CloseReason> {
        if !self.login.is_first_frame() {
            return Ok(());
        }
        let Some(foreign) = Foreign::detect(first, self.login.is_secured()) else { return Ok(()) };
        self.output.append(|out| out.extend_from_slice(foreign.courtesy().as_bytes()));
        Err(foreign.reason())
    }
}
