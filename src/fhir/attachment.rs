//! Attachments: the files that a resource names by URL or carries in itself.
//!
//! Source: FHIR R4, Attachment (2.24.0.3) and Binary (2.27). What a resource says of an attachment is
//! checked before it is believed: a URL may lead anywhere.

use crate::http::{Origin, without_mark};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use url::Url;

/// The types whose attachments are fetched.
pub const ATTACHMENT_TYPES: [&str; 3] = ["DiagnosticReport", "DocumentReference", "Binary"];

/// The ledger's reason for a stored file whose bytes have another hash than declared.
pub const HASH_DIFFERS: &str = "hash_differs";

/// Media types that say nothing of the file.
const SAYS_NOTHING: [&str; 3] = ["", "application/octet-stream", "binary/octet-stream"];

/// Base64 as servers write it, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An attachment as its resource describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The attachment's place in the resource's list, from 0.
    pub position: u32,
    /// Media type.
    pub content_type: Option<String>,
    /// Size in bytes, as declared.
    pub size: Option<u64>,
    /// SHA-1 in base64, as declared.
    pub hash: Option<String>,
    /// Where the file is.
    pub place: Place,
}

/// Where an attachment's file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the resource itself.
    Inline(Vec<u8>),
    /// In the resource itself, in text that is not base64.
    Unreadable,
    /// At a URL, as sent.
    Url(String),
    /// Nowhere: the attachment has neither content nor a URL.
    Nowhere,
}

/// Why an attachment's URL is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFetched {
    /// The URL leads to another origin than the plan's.
    ForeignOrigin,
    /// The URL does not lead to a server.
    NotAUrl,
}

/// The attachments of a resource's JSON; empty for other types and for what is not JSON.
pub fn attachments(resource_type: &str, json: &[u8]) -> Vec<Attachment> {
    let Ok(resource) = serde_json::from_slice::<Value>(json) else { return Vec::new() };
    let of = |list: &'static str| resource[list].as_array().into_iter().flatten();
    let named: Vec<&Value> = match resource_type {
        "DocumentReference" => of("content").map(|content| &content["attachment"]).collect(),
        "DiagnosticReport" => of("presentedForm").collect(),
        "Binary" => vec![&resource],
        _ => Vec::new(),
    };
    let contained = |id: &str| {
        let is_it = |it: &&Value| it["resourceType"] == "Binary" && it["id"] == id;
        of("contained").find(is_it).map(|binary| &binary["data"])
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    (0..)
        .zip(named)
        .map(|(position, one)| {
            let url = one["url"].as_str().filter(|url| !url.is_empty());
            let data = match (&one["data"], url.and_then(|url| url.strip_prefix('#'))) {
                // Some servers write an empty text beside the URL of the file.
                (Value::String(text), _) if !text.trim().is_empty() => Some(&one["data"]),
                (_, Some(id)) => contained(id),
                _ => None,
            };
            Attachment {
                position,
                content_type: text(&one["contentType"]),
                // A size that no file can have is a mistake; the warehouse could not store the number.
                size: one["size"].as_u64().filter(|size| i64::try_from(*size).is_ok()),
                hash: text(&one["hash"]),
                place: match (data, url) {
                    (Some(data), _) => inline(data),
                    (None, Some(url)) => Place::Url(url.to_owned()),
                    (None, None) => Place::Nowhere,
                },
            }
        })
        .collect()
}

fn inline(data: &Value) -> Place {
    decoded(data).map_or(Place::Unreadable, Place::Inline)
}

fn decoded(data: &Value) -> Option<Vec<u8>> {
    let text: String = data.as_str()?.split_ascii_whitespace().collect();
    BASE64.decode(text).ok()
}

/// Media type and content of a Binary resource in JSON, for servers that wrap the file in a Binary.
pub fn unwrapped(body: &[u8]) -> Option<(Option<String>, Vec<u8>)> {
    let body = without_mark(body);
    if !body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let binary: Value = serde_json::from_slice(body).ok()?;
    if binary["resourceType"] != "Binary" {
        return None;
    }
    let content_type = binary["contentType"].as_str().map(str::to_owned);
    decoded(&binary["data"]).map(|bytes| (content_type, bytes))
}

/// How a file differs from its resource's declaration, as the ledger's reason; `None` if it does not.
///
/// `size` is in bytes, `hash` is SHA-1 in base64; some servers write it in hexadecimal digits. A value that
/// is not declared is not compared.
pub fn difference(bytes: &[u8], size: Option<u64>, hash: Option<&str>) -> Option<&'static str> {
    if hash.is_some_and(|hash| !is_hash_of(bytes, hash)) {
        return Some(HASH_DIFFERS);
    }
    size.is_some_and(|size| size != bytes.len() as u64).then_some("size_differs")
}

