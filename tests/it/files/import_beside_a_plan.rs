//! Files beside a plan: what a plan says goes before what a file holds, and a connection that only
//! files fill is asked for nothing.

use crate::{
    files::import::{import, member, put, stored},
    support::{Home, Payer},
};
use payersync::sandbox::Options;

const TRUTH: &str = "SELECT resource_type, mode, state, complete_as_of, watermark FROM completeness
   WHERE mode <> 'file' ORDER BY 1";
const CLAIMS: &str = "ExplanationOfBenefit";

fn synced() -> (Payer, Home) {
    let payer = Payer::start(Options { claims_per_member: 6, ..Options::default() });
    let home = payer.connected_home();
    home.succeed(&["sync"], "connect");
    (payer, home)
}

fn goal(home: &Home) -> String {
    let patient: String = home.value("SELECT patient_id FROM connection");
    format!(
        r#"{{"resourceType":"Goal","id":"of-a-file","lifecycleStatus":"active",
        "description":{{"text":"walk"}},"subject":{{"reference":"Patient/{patient}"}}}}"#
    )
}

#[test]
fn a_file_adds_to_what_a_plan_sent_and_no_walk_of_the_plan_misses_it() {
    let (_payer, home) = synced();
    let truth = home.rows(TRUTH);
    let file = put(&home, "portal.json", goal(&home));
    let imported = import(&home, "john", &file);
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    assert_eq!(home.rows(TRUTH), truth);
    assert_eq!(home.run(&["status"]).code, 0);
    for arguments in [&["sync", "--full"][..], &["sync", "--full"], &["sync"]] {
        home.succeed(arguments, "an import");
        let goals = "SELECT description_text FROM goal WHERE id = 'of-a-file'";
        assert_eq!(home.rows(goals), [["walk"]]);
    }
    assert_eq!(home.value::<i64>("SELECT count(*) FROM absent_resource"), 0);
    home.succeed(&["verify"], "an import and syncs");
}

#[test]
fn what_a_file_and_a_plan_hold_is_the_plans() {
    let (payer, home) = synced();
    let claims = payer.resources(0, CLAIMS);
    let ids = home.rows(&format!(
        "SELECT resource_id FROM resource WHERE resource_type = '{CLAIMS}' ORDER BY 1"
    ));
    let gone = &ids[0][0];
    // The same bytes, then the plan's newer ones, then an older file again: the plan's stay.
    let file = put(&home, "claims.json", format!("[{}]", claims.join(",")));
    assert_eq!(import(&home, "john", &file).code, 0);
    assert!(payer.amend(0, CLAIMS, &ids[1][0]));
    assert!(payer.withdraw(0, CLAIMS, gone));
    home.succeed(&["sync", "--full"], "changes");
    let live = stored(&home);
    for _ in 0..2 {
        let imported = import(&home, "john", &file);
        assert_eq!(imported.code, 0, "{}", imported.stderr);
        assert!(imported.stderr.contains(" 0 rows written"), "{}", imported.stderr);
        assert_eq!(stored(&home), live);
    }
    let rows = format!("SELECT count(*) FROM explanation_of_benefit WHERE id = '{gone}'");
    assert_eq!(home.value::<i64>(&rows), 0);
    home.succeed(&["sync"], "imports");
    assert_eq!(stored(&home), live);
    home.succeed(&["verify"], "imports");
}

#[test]
fn a_file_that_came_first_is_the_plans_once_the_plan_sends_it() {
    let payer = Payer::start(Options { claims_per_member: 6, ..Options::default() });
    let home = payer.connected_home();
    let claims = payer.resources(0, CLAIMS);
    let file = put(&home, "claims.json", format!("[{}]", claims.join(",")));
    assert_eq!(import(&home, "john", &file).code, 0);
    home.succeed(&["sync"], "an import");
    let gone: String = home
        .value(&format!("SELECT min(resource_id) FROM resource WHERE resource_type = '{CLAIMS}'"));
    assert!(payer.withdraw(0, CLAIMS, &gone));
    home.succeed(&["sync", "--full"], "a withdrawal");
    let live = format!(
        "SELECT count(*) FROM resource WHERE resource_id = '{gone}' AND deleted_at IS NULL"
    );
    assert_eq!(home.value::<i64>(&live), 0);
}

