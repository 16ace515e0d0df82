//! The metrics of each connection's resource types.
//!
//! Each sample holds only numbers: there may be hundreds of thousands of samples, one for each connection and
//! type, and each metric has a line for each sample.

use super::{Family, Named, seconds};
use crate::{
    commands::freshness::is_awaited,
    config::PlanSettings,
    outcome::WalkState,
    warehouse::{ConnectionRow, TypeStatus},
};
use chrono::{DateTime, Utc};
use std::{
    collections::HashMap,
    io::{self, Write},
};

/// The metrics of all types, in the order in which they are shown.
#[derive(Default)]
pub(in crate::commands) struct Types {
    /// Name and plan of each connection.
    connections: Vec<(String, String)>,
    resource_types: Vec<String>,
    by_name: HashMap<String, u32>,
    samples: Vec<Sample>,
}

/// The metrics of one type of one connection.
struct Sample {
    /// The positions in the lists of connections and of resource types.
    connection: u32,
    resource_type: u32,
    is_complete: bool,
    complete_as_of: Option<i64>,
    resources: u64,
    rejects: u64,
    total_gap: Option<i64>,
    absent: u64,
}

/// A metric, and the function that reads its value at an instant, if the type has any.
type PerType = (Named, fn(&Sample, i64) -> Option<i128>);

const PER_TYPE: [PerType; 7] = [
    (
        (
            "payersync_complete",
            "gauge",
            "1 when the latest walk of the type is complete, 0 when it is not.",
        ),
        |it, _| Some(it.is_complete.into()),
    ),
    (
        (
            "payersync_complete_as_of_timestamp_seconds",
            "gauge",
            "The instant as of which the type is complete; only of types that a sync asks for.",
        ),
        |it, _| it.complete_as_of.map(i128::from),
    ),
    (
        ("payersync_freshness_seconds", "gauge", "Age of that instant when this was written."),
        |it, now| Some(i128::from(now) - i128::from(it.complete_as_of?)),
    ),
    (("payersync_resources", "gauge", "Live resources stored."), |it, _| Some(it.resources.into())),
    (
        ("payersync_rejects", "gauge", "Resources that could not be taken in and are not settled."),
        |it, _| Some(it.rejects.into()),
    ),
    (
        (
            "payersync_total_gap",
            "gauge",
            "Resources that Bundle.total declares and that did not come; 0 if they agree.",
        ),
        |it, _| it.total_gap.map(i128::from),
    ),
    (
        (
            "payersync_absent_resources",
            "gauge",
            "Stored resources that the latest full walk did not meet and that are not proved deleted.",
        ),
        |it, _| Some(it.absent.into()),
    ),
];

impl Types {
    /// Adds the types of a connection.
    ///
    /// The age of a type that no sync asks for is left out: it would be an alarm that nothing ends.
    pub(in crate::commands) fn add(
        &mut self,
        row: &ConnectionRow,
        types: &[TypeStatus],
        plan: Option<&PlanSettings>,
    ) {
        let connection = position(self.connections.len());
        self.connections.push((row.name.clone(), row.plan.clone().unwrap_or_default()));
        for status in types.iter().filter(|status| status.state.is_asked()) {
            let resource_type = self.resource_type(&status.resource_type);
            let as_of = status.complete_as_of.as_deref().filter(|_| is_awaited(status, plan));
            self.samples.push(Sample {
                connection,
                resource_type,
                is_complete: status.state == WalkState::Complete,
                complete_as_of: as_of.and_then(seconds),
                resources: status.resources,
                rejects: status.rejects,
                total_gap: status.total_gap,
                absent: status.absent,
            });
        }
    }

    fn resource_type(&mut self, name: &str) -> u32 {
        if let Some(known) = self.by_name.get(name) {
            return *known;
        }
        let new = position(self.resource_types.len());
        self.resource_types.push(name.to_owned());
        self.by_name.insert(name.to_owned(), new);
        new
    }

    /// Writes the lines of each metric.
    pub(super) fn write(&self, out: &mut dyn Write, now: DateTime<Utc>) -> io::Result<()> {
        for (named, value) in PER_TYPE {
            let mut family = Family::begin(out, named)?;
            for sample in &self.samples {
                let Some(value) = value(sample, now.timestamp()) else { continue };
                let (connection, plan) = &self.connections[sample.connection as usize];
                let labels = [
                    ("connection", connection.as_str()),
                    ("plan", plan),
                    ("type", &self.resource_types[sample.resource_type as usize]),
                ];
                family.sample(&labels, value)?;
            }
        }
        Ok(())
    }
}

/// A position in a list, as a small integer.
fn position(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
