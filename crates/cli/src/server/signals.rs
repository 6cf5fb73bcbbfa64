use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use logboom_store::Poison;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{Handle, Signals as Iterator};

/// What somebody wants of the running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Finish what was begun, then stop.
    Stop,
    /// Stop at once, by this signal.
    StopNow(i32),
    /// Read the configuration again.
    Reload,
    /// Stop, because the disk failed.
    Fail(Poison),
    /// Nothing more: the server has stopped.
    Stopped,
}

/// Turns signals into wishes. What was caught is not lost when nobody waits.
#[derive(Debug)]
pub(crate) struct Signals {
    wishes: Receiver<Wish>,
    sender: Sender<Wish>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Signals {
    /// Begins to catch signals. `reloads` says whether SIGHUP reads the configuration again;
    /// otherwise it means that the terminal went away.
    pub(crate) fn catch(reloads: bool) -> io::Result<Self> {
        let (sender, wishes) = channel();
        let mut signals = Iterator::new([SIGINT, SIGTERM, SIGQUIT, SIGHUP])?;
        let handle = signals.handle();
        let thread_sender = sender.clone();
        let thread = thread::Builder::new().name("logboom-signals".into()).spawn(move || {
            let mut stopping = false;
            for signal in signals.forever() {
                let wish = match signal {
                    SIGHUP if reloads => Wish::Reload,
                    SIGQUIT => Wish::StopNow(signal),
                    _ if stopping => Wish::StopNow(signal),
                    _ => Wish::Stop,
                };
                stopping |= wish == Wish::Stop;
                if thread_sender.send(wish).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { wishes, sender, handle, thread: Some(thread) })
    }

    /// Who else may wish.
    pub(crate) fn sender(&self) -> Sender<Wish> {
        self.sender.clone()
    }

    /// The next wish, or `None` after `patience`.
    pub(crate) fn wait(&self, patience: Duration) -> Option<Wish> {
        // The only error is the timeout: the sender of this struct keeps the channel open.
        self.wishes.recv_timeout(patience).ok()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It ends with its iterator; a panic in it was printed already.
            let _ = thread.join();
        }
    }
}
