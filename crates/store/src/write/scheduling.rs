//! How the kernel schedules the threads that commit.

/// Asks the kernel not to interrupt other threads when this one wakes up (`SCHED_BATCH`, sched(7)).
///
/// Where the thread that takes batches in is busy on the same core, it then goes on until it has
/// nothing more to do or its time slice ends, so that a group holds what came meanwhile instead of
/// one batch. On an idle core nothing changes.
///
/// Only a thread that has the ordinary policy changes: whoever runs the process with another one
/// means it. A refusal changes nothing but the speed.
pub(crate) fn let_others_finish() {
    #[cfg(target_os = "linux")]
    linux::let_others_finish();
}

#[cfg(target_os = "linux")]
mod linux {
    /// The calling thread.
    const SELF: libc::pid_t = 0;

    #[expect(unsafe_code, reason = "no safe wrapper sets the policy and leaves niceness as it is")]
    pub(super) fn let_others_finish() {
        let param = libc::sched_param { sched_priority: 0 };
        // SAFETY: both calls concern the calling thread only, and the second one reads one
        // `sched_param` from a place that holds one.
        let _refused = unsafe {
            libc::sched_getscheduler(SELF) == libc::SCHED_OTHER
                && libc::sched_setscheduler(SELF, libc::SCHED_BATCH, &raw const param) == 0
        };
    }
}
