//! Which patients of which connections are one person, and why.
//!
//! Pure. Two patients are one person when the operator gave their connections the same label, when
//! they are the same patient of the same plan, when one says that it is linked to the other, or when
//! they share an identifier and nothing else says otherwise.

use std::collections::{BTreeMap, HashMap};

/// A patient of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Patient {
    pub(super) connection_id: i64,
    pub(super) id: String,
    /// `None`: only files fill the connection, and an id is theirs alone.
    pub(super) plan: Option<String>,
    /// The connection's label, for the patient that the connection is about.
    pub(super) label: Option<String>,
    pub(super) given_name: Option<String>,
    pub(super) birth_date: Option<String>,
    /// System and value of each.
    pub(super) identifiers: Vec<(String, String)>,
    /// Ids of Patients of the same connection that are the same person.
    pub(super) links: Vec<String>,
}

/// The person that a patient is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Person {
    pub(super) member_id: String,
    pub(super) connection_id: i64,
    pub(super) patient_id: String,
    pub(super) evidence: Option<String>,
    pub(super) same_as: Option<i64>,
    /// Another connection of the person reads the same records.
    pub(super) is_repeated: bool,
    pub(super) connection_count: usize,
    /// The first connection among those that read the same records.
    pub(super) source_id: i64,
}

struct Groups(Vec<usize>);

impl Groups {
    fn root(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other)] = one.min(other);
    }
}

/// Finds the persons; patients come in the order of their connections.
pub(super) fn resolve(patients: &[Patient]) -> Vec<Person> {
    let all = || Groups((0..patients.len()).collect());
    let (mut persons, mut records) = (all(), all());
    let mut evidence: BTreeMap<usize, (String, i64)> = BTreeMap::new();
    let mut bind = |one: usize, other: usize, why: &str, same_records: bool| {
        persons.join(one, other);
        if same_records {
            records.join(one, other);
        }
        for (at, beside) in [(one.max(other), one.min(other)), (one.min(other), one.max(other))] {
            evidence.entry(at).or_insert_with(|| (why.to_owned(), patients[beside].connection_id));
        }
    };
    let mut of_plan: HashMap<(&str, &str), usize> = HashMap::new();
    let mut of_connection: HashMap<(i64, &str), usize> = HashMap::new();
    for (at, patient) in patients.iter().enumerate() {
        if let Some(plan) = &patient.plan {
            let first = *of_plan.entry((plan.as_str(), &patient.id)).or_insert(at);
            if first != at {
                bind(first, at, "same patient", true);
            }
        }
        of_connection.insert((patient.connection_id, &patient.id), at);
    }
    for (at, patient) in patients.iter().enumerate() {
        for link in &patient.links {
            if let Some(other) = of_connection.get(&(patient.connection_id, link.as_str())) {
                bind(at, *other, "link", true);
            }
        }
    }
    let mut bearers: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (at, patient) in patients.iter().enumerate() {
        for (system, value) in &patient.identifiers {
            let others = bearers.entry((system, value)).or_default();
            if let Some(other) = others.iter().find(|other| agree(patient, &patients[**other])) {
                bind(*other, at, &format!("identifier {system}"), false);
            }
            others.push(at);
        }
    }
    let mut labelled: HashMap<&str, usize> = HashMap::new();
    for (at, patient) in patients.iter().enumerate() {
        if let Some(label) = &patient.label {
            let first = *labelled.entry(label).or_insert(at);
            if first != at {
                bind(first, at, "label", false);
            }
        }
    }
    describe(patients, &mut persons, &mut records, &evidence)
}

