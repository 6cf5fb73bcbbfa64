//! One producer: a connection, requests under way, and what waits for its turn.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::time::Instant;

use super::answer;
use super::frames::Frames;
use super::link::Link;

/// So many pieces are written with one call: heads and batches in turns.
const PIECES_MAX: usize = 64;

/// What all producers of a run have in common.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) frames: Frames,
    pub(super) topic: String,
    /// The partitions that are written to, at least one.
    pub(super) partitions: Vec<i32>,
    /// So many requests of a connection are under way at a time.
    pub(super) depth: usize,
    /// Whether the server answers at all: not with `acks=0`.
    pub(super) answered: bool,
}

/// What has become of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Done {
    /// When it was to be sent.
    pub(super) due: Instant,
    pub(super) partition: i32,
    /// Zero if it was acknowledged.
    pub(super) error_code: i16,
    /// Bytes of its batch, as sent.
    pub(super) batch_bytes: u64,
}

#[derive(Debug)]
struct Request {
    head: Vec<u8>,
    frame: usize,
}

#[derive(Debug)]
struct UnderWay {
    correlation: i32,
    frame: usize,
    partition: i32,
    due: Instant,
}

#[derive(Debug)]
pub(super) struct Producer {
    link: Link,
    inbox: Vec<u8>,
    /// Requests that are not written yet; of the first, `written` bytes are.
    unwritten: VecDeque<Request>,
    written: usize,
    /// Requests that are not answered yet, or with `acks=0` not written yet.
    under_way: VecDeque<UnderWay>,
    /// When requests are due that wait for one under way.
    late: VecDeque<Instant>,
    /// Requests so far. It turns through the frames and the partitions, and is the correlation ID.
    count: usize,
    first_partition: usize,
}

impl Producer {
    /// The `number`th of a run.
    pub(super) fn new(link: Link, number: usize) -> Self {
        Self {
            link,
            inbox: Vec::new(),
            unwritten: VecDeque::new(),
            written: 0,
            under_way: VecDeque::new(),
            late: VecDeque::new(),
            count: 0,
            first_partition: number,
        }
    }

    pub(super) fn socket(&self) -> &std::net::TcpStream {
        self.link.socket()
    }

    /// Requests that are under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Whether another request may be under way.
    pub(super) fn has_room(&self, plan: &Plan) -> bool {
        self.under_way.len() < plan.depth
    }

    /// A request becomes due. It is sent as soon as one may be under way.
    pub(super) fn request(&mut self, due: Instant, plan: &Plan) {
        match self.late.is_empty() && self.has_room(plan) {
            true => self.begin(due, plan),
            false => self.late.push_back(due),
        }
    }

