//! Headers, cookies and FHIR bases that a plan's section adds to the requests to its FHIR server.

use super::{ConfigError, file::Plan, header_text::HeaderText, secret_source::SecretSource};
use crate::{
    auth::RequestSettings,
    fhir::{is_r4_type, similar_r4_type},
    http::{Origin, OriginHeaders},
};
use secrecy::{ExposeSecret, SecretString};
use std::{collections::BTreeMap, path::Path};
use url::Url;

/// The `Accept` header, further headers, and the FHIR bases of single types.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    bases: BTreeMap<String, Url>,
    accept: Option<String>,
    headers: Vec<(String, Value)>,
    cookies: bool,
}

#[derive(Debug, Clone)]
enum Value {
    Open(String),
    Secret(SecretSource),
}

/// The path of a key within the section, and the problem with it.
type Problem = (String, String);

impl Requests {
    /// Takes the headers out of the section.
    ///
    /// # Errors
    /// A header that cannot be sent, that payersync sets itself, or that would not bring JSON; or a base that
    /// is for no resource type or at another origin.
    pub(super) fn new(plan: &mut Plan, home: &Path) -> Result<Requests, Problem> {
        let accept = plan.accept.take();
        if let Some(accept) = &accept {
            let problem = |text: &str| Err(("accept".to_owned(), text.to_owned()));
            if !OriginHeaders::is_value(accept) {
                return problem("cannot be sent in a header");
            }
            if !accept.to_ascii_lowercase().contains("json") {
                return problem("does not accept JSON, and payersync reads nothing else");
            }
        }
        let bases = std::mem::take(&mut plan.bases);
        let origin = Origin::of(plan.fhir_url.url()).ok();
        for (name, url) in &bases {
            let problem = if !is_r4_type(name) {
                let meant = similar_r4_type(name).map(|known| format!("; did you mean {known}?"));
                format!("is for no resource type of FHIR R4{}", meant.unwrap_or_default())
            } else if Origin::of(url).ok() != origin {
                "is at another origin than fhir_url, and a token goes to one origin alone"
                    .to_owned()
            } else {
                continue;
            };
            return Err((format!("bases.{name}"), problem));
        }
        let mut headers = Vec::new();
        for (name, text) in std::mem::take(&mut plan.headers) {
            let key = format!("headers.{name}");
            if !OriginHeaders::is_free(&name) {
                let problem = "is not a header that can be set; accept, access_token_file and the \
                              client's keys have sections of their own";
                return Err((key, problem.to_owned()));
            }
            let value = match text {
                HeaderText::Open(text) if OriginHeaders::is_value(&text) => Value::Open(text),
                HeaderText::Open(_) => return Err((key, "cannot be sent in a header".to_owned())),
                HeaderText::Secret(place) => {
                    let what = format!("value of the header {name}");
                    let problem = "names neither or both of env and file; keep one";
                    match SecretSource::of(&what, "headers", place.env, place.file, home) {
                        Ok(Some(source)) => Value::Secret(source),
                        Ok(None) => return Err((key, problem.to_owned())),
                        Err(wrong) => return Err((key, wrong.problem(problem))),
                    }
                }
            };
            headers.push((name, value));
        }
        Ok(Requests { bases, accept, headers, cookies: plan.cookies })
    }

    /// FHIR bases of the types that have a base of their own.
    pub(super) fn bases(&self) -> impl Iterator<Item = &Url> {
        self.bases.values()
    }

    /// Reads the secret headers, which are sent to the origin of the FHIR base only.
    ///
    /// # Errors
    /// A secret is not where the configuration says, or cannot be sent.
    pub(super) fn settings(
        &self,
        plan: &str,
        origin: Option<Origin>,
    ) -> Result<RequestSettings, ConfigError> {
        let Some(origin) = origin else { return Ok(RequestSettings::default()) };
        let (accept, bases) = (self.accept.clone(), self.bases.clone());
        let mut headers = OriginHeaders::new(origin);
        for (name, value) in &self.headers {
            headers = match value {
                Value::Open(text) => headers.with(name, &SecretString::from(text.as_str()), false),
                Value::Secret(source) => {
                    let value = source.read(plan)?;
                    if !OriginHeaders::is_value(value.expose_secret()) {
                        return Err(ConfigError::Secret {
                            plan: plan.to_owned(),
                            problem: format!(
                                "the value of the header {name} cannot be sent in one"
                            ),
                            variable: None,
                            keys: "headers",
                        });
                    }
                    headers.with(name, &value, true)
                }
            };
        }
        Ok(RequestSettings { accept, headers: Some(headers), cookies: self.cookies, bases })
    }
}
