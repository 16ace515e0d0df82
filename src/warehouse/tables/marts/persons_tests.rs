//! Which patients are taken for one person, and which are not.

use super::*;

fn patient(connection_id: i64, plan: &str, id: &str) -> Patient {
    let (id, plan) = (id.to_owned(), Some(plan.to_owned()));
    Patient { connection_id, id, plan, ..Patient::default() }
}

fn identified(system: &str, value: &str) -> Vec<Identifier> {
    Identifier::new(Some(system), None, None, value).into_iter().collect()
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
    assert_eq!((found[1].same_as, found[1].source_id, found[1].connection_count), (Some(1), 1, 2));
    assert!(found[0].is_repeated && found[1].is_repeated && !found[2].is_repeated);
}

#[test]
fn files_hold_the_records_of_a_server_where_base_or_number_tells() {
    let number = |system: &str| identified(system, "M1");
    let file = |connection_id: i64, id: &str| Patient {
        plan: None,
        identifiers: number("https://payer.example/member"),
        ..patient(connection_id, "", id)
    };
    let of_plan = Patient { plan: Some("a".to_owned()), ..file(1, "p") };
    let sources = |patients: &[Patient]| -> Vec<i64> {
        resolve(patients).iter().map(|person| person.source_id).collect()
    };
    assert_eq!(sources(&[of_plan.clone(), file(2, "p"), file(3, "p")]), [1, 1, 1]);
    // Another id is another record, and so is another person with the same number.
    assert_eq!(sources(&[of_plan.clone(), file(2, "q")]), [1, 2]);
    let eva = Patient { given_name: Some("Eva".to_owned()), ..file(2, "p") };
    let jan = Patient { given_name: Some("Jan".to_owned()), ..of_plan.clone() };
    assert_eq!(sources(&[jan, eva]), [1, 2]);
    // Another payer may know the same person, and two plans are two servers.
    let mbi = |patient: Patient| Patient {
        identifiers: identified("http://hl7.org/fhir/sid/us-mbi", "1S00E00AA00"),
        ..patient
    };
    assert_eq!(sources(&[mbi(of_plan.clone()), mbi(file(2, "p"))]), [1, 2]);
    let other_plan = Patient { plan: Some("b".to_owned()), ..file(2, "p") };
    assert_eq!(sources(&[of_plan.clone(), other_plan]), [1, 2]);

    let at = |patient: Patient, base: &str| Patient {
        bases: vec![base.to_owned()],
        identifiers: Vec::new(),
        ..patient
    };
    let server = "plan.example/r4";
    assert_eq!(sources(&[at(of_plan.clone(), server), at(file(2, "p"), server)]), [1, 1]);
    assert_eq!(sources(&[at(file(1, "p"), server), at(file(2, "p"), server)]), [1, 1]);
    assert_eq!(sources(&[at(of_plan.clone(), server), at(file(2, "q"), server)]), [1, 2]);
    assert_eq!(sources(&[at(of_plan, server), at(file(2, "p"), "other.example")]), [1, 2]);
}

#[test]
fn files_of_two_plans_make_no_source_of_the_two() {
    let number = |patient: Patient, value: &str| Patient {
        identifiers: identified("https://payer.example/member", value),
        ..patient
    };
    let file = |connection_id: i64, id: &str| Patient {
        plan: None,
        ..number(patient(connection_id, "", id), id)
    };
    let of_plan = |connection_id: i64, plan: &str, id: &str| Patient {
        plan: Some(plan.to_owned()),
        ..file(connection_id, id)
    };
    let sources = |patients: &[Patient]| -> Vec<(i64, i64)> {
        resolve(patients).iter().map(|person| (person.source_id, person.group_id)).collect()
    };
    let found = sources(&[of_plan(1, "a", "p"), of_plan(2, "b", "q"), file(3, "p"), file(3, "q")]);
    assert_eq!(found, [(1, 1), (2, 1), (1, 1), (2, 1)]);
    // The files were imported first, and hold a patient whom no plan knows.
    let found = sources(&[
        file(1, "p"),
        file(1, "q"),
        file(1, "r"),
        of_plan(2, "a", "p"),
        of_plan(3, "b", "q"),
    ]);
    assert_eq!(found, [(2, 1), (3, 1), (1, 1), (2, 1), (3, 1)]);
    // Both plans know one patient by one number: the records belong to the first plan.
    let found = sources(&[of_plan(1, "a", "p"), of_plan(2, "b", "p"), file(3, "p")]);
    assert_eq!(found, [(1, 1), (2, 2), (1, 1)]);
    // Two connections at one plan have one server.
    let found = sources(&[of_plan(1, "a", "p"), of_plan(2, "a", "q"), file(3, "p"), file(3, "q")]);
    assert_eq!(found, [(1, 1); 4]);
}

