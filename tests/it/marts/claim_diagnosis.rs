//! A diagnosis that a claim only points to is its diagnosis all the same.

use crate::support::Home;

#[test]
fn the_principal_diagnosis_is_found_through_its_condition() {
    let home = Home::of_demo();
    // Two claims, of which one asks for authorization, whose diagnoses are references.
    home.warehouse()
        .execute_batch(
            "CREATE TEMP TABLE pointing AS
               SELECT connection_id, id FROM explanation_of_benefit e
               WHERE connection_id = 1 AND id = (SELECT min(f.id) FROM explanation_of_benefit f
                 JOIN explanation_of_benefit_diagnosis d
                   ON d.connection_id = f.connection_id AND d.explanation_of_benefit_id = f.id
                 WHERE f.connection_id = 1 AND f.\"use\" IS e.\"use\");
             UPDATE explanation_of_benefit SET principal_diagnosis_code = NULL
               WHERE (connection_id, id) IN (SELECT * FROM pointing);
             UPDATE explanation_of_benefit_diagnosis
               SET diagnosis_code = NULL, type_code = 'principal',
                   diagnosis_condition_id = (SELECT min(id) FROM condition WHERE connection_id = 1)
               WHERE (connection_id, explanation_of_benefit_id) IN (SELECT * FROM pointing);
             CREATE TABLE pointing_claim AS SELECT * FROM pointing;",
        )
        .unwrap();
    // Any rebuild makes the marts anew.
    home.succeed(&["rebuild", "coverage"], "making the marts anew");
    let code: String =
        home.value("SELECT code_code FROM condition WHERE connection_id = 1 ORDER BY id LIMIT 1");
    let of = |mart: &str, column: &str| {
        home.rows(&format!(
            "SELECT DISTINCT {column} FROM {mart}
             WHERE (connection_id, explanation_of_benefit_id) IN (SELECT * FROM pointing_claim)"
        ))
    };
    assert_eq!(of("claim", "principal_diagnosis_code"), [[code.clone()]]);
    assert_eq!(of("prior_authorization", "diagnosis_code"), [[code]]);
}