#[test]
fn what_a_quiet_walk_took_over_from_a_file_is_the_plans_also_when_old_nights_are_forgotten() {
    let (payer, home) = synced();
    home.succeed(&["sync", "--full"], "a sync");
    let id: String = home
        .value(&format!("SELECT min(resource_id) FROM resource WHERE resource_type = '{CLAIMS}'"));
    assert!(payer.amend(0, CLAIMS, &id));
    let claims = payer.resources(0, CLAIMS);
    let claim = claims.iter().find(|claim| claim.contains(&format!("\"id\":\"{id}\""))).unwrap();
    assert_eq!(import(&home, "john", &put(&home, "newer.json", claim)).code, 0);
    home.succeed(&["sync", "--full"], "an import");
    let run: i64 = home.value("SELECT max(id) FROM sync_run");
    let taken_over = format!(
        "SELECT count(*) FROM resource r JOIN sync_walk w ON w.id = r.walk_id
         WHERE r.resource_type = '{CLAIMS}' AND r.resource_id = '{id}' AND w.run_id = {run} AND w.resources_changed = 0"
    );
    assert_eq!(home.value::<i64>(&taken_over), 1, "the plan's walk counts it as unchanged");
    home.succeed(&["sync", "--full"], "a quiet night");
    home.warehouse()
        .execute_batch(
            "UPDATE sync_walk SET finished_at = '2001-01-01T00:00:00.000Z';
             UPDATE sync_run SET finished_at = '2001-01-01T00:00:00.000Z'",
        )
        .unwrap();
    payer.configure(&home, "[warehouse]\nkeep_runs_days = 30\n");
    home.succeed(&["sync", "--full"], "quiet nights");
    let merged = "SELECT count(*) FROM sync_walk WHERE warning LIKE '%sums of the walks%'";
    assert!(home.value::<i64>(merged) > 0, "old nights were forgotten");
    let dangling = home.rows("SELECT \"table\" FROM pragma_foreign_key_check");
    assert!(dangling.is_empty(), "{dangling:?}");
    home.succeed(&["verify"], "forgetting");
    assert_eq!(home.value::<i64>(&taken_over), 1);
    let held = stored(&home);
    let forged = claim.replacen(r#""id":""#, r#""language":"de","id":""#, 1);
    assert_ne!(&forged, claim);
    let imported = import(&home, "john", &put(&home, "forged.json", forged));
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    assert_eq!(stored(&home), held);
}

#[test]
fn another_members_file_does_not_come_into_a_plans_connection() {
    let (payer, home) = synced();
    let before = stored(&home);
    let file = put(&home, "other.json", payer.resources(1, "Patient").concat());
    let imported = import(&home, "john", &file);
    assert_eq!(imported.code, 2, "{}", imported.stderr);
    assert!(imported.stderr.contains("dependants = true"), "{}", imported.stderr);
    assert_eq!(stored(&home), before);
    let based = home.run(&["import", "john", &file, "--base", "https://h.example/r4"]);
    assert_eq!(based.code, 1, "{}", based.stderr);
    assert!(based.stderr.contains("leave out --base"), "{}", based.stderr);
}

#[test]
fn a_connection_that_only_files_fill_is_asked_for_nothing_and_needs_no_token() {
    let (payer, home) = synced();
    let [patient, ..] = member("p");
    let file = put(&home, "portal.json", patient);
    assert_eq!(import(&home, "portal", &file).code, 0);
    payer.clear_requests();
    let synced = home.run(&["sync"]);
    assert_eq!(synced.code, 0, "{}", synced.stderr);
    assert!(!synced.stderr.contains("portal"), "{}", synced.stderr);
    for arguments in [
        &["sync", "portal"][..],
        &["plan", "portal"],
        &["backfill", "portal", "--from", "2020-01-01"],
        &["get", "Patient", "--connection", "portal"],
    ] {
        let refused = home.run(arguments);
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        assert!(refused.stderr.contains("portal is filled from files"), "{}", refused.stderr);
        assert!(refused.stderr.contains("payersync import portal FILE"), "{}", refused.stderr);
    }
    let connect = home.run(&["connect", "portal", "--plan", "demo", "--code", "x"]);
    assert_eq!(connect.code, 1, "{}", connect.stderr);
    assert!(connect.stderr.contains("portal is from files"), "{}", connect.stderr);
    let status = home.run(&["status"]);
    assert_eq!(status.code, 0, "{}", status.stdout);
    assert!(status.stdout.contains("portal from files"), "{}", status.stdout);
    let json = home.run(&["status", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let portal = json["connections"].as_array().unwrap();
    let portal = portal.iter().find(|one| one["name"] == "portal").unwrap();
    assert!(portal["plan"].is_null() && portal["complete"] == true, "{portal}");
    assert_eq!(portal["types"][0]["mode"], "file");
    let doctor = home.run(&["doctor", "--offline"]);
    assert_eq!(doctor.code, 0, "{}", doctor.stdout);
    assert!(
        doctor.stdout.contains("tokens of portal: filled from files alone"),
        "{}",
        doctor.stdout
    );
    let metrics = home.run(&["status", "--prometheus"]).stdout;
    assert!(!metrics.contains("payersync_consent_needed{connection=\"portal\""), "{metrics}");
    assert!(!metrics.contains("payersync_freshness_seconds{connection=\"portal\""), "{metrics}");
    assert!(metrics.contains("payersync_resources{connection=\"portal\""), "{metrics}");
}

#[test]
fn two_connections_of_files_with_the_same_id_are_not_one_person() {
    let home = Home::new();
    let [patient, ..] = member("1");
    let file = put(&home, "portal.json", patient);
    for name in ["mary", "anna"] {
        assert_eq!(import(&home, name, &file).code, 0);
    }
    assert_eq!(home.value::<i64>("SELECT count(DISTINCT member_id) FROM member"), 2);
    let labelled = home.run(&["import", "mary2", &file, "--member", "m"]);
    assert_eq!(labelled.code, 0, "{}", labelled.stderr);
    assert_eq!(home.rows("SELECT member FROM connection ORDER BY id").concat(), ["", "", "m"]);
}
