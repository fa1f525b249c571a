//! The head of an answer: its status, and how its body ends.

use super::Failure;

/// The head of an answer whose body is still to come.
#[derive(Debug)]
pub struct Head {
    pub(super) status: u16,
    pub(super) closes: bool,
    pub(super) retry_after: Option<String>,
    pub(super) set_cookie: Option<String>,
    pub(super) body: Body,
}

/// How the end of a body is told (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    Length(u64),
    Chunked,
    UntilClose,
}

pub(super) fn parse_head(bytes: &[u8]) -> Result<Head, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(bytes).map_err(|error| Failure::Malformed(error.to_string()))?;
    let value = |name: &str| {
        let found =
            response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(found.value).trim().to_owned())
    };
    let header = |name: &str| value(name).map(|value| value.to_ascii_lowercase());
    let lists = |name: &str, token: &str| {
        header(name).is_some_and(|value| value.split(',').any(|item| item.trim() == token))
    };
    let body = match header("content-length").map(|length| length.parse()) {
        _ if lists("transfer-encoding", "chunked") => Body::Chunked,
        Some(Ok(length)) => Body::Length(length),
        Some(Err(_)) => return Err(Failure::Malformed("Content-Length isn't a number".to_owned())),
        None if matches!(response.code, Some(204 | 304)) => Body::Length(0),
        None => Body::UntilClose,
    };
    let closes = lists("connection", "close")
        || matches!(body, Body::UntilClose)
        || response.version == Some(0);
    let (retry_after, set_cookie) = (header("retry-after"), value("set-cookie"));
    Ok(Head { status: response.code.unwrap_or(0), closes, retry_after, set_cookie, body })
}
