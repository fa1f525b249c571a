//! The first byte says where the rest is cut. Each cut must give the same frames as the whole, or the
//! same error, and none may panic. `crates/00-cluster-basics/tests/frames.rs` tries the same at random.

#![no_main]

use std::mem;

use cluster_basics::channel::{Frames, ReceiveError};
use libfuzzer_sys::fuzz_target;

type Read = (Vec<Vec<u8>>, mem::Discriminant<ReceiveError>);

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Read {
    let (mut frames, mut found) = (Frames::default(), Vec::new());
    for piece in pieces {
        frames.room().extend_from_slice(piece);
        loop {
            match frames.next_frame() {
                Ok(Some(frame)) => found.push(frame.to_vec()),
                Ok(None) => break,
                Err(error) => return (found, mem::discriminant(&error)),
            }
        }
    }
    let end = mem::discriminant(&frames.end());
    (found, end)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, stream)) = bytes.split_first() else { return };
    let whole = read(std::iter::once(stream));
    assert!(read(stream.chunks(usize::from(*cut) + 1)) == whole);
});
