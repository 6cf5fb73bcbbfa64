//! Writes the inputs that the corpus of each target began with: what real clients sent, what the
//! builders build, and the configurations and policies of the tests.
//!
//! ```sh
//! cargo run -p logboom-fuzz --example seeds -- tests/fuzz/corpus
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use logboom_fuzz::seeds;
use logboom_wire::api::ApiKey;
use logboom_wire::header::RequestHeader;
use logboom_wire::records::{BatchBuilder, Codec, ProducerStamp, batches};
use logboom_wire::request::ProduceRequest;
use serde_json::Value;

/// Larger seeds slow every run down and reach nothing that smaller ones do not.
const SEED_BYTES_MAX: usize = 8 * 1024;

struct Corpus {
    folder: PathBuf,
    written: usize,
}

impl Corpus {
    /// Writes an input for a target, under a name that its content decides.
    fn add(&mut self, target: &str, input: &[u8]) {
        if input.len() > SEED_BYTES_MAX {
            return;
        }
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder).unwrap();
        let name = format!("seed-{:08x}", crc_fast::crc32_iscsi(input));
        fs::write(folder.join(name), input).unwrap();
        self.written += 1;
    }
}

fn main() {
    let folder = std::env::args().nth(1).expect("the folder of the corpus");
    let mut corpus = Corpus { folder: folder.into(), written: 0 };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    add_transcripts(&mut corpus, &root.join("tests/transcripts"));
    add_batches(&mut corpus);
    add_operations(&mut corpus);
    add_texts(&mut corpus, &root);
    println!("{} inputs", corpus.written);
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    paths.sort();
    paths
}

/// What real clients sent: frames, headers, bodies, tokens, batches, and whole connections.
fn add_transcripts(corpus: &mut Corpus, folder: &Path) {
    for path in files(folder, "jsonl") {
        let text = fs::read_to_string(path).unwrap();
        let mut stream = vec![3];
        let mut connection = None;
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let bytes = unhex(line["hex"].as_str().unwrap());
            if connection.as_ref() != Some(&line["c"]) {
                corpus.add("connection_bytes", &stream);
                stream.truncate(1);
                connection = Some(line["c"].clone());
            }
            stream.extend(seeds::framed(&bytes));
            if line["key"] == "raw-sasl" {
                corpus.add("raw_sasl", &bytes);
            } else {
                add_request(corpus, &bytes);
            }
        }
        corpus.add("connection_bytes", &stream);
    }
}

fn add_request(corpus: &mut Corpus, frame: &[u8]) {
    corpus.add("request_header", frame);
    corpus.add("frames", &[&[0xff, 0xff][..], &seeds::framed(frame)].concat());
    let (header, body) = RequestHeader::decode(frame).unwrap();
    let key = ApiKey::from_i16(header.api_key).unwrap();
    corpus.add(target_of(key), &versioned(key, header.api_version, body));
    if key == ApiKey::Produce {
        let request = ProduceRequest::decode(header.api_version, body).unwrap();
        for partition in request.topics().flat_map(|topic| topic.partitions()) {
            add_records(corpus, partition.records.unwrap());
        }
    }
}

fn target_of(key: ApiKey) -> &'static str {
    match key {
        ApiKey::Produce => "produce",
        ApiKey::Fetch => "fetch",
        ApiKey::Metadata => "metadata",
        ApiKey::FindCoordinator => "find_coordinator",
        ApiKey::SaslHandshake => "sasl_handshake",
        ApiKey::ApiVersions => "api_versions",
        ApiKey::InitProducerId => "init_producer_id",
        ApiKey::SaslAuthenticate => "sasl_authenticate",
    }
}

/// A body behind the byte that chooses its version.
fn versioned(key: ApiKey, version: i16, body: &[u8]) -> Vec<u8> {
    let (min, _) = key.versions();
    [&[(version - min + 1) as u8][..], body].concat()
}

