//! The body of a POST request, in a form in which it can be sent again.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

/// How the fields of a POST request are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyFormat {
    /// `application/x-www-form-urlencoded`, as OAuth requires (RFC 6749, section 4.1.3).
    #[default]
    Form,
    /// A JSON object of texts, as some platforms require.
    Json,
}

/// The body of a POST request.
pub(super) enum Posted {
    /// Fields, and the format in which they are written.
    Fields { fields: Vec<(String, String)>, format: BodyFormat },
    /// A text as it is.
    Text { text: String, content_type: &'static str },
}

impl Posted {
    pub(super) fn new(fields: &[(&str, &str)], format: BodyFormat) -> Posted {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Posted::Fields { fields: fields.iter().map(owned).collect(), format }
    }

    pub(super) fn content_type(&self) -> &'static str {
        match self {
            Posted::Fields { format: BodyFormat::Form, .. } => "application/x-www-form-urlencoded",
            Posted::Fields { format: BodyFormat::Json, .. } => "application/json",
            Posted::Text { content_type, .. } => content_type,
        }
    }

    /// The body: the fields, and after them the fresh field, if one is given.
    pub(super) fn body(&self, fresh: Option<(&'static str, SecretString)>) -> String {
        let (fields, format) = match self {
            Posted::Fields { fields, format } => (fields, format),
            Posted::Text { text, .. } => return text.clone(),
        };
        let fresh = fresh.as_ref().map(|(name, value)| (*name, value.expose_secret()));
        let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields = fields.chain(fresh);
        match format {
            BodyFormat::Form => {
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
            }
            BodyFormat::Json => {
                let text = |(name, value): (&str, &str)| (name.to_owned(), Value::from(value));
                Value::Object(fields.map(text).collect::<Map<_, _>>()).to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_a_form_or_as_json_with_the_fresh_one_at_the_end() {
        let fields = [("grant_type", "x"), ("code", "a \"b\"&c")];
        let fresh = || Some(("client_assertion", SecretString::from("e.y.J")));
        let form = Posted::new(&fields, BodyFormat::Form);
        assert_eq!(form.body(None), "grant_type=x&code=a+%22b%22%26c");
        assert_eq!(form.body(fresh()), "grant_type=x&code=a+%22b%22%26c&client_assertion=e.y.J");
        let json = Posted::new(&fields, BodyFormat::Json);
        let read: Value = serde_json::from_str(&json.body(fresh())).unwrap();
        let expected = serde_json::json!({
            "grant_type": "x", "code": "a \"b\"&c", "client_assertion": "e.y.J"
        });
        assert_eq!((read, json.content_type()), (expected, "application/json"));
    }
}