/// Whether birth date and first given name leave it possible that two are one.
///
/// Members of one family may share a number, and twins a birth date.
fn agree(one: &Patient, other: &Patient) -> bool {
    let first_name = |patient: &Patient| {
        patient
            .given_name
            .as_deref()
            .and_then(|name| name.split_whitespace().next())
            .map(str::to_lowercase)
    };
    let differ = |one: Option<String>, other: Option<String>| {
        one.zip(other).is_some_and(|(one, other)| one != other)
    };
    !differ(one.birth_date.clone(), other.birth_date.clone())
        && !differ(first_name(one), first_name(other))
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
    // A connection is read as a whole: sources are groups of connections.
    let mut sources: HashMap<i64, usize> = HashMap::new();
    let mut groups = Groups((0..patients.len()).collect());
    for (at, patient) in patients.iter().enumerate() {
        let root = persons.root(at);
        *per_connection.entry(patient.connection_id).or_default() += usize::from(root == at);
        if let Some(label) = &patient.label {
            labels.entry(root).or_insert(label);
        }
        connections.entry(root).or_default().push(patient.connection_id);
        readers.entry(records.root(at)).or_default().push(patient.connection_id);
        let first = *sources.entry(patient.connection_id).or_insert(at);
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
            None if per_connection.get(&first.connection_id) <= Some(&1) => {
                format!("c{}", first.connection_id)
            }
            None => format!("c{} {}", first.connection_id, first.id),
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
            source_id: patients[groups.root(at)].connection_id,
        }
    });
    described.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patient(connection_id: i64, plan: &str, id: &str) -> Patient {
        let (id, plan) = (id.to_owned(), Some(plan.to_owned()));
        Patient { connection_id, id, plan, ..Patient::default() }
    }

    fn ids(patients: &[Patient]) -> Vec<String> {
        resolve(patients).into_iter().map(|person| person.member_id).collect()
    }

    #[test]
    fn the_same_patient_of_the_same_plan_is_one_person() {
        let found = resolve(&[patient(1, "a", "p"), patient(2, "a", "p"), patient(3, "b", "p")]);
        let ids: Vec<_> = found.iter().map(|person| person.member_id.as_str()).collect();
        assert_eq!(ids, ["c1", "c1", "c3"]);
        assert_eq!(found[0].evidence, None);
        assert_eq!(found[1].evidence.as_deref(), Some("same patient"));
        assert_eq!(
            (found[1].same_as, found[1].source_id, found[1].connection_count),
            (Some(1), 1, 2)
        );
        assert!(found[0].is_repeated && found[1].is_repeated && !found[2].is_repeated);
    }

    #[test]
    fn a_label_joins_plans_and_their_records_stay_apart() {
        let label = |patient: Patient| Patient { label: Some("jan".to_owned()), ..patient };
        let found = resolve(&[label(patient(1, "a", "p")), label(patient(2, "b", "q"))]);
        assert_eq!(found[0].member_id, "jan");
        assert_eq!(found[1].member_id, "jan");
        assert_eq!(found[1].evidence.as_deref(), Some("label"));
        assert_eq!((found[0].source_id, found[1].source_id), (1, 2));
        assert!(!found[1].is_repeated);
    }

    #[test]
    fn a_shared_number_joins_unless_birth_date_or_name_differ() {
        let with = |connection_id: i64, birth_date: &str, name: &str| Patient {
            birth_date: Some(birth_date.to_owned()),
            given_name: Some(name.to_owned()),
            identifiers: vec![("https://x".to_owned(), "M1".to_owned())],
            ..patient(connection_id, &connection_id.to_string(), "p")
        };
        let same = with(1, "1980-01-01", "Jan M");
        assert_eq!(ids(&[same.clone(), with(2, "1980-01-01", "JAN")]), ["c1", "c1"]);
        assert_eq!(ids(&[same.clone(), with(2, "1980-01-01", "Eva")]), ["c1", "c2"]);
        assert_eq!(ids(&[same.clone(), with(2, "2010-01-01", "Jan")]), ["c1", "c2"]);
        let unknown = Patient { birth_date: None, given_name: None, ..with(2, "", "") };
        assert_eq!(ids(&[same, unknown]), ["c1", "c1"]);
    }

    #[test]
    fn persons_of_one_connection_are_told_apart() {
        assert_eq!(ids(&[patient(1, "a", "p"), patient(1, "a", "q")]), ["c1 p", "c1 q"]);
        let linked = Patient { links: vec!["p".to_owned()], ..patient(1, "a", "q") };
        assert_eq!(ids(&[patient(1, "a", "p"), linked]), ["c1", "c1"]);
    }
}
