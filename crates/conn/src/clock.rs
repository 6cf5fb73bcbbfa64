use std::time::Duration;

use logboom_planted::planted;

use crate::close::CloseReason;
use crate::connection::Connection;
use crate::slots::SilentTimeout;
use crate::timer::Timer;

use logboom_wire::error::ErrorCode;

impl Connection {
    /// Does what is due.
    pub(crate) fn fire_timers(&mut self) {
        while let Some(timer) = self.timers.take_due(self.now) {
            match timer {
                Timer::Auth if planted!(AuthTimerIgnored) => {}
                Timer::Auth => self.close(CloseReason::AuthTimeout),
                Timer::FailedAuth => self.refuse_login(),
                Timer::Idle => self.close(CloseReason::IdleTimeout),
                // The frame may have become complete since the host last looked at the time.
                Timer::Frame if self.receiver.has_frame() => {}
                Timer::Frame => self.begin_closing(CloseReason::FrameTimeout),
                Timer::Memory => self.begin_closing(CloseReason::MemoryTimeout),
                Timer::Write => self.interrupt(CloseReason::WriteTimeout),
                Timer::Produce => {
                    if let Err(SilentTimeout) = self.slots.expire(self.now) {
                        let error = ErrorCode::RequestTimedOut;
                        self.begin_closing(CloseReason::AcksZeroFailed(error));
                    }
                }
                Timer::Drain if self.draining => self.interrupt(CloseReason::DrainTimeout),
                Timer::Drain | Timer::Linger => self.close_as_planned(),
            }
        }
    }

    /// Sets the timers that follow from what is there now. The others are set where they begin.
    pub(crate) fn arm_timers(&mut self) {
        self.arm_frame_timer();
        if !planted!(ProduceTimerForgotten) {
            self.timers.set(Timer::Produce, self.slots.deadline());
        }
        if !self.memory.is_asked() {
            self.timers.clear(Timer::Memory);
        }
        if self.output.is_empty() || planted!(WriteTimerForgotten) {
            self.timers.clear(Timer::Write);
        } else if self.timers.get(Timer::Write).is_none() {
            self.set_timer(Timer::Write, self.config.limits().write_timeout);
        }
    }

    /// Sets a timer for so much time from now.
    pub(crate) fn set_timer(&mut self, timer: Timer, after: Duration) {
        self.timers.set(timer, self.now.checked_add(after));
    }

    /// The timer runs while a frame is unfinished and the peer could send more of it.
    fn arm_frame_timer(&mut self) {
        let unfinished = self.phase.is_open() && !self.receiver.is_between_frames();
        if !unfinished || self.read_room() == 0 || planted!(FrameTimerForgotten) {
            self.timers.clear(Timer::Frame);
            return;
        }
        let limits = self.config.limits();
        let since = *self.frame_since.get_or_insert(self.now);
        let for_its_size = self.receiver.body_bytes() / limits.frame_bytes_per_second_min;
        let patience = limits.frame_timeout + Duration::from_secs(for_its_size as u64);
        self.timers.set(Timer::Frame, since.checked_add(patience));
    }
}
