//! `payersync status --prometheus`: metrics for node_exporter's textfile collector.
//!
//! Names of connections, plans, types and tables; nothing of a patient, no member label.

use super::{earlier::refuse_other, failure::Failure};
use crate::{
    auth::{ConsentState, StoredGrant},
    outcome::WalkState,
    own_file,
    warehouse::{ConnectionRow, Effort, FinishedRun, TableCount, TypeStatus},
};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

/// How every file of metrics begins.
const START: &str = "# HELP payersync_";

/// What is shown.
pub(super) struct Metrics<'a> {
    pub(super) now: DateTime<Utc>,
    pub(super) exit_code: u8,
    pub(super) connections: &'a [ConnectionRow],
    pub(super) types: &'a [TypeStatus],
    pub(super) efforts: &'a [Effort],
    pub(super) tables: &'a [TableCount],
    pub(super) last_run: Option<&'a FinishedRun>,
    /// Grants by connection uid; `None` where the vault cannot be opened.
    pub(super) grants: Option<&'a [(String, StoredGrant)]>,
    /// Plans that ask nobody for consent.
    pub(super) without_consent: &'a BTreeSet<String>,
    /// When consents end, where the configuration tells it, by name.
    pub(super) consent_ends: &'a BTreeMap<String, DateTime<Utc>>,
}

/// A counter's name, its help and where it is taken from.
type Counter = (&'static str, &'static str, fn(&Effort) -> u64);

/// One metric with its samples, as the text format (version 0.0.4) wants it.
struct Family {
    text: String,
    name: &'static str,
}

