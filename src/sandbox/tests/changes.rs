//! Tests of resources that a payer amends or withdraws between two nights.

use super::*;

/// The ids of all claims that a walk with large pages finds.
async fn claims(world: &World, token: &str, query: &str) -> Vec<String> {
    let what = format!("ExplanationOfBenefit?_count=100{query}");
    ids(&world.search(&what, token).await)
}

#[tokio::test]
async fn an_amended_resource_is_found_by_its_new_date() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    let id = claims(&world, &token, "").await[3].clone();
    assert!(claims(&world, &token, "&_lastUpdated=ge2026-06-01").await.is_empty());
    let before = world.sandbox.resources(0, "ExplanationOfBenefit")[3].clone();
    assert!(world.sandbox.amend(0, "ExplanationOfBenefit", &id));
    assert_ne!(world.sandbox.resources(0, "ExplanationOfBenefit")[3], before);
    let changed = claims(&world, &token, "&_lastUpdated=ge2026-06-01").await;
    assert_eq!(changed, [id]);
    assert!(!world.sandbox.amend(0, "ExplanationOfBenefit", "nobody"));
}

#[tokio::test]
async fn a_withdrawn_resource_is_gone_and_the_pages_close_up() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    let all = claims(&world, &token, "").await;
    assert!(world.sandbox.withdraw(0, "ExplanationOfBenefit", &all[4]));
    let url = world.url(&format!("ExplanationOfBenefit/{}", all[4]));
    assert_eq!(world.get(&url, &token).await.status(), 410);
    let mut bundle = world.search("ExplanationOfBenefit", &token).await;
    assert_eq!(bundle["total"], 39);
    let mut walked = ids(&bundle);
    while let Some(next) = link(&bundle, "next") {
        bundle = json(world.get(&next, &token).await).await;
        walked.extend(ids(&bundle));
    }
    let mut expected = all.clone();
    expected.remove(4);
    assert_eq!(walked, expected);
    assert_eq!(world.sandbox.resources(0, "ExplanationOfBenefit").len(), 39);
}

#[tokio::test]
async fn service_dates_part_the_claims_in_two() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    let late = claims(&world, &token, "&service-date=ge2023-01-01").await;
    let early = claims(&world, &token, "&service-date=lt2023-01-01").await;
    assert!(!late.is_empty() && !early.is_empty());
    assert!(late.len() + early.len() >= 40);
    let bad = world.get(&world.url("ExplanationOfBenefit?service-date=soon"), &token).await;
    assert_eq!(bad.status(), 400);
}
