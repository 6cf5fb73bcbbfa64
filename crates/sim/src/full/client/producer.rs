//! A producer that means well: it logs in, asks for metadata, sends batches and sends again what it
//! has no answer to.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::channel::Channel;
use super::personality::Personality;
use super::{Client, ClientEvent, Port};
use crate::coverage::State;
use crate::fault::FaultKind;
use crate::full::oracle::ShardKey;
use crate::net::ConnectionId;
use crate::outcome::Violation;

/// What a producer is to do.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) personality: Personality,
    pub(crate) project: usize,
    pub(crate) batches: u64,
    pub(crate) tls: Option<std::sync::Arc<rustls::ClientConfig>>,
    /// How long after one batch the next one is there, at most.
    pub(crate) pause_ms: u64,
    pub(crate) value_bytes_max: u64,
    /// How often it leaves or shuts down in the middle, in 1,000 requests.
    pub(crate) leave: u64,
    pub(crate) half_close: u64,
    /// How often it sends a request twice, in 1,000 requests.
    pub(crate) twice: u64,
}

/// A topic, and a partition of it.
pub(crate) type Place = (usize, bool, u32);

/// A batch that is not done.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) id: usize,
    pub(crate) place: Place,
    pub(crate) attempts: u32,
    /// The number of copies on their way.
    pub(crate) under_way: u32,
    /// At least one attempt succeeded.
    pub(crate) done: bool,
    /// How often it was refused for a gap before it.
    pub(crate) gaps: u32,
    /// The fate of an attempt is unknown.
    pub(crate) unknown: bool,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Offline,
    Connecting,
    Tls,
    ApiVersions,
    Handshake,
    Login,
    ApiVersionsAfter,
    ProducerId,
    Metadata,
    Ready,
}

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    ApiVersions,
    Handshake,
    Login,
    ProducerId,
    Metadata,
    Produce,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) asked: Asked,
    pub(crate) correlation: i32,
    pub(crate) due: Duration,
    /// The secret of the session could open one when this was sent.
    pub(crate) live: bool,
    /// Numbers of the batches, in the order of the partitions; empty for other requests.
    pub(crate) parts: Vec<(u64, Place)>,
}

/// A producer.
#[derive(Debug)]
pub(crate) struct Producer {
    pub(crate) task: Task,
    pub(crate) client_id: String,
    pub(crate) stage: Stage,
    pub(crate) channel: Option<Channel>,
    pub(crate) correlation: i32,
    pub(crate) waiting: VecDeque<Waiting>,
    /// Batches by their own numbers, until they are done.
    pub(crate) pending: BTreeMap<u64, Pending>,
    /// Numbers of the batches to be sent, in order.
    pub(crate) queue: Vec<u64>,
    pub(crate) made: u64,
    pub(crate) producer_id: Option<(i64, i16)>,
    pub(crate) sequences: BTreeMap<Place, i32>,
    /// Nothing is sent before that time.
    pub(crate) resume_at: Duration,
    /// Metadata was fetched on a connection that is gone.
    pub(crate) metadata_known: bool,
    pub(crate) shut: bool,
    pub(crate) secret: String,
    /// When a connection is given up that gets nowhere.
    pub(crate) setup_due: Duration,
    pub(crate) calm: bool,
}

/// A timer with this number makes the next batch; others resume.
const MAKE: u64 = u64::MAX;

impl Producer {
    pub(crate) fn new(client: usize, task: Task) -> Self {
        Self {
            client_id: format!("{}-{client}", task.personality.name),
            task,
            stage: Stage::Offline,
            channel: None,
            correlation: 0,
            waiting: VecDeque::new(),
            pending: BTreeMap::new(),
            queue: Vec::new(),
            made: 0,
            producer_id: None,
            sequences: BTreeMap::new(),
            resume_at: Duration::ZERO,
            metadata_known: false,
            shut: false,
            secret: String::new(),
            setup_due: Duration::ZERO,
            calm: false,
        }
    }

    pub(crate) fn personality(&self) -> &Personality {
        &self.task.personality
    }

    pub(crate) fn next_correlation(&mut self) -> i32 {
        self.correlation += 1;
        self.correlation
    }

    /// Waits for an answer.
    pub(crate) fn expect(
        &mut self,
        asked: Asked,
        correlation: i32,
        parts: Vec<(u64, Place)>,
        port: &mut Port<'_>,
    ) {
        let timeout = Duration::from_millis(self.personality().request_timeout_ms);
        let due = port.passed() + timeout;
        let live = self.secret_is_live(port);
        self.waiting.push_back(Waiting { asked, correlation, due, live, parts });
        self.wake_after(timeout, port);
    }

    pub(crate) fn secret_is_live(&self, port: &Port<'_>) -> bool {
        port.site.projects[self.task.project].live.contains(&self.secret)
    }

    pub(crate) fn wake_after(&self, after: Duration, port: &mut Port<'_>) {
        port.timer(after, 0);
    }