/// The records of a partition, and the compressed bytes in them.
fn add_records(corpus: &mut Corpus, records: &[u8]) {
    corpus.add("record_batch", records);
    corpus.add("record_batch_sealed", records);
    for batch in batches(records) {
        let batch = batch.unwrap();
        let Some(header) = batch.header else { continue };
        add_compressed(
            corpus,
            header.attributes.codec().unwrap(),
            &batch.bytes[61..],
            header.record_count,
        );
    }
}

fn add_compressed(corpus: &mut Corpus, codec: Codec, compressed: &[u8], record_count: i32) {
    // How `decompress` is told of a v2 batch with so many records.
    let choice = ((record_count - 1) * 4 + 2) as u8;
    let input = [&[choice][..], compressed].concat();
    match codec {
        Codec::None => {}
        Codec::Gzip => corpus.add("gzip", &input),
        Codec::Lz4 => corpus.add("lz4", &input),
        Codec::Zstd => corpus.add("zstd", &input),
        Codec::Snappy => match compressed.strip_prefix(b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01") {
            Some(blocks) => corpus.add("snappy_stream", &[&[choice][..], blocks].concat()),
            None => corpus.add("snappy_raw", &input),
        },
    }
}

/// What the builder builds, with every codec, and what holds requests of every kind.
fn add_batches(corpus: &mut Corpus) {
    let long = "a line of a log, again and again. ".repeat(60);
    for (count, text) in [(1, "x"), (3, "hello"), (40, "a line"), (2, &long)] {
        for codec in Codec::ALL {
            let mut builder = BatchBuilder::new();
            for number in 0..count {
                let headers: &[(&[u8], Option<&[u8]>)] =
                    if number % 3 == 1 { &[(b"trace", Some(b"17")), (b"null", None)] } else { &[] };
                let key = (number % 2 == 0).then_some(&b"content"[..]);
                builder
                    .append(1_795_000_000_000 + number, key, Some(text.as_bytes()), headers)
                    .unwrap();
            }
            if count == 3 {
                builder.set_producer(ProducerStamp { id: 4, epoch: 0, base_sequence: 9 });
            }
            let batch = builder.build(codec);
            add_records(corpus, &batch);
            let xerial = builder.build(Codec::Snappy);
            let block = &xerial[61..];
            let framed = [&(block.len() as u32).to_be_bytes()[..], block].concat();
            corpus.add("snappy_stream", &[&[(count as u8 - 1) * 4 + 2][..], &framed].concat());
            for (version, acks) in [(0, 1), (3, -1), (8, 0), (9, 1), (11, -1)] {
                add_request(corpus, &seeds::produce(version, acks, &[&batch, &batch])[4..]);
            }
        }
    }
    for key in ApiKey::ALL {
        let (min, max) = key.versions();
        for version in min..=max {
            let body = seeds::request(key.id(), version, |body| fill(key, version, body));
            if RequestHeader::decode(&body[4..]).is_ok() {
                add_request(corpus, &body[4..]);
            }
        }
    }
}

/// The fields of a small request.
fn fill(key: ApiKey, version: i16, body: &mut logboom_wire::primitive::Writer<'_>) {
    match key {
        ApiKey::Produce => {
            if version >= 3 {
                body.nullable_string(Some("transaction"));
            }
            body.i16(1);
            body.i32(30_000);
            body.array_count(0);
        }
        ApiKey::Fetch => {
            (0..4).for_each(|_| body.i32(1));
            body.i8(0);
            if version >= 7 {
                body.i32(0);
                body.i32(-1);
            }
            body.array_count(1);
            body.string("logs");
            body.array_count(1);
            body.i32(0);
            if version >= 9 {
                body.i32(-1);
            }
            body.i64(0);
            if version >= 5 {
                body.i64(0);
            }
            body.i32(1 << 20);
            if version >= 7 {
                body.array_count(1);
                body.string("old");
                body.array_count(1);
                body.i32(5);
            }
            if version >= 11 {
                body.string("rack");
            }
        }
        ApiKey::Metadata => {
            body.array_count(1);
            if version >= 10 {
                body.raw(&[7; 16]);
            }
            body.string("logs");
            body.no_tagged_fields();
            (0..i32::from(version >= 4)
                + i32::from(version >= 8)
                + i32::from((8..=10).contains(&version)))
                .for_each(|_| body.bool(true));
        }
        ApiKey::FindCoordinator => {
            if version >= 4 {
                body.i8(1);
                body.array_count(2);
                body.string("one");
                body.string("two");
            } else {
                body.string("group");
                if version >= 1 {
                    body.i8(0);
                }
            }
        }
        ApiKey::SaslHandshake => body.string("PLAIN"),
        ApiKey::ApiVersions => {
            if version >= 3 {
                body.string("librdkafka");
                body.string("2.11.1");
            }
        }
        ApiKey::InitProducerId => {
            body.nullable_string(None);
            body.i32(60_000);
            if version >= 3 {
                body.i64(-1);
                body.i16(-1);
            }
        }
        ApiKey::SaslAuthenticate => body.bytes(seeds::TOKEN),
    }
}

