//! The identity and the content hash of a resource, read off its bytes in one shallow pass.

mod same_content;
mod subsetted;
mod version;

pub use same_content::same_content;
pub use subsetted::says_subsetted;
pub use version::Version;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::{borrow::Cow, fmt};

/// Identity and content of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// `resourceType`.
    pub resource_type: String,
    /// `id`, exactly as received: any length, any letters.
    pub id: Option<String>,
    /// `meta.versionId`.
    pub version_id: Option<String>,
    /// `meta.lastUpdated`, the text as received.
    pub last_updated: Option<String>,
    /// SHA-256 over the members in order, without `meta.versionId` and `meta.lastUpdated`: some
    /// servers raise these two at every read.
    pub content_hash: [u8; 32],
}

/// Why these bytes are not a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    /// The bytes are not UTF-8.
    #[error("that is not UTF-8")]
    NotUtf8,
    /// The bytes are not JSON.
    #[error("that is not JSON")]
    NotJson,
    /// The JSON is not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// The resource has no `resourceType` that is text.
    #[error("without resourceType")]
    NoType,
    /// The resource has `id`, `resourceType` or `meta` twice.
    #[error("with id, resourceType or meta twice")]
    Duplicate,
    /// The resource has an `id` that is not text.
    #[error("with an id that is not text")]
    OddId,
}

/// Reads identity and content off a resource's bytes.
///
/// # Errors
/// The bytes are not a JSON object, or have no type or an ambiguous identity. A missing id is not an error
/// here.
pub fn fingerprint(json: &[u8]) -> Result<Fingerprint, FingerprintError> {
    let text = std::str::from_utf8(json).map_err(|_| FingerprintError::NotUtf8)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut scan = Scan { hash: Sha256::new(), ..Scan::default() };
    let scanned = (&mut deserializer).deserialize_map(&mut scan).and_then(|()| deserializer.end());
    scanned.map_err(|error| match scan.error {
        Some(error) => error,
        None if error.is_data() => FingerprintError::NotAnObject,
        None => FingerprintError::NotJson,
    })?;
    if let Some(error) = scan.error {
        return Err(error);
    }
    Ok(Fingerprint {
        resource_type: scan.resource_type.ok_or(FingerprintError::NoType)?,
        id: scan.id,
        version_id: scan.version_id,
        last_updated: scan.last_updated,
        content_hash: scan.hash.finalize().into(),
    })
}

impl Fingerprint {
    /// The version that the resource declares for itself.
    pub fn version(&self) -> Version<'_> {
        Version {
            version_id: self.version_id.as_deref(),
            last_updated: self.last_updated.as_deref(),
        }
    }
}

#[derive(Default)]
struct Scan {
    hash: Sha256,
    seen_type: bool,
    resource_type: Option<String>,
    seen_id: bool,
    id: Option<String>,
    seen_meta: bool,
    version_id: Option<String>,
    last_updated: Option<String>,
    error: Option<FingerprintError>,
}

impl Scan {
    fn add(&mut self, key: &str, value: &RawValue) {
        self.hash.update(key.as_bytes());
        self.hash.update([0]);
        self.hash.update(value.get().as_bytes());
        self.hash.update([0]);
    }

    fn member(&mut self, key: &str, value: &RawValue) {
        match key {
            "resourceType" if self.seen_type => self.error = Some(FingerprintError::Duplicate),
            "id" if self.seen_id => self.error = Some(FingerprintError::Duplicate),
            "meta" if self.seen_meta => self.error = Some(FingerprintError::Duplicate),
            "resourceType" => {
                self.seen_type = true;
                self.resource_type = text(value);
                self.add(key, value);
            }
            "id" => {
                self.seen_id = true;
                self.id = text(value);
                if self.id.is_none() && value.get() != "null" {
                    self.error = Some(FingerprintError::OddId);
                }
                self.add(key, value);
            }
            "meta" => {
                self.seen_meta = true;
                self.meta(value);
            }
            _ => self.add(key, value),
        }
    }

    fn meta(&mut self, value: &RawValue) {
        let mut meta = Meta { scan: Scan { hash: self.hash.clone(), ..Scan::default() } };
        meta.scan.hash.update(b"meta\0");
        let mut deserializer = serde_json::Deserializer::from_str(value.get());
        if (&mut deserializer).deserialize_map(&mut meta).is_err() {
            self.add("meta", value);
            return;
        }
        let Scan { hash, version_id, last_updated, .. } = meta.scan;
        (self.hash, self.version_id, self.last_updated) = (hash, version_id, last_updated);
    }
}

