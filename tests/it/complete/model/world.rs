//! What a payer holds, at each instant that there was: resources that come, change, go and merge.

use super::dice::Dice;
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use std::{collections::BTreeMap, sync::Arc};

pub(super) const TYPES: [&str; 4] = ["Patient", "Coverage", "Condition", "ExplanationOfBenefit"];

/// A resource as the payer holds it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) updated: DateTime<Utc>,
    pub(super) json: Arc<str>,
    version: u32,
    patient: String,
}

/// The content of a type, by id.
pub(super) type Content = BTreeMap<String, Arc<str>>;

pub(super) struct World {
    /// The payer's clock.
    pub(super) now: DateTime<Utc>,
    /// All versions of each type, the present one last.
    past: BTreeMap<&'static str, Vec<Arc<Vec<Row>>>>,
    /// The version of each type when the day began.
    pub(super) morning: BTreeMap<&'static str, usize>,
    next_id: u64,
    dice: Dice,
}

impl Row {
    /// A date of its own, another one with each change.
    pub(super) fn recorded(&self) -> DateTime<Utc> {
        let years = (5 * self.version as usize + usize::from(self.id.as_bytes()[0])) % 11;
        DateTime::from_timestamp(1_425_000_000 + 31_556_952 * years as i64, 0).unwrap()
    }
}

