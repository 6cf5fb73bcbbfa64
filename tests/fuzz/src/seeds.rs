//! Requests as clients send them: what targets are built from, and what the corpus began with.

use logboom_wire::api::ApiKey;
use logboom_wire::primitive::Writer;

/// A PLAIN token that is right wherever a target checks it.
pub const TOKEN: &[u8] = b"\0demo\0key#secret";

/// A frame around any bytes.
#[must_use]
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

/// A request of any API key and version, also of those that do not exist.
#[must_use]
pub fn request(key: i16, version: i16, fields: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let flexible = ApiKey::from_i16(key).is_some_and(|api| api.is_flexible(version));
    let mut bytes = Vec::new();
    let mut header = Writer::new(&mut bytes);
    header.i16(key);
    header.i16(version);
    header.i32(7);
    header.string("fuzz");
    let mut body = match flexible {
        true => Writer::flexible(&mut bytes),
        false => Writer::new(&mut bytes),
    };
    body.no_tagged_fields();
    fields(&mut body);
    body.no_tagged_fields();
    framed(&bytes)
}

/// A SaslHandshake request for PLAIN.
#[must_use]
pub fn handshake(version: i16) -> Vec<u8> {
    request(ApiKey::SaslHandshake.id(), version, |body| body.string("PLAIN"))
}

/// The token, in a SaslAuthenticate request of that version, or bare.
#[must_use]
pub fn token(version: Option<i16>) -> Vec<u8> {
    match version {
        None => framed(TOKEN),
        Some(version) => request(ApiKey::SaslAuthenticate.id(), version, |body| body.bytes(TOKEN)),
    }
}

/// A Produce request with these records, each for a partition of its own.
#[must_use]
pub fn produce(version: i16, acks: i16, records: &[&[u8]]) -> Vec<u8> {
    request(ApiKey::Produce.id(), version, |body| {
        if version >= 3 {
            body.nullable_string(None);
        }
        body.i16(acks);
        body.i32(1_000);
        body.array_count(1);
        body.string("logs");
        body.array_count(records.len());
        for (index, records) in records.iter().enumerate() {
            body.i32(i32::try_from(index).unwrap_or(i32::MAX));
            body.bytes(records);
            body.no_tagged_fields();
        }
        body.no_tagged_fields();
    })
}