#[test]
fn two_patients_of_one_plan_who_are_one_person_have_the_same_records() {
    let with = |connection_id: i64, plan: &str, id: &str| Patient {
        identifiers: identified("https://payer.example/member", "M1"),
        ..patient(connection_id, plan, id)
    };
    let sources = |patients: &[Patient]| -> Vec<(i64, bool)> {
        resolve(patients).iter().map(|person| (person.source_id, person.is_repeated)).collect()
    };
    assert_eq!(sources(&[with(1, "a", "p"), with(2, "a", "q")]), [(1, true), (1, true)]);
    // The number is first met at another plan.
    let found = sources(&[with(1, "b", "x"), with(2, "a", "p"), with(3, "a", "q")]);
    assert_eq!(found, [(1, false), (2, true), (2, true)]);
    // A link leads to the patient whom only another connection at the plan knows.
    let linked = Patient { links: vec!["p".to_owned()], ..patient(2, "a", "q") };
    let found = sources(&[patient(1, "a", "p"), linked.clone()]);
    assert_eq!(found, [(1, true), (1, true)]);
    assert_eq!(ids(&[patient(1, "b", "p"), linked]), ["c1", "c2"]);
    let label = |patient: Patient| Patient { label: Some("jan".to_owned()), ..patient };
    let found = sources(&[label(patient(1, "a", "p")), label(patient(2, "a", "q"))]);
    assert_eq!(found, [(1, true), (1, true)]);
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
        identifiers: identified("https://x", "M1"),
        ..patient(connection_id, &connection_id.to_string(), "p")
    };
    let same = with(1, "1980-01-01", "Jan M");
    assert_eq!(ids(&[same.clone(), with(2, "1980-01-01", "JAN")]), ["c1", "c1"]);
    assert_eq!(ids(&[same.clone(), with(2, "1980-01-01", "Eva")]), ["c1", "c2"]);
    assert_eq!(ids(&[same.clone(), with(2, "2010-01-01", "Jan")]), ["c1", "c2"]);
    let unknown = Patient { birth_date: None, given_name: None, ..with(2, "", "") };
    assert_eq!(ids(&[same.clone(), unknown.clone()]), ["c1", "c1"]);
    assert_eq!(ids(&[same.clone(), with(2, "1980-01-01", "J.")]), ["c1", "c1"]);
    assert_eq!(ids(&[same.clone(), with(2, "1980-01-01", "e")]), ["c1", "c2"]);
    assert_eq!(
        ids(&[with(1, "2025-01-01", "Baby Boy"), with(2, "2025-01-01", "Liam")]),
        ["c1", "c1"]
    );
    // A newborn's name comes later, or there are twins.
    let of =
        |patient: Patient, gender: &str| Patient { gender: Some(gender.to_owned()), ..patient };
    let (baby, liam) = (with(1, "2025-01-01", "Baby A"), with(2, "2025-01-01", "Liam"));
    for (one, other, expected) in [
        ("male", "male", ["c1", "c1"]),
        ("female", "male", ["c1", "c2"]),
        ("unknown", "male", ["c1", "c1"]),
    ] {
        assert_eq!(ids(&[of(baby.clone(), one), of(liam.clone(), other)]), expected);
    }
    let jan = with(2, "1980-01-01", "Jan");
    assert_eq!(ids(&[of(same.clone(), "female"), of(jan, "male")]), ["c1", "c1"]);
    // A patient without a name and birth date joins one of the twins, never both.
    let twin = with(3, "1980-01-01", "Eva");
    assert_eq!(ids(&[same.clone(), unknown.clone(), twin.clone()]), ["c1", "c1", "c3"]);
    let later = Patient { connection_id: 4, plan: Some("4".to_owned()), ..unknown };
    assert_eq!(ids(&[same.clone(), twin, later]), ["c1", "c3", "c1"]);
    let month = |month: &str| with(2, month, "Jan");
    assert_eq!(ids(&[same.clone(), month("1980-01")]), ["c1", "c1"]);
    assert_eq!(ids(&[same.clone(), month("1980")]), ["c1", "c1"]);
    assert_eq!(ids(&[same, month("1980-0")]), ["c1", "c2"]);
}

#[test]
fn of_a_family_in_one_connection_nobody_is_taken_for_another() {
    let member = |id: &str, birth_date: Option<&str>, name: Option<&str>| Patient {
        birth_date: birth_date.map(str::to_owned),
        given_name: name.map(str::to_owned),
        identifiers: identified("https://x", "M1"),
        ..patient(1, "a", id)
    };
    let (born, jan) = (Some("1980-01-01"), Some("Jan"));
    let subscriber = member("p", born, jan);
    for dependant in [
        member("q", None, None),
        member("q", born, None),
        member("q", None, jan),
        member("q", born, Some("Eva")),
    ] {
        assert_eq!(ids(&[subscriber.clone(), dependant]), ["c1 p", "c1 q"]);
    }
    assert_eq!(ids(&[subscriber.clone(), member("q", born, jan)]), ["c1", "c1"]);
    // Twins without names yet.
    let [boy, girl] = ["Baby Boy", "Baby Girl"].map(Some);
    assert_eq!(ids(&[member("p", born, boy), member("q", born, girl)]), ["c1 p", "c1 q"]);
    let of_one = |patient: Patient| Patient {
        identifiers: identified("http://hl7.org/fhir/sid/us-mbi", "1S00E00AA00"),
        ..patient
    };
    assert_eq!(ids(&[of_one(subscriber), of_one(member("q", None, None))]), ["c1", "c1"]);
}

#[test]
fn persons_of_one_connection_are_told_apart() {
    assert_eq!(ids(&[patient(1, "a", "p"), patient(1, "a", "q")]), ["c1 p", "c1 q"]);
    let linked = Patient { links: vec!["p".to_owned()], ..patient(1, "a", "q") };
    assert_eq!(ids(&[patient(1, "a", "p"), linked]), ["c1", "c1"]);
}
