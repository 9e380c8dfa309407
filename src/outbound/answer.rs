//! Reading an answer's body: bounded as it comes, and bounded again as it unpacks.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use super::Failure;

/// The whole body, unpacked; `bounds` are the host, for messages, and the most bytes.
pub(super) async fn read(
    mut headers: HeaderMap,
    body: Incoming,
    bounds: (&str, usize),
) -> Result<(HeaderMap, Bytes), Failure> {
    let (host, bytes_max) = bounds;
    let too_large = || Failure::TooLarge { host: host.to_owned(), bytes_max };
    let malformed = |why: String| Failure::Malformed { host: host.to_owned(), why };
    // Announced too large: not one byte of it is taken.
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large());
    }
    let body = match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_large()),
        Err(error) => return Err(malformed(format!("its answer broke off: {error}"))),
    };
    let coding = headers.get(header::CONTENT_ENCODING).map(|v| v.as_bytes().to_ascii_lowercase());
    match coding.as_deref().map(<[u8]>::trim_ascii) {
        None | Some(b"" | b"identity") => Ok((headers, body)),
        // The answer to HEAD, 204 and 304 names the coding of what it does not send.
        Some(_) if body.is_empty() => Ok((headers, body)),
        Some(b"gzip" | b"x-gzip") => {
            let unpacked = tokio::task::spawn_blocking(move || unpack(&body, bytes_max)).await;
            let unpacked = unpacked.map_err(|e| malformed(e.to_string()))?;
            let unpacked = unpacked.map_err(|e| malformed(format!("its gzip is damaged: {e}")))?;
            headers.remove(header::CONTENT_ENCODING);
            headers.remove(header::CONTENT_LENGTH);
            Ok((headers, unpacked.ok_or_else(too_large)?))
        }
        Some(other) => {
            let other: String = String::from_utf8_lossy(other).chars().take(40).collect();
            Err(malformed(format!("its answer has the encoding `{other}`, not gzip or none")))
        }
    }
}

/// `None` when it unpacks to more than `bytes_max`.
fn unpack(packed: &[u8], bytes_max: usize) -> std::io::Result<Option<Bytes>> {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(packed).take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= bytes_max).then(|| bytes.into()))
}
