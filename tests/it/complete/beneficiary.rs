//! A plan that searches Coverages by `beneficiary` alone.

use super::search_rules::{TOKEN, TYPES, live, queries, state, wanting};

#[test]
fn a_plan_that_knows_coverages_by_beneficiary_alone_is_asked_so_and_from_then_on_at_once() {
    const RULE: &str = "[plans.demo.search]\ndefault = \"patient={patient}\"\n";
    for (rules, status) in [("", 400), (RULE, 400), (RULE, 404)] {
        let payer = wanting(400);
        payer.script().token = TOKEN.to_owned();
        payer.script().wants.insert("Coverage", ("beneficiary=a-b", status));
        let home = payer.home(&format!("{TYPES}{rules}"));
        home.succeed(&["sync"], rules);
        // No claim names the Coverage, so that no read would have brought it.
        let all = ["Condition/c1", "Condition/c2", "Coverage/v", "Patient/a-b"];
        assert_eq!(live(&home), all, "{rules}");
        assert_eq!(state(&home, "Coverage"), "complete", "{rules}");
        payer.script().queries.clear();
        home.succeed(&["sync", "--full"], "another night");
        let asked = queries(&payer);
        let of_coverage = asked.iter().filter(|query| query.starts_with("Coverage"));
        let expected = ["Coverage?_count=100&beneficiary=a-b"];
        assert_eq!(of_coverage.collect::<Vec<_>>(), expected, "{rules}");
    }
}