    /// Takes back what was due and has not begun.
    pub(super) fn take_late(&mut self) -> impl Iterator<Item = Instant> + '_ {
        self.late.drain(..)
    }

    /// When requests were due that are under way.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = Instant> + '_ {
        self.under_way.iter().map(|request| request.due)
    }

    /// Reads what has arrived, and hands on what has become of requests.
    ///
    /// # Errors
    ///
    /// If the connection has ended, or the server says something else than answers.
    pub(super) fn receive(&mut self, plan: &Plan, done: &mut dyn FnMut(Done)) -> io::Result<()> {
        let ended = self.link.receive(&mut self.inbox);
        let mut taken = 0;
        while let Some((answer, bytes)) =
            answer::first(&self.inbox[taken..], &plan.topic).map_err(io::Error::other)?
        {
            taken += bytes;
            let request = self.under_way.pop_front();
            let request = request.ok_or_else(|| io::Error::other("an answer nobody asked for"))?;
            let asked = (request.correlation, request.partition);
            if (answer.correlation, answer.partition) != asked {
                return Err(io::Error::other(format!(
                    "the answer to request {}, partition {} came where that to {}, {} is due",
                    answer.correlation, answer.partition, asked.0, asked.1
                )));
            }
            done(self.ended(&request, answer.error_code, plan));
        }
        self.inbox.drain(..taken);
        ended
    }

    /// Begins what is late and may begin now, and writes as much as the socket takes.
    ///
    /// # Errors
    ///
    /// If the connection has ended.
    pub(super) fn send(&mut self, plan: &Plan, done: &mut dyn FnMut(Done)) -> io::Result<()> {
        loop {
            while self.has_room(plan) {
                let Some(due) = self.late.pop_front() else { break };
                self.begin(due, plan);
            }
            if self.unwritten.is_empty() {
                break;
            }
            let taken = self.write(plan)?;
            if taken == 0 {
                break;
            }
            self.advance(taken, plan, done);
        }
        self.link.flush().map(|_| ())
    }

    fn begin(&mut self, due: Instant, plan: &Plan) {
        let frame = self.count % plan.frames.frames.len();
        let partition =
            plan.partitions[(self.first_partition + self.count) % plan.partitions.len()];
        // It wraps around after as many requests as there are correlation IDs.
        let correlation = (self.count & 0x7fff_ffff) as i32;
        let head = plan.frames.frames[frame].head(correlation, partition);
        self.unwritten.push_back(Request { head, frame });
        self.under_way.push_back(UnderWay { correlation, frame, partition, due });
        self.count += 1;
    }

    fn write(&mut self, plan: &Plan) -> io::Result<usize> {
        let mut pieces = [IoSlice::new(&[]); PIECES_MAX];
        let (mut count, mut skip) = (0, self.written);
        for request in self.unwritten.iter().take(PIECES_MAX / 2) {
            for piece in [&request.head[..], &plan.frames.frames[request.frame].batch[..]] {
                let skipped = skip.min(piece.len());
                skip -= skipped;
                if skipped < piece.len() {
                    pieces[count] = IoSlice::new(&piece[skipped..]);
                    count += 1;
                }
            }
        }
        self.link.send(&pieces[..count])
    }

    fn advance(&mut self, taken: usize, plan: &Plan, done: &mut dyn FnMut(Done)) {
        self.written += taken;
        while let Some(first) = self.unwritten.front() {
            let whole = first.head.len() + plan.frames.frames[first.frame].batch.len();
            if self.written < whole {
                break;
            }
            self.written -= whole;
            self.unwritten.pop_front();
            if !plan.answered
                && let Some(request) = self.under_way.pop_front()
            {
                done(self.ended(&request, 0, plan));
            }
        }
    }

    fn ended(&self, request: &UnderWay, error_code: i16, plan: &Plan) -> Done {
        Done {
            due: request.due,
            partition: request.partition,
            error_code,
            batch_bytes: plan.frames.frames[request.frame].batch.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::super::frames::{Codec, Content};
    use super::*;
    use crate::clock::now;

    fn plan(depth: usize) -> Plan {
        let content =
            Content { record_bytes: 10, batch_bytes: 20, codec: Codec::None, distinct: 1 };
        Plan {
            frames: Frames::new(&content, "t", 1, 0).unwrap(),
            topic: "t".to_owned(),
            partitions: vec![4, 5],
            depth,
            answered: true,
        }
    }

    fn pair() -> (Producer, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Producer::new(Link::Plain(stream), 1), listener.accept().unwrap().0)
    }

    fn answer(correlation: u8, partition: u8) -> Vec<u8> {
        let mut body = vec![0, 0, 0, correlation, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1];
        body.extend([0, 0, 0, partition, 0, 0]);
        body.extend([0; 28]);
        [&[0, 0, 0, body.len() as u8][..], &body[..]].concat()
    }

    /// Latency counts from when a request was due: a server that lets others wait cannot hide it.
    #[test]
    fn what_waits_for_its_turn_keeps_its_time() {
        let ((mut producer, mut server), plan) = (pair(), plan(1));
        let due = [80, 70, 60].map(|ms| now() - Duration::from_millis(ms));
        due.into_iter().for_each(|due| producer.request(due, &plan));
        let mut done = Vec::new();
        for (number, partition) in [(0, 5), (1, 4)] {
            producer.send(&plan, &mut |_| unreachable!("it is answered")).unwrap();
            assert_eq!(producer.under_way(), 1);
            let request =
                plan.frames.frames[0].head(0, 0).len() + plan.frames.frames[0].batch.len();
            server.read_exact(&mut vec![0; request]).unwrap();
            server.write_all(&answer(number, partition)).unwrap();
            producer.receive(&plan, &mut |it| done.push((it.due, it.partition))).unwrap();
        }
        assert_eq!(done, [(due[0], 5), (due[1], 4)]);
        assert_eq!(producer.take_late().collect::<Vec<_>>(), [due[2]]);
    }

    #[test]
    fn an_answer_to_something_else_is_an_error() {
        for wrong in [answer(1, 5), answer(0, 4)] {
            let ((mut producer, mut server), plan) = (pair(), plan(2));
            producer.request(now(), &plan);
            producer.send(&plan, &mut |_| ()).unwrap();
            server.write_all(&wrong).unwrap();
            let failed = producer.receive(&plan, &mut |_| ()).unwrap_err();
            assert!(failed.to_string().contains("where that to 0, 5 is due"), "{failed}");
        }
    }

    #[test]
    fn an_end_of_the_connection_is_an_error() {
        let ((mut producer, server), plan) = (pair(), plan(1));
        drop(server);
        let failed = producer.receive(&plan, &mut |_| ()).unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::UnexpectedEof);
    }
}
