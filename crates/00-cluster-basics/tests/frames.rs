//! Whatever a peer sends, and wherever the kernel cuts it: the same frames come out, or the same error.

use std::mem;

use bytes::BytesMut;
use cluster_basics::channel::{Frames, MAX_FRAME, READ, ReceiveError};
use proptest::{collection::vec, prelude::*};

/// What comes out of a stream: its frames, and why there are no more.
type Read = (Vec<Vec<u8>>, mem::Discriminant<ReceiveError>);

/// Reads a stream that arrives in `pieces`, and what it had reserved at most.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>, put: Put) -> (Read, usize) {
    let (mut frames, mut found, mut reserved) = (Frames::default(), Vec::new(), 0);
    for mut piece in pieces {
        while !piece.is_empty() {
            piece = put(frames.room(), piece);
            let error = drain(&mut frames, &mut found);
            reserved = reserved.max(frames.reserved());
            if let Some(error) = error {
                return ((found, mem::discriminant(&error)), reserved);
            }
        }
    }
    let end = frames.end();
    ((found, mem::discriminant(&end)), reserved)
}

fn drain(frames: &mut Frames, found: &mut Vec<Vec<u8>>) -> Option<ReceiveError> {
    loop {
        match frames.next_frame() {
            Ok(Some(frame)) => found.push(frame.to_vec()),
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

/// Puts bytes into a buffer, and returns those that are left.
type Put = for<'a> fn(&mut BytesMut, &'a [u8]) -> &'a [u8];

fn put_all<'a>(buffer: &mut BytesMut, bytes: &'a [u8]) -> &'a [u8] {
    buffer.extend_from_slice(bytes);
    &[]
}

/// As many as there is room for, as a read of a socket does.
fn put_what_fits<'a>(buffer: &mut BytesMut, bytes: &'a [u8]) -> &'a [u8] {
    let (fits, rest) = bytes.split_at(bytes.len().min(buffer.capacity() - buffer.len()));
    buffer.extend_from_slice(fits);
    rest
}

/// `stream` in pieces as long as `cuts` says, over and over; without any, whole.
fn cut<'a>(mut stream: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut cuts = cuts.iter().cycle();
    std::iter::from_fn(move || {
        let length = cuts.next().map_or(stream.len(), |cut| (*cut).min(stream.len()));
        let (piece, rest) = stream.split_at(length);
        stream = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A part of a stream.
#[derive(Clone, Debug)]
enum Part {
    /// A frame with this many bytes, each the same.
    Frame(usize, u8),
    /// The length of a frame that is longer than a frame may be.
    TooLong(u32),
    /// Anything.
    Garbage(Vec<u8>),
}

impl Part {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Part::Frame(length, byte) => {
                let prefix = u32::try_from(*length).expect("a frame is shorter").to_be_bytes();
                prefix.into_iter().chain(vec![*byte; *length]).collect()
            }
            Part::TooLong(length) => length.to_be_bytes().to_vec(),
            Part::Garbage(bytes) => bytes.clone(),
        }
    }
}

/// What a peer sends, without its last bytes. Mostly it is frames.
#[derive(Clone, Debug)]
struct Stream {
    parts: Vec<Part>,
    missing: usize,
}

impl Stream {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.parts.iter().flat_map(Part::bytes).collect();
        bytes.truncate(bytes.len().saturating_sub(self.missing));
        bytes
    }
}

fn stream() -> impl Strategy<Value = Stream> {
    let lengths = prop_oneof![8 => 0..300usize, 1 => Just(MAX_FRAME), 1 => 0..MAX_FRAME];
    let too_long = u32::try_from(MAX_FRAME).expect("a frame is shorter") + 1..;
    let part = prop_oneof![
        6 => (lengths, any::<u8>()).prop_map(|(length, byte)| Part::Frame(length, byte)),
        1 => too_long.prop_map(Part::TooLong),
        1 => vec(any::<u8>(), 0..12).prop_map(Part::Garbage),
    ];
    (vec(part, 0..6), 0..6usize).prop_map(|(parts, missing)| Stream { parts, missing })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_gives_what_the_whole_gives(stream in stream(), cuts in vec(1..5000usize, 0..5)) {
        let bytes = stream.bytes();
        let (whole, _) = read(cut(&bytes, &[]), put_all);
        prop_assert!(read(cut(&bytes, &cuts), put_all).0 == whole);
    }

    #[test]
    fn a_reader_that_takes_over_at_any_cut_gets_what_the_whole_gives(
        stream in stream(),
        cuts in vec(1..5000usize, 0..5),
    ) {
        let bytes = stream.bytes();
        let (whole, _) = read(cut(&bytes, &[]), put_all);
        let (mut frames, mut found, mut error) = (Frames::default(), Vec::new(), None);
        for piece in cut(&bytes, &cuts) {
            put_all(frames.room(), piece);
            error = drain(&mut frames, &mut found);
            if error.is_some() {
                break;
            }
            frames = Frames::after(&frames.into_unread());
            // The next reader looks at what it was given before it reads.
            prop_assert!(drain(&mut frames, &mut found).is_none());
        }
        let end = error.unwrap_or_else(|| frames.end());
        prop_assert!((found, mem::discriminant(&end)) == whole);
    }

    #[test]
    fn what_a_frame_says_of_its_length_reserves_one_frame_at_most(prefix in any::<[u8; 4]>()) {
        let (_, reserved) = read(cut(&prefix, &[]), put_what_fits);
        prop_assert!(reserved <= MAX_FRAME, "{} bytes", reserved);
    }

    #[test]
    fn no_stream_reserves_more_than_two_frames(stream in stream(), cuts in vec(1..5000usize, 1..5)) {
        let (_, reserved) = read(cut(&stream.bytes(), &cuts), put_what_fits);
        // With its length in four bytes, and room for a read. A buffer that has to grow doubles.
        prop_assert!(reserved <= 2 * (MAX_FRAME + 4 + READ), "{} bytes", reserved);
    }
}
