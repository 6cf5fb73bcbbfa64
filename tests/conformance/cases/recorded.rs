//! What real clients have sent, through a whole Kafka endpoint: the same input gives the same output,
//! byte for byte, on every host and however it is cut. Hosts are compared with the machine moved by hand,
//! and so with one another.

use std::fs;
use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use logboom_access::{AccessKey, Directory, Logstore, Policy, Project, Secret, SecretHash};
use logboom_engine::testing::Endpoint;
use logboom_engine::{EngineSession, KafkaMachine};
use logboom_sans_io::{Accepted, Machine as _, Service as _, Session as _, Step};
use logboom_store::{Committer, Store};
use serde_json::Value;

use crate::Adapter;
use crate::host::Host as _;
use crate::host::script::{Act, Script};
use crate::host::toy::now;

#[test]
fn every_recorded_client_gets_the_same_bytes_however_its_own_are_cut() {
    let mut answered_bytes = 0;
    for capture in captures() {
        let connections = connections(&capture);
        let name = capture.file_name().expect("a file").to_string_lossy().into_owned();
        let expected = by_hand(&connections);
        answered_bytes += expected.iter().map(Vec::len).sum::<usize>();
        assert!(expected.iter().all(|answers| !answers.is_empty()), "{name} is not answered");
        for (way, cut) in WAYS {
            let answers = hosted(&connections, cut);
            assert!(answers == expected, "{name}, {way}: other bytes than by hand");
        }
    }
    assert!(answered_bytes > 10_000, "only {answered_bytes} bytes of answers");
}

type Cut = fn(&[u8]) -> Vec<Act>;

/// How the input is cut.
const WAYS: [(&str, Cut); 3] = [
    ("in one piece", |input| vec![Act::Bytes(input.to_vec())]),
    ("in single bytes", |input| input.iter().map(|byte| Act::Bytes(vec![*byte])).collect()),
    ("in pieces between failures", |input| {
        let acts = input.chunks(97).flat_map(|chunk| {
            [
                Act::Fail(ErrorKind::WouldBlock),
                Act::Bytes(chunk.to_vec()),
                Act::Fail(ErrorKind::Interrupted),
            ]
        });
        acts.collect()
    }),
];

/// What the host under test writes on each connection.
fn hosted(connections: &[Vec<u8>], cut: Cut) -> Vec<Vec<u8>> {
    let kafka = Kafka::start();
    let committer = kafka.store().spawn_committer().expect("a thread");
    let answers = connections.iter().map(|input| {
        let script = Script::new(cut(input).into_iter().chain([Act::Eof]));
        let tape = script.tape();
        Adapter::run(kafka.accept(), script);
        tape.lock().expect("not poisoned").written.split_off(0)
    });
    let answers = answers.collect();
    drop::<Committer>(committer);
    answers
}

/// What the machines write when they are moved by hand.
fn by_hand(connections: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let kafka = Kafka::start();
    connections.iter().map(|input| kafka.answer(input)).collect()
}

/// A Kafka endpoint in memory, in which nothing depends on time or chance.
struct Kafka(Endpoint);

impl Kafka {
    fn start() -> Self {
        Self(
            Endpoint::builder()
                .directory(directory())
                .advertise("logs.example.com", 10_012)
                .start(),
        )
    }

    fn store(&self) -> &Store {
        self.0.engine().store()
    }

    fn accept(&self) -> Accepted<KafkaMachine, EngineSession> {
        let peer = SocketAddr::from(([192, 0, 2, 7], 50_000));
        self.0.service().accept(0, peer, now()).expect("the first connections are let in")
    }

    /// Moves one connection by hand.
    fn answer(&self, mut input: &[u8]) -> Vec<u8> {
        let Accepted { mut machine, inbox, mut session } = self.accept();
        let mut answers = Vec::new();
        loop {
            while let Some(command) = inbox.pop() {
                machine.apply(command).expect("nothing is late");
            }
            match machine.poll(now()) {
                Step::Event(event) => session.on_event(event),
                Step::Closed(reason) => {
                    session.on_closed(reason);
                    return answers;
                }
                Step::Wait(wait) => {
                    while self.store().commit_group() {}
                    write(&mut machine, &mut answers);
                    match machine.recv_space() {
                        Some(space) if wait.read && !input.is_empty() => {
                            let length = space.len().min(input.len());
                            space[..length].copy_from_slice(&input[..length]);
                            input = &input[length..];
                            machine.handle_received(length);
                        }
                        _ if wait.read => machine.handle_eof(),
                        _ => {}
                    }
                }
            }
        }
    }
}

fn write(machine: &mut KafkaMachine, answers: &mut Vec<u8>) {
    let mut slices = [IoSlice::new(&[]); 8];
    let count = machine.transmit(&mut slices);
    let before = answers.len();
    slices[..count].iter().for_each(|slice| answers.extend(&**slice));
    machine.handle_sent(answers.len() - before);
}

/// Who wrote the recordings, and where to.
fn directory() -> Arc<Directory> {
    let mut builder = Directory::builder();
    let logstore = Logstore { shards: 2, ..Logstore::new("testlog".parse().expect("a name")) };
    builder.project(Project { name: "proj".parse().expect("a name"), logstores: vec![logstore] });
    builder.access_key(AccessKey {
        id: "LTAIid".parse().expect("an id"),
        project: "proj".parse().expect("a name"),
        secrets: vec![SecretHash::new(&Secret::new("secret"), [9; 16])],
        policies: vec![Policy::full_access()],
    });
    Arc::new(builder.build().expect("no mistakes"))
}

/// The stream of each connection of a recording.
fn connections(capture: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(capture).expect("a recording");
    let mut streams: Vec<Vec<u8>> = Vec::new();
    for line in text.lines() {
        let request: Value = serde_json::from_str(line).expect("JSON");
        let connection = request["c"].as_u64().expect("a number") as usize;
        let body = unhex(request["hex"].as_str().expect("digits"));
        streams.resize(streams.len().max(connection), Vec::new());
        let length = u32::try_from(body.len()).expect("a small request");
        streams[connection - 1].extend([&length.to_be_bytes()[..], &body].concat());
    }
    streams
}

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts");
    let files = fs::read_dir(folder).expect("the recordings").map(|entry| entry.unwrap().path());
    let jsonl = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "jsonl");
    let mut captures: Vec<_> = files.filter(jsonl).collect();
    captures.sort();
    assert!(captures.len() >= 33, "only {} recordings", captures.len());
    captures
}

fn unhex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}
