//! `payersync status --prometheus`: metrics for node_exporter's textfile collector.
//!
//! The labels are names of connections, plans, types and tables; there is no label for a member, and no
//! patient data.

mod types;

use super::{earlier::refuse_other, failure::Failure};
use crate::{
    auth::{ConsentState, StoredGrant},
    own_file,
    warehouse::{
        ConnectionRow, Effort, FinishedRun, TableCount, sweep_unfinished, unfinished_name,
    },
};
use chrono::{DateTime, Utc};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Display,
    fs,
    io::{self, BufWriter, Write},
    path::Path,
};
pub(super) use types::Types;

/// The beginning of every metrics file.
const START: &str = "# HELP payersync_";

/// The data that the metrics show.
pub(super) struct Metrics<'a> {
    pub(super) now: DateTime<Utc>,
    pub(super) exit_code: u8,
    pub(super) connections: &'a [ConnectionRow],
    pub(super) types: &'a Types,
    pub(super) efforts: &'a [Effort],
    pub(super) tables: &'a [TableCount],
    pub(super) last_run: Option<&'a FinishedRun>,
    /// The grants by connection uid; `None` if the vault cannot be opened.
    pub(super) grants: Option<&'a HashMap<String, StoredGrant>>,
    /// Plans that ask nobody for consent.
    pub(super) without_consent: &'a BTreeSet<String>,
    /// The plans of `without_consent` whose token endpoint is discovered: without a grant, only `payersync
    /// connect` helps.
    pub(super) connected_first: &'a BTreeSet<String>,
    /// The known ends of consents, by connection name.
    pub(super) consent_ends: &'a BTreeMap<String, DateTime<Utc>>,
}

/// A counter's name, its help, and the function that reads its value.
type Counter = (&'static str, &'static str, fn(&Effort) -> u64);

/// Name, kind and help of a metric.
type Named = (&'static str, &'static str, &'static str);

/// One metric with its samples, in Prometheus's text format (version 0.0.4).
struct Family<'a> {
    out: &'a mut dyn Write,
    name: &'static str,
}

