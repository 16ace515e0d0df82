//! Round after round of changes as chance wills: the marts that are kept up are those that would be
//! made from nothing.

use crate::{
    complete::model::dice::Dice,
    marts::claim_families::family,
    support::{Home, Served},
};
use serde_json::{Value, json};

const ROUNDS: usize = 7;
/// Two consents to one plan, and two plans of which one knows the same member.
const CONNECTIONS: [(&str, &str); 4] = [("a", "pa"), ("again", "pa"), ("b", "pb"), ("c", "pc")];

/// What a plan serves, line by line.
struct Plan {
    name: &'static str,
    lines: Vec<String>,
    next: usize,
}

impl Plan {
    fn new(name: &'static str, dice: &mut Dice) -> Plan {
        let mut plan = Plan { name, lines: Vec::new(), next: 0 };
        plan.lines = vec![patient(dice, name != "pc").to_string()];
        for _ in 0..4 {
            plan.grow(dice);
        }
        plan
    }

    /// More of everything.
    fn grow(&mut self, dice: &mut Dice) {
        self.next += 1;
        let at = self.next;
        self.lines.extend(family(dice, at));
        for kind in ["Observation", "Coverage", "MedicationDispense", "Condition", "Procedure"] {
            if dice.one_in(2) {
                self.lines.push(resource(dice, kind, at).to_string());
            }
        }
        self.lines.push(resource(dice, "Organization", at).to_string());
    }

    /// Some lines go, some say something else, some are new. In a calm round only some types do.
    fn change(&mut self, dice: &mut Dice) {
        let types: &[&str] = match dice.roll(5) {
            0 => &["Observation"],
            1 => &["MedicationDispense", "Coverage"],
            2 => &["Procedure", "Patient"],
            _ => &[],
        };
        let lines = std::mem::take(&mut self.lines);
        for line in lines {
            let old: Value = serde_json::from_str(&line).unwrap();
            let kind = old["resourceType"].as_str().unwrap();
            let id = old["id"].as_str().unwrap();
            let may_change = types.is_empty() || types.contains(&kind);
            match dice.roll(8) {
                0 if may_change && kind != "Patient" => {}
                1 | 2 if may_change && kind == "ExplanationOfBenefit" => {
                    let at = id[1..id.find('-').unwrap()].parse().unwrap();
                    let of_id = |line: &String| line.contains(&format!("\"id\":\"{id}\""));
                    self.lines.push(family(dice, at).into_iter().find(of_id).unwrap_or(line));
                }
                1 | 2 if may_change && kind == "Patient" => {
                    self.lines.push(patient(dice, self.name != "pc").to_string());
                }
                1 | 2 if may_change => {
                    let mut new = resource(dice, kind, 0);
                    new["id"] = id.into();
                    self.lines.push(new.to_string());
                }
                _ => self.lines.push(line),
            }
        }
        if types.is_empty() && dice.one_in(2) {
            self.grow(dice);
        }
    }
}

/// A member whose number and birth date are at times those of another plan's.
fn patient(dice: &mut Dice, is_same: bool) -> Value {
    let number = if is_same && !dice.one_in(4) { "M0001" } else { "M0002" };
    json!({
        "resourceType": "Patient", "id": "p", "birthDate": dice.pick(&["1980-02-03", "1980-02"]),
        "name": [{"family": dice.pick(&["Doe", "Roe"]), "given": [dice.pick(&["Jan", "J."])]}],
        "identifier": [{
            "type": {"coding": [{"code": "MB"}]}, "system": "https://payer.example/member", "value": number,
        }],
    })
}

