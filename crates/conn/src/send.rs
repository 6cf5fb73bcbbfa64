use std::collections::VecDeque;
use std::io::IoSlice;

use logboom_planted::planted;

/// Responses share a buffer until it has this size, so that many small ones cost one slice.
const CHUNK_BYTES: usize = 16 * 1024;

/// Bytes on their way to the peer.
///
/// A queue of buffers rather than one: what has been sent is freed without moving the rest, and the
/// host can write several of them with one call.
#[derive(Debug, Default)]
pub(crate) struct Output {
    chunks: VecDeque<Vec<u8>>,
    /// How much of the first chunk is sent.
    sent: usize,
    /// An empty buffer to use next. Keeps a quiet connection from allocating for each response.
    spare: Vec<u8>,
}

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The size of all buffers, the sent part of the first included: it is freed with the rest.
    pub(crate) fn bytes(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum()
    }

    /// The memory held here.
    pub(crate) fn bytes_held(&self) -> usize {
        self.chunks.iter().map(Vec::capacity).sum::<usize>() + self.spare.capacity()
    }

    /// Lets `encode` append, and returns how many bytes it appended.
    pub(crate) fn append(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> usize {
        let has_room = self.chunks.back().is_some_and(|last| last.len() < CHUNK_BYTES);
        let last = if has_room { self.chunks.pop_back() } else { None };
        let mut chunk = last.unwrap_or_else(|| std::mem::take(&mut self.spare));
        let before = chunk.len();
        encode(&mut chunk);
        let appended = chunk.len() - before;
        if chunk.is_empty() {
            // What is sent as nothing takes no place: an empty buffer would look like work.
            self.spare = chunk;
        } else {
            self.chunks.push_back(chunk);
        }
        appended
    }

    /// Lends what is to be sent, first byte first, and returns how many slices were filled.
    pub(crate) fn transmit<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let filled = out.len().min(self.chunks.len());
        for (index, (slice, chunk)) in out.iter_mut().zip(&self.chunks).enumerate() {
            let start = if index == 0 && !planted!(SentAgain) { self.sent } else { 0 };
            *slice = IoSlice::new(&chunk[start..]);
        }
        filled
    }

    /// The peer's side of the transport has taken the first `n` bytes.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    pub(crate) fn sent(&mut self, n: usize) {
        self.sent += n;
        while self.chunks.front().is_some_and(|first| first.len() <= self.sent) {
            let Some(first) = self.chunks.pop_front() else { break };
            self.sent -= first.len();
            self.keep(first);
        }
        let first_bytes = self.chunks.front().map_or(0, Vec::len);
        assert!(self.sent <= first_bytes, "more bytes sent than there were");
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn keep(&mut self, mut chunk: Vec<u8>) {
        if self.chunks.is_empty() && chunk.capacity() <= CHUNK_BYTES {
            chunk.clear();
            self.spare = chunk;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn send(output: &mut Output, bytes_max: usize, wire: &mut Vec<u8>) {
        let mut slices = [IoSlice::new(&[]); 3];
        let filled = output.transmit(&mut slices);
        let offered: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
        let n = offered.len().min(bytes_max);
        wire.extend_from_slice(&offered[..n]);
        output.sent(n);
    }

    proptest! {
        #[test]
        fn bytes_leave_once_and_in_order_however_much_each_write_takes(
            steps in prop::collection::vec((0..40_000usize, 0..40_000usize), 1..30),
        ) {
            let (mut output, mut wire, mut expected) = (Output::default(), Vec::new(), Vec::new());
            for (number, (appended, sent)) in steps.into_iter().enumerate() {
                let response = vec![number as u8; appended];
                let n = output.append(|out| out.extend_from_slice(&response));
                prop_assert_eq!(n, appended);
                expected.extend_from_slice(&response);
                prop_assert_eq!(output.is_empty(), wire.len() == expected.len());
                send(&mut output, sent, &mut wire);
                prop_assert_eq!(output.is_empty(), wire.len() == expected.len());
            }
            while !output.is_empty() {
                send(&mut output, usize::MAX, &mut wire);
            }
            prop_assert_eq!(wire, expected);
            prop_assert!(output.bytes_held() <= CHUNK_BYTES);
        }
    }

    #[test]
    fn small_responses_share_a_buffer_and_a_quiet_connection_reuses_it() {
        let mut output = Output::default();
        for _ in 0..100 {
            output.append(|out| out.extend_from_slice(&[7; 50]));
        }
        assert_eq!(output.transmit(&mut [IoSlice::new(&[]); 8]), 1);
        output.sent(5_000);
        let kept = output.bytes_held();
        assert!(kept >= 5_000);
        output.append(|out| out.extend_from_slice(&[7; 50]));
        assert_eq!(output.bytes_held(), kept);
    }

    #[test]
    #[should_panic(expected = "more bytes sent than there were")]
    fn sending_more_than_there_is_is_a_bug_of_the_host() {
        let mut output = Output::default();
        output.append(|out| out.extend_from_slice(&[7; 50]));
        output.sent(51);
    }
}
