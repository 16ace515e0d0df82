//! Tests of when an unfinished walk over changes goes on.

use super::{
    tests::{BASE, cursor, input, known, steps},
    *,
};
use crate::fhir::Capability;

#[test]
fn an_unfinished_walk_over_changes_goes_on_only_where_one_may_still_begin() {
    let base = Url::parse(BASE).unwrap();
    let asked = ["Coverage".to_owned()];
    let statement = br#"{"resourceType":"CapabilityStatement","rest":[{"resource":[
        {"type":"Coverage","searchParam":[{"name":"_lastUpdated"}]}]}]}"#;
    let declared = Capability::parse(statement).unwrap();
    let here = "https://api.x.test/r4/Coverage?_after=30";
    let cursors = [Cursor { kind: WalkKind::Incremental, ..cursor(here) }];
    let begins = |state: TypeState, last_updated| {
        let (capability, states) = (Some(&declared), [state]);
        let usual =
            PlanInput { asked_types: &asked, cursors: &cursors, capability, ..input(&base) };
        steps(&PlanInput { states: &states, last_updated, ..usual })[0].1.clone()
    };
    let good = known("Coverage");
    assert_eq!(begins(good.clone(), true), here);
    assert_eq!(begins(good.clone(), false), "start");
    assert_eq!(begins(TypeState { has_open_rejects: true, ..good }, true), "start");
}
