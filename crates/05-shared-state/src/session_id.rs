//! The name of a session: what a client's cookie carries.

use std::{fmt, fs::File, io::Read};

use hyper::{HeaderMap, header::COOKIE};
use rusqlite::{ToSql, types::ToSqlOutput};

/// Bytes of chance in an id. A guess is hopeless (OWASP asks for 8).
const BYTES: usize = 16;
/// The name of the cookie.
const NAME: &str = "sid";

/// The id of a session.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId(String);

impl SessionId {
    /// An id that no session has, and that no client can guess.
    ///
    /// # Panics
    /// When the kernel has no random numbers: nothing is safe then.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; BYTES];
        File::open("/dev/urandom")
            .and_then(|mut random| random.read_exact(&mut bytes))
            .expect("the kernel has random numbers");
        SessionId(format!("{:032x}", u128::from_ne_bytes(bytes)))
    }

    /// The id as it was drawn: a client that sends it is logged in.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id that a client sent, right or wrong.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';'));
        let id = pairs.find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))?;
        Some(SessionId(id.to_owned()))
    }

    /// The value of `Set-Cookie` that gives it to a client. `Secure` would be there too with https.
    pub(crate) fn cookie(&self) -> String {
        format!("{NAME}={}; Path=/; HttpOnly; SameSite=Lax", self.0)
    }

    /// The value of `Set-Cookie` that takes it away.
    pub(crate) fn end_of_cookie() -> String {
        format!("{NAME}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
    }
}

/// Not the whole id: a log is read by more people than may be logged in.
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({}..)", self.0.chars().take(4).collect::<String>())
    }
}

impl ToSql for SessionId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn id(cookies: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_str(cookie).expect("a valid value"));
        }
        SessionId::of(&headers).map(|id| id.0)
    }

    #[test]
    fn the_id_is_found_among_other_cookies() {
        assert_eq!(id(&["sid=abc"]).as_deref(), Some("abc"));
        assert_eq!(id(&["theme=dark; sid=abc"]).as_deref(), Some("abc"));
        assert_eq!(id(&["sidebar=open", "sid=abc"]).as_deref(), Some("abc"));
        assert_eq!(id(&["sidebar=open"]), None);
        assert_eq!(id(&[]), None);
    }

    #[test]
    fn no_two_ids_are_the_same_and_a_log_does_not_show_them() {
        let (one, two) = (SessionId::random(), SessionId::random());
        assert_ne!(one, two);
        assert_eq!(one.0.len(), 2 * BYTES);
        assert!(!format!("{one:?}").contains(&one.0));
    }
}