pub(super) fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl World {
    pub(super) fn new(seed: u64) -> World {
        let mut world = World {
            now: DateTime::from_timestamp(1_770_000_000, 0).unwrap(),
            past: TYPES.map(|name| (name, vec![Arc::default()])).into(),
            morning: TYPES.map(|name| (name, 0)).into(),
            next_id: 0,
            dice: Dice::new(seed ^ 0xabcd),
        };
        for id in ["p", "q"] {
            let mut patients = world.present("Patient").to_vec();
            patients.push(world.row("Patient", id, 1, id, 300));
            world.put("Patient", patients);
        }
        for name in &TYPES[1..] {
            for _ in 0..6 + world.dice.roll(12) {
                world.insert(name, 60);
            }
        }
        world
    }

    /// The number of a type's present version.
    pub(super) fn version(&self, name: &str) -> usize {
        self.past[name].len() - 1
    }

    /// A version of a type, in the order in which its resources came.
    pub(super) fn rows(&self, name: &str, version: usize) -> Arc<Vec<Row>> {
        Arc::clone(&self.past[name][version])
    }

    pub(super) fn present(&self, name: &str) -> Arc<Vec<Row>> {
        self.rows(name, self.version(name))
    }

    /// A version of a type, with the instant of each resource's last change.
    pub(super) fn content(&self, name: &str, version: usize) -> Content {
        let rows = self.past[name][version].iter();
        rows.map(|row| (row.id.clone(), Arc::clone(&row.json))).collect()
    }

    /// A version that the day has had; lagging replicas still show it.
    pub(super) fn earlier(&mut self, name: &str) -> usize {
        let (first, last) = (self.morning[name], self.version(name));
        first + self.dice.roll(last - first + 1)
    }

    fn put(&mut self, name: &str, rows: Vec<Row>) {
        self.past.get_mut(name).unwrap().push(Arc::new(rows));
    }

    fn row(&mut self, name: &str, id: &str, version: u32, patient: &str, minutes: i64) -> Row {
        let number = self.dice.roll(100_000);
        let updated = self.now - Duration::minutes(minutes);
        let meta = format!("{{\"versionId\":\"{version}\",\"lastUpdated\":\"{}\"}}", text(updated));
        let subject = format!("{{\"reference\":\"Patient/{patient}\"}}");
        let rest = match name {
            "Patient" => format!("\"language\":\"x{number}\""),
            "Coverage" => format!(
                "\"status\":\"active\",\"beneficiary\":{subject},\"payor\":[{{\"display\":\"a\"}}],\"dependent\":\"{number}\""
            ),
            "Condition" => format!("\"subject\":{subject},\"code\":{{\"text\":\"{number}\"}}"),
            _ => format!(
                "\"status\":\"active\",\"type\":{{\"text\":\"t\"}},\"use\":\"claim\",\"patient\":{subject},\
                 \"created\":\"2025-11-02\",\"insurer\":{{\"display\":\"a\"}},\"provider\":{{\"display\":\"b\"}},\
                 \"outcome\":\"complete\",\"identifier\":[{{\"system\":\"urn:c\",\"value\":\"{id}\"}}],\
                 \"insurance\":[{{\"focal\":true,\"coverage\":{{\"display\":\"c\"}}}}],\
                 \"payment\":{{\"amount\":{{\"value\":{number},\"currency\":\"USD\"}}}}"
            ),
        };
        let json =
            format!("{{\"resourceType\":\"{name}\",\"id\":\"{id}\",\"meta\":{meta},{rest}}}");
        let (id, patient) = (id.to_owned(), patient.to_owned());
        Row { id, updated, json: json.into(), version, patient }
    }

    fn insert(&mut self, name: &str, minutes: i64) {
        self.next_id += 1;
        // Ids come in no order, so that new ones fall anywhere between the others.
        let id = format!("{:08}", self.next_id.wrapping_mul(2_654_435_761) % 99_999_999);
        let patient = self.dice.pick(&["p", "q"]);
        let row = self.row(name, &id, 1, patient, minutes);
        let mut rows = self.present(name).to_vec();
        rows.insert(self.dice.roll(rows.len() + 1), row);
        self.put(name, rows);
    }

    fn update(&mut self, name: &str, position: usize, minutes: i64) {
        let mut rows = self.present(name).to_vec();
        let old = rows[position].clone();
        rows[position] = self.row(name, &old.id, old.version + 1, &old.patient, minutes);
        self.put(name, rows);
    }

    fn delete(&mut self, name: &str, position: usize) {
        let mut rows = self.present(name).to_vec();
        rows.remove(position);
        self.put(name, rows);
    }

    /// One Patient's records become the other's, under the other's id, and some twins fall away.
    fn merge(&mut self) {
        for name in &TYPES[1..] {
            let mut rows = self.present(name).to_vec();
            let twin = rows.iter().position(|row| row.patient == "q");
            if let Some(twin) = twin.filter(|_| rows.len() > 3) {
                rows.remove(twin);
            }
            for row in rows.iter_mut().filter(|row| row.patient == "q") {
                *row = self.row(name, &row.id.clone(), row.version + 1, "p", 0);
            }
            self.put(name, rows);
        }
    }

    /// Something changes, now; without deletions where `keeps` says so.
    pub(super) fn change(&mut self, name: &str, keeps: bool) {
        let count = self.present(name).len();
        match self.dice.roll(9) {
            _ if name == "Patient" => {
                let position = self.dice.roll(count);
                self.update(name, position, 0);
            }
            0..3 if count < 30 => self.insert(name, 0),
            3..6 if count > 3 && !keeps => {
                let position = self.dice.roll(count);
                self.delete(name, position);
            }
            6 if !keeps => self.merge(),
            _ if count > 0 => {
                let position = self.dice.roll(count);
                self.update(name, position, 0);
            }
            _ => self.insert(name, 0),
        }
    }

    /// A day passes: rows come, some under an older date, change, and go.
    pub(super) fn live_a_day(&mut self) {
        self.now += Duration::hours(24);
        for name in TYPES {
            self.morning.insert(name, self.version(name));
        }
        for name in TYPES {
            for _ in 0..self.dice.roll(4) {
                let late = if self.dice.one_in(6) { self.dice.roll(20) as i64 } else { 0 };
                let count = self.present(name).len();
                match self.dice.roll(3) {
                    0 if name != "Patient" && count < 30 => self.insert(name, 5 + 60 * late),
                    1 if name != "Patient" && count > 3 => {
                        let position = self.dice.roll(count);
                        self.delete(name, position);
                    }
                    _ => {
                        let position = self.dice.roll(count);
                        self.update(name, position, 3);
                    }
                }
            }
        }
        if self.dice.one_in(8) {
            self.merge();
        }
    }
}
