//! Clients that mean harm, or are broken.

use std::time::Duration;

use logboom_wire::api::ApiKey;
use logboom_wire::records::Codec;

use super::request::{Part, Request, bare, token};
use super::sending::scan_for_others;
use super::{Client, ClientEvent, Port, records, response};
use crate::coverage::State;
use crate::dice::Dice;
use crate::full::site::Site;
use crate::net::ConnectionId;
use crate::outcome::Violation;
use crate::random::Stream;

/// What a hostile client does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trick {
    /// Bytes without a meaning.
    Garbage,
    /// HTTP.
    Http,
    /// Half of a request, and then nothing.
    HalfFrame,
    /// The announcement of a request of 2 GiB.
    HugeLength,
    /// One byte a second.
    SlowBytes,
    /// Requests without reading the answers.
    NeverReads,
    /// A password that was guessed.
    WrongSecret,
    /// The password of another project.
    OtherKey,
    /// The announcement of a request that is too large before a login.
    LargeFirst,
    /// A mechanism that nobody has.
    WrongMechanism,
    /// Produce without a login.
    ProduceFirst,
    /// A batch whose checksum is wrong.
    DamagedBatch,
    /// A batch for the Logstore of another project.
    OtherProject,
    /// A batch with a key that may do nothing.
    NoRight,
    /// Bytes without a meaning behind a login.
    GarbageInside,
    /// The beginning of a large request behind a login.
    HoldsMemory,
    /// Many connections at a time.
    ManyConnections,
}

const TRICKS: [Trick; 17] = [
    Trick::Garbage,
    Trick::Http,
    Trick::HalfFrame,
    Trick::HugeLength,
    Trick::SlowBytes,
    Trick::NeverReads,
    Trick::WrongSecret,
    Trick::OtherKey,
    Trick::LargeFirst,
    Trick::WrongMechanism,
    Trick::ProduceFirst,
    Trick::DamagedBatch,
    Trick::OtherProject,
    Trick::NoRight,
    Trick::GarbageInside,
    Trick::HoldsMemory,
    Trick::ManyConnections,
];

/// More than strangers may send at a time, and less than clients may.
const LARGE_FRAME_BYTES: i32 = 10 << 10;

/// Nearly all that a request may have.
const HELD_FRAME_BYTES: i32 = 39 << 10;

/// What a hostile client is to do.
#[derive(Debug, Clone)]
pub(crate) struct HostileTask {
    pub(crate) trick: Trick,
    pub(crate) project: usize,
    pub(crate) pause_ms: u64,
}

impl HostileTask {
    pub(crate) fn draw(dice: &Dice, site: &Site) -> Self {
        Self {
            trick: TRICKS[dice.index(Stream::Plan, TRICKS.len())],
            project: dice.index(Stream::Plan, site.projects.len()),
            pause_ms: dice.between(Stream::Plan, 10, 2_000),
        }
    }
}

/// A client that means harm.
#[derive(Debug)]
pub(crate) struct Hostile {
    task: HostileTask,
    connections: Vec<ConnectionId>,
    received: Vec<u8>,
    /// What is sent a byte at a time.
    slow: Vec<u8>,
    /// It will connect in a while.
    waits: bool,
    calm: bool,
}

impl Hostile {
    pub(crate) fn new(task: HostileTask) -> Self {
        Self {
            task,
            connections: Vec::new(),
            received: Vec::new(),
            slow: Vec::new(),
            waits: true,
            calm: false,
        }
    }

    /// Opens its connections, a moment after the last ones have gone.
    fn connect_later(&mut self, port: &mut Port<'_>) {
        if !self.calm && !self.waits {
            self.waits = true;
            port.timer(Duration::from_millis(self.task.pause_ms), 0);
        }
    }

    fn connect(&self, port: &mut Port<'_>) {
        let count = if self.task.trick == Trick::ManyConnections { 30 } else { 1 };
        for _ in 0..count {
            port.connect();
        }
    }

    fn begin(&mut self, id: ConnectionId, port: &mut Port<'_>) {
        self.connections.push(id);
        self.received.clear();
        let bytes = self.first_bytes(port);
        match self.task.trick {
            Trick::SlowBytes => {
                self.slow = bytes;
                port.timer(Duration::from_secs(1), 1);
            }
            _ => port.write(id, &bytes),
        }
    }

