//! A request, taken apart.

use hyper::{Method, http::request::Parts};
use url::form_urlencoded;

use crate::SessionId;

/// A request.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) body: String,
    /// The session that its cookie names, whether there is one or not.
    pub(crate) session: Option<SessionId>,
    path: String,
    values: Vec<(String, String)>,
}

impl Asked {
    pub(crate) fn new(head: Parts, body: &[u8]) -> Self {
        let query = head.uri.query().unwrap_or_default();
        let pairs = [query.as_bytes(), body].into_iter().flat_map(form_urlencoded::parse);
        let values = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        Asked {
            method: head.method,
            body: String::from_utf8_lossy(body).into_owned(),
            session: SessionId::of(&head.headers),
            path: head.uri.path().to_owned(),
            values,
        }
    }

    /// The parts of its path.
    pub(crate) fn path(&self) -> Vec<&str> {
        self.path.trim_start_matches('/').split('/').collect()
    }

    /// What its query, or its body as a form, says for `name`.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.values.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.value(name)?.parse().ok()
    }
}
