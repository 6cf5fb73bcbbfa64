use std::io;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use logboom_wire::frame::PREFIX_BYTES;

use super::address::Address;
use super::connection::Connection;
use super::error::Error;

/// A connection on which one request at a time is asked and answered, as it is until records flow.
#[derive(Debug)]
pub(super) struct Dialogue {
    connection: Connection,
    address: Address,
    encoder: RequestEncoder,
}

impl Dialogue {
    pub(super) fn new(connection: Connection, address: Address, client_id: &str) -> Self {
        let client_id = StrBytes::from_string(client_id.to_owned());
        Self { connection, address, encoder: RequestEncoder { client_id, next_id: 0 } }
    }

    /// Who is at the other end.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a request and waits for its answer.
    pub(super) fn ask<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<R::Response, Error> {
        let frame = self.ask_for_frame(request, version)?;
        self.decode::<R>(frame, version)
    }

    /// The same, and leaves the answer as it came, but for its correlation id.
    pub(super) fn ask_for_frame<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<Bytes, Error> {
        let (id, frame) = self.encoder.encode(request, version)?;
        let broken = |error: io::Error| broken(&self.address, &error);
        self.connection.writer.write_frame(&frame).map_err(broken)?;
        let frame = self.connection.reader.read_frame().map_err(broken)?;
        expect_id(&frame, id).map_err(|reason| Error::not_kafka(&self.address, reason))?;
        Ok(frame)
    }

    /// Reads an answer to a request of type `R`; see [`decode`].
    pub(super) fn decode<R: Request>(
        &self,
        frame: Bytes,
        version: i16,
    ) -> Result<R::Response, Error> {
        decode::<R>(frame, version).map_err(|reason| Error::not_kafka(&self.address, reason))
    }

    /// Gives the parts away, for requests that do not wait for one another.
    pub(super) fn into_parts(self) -> (Connection, Address, RequestEncoder) {
        (self.connection, self.address, self.encoder)
    }
}

/// What a broken connection means: that it is lost, or that it never spoke Kafka.
pub(super) fn broken(address: &Address, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData => Error::not_kafka(address, error),
        _ => Error::lost(address, error),
    }
}

/// Makes frames of requests and numbers them.
#[derive(Debug)]
pub(super) struct RequestEncoder {
    client_id: StrBytes,
    next_id: i32,
}

impl RequestEncoder {
    /// The correlation id of the request, and its frame with the length prefix.
    pub(super) fn encode<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<(i32, BytesMut), Error> {
        let id = self.next_id;
        self.next_id = self.next_id.checked_add(1).unwrap_or(0);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(id)
            .with_client_id(Some(self.client_id.clone()));
        let mut frame = BytesMut::zeroed(PREFIX_BYTES);
        header.encode(&mut frame, R::header_version(version)).map_err(Error::internal)?;
        request.encode(&mut frame, version).map_err(Error::internal)?;
        let length = i32::try_from(frame.len() - PREFIX_BYTES).map_err(Error::internal)?;
        frame[..PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
        Ok((id, frame))
    }
}

/// Makes sure that an answer is the one to the request with this correlation id. Every answer starts
/// with it, whatever its version.
pub(super) fn expect_id(mut frame: &[u8], id: i32) -> Result<(), String> {
    match frame.try_get_i32() {
        Ok(found) if found == id => Ok(()),
        Ok(found) => Err(format!("answer {found} came where {id} was due")),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads an answer to a request of type `R`.
///
/// The library reserves memory by counts in the answer before it has seen the elements, so a server
/// that means harm can end this program. It is the server that the caller chose to trust with a
/// password; strangers are answered by [`logboom_wire`] alone.
pub(super) fn decode<R: Request>(mut frame: Bytes, version: i16) -> Result<R::Response, String> {
    let header_version = R::Response::header_version(version);
    ResponseHeader::decode(&mut frame, header_version)
        .and_then(|_| R::Response::decode(&mut frame, version))
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::MetadataRequest;
    use logboom_wire::header::RequestHeader as WireHeader;

    use super::*;

    #[test]
    fn requests_are_numbered_and_have_their_length_in_front() {
        let mut encoder = RequestEncoder { client_id: "shipper".into(), next_id: i32::MAX };
        for expected in [i32::MAX, 0, 1] {
            let (id, frame) = encoder.encode(&MetadataRequest::default(), 9).unwrap();
            let (prefix, frame) = frame.split_at(PREFIX_BYTES);
            assert_eq!(prefix, (frame.len() as i32).to_be_bytes());
            let (header, _) = WireHeader::decode(frame).unwrap();
            assert_eq!((id, header.correlation_id), (expected, expected));
            assert_eq!(header.client_id, Some(&b"shipper"[..]));
        }
    }

    #[test]
    fn the_answer_to_another_request_is_refused() {
        assert_eq!(expect_id(&[0, 0, 0, 7, 9], 7), Ok(()));
        assert!(expect_id(&[0, 0, 0, 8], 7).is_err());
        assert!(expect_id(&[0, 0, 0], 7).is_err());
    }
}
