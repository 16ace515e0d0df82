//! When each connection is synced: by its own schedule, its plan's schedule, or the general one.

use super::{error::ConfigError, file::File};
use crate::schedule::{Schedule, ScheduleError};
use std::{collections::BTreeMap, path::Path};

/// All schedules of a configuration.
#[derive(Debug, Clone)]
pub struct Schedules {
    usual: Schedule,
    plans: BTreeMap<String, Schedule>,
    connections: BTreeMap<String, Schedule>,
}

impl Schedules {
    pub(super) fn new(file: &File, path: &Path) -> Result<Schedules, ConfigError> {
        let section = &file.schedule;
        const DAY: u32 = 24 * 60 * 60;
        let refuse = |key: String, problem: String| ConfigError::Value {
            path: path.into(),
            line: None,
            key,
            problem,
        };
        if section.jitter_seconds > DAY {
            let problem = format!("is {}, and must be at most {DAY}", section.jitter_seconds);
            return Err(refuse("schedule.jitter_seconds".to_owned(), problem));
        }
        let parse = |key: &str, text: &str| {
            Schedule::parse(text, &section.time_zone, section.jitter_seconds).map_err(|error| {
                match error {
                    ScheduleError::TimeZone => {
                        refuse("schedule.time_zone".to_owned(), error.to_string())
                    }
                    error => refuse(key.to_owned(), error.to_string()),
                }
            })
        };
        let own = |table: &str, texts: Vec<(&String, &Option<String>)>| {
            let given = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
            given
                .map(|(name, text)| {
                    Ok((name.clone(), parse(&format!("{table}.{name}.schedule"), text)?))
                })
                .collect::<Result<BTreeMap<_, _>, ConfigError>>()
        };
        Ok(Schedules {
            usual: parse("schedule.cron", &section.cron)?,
            plans: own("plans", file.plans.iter().map(|(n, p)| (n, &p.schedule)).collect())?,
            connections: own(
                "connections",
                file.connections.iter().map(|(n, c)| (n, &c.schedule)).collect(),
            )?,
        })
    }

    /// The schedule for a connection at a plan.
    pub fn of(&self, connection: &str, plan: &str) -> &Schedule {
        self.connections.get(connection).or_else(|| self.plans.get(plan)).unwrap_or(&self.usual)
    }

    /// The connections that have a schedule of their own.
    pub fn connections(&self) -> impl Iterator<Item = &str> {
        self.connections.keys().map(String::as_str)
    }
}
