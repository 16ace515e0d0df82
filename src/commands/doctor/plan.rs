//! Doctor's checks of a plan and its server, and of the tokens that the plan has granted.

use super::{discovery, finding::Finding};
use crate::{
    auth::{ConsentState, RequestSettings, StoredGrant},
    clock::{self, Clock},
    commands::standing::minute,
    config::{PlanSettings, Settings},
    fhir::{Capability, fhir_version},
    http::{Get, HttpClient, Origin},
    plural,
};
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

/// A clock that is further off than this breaks tokens and watermarks.
const CLOCK_WRONG: TimeDelta = TimeDelta::minutes(5);
const CLOCK_ODD: TimeDelta = TimeDelta::seconds(30);

/// How a plan is to be checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Whether a connection uses the plan.
    pub(crate) is_used: bool,
    /// Whether no request may be sent.
    pub(crate) offline: bool,
}

/// Checks one plan: its secret, its server, its clock and its request budget.
pub(crate) async fn look(
    plan: &PlanSettings,
    settings: &Settings,
    http: &HttpClient,
    asked: Asked,
    findings: &mut Vec<Finding>,
) {
    let what = format!("plan {}", plan.name);
    let token_url = plan.token_url.clone().unwrap_or_else(|| plan.fhir_url.clone());
    let requests = match plan.registration(plan.endpoints(token_url.clone())) {
        Ok(registration) => registration.requests,
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            let said = format!("{:#}", anyhow::Error::from(error));
            // The finding names the plan already.
            let said = said.strip_prefix(&format!("{what}: ")).unwrap_or(&said).to_owned();
            findings.push(unless_unused(asked, plan, format!("{what} secret"), said, hint));
            RequestSettings::default()
        }
    };
    for (url, key, about) in [
        (&plan.revocation_url, "revocation_url", "revocation"),
        (&plan.introspection_url, "introspection_url", "introspection"),
    ] {
        if url.as_ref().is_some_and(|it| Origin::of(it).ok() != Origin::of(&token_url).ok()) {
            let said = format!("{key} is on another origin than token_url");
            let hint = "no token is sent there; configure the plan's own endpoint";
            findings.push(Finding::wrong(format!("{what} {about}"), said, hint));
        }
    }
    if let Some(other) = settings.plans.values().find(|other| plan.shares_redirect_url(other)) {
        let said = format!("plan {} has the same redirect_url", other.name);
        let hint = "register a URL for each plan, such as one that ends in the plan's name: the \
                    URL of an answer then says which plan it comes from";
        findings.push(Finding::warning(format!("{what} consent"), said, hint));
    }
    let hourly = match plan.limits.per_hour {
        Some(hour) => format!("{hour} per hour"),
        None => "no hourly limit".to_owned(),
    };
    findings.push(Finding::fine(
        format!("{what} budget"),
        format!("{} per second, {hourly}", plural::count(plan.limits.per_second.get(), "request")),
    ));
    if !asked.offline && server(&what, plan, &requests, http, asked, findings).await {
        discovery::look(&what, plan, http, findings).await;
    }
}

/// A finding that is `Wrong` if a connection uses the plan, else a warning: no sync needs an unused plan.
fn unless_unused(
    asked: Asked,
    plan: &PlanSettings,
    what: impl Into<String>,
    said: String,
    hint: impl Into<String>,
) -> Finding {
    if asked.is_used {
        return Finding::wrong(what, said, hint);
    }
    let or = format!("if you do not use the plan, delete [plans.{}]", plan.name);
    let hint = Some(hint.into()).filter(|hint: &String| !hint.is_empty());
    let hint = hint.map_or(or.clone(), |hint| format!("{hint}; {or}"));
    Finding::warning(what, format!("{said} (no connection uses the plan yet)"), hint)
}

/// Asks the plan's FHIR server for its metadata; returns whether it answers.
async fn server(
    what: &str,
    plan: &PlanSettings,
    requests: &RequestSettings,
    http: &HttpClient,
    asked: Asked,
    findings: &mut Vec<Finding>,
) -> bool {
    let url = metadata(&plan.fhir_url);
    let get = Get {
        headers: requests.headers.as_ref(),
        ..Get::new(&url, requests.accept.as_deref().unwrap_or("application/fhir+json"))
    };
    let response = match http.get(get).await {
        Ok(response) => response,
        Err(error) => {
            let said = format!("{:#}", anyhow::Error::from(error));
            let hint = "check fhir_url, this machine's network, its proxy and its certificates";
            findings.push(unless_unused(asked, plan, what, said, hint));
            return false;
        }
    };
    findings.push(match (response.status, fhir_version(&response.body)) {
        (401 | 403, _) => Finding::fine(what, "answers; its /metadata asks for a token"),
        (_, Some(version)) if !is_r4(&version) => Finding::wrong(
            what,
            format!("serves FHIR {version}{}, and payersync reads R4 (4.0.1)", release(&version)),
            "set fhir_url to the plan's R4 base",
        ),
        _ if Capability::parse(&response.body).is_some() => {
            Finding::fine(what, "answers with a CapabilityStatement")
        }
        (status, _) => Finding::warning(
            what,
            format!("/metadata answers with status {status} and no CapabilityStatement"),
            "check fhir_url; without the CapabilityStatement a sync asks for every type",
        ),
    });
    let has_own_base = |name: &str| requests.bases.contains_key(name);
    undeclared(what, plan, &response.body, &has_own_base, findings);
    if let Some(theirs) = response.date {
        let off = (Clock::system().now() - theirs).abs();
        let said = format!("{} s apart from the plan's clock", off.num_seconds());
        let what = format!("{what} clock");
        let hint = "set this machine's clock (NTP); tokens and watermarks depend on it";
        findings.push(if off > CLOCK_WRONG {
            Finding::wrong(what, said, hint)
        } else if off > CLOCK_ODD {
            Finding::warning(what, said, hint)
        } else {
            Finding::fine(what, said)
        });
    }
    true
}

