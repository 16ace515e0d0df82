//! The questions that the servers ask about a platform's rules.

use super::{Client, Like, Paging, Rule, refusal::Refusal};
use crate::sandbox::{members::names, pairs::Pairs};
use std::time::Duration;

impl Like {
    /// The types that the platform serves, in the order of the table.
    pub(in crate::sandbox) fn types(self) -> Vec<&'static str> {
        names().into_iter().filter(|name| self.serves(name)).collect()
    }

    /// Whether a type can be searched; otherwise it is read by id, or included with other types.
    pub(in crate::sandbox) fn searches(self, name: &str) -> bool {
        self.rules().all(|rule| match rule {
            Rule::Searches(types, _) => types.contains(&name),
            Rule::OnlyRevincluded(only, _) => *only != name,
            _ => true,
        })
    }

    /// The type that is only included with the resources that it is about.
    pub(in crate::sandbox) fn revincluded(self) -> Option<&'static str> {
        self.find(|rule| match rule {
            Rule::OnlyRevincluded(name, _) => Some(*name),
            _ => None,
        })
    }

    pub(in crate::sandbox) fn client(self) -> Client {
        let said = self.find(|rule| match rule {
            Rule::Client(client) => Some(*client),
            _ => None,
        });
        said.unwrap_or(Client::Secret)
    }

    pub(in crate::sandbox) fn paging(self) -> Paging {
        let said = self.find(|rule| match rule {
            Rule::Paging(paging) => Some(*paging),
            _ => None,
        });
        said.unwrap_or(Paging::AfterId)
    }

    /// Whether a page has a link to itself even if it is the only page; the default payer's only page has
    /// none.
    pub(in crate::sandbox) fn links_always(self) -> bool {
        self.paging() != Paging::AfterId
    }

    /// The name of `redirect_uri` in JSON, if the platform takes token requests as JSON.
    pub(in crate::sandbox) fn json_redirect_field(self) -> Option<&'static str> {
        self.find(|rule| match rule {
            Rule::Json(field) => Some(*field),
            _ => None,
        })
    }

    pub(in crate::sandbox) fn media_type(self) -> Option<&'static str> {
        self.find(|rule| match rule {
            Rule::MediaType(name) => Some(*name),
            _ => None,
        })
    }

    pub(in crate::sandbox) fn rate_headers(self) -> Option<[&'static str; 3]> {
        self.find(|rule| match rule {
            Rule::RateHeaders(names) => Some(*names),
            _ => None,
        })
    }

    pub(in crate::sandbox) fn access_lifetime(self) -> Option<Duration> {
        self.find(|rule| match rule {
            Rule::AccessSeconds(seconds) => Some(Duration::from_secs(*seconds)),
            _ => None,
        })
    }

    pub(in crate::sandbox) fn consent_days(self) -> Option<i64> {
        self.find(|rule| match rule {
            Rule::ConsentEnds(days) => Some(*days),
            _ => None,
        })
    }

    /// The path of the introspection endpoint, and the number of days after which a refresh token ends.
    pub(in crate::sandbox) fn introspection(self) -> Option<(&'static str, i64)> {
        self.find(|rule| match rule {
            Rule::Introspection(path, days) => Some((*path, *days)),
            _ => None,
        })
    }

    pub(in crate::sandbox) fn has_no_refresh_token(self) -> bool {
        self.has(|rule| matches!(rule, Rule::NoRefreshToken))
    }

    pub(in crate::sandbox) fn needs_redirect_uri(self) -> bool {
        self.has(|rule| matches!(rule, Rule::RedirectUri))
    }

    pub(in crate::sandbox) fn names_patient(self) -> bool {
        self.has(|rule| matches!(rule, Rule::NamesPatient))
    }

    pub(in crate::sandbox) fn has_fractional_lifetime(self) -> bool {
        self.has(|rule| matches!(rule, Rule::FractionalLifetime))
    }

    /// Whether a token gives access to everybody's data.
    pub(in crate::sandbox) fn is_of_everybody(self) -> bool {
        self.has(|rule| matches!(rule, Rule::Everybody))
    }

    /// Whether the patient in a search matters; the default payer ignores it.
    pub(in crate::sandbox) fn minds_patients(self) -> bool {
        self.has(|rule| matches!(rule, Rule::Needs { .. } | Rule::SomebodyElse(_)))
    }

    pub(in crate::sandbox) fn loads_first(self) -> bool {
        self.has(|rule| matches!(rule, Rule::LoadsFirst))
    }

    pub(in crate::sandbox) fn has_no_total(self) -> bool {
        self.has(|rule| matches!(rule, Rule::NoTotal))
    }

    pub(in crate::sandbox) fn has_outcome_entry(self) -> bool {
        self.has(|rule| matches!(rule, Rule::OutcomeEntry))
    }

    pub(in crate::sandbox) fn repeats_across_pages(self) -> bool {
        self.has(|rule| matches!(rule, Rule::RepeatsAcrossPages))
    }

    pub(in crate::sandbox) fn has_versioned_references(self) -> bool {
        self.has(|rule| matches!(rule, Rule::VersionedReferences))
    }

    pub(in crate::sandbox) fn has_userinfo(self) -> bool {
        self.has(|rule| matches!(rule, Rule::UserInfo))
    }

    pub(in crate::sandbox) fn has_everything(self) -> bool {
        self.has(|rule| matches!(rule, Rule::Everything))
    }

    /// The origin that next links have instead of the server's own.
    pub(in crate::sandbox) fn next_origin(self) -> Option<&'static str> {
        self.find(|rule| match rule {
            Rule::NextAt(origin) => Some(*origin),
            _ => None,
        })
    }

    pub(in crate::sandbox) fn has_more_links(self) -> bool {
        self.has(|rule| matches!(rule, Rule::MoreLinks))
    }

    /// Whether a consent covers data whatever its scopes are.
    pub(in crate::sandbox) fn grants_all(self) -> bool {
        self.has(|rule| matches!(rule, Rule::ScopesWithoutData))
    }

    /// The scope that is granted for the requested scope.
    pub(in crate::sandbox) fn granted_scope(self, asked: &str) -> String {
        if !self.has(|rule| matches!(rule, Rule::ScopesOfRegistration)) {
            return asked.to_string();
        }
        let types = self.types().into_iter().map(|name| format!("patient/{name}.read"));
        let others = asked.split_ascii_whitespace().filter(|scope| !scope.starts_with("patient/"));
        others.map(str::to_string).chain(types).collect::<Vec<_>>().join(" ")
    }

    /// The OAuth error of an authorize request that breaks a rule; `origin` is the payer's.
    pub(in crate::sandbox) fn authorize_error(
        self,
        pairs: &Pairs,
        scope: &str,
        origin: &str,
    ) -> Option<&'static str> {
        let mut scopes = scope.split_ascii_whitespace();
        self.find(|rule| {
            let is_broken = match rule {
                Rule::Aud(path) => pairs.get("aud") != Some(&format!("{origin}{path}")),
                Rule::NoAud => pairs.get("aud").is_some(),
                Rule::Pkce => pairs.get("code_challenge").is_none(),
                Rule::State(length) => pairs.get("state").is_none_or(|it| it.len() < *length),
                Rule::AuthorizeParameter(name) => pairs.get(name).is_none(),
                _ => false,
            };
            is_broken.then_some("invalid_request")
        })
        .or_else(|| {
            let is_refused = scopes.any(|scope| {
                self.has(|rule| match rule {
                    Rule::NoWildcards => scope.contains('*'),
                    Rule::Scopes(known) => !known.contains(&scope),
                    _ => false,
                })
            });
            let is_missing = self.has(|rule| match rule {
                Rule::NeedsScope(needed) => {
                    !scope.split_ascii_whitespace().any(|scope| scope == *needed)
                }
                _ => false,
            });
            (is_refused || is_missing).then_some("invalid_scope")
        })
    }

    /// The answer for a type that the platform does not serve.
    pub(in crate::sandbox) fn unknown_type(self) -> Option<Refusal> {
        self.find(|rule| match rule {
            Rule::UnknownType(refusal) => Some(*refusal),
            _ => None,
        })
    }

    /// The answer to a request about somebody else.
    pub(in crate::sandbox) fn somebody_else(self) -> Refusal {
        let said = self.find(|rule| match rule {
            Rule::SomebodyElse(refusal) => Some(*refusal),
            _ => None,
        });
        said.unwrap_or(Refusal::Gateway(403, "Forbidden"))
    }

    /// The answer to a request whose headers break a rule.
    pub(in crate::sandbox) fn header_refusal(
        self,
        accept: Option<&str>,
        content_type: Option<&str>,
    ) -> Option<Refusal> {
        let is_json = |value: &str| value.contains("json") || value.contains("*/*");
        self.find(|rule| match rule {
            Rule::AcceptsJson => (!accept.is_none_or(is_json)).then_some(Refusal::Empty(406)),
            Rule::Accepts(only) => {
                let is_it = |range: &str| matches!(range.split(';').next(), Some(it) if [*only, "*/*"].contains(&it.trim()));
                let takes = accept.is_none_or(|accept| accept.split(',').any(is_it));
                (!takes).then_some(Refusal::Gateway(406, "Not Acceptable"))
            }
            Rule::ExactAccept(only) => {
                let is_it = accept == Some(only) && content_type == Some(only);
                (!is_it).then_some(Refusal::Gateway(406, "Not Acceptable"))
            }
            _ => None,
        })
    }
}
