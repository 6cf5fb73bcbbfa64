use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use logboom_wire::api::ApiKey;
use logboom_wire::error::DecodeError;
use logboom_wire::header::RequestHeader;

/// A frame whose header is taken apart. The body is still bytes.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    frame: Bytes,
    body_start: usize,
    client_id: Option<Range<usize>>,
}

impl Request {
    /// Takes the header of a frame apart, whose API and version are known to be supported.
    pub(crate) fn decode(api: ApiKey, frame: Bytes) -> Result<Self, DecodeError> {
        let (header, body) = RequestHeader::decode(&frame)?;
        // The client id stands at the same place in every header: behind key, version, correlation
        // id and its own length.
        let client_id = header.client_id.map(|id| CLIENT_ID_START..CLIENT_ID_START + id.len());
        Ok(Self {
            api,
            version: header.api_version,
            correlation_id: header.correlation_id,
            body_start: frame.len() - body.len(),
            client_id,
            frame,
        })
    }

    /// What stands for a frame that has no header or none that can be read.
    pub(crate) const fn bare(api: ApiKey, correlation_id: i32) -> Self {
        let frame = Bytes::new();
        Self { api, version: 0, correlation_id, frame, body_start: 0, client_id: None }
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.frame[self.body_start..]
    }

    /// What the client calls itself, sharing the frame.
    pub(crate) fn client_id(&self) -> Option<Bytes> {
        self.client_id.clone().map(|range| self.frame.slice(range))
    }

    /// The whole frame.
    pub(crate) const fn frame(&self) -> &Bytes {
        &self.frame
    }
}

const CLIENT_ID_START: usize = 10;

impl fmt::Debug for Request {
    /// Says what kind of request it is and not what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (api, version, bytes) = (self.api.name(), self.version, self.frame.len());
        write!(f, "{api} v{version} #{} ({bytes} bytes)", self.correlation_id)
    }
}
