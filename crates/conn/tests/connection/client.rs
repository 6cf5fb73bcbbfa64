//! Requests as clients send them, and responses as clients read them.

use logboom_wire::api::ApiKey;
use logboom_wire::primitive::{Reader, Writer};

pub(crate) const CLIENT_ID: &str = "test-client";

/// A frame around any bytes.
pub(crate) fn framed(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as i32).to_be_bytes(), bytes].concat()
}

/// A request of any API key and version, also of those that do not exist.
pub(crate) fn request(
    key: i16,
    version: i16,
    correlation_id: i32,
    fields: impl FnOnce(&mut Writer<'_>),
) -> Vec<u8> {
    let flexible = ApiKey::from_i16(key).is_some_and(|api| api.is_flexible(version));
    let mut bytes = Vec::new();
    let mut header = Writer::new(&mut bytes);
    header.i16(key);
    header.i16(version);
    header.i32(correlation_id);
    header.string(CLIENT_ID);
    let mut body = match flexible {
        true => Writer::flexible(&mut bytes),
        false => Writer::new(&mut bytes),
    };
    body.no_tagged_fields();
    fields(&mut body);
    body.no_tagged_fields();
    framed(&bytes)
}

pub(crate) fn api_versions(version: i16, correlation_id: i32) -> Vec<u8> {
    request(18, version, correlation_id, |body| {
        if version >= 3 {
            body.string("librdkafka");
            body.string("2.11.1");
        }
    })
}

pub(crate) fn handshake(version: i16, correlation_id: i32, mechanism: &str) -> Vec<u8> {
    request(17, version, correlation_id, |body| body.string(mechanism))
}

pub(crate) fn authenticate(version: i16, correlation_id: i32, token: &[u8]) -> Vec<u8> {
    request(36, version, correlation_id, |body| body.bytes(token))
}

/// A Metadata request for all topics, or for some of them by name.
pub(crate) fn metadata(version: i16, correlation_id: i32, topics: Option<&[&str]>) -> Vec<u8> {
    request(3, version, correlation_id, |body| {
        match topics {
            None if version == 0 => body.array_count(0),
            None => body.null(),
            Some(topics) => {
                body.array_count(topics.len());
                for topic in topics {
                    if version >= 10 {
                        body.raw(&[0; 16]);
                    }
                    body.nullable_string(Some(topic));
                    body.no_tagged_fields();
                }
            }
        }
        if version >= 4 {
            body.bool(true);
        }
        if (8..=10).contains(&version) {
            body.bool(false);
        }
        if version >= 8 {
            body.bool(false);
        }
    })
}

/// What the records of a [`produce`] request consist of.
pub(crate) const RECORDS_BYTE: u8 = 0x5a;

/// What a [`produce`] request is made of.
#[derive(Debug, Clone)]
pub(crate) struct Production {
    pub(crate) version: i16,
    pub(crate) acks: i16,
    pub(crate) timeout_ms: i32,
    pub(crate) partitions: usize,
    pub(crate) records_bytes: usize,
}

impl Default for Production {
    fn default() -> Self {
        Self { version: 7, acks: -1, timeout_ms: 1_500, partitions: 1, records_bytes: 100 }
    }
}

pub(crate) fn produce(correlation_id: i32, production: &Production) -> Vec<u8> {
    let Production { version, acks, timeout_ms, partitions, records_bytes } = *production;
    request(0, version, correlation_id, |body| {
        if version >= 3 {
            body.nullable_string(None);
        }
        body.i16(acks);
        body.i32(timeout_ms);
        body.array_count(1);
        body.string("logs");
        body.array_count(partitions);
        for index in 0..partitions {
            body.i32(index as i32);
            body.bytes(&vec![RECORDS_BYTE; records_bytes]);
            body.no_tagged_fields();
        }
        body.no_tagged_fields();
    })
}

pub(crate) fn fetch(correlation_id: i32, partitions: usize) -> Vec<u8> {
    request(1, 4, correlation_id, |body| {
        for field in [-1, 500, 1, i32::MAX] {
            body.i32(field);
        }
        body.i8(0);
        body.array_count(1);
        body.string("logs");
        body.array_count(partitions);
        for index in 0..partitions {
            body.i32(index as i32);
            body.i64(0);
            body.i32(i32::MAX);
        }
    })
}

pub(crate) fn find_coordinator(correlation_id: i32) -> Vec<u8> {
    request(10, 0, correlation_id, |body| body.string("group"))
}

pub(crate) fn init_producer_id(version: i16, correlation_id: i32) -> Vec<u8> {
    request(22, version, correlation_id, |body| {
        body.nullable_string(None);
        body.i32(60_000);
        if version >= 3 {
            body.i64(-1);
            body.i16(-1);
        }
    })
}

/// A whole request of every implemented API and any version of it.
pub(crate) fn any_request(api: ApiKey, version: i16, correlation_id: i32) -> Vec<u8> {
    match api {
        ApiKey::Produce => {
            produce(correlation_id, &Production { version, ..Production::default() })
        }
        ApiKey::Fetch => fetch(correlation_id, 1),
        ApiKey::Metadata => metadata(version, correlation_id, Some(&["logs"])),
        ApiKey::FindCoordinator => find_coordinator(correlation_id),
        ApiKey::SaslHandshake => handshake(version, correlation_id, "PLAIN"),
        ApiKey::ApiVersions => api_versions(version, correlation_id),
        ApiKey::InitProducerId => init_producer_id(version, correlation_id),
        ApiKey::SaslAuthenticate => authenticate(version, correlation_id, TOKEN),
    }
}

pub(crate) const TOKEN: &[u8] = b"\0acme\0id#secret";

/// A response: its correlation id and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) correlation_id: i32,
    pub(crate) rest: Vec<u8>,
}

impl Response {
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader::new(&self.rest)
    }

    /// The error code of a response that starts with one.
    pub(crate) fn error(&self) -> i16 {
        self.reader().i16().unwrap()
    }

    /// The error of the first partition of a Produce response before version 9.
    pub(crate) fn produce_error(&self) -> i16 {
        let mut reader = self.reader();
        reader.i32().unwrap();
        reader.string().unwrap();
        reader.i32().unwrap();
        reader.i32().unwrap();
        reader.i16().unwrap()
    }
}

/// Cuts what a server sent into responses. Bytes left over mean a broken server.
pub(crate) fn responses(mut stream: &[u8]) -> Vec<Response> {
    let mut responses = Vec::new();
    while !stream.is_empty() {
        let (prefix, rest) = stream.split_first_chunk().expect("a length prefix");
        let (frame, rest) = rest.split_at(i32::from_be_bytes(*prefix) as usize);
        let (correlation_id, body) = frame.split_first_chunk().expect("a correlation id");
        let correlation_id = i32::from_be_bytes(*correlation_id);
        responses.push(Response { correlation_id, rest: body.to_vec() });
        stream = rest;
    }
    responses
}
