//! What a view rejects is in no table, is told, and comes back when the definition is mended.

use crate::support::{Home, Payer, VIEWS_DIR, definition};
use payersync::sandbox::Options;

/// One value for some patients, several for others: those do not fit a plain column.
const TOO_MANY: &str = "generalPractitioner.display";
const MENDED: &str = "generalPractitioner.display.first()";

fn home(payer: &Payer) -> Home {
    let home = Home::new();
    std::fs::create_dir(home.file("views")).unwrap();
    payer.configure(&home, VIEWS_DIR);
    for member in 0..6 {
        payer.connect(&home, &format!("member{member}"), member);
    }
    home
}

/// Makes the stored patients of odd connections have two practitioners.
fn give_two_practitioners(home: &Home) -> i64 {
    let count = home
        .warehouse()
        .execute(
            "UPDATE resource SET json = json_set(json, '$.generalPractitioner',
               json('[{\"display\":\"A\"},{\"display\":\"B\"}]'))
             WHERE resource_type = 'Patient' AND connection_id % 2 = 1",
            [],
        )
        .unwrap();
    i64::try_from(count).unwrap()
}

fn patients(home: &Home, table: &str) -> i64 {
    home.value(&format!("SELECT count(DISTINCT connection_id) FROM {table}"))
}

fn open_rejects(home: &Home) -> Vec<Vec<String>> {
    home.rows(
        "SELECT resource_type, reason, detail, page FROM rejected_resource
         WHERE resolved_at IS NULL ORDER BY id",
    )
}

#[test]
fn a_stored_resource_that_a_new_definition_rejects_leaves_every_table_and_comes_back() {
    let payer = Payer::start(Options { members: 6, ..Options::plain() });
    let home = home(&payer);
    assert_eq!(home.run(&["sync"]).code, 0);
    let odd = give_two_practitioners(&home);
    assert_eq!(odd, 3);
    assert_eq!(home.run(&["rebuild"]).code, 0);
    let before = home.digest();

    home.own_view("own.json", &definition("own", "Patient", TOO_MANY));
    let rebuild = home.run(&["rebuild", "own"]);
    assert_eq!(rebuild.code, 2, "{}", rebuild.stderr);
    assert!(rebuild.stderr.contains("Rejected: 3"), "{}", rebuild.stderr);
    for table in ["patient", "patient_identifier", "own"] {
        assert_eq!(patients(&home, table), 3, "{table}");
    }
    let rejects = open_rejects(&home);
    assert_eq!(rejects.len(), 3);
    assert_eq!(rejects[0][..2], ["Patient", "view_error"]);
    assert!(rejects[0][2].starts_with("table own: "), "{rejects:?}");
    assert_eq!(home.run(&["status"]).code, 2);
    // A rebuild of everything finds the same.
    let digest = home.digest();
    assert_eq!(home.run(&["rebuild"]).code, 2);
    assert_eq!(home.digest(), digest);
    assert_eq!(open_rejects(&home), rejects);

    home.own_view("own.json", &definition("own", "Patient", MENDED));
    assert_eq!(home.run(&["rebuild", "own"]).code, 0);
    assert!(open_rejects(&home).is_empty());
    assert_eq!(home.run(&["status"]).code, 0);
    assert_eq!(patients(&home, "own"), 6);
    std::fs::remove_file(home.file("views/own.json")).unwrap();
    assert_eq!(home.run(&["rebuild", "patient"]).code, 0);
    assert_eq!(home.digest(), before);
}

#[test]
fn taking_the_definition_away_mends_it_too() {
    let payer = Payer::start(Options { members: 6, ..Options::plain() });
    let home = home(&payer);
    assert_eq!(home.run(&["sync"]).code, 0);
    give_two_practitioners(&home);
    assert_eq!(home.run(&["rebuild"]).code, 0);
    let before = home.digest();
    home.own_view("own.json", &definition("own", "Patient", TOO_MANY));
    assert_eq!(home.run(&["rebuild", "own"]).code, 2);
    std::fs::remove_file(home.file("views/own.json")).unwrap();
    assert_eq!(home.run(&["rebuild", "patient"]).code, 0);
    assert!(open_rejects(&home).is_empty());
    assert_eq!(home.digest(), before);
}

#[test]
fn a_page_lands_without_the_resource_that_a_view_rejects() {
    let payer = Payer::start(Options { members: 6, ..Options::plain() });
    let home = home(&payer);
    // Every claim with more than one line is too much for this column.
    home.own_view("own.json", &definition("own", "ExplanationOfBenefit", "item.sequence"));
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 2, "{}", sync.stderr);
    let rejects = open_rejects(&home);
    assert!(!rejects.is_empty());
    let [stored, in_table, rejected] = [
        "SELECT count(*) FROM resource WHERE resource_type = 'ExplanationOfBenefit'",
        "SELECT count(*) FROM explanation_of_benefit",
        "SELECT sum(rejects) FROM completeness",
    ]
    .map(|sql| home.value::<i64>(sql));
    assert!(in_table > 0);
    assert_eq!(stored, in_table + rejected);
    assert_eq!(rejected, rejects.len() as i64);
    assert!(rejects.iter().all(|reject| reject[3] != "0"), "they name their page");
    // The next night finds them as they were, and still says so.
    assert_eq!(home.run(&["sync"]).code, 2);
    assert_eq!(open_rejects(&home), rejects);

    home.own_view("own.json", &definition("own", "ExplanationOfBenefit", "item.sequence.first()"));
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.stderr);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM explanation_of_benefit"), stored);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM own"), stored);
}
