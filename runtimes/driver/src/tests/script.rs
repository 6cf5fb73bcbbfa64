use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use futures_lite::{AsyncRead, AsyncWrite};
use logboom_sans_io::testing::{Closed, Command, Event, Frames};
use logboom_sans_io::{Accepted, Inbox, Session};

use crate::{Timer, Transport, drive};

pub(super) const IDLE_AFTER: Duration = Duration::from_secs(10);

/// What one call of the transport does.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// A read gives these bytes, over several calls if the space is short.
    Bytes(Vec<u8>),
    /// A write takes at most so many bytes.
    Take(usize),
    Eof,
    Fail(ErrorKind),
    /// Not ready, but ready at once when asked again.
    Blink,
}

/// Everything that a test scripts and sees.
#[derive(Debug)]
pub(super) struct World {
    pub(super) reads: VecDeque<Act>,
    /// When it is empty, writes take everything.
    pub(super) writes: VecDeque<Act>,
    /// Writes do not even begin.
    pub(super) stuck: bool,
    pub(super) written: Vec<u8>,
    pub(super) slices_max: usize,
    pub(super) wants: Vec<usize>,
    /// The transport knows without reading whether there is something.
    pub(super) tells_readable: bool,
    pub(super) reads_for_nothing: usize,
    pub(super) shutdowns: Vec<usize>,
    pub(super) closed_transport: bool,
    /// What the transport knows of a break that no read or write has met.
    pub(super) broken: Option<ErrorKind>,
    pub(super) now: Instant,
    pub(super) alarm: Option<Instant>,
    pub(super) alarms_set: usize,
    /// Every event, and how much had been written when it came.
    pub(super) events: Vec<(Event, usize)>,
    pub(super) endings: Vec<Result<Closed, &'static str>>,
    /// The session answers every frame with itself, at once.
    pub(super) echo: bool,
    wakers: Vec<Waker>,
}

pub(super) type Shared = Arc<Mutex<World>>;

/// A driven connection, polled by hand.
pub(super) struct Host {
    pub(super) world: Shared,
    pub(super) inbox: Arc<Inbox<Command>>,
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Host {
    #[expect(clippy::disallowed_methods, reason = "the first instant; a test adds to it")]
    pub(super) fn new(reads: impl IntoIterator<Item = Act>) -> Self {
        let world = World {
            reads: reads.into_iter().collect(),
            writes: VecDeque::new(),
            stuck: false,
            written: Vec::new(),
            slices_max: 0,
            wants: Vec::new(),
            tells_readable: false,
            reads_for_nothing: 0,
            shutdowns: Vec::new(),
            closed_transport: false,
            broken: None,
            now: Instant::now(),
            alarm: None,
            alarms_set: 0,
            events: Vec::new(),
            endings: Vec::new(),
            echo: true,
            wakers: Vec::new(),
        };
        let machine = Frames::new(IDLE_AFTER, world.now);
        let world = Arc::new(Mutex::new(world));
        let inbox = Arc::new(Inbox::new());
        let session = Recorder { world: Arc::clone(&world), inbox: Arc::clone(&inbox) };
        let connection = Accepted { machine, inbox: Arc::clone(&inbox), session };
        let (transport, timer) = (Script(Arc::clone(&world)), Alarm(Arc::clone(&world)));
        let future = Some(Box::pin(drive(connection, transport, timer)) as Pin<Box<_>>);
        Self { world, inbox, future, woken: Arc::default() }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("a test that panics has failed anyway")
    }

    /// Polls once. Whether the task has ended or sleeps, so that nothing more happens by itself.
    pub(super) fn poll(&mut self) -> bool {
        let Some(future) = &mut self.future else { return true };
        self.woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            self.future = None;
            return true;
        }
        !self.woken.0.load(Ordering::SeqCst)
    }

    pub(super) fn run(&mut self) {
        while !self.poll() {}
    }

    /// Changes the world and lets everything that sleeps look at it. How often it is polled.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut World)) -> usize {
        let wakers = {
            let mut world = self.world();
            change(&mut world);
            std::mem::take(&mut world.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
        let mut polls = 1;
        while !self.poll() {
            polls += 1;
        }
        polls
    }
}

struct Recorder {
    world: Shared,
    inbox: Arc<Inbox<Command>>,
}

impl Session for Recorder {
    type Event = Event;
    type Closed = Closed;

