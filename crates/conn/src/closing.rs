use logboom_planted::planted;

use crate::close::CloseReason;
use crate::connection::Connection;
use crate::intake::MemoryWait;
use crate::phase::{Phase, Trigger};
use crate::timer::Timer;

impl Connection {
    /// Decodes no further request. What was asked before is still answered and sent; then the
    /// connection closes for this reason.
    pub(crate) fn begin_closing(&mut self, reason: CloseReason) {
        if !self.phase.is_open() {
            return;
        }
        self.login.introduce(&self.spoken);
        self.enter(Trigger::LastRequest);
        if planted!(HalfCloseDropsRequests) && self.eof {
            self.slots.clear();
        }
        self.reason = Some(reason);
        self.memory = MemoryWait::No;
        // From here on what arrives is read and discarded: a peer that is busy writing may read
        // nothing before it is done, and unread bytes would turn the close into a reset.
        self.receiver.discard();
        for timer in [Timer::Auth, Timer::FailedAuth, Timer::Idle, Timer::Memory] {
            self.timers.clear(timer);
        }
        let patience = self.config.limits().produce_timeout_max;
        self.timers.set_no_later(Timer::Drain, self.now.checked_add(patience));
    }

    /// Takes the steps towards the end that are possible now.
    pub(crate) fn go_on_closing(&mut self) {
        if let Some(reason) = self.reason_to_close() {
            self.begin_closing(reason);
        }
        let all_sent = self.slots.is_empty() && self.output.is_empty();
        if self.phase == Phase::Closing && all_sent {
            self.enter(Trigger::AllSent);
            self.timers.clear(Timer::Drain);
            self.set_timer(Timer::Linger, self.config.limits().linger);
        }
        if !self.phase.is_open() && all_sent && self.eof {
            self.close_as_planned();
        }
    }

    /// Closes at once because something came between. That is the reason, unless the peer was being
    /// refused already, or everything it should get is on its way.
    pub(crate) fn interrupt(&mut self, reason: CloseReason) {
        let orderly = [CloseReason::Drained, CloseReason::PeerClosed];
        let stands =
            |planned: &CloseReason| self.phase == Phase::Lingering || !orderly.contains(planned);
        let planned = self.reason.clone().filter(stands);
        self.close(planned.unwrap_or(reason));
    }

    /// Closes for the reason that was there when closing began.
    pub(crate) fn close_as_planned(&mut self) {
        if let Some(reason) = self.reason.clone() {
            self.close(reason);
        }
    }

    /// Closes at once.
    pub(crate) fn close(&mut self, reason: CloseReason) {
        if self.phase == Phase::Closed {
            return;
        }
        self.login.introduce(&self.spoken);
        self.enter(Trigger::Over);
        self.reason = Some(reason);
        self.memory = MemoryWait::No;
        self.receiver.discard();
        self.slots.clear();
        self.output.clear();
        self.timers.clear_all();
    }

    /// Why no further request will come, once the last one has been decoded.
    fn reason_to_close(&self) -> Option<CloseReason> {
        let ending = self.draining || self.eof;
        if !ending || !self.phase.takes_frames() {
            return None;
        }
        let between_frames = self.receiver.is_between_frames();
        // A frame that has not been looked at for want of room may have to be refused instead.
        let looked_at = self.has_window() || self.memory.is_asked();
        let never_complete = self.eof && looked_at && !self.receiver.has_frame();
        (between_frames || never_complete).then_some(match between_frames {
            _ if self.draining => CloseReason::Drained,
            _ if self.phase == Phase::Unsecured => self.login.unsecured(),
            true => CloseReason::PeerClosed,
            false => CloseReason::PeerClosedInFrame,
        })
    }
}
