//! `export --since`: what a reader has of the last export and what is new since then make what there
//! is now.

use crate::{
    files::export::{export, lines, manifest},
    support::{Home, Payer, SHORT_SYNC},
};
use std::{collections::BTreeSet, path::Path};

const TABLES: [(&str, &str); 4] = [
    ("coverage", "Coverage"),
    ("coverage_class", "Coverage"),
    ("explanation_of_benefit", "ExplanationOfBenefit"),
    ("explanation_of_benefit_item", "ExplanationOfBenefit"),
];

/// The rows of a table's file.
fn rows(folder: &Path, table: &str) -> BTreeSet<String> {
    lines(folder, &format!("{table}.csv")).drain(1..).collect()
}

/// Connection, type and id of the lines of `_changed` or `_deleted`.
fn events(folder: &Path, name: &str) -> Vec<String> {
    let lines = lines(folder, &format!("{name}.csv"));
    lines[1..].iter().map(|line| line.rsplit_once(',').unwrap().0.to_owned()).collect()
}

fn first_id(home: &Home, resource_type: &str) -> String {
    home.value(&format!(
        "SELECT min(resource_id) FROM resource WHERE resource_type = '{resource_type}'"
    ))
}

fn newest_run(home: &Home) -> String {
    home.value::<i64>("SELECT max(id) FROM sync_run").to_string()
}

#[test]
fn the_last_export_and_what_is_new_make_what_there_is_now() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "nothing");
    let run = newest_run(&home);
    let before: Vec<BTreeSet<String>> = {
        let folder = export(&home, &["--set", "tables", "--raw"]);
        assert_eq!(manifest(&folder)["latest_run"].to_string(), run);
        TABLES.map(|(table, _)| rows(&folder, table)).to_vec()
    };
    let (amended, withdrawn) =
        (first_id(&home, "Coverage"), first_id(&home, "ExplanationOfBenefit"));
    assert!(payer.amend(0, "Coverage", &amended));
    assert!(payer.withdraw(0, "ExplanationOfBenefit", &withdrawn));
    for _ in 0..2 {
        home.succeed(&[&SHORT_SYNC[..], &["--full"]].concat(), "a change");
    }
    let folder = export(&home, &["--since", &run, "--raw"]);
    assert_eq!(events(&folder, "_changed"), [format!("1,Coverage,{amended}")]);
    assert_eq!(events(&folder, "_deleted"), [format!("1,ExplanationOfBenefit,{withdrawn}")]);
    let told = manifest(&folder);
    assert_eq!(
        (&told["set"], &told["since_run"]),
        (&"tables".into(), &run.parse::<i64>().unwrap().into())
    );
    assert!(told["files"].as_array().unwrap().iter().all(|file| file["is_whole"] == false));
    let new = TABLES.map(|(table, _)| rows(&folder, table));
    assert!(!new[0].is_empty() && new[2].is_empty(), "{new:?}");
    let gone = [events(&folder, "_changed"), events(&folder, "_deleted")].concat();
    let now = export(&home, &["--set", "tables", "--raw"]);
    for (position, (table, resource_type)) in TABLES.iter().enumerate() {
        let stays = |row: &&String| {
            let [connection, id] = row.splitn(3, ',').take(2).collect::<Vec<_>>()[..] else {
                panic!("{row}")
            };
            !gone.contains(&format!("{connection},{resource_type},{id}"))
        };
        let mut made: BTreeSet<String> = before[position].iter().filter(stays).cloned().collect();
        made.extend(new[position].iter().cloned());
        assert_eq!(made, rows(&now, table), "{table}");
    }

    let folder = export(&home, &["--since", &run, "--format", "ndjson"]);
    let stored: String = home.value(&format!(
        "SELECT json FROM resource WHERE resource_type = 'Coverage' AND resource_id = '{amended}'"
    ));
    assert_eq!(lines(&folder, "Coverage.1.ndjson"), [stored.replace('\n', " ")]);
    assert_eq!(lines(&folder, "Patient.1.ndjson"), Vec::<String>::new());
    let deleted = lines(&folder, "_deleted.1.ndjson");
    assert_eq!(deleted.len(), 1);
    assert!(deleted[0].contains(&format!("\"url\":\"ExplanationOfBenefit/{withdrawn}\"")));
    assert!(deleted[0].contains("\"method\":\"DELETE\""));
}

#[test]
fn nothing_is_new_since_the_newest_run_until_a_table_is_filled_anew() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "nothing");
    let run = newest_run(&home);
    let since = ["--since", &run, "coverage", "patient"];
    let folder = export(&home, &since);
    for table in ["coverage", "patient"] {
        assert_eq!(rows(&folder, table), BTreeSet::new());
    }
    assert_eq!(events(&folder, "_changed").len() + events(&folder, "_deleted").len(), 0);
    // Its rows may be others although no resource has changed.
    home.succeed(&["rebuild", "coverage"], "an export");
    let folder = export(&home, &since);
    assert_eq!(rows(&folder, "patient"), BTreeSet::new());
    let coverages: i64 = home.value("SELECT count(*) FROM coverage");
    assert_eq!(rows(&folder, "coverage").len() as i64, coverages);
    let told = manifest(&folder);
    let is_whole = |table: &str| {
        let files = told["files"].as_array().unwrap();
        files.iter().find(|file| file["table"] == table).unwrap()["is_whole"].as_bool().unwrap()
    };
    assert!(is_whole("coverage") && !is_whole("patient"));
}