impl<'a> Family<'a> {
    fn begin(out: &'a mut dyn Write, (name, kind, help): Named) -> io::Result<Family<'a>> {
        write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n")?;
        Ok(Family { out, name })
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> io::Result<()> {
        self.out.write_all(self.name.as_bytes())?;
        for (position, (name, text)) in labels.iter().enumerate() {
            let before = if position == 0 { "{" } else { "," };
            write!(self.out, "{before}{name}=\"{}\"", escaped(text))?;
        }
        let after = if labels.is_empty() { "" } else { "}" };
        writeln!(self.out, "{after} {value}")
    }
}

fn escaped(text: &str) -> Cow<'_, str> {
    match text.contains(['\\', '"', '\n']) {
        false => Cow::Borrowed(text),
        true => text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").into(),
    }
}

impl Metrics<'_> {
    /// Writes all metrics.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.written(out)?;
        self.overall(out)?;
        self.types.write(out, self.now)?;
        self.per_connection(out)?;
        self.consents(out)?;
        self.rows(out)
    }

    /// Writes which version wrote the metrics, and when.
    ///
    /// The timestamp shows whether the file is still being written.
    fn written(&self, out: &mut dyn Write) -> io::Result<()> {
        Family::begin(out, ("payersync_build_info", "gauge", "1, with the version."))?
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1)?;
        let name = "payersync_metrics_written_timestamp_seconds";
        Family::begin(out, (name, "gauge", "When these metrics were written."))?
            .sample(&[], self.now.timestamp())
    }

    fn overall(&self, out: &mut dyn Write) -> io::Result<()> {
        let named = (
            "payersync_status_exit_code",
            "gauge",
            "Exit code of payersync status: 0 complete, 2 incomplete, 3 consent needed, 4 unreachable.",
        );
        Family::begin(out, named)?.sample(&[], self.exit_code)?;
        let Some(run) = self.last_run else { return Ok(()) };
        let (start, end) = (seconds(&run.started_at), seconds(&run.finished_at));
        let duration = end.and_then(|end| Some(end.saturating_sub(start?)));
        let one = |out: &mut dyn Write, name, help, value: Option<i64>| {
            let mut family = Family::begin(out, (name, "gauge", help))?;
            value.map_or(Ok(()), |value| family.sample(&[], value))
        };
        let finished = "payersync_last_run_finished_timestamp_seconds";
        one(out, finished, "When the latest run ended.", end)?;
        let took = "payersync_last_run_duration_seconds";
        one(out, took, "How long the latest run took.", duration)?;
        let code = "payersync_last_run_exit_code";
        one(out, code, "Exit code of the latest run.", run.exit_code.map(i64::from))
    }

    fn per_connection(&self, out: &mut dyn Write) -> io::Result<()> {
        let counters: [Counter; 5] = [
            ("payersync_requests_total", "HTTP requests sent, repeats included.", |e| e.requests),
            ("payersync_retries_total", "HTTP requests repeated.", |e| e.retries),
            ("payersync_pages_total", "Pages stored.", |e| e.pages),
            ("payersync_received_bytes_total", "Bytes of page bodies, decompressed.", |e| e.bytes),
            ("payersync_rows_written_total", "Rows written to tables.", |e| e.rows_written),
        ];
        for (name, help, value) in counters {
            let mut family = Family::begin(out, (name, "counter", help))?;
            for effort in self.efforts {
                family.sample(&[("connection", &effort.connection)], value(effort))?;
            }
        }
        Ok(())
    }

    /// Writes what is known about consents: whether a new consent is needed, when the consent ends, and when
    /// the tokens were issued.
    fn consents(&self, out: &mut dyn Write) -> io::Result<()> {
        let named = (
            "payersync_vault_readable",
            "gauge",
            "1 when the vault could be opened; without the vault nothing is known of consents.",
        );
        Family::begin(out, named)?.sample(&[], u8::from(self.grants.is_some()))?;
        let Some(grants) = self.grants else { return Ok(()) };
        let named = (
            "payersync_consent_needed",
            "gauge",
            "1 when only `payersync connect` helps: a new consent of the member, or the first \
             connect of a client that asks for itself.",
        );
        let mut needed = Family::begin(out, named)?;
        let mut consents: Vec<(&ConnectionRow, Option<&StoredGrant>)> = Vec::new();
        for row in self.connections {
            let Some(plan) = &row.plan else { continue };
            let grant = grants.get(&row.uid);
            let is_granted = grant.is_some_and(|grant| grant.consent == ConsentState::Granted);
            let is_needed = match self.without_consent.contains(plan) {
                false => {
                    consents.push((row, grant));
                    !is_granted
                }
                true if self.connected_first.contains(plan) => grant.is_none(),
                true => continue,
            };
            needed.sample(&labels_of(row), u8::from(is_needed))?;
        }
        let named = (
            "payersync_consent_days_left",
            "gauge",
            "Days until the member must consent again, if known: from the plan's own date, else \
             from consent_days; without a refresh token, at most until the access token expires.",
        );
        let mut days = Family::begin(out, named)?;
        for (row, grant) in consents.iter().filter_map(|(row, grant)| Some((row, (*grant)?))) {
            let of_token = grant.expires_at.filter(|_| grant.refresh.is_none());
            let of_plan = self.consent_ends.get(&row.name).copied();
            if let Some(end) = of_token.into_iter().chain(of_plan).min() {
                let left = (end - self.now).num_seconds().max(0) as f64 / 86_400.0;
                days.sample(&labels_of(row), format_args!("{left:.3}"))?;
            }
        }
        let named = (
            "payersync_tokens_issued_timestamp_seconds",
            "gauge",
            "When the tokens were issued; a refresh token that is not used may expire.",
        );
        let mut refreshed = Family::begin(out, named)?;
        for (row, grant) in consents.iter().filter_map(|(row, grant)| Some((row, (*grant)?))) {
            refreshed.sample(&labels_of(row), grant.refreshed_at.timestamp())?;
        }
        Ok(())
    }

    /// Writes one series per resource type: one per table would be some three hundred.
    fn rows(&self, out: &mut dyn Write) -> io::Result<()> {
        let help = "Rows of the normalised tables of a resource type.";
        let mut family = Family::begin(out, ("payersync_rows", "gauge", help))?;
        let mut rows_of = BTreeMap::<&str, u64>::new();
        for count in self.tables {
            *rows_of.entry(&count.resource_type).or_default() += count.rows.unwrap_or_default();
        }
        for (resource_type, rows) in rows_of.into_iter().filter(|(_, rows)| *rows > 0) {
            family.sample(&[("type", resource_type)], rows)?;
        }
        Ok(())
    }
}

