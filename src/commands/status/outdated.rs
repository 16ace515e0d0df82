//! What the ledger says of a type and what is no longer true: the member has consented anew since, or the
//! configuration was put right.

use crate::{
    clock,
    commands::{causes::type_names, standing::minute},
    config::Settings,
    outcome::{Reason, WalkState},
    warehouse::{ConnectionRow, TypeStatus},
};
use std::{cell::OnceCell, collections::BTreeMap};

/// What was done since a type's last walk, so that the reason of that walk is gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum PutRight {
    /// The member consented, or the client connected, at this instant.
    Connected(String),
    /// The plan's section no longer has the mistake that this sentence tells.
    Configured(String),
}

/// Tells which reasons in the ledger are no longer true of a connection.
pub(super) struct Outdated<'a> {
    row: &'a ConnectionRow,
    settings: &'a Settings,
    /// Whether the plan's section can be used as it is; found out when it is first asked.
    is_usable: OnceCell<bool>,
}

impl<'a> Outdated<'a> {
    pub(super) fn new(row: &'a ConnectionRow, settings: &'a Settings) -> Outdated<'a> {
        Outdated { row, settings, is_usable: OnceCell::new() }
    }

    /// Whether the reason of the type's last walk is no longer true.
    pub(super) fn has(&self, status: &TypeStatus) -> bool {
        self.put_right(status).is_some()
    }

    /// A sentence for everything that was put right, with the types that it stopped; `all` is the number of
    /// types that the connection has.
    pub(super) fn sentences(&self, asked: &[&TypeStatus]) -> Vec<String> {
        let mut types: BTreeMap<PutRight, Vec<&str>> = BTreeMap::new();
        for status in asked {
            if let Some(put_right) = self.put_right(status) {
                types.entry(put_right).or_default().push(&status.resource_type);
            }
        }
        let sentence = |(put_right, types): (PutRight, Vec<&str>)| {
            let types = type_names(&types, asked.len());
            match put_right {
                PutRight::Connected(at) => {
                    format!("{types}: connected anew at {} UTC, after the last run", minute(&at))
                }
                PutRight::Configured(detail) => format!("{types}: in the last run, {detail}"),
            }
        };
        types.into_iter().map(sentence).collect()
    }

    /// The next step.
    pub(super) fn hint(&self) -> String {
        format!("`payersync sync {}` asks again", self.row.name)
    }

    fn put_right(&self, status: &TypeStatus) -> Option<PutRight> {
        let reason = status.reason.filter(|_| status.state == WalkState::Incomplete)?;
        let detail = status.detail.as_deref().unwrap_or_default();
        if reason == Reason::Configuration {
            let is_there = self.settings.plans.contains_key(self.row.plan_name());
            let was_missing = detail.ends_with(&format!("has no plan {}", self.row.plan_name()));
            let is_right = is_there && (was_missing || self.is_usable());
            return is_right.then(|| PutRight::Configured(detail.to_owned()));
        }
        let connected = self.row.consented_at.as_ref()?;
        let is_later = clock::parsed(connected)? > clock::parsed(&status.checked_at)?;
        (is_later && is_of_the_consent(reason)).then(|| PutRight::Connected(connected.clone()))
    }

    /// Whether the plan's section has all that a registration needs, such as the client secret.
    fn is_usable(&self) -> bool {
        *self.is_usable.get_or_init(|| {
            let plan = self.settings.plans.get(self.row.plan_name());
            plan.is_some_and(|plan| {
                plan.registration(plan.endpoints(plan.fhir_url.clone())).is_ok()
            })
        })
    }
}

/// Whether `payersync connect` gives what the walk lacked: a consent, tokens, or whose data it is.
fn is_of_the_consent(reason: Reason) -> bool {
    let is_of_tokens = matches!(reason, Reason::NoToken | Reason::Vault | Reason::Unauthorized);
    reason.needs_consent() || is_of_tokens || reason == Reason::PatientUnknown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::WalkKind;
    use std::path::Path;

    fn row() -> ConnectionRow {
        ConnectionRow {
            id: 1,
            uid: String::new(),
            name: "mary".to_owned(),
            plan: Some("acme".to_owned()),
            member: None,
            patient_id: None,
            scope: None,
            consented_at: Some("2026-01-02T03:04:05.000Z".to_owned()),
            token_generation: None,
            moving: None,
        }
    }

    fn stopped(reason: Reason, detail: &str, checked_at: &str) -> TypeStatus {
        TypeStatus {
            connection: "mary".to_owned(),
            plan: Some("acme".to_owned()),
            member: None,
            resource_type: "Coverage".to_owned(),
            run_id: 1,
            mode: WalkKind::Full,
            state: WalkState::Incomplete,
            reason: Some(reason),
            http_status: None,
            detail: Some(detail.to_owned()),
            hint: None,
            warning: None,
            failed_page: None,
            complete_as_of: None,
            checked_at: checked_at.to_owned(),
            pages: 0,
            declared_total: None,
            distinct_resources: None,
            total_gap: None,
            absent: 0,
            deletions_known_as_of: None,
            watermark: None,
            last_updated_reason: None,
            resources: 0,
            rejects: 0,
        }
    }

    fn settings(plan: &str, more: &str) -> Settings {
        let text =
            format!("[plans.{plan}]\nfhir_url = \"https://h/r4\"\nclient_id = \"c\"\n{more}");
        Settings::parse(Path::new("home"), Path::new("payersync.toml"), &text).unwrap()
    }

    #[test]
    fn only_a_consent_after_the_walk_answers_what_a_consent_lacked() {
        let (row, settings) = (row(), settings("acme", ""));
        let outdated = Outdated::new(&row, &settings);
        let (before, after) = ("2026-01-01T00:00:00.000Z", "2026-01-03T00:00:00.000Z");
        for reason in [Reason::ConsentNeeded, Reason::PatientChanged, Reason::Vault] {
            assert!(outdated.has(&stopped(reason, "", before)), "{reason}");
            assert!(!outdated.has(&stopped(reason, "", after)), "{reason}");
        }
        assert!(!outdated.has(&stopped(Reason::Timeout, "", before)));
        let (old, new) =
            (stopped(Reason::ConsentNeeded, "", before), stopped(Reason::ConsentNeeded, "", after));
        assert_eq!(
            outdated.sentences(&[&old, &new]),
            ["Coverage: connected anew at 2026-01-02 03:04 UTC, after the last run"]
        );
    }

    #[test]
    fn a_mistake_in_the_configuration_is_past_once_the_plan_reads_well() {
        let row = row();
        let is_past = |settings: &Settings, detail: &str| {
            let status = stopped(Reason::Configuration, detail, "2026-01-03T00:00:00.000Z");
            Outdated::new(&row, settings).has(&status)
        };
        let missing = "payersync.toml has no plan acme";
        assert!(is_past(&settings("acme", ""), missing));
        assert!(!is_past(&settings("acmee", ""), missing));
        // The plan is there by now; its secret is another question.
        let unset = settings("acme", "client_secret_env = \"PAYERSYNC_IS_NEVER_SET\"\n");
        assert!(is_past(&unset, missing));
        let secret = "plan acme: PAYERSYNC_IS_NEVER_SET is not set";
        assert!(!is_past(&unset, secret));
        assert!(is_past(&settings("acme", ""), secret));
    }
}