    fn first_bytes(&self, port: &mut Port<'_>) -> Vec<u8> {
        let api = ApiKey::ApiVersions;
        let hello = Request { api, version: 3, correlation: 1, client_id: "hostile" };
        let hello = hello.api_versions();
        let site = port.site;
        let own = site.projects[self.task.project].logstores[0].name.as_str();
        match self.task.trick {
            Trick::Garbage => garbage(port),
            Trick::Http => b"GET / HTTP/1.1\r\nHost: logs\r\n\r\n".to_vec(),
            Trick::HalfFrame => hello[..hello.len() / 2].to_vec(),
            Trick::HugeLength => vec![0x7f, 0xff, 0xff, 0xff, 0, 0],
            Trick::SlowBytes | Trick::ManyConnections => hello,
            Trick::NeverReads => [self.login(false, port), self.questions(port)].concat(),
            Trick::WrongSecret => self.login(true, port),
            Trick::OtherKey => {
                let other = (self.task.project + 1) % site.projects.len();
                let secret = if other == self.task.project {
                    "a-guess"
                } else {
                    &site.projects[other].known
                };
                self.login_with(&site.password(other, secret), port)
            }
            Trick::LargeFirst => LARGE_FRAME_BYTES.to_be_bytes().to_vec(),
            Trick::WrongMechanism => {
                let api = ApiKey::SaslHandshake;
                Request { api, version: 1, correlation: 1, client_id: "" }
                    .handshake("SCRAM-SHA-256")
            }
            Trick::ProduceFirst => self.produce(own, false, port),
            Trick::DamagedBatch => {
                [self.login(false, port), self.produce(own, true, port)].concat()
            }
            Trick::OtherProject => {
                let mut others = port.site.projects.iter().enumerate();
                let other = others.find(|(index, _)| *index != self.task.project);
                let topic = other.and_then(|(_, other)| other.logstores.get(1));
                let topic = topic.map_or("nobody-logs", |logstore| &logstore.name);
                [self.login(false, port), self.produce(topic, false, port)].concat()
            }
            Trick::NoRight => {
                let password = site.password_without_rights(self.task.project);
                let login = self.login_with(&password, port);
                [login, self.produce(own, false, port)].concat()
            }
            Trick::HoldsMemory => {
                let length = HELD_FRAME_BYTES.to_be_bytes().to_vec();
                [self.login(false, port), length, vec![0; 100]].concat()
            }
            Trick::GarbageInside => [self.login(false, port), garbage(port)].concat(),
        }
    }

    /// A login with bare tokens, which needs no answer to be waited for.
    fn login(&self, wrong: bool, port: &Port<'_>) -> Vec<u8> {
        let project = &port.site.projects[self.task.project];
        let secret = if wrong { "a-guess" } else { &project.known };
        self.login_with(&port.site.password(self.task.project, secret), port)
    }

    fn login_with(&self, password: &str, port: &Port<'_>) -> Vec<u8> {
        let token = token(port.site.projects[self.task.project].name, password);
        let api = ApiKey::SaslHandshake;
        let handshake = Request { api, version: 0, correlation: 1, client_id: "hostile" };
        [handshake.handshake("PLAIN"), bare(&token)].concat()
    }

    fn questions(&self, port: &Port<'_>) -> Vec<u8> {
        let project = &port.site.projects[self.task.project];
        let topic = project.logstores[0].name.as_str();
        let question = |correlation| {
            let api = ApiKey::Metadata;
            Request { api, version: 12, correlation, client_id: "hostile" }.metadata(&[topic; 20])
        };
        (2..40).flat_map(question).collect()
    }

