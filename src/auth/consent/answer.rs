//! Checks the answer to a request for consent, and takes the code from it.
//!
//! Two parameters are checked. `state` says that the answer belongs to the request (RFC 6749, section
//! 10.12). `iss` says which authorization server gave the answer (RFC 9207). Without `iss`, a malicious
//! server at which a member consents could send the browser on to another plan, and receive that plan's
//! code at its own token endpoint.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    auth::{AuthorizeError, Issuer, server_words::presentable},
    http::Origin,
};

/// What the answer to an authorize request must say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedAnswer {
    /// The `state` that the answer must repeat.
    pub state: String,
    issuer: ExpectedIssuer,
}

/// The issuer that the answer must come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum ExpectedIssuer {
    /// This issuer; an answer may leave it out.
    Named(String),
    /// This issuer, and the answer must name it.
    Required(String),
    /// The issuer's name is not known, so its origin must be that of the consent page.
    At(String),
    /// As `At`, and the answer must name its issuer.
    RequiredAt(String),
}

/// The parameters that an answer may have at most once.
const ONCE: [&str; 4] = ["state", "code", "iss", "error"];

impl ExpectedAnswer {
    /// What the answer to a request with this `state` must say.
    pub(crate) fn new(state: String, issuer: Option<&Issuer>, authorize_url: &Url) -> Self {
        let name = issuer.and_then(|issuer| issuer.name.clone());
        let issuer = match (name, issuer.is_some_and(|issuer| issuer.names_itself)) {
            (Some(name), true) => ExpectedIssuer::Required(name),
            (Some(name), false) => ExpectedIssuer::Named(name),
            (None, true) => ExpectedIssuer::RequiredAt(origin_of(authorize_url)),
            (None, false) => ExpectedIssuer::At(origin_of(authorize_url)),
        };
        Self { state, issuer }
    }

    /// The code in what a person pasted: the code itself, or the whole URL that the browser was
    /// sent to.
    ///
    /// A URL must repeat the state. A bare code cannot repeat it, and is refused if the server announces
    /// that its answers name their issuer.
    ///
    /// # Errors
    /// There is no code, the answer belongs to another request or issuer, or it is a refusal.
    pub fn code_from(&self, input: &str) -> Result<SecretString, AuthorizeError> {
        let input = input.trim();
        let query = match Url::parse(input) {
            // The answer is after the # if the request or the plan wants it there.
            Ok(url) => match (url.query(), url.fragment()) {
                (Some(query), Some(fragment)) => format!("{query}&{fragment}"),
                (query, fragment) => query.or(fragment).unwrap_or_default().to_owned(),
            },
            Err(_) => match input.split_once('?') {
                Some((_, query)) => query.to_owned(),
                None if input.is_empty() => return Err(AuthorizeError::NoCode),
                None if input.starts_with("code=") || input.contains("&code=") => input.to_owned(),
                None if self.issuer.is_required() => return Err(AuthorizeError::NoIssuer),
                None => return Ok(input.into()),
            },
        };
        self.code_from_query(&query)
    }

    /// The code in the query of a redirect (RFC 6749, sections 4.1.2 and 4.1.2.1).
    ///
    /// The state is checked first: anybody can make a browser come here, so a refusal counts only if it
    /// repeats the request's state.
    pub(super) fn code_from_query(&self, query: &str) -> Result<SecretString, AuthorizeError> {
        let values = |wanted: &str| {
            let pairs = url::form_urlencoded::parse(query.as_bytes());
            let values = pairs.filter(|(name, _)| name == wanted);
            values.map(|(_, value)| value.into_owned()).collect::<Vec<_>>()
        };
        let states = values("state");
        if states.iter().any(|state| *state != self.state) {
            return Err(AuthorizeError::StateMismatch);
        }
        if states.is_empty() {
            let has_code = values("code").iter().any(|code| !code.is_empty());
            return Err(match has_code || !values("error").is_empty() {
                true => AuthorizeError::NoState,
                false => AuthorizeError::NoCode,
            });
        }
        if let Some(name) = ONCE.into_iter().find(|name| values(name).len() > 1) {
            return Err(AuthorizeError::Repeated(name));
        }
        self.check_issuer(values("iss").first())?;
        if let Some(error) = values("error").first() {
            let description = values("error_description");
            let description = description.first().map(|text| presentable(text, &[]));
            return Err(AuthorizeError::Denied { error: presentable(error, &[]), description });
        }
        match values("code").pop().filter(|code| !code.is_empty()) {
            Some(code) => Ok(code.into()),
            None => Err(AuthorizeError::NoCode),
        }
    }

