//! Which patients of which connections are one person, and why.
//!
//! Pure. Two patients are one person if the operator gave their connections the same label, if they are
//! the same patient of the same plan or server, if one Patient links to the other, or if they share an
//! identifier. An identifier joins two groups of patients only if no name and no birth date in one group
//! contradicts those in the other, nor a gender if the names of either are unknown.
//!
//! Two connections read the same records if they hold the same person of the same plan, also as two patients:
//! a plan may merge one into the other, and an id means one resource on the whole server. Imported files
//! have the records of a plan, or of other files, if both name the same server and hold the same patient
//! of it. The same holds if both hold a patient with the same id and the same number of the payer's own.
//! Files with patients of two plans do not make the two plans one source: each patient's records go with
//! those of its own plan.

use super::{first_name::FirstName, groups::Groups, identifier::Identifier};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A patient of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Patient {
    pub(super) connection_id: i64,
    pub(super) id: String,
    /// The plan; `None` if only files fill the connection: the patient's ids then mean nothing elsewhere.
    pub(super) plan: Option<String>,
    /// The FHIR base URLs that are known of the server, without their scheme.
    pub(super) bases: Vec<String>,
    /// The connection's label, on the patient that the connection is about.
    pub(super) label: Option<String>,
    pub(super) given_name: Option<String>,
    pub(super) birth_date: Option<String>,
    pub(super) gender: Option<String>,
    pub(super) identifiers: Vec<Identifier>,
    /// Ids of Patients of the same connection or plan that are linked as the same person.
    pub(super) links: Vec<String>,
}

/// Which person a patient is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Person {
    pub(super) member_id: String,
    pub(super) connection_id: i64,
    pub(super) patient_id: String,
    pub(super) evidence: Option<String>,
    pub(super) same_as: Option<i64>,
    /// Whether another connection of the person reads the same records.
    pub(super) is_repeated: bool,
    pub(super) connection_count: usize,
    /// The first of the connections that read the same records for this patient.
    pub(super) source_id: i64,
    /// The first of the connections whose marts depend on each other.
    pub(super) group_id: i64,
}

/// The known names, birth dates and genders of a group of patients.
#[derive(Debug, Clone, Default)]
struct Traits {
    first_names: BTreeSet<FirstName>,
    birth_dates: BTreeSet<String>,
    /// `male` and `female` only: any other code tells nobody apart.
    genders: BTreeSet<String>,
}

impl Traits {
    fn of(patient: &Patient) -> Traits {
        let first_name = patient.given_name.as_deref().and_then(FirstName::new);
        Traits {
            first_names: first_name.into_iter().collect(),
            birth_dates: patient.birth_date.iter().map(|date| date.trim().to_owned()).collect(),
            genders: patient
                .gender
                .iter()
                .filter(|it| ["male", "female"].contains(&it.as_str()))
                .cloned()
                .collect(),
        }
    }

    /// Whether birth dates and first given names allow that all are one person.
    ///
    /// Members of one family may share a number, and twins a birth date. A month or a year agrees with
    /// any day in it, and a day with any time of it. If the names of either are unknown, as those of newborn
    /// twins are, the genders must agree, too. Known names decide alone: two plans may differ about a gender.
    fn agree(&self, other: &Traits) -> bool {
        let names = (&self.first_names, &other.first_names);
        let is_within = |one: &String, other: &String| {
            let rest = one.strip_prefix(other.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', 'T']))
        };
        let is_nameless = names.0.is_empty() || names.1.is_empty();
        let same_gender = |one: &String| other.genders.iter().all(|other| one == other);
        names.0.iter().all(|one| names.1.iter().all(|other| one.is_like(other)))
            && (!is_nameless || self.genders.iter().all(same_gender))
            && self.birth_dates.iter().all(|one| {
                let mut others = other.birth_dates.iter();
                others.all(|other| is_within(one, other) || is_within(other, one))
            })
    }
}

/// The patients, and the groups of them that are one person so far.
struct Finding<'a> {
    patients: &'a [Patient],
    persons: Groups,
    records: Groups,
    /// At the root of each group, the plan whose records the group has.
    record_plans: Vec<Option<&'a str>>,
    /// At the root of each group, the names and birth dates of the group.
    traits: Vec<Traits>,
    evidence: BTreeMap<usize, (String, i64)>,
}

