//! Where a plan's OAuth differs from the usual: parameters, response mode, token requests.

use super::{
    file::{Audience, Grant, Plan, ResponseMode as FileResponseMode, TokenFormat},
    patient_from::PatientFrom,
};
use crate::{
    auth::{self, ResponseMode, TokenRequests},
    http::BodyFormat,
};
use std::collections::{BTreeMap, BTreeSet};

/// Parameters of the authorize request that payersync sets itself, each with its key in the
/// configuration.
const SET_BY_US: [(&str, &str); 7] = [
    ("client_id", "client_id"),
    ("code_challenge", "pkce"),
    ("code_challenge_method", "pkce"),
    ("redirect_uri", "redirect_url"),
    ("response_mode", "response_mode"),
    ("scope", "scope"),
    ("state", "none, since each request has its own"),
];

/// Fields of token requests that may have another name at a plan.
const FIELDS: [&str; 8] = [
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "scope",
];

/// The parameter that says what the answer to the authorize request brings.
const RESPONSE_TYPE: &str = "response_type";

/// Whether an answer brings an id_token beside the code, which some plans want. An access token never comes
/// by way of the browser.
fn is_hybrid(response_type: &str) -> bool {
    let mut brings: Vec<&str> = response_type.split_whitespace().collect();
    brings.sort_unstable();
    brings == ["code", "id_token"]
}

/// Refuses configured parameters of the authorize request that payersync sets itself.
pub(super) fn check_parameters(
    parameters: &BTreeMap<String, String>,
    sends_audience: bool,
) -> Result<(), String> {
    for (name, value) in parameters {
        if name == RESPONSE_TYPE && !is_hybrid(value) {
            return Err(format!(
                "has {name} = {value:?}; the only values are code and \"code id_token\""
            ));
        }
        let set = SET_BY_US.iter().find(|(own, _)| own == name).map(|(_, key)| *key);
        let set = set.or((name == "aud" && sends_audience).then_some("audience"));
        if let Some(key) = set {
            let problem = "which payersync sends by itself; the key that sets it";
            return Err(format!("has {name}, {problem}: {key}"));
        }
    }
    Ok(())
}

/// Refuses parameters of one connection's authorize requests that only the plan's section may have.
pub(super) fn check_connection(parameters: &BTreeMap<String, String>) -> Result<(), String> {
    // The plan's response_mode must fit the response type.
    if parameters.contains_key(RESPONSE_TYPE) {
        return Err(format!("has {RESPONSE_TYPE}; set it in the plan's section"));
    }
    check_parameters(parameters, false)
}

/// Refuses texts that are set but empty.
pub(super) fn check_texts(plan: &Plan) -> Result<(), (&'static str, &'static str)> {
    let is_blank = |text: &str| text.trim().is_empty();
    if plan.scope.as_deref().is_some_and(is_blank) {
        return Err(("scope", "is empty; without the key the plan's default is asked for"));
    }
    match &plan.audience {
        Audience::Text(text) if is_blank(text) => {
            Err(("audience", "is empty; write true, false or the text to send"))
        }
        _ => Ok(()),
    }
}

/// How requests to the plan's token endpoint are written.
pub(super) fn token_requests(plan: &mut Plan) -> Result<TokenRequests, String> {
    let names = std::mem::take(&mut plan.token_fields);
    let mut taken: BTreeSet<&str> =
        FIELDS.into_iter().filter(|it| !names.contains_key(*it)).collect();
    for (field, name) in &names {
        if !FIELDS.contains(&field.as_str()) {
            return Err(format!(
                "has {field}, which is not a field of a token request; the fields are {}",
                FIELDS.join(", ")
            ));
        }
        if name.trim().is_empty() || !taken.insert(name) {
            return Err(format!("gives {field} the name {name:?}, which is empty or taken"));
        }
    }
    let format = match plan.token_format {
        TokenFormat::Form => BodyFormat::Form,
        TokenFormat::Json => BodyFormat::Json,
    };
    Ok(TokenRequests { format, names })
}

/// How the plan sends its answer to the authorize request.
///
/// An answer with an id_token never comes in the query (OAuth 2.0 Multiple Response Type Encoding Practices),
/// and comes in the fragment if nothing is asked for.
pub(super) fn response_mode(plan: &Plan) -> Result<Option<ResponseMode>, &'static str> {
    let mode = plan.response_mode.map(|mode| match mode {
        FileResponseMode::Query => ResponseMode::Query,
        FileResponseMode::Fragment => ResponseMode::Fragment,
        FileResponseMode::FormPost => ResponseMode::FormPost,
    });
    let is_hybrid = plan.authorize_parameters.contains_key(RESPONSE_TYPE);
    match mode {
        None | Some(ResponseMode::Query) if is_hybrid => {
            Err("must be \"form_post\" or \"fragment\" where response_type has id_token")
        }
        mode => Ok(mode),
    }
}

/// Which source names the Patient of a plan's consents; an error has the key and its problem.
pub(super) fn patient_from(
    plan: &mut Plan,
) -> Result<auth::PatientFrom, (&'static str, &'static str)> {
    let claim = plan.patient_claim.take();
    if plan.patient_from != PatientFrom::Token && plan.grant != Grant::AuthorizationCode {
        return Err(("patient_from", "is set, but no member consents under this plan's grant"));
    }
    if claim.is_some() && plan.patient_from != PatientFrom::IdToken {
        return Err(("patient_claim", "is set, and patient_from is not \"id_token\""));
    }
    if claim.as_ref().is_some_and(|claim| claim.trim().is_empty()) {
        return Err(("patient_claim", "is empty"));
    }
    let asks = |scope: &String| scope.split_whitespace().any(|one| one == "openid");
    Ok(match plan.patient_from {
        PatientFrom::Token => auth::PatientFrom::Token,
        PatientFrom::UserInfo => auth::PatientFrom::UserInfo,
        PatientFrom::IdToken if !plan.scope.as_ref().is_none_or(asks) => {
            return Err(("scope", "has no openid, without which there is no id_token"));
        }
        PatientFrom::IdToken if plan.authorize_parameters.contains_key("nonce") => {
            let problem = "has nonce, which is made for each request";
            return Err(("authorize_parameters", problem));
        }
        PatientFrom::IdToken => auth::PatientFrom::IdToken { claim },
    })
}
