//! Granular scopes: a consent that names a search, such as one category, covers what this search finds.

use super::granted::{live, of_patient, payer, stands};
use crate::support::{Dictated, Home};

/// How many searches for each of these types came since the last call.
fn asked<const N: usize>(payer: &Dictated, names: [&str; N]) -> [usize; N] {
    let queries = std::mem::take(&mut payer.script().queries);
    names.map(|name| queries.iter().filter(|query| query.split('?').next() == Some(name)).count())
}

fn warning(home: &Home, name: &str) -> String {
    home.value(&format!("SELECT warning FROM completeness WHERE resource_type = '{name}'"))
}

const CATEGORIES: &str = "patient/Patient.rs patient/Condition.rs?category=problem-list-item \
    patient/Observation.rs?category=laboratory patient/Observation.rs?category=survey";

#[test]
fn a_granular_scope_is_searched_for_by_what_it_names() {
    let payer = payer(CATEGORIES);
    let of_category = |name: &str, id: &str, category: &str| {
        let more = format!(r#","category":[{{"text":"{category}"}}]}}"#);
        of_patient(name, id).strip_suffix('}').unwrap().to_owned() + &more
    };
    let observations = [("1", "laboratory"), ("2", "survey")];
    payer.serve("Condition", &[of_category("Condition", "1", "problem-list-item")]);
    payer.serve("Observation", &observations.map(|(id, it)| of_category("Observation", id, it)));
    // A search outside the grant is refused.
    payer.script().wants.insert("Condition", ("category=problem-list-item", 403));
    payer.script().wants.insert("Observation", ("patient=1&category=", 400));
    let home = payer.home("");
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.stderr);
    assert_eq!((live(&home, "Condition"), live(&home, "Observation")), (1, 2));
    for name in ["Condition", "Observation"] {
        assert_eq!(stands(&home, name), ["complete", ""]);
        let told = warning(&home, name);
        assert!(told.contains("covers only a part of it"), "{told}");
    }
    // What has brought something is asked for at once.
    payer.script().queries.clear();
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(asked(&payer, ["Condition", "Observation"]), [1, 2]);
    // A search that the scope names and the plan refuses is a gap.
    payer.script().wants.insert("Observation", ("category=laboratory", 403));
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 2, "{}", sync.stderr);
    assert_eq!(stands(&home, "Observation"), ["incomplete", "forbidden"]);
    assert_eq!(live(&home, "Observation"), 2);
    // So is one where nothing came at all.
    let refused = super::granted::payer(CATEGORIES);
    refused.script().refused.insert("Condition", 403);
    let home = refused.home("");
    assert_eq!(home.run(&["sync"]).code, 2);
    assert_eq!(stands(&home, "Condition"), ["incomplete", "forbidden"]);
}

#[test]
fn a_granular_scope_is_searched_for_where_the_whole_type_is_answered_with_nothing() {
    let scope = "patient/Patient.rs patient/Condition.rs?category=problem-list-item";
    let payer = payer(scope);
    payer.serve::<&str>("Condition", &[]);
    // After a search outside the grant the payer has the Condition: what was searched first found nothing.
    let condition = of_patient("Condition", "problem-list-item");
    payer.script().then = Some(Box::new(move |search, types| {
        if search.starts_with("Condition?") && !search.contains("category=") {
            types.insert("Condition", vec![condition.clone()]);
        }
    }));
    let home = payer.home("");
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.stderr);
    assert_eq!(stands(&home, "Condition"), ["complete", ""]);
    assert_eq!(live(&home, "Condition"), 1);
}

#[test]
fn an_empty_part_of_a_type_is_asked_for_once_and_its_refusal_takes_nothing_back() {
    let payer = payer(CATEGORIES);
    payer.serve::<&str>("Condition", &[]);
    let home = payer.home("");
    for night in ["the first night", "the second night"] {
        home.succeed(&["sync"], night);
        // The whole type, and each search that the consent names.
        assert_eq!(asked(&payer, ["Condition", "Observation"]), [2, 3], "{night}");
    }
    // A plan that leaves out what is not granted, and does not know the search.
    for status in [400, 403] {
        payer.script().refuses = Some(("category", status));
        home.succeed(&["sync"], "a refused search");
        for name in ["Condition", "Observation"] {
            assert_eq!(stands(&home, name), ["complete", ""]);
            let told = format!("refuses a search by what the member's consent names ({status})");
            assert!(warning(&home, name).contains(&told), "{}", warning(&home, name));
        }
    }
    home.succeed(&["verify"], "refused searches");
    // A plan that could not answer has not answered.
    payer.script().refuses = Some(("category", 500));
    assert_eq!(home.run(&["sync"]).code, 2);
    assert_eq!(stands(&home, "Condition"), ["incomplete", "server_error"]);
}

#[test]
fn the_search_that_brought_a_part_comes_first_also_where_the_rest_is_a_gap() {
    let payer = payer(CATEGORIES);
    payer.script().wants.insert("Condition", ("category=problem-list-item", 403));
    let condition = of_patient("Condition", "problem-list-item");
    payer.serve("Condition", &[condition]);
    let home = payer.home("types = [\"Patient\", \"Condition\"]\n");
    for searches in [3, 1, 1] {
        let sync = home.run(&["sync"]);
        assert_eq!(sync.code, 3, "{}", sync.stderr);
        assert_eq!(stands(&home, "Condition"), ["incomplete", "not_granted"]);
        assert_eq!(asked(&payer, ["Condition"]), [searches]);
    }
    home.succeed(&["verify"], "a gap");
}

#[test]
fn a_scope_for_all_types_does_not_say_that_the_plan_serves_each() {
    let labelled = "patient/Patient.rs patient/*.rs?_security=R";
    for scope in [labelled.to_owned(), format!("{labelled} patient/*.rs?_security=N")] {
        let payer = payer(&scope);
        payer.script().refused.insert("Goal", 403);
        let home = payer.home("required = []\n");
        home.succeed(&["sync"], &scope);
        assert_eq!(stands(&home, "Goal"), ["not_served", "forbidden"], "{scope}");
        assert_eq!(stands(&home, "Condition"), ["complete", ""], "{scope}");
    }
}