    fn on_event(&mut self, event: Event) {
        let mut world = self.world.lock().expect("not poisoned");
        if let (Event::Frame { number, payload }, true) = (&event, world.echo) {
            self.inbox.push(Command::Answer { number: *number, payload: payload.clone() });
        }
        let panics = matches!(&event, Event::Frame { payload, .. } if payload == b"session panic");
        let written = world.written.len();
        world.events.push((event, written));
        drop(world);
        assert!(!panics, "a frame asked the session for a panic");
    }

    fn on_closed(&mut self, reason: Closed) {
        let mut world = self.world.lock().expect("not poisoned");
        assert!(world.closed_transport, "the transport closes first");
        world.endings.push(Ok(reason));
    }

    fn on_panic(&mut self) {
        let mut world = self.world.lock().expect("not poisoned");
        assert!(world.closed_transport, "the transport closes first");
        world.endings.push(Err("panic"));
    }
}

struct Script(Shared);

impl Script {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("not poisoned")
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.world().closed_transport = true;
    }
}

impl AsyncRead for Script {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut world = self.world();
        assert!(!space.is_empty());
        match world.reads.pop_front() {
            Some(Act::Bytes(mut bytes)) => {
                let rest = bytes.split_off(bytes.len().min(space.len()));
                space[..bytes.len()].copy_from_slice(&bytes);
                if !rest.is_empty() {
                    world.reads.push_front(Act::Bytes(rest));
                }
                Poll::Ready(Ok(bytes.len()))
            }
            Some(Act::Eof) => Poll::Ready(Ok(0)),
            Some(Act::Fail(kind)) => Poll::Ready(Err(kind.into())),
            Some(Act::Blink) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Act::Take(_)) => panic!("a read takes nothing"),
            None => {
                world.reads_for_nothing += 1;
                world.wakers.push(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Script {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        panic!("the driver writes with vectors")
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut world = self.world();
        world.slices_max = world.slices_max.max(slices.len());
        if world.stuck {
            world.wakers.push(context.waker().clone());
            return Poll::Pending;
        }
        let bytes_max = match world.writes.pop_front() {
            Some(Act::Take(bytes_max)) => bytes_max,
            Some(Act::Fail(kind)) => return Poll::Ready(Err(kind.into())),
            Some(Act::Blink) => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(act) => panic!("a write cannot do {act:?}"),
            None => usize::MAX,
        };
        let offered = slices.iter().flat_map(|slice| slice.iter().copied());
        let bytes: Vec<u8> = offered.take(bytes_max).collect();
        world.written.extend(&bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("the driver never flushes")
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("the driver shuts down by another way")
    }
}

impl Transport for Script {
    type Stream = Self;

    fn stream(&mut self) -> &mut Self {
        self
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        let mut world = self.world();
        let written = world.written.len();
        world.shutdowns.push(written);
        Ok(())
    }

    fn set_want(&mut self, bytes: usize) {
        self.world().wants.push(bytes);
    }

    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut world = self.world();
        if world.tells_readable && world.reads.is_empty() {
            world.wakers.push(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn poll_broken(&mut self, context: &mut Context<'_>) -> Poll<ErrorKind> {
        let mut world = self.world();
        world.broken.map_or_else(
            || {
                world.wakers.push(context.waker().clone());
                Poll::Pending
            },
            Poll::Ready,
        )
    }
}

struct Alarm(Shared);

impl Timer for Alarm {
    fn now(&self) -> Instant {
        self.0.lock().expect("not poisoned").now
    }

    fn set(&mut self, deadline: Instant) {
        let mut world = self.0.lock().expect("not poisoned");
        world.alarm = Some(deadline);
        world.alarms_set += 1;
    }

    fn poll_rung(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut world = self.0.lock().expect("not poisoned");
        let alarm = world.alarm.expect("asked only after it was set");
        if world.now < alarm {
            world.wakers.push(context.waker().clone());
            return Poll::Pending;
        }
        world.alarm = None;
        Poll::Ready(())
    }
}