impl Family {
    fn new(name: &'static str, kind: &str, help: &str) -> Family {
        let text = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family { text, name }
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> =
            labels.iter().map(|(name, text)| format!("{name}=\"{}\"", escaped(text))).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{}{labels} {value}", self.name);
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

impl Metrics<'_> {
    /// All of them, as one text.
    pub(super) fn text(&self) -> String {
        let mut families = self.written();
        families.extend(self.overall());
        families.extend(self.per_type());
        families.extend(self.per_connection());
        families.extend(self.consents());
        families.push(self.rows());
        families.into_iter().map(|family| family.text).collect()
    }

    /// What the text itself says of when and by what it was written: a file that nobody writes any
    /// more has a timestamp that stands still.
    fn written(&self) -> Vec<Family> {
        let mut build = Family::new("payersync_build_info", "gauge", "1, with the version.");
        build.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        let mut written = Family::new(
            "payersync_metrics_written_timestamp_seconds",
            "gauge",
            "When these metrics were written.",
        );
        written.sample(&[], self.now.timestamp());
        vec![build, written]
    }

    fn overall(&self) -> Vec<Family> {
        let mut status = Family::new(
            "payersync_status_exit_code",
            "gauge",
            "Exit code of payersync status: 0 complete, 2 incomplete, 3 consent needed, 4 unreachable.",
        );
        status.sample(&[], self.exit_code);
        let Some(run) = self.last_run else { return vec![status] };
        let mut finished = Family::new(
            "payersync_last_run_finished_timestamp_seconds",
            "gauge",
            "When the latest run ended.",
        );
        let mut duration = Family::new(
            "payersync_last_run_duration_seconds",
            "gauge",
            "How long the latest run took.",
        );
        if let Some(end) = seconds(&run.finished_at) {
            finished.sample(&[], end);
            if let Some(start) = seconds(&run.started_at) {
                duration.sample(&[], end.saturating_sub(start));
            }
        }
        let mut code =
            Family::new("payersync_last_run_exit_code", "gauge", "Exit code of the latest run.");
        if let Some(exit_code) = run.exit_code {
            code.sample(&[], exit_code);
        }
        vec![status, finished, duration, code]
    }

    fn per_type(&self) -> Vec<Family> {
        let mut complete = Family::new(
            "payersync_complete",
            "gauge",
            "1 when the latest walk of the type is complete, 0 when it is not.",
        );
        let mut as_of = Family::new(
            "payersync_complete_as_of_timestamp_seconds",
            "gauge",
            "The instant as of which the type is known to be complete.",
        );
        let mut age = Family::new(
            "payersync_freshness_seconds",
            "gauge",
            "Age of that instant when this was written.",
        );
        let mut resources = Family::new("payersync_resources", "gauge", "Live resources stored.");
        let mut rejects = Family::new(
            "payersync_rejects",
            "gauge",
            "Resources that could not be taken in and are not settled.",
        );
        let mut gap = Family::new(
            "payersync_total_gap",
            "gauge",
            "Resources that Bundle.total declares and that did not come; 0 if they agree.",
        );
        let mut absent = Family::new(
            "payersync_absent_resources",
            "gauge",
            "Stored resources that the latest full walk did not meet and that are not proved deleted.",
        );
        let asked = |status: &&TypeStatus| status.state.is_asked();
        for status in self.types.iter().filter(asked) {
            let labels = [
                ("connection", status.connection.as_str()),
                ("plan", status.plan.as_deref().unwrap_or_default()),
                ("type", &status.resource_type),
            ];
            complete.sample(&labels, u8::from(status.state == WalkState::Complete));
            resources.sample(&labels, status.resources);
            rejects.sample(&labels, status.rejects);
            absent.sample(&labels, status.absent);
            if let Some(resources) = status.total_gap {
                gap.sample(&labels, resources);
            }
            if let Some(instant) = status.complete_as_of.as_deref().and_then(seconds) {
                as_of.sample(&labels, instant);
                age.sample(&labels, self.now.timestamp() - instant);
            }
        }
        vec![complete, as_of, age, resources, rejects, gap, absent]
    }

    fn per_connection(&self) -> Vec<Family> {
        let counters: [Counter; 5] = [
            ("payersync_requests_total", "HTTP requests sent, repeats included.", |e| e.requests),
            ("payersync_retries_total", "HTTP requests repeated.", |e| e.retries),
            ("payersync_pages_total", "Pages stored.", |e| e.pages),
            ("payersync_received_bytes_total", "Bytes of page bodies, decompressed.", |e| e.bytes),
            ("payersync_rows_written_total", "Rows written to tables.", |e| e.rows_written),
        ];
        counters
            .into_iter()
            .map(|(name, help, value)| {
                let mut family = Family::new(name, "counter", help);
                for effort in self.efforts {
                    family.sample(&[("connection", &effort.connection)], value(effort));
                }
                family
            })
            .collect()
    }

    /// What is known of consents; plans do not say when a refresh token ends.
    fn consents(&self) -> Vec<Family> {
        let mut readable = Family::new(
            "payersync_vault_readable",
            "gauge",
            "1 when the vault could be opened; without the vault nothing is known of consents.",
        );
        readable.sample(&[], u8::from(self.grants.is_some()));
        let Some(grants) = self.grants else { return vec![readable] };
        let mut needed = Family::new(
            "payersync_consent_needed",
            "gauge",
            "1 when only a new consent of the member helps.",
        );
        let mut days = Family::new(
            "payersync_consent_days_left",
            "gauge",
            "Days until the member must consent again, if known: from consent_days, or, without \
             a refresh token, from the access token.",
        );
        let mut refreshed = Family::new(
            "payersync_tokens_issued_timestamp_seconds",
            "gauge",
            "When the tokens were issued; a refresh token that is not used may die of idleness.",
        );
        let consents = |row: &&ConnectionRow| {
            row.plan.as_ref().is_some_and(|plan| !self.without_consent.contains(plan))
        };
        for row in self.connections.iter().filter(consents) {
            let labels = [("connection", row.name.as_str()), ("plan", row.plan_name())];
            let grant = grants.iter().find(|(uid, _)| *uid == row.uid).map(|(_, grant)| grant);
            let is_granted = grant.is_some_and(|grant| grant.consent == ConsentState::Granted);
            needed.sample(&labels, u8::from(!is_granted));
            let Some(grant) = grant else { continue };
            refreshed.sample(&labels, grant.refreshed_at.timestamp());
            let of_token = grant.expires_at.filter(|_| grant.refresh.is_none());
            let of_plan = self.consent_ends.get(&row.name).copied();
            if let Some(end) = of_token.into_iter().chain(of_plan).min() {
                let left = (end - self.now).num_seconds().max(0) as f64 / 86_400.0;
                days.sample(&labels, format!("{left:.3}"));
            }
        }
        vec![readable, needed, days, refreshed]
    }

    /// One series per resource type: one per table would be some three hundred.
    fn rows(&self) -> Family {
        let help = "Rows of the normalised tables of a resource type.";
        let mut family = Family::new("payersync_rows", "gauge", help);
        let mut rows_of = BTreeMap::<&str, u64>::new();
        for count in self.tables {
            *rows_of.entry(&count.resource_type).or_default() += count.rows.unwrap_or_default();
        }
        for (resource_type, rows) in rows_of.into_iter().filter(|(_, rows)| *rows > 0) {
            family.sample(&[("type", resource_type)], rows);
        }
        family
    }
}

fn seconds(instant: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(instant).ok().map(|instant| instant.timestamp())
}

/// Takes a connection's series out of a file of metrics; returns whether it had any.
///
/// A file that is missing, or that somebody else has put there, has none.
pub(super) fn forget(path: &Path, connection: &str) -> Result<bool, Failure> {
    own_file::require_owned(path)?;
    let unreadable =
        |error| Failure::file(format!("cannot read {}", path.display()), error, "make it readable");
    // Anything but a file could be waited for without end.
    if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(false);
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let label = format!("connection=\"{}\"", escaped(connection));
    let is_theirs = |line: &str| !line.starts_with('#') && line.contains(&label);
    let is_ours = text.starts_with(START);
    if !is_ours || !text.lines().any(is_theirs) {
        return Ok(false);
    }
    let left: String = text.split_inclusive('\n').filter(|line| !is_theirs(line)).collect();
    write(path, &left).map(|()| true)
}

/// Refuses to write over a stranger's file, or over anything but metrics.
///
/// A stranger's folder will do: nothing in the text is secret.
pub(super) fn refuse_foreign(path: &Path) -> Result<(), Failure> {
    refuse_other(path, START, "file of metrics")
}

/// Puts the file in place in one step: the collector never reads half of it.
///
/// Readable by all, since node_exporter runs as another user.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    refuse_foreign(path)?;
    own_file::replace(path, text.as_bytes(), 0o644).map_err(|error| {
        Failure::usage(format!("cannot write {}", path.display()), error)
            .hint("name a file in node_exporter's textfile directory that ends in .prom")
    })
}
