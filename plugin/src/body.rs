//! A request's body as a row of segments, of which base64 is decoded only while
//! it is sent: a file of many megabytes is never held a second time.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters of base64 decoded at a time; a multiple of four.
const CHUNK: usize = 64 * 1024;

/// A body, and the number of bytes it comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body<'a> {
    segments: Vec<Segment<'a>>,
    length: usize,
}

/// A part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment<'a> {
    /// Sent as it is.
    Text(Cow<'a, str>),
    /// Sent decoded; checked beforehand.
    Base64(Cow<'a, str>),
}

impl<'a> Body<'a> {
    /// Appends text.
    pub fn push(&mut self, text: impl Into<Cow<'a, str>>) {
        let text = text.into();
        self.length += text.len();
        self.segments.push(Segment::Text(text));
    }

    /// Appends what base64 text stands for. The error says what is wrong with
    /// the text, and nothing is appended.
    pub fn push_base64(&mut self, text: Cow<'a, str>) -> Result<(), String> {
        let mut length = 0;
        for_chunks(&text, &mut |bytes| {
            length += bytes.len();
            Ok::<(), ()>(())
        })
        .map_err(|error| match error {
            ChunkError::NotBase64(at) => format!("is not base64: see character {}", at + 1),
            ChunkError::Sink(()) => "is not base64".to_owned(),
        })?;
        self.length += length;
        self.segments.push(Segment::Base64(text));
        Ok(())
    }

    /// Bytes of the whole body.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Gives the body to `sink` in pieces, in order, until it fails.
    pub fn write<E>(&self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => sink(text.as_bytes())?,
                Segment::Base64(text) => match for_chunks(text, &mut sink) {
                    Err(ChunkError::Sink(error)) => return Err(error),
                    // Checked when it was appended.
                    Err(ChunkError::NotBase64(_)) | Ok(()) => {}
                },
            }
        }
        Ok(())
    }

    /// The whole body in one piece.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.length);
        let Ok(()) = self.write(|bytes| {
            out.extend_from_slice(bytes);
            Ok::<(), std::convert::Infallible>(())
        });
        out
    }
}

enum ChunkError<E> {
    /// Where the text stops being base64.
    NotBase64(usize),
    /// The sink failed.
    Sink(E),
}

/// Decodes base64 a chunk at a time.
fn for_chunks<E>(
    text: &str,
    sink: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), ChunkError<E>> {
    let mut decoded = Vec::with_capacity(CHUNK / 4 * 3);
    let chunks = text.as_bytes().chunks(CHUNK);
    let last = chunks.len().saturating_sub(1);
    for (at, chunk) in chunks.enumerate() {
        decoded.clear();
        STANDARD.decode_vec(chunk, &mut decoded).map_err(|error| {
            let inside = match error {
                base64::DecodeError::InvalidByte(inside, _)
                | base64::DecodeError::InvalidLastSymbol(inside, _) => inside,
                _ => chunk.len().saturating_sub(1),
            };
            ChunkError::NotBase64(at * CHUNK + inside)
        })?;
        // Padding ends the text; more behind it would be lost silently by some
        // decoders.
        if at < last && chunk.ends_with(b"=") {
            return Err(ChunkError::NotBase64((at + 1) * CHUNK));
        }
        sink(&decoded).map_err(ChunkError::Sink)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_come_out_in_order_and_decoded() {
        let mut body = Body::default();
        body.push("a=");
        body.push_base64("AAECAwQ=".into()).unwrap();
        body.push("é");
        assert_eq!(body.to_bytes(), [b'a', b'=', 0, 1, 2, 3, 4, 0xc3, 0xa9]);
        assert_eq!(body.len(), 9);
    }

    #[test]
    fn a_large_text_is_decoded_in_pieces() {
        let bytes: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        let mut body = Body::default();
        body.push_base64(STANDARD.encode(&bytes).into()).unwrap();
        let mut pieces = 0;
        let mut joined = Vec::new();
        body.write(|piece| {
            pieces += 1;
            joined.extend_from_slice(piece);
            Ok::<(), ()>(())
        })
        .unwrap();
        assert!(pieces > 1);
        assert!(joined == bytes && body.len() == bytes.len());
    }

    #[test]
    fn what_is_not_base64_is_refused_by_place() {
        let long = format!("{}!", "A".repeat(CHUNK + 2));
        for (text, at) in [
            ("AB!D", 3),
            ("ABC", 3),
            ("AB=D", 3),
            ("AA==AAAA", 3),
            (&long, CHUNK + 3),
        ] {
            let error = Body::default().push_base64(text.into()).unwrap_err();
            assert_eq!(
                error,
                format!("is not base64: see character {at}"),
                "{text:.20}"
            );
        }
    }
}