    /// Lets go of the connection. What was under way may have been stored or not.
    pub(crate) fn go_offline(&mut self, backoff: bool, port: &mut Port<'_>) {
        if let Some(channel) = self.channel.take() {
            port.close(channel.id);
        }
        self.stage = Stage::Offline;
        self.shut = false;
        let lost: Vec<Waiting> = self.waiting.drain(..).collect();
        for (number, _) in lost.into_iter().flat_map(|waiting| waiting.parts) {
            port.reached(State::BatchUnknown);
            if let Some(pending) = self.pending.get_mut(&number) {
                pending.unknown = true;
            }
            self.landed(number);
            self.send_again(number, port);
        }
        if !self.is_done() {
            let millis = if backoff { self.personality().backoff_ms } else { 1 };
            let jitter = port.draw(millis + 1);
            self.resume_at = port.passed() + Duration::from_millis(millis / 2 + jitter);
            self.wake_after(self.resume_at.saturating_sub(port.passed()), port);
        }
    }

    /// One copy less is on its way.
    pub(crate) fn landed(&mut self, number: u64) {
        if let Some(pending) = self.pending.get_mut(&number) {
            pending.under_way = pending.under_way.saturating_sub(1);
        }
    }

    /// Puts a batch back in its place, or gives it up.
    pub(crate) fn send_again(&mut self, number: u64, port: &mut Port<'_>) {
        let attempts_max = self.personality().attempts_max;
        let Some(pending) = self.pending.get(&number) else { return };
        if pending.under_way > 0 || self.queue.contains(&number) {
            return;
        }
        let over = attempts_max > 0 && pending.attempts >= attempts_max;
        if pending.done || over {
            if !pending.done {
                port.reached(State::ClientGaveUp);
            }
            self.pending.remove(&number);
            return;
        }
        let place = self.queue.partition_point(|other| *other < number);
        self.queue.insert(place, number);
    }

    fn connect(&mut self, port: &mut Port<'_>) {
        self.stage = Stage::Connecting;
        port.connect();
    }

    fn make_batch(&mut self, port: &mut Port<'_>) {
        if self.made >= self.task.batches {
            return;
        }
        self.made += 1;
        let project = &port.site.projects[self.task.project];
        let logstores = project.logstores.len();
        let logstore = usize::try_from(port.draw(logstores as u64)).expect("small");
        let shards = port.site.projects[self.task.project].logstores[logstore].shards;
        let shard = u32::try_from(port.draw(shards.into())).expect("small");
        let json = port.draw(4) == 3;
        self.queue.push(self.made);
        let pending = Pending {
            id: usize::MAX,
            place: (logstore, json, shard),
            attempts: 0,
            under_way: 0,
            done: false,
            gaps: 0,
            unknown: false,
        };
        self.pending.insert(self.made, pending);
        if self.made < self.task.batches {
            let pause = port.draw(self.task.pause_ms + 1);
            port.timer(Duration::from_millis(pause), MAKE);
        }
    }

    /// Does what can be done now.
    pub(crate) fn proceed(&mut self, port: &mut Port<'_>) {
        let now = port.passed();
        if self.waiting.front().is_some_and(|waiting| waiting.due <= now) {
            return self.go_offline(true, port);
        }
        let in_setup = !matches!(self.stage, Stage::Offline | Stage::Connecting | Stage::Ready);
        if (in_setup || self.shut) && self.setup_due <= now {
            return self.go_offline(true, port);
        }
        match self.stage {
            Stage::Metadata if self.waiting.is_empty() && self.resume_at <= now => {
                self.ask_metadata(port);
            }
            Stage::Offline if self.resume_at <= now && !self.is_done() => self.connect(port),
            Stage::Ready if self.resume_at <= now => self.send_batches(port),
            _ => {}
        }
    }

    fn is_of(&self, id: ConnectionId) -> bool {
        self.channel.as_ref().is_some_and(|channel| channel.id == id)
    }

    pub(crate) fn key(&self, place: Place) -> ShardKey {
        ShardKey { project: self.task.project, logstore: place.0, shard: place.2 }
    }

    pub(crate) fn misbehaves(&self, kind: FaultKind, port: &Port<'_>) -> bool {
        let rate = match kind {
            FaultKind::EndOfStream => self.task.leave,
            FaultKind::HalfClose => self.task.half_close,
            _ => self.task.twice,
        };
        !self.calm && port.strikes(kind, rate)
    }
}

impl Client for Producer {
    fn name(&self) -> String {
        self.client_id.clone()
    }

    fn on_event(&mut self, event: ClientEvent, port: &mut Port<'_>) -> Result<(), Violation> {
        match event {
            ClientEvent::Timer(MAKE) => self.make_batch(port),
            ClientEvent::Connected(id) => {
                self.begin(id, port);
                return Ok(());
            }
            ClientEvent::Refused => {
                self.stage = Stage::Offline;
                self.go_offline(true, port);
            }
            ClientEvent::Arrived(id) if self.is_of(id) => self.receive(port)?,
            ClientEvent::Ended(id) | ClientEvent::Reset(id) if self.is_of(id) => {
                if matches!(event, ClientEvent::Ended(_)) {
                    self.receive(port)?;
                }
                self.go_offline(true, port);
            }
            ClientEvent::Calm => self.calm = true,
            _ => {}
        }
        if self.made == 0 {
            self.make_batch(port);
        }
        self.proceed(port);
        if self.is_done() && self.channel.is_some() {
            self.go_offline(false, port);
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.made >= self.task.batches && self.pending.is_empty()
    }
}