impl Finding<'_> {
    fn bind(&mut self, one: usize, other: usize, why: &str, same_records: bool) {
        let (first, second) = (self.persons.root(one), self.persons.root(other));
        self.persons.join(one, other);
        if first != second {
            let gone = std::mem::take(&mut self.traits[first.max(second)]);
            let kept = &mut self.traits[first.min(second)];
            kept.first_names.extend(gone.first_names);
            kept.birth_dates.extend(gone.birth_dates);
            kept.genders.extend(gone.genders);
        }
        if same_records {
            self.bind_records(one, other);
        }
        for (at, beside) in [(one.max(other), one.min(other)), (one.min(other), one.max(other))] {
            let beside = self.patients[beside].connection_id;
            self.evidence.entry(at).or_insert_with(|| (why.to_owned(), beside));
        }
    }

    /// Joins the records of two patients, unless they are records of two plans.
    fn bind_records(&mut self, one: usize, other: usize) {
        let (one, other) = (self.records.root(one), self.records.root(other));
        let plans = (self.record_plans[one], self.record_plans[other]);
        if plans.0.zip(plans.1).is_none_or(|(one, other)| one == other) {
            self.records.join(one, other);
            self.record_plans[one.min(other)] = plans.0.or(plans.1);
        }
    }

    /// Whether two patients are of different connections, and only files fill at least one of the two
    /// connections.
    fn has_files_beside(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.patients[one], &self.patients[other]);
        one.connection_id != other.connection_id && (one.plan.is_none() || other.plan.is_none())
    }

    /// Whether name and birth date of both patients are known.
    fn are_known(&self, one: usize, other: usize) -> bool {
        [one, other]
            .into_iter()
            .map(|at| Traits::of(&self.patients[at]))
            .all(|traits| !traits.first_names.is_empty() && !traits.birth_dates.is_empty())
    }

    /// Whether the groups of both patients may together be one person.
    fn agree(&mut self, one: usize, other: usize) -> bool {
        let (one, other) = (self.persons.root(one), self.persons.root(other));
        one == other || self.traits[one].agree(&self.traits[other])
    }
}

/// Finds the persons; the patients must be in the order of their connections.
///
/// A connection with several patients holds families, whose members often share a number. There, no shared
/// number joins two patients if the name or birth date of either is unknown.
pub(super) fn resolve(patients: &[Patient]) -> Vec<Person> {
    let all = || Groups::of(patients.len());
    let mut found = Finding {
        patients,
        persons: all(),
        records: all(),
        record_plans: patients.iter().map(|patient| patient.plan.as_deref()).collect(),
        traits: patients.iter().map(Traits::of).collect(),
        evidence: BTreeMap::new(),
    };
    let mut of_plan: HashMap<(&str, &str), usize> = HashMap::new();
    let mut of_server: HashMap<(&str, &str), usize> = HashMap::new();
    let mut of_connection: HashMap<(i64, &str), usize> = HashMap::new();
    for (at, patient) in patients.iter().enumerate() {
        if let Some(plan) = &patient.plan {
            let first = *of_plan.entry((plan.as_str(), &patient.id)).or_insert(at);
            if first != at {
                found.bind(first, at, "same patient", true);
            }
        }
        for base in &patient.bases {
            let first = *of_server.entry((base.as_str(), &patient.id)).or_insert(at);
            if found.has_files_beside(first, at) && found.agree(first, at) {
                found.bind(first, at, "same patient", true);
            }
        }
        of_connection.insert((patient.connection_id, &patient.id), at);
    }
    for (at, patient) in patients.iter().enumerate() {
        for link in &patient.links {
            let beside = || of_plan.get(&(patient.plan.as_deref()?, link.as_str()));
            let here = of_connection.get(&(patient.connection_id, link.as_str()));
            if let Some(other) = here.or_else(beside) {
                found.bind(at, *other, "link", true);
            }
        }
    }
    let mut bearers: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (at, patient) in patients.iter().enumerate() {
        for Identifier { system, value, is_of_one_person } in &patient.identifiers {
            let others = bearers.entry((system, value)).or_default();
            let fits = others.iter().copied().find(|other| {
                let is_beside = patients[*other].connection_id == patient.connection_id;
                let is_shared = is_beside && !is_of_one_person;
                found.agree(at, *other) && (!is_shared || found.are_known(at, *other))
            });
            if let Some(other) = fits {
                found.bind(other, at, &format!("identifier {system}"), false);
            }
            // Another payer may know the patient by a number of Medicare or of social security, and may
            // by chance use the same short id.
            for &other in others.iter().filter(|_| !is_of_one_person) {
                let is_same_id = patients[other].id == patient.id;
                if is_same_id && found.has_files_beside(other, at) && found.agree(at, other) {
                    found.bind(other, at, &format!("identifier {system}"), true);
                }
            }
            others.push(at);
        }
    }
    let mut labelled: HashMap<&str, usize> = HashMap::new();
    for (at, patient) in patients.iter().enumerate() {
        if let Some(label) = &patient.label {
            let first = *labelled.entry(label).or_insert(at);
            if first != at {
                found.bind(first, at, "label", false);
            }
        }
    }
    let mut of_person: HashMap<(usize, &str), usize> = HashMap::new();
    for (at, patient) in patients.iter().enumerate() {
        if let Some(plan) = &patient.plan {
            let first = *of_person.entry((found.persons.root(at), plan)).or_insert(at);
            found.bind_records(first, at);
        }
    }
    let Finding { mut persons, mut records, evidence, .. } = found;
    describe(patients, &mut persons, &mut records, &evidence)
}