/// Whether a declared hash is the SHA-1 of the bytes.
pub fn is_hash_of(bytes: &[u8], declared: &str) -> bool {
    let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes);
    let declared = declared.trim();
    let digits = base16ct::lower::encode_string(sha1.as_ref());
    declared.eq_ignore_ascii_case(&digits)
        || BASE64.decode(declared).is_ok_and(|declared| declared == sha1.as_ref())
}

/// Where an attachment's URL leads, on the plan's own origin.
///
/// A relative URL is relative to the FHIR base. A URL at one of the `proxied` origins, by which the
/// server calls itself behind a proxy, is taken for a URL at the base's origin.
///
/// # Errors
/// The URL leads to another origin, which must not get the token, or to no server.
pub fn attachment_url(base: &Url, proxied: &[Origin], url: &str) -> Result<Url, NotFetched> {
    let mut folder = base.clone();
    if !folder.path().ends_with('/') {
        folder.set_path(&format!("{}/", folder.path()));
    }
    let mut found = folder.join(url.trim()).map_err(|_| NotFetched::NotAUrl)?;
    let own = Origin::of(base).map_err(|_| NotFetched::NotAUrl)?;
    let Ok(origin) = Origin::of(&found) else { return Err(NotFetched::NotAUrl) };
    if url.trim().starts_with('#') || found.username() != "" || found.password().is_some() {
        return Err(NotFetched::NotAUrl);
    }
    if origin == own {
        return Ok(found);
    }
    if !proxied.contains(&origin) {
        return Err(NotFetched::ForeignOrigin);
    }
    let moved = found.set_scheme(base.scheme()).is_ok()
        && found.set_host(base.host_str()).is_ok()
        && found.set_port(base.port()).is_ok();
    if moved { Ok(found) } else { Err(NotFetched::NotAUrl) }
}

/// Whether an answer's media type is the declared one, or one of the two is missing or generic.
pub fn is_of_type(declared: Option<&str>, received: Option<&str>) -> bool {
    let (Some(declared), Some(received)) = (declared.map(essence), received.map(essence)) else {
        return true;
    };
    declared == received
        || [&declared, &received].iter().any(|it| SAYS_NOTHING.contains(&it.as_str()))
}

/// Whether a successful answer is an error or a login page instead of the file, told by its type and content.
///
/// An OperationOutcome never is the file, nor is a Binary whose data is missing or cannot be read. A Binary
/// in XML is kept as it came if it has data. A web page is the file only if HTML was declared.
pub fn is_no_file(declared: Option<&str>, received: Option<&str>, body: &[u8]) -> bool {
    let body = without_mark(body);
    let says_nothing = declared.map(essence).is_none_or(|it| SAYS_NOTHING.contains(&it.as_str()));
    let is_page =
        received.map(essence).is_some_and(|it| it == "text/html" || it == "application/xhtml+xml");
    let name = match body.trim_ascii_start().first() {
        Some(b'{') => json_type(body),
        Some(b'<') => {
            xml_root(body).filter(|root| *root != "Binary" || !has_data(body)).map(Cow::Borrowed)
        }
        _ => None,
    };
    is_page && says_nothing || matches!(name.as_deref(), Some("OperationOutcome" | "Binary"))
}

/// The FHIR type of a resource in JSON.
fn json_type(body: &[u8]) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Resource<'a> {
        #[serde(rename = "resourceType", borrow)]
        resource_type: Cow<'a, str>,
    }
    serde_json::from_slice::<Resource<'_>>(body).ok().map(|resource| resource.resource_type)
}

