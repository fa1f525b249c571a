//! Versions, as in `1.2.0`.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};

/// A version: major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(u32, u32, u32);

impl Version {
    /// The version that a cluster starts with: 1.0.0.
    pub const FIRST: Version = Version(1, 0, 0);

    /// The next minor version: 1.1.0 after 1.0.0.
    #[must_use]
    pub fn next_minor(self) -> Self {
        Version(self.0, self.1 + 1, 0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The text isn't a version: `1.2`, `1.x.0`.
#[derive(Debug, thiserror::Error)]
#[error("a version is three numbers, such as 1.2.0")]
pub struct InvalidVersion;

impl From<ParseIntError> for InvalidVersion {
    fn from(_: ParseIntError) -> Self {
        InvalidVersion
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let mut numbers = text.split('.').map(str::parse);
        let mut next = || numbers.next().ok_or(InvalidVersion)?.map_err(InvalidVersion::from);
        let version = Version(next()?, next()?, next()?);
        numbers.next().is_none().then_some(version).ok_or(InvalidVersion)
    }
}

impl TryFrom<String> for Version {
    type Error = InvalidVersion;

    fn try_from(text: String) -> Result<Self, InvalidVersion> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> String {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_three_numbers_and_the_next_one_is_minor() {
        let version: Version = "1.9.3".parse().unwrap();
        assert_eq!(version.next_minor().to_string(), "1.10.0");
        for text in ["", "1", "1.2", "1.2.x", "1.2.3.4", "v1.2.3"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