fn labels_of(row: &ConnectionRow) -> [(&'static str, &str); 2] {
    [("connection", row.name.as_str()), ("plan", row.plan_name())]
}

fn seconds(instant: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(instant).ok().map(|instant| instant.timestamp())
}

/// Removes a connection's series from a metrics file; returns whether it had any.
///
/// What a killed process has left half written beside the file goes, too: it may hold the connection's name.
/// Returns false for a missing file and for a file that is not a metrics file of payersync's.
pub(super) fn forget(path: &Path, warehouse: &Path, connection: &str) -> Result<bool, Failure> {
    sweep_unfinished(path, warehouse)?;
    own_file::require_owned(path)?;
    let unreadable =
        |error| Failure::file(format!("cannot read {}", path.display()), error, "make it readable");
    // Reading a pipe or a device could wait forever.
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
    write_by(path, warehouse, |out| out.write_all(left.as_bytes())).map(|()| true)
}

/// Refuses to overwrite another user's file, or anything but metrics.
///
/// The folder may belong to another user, since nothing in the metrics is secret.
pub(super) fn refuse_foreign(path: &Path) -> Result<(), Failure> {
    refuse_other(path, START, "file of metrics")
}

/// Replaces the file in one step, so that the collector never reads half of it.
///
/// Everybody may read it, since node_exporter runs as another user.
pub(super) fn write_by(
    path: &Path,
    warehouse: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    refuse_foreign(path)?;
    sweep_unfinished(path, warehouse)?;
    let partial = unfinished_name(path, warehouse)?;
    let buffered = |file: &mut fs::File| {
        let mut out = BufWriter::new(file);
        write(&mut out).and_then(|()| out.flush())
    };
    own_file::replace_with(path, &partial, 0o644, buffered).map_err(|error| {
        Failure::usage(format!("cannot write {}", path.display()), error)
            .hint("name a file in node_exporter's textfile directory that ends in .prom")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_goes_with_the_next_write_and_with_a_purge() {
        let folder = tempfile::tempdir().unwrap();
        let (path, warehouse) =
            (folder.path().join("payersync.prom"), folder.path().join("warehouse.db"));
        let left = || {
            let name = unfinished_name(&path, &warehouse).unwrap();
            let ours = format!("-{}-", std::process::id());
            // No process has this number.
            let left = name.to_string_lossy().replace(&ours, "-2000000000-");
            fs::write(&left, "payersync_requests_total{connection=\"ann\"} 1\n").unwrap();
            left
        };
        let first = left();
        let text = format!("{START}requests_total Requests.\n");
        write_by(&path, &warehouse, |out| out.write_all(text.as_bytes())).unwrap();
        assert!(!Path::new(&first).exists());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        let second = left();
        assert!(!forget(&path, &warehouse, "ann").unwrap());
        assert!(!Path::new(&second).exists() && path.exists());
    }
}
