//! The body of a POST request, in a form in which it can be sent again.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

/// How the fields of a POST request are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyFormat {
    /// `application/x-www-form-urlencoded`, as OAuth has it (RFC 6749, section 4.1.3).
    #[default]
    Form,
    /// A JSON object of texts, as some platforms have it.
    Json,
}

/// Fields with how they are written.
pub(super) struct Posted {
    fields: Vec<(String, String)>,
    format: BodyFormat,
}

impl Posted {
    pub(super) fn new(fields: &[(&str, &str)], format: BodyFormat) -> Posted {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Posted { fields: fields.iter().map(owned).collect(), format }
    }

    pub(super) fn content_type(&self) -> &'static str {
        match self.format {
            BodyFormat::Form => "application/x-www-form-urlencoded",
            BodyFormat::Json => "application/json",
        }
    }

    /// The body, with one more field where there is one.
    pub(super) fn body(&self, fresh: Option<(&'static str, SecretString)>) -> String {
        let fresh = fresh.as_ref().map(|(name, value)| (*name, value.expose_secret()));
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields = fields.chain(fresh);
        match self.format {
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
