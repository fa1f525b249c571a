//! Frames as a peer sends them that is broken: a check asks for them.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use supervisor::FromWorker;

use crate::frame::Frame;

/// Bytes that go out as they are, and a pause after each piece.
pub(crate) type Pieces = Vec<(Bytes, Duration)>;

const NO_PAUSE: Duration = Duration::ZERO;

/// How a worker misbehaves: `POST /fault?kind=`. Each list is sent by itself.
pub(crate) fn of_kind(kind: &str) -> Option<Vec<Pieces>> {
    let piece = |bytes| vec![(Bytes::from_static(bytes), NO_PAUSE)];
    Some(match kind {
        // The length is right, and what follows isn't JSON.
        "garbage" => vec![piece(b"\0\0\0\x04tea!")],
        // Ten bytes are announced, and five come. Then the worker closes its end, and lives on.
        "truncated" => vec![piece(b"\0\0\0\x0ahalf "), Vec::new()],
        "oversized" => vec![piece(b"\xff\xff\xff\xff")],
        _ => return None,
    })
}

/// `frame` in two halves, with a pause between them.
pub(crate) fn split(frame: &Frame) -> Pieces {
    let mut bytes = as_sent(frame);
    let rest = bytes.split_off(bytes.len() / 2);
    vec![(bytes.into(), Duration::from_millis(300)), (rest.into(), NO_PAUSE)]
}

/// The frame as the channel would send it.
fn as_sent(frame: &impl Serialize) -> BytesMut {
    let json = serde_json::to_vec(&FromWorker::Report(frame)).unwrap_or_default();
    let mut bytes = BytesMut::new();
    bytes.put_u32(u32::try_from(json.len()).unwrap_or(u32::MAX));
    bytes.put_slice(&json);
    bytes
}
