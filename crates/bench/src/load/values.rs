//! Log records as services write them, in any size.

/// Words of messages. They repeat as words of real logs do, which is what makes logs compressible.
const WORDS: &str = "request accepted from client order payment completed after retry timeout while \
    reading response upstream connection closed by peer cache miss for key session \
    created user not found in table inventory reserved item queue depth above threshold \
    worker started job finished with status checkout shipping address validated token \
    refreshed index rebuilt partition leader elected snapshot written to disk memory \
    pressure garbage collected metrics flushed ok";

/// Services, with the kind of path that each serves.
const SERVICES: [(&str, &str); 4] = [
    ("checkout", "/api/v1/orders"),
    ("inventory", "/api/v1/items"),
    ("payments", "/api/v2/charges"),
    ("sessions", "/api/v1/users"),
];

/// The fields of a record take at most so much besides its message.
const FIELDS_BYTES_MAX: usize = 352;

/// One record is like the next, but never the same. The same seed gives the same records.
#[derive(Debug)]
pub(crate) struct Values {
    state: u64,
    record_bytes: usize,
    words: Vec<&'static str>,
}

impl Values {
    /// Records of `record_bytes` each.
    pub(crate) fn new(record_bytes: usize, seed: u64) -> Self {
        Self { state: seed, record_bytes, words: WORDS.split(' ').collect() }
    }

    /// The next record: a JSON object, or a plain line where there is no room for one.
    pub(crate) fn next_value(&mut self) -> Vec<u8> {
        let (service, path) = SERVICES[self.below(SERVICES.len())];
        let mut text = String::with_capacity(self.record_bytes + FIELDS_BYTES_MAX);
        let json = self.record_bytes >= FIELDS_BYTES_MAX;
        if json {
            text += &self.fields(service, path);
        } else {
            text += service;
        }
        let end = if json { "\"}" } else { "" };
        while text.len() + end.len() < self.record_bytes {
            text.push(' ');
            let word = self.below(self.words.len());
            text += self.words[word];
        }
        text.truncate(self.record_bytes - end.len());
        text += end;
        text.into_bytes()
    }

    fn fields(&mut self, service: &str, path: &str) -> String {
        let (minute, second) = (self.below(60), self.below(60));
        let (micros, span) = (self.below(1_000_000), self.next());
        let trace = u128::from(self.next()) << 64 | u128::from(self.next());
        let level = ["INFO", "INFO", "INFO", "WARN"][self.below(4)];
        let method = ["GET", "POST"][self.below(2)];
        let status = [200, 200, 201, 404, 500][self.below(5)];
        let (id, pod) = (self.below(100_000), self.below(12));
        let (millis, bytes) = (self.below(900), self.below(20_000));
        format!(
            "{{\"@timestamp\":\"2026-05-04T10:{minute:02}:{second:02}.{micros:06}Z\",\
             \"level\":\"{level}\",\"service\":\"{service}\",\
             \"host\":\"{service}-{pod}.eu.example.com\",\"trace_id\":\"{trace:032x}\",\
             \"span_id\":\"{span:016x}\",\"method\":\"{method}\",\"path\":\"{path}/{id}\",\
             \"status\":{status},\"duration_ms\":{millis},\"bytes\":{bytes},\"message\":\""
        )
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_the_size_that_was_asked_for() {
        for record_bytes in [1, 10, 351, 352, 512, 4096] {
            let mut values = Values::new(record_bytes, 7);
            for _ in 0..50 {
                assert_eq!(values.next_value().len(), record_bytes);
            }
        }
    }

    #[test]
    fn records_are_json_where_there_is_room() {
        let mut values = Values::new(512, 1);
        let (first, second) = (values.next_value(), values.next_value());
        let object: serde_json::Value = serde_json::from_slice(&first).unwrap();
        assert!(object["message"].as_str().is_some_and(|text| text.len() > 100));
        assert_ne!(first, second);
        assert_eq!(Values::new(512, 1).next_value(), first);
    }
}
