//! Tests of the types for which a plan could not be asked, and which the configuration names no more.

use super::{
    tests::{BASE, capability, input},
    *,
};

#[test]
fn a_type_that_waits_for_an_answer_is_left_out_where_nothing_asks_for_it_any_more() {
    let base = Url::parse(BASE).unwrap();
    let (waiting, star) = (["Goal".to_owned()], ["*".to_owned()]);
    let (patient, declared) = (["Patient".to_owned()], capability(&["Patient"]));
    let goal = |input: &PlanInput<'_>| {
        let of_goal = |step: &Step| step.resource_type() == "Goal";
        plan(input).into_iter().find(of_goal).map(|step| match step {
            Step::Skip { finish, .. } => (finish.state, finish.reason),
            Step::Walk(_) => (WalkState::Running, None),
        })
    };
    let narrow = PlanInput { waiting: &waiting, configured_types: &patient, ..input(&base) };
    assert_eq!(goal(&narrow), Some((WalkState::Skipped, Some(Reason::NotAsked))));
    assert_eq!(goal(&PlanInput { waiting: &[], ..narrow.clone() }), None);
    // A run over some types says nothing of the others.
    assert_eq!(goal(&PlanInput { asked_types: &patient, ..narrow.clone() }), None);
    let usual = PlanInput { configured_types: &[], ..narrow.clone() };
    assert_eq!(goal(&usual), Some((WalkState::Running, None)));
    // Without a declaration, nobody knows what `*` stands for.
    let waiting = ["Basic".to_owned()];
    let all = PlanInput { waiting: &waiting, configured_types: &star, ..narrow };
    let basic =
        |input: &PlanInput<'_>| plan(input).iter().any(|step| step.resource_type() == "Basic");
    assert!(!basic(&all));
    assert!(basic(&PlanInput { capability: Some(&declared), ..all }));
}