/// Reports the types in the configuration that the plan does not declare.
fn undeclared(
    what: &str,
    plan: &PlanSettings,
    body: &[u8],
    has_own_base: &dyn Fn(&str) -> bool,
    findings: &mut Vec<Finding>,
) {
    let Some(capability) = Capability::parse(body) else { return };
    if plan.search.wants_everything() {
        let what = format!("{what} $everything");
        findings.push(match capability.has_everything() {
            true => Finding::fine(what, "the CapabilityStatement declares it for Patient"),
            false => Finding::warning(
                what,
                "the CapabilityStatement does not declare it for Patient",
                "remove search = \"everything\" from the plan's section: a sync then searches for \
                 each type that the plan declares as searchable",
            ),
        });
    }
    // A statement says nothing of a type that has a base of its own.
    let is_missing = |name: &&String| {
        *name != "*"
            && !has_own_base(name)
            && !capability.searches(name)
            && !capability.only_reads(name)
    };
    let missing: Vec<&str> = plan.types.iter().filter(is_missing).map(String::as_str).collect();
    if !missing.is_empty() {
        findings.push(Finding::warning(
            format!("{what} types"),
            format!("the CapabilityStatement does not declare {}", missing.join(", ")),
            "take them out of the plan's types, unless the statement is incomplete",
        ));
    }
}

fn is_r4(version: &str) -> bool {
    version == "4.0" || version.starts_with("4.0.")
}

/// The name of a FHIR release (FHIR, "Directory of published versions").
fn release(version: &str) -> &'static str {
    match version.get(..3) {
        Some("1.0") => " (DSTU2)",
        Some("3.0") => " (STU3)",
        Some("4.1" | "4.3") => " (R4B)",
        Some("5.0") => " (R5)",
        _ => "",
    }
}

fn metadata(base: &Url) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_path(&format!("{}/metadata", base.path().trim_end_matches('/')));
    url
}

/// Reports how long a connection's tokens will last.
pub(crate) fn freshness(
    what: String,
    grant: &StoredGrant,
    again: String,
    now: DateTime<Utc>,
) -> Finding {
    if let ConsentState::Needed { reason, since } = &grant.consent {
        let said = format!("a new consent is needed since {}: {reason}", told(*since));
        return Finding::wrong(what, said, again);
    }
    let access = access(grant, now);
    let refreshed = told(grant.refreshed_at);
    let is_over = grant.expires_at.is_some_and(|at| at <= now);
    match (&grant.refresh, is_over) {
        (Some(_), _) if grant.refresh_begun_at.is_some() => Finding::warning(
            what,
            format!("{access}; a refresh was begun, and its outcome is not known"),
            "the next sync tells whether the plan still takes the token",
        ),
        (Some(_), _) => {
            Finding::fine(what, format!("{access}, refresh token received {refreshed}"))
        }
        (None, false) => Finding::warning(
            what,
            format!("{access}, and the plan gave no refresh token"),
            format!("after that: {again}"),
        ),
        (None, true) => {
            Finding::wrong(what, format!("{access}, and there is no refresh token"), again)
        }
    }
}

/// Reports the token of a client that asks for itself. It has no refresh token, and no consent ends with it.
pub(crate) fn of_client(what: String, grant: &StoredGrant, now: DateTime<Utc>) -> Finding {
    let access = access(grant, now);
    Finding::fine(what, format!("{access}; payersync asks for the next one by itself"))
}

/// Until when the access token is good, in words.
fn access(grant: &StoredGrant, now: DateTime<Utc>) -> String {
    match grant.expires_at {
        Some(at) if at > now => format!("access token until {}", told(at)),
        Some(at) => format!("access token expired at {}", told(at)),
        None => "access token without a known end".to_owned(),
    }
}

/// An instant to the minute, as `status` shows it.
fn told(instant: DateTime<Utc>) -> String {
    format!("{} UTC", minute(&clock::text(instant)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

    #[test]
    fn an_expired_token_of_a_client_that_asks_for_itself_is_in_order() {
        let grant = StoredGrant {
            plan: "acme".into(),
            name: "backend".into(),
            fhir_origin: "https://h".parse().unwrap(),
            token_origin: "https://h".parse().unwrap(),
            access: "access-1".into(),
            refresh: None,
            expires_at: Some(NOW - TimeDelta::minutes(1)),
            refreshed_at: NOW - TimeDelta::minutes(6),
            scope: None,
            patient: None,
            consent_ends_at: None,
            consent: ConsentState::Granted,
            refresh_begun_at: None,
            generation: 0,
        };
        let finding = of_client("tokens of backend".into(), &grant, NOW);
        assert_eq!(finding.level, Level::Fine, "{}", finding.said);
        assert!(finding.said.starts_with("access token expired at 2027-01-15"), "{}", finding.said);
        // A member's grant without a refresh token has ended.
        let finding = freshness("tokens of ann".into(), &grant, "connect".into(), NOW);
        assert_eq!(finding.level, Level::Wrong, "{}", finding.said);
    }
}