impl<'de> Visitor<'de> for &mut Scan {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a resource")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<BorrowedKey<'de>>()? {
            let value: &'de RawValue = map.next_value()?;
            self.member(&key.0, value);
        }
        Ok(())
    }
}

/// Reads the members of `meta`; the result counts only if `meta` is an object.
struct Meta {
    scan: Scan,
}

impl<'de> Visitor<'de> for &mut Meta {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("meta")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<BorrowedKey<'de>>()? {
            let value: &'de RawValue = map.next_value()?;
            match &*key.0 {
                "versionId" => self.scan.version_id = text(value),
                "lastUpdated" => self.scan.last_updated = text(value),
                _ => self.scan.add(&key.0, value),
            }
        }
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct BorrowedKey<'a>(#[serde(borrow)] Cow<'a, str>);

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(json: &str) -> [u8; 32] {
        fingerprint(json.as_bytes()).unwrap().content_hash
    }

    #[test]
    fn version_and_last_updated_are_read_but_are_no_content() {
        let one = r#"{"resourceType":"Patient","id":"p","meta":{"versionId":"1","lastUpdated":"2020-01-01T00:00:00Z","profile":["x"]},"a":1}"#;
        let two = r#"{"resourceType":"Patient", "id":"p", "meta":{"lastUpdated":"2021-01-01T00:00:00.123456789Z","versionId":"2", "profile":["x"]}, "a":1}"#;
        assert_eq!(hash(one), hash(two));
        let read = fingerprint(two.as_bytes()).unwrap();
        assert_eq!(read.version_id.as_deref(), Some("2"));
        assert_eq!(read.last_updated.as_deref(), Some("2021-01-01T00:00:00.123456789Z"));
    }

    #[test]
    fn every_other_difference_is_content() {
        let base = hash(r#"{"resourceType":"Patient","id":"p","meta":{"profile":["x"]},"a":1.0}"#);
        for other in [
            r#"{"resourceType":"Patient","id":"p","meta":{"profile":["y"]},"a":1.0}"#,
            r#"{"resourceType":"Patient","id":"p","meta":{"profile":["x"]},"a":1.00}"#,
            r#"{"resourceType":"Patient","id":"p","a":1.0}"#,
            r#"{"resourceType":"Patient","id":"q","meta":{"profile":["x"]},"a":1.0}"#,
        ] {
            assert_ne!(base, hash(other), "{other}");
        }
    }

    #[test]
    fn ids_are_kept_whatever_they_are() {
        let long = "x".repeat(300);
        let json = format!(r#"{{"resourceType":"Patient","id":"{long}"}}"#);
        assert_eq!(fingerprint(json.as_bytes()).unwrap().id, Some(long));
        assert_eq!(fingerprint(br#"{"resourceType":"Patient"}"#).unwrap().id, None);
    }

    #[test]
    fn ambiguous_identities_are_refused() {
        let refused = |json: &str| fingerprint(json.as_bytes()).unwrap_err();
        assert_eq!(fingerprint(b"{\"id\":\"\xff\"}"), Err(FingerprintError::NotUtf8));
        assert_eq!(refused("[]"), FingerprintError::NotAnObject);
        for text in ["", "{", r#"{"a":NaN}"#, r#"{"a":01}"#, r#"{"a":1,}"#, "{\"a\":\"\t\"}", "{}}"]
        {
            assert_eq!(refused(text), FingerprintError::NotJson, "{text}");
        }
        assert_eq!(refused("{}"), FingerprintError::NoType);
        assert_eq!(refused(r#"{"resourceType":"A","id":7}"#), FingerprintError::OddId);
        for text in [
            r#"{"resourceType":"A","id":"1","id":"2"}"#,
            r#"{"resourceType":"A","id":null,"id":"1"}"#,
            r#"{"resourceType":"A","id":"1","id":null}"#,
            r#"{"resourceType":1,"resourceType":"A"}"#,
            r#"{"resourceType":"A","meta":1,"meta":{}}"#,
        ] {
            assert_eq!(refused(text), FingerprintError::Duplicate, "{text}");
        }
    }
}