fn resource(dice: &mut Dice, kind: &str, at: usize) -> Value {
    let (id, patient) = (format!("{}{at}", kind.to_lowercase()), json!({"reference": "Patient/p"}));
    let day = format!("2025-0{}-1{}", 1 + dice.roll(6), dice.roll(9));
    let mut resource = match kind {
        "Organization" => json!({"name": dice.pick(&["The Clinic", "The Hospital"])}),
        "Coverage" => json!({
            "status": dice.pick(&["active", "cancelled"]), "beneficiary": patient,
            "subscriberId": dice.pick(&["S1", "S2"]), "period": {"start": day, "end": "2025-12-31"},
            "payor": [{"reference": "Organization/organization1"}],
        }),
        "Observation" => json!({
            "status": "final", "subject": patient, "effectiveDateTime": day,
            "category": [{"coding": [{"code": "laboratory"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": dice.pick(&["4548-4", "2345-7"])}]},
            "valueQuantity": {"value": dice.roll(90), "unit": "mg/dL"},
        }),
        "MedicationDispense" => json!({
            "status": "completed", "subject": patient, "whenHandedOver": day,
            "medicationCodeableConcept": {"coding": [{
                "system": "http://hl7.org/fhir/sid/ndc", "code": dice.pick(&["00093310905", "12345067890"]),
            }]},
            "daysSupply": {"value": 30}, "quantity": {"value": 30 + dice.roll(2)},
        }),
        "Condition" => json!({
            "subject": patient, "onsetDateTime": day,
            "code": {"coding": [{
                "system": "http://hl7.org/fhir/sid/icd-10-cm", "code": dice.pick(&["E11.9", "I10"]),
            }]},
        }),
        _ => json!({
            "status": "completed", "subject": patient, "performedDateTime": day,
            "code": {"coding": [{
                "system": "http://www.ama-assn.org/go/cpt", "code": dice.pick(&["99213", "99214"]),
            }]},
        }),
    };
    resource["resourceType"] = kind.into();
    resource["id"] = id.into();
    resource
}

/// Every mart is what its tables give: `verify` works it out beside and compares row for row.
fn assert_kept(home: &Home, when: &str) {
    let verified = home.run(&["verify"]);
    assert_eq!(verified.code, 0, "{when}: {}{}", verified.stdout, verified.stderr);
    assert!(!verified.stdout.contains("not compared"), "{when}: {}", verified.stdout);
    // What came through both consents to one plan counts once.
    let twice = "SELECT c.explanation_of_benefit_id FROM claim AS c JOIN connection AS n ON n.id = c.connection_id
                 WHERE n.plan = 'pa' GROUP BY 1 HAVING count(*) > 1";
    assert_eq!(home.rows(twice), Vec::<Vec<String>>::new(), "{when}");
}

fn play(seed: u64) {
    let mut dice = Dice::new(seed);
    let (server, home) = (Served::start_with(20, ""), Home::new());
    let mut plans = ["pa", "pb", "pc"].map(|name| Plan::new(name, &mut dice));
    let serve = |plans: &[Plan]| {
        plans.iter().for_each(|plan| server.serve(plan.name, &plan.lines.join("\n")));
    };
    serve(&plans);
    server.connect(&home, &CONNECTIONS);
    for round in 0..ROUNDS {
        let when = format!("seed {seed}, round {round}");
        home.succeed(&["sync", "--full"], &when);
        assert_kept(&home, &when);
        if round == 2 || dice.one_in(4) {
            let (name, plan) = dice.pick(&CONNECTIONS);
            home.succeed(&["purge", name, "--yes"], &when);
            assert_kept(&home, &format!("{when}, without {name}"));
            server.connect(&home, &[(name, plan)]);
        }
        for plan in &mut plans {
            if !dice.one_in(3) {
                plan.change(&mut dice);
            }
        }
        serve(&plans);
    }
    // The comparison does not depend on what `verify` believes.
    home.succeed(&["sync", "--full"], "the last night");
    assert!(home.value::<i64>("SELECT count(*) FROM claim") > 20);
    let kept = home.digest();
    home.succeed(&["rebuild", "claim", "lab_result", "member"], "from nothing");
    assert_eq!(home.digest(), kept, "seed {seed}");
}

#[test]
fn marts_that_are_kept_up_are_those_made_from_nothing() {
    (0..3).for_each(play);
}