fn describe(
    patients: &[Patient],
    persons: &mut Groups,
    records: &mut Groups,
    evidence: &BTreeMap<usize, (String, i64)>,
) -> Vec<Person> {
    let mut per_connection: HashMap<i64, usize> = HashMap::new();
    let mut labels: HashMap<usize, &str> = HashMap::new();
    let mut connections: HashMap<usize, Vec<i64>> = HashMap::new();
    let mut readers: HashMap<usize, Vec<i64>> = HashMap::new();
    let sources = sources(patients, records);
    let mut of_connection: HashMap<i64, usize> = HashMap::new();
    let mut groups = Groups::of(patients.len());
    let taken: BTreeSet<&str> = patients.iter().filter_map(|it| it.label.as_deref()).collect();
    for (at, patient) in patients.iter().enumerate() {
        let root = persons.root(at);
        *per_connection.entry(patient.connection_id).or_default() += usize::from(root == at);
        if let Some(label) = &patient.label {
            labels.entry(root).or_insert(label);
        }
        connections.entry(root).or_default().push(patient.connection_id);
        readers.entry(records.root(at)).or_default().push(patient.connection_id);
        let first = *of_connection.entry(patient.connection_id).or_insert(at);
        groups.join(first, at);
        groups.join(records.root(at), at);
    }
    for lists in [&mut connections, &mut readers] {
        for list in lists.values_mut() {
            list.sort_unstable();
            list.dedup();
        }
    }
    let described = patients.iter().enumerate().map(|(at, patient)| {
        let root = persons.root(at);
        let first = &patients[root];
        let member_id = match labels.get(&root) {
            Some(label) => (*label).to_owned(),
            None => {
                let alone = format!("c{}", first.connection_id);
                let is_alone = per_connection.get(&first.connection_id) <= Some(&1);
                match is_alone && !taken.contains(alone.as_str()) {
                    true => alone,
                    false => format!("{alone} {}", first.id),
                }
            }
        };
        let why = evidence.get(&at).filter(|_| root != at);
        Person {
            member_id,
            connection_id: patient.connection_id,
            patient_id: patient.id.clone(),
            evidence: why.map(|(why, _)| why.clone()),
            same_as: why.map(|(_, connection_id)| *connection_id),
            is_repeated: readers[&records.root(at)].len() > 1,
            connection_count: connections[&root].len(),
            source_id: sources[at],
            group_id: patients[groups.root(at)].connection_id,
        }
    });
    described.collect()
}

/// For each patient, the first connection that reads the same records.
///
/// If they are records of a plan, it is the first connection of the plan.
///
/// A connection is read as a whole, with everyone its claims name. Files with records of two plans are
/// read in parts: the patients of each plan with that plan, the others by themselves.
fn sources(patients: &[Patient], records: &mut Groups) -> Vec<i64> {
    let mut parts = Groups::of(patients.len());
    let mut connections: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    let mut plans: Vec<Option<&str>> = patients.iter().map(|it| it.plan.as_deref()).collect();
    let mut join = |plans: &mut [Option<&str>], one: usize, other: usize| {
        let roots = (parts.root(one), parts.root(other));
        let known = plans[roots.0].or(plans[roots.1]);
        parts.join(one, other);
        plans[roots.0.min(roots.1)] = known;
        parts.root(one)
    };
    for (at, patient) in patients.iter().enumerate() {
        join(&mut plans, records.root(at), at);
        connections.entry(patient.connection_id).or_default().push(at);
    }
    for members in connections.values() {
        let mut of_plans: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for &at in members {
            let root = join(&mut plans, at, at);
            of_plans.entry(plans[root]).or_default().push(at);
        }
        let known = of_plans.keys().flatten().count();
        let together = match known < 2 {
            true => vec![members.clone()],
            false => of_plans.into_values().collect(),
        };
        for part in together {
            for two in part.windows(2) {
                join(&mut plans, two[0], two[1]);
            }
        }
    }
    let mut first: HashMap<usize, (bool, i64)> = HashMap::new();
    for (at, patient) in patients.iter().enumerate() {
        let this = (patient.plan.is_none(), patient.connection_id);
        let least = first.entry(parts.root(at)).or_insert(this);
        *least = this.min(*least);
    }
    (0..patients.len()).map(|at| first[&parts.root(at)].1).collect()
}

#[cfg(test)]
#[path = "persons_tests.rs"]
mod tests;
