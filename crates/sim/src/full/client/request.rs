//! Requests, as clients encode them.

use logboom_wire::api::ApiKey;
use logboom_wire::primitive::Writer;

/// What a partition of a Produce request holds.
#[derive(Debug, Clone)]
pub(crate) struct Part<'a> {
    pub(crate) topic: &'a str,
    pub(crate) shard: i32,
    pub(crate) records: &'a [u8],
}

/// A request in the making.
pub(crate) struct Request<'a> {
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
    pub(crate) client_id: &'a str,
}

impl Request<'_> {
    /// The request as one frame.
    pub(crate) fn frame(&self, body: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut out = vec![0; 4];
        let mut header = Writer::new(&mut out);
        header.i16(self.api.id());
        header.i16(self.version);
        header.i32(self.correlation);
        header.string(self.client_id);
        let flexible = self.api.is_flexible(self.version);
        if flexible {
            out.push(0);
        }
        let mut writer = if flexible { Writer::flexible(&mut out) } else { Writer::new(&mut out) };
        body(&mut writer);
        writer.no_tagged_fields();
        finish(out)
    }

    pub(crate) fn api_versions(&self) -> Vec<u8> {
        self.frame(|writer| {
            if self.version >= 3 {
                writer.string("simulated");
                writer.string("1.0");
            }
        })
    }

    pub(crate) fn handshake(&self, mechanism: &str) -> Vec<u8> {
        self.frame(|writer| writer.string(mechanism))
    }

    pub(crate) fn authenticate(&self, token: &[u8]) -> Vec<u8> {
        self.frame(|writer| writer.bytes(token))
    }

    pub(crate) fn metadata(&self, topics: &[&str]) -> Vec<u8> {
        self.frame(|writer| {
            writer.array_count(topics.len());
            for topic in topics {
                if self.version >= 10 {
                    writer.raw(&[0; 16]);
                }
                writer.string(topic);
                writer.no_tagged_fields();
            }
            if self.version >= 4 {
                writer.bool(true);
            }
            if (8..=10).contains(&self.version) {
                writer.bool(false);
            }
            if self.version >= 8 {
                writer.bool(false);
            }
        })
    }

    pub(crate) fn init_producer_id(&self) -> Vec<u8> {
        self.frame(|writer| {
            writer.nullable_string(None);
            writer.i32(60_000);
            if self.version >= 3 {
                writer.i64(-1);
                writer.i16(-1);
            }
        })
    }

    pub(crate) fn produce(&self, acks: i16, timeout_ms: i32, parts: &[Part<'_>]) -> Vec<u8> {
        self.frame(|writer| {
            if self.version >= 3 {
                writer.nullable_string(None);
            }
            writer.i16(acks);
            writer.i32(timeout_ms);
            writer.array_count(parts.len());
            for part in parts {
                writer.string(part.topic);
                writer.array_count(1);
                writer.i32(part.shard);
                writer.bytes(part.records);
                writer.no_tagged_fields();
                writer.no_tagged_fields();
            }
        })
    }
}

/// A bare SASL token, as after SaslHandshake of version 0.
pub(crate) fn bare(token: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.extend_from_slice(token);
    finish(out)
}

/// What SASL/PLAIN sends.
pub(crate) fn token(user: &str, password: &str) -> Vec<u8> {
    [b"\0", user.as_bytes(), b"\0", password.as_bytes()].concat()
}

/// Writes the length of a frame in front of it.
fn finish(mut frame: Vec<u8>) -> Vec<u8> {
    let length = i32::try_from(frame.len() - 4).expect("a request of a simulated client is short");
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame
}