    /// A request whose records nobody may ever see, because the oracle does not know them.
    fn produce(&self, topic: &str, damaged: bool, port: &mut Port<'_>) -> Vec<u8> {
        // The tag is that of its own project: whatever is wrong here is not where it came from.
        let own = port.site.projects[self.task.project].name;
        let values = [format!("hostile {own}"), "and more".to_owned()];
        let batch = match damaged.then(|| port.draw(3)) {
            None => records::batch(&values, None, Codec::None),
            Some(0) => records::damaged(records::batch(&values, None, Codec::None)),
            Some(1) => records::damaged(records::message_set(&values)),
            Some(_) => records::with_wrong_count(records::batch(&values, None, Codec::None)),
        };
        let part = Part { topic, shard: 0, records: &batch };
        let api = ApiKey::Produce;
        Request { api, version: 7, correlation: 2, client_id: "hostile" }.produce(1, 1_000, &[part])
    }

    fn receive(&mut self, id: ConnectionId, port: &mut Port<'_>) -> Result<(), Violation> {
        if self.task.trick == Trick::NeverReads {
            return Ok(());
        }
        let before = self.received.len();
        port.read(id, &mut self.received);
        // It asks for the Logstore of another project, and so it is told its name.
        if self.task.trick != Trick::OtherProject {
            scan_for_others(&self.received[before..], self.task.project, port)?;
        }
        let wrong_login = matches!(self.task.trick, Trick::WrongSecret | Trick::OtherKey);
        let produced =
            matches!(self.task.trick, Trick::DamagedBatch | Trick::OtherProject | Trick::NoRight);
        if !produced && !wrong_login {
            return Ok(());
        }
        while let Some(frame) = response::take_frame(&mut self.received) {
            // A bare token is accepted with a bare token, which is empty.
            if wrong_login && frame.is_empty() {
                let detail = format!("{:?}", self.task.trick);
                return Err(Violation::new("a wrong password opens nothing", detail));
            }
            if response::correlation(&frame) == Some(2) {
                self.judge(&frame, port)?;
            }
        }
        Ok(())
    }

    /// What it has sent must be refused, in whatever way.
    fn judge(&self, frame: &[u8], port: &Port<'_>) -> Result<(), Violation> {
        let Ok(outcomes) = response::produce(7, frame) else { return Ok(()) };
        for outcome in outcomes {
            let expected = match self.task.trick {
                Trick::DamagedBatch => outcome.error != 0,
                Trick::NoRight => outcome.error == 29,
                _ => matches!(outcome.error, 3 | 29),
            };
            if !expected {
                let detail = format!("{:?}: {outcome:?}", self.task.trick);
                return Err(Violation::new("what is wrong is refused", detail));
            }
            match outcome.error {
                29 => port.reached(State::RightRefused),
                3 => port.reached(State::UnknownTopic),
                _ => port.reached(State::CorruptRefused),
            }
        }
        Ok(())
    }
}

impl Client for Hostile {
    fn name(&self) -> String {
        format!("hostile, {:?}", self.task.trick)
    }

    fn on_event(&mut self, event: ClientEvent, port: &mut Port<'_>) -> Result<(), Violation> {
        match event {
            ClientEvent::Timer(0) if !self.calm && self.waits => {
                self.waits = false;
                self.connect(port);
            }
            ClientEvent::Timer(1) if !self.slow.is_empty() && !self.calm => {
                let byte = self.slow.remove(0);
                if let Some(id) = self.connections.first() {
                    port.write(*id, &[byte]);
                }
                port.timer(Duration::from_secs(1), 1);
            }
            ClientEvent::Connected(id) if self.calm => port.close(id),
            ClientEvent::Connected(id) => self.begin(id, port),
            ClientEvent::Refused if self.connections.is_empty() => self.connect_later(port),
            ClientEvent::Arrived(id) => self.receive(id, port)?,
            ClientEvent::Ended(id) | ClientEvent::Reset(id) => {
                port.close(id);
                self.connections.retain(|other| *other != id);
                if self.connections.is_empty() {
                    self.connect_later(port);
                }
            }
            ClientEvent::Calm => {
                self.calm = true;
                self.connections.drain(..).for_each(|id| port.close(id));
            }
            _ => {}
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.calm && self.connections.is_empty()
    }
}

fn garbage(port: &mut Port<'_>) -> Vec<u8> {
    let length = port.draw(200);
    (0..length).map(|_| u8::try_from(port.draw(256)).expect("a byte")).collect()
}