    fn check_issuer(&self, named: Option<&String>) -> Result<(), AuthorizeError> {
        let (expected, is_same) = match (&self.issuer, named) {
            (issuer, None) if issuer.is_required() => return Err(AuthorizeError::NoIssuer),
            (_, None) => return Ok(()),
            (ExpectedIssuer::Named(name) | ExpectedIssuer::Required(name), Some(named)) => {
                (name, name == named)
            }
            (ExpectedIssuer::At(origin) | ExpectedIssuer::RequiredAt(origin), Some(named)) => {
                (origin, Url::parse(named).is_ok_and(|url| origin_of(&url) == *origin))
            }
        };
        if is_same {
            return Ok(());
        }
        let named = named.map(|named| presentable(named, &[])).unwrap_or_default();
        Err(AuthorizeError::OtherIssuer { named, expected: expected.clone() })
    }
}

impl ExpectedIssuer {
    /// Whether the answer must name its issuer.
    fn is_required(&self) -> bool {
        matches!(self, ExpectedIssuer::Required(_) | ExpectedIssuer::RequiredAt(_))
    }
}

fn origin_of(url: &Url) -> String {
    Origin::of(url).map(|origin| origin.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn expected(issuer: Option<(&str, bool)>) -> ExpectedAnswer {
        let issuer =
            issuer.map(|(name, names_itself)| Issuer { name: Some(name.into()), names_itself });
        let url = Url::parse("https://Plan.example:443/oauth2/authorize").unwrap();
        ExpectedAnswer::new("st".into(), issuer.as_ref(), &url)
    }

    fn code(input: &str) -> Result<String, AuthorizeError> {
        code_of(&expected(None), input)
    }

    fn code_of(expected: &ExpectedAnswer, input: &str) -> Result<String, AuthorizeError> {
        expected.code_from(input).map(|code| code.expose_secret().to_owned())
    }

    #[test]
    fn a_code_is_found_bare_or_in_a_url() {
        for input in [
            " c0de ",
            "http://127.0.0.1:9999/callback?code=c0de&state=st",
            "/callback?state=st&code=c0de",
            "http://127.0.0.1:9999/callback#code=c0de&state=st",
            "http://127.0.0.1:9999/callback?plan=x#code=c0de&state=st",
            "http://127.0.0.1:9999/callback?code=c0de&state=st#_=_",
            "code=c0de&state=st",
        ] {
            assert_eq!(code(input).unwrap(), "c0de", "{input}");
        }
    }

    #[test]
    fn the_answer_to_another_request_is_refused() {
        for other in [
            "#code=c&state=x",
            "code=c&state=st#state=x",
            "code=c&state=x",
            "error=e&state=x",
            "code=c&state=st&state=x",
        ] {
            let error = code(&format!("http://h/cb?{other}")).unwrap_err();
            assert!(matches!(error, AuthorizeError::StateMismatch), "{other}");
        }
        assert!(matches!(code("http://h/cb?code=c"), Err(AuthorizeError::NoState)));
        assert!(matches!(code("http://h/cb?error=access_denied"), Err(AuthorizeError::NoState)));
        for empty in ["http://h/cb?state=st", "http://h/cb?code=&state=st", "http://h/cb", "  "] {
            assert!(matches!(code(empty), Err(AuthorizeError::NoCode)), "{empty}");
        }
    }

    #[test]
    fn a_refusal_shows_the_plans_words() {
        let error =
            code("http://h/cb?error=access_denied&error_description=The+member%0Asaid+no&state=st")
                .unwrap_err();
        let expected = "consent was not given: access_denied (The member said no)";
        assert_eq!(error.to_string(), expected);
    }

    const NAME: &str = "https://plan.example/oauth2";

    #[test]
    fn an_answer_of_another_server_is_refused() {
        let foreign = [
            "https://evil.example/oauth2",
            "https://plan.example.evil.example/oauth2",
            "https://plan.example@evil.example/oauth2",
            "http://plan.example/oauth2",
            "https://plan.example:8443/oauth2",
            "plan.example",
            "",
        ];
        // At the same origin, but with another name: names are compared byte for byte.
        let other_names = [
            "https://plan.example",
            "https://plan.example/oauth2/",
            "https://plan.example:443/oauth2",
        ];
        let [by_origin, by_name] = [None, Some((NAME, false))].map(expected);
        for (expected, taken, refused) in [
            (by_origin, [&other_names[..], &[NAME]].concat(), foreign.to_vec()),
            (by_name, vec![NAME], [&other_names[..], &foreign].concat()),
        ] {
            let answer = |outcome: &str, iss: &str| {
                let mut query = url::form_urlencoded::Serializer::new(outcome.to_owned());
                format!("http://h/cb?{}", query.append_pair("iss", iss).finish())
            };
            for iss in taken {
                assert_eq!(code_of(&expected, &answer("state=st&code=c", iss)).unwrap(), "c");
            }
            for iss in refused {
                // A refusal by another issuer does not count either.
                for outcome in ["state=st&code=c", "state=st&error=access_denied"] {
                    let error = code_of(&expected, &answer(outcome, iss)).unwrap_err();
                    assert!(matches!(error, AuthorizeError::OtherIssuer { .. }), "{iss}: {error}");
                }
            }
            assert_eq!(code_of(&expected, "http://h/cb?code=c&state=st").unwrap(), "c");
        }
    }

    #[test]
    fn a_server_that_announces_that_it_names_itself_must() {
        let expected = expected(Some((NAME, true)));
        for unnamed in ["c0de", "http://h/cb?code=c&state=st", "http://h/cb?error=e&state=st"] {
            let error = code_of(&expected, unnamed).unwrap_err();
            assert!(matches!(error, AuthorizeError::NoIssuer), "{unnamed}: {error}");
        }
        let named = format!("http://h/cb?code=c&state=st&iss={NAME}");
        assert_eq!(code_of(&expected, &named).unwrap(), "c");
    }

    #[test]
    fn a_server_that_announces_it_without_its_name_is_known_by_its_origin() {
        let url = Url::parse("https://plan.example/oauth2/authorize").unwrap();
        let issuer = Issuer { name: None, names_itself: true };
        let expected = ExpectedAnswer::new("st".into(), Some(&issuer), &url);
        for unnamed in ["c0de", "http://h/cb?code=c&state=st", "http://h/cb?error=e&state=st"] {
            let error = code_of(&expected, unnamed).unwrap_err();
            assert!(matches!(error, AuthorizeError::NoIssuer), "{unnamed}: {error}");
        }
        let from =
            |iss: &str| code_of(&expected, &format!("http://h/cb?code=c&state=st&iss={iss}"));
        assert_eq!(from("https://plan.example/any").unwrap(), "c");
        let foreign = from("https://evil.example").unwrap_err();
        assert!(matches!(foreign, AuthorizeError::OtherIssuer { .. }), "{foreign}");
    }

    #[test]
    fn what_stands_twice_in_an_answer_is_not_chosen_from() {
        for twice in [
            "code=c&code=d&state=st",
            "code=c&state=st&state=st",
            "error=a&error=b&state=st",
            "code=c&state=st&iss=https://plan.example&iss=https://evil.example",
        ] {
            let error = code(&format!("http://h/cb?{twice}")).unwrap_err();
            assert!(matches!(error, AuthorizeError::Repeated(_)), "{twice}: {error}");
        }
    }

    #[test]
    fn a_foreign_issuer_is_told_without_what_drives_a_terminal() {
        let error = code("http://h/cb?code=c&state=st&iss=https://evil.example%1b[2J").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the answer comes from https://evil.example[2J, not from https://plan.example; its \
             code was not used"
        );
    }
}
