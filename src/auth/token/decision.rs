//! Decides what to do about a token; does nothing itself.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::{
    auth::{ClientRegistration, ConsentState, GrantKind, OriginChange, StoredGrant},
    http::Bearer,
};

/// The decision on a request for a bearer token.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// The stored token is good.
    Use(&'a StoredGrant),
    /// The stored token must be refreshed.
    Refresh(&'a StoredGrant, &'a SecretString),
    /// A token for the client itself must be asked for.
    Ask,
    /// Only a new consent helps. `reason` is the code of the reason. `note` is the generation of the grant in
    /// which the reason is to be stored; `None` if the reason is stored already or there is no grant.
    Consent { reason: String, note: Option<i64> },
    /// An endpoint has moved to another origin since the consent.
    OriginChanged(OriginChange),
    /// The stored tokens are older than those that an earlier run used.
    OlderVault,
}

/// Decides on `stored` at `now`; `rejected` is a token that the plan just refused, and `least` the generation
/// that the stored tokens must have at least.
pub(super) fn next_step<'a>(
    stored: Option<&'a StoredGrant>,
    registration: &ClientRegistration,
    rejected: Option<&Bearer>,
    least: Option<i64>,
    now: DateTime<Utc>,
) -> Step<'a> {
    let asks_for_itself = registration.grant == GrantKind::ClientCredentials;
    let Some(grant) = stored else {
        // The client's secret does not go to a discovered endpoint that nobody has connected to yet.
        return match asks_for_itself && !registration.token_url_is_discovered {
            true => Step::Ask,
            false => Step::Consent { reason: "not_connected".into(), note: None },
        };
    };
    if let Some(change) = OriginChange::between(grant, registration) {
        return Step::OriginChanged(change);
    }
    // A plan may take a spent refresh token for a stolen one and end the grant. A client that asks for itself
    // has none.
    if !asks_for_itself && least.is_some_and(|least| grant.generation < least) {
        return Step::OlderVault;
    }
    let is_rejected = rejected.is_some_and(|bearer| bearer.carries(&grant.access));
    let is_revoked = !asks_for_itself && grant.consent != ConsentState::Granted;
    if let (true, ConsentState::Needed { reason, .. }) = (is_revoked, &grant.consent) {
        return Step::Consent { reason: reason.clone(), note: None };
    }
    if !is_rejected && grant.is_fresh(now) {
        return Step::Use(grant);
    }
    if asks_for_itself {
        return Step::Ask;
    }
    match &grant.refresh {
        Some(refresh) => Step::Refresh(grant, refresh),
        // No better token can be had, so this one is used to its last minute.
        None if !is_rejected && grant.is_alive(now) => Step::Use(grant),
        None => {
            let reason = if is_rejected { "access_rejected" } else { "access_expired" };
            Step::Consent { reason: reason.into(), note: Some(grant.generation) }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const START: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

    fn grant(lifetime_seconds: i64, refresh: Option<&str>) -> StoredGrant {
        StoredGrant {
            plan: "acme".into(),
            name: "ann".into(),
            fhir_origin: "https://h".parse().unwrap(),
            token_origin: "https://h".parse().unwrap(),
            access: "access-1".into(),
            refresh: refresh.map(SecretString::from),
            expires_at: Some(START + TimeDelta::seconds(lifetime_seconds)),
            refreshed_at: START,
            scope: None,
            patient: None,
            consent_ends_at: None,
            consent: ConsentState::Granted,
            refresh_begun_at: None,
            generation: 7,
        }
    }

    fn step(grant: Option<&StoredGrant>, second: i64, rejected: Option<&str>) -> String {
        step_at(&ClientRegistration::at("https://h"), grant, second, rejected)
    }

    fn step_at(
        registration: &ClientRegistration,
        grant: Option<&StoredGrant>,
        second: i64,
        rejected: Option<&str>,
    ) -> String {
        let rejected = rejected.map(|token| {
            Bearer::new(token.into(), "https://h".parse().unwrap(), Default::default())
        });
        let now = START + TimeDelta::seconds(second);
        match next_step(grant, registration, rejected.as_ref(), Some(7), now) {
            Step::Use(_) => "use".into(),
            Step::Refresh(..) => "refresh".into(),
            Step::Ask => "ask".into(),
            Step::Consent { reason, note } => format!("consent {reason} {note:?}"),
            Step::OriginChanged(change) => format!("changed {}", change.key),
            Step::OlderVault => "older vault".into(),
        }
    }

    #[test]
    fn a_token_is_refreshed_ahead_by_a_minute_or_a_quarter_of_its_life() {
        let (long, short) = (grant(3600, Some("r")), grant(8, Some("r")));
        for (grant, second, expected) in [
            (&long, 3539, "use"),
            (&long, 3540, "refresh"),
            (&short, 5, "use"),
            (&short, 6, "refresh"),
            (&grant(0, Some("r")), 0, "refresh"),
        ] {
            assert_eq!(step(Some(grant), second, None), expected, "{second}");
        }
    }

    #[test]
    fn a_token_of_unknown_life_is_used_until_it_is_rejected() {
        let grant = StoredGrant { expires_at: None, ..grant(1, Some("r")) };
        assert_eq!(step(Some(&grant), 1_000_000, None), "use");
        assert_eq!(step(Some(&grant), 1, Some("access-1")), "refresh");
        assert_eq!(step(Some(&grant), 1, Some("access-0")), "use");
    }

    #[test]
    fn without_a_refresh_token_the_last_minute_is_used_and_then_consent_is_needed() {
        let grant = grant(3600, None);
        assert_eq!(step(Some(&grant), 3599, None), "use");
        assert_eq!(step(Some(&grant), 3600, None), "consent access_expired Some(7)");
        assert_eq!(step(Some(&grant), 1, Some("access-1")), "consent access_rejected Some(7)");
    }

    #[test]
    fn consent_once_needed_stays_needed() {
        let consent = ConsentState::Needed { reason: "invalid_grant".into(), since: START };
        let grant = StoredGrant { consent, ..grant(3600, Some("r")) };
        assert_eq!(step(Some(&grant), 1, None), "consent invalid_grant None");
        assert_eq!(step(None, 1, None), "consent not_connected None");
    }

    #[test]
    fn older_tokens_than_a_run_has_used_are_neither_sent_nor_refreshed() {
        let older = StoredGrant { generation: 6, ..grant(3600, Some("r")) };
        for second in [1, 3600] {
            assert_eq!(step(Some(&older), second, None), "older vault", "{second}");
        }
        assert_eq!(step(Some(&older), 1, Some("access-1")), "older vault");
        let newer = StoredGrant { generation: 8, ..grant(3600, Some("r")) };
        assert_eq!(step(Some(&newer), 1, None), "use");
        // Another token for the client itself spends nothing.
        let itself = ClientRegistration {
            grant: GrantKind::ClientCredentials,
            ..ClientRegistration::at("https://h")
        };
        assert_eq!(step_at(&itself, Some(&older), 3600, None), "ask");
    }

    #[test]
    fn a_moved_plan_gets_no_token() {
        let grant = grant(3600, Some("r"));
        let moved = |base: &str| ClientRegistration {
            fhir_url: url::Url::parse(base).unwrap(),
            ..ClientRegistration::at("https://h")
        };
        assert_eq!(
            step_at(&moved("https://evil.test/r4"), Some(&grant), 1, None),
            "changed fhir_url"
        );
        assert_eq!(step_at(&moved("https://h/other"), Some(&grant), 1, None), "use");
        let token = ClientRegistration {
            fhir_url: url::Url::parse("https://h/r4").unwrap(),
            ..ClientRegistration::at("https://other")
        };
        assert_eq!(step_at(&token, Some(&grant), 1, None), "changed token_url");
    }

    #[test]
    fn a_client_that_asks_for_itself_never_needs_consent() {
        let registration = |base| ClientRegistration {
            grant: GrantKind::ClientCredentials,
            ..ClientRegistration::at(base)
        };
        let grant = grant(3600, None);
        assert_eq!(step_at(&registration("https://h"), None, 1, None), "ask");
        assert_eq!(step_at(&registration("https://h"), Some(&grant), 1, None), "use");
        assert_eq!(step_at(&registration("https://h"), Some(&grant), 3600, None), "ask");
        assert_eq!(step_at(&registration("https://h"), Some(&grant), 1, Some("access-1")), "ask");
        let moved = registration("https://moved");
        assert_eq!(step_at(&moved, Some(&grant), 1, None), "changed fhir_url");
        let discovered =
            ClientRegistration { token_url_is_discovered: true, ..registration("https://h") };
        assert_eq!(step_at(&discovered, None, 1, None), "consent not_connected None");
        assert_eq!(step_at(&discovered, Some(&grant), 3600, None), "ask");
    }
}