/// Tokens, and bytes for the targets that make sequences of them: any will do.
fn add_operations(corpus: &mut Corpus) {
    for token in [
        seeds::TOKEN,
        b"demo\0demo\0key#secret",
        b"root\0demo\0key#secret",
        b"\0demo\0wrong#secret",
        b"\0demo\0nohash",
        b"\0\xff\0x",
        b"",
    ] {
        corpus.add("raw_sasl", token);
    }
    let mut state = 1_u64;
    for bytes in [8, 24, 64, 160, 400, 900] {
        for _ in 0..6 {
            let random: Vec<u8> = (0..bytes)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8
                })
                .collect();
            corpus.add("conn_operations", &random);
            corpus.add("store_recovery", &random[..bytes.min(160)]);
        }
    }
    corpus.add("store_recovery", &[]);
}

/// Configurations, client configurations, policies and JSON.
fn add_texts(corpus: &mut Corpus, root: &Path) {
    let broken = root.join("crates/cli/tests/broken");
    for path in files(&broken, "toml") {
        corpus.add("config_toml", &fs::read(path).unwrap());
    }
    for path in files(&broken.join("policies"), "json") {
        corpus.add("policy_json", &fs::read(path).unwrap());
    }
    for policy in [
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"acs:log:*:*:project/demo/logstore/*"}]}"#,
        r#"{"Version":"1","Statement":{"Effect":"Deny","Action":["log:*","LOG:pull*"],"Resource":["*nginx","acs:log:*:*:project/d?mo/logstore/a*g"]}}"#,
        r#"{"Version":"2","Statement":[{"Effect":"allow","Action":[],"NotResource":"*","Condition":{}}],"Extra":1}"#,
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"log:GetLogStoreLogs","Resource":"*audit*"}]}"#,
    ] {
        corpus.add("policy_json", policy.as_bytes());
    }
    for conf in [
        "bootstrap.servers=localhost:10012\nsecurity.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=demo\nsasl.password=key#secret\nssl.ca.location=/srv/ca.pem\n",
        "# comment\nbootstrap.servers = a:1,b:2, [::1]:9\nsecurity.protocol = SASL_PLAINTEXT\nsasl.mechanisms=PLAIN\nsasl.username=demo\nsasl.password=k#s\nlinger.ms=5\n",
        "security.protocol=PLAINTEXT\n",
        "bootstrap.servers=\nsecurity.protocol=ssl\n=\n\n",
    ] {
        corpus.add("client_conf", conf.as_bytes());
    }
    for choice in 0..12_u8 {
        for json in [
            r#"{"level":"info","n":1.0,"deep":{"a":[1, 2, {"b":null}]},"esc":"\u00e9\ud83d\ude00\n","":true}"#,
            r#"{"a":1,"a":2,"__time__":3,"content":"x","1 b":false}"#,
            "plain text \u{1b}[31m with \t control \u{0}",
            r#"[1,2]"#,
        ] {
            corpus.add("json_mapping", &[&[choice][..], json.as_bytes()].concat());
        }
    }
}

fn unhex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}