/// The name of an XML document's first element, without its prefix.
fn xml_root(body: &[u8]) -> Option<&str> {
    let mut rest = std::str::from_utf8(body).ok()?.trim_start();
    while let Some(after) = rest.strip_prefix("<?").or_else(|| rest.strip_prefix("<!--")) {
        let end = if rest.starts_with("<?") { "?>" } else { "-->" };
        rest = after.split_once(end)?.1.trim_start();
    }
    let name =
        rest.strip_prefix('<')?.split(|c: char| c.is_whitespace() || "/>".contains(c)).next()?;
    name.rsplit(':').next()
}

/// Whether an XML document has an element `data`.
fn has_data(body: &[u8]) -> bool {
    let is_data = |tag: &[u8]| {
        let name = tag.split(|byte| byte.is_ascii_whitespace() || b"/>".contains(byte)).next();
        name.and_then(|name| name.rsplit(|byte| *byte == b':').next()) == Some(&b"data"[..])
    };
    body.split(|byte| *byte == b'<').any(is_data)
}

/// A media type without its parameters, in lower case.
fn essence(text: &str) -> String {
    let text = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if text == "text/xml" { "application/xml".to_owned() } else { text }
}

/// The `Accept` header for a file of a media type.
pub(super) fn accept_for(content_type: Option<&str>) -> String {
    let is_plain = |text: &&str| {
        text.contains('/')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/.+-_".contains(&byte))
    };
    match content_type.map(str::trim).filter(is_plain) {
        Some(name) => format!("{name}, */*;q=0.1"),
        None => "*/*".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_are_read_from_each_place_that_a_resource_can_have_them_in() {
        let json = br##"{"contained":[{"resourceType":"Binary","id":"b","data":"aGk="}],"content":[
            {"attachment":{"contentType":"text/plain","data":"aGk"}},
            {"attachment":{"url":"Binary/1","size":3,"hash":"x"}}, {"attachment":{"url":"#b"}},
            {"attachment":{"title":"t"}}, {"attachment":{"data":"%"}}, {},
            {"attachment":{"url":"Binary/1","size":18446744073709551615}}]}"##;
        let found = attachments("DocumentReference", json);
        let places: Vec<&Place> = found.iter().map(|one| &one.place).collect();
        let hi = Place::Inline(b"hi".to_vec());
        let url = Place::Url("Binary/1".to_owned());
        let none = Place::Nowhere;
        let beside = br#"{"presentedForm":[{"data":" ","url":"Binary/1"},{"data":""}]}"#;
        let found_beside = attachments("DiagnosticReport", beside);
        assert_eq!(found_beside[0].place, Place::Url("Binary/1".to_owned()));
        assert_eq!(found_beside[1].place, none);
        assert_eq!(places, [&hi, &url, &hi, &none, &Place::Unreadable, &none, &url]);
        assert_eq!((found[1].position, found[1].size), (1, Some(3)));
        assert_eq!(found[6].size, None, "larger than any file");
        let report = br#"{"presentedForm":[{"data":"aGk="}]}"#;
        assert_eq!(attachments("DiagnosticReport", report)[0].place, hi);
        let binary = br#"{"resourceType":"Binary","contentType":"text/plain","data":"aGk="}"#;
        assert_eq!(attachments("Binary", binary)[0].place, hi);
        assert_eq!(unwrapped(binary), Some((Some("text/plain".to_owned()), b"hi".to_vec())));
        assert_eq!(unwrapped(br#"{"resourceType":"OperationOutcome"}"#), None);
        let marked = [b"\xef\xbb\xbf", &binary[..]].concat();
        assert_eq!(unwrapped(&marked), unwrapped(binary));
        assert!(
            attachments("Patient", report).is_empty() && attachments("Binary", b"{").is_empty()
        );
    }

    #[test]
    fn a_url_is_asked_for_on_the_plans_own_origin_alone() {
        let base = Url::parse("https://h:8443/fhir/r4").unwrap();
        let proxied = ["http://inner".parse().unwrap()];
        let lead = |url: &str| attachment_url(&base, &proxied, url).map(String::from);
        for (url, expected) in [
            ("Binary/1", "https://h:8443/fhir/r4/Binary/1"),
            ("/files/1?x=2", "https://h:8443/files/1?x=2"),
            ("https://h:8443/b", "https://h:8443/b"),
            ("http://inner/fhir/r4/Binary/1", "https://h:8443/fhir/r4/Binary/1"),
        ] {
            assert_eq!(lead(url).as_deref(), Ok(expected), "{url}");
        }
        for url in
            ["https://h/b", "http://h:8443/b", "//evil/b", "https://h:8443@evil/b", "ftp://h/b"]
        {
            assert!(lead(url).is_err(), "{url}");
        }
        for url in ["#b", "data:,x", "urn:uuid:1", "https://u:p@h:8443/b"] {
            assert_eq!(lead(url), Err(NotFetched::NotAUrl), "{url}");
        }
    }

    #[test]
    fn a_file_is_compared_with_the_size_and_hash_that_are_declared() {
        // SHA-1 of "abc": FIPS 180-2, appendix A.1.
        let digits = "A9993E364706816ABA3E25717850C26C9CD0D89D";
        for (size, hash, expected) in [
            (None, None, None),
            (Some(3), Some("qZk+NkcGgWq6PiVxeFDCbJzQ2J0="), None),
            (None, Some(" qZk+NkcGgWq6PiVxeFDCbJzQ2J0"), None),
            (None, Some(digits), None),
            (Some(4), Some(digits), Some("size_differs")),
            (Some(2), None, Some("size_differs")),
            (Some(3), Some("c2hhMQ=="), Some(HASH_DIFFERS)),
            (Some(3), Some(""), Some(HASH_DIFFERS)),
        ] {
            assert_eq!(difference(b"abc", size, hash), expected, "{size:?} {hash:?}");
        }
    }

    #[test]
    fn a_media_type_is_compared_without_parameters_and_one_that_says_nothing_is_any() {
        assert!(is_of_type(Some("text/plain; charset=utf-8"), Some("TEXT/PLAIN")));
        assert!(is_of_type(Some("application/pdf"), Some("application/octet-stream")));
        assert!(
            is_of_type(Some("text/xml"), Some("application/xml")) && is_of_type(None, Some("a/b"))
        );
        assert!(!is_of_type(Some("application/pdf"), Some("text/html")));
        assert_eq!(accept_for(Some("application/pdf")), "application/pdf, */*;q=0.1");
        assert_eq!(accept_for(Some("a/b\r\nX: y")), "*/*");
    }

    #[test]
    fn an_error_and_a_login_page_are_no_file() {
        let (fhir, xml, html) = ("application/fhir+json", "application/fhir+xml", "text/html");
        let outcome = r#"{"resourceType":"OperationOutcome"}"#;
        let tagged = "<?xml version=\"1.0\"?>\n<!-- a -->\n<f:OperationOutcome xmlns:f=\"x\"/>";
        for (declared, received, body, expected) in [
            (None, Some(fhir), outcome, true),
            (Some(fhir), Some(fhir), outcome, true),
            (None, None, outcome, true),
            (None, Some(fhir), r#"{"resourceType":"Binary","data":"%"}"#, true),
            (Some(fhir), Some(fhir), r#"{"resourceType":"Bundle"}"#, false),
            (None, Some(fhir), r#"{"a":1}"#, false),
            (None, Some(xml), tagged, true),
            (None, Some(xml), "<Binary xmlns=\"http://hl7.org/fhir\">", true),
            (None, Some(xml), "<f:Binary><f:contentType value=\"data\"/></f:Binary>", true),
            (None, Some(xml), "<Binary><data value=\"aGk=\"/></Binary>", false),
            (None, Some(xml), "<f:Binary><f:data value=\"aGk=\"/></f:Binary>", false),
            (None, Some(xml), "<ClinicalDocument/>", false),
            (None, Some("text/html; charset=utf-8"), "<html>", true),
            (Some("application/octet-stream"), Some("TEXT/HTML"), "<html>", true),
            (Some(html), Some(html), "<html>", false),
            (None, Some("application/pdf"), "%PDF-", false),
            (None, Some(xml), "<", false),
        ] {
            assert_eq!(is_no_file(declared, received, body.as_bytes()), expected, "{body}");
        }
    }
}
