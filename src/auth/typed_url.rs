//! A URL with the text that a person typed.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use url::{ParseError, Url};

/// A URL, and the text it was typed as.
///
/// Servers compare `redirect_uri` and `aud` byte for byte with the registered text (RFC 6749, section
/// 3.1.2.3). Parsing changes the text: a path is added, a host lower-cased, a port left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedUrl {
    url: Url,
    text: String,
}

impl TypedUrl {
    /// Reads a text, which stays as it is.
    ///
    /// # Errors
    /// The text is not a URL.
    pub fn parse(text: &str) -> Result<TypedUrl, ParseError> {
        Ok(TypedUrl { url: Url::parse(text)?, text: text.to_owned() })
    }

    /// The parsed URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The text as typed.
    pub fn as_typed(&self) -> &str {
        &self.text
    }

    /// Takes `free`, the same URL with the port that the system chose, if this URL was typed with port 0.
    pub fn with_free_port(self, free: &Url) -> TypedUrl {
        match self.url.port() {
            Some(0) => TypedUrl { text: free.to_string(), url: free.clone() },
            _ => self,
        }
    }
}

impl<'de> Deserialize<'de> for TypedUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TypedUrl, D::Error> {
        let text = String::deserialize(deserializer)?;
        TypedUrl::parse(&text)
            .map_err(|error| D::Error::custom(format_args!("this is not a URL: {error}")))
    }
}

impl Serialize for TypedUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_stays_byte_for_byte() {
        for text in [
            "http://127.0.0.1:8971",
            "HTTP://LocalHost:80/cb",
            "https://App.Example:443/a/../cb?x#",
        ] {
            let typed = TypedUrl::parse(text).unwrap();
            assert_eq!(typed.as_typed(), text);
            assert_ne!(typed.url().as_str(), text);
            assert_eq!(typed.clone().with_free_port(typed.url()).as_typed(), text);
        }
        let free = Url::parse("http://127.0.0.1:4711/cb").unwrap();
        let typed = TypedUrl::parse("http://127.0.0.1:0/cb").unwrap().with_free_port(&free);
        assert_eq!(typed.as_typed(), "http://127.0.0.1:4711/cb");
        assert!(TypedUrl::parse("callback").is_err());
    }
}
