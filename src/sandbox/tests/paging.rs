//! Tests of searches, their pages and the links between them.

use super::*;

#[tokio::test]
async fn ten_claims_stand_on_a_page_in_ascending_order() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    let bundle = world.search("ExplanationOfBenefit", &token).await;
    assert_eq!(bundle["type"], "searchset");
    assert_eq!(bundle["total"], 40);
    let ids = ids(&bundle);
    assert_eq!(ids.len(), 10);
    assert!(ids.is_sorted());
    assert!(link(&bundle, "next").unwrap().ends_with(&format!("_after={}", ids[9])));
    assert_eq!(link(&bundle, "self").unwrap(), world.url("ExplanationOfBenefit"));
    assert_eq!(link(&bundle, "prior"), None);
}

#[tokio::test]
async fn a_walk_delivers_exactly_the_promised_texts() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    for name in world.sandbox.types() {
        let mut url = world.url(&format!("{name}?_count=7"));
        let mut texts = String::new();
        let mut found = Vec::new();
        loop {
            let text = world.get(&url, &token).await.text().await.unwrap();
            let bundle: Value = serde_json::from_str(&text).unwrap();
            found.extend(ids(&bundle));
            texts.push_str(&text);
            match link(&bundle, "next") {
                Some(next) => url = next,
                None => break,
            }
        }
        let truth = world.sandbox.resources(0, name);
        assert_eq!(found.len(), truth.len(), "{name}");
        for text in &truth {
            assert!(texts.contains(text.as_str()), "{name}");
        }
    }
}

#[tokio::test]
async fn an_exactly_full_last_page_leads_to_an_empty_one() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    let mut bundle = world.search("ExplanationOfBenefit?_count=20", &token).await;
    let mut sizes = vec![ids(&bundle).len()];
    while let Some(next) = link(&bundle, "next") {
        bundle = json(world.get(&next, &token).await).await;
        sizes.push(ids(&bundle).len());
    }
    assert_eq!(sizes, [20, 20, 0]);
    assert!(bundle.get("entry").is_none());
    assert_eq!(bundle["total"], 40);
}

#[tokio::test]
async fn a_bundle_that_fits_has_no_links() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    assert!(world.search("Patient", &token).await.get("link").is_none());
    let all = world.search("ExplanationOfBenefit?_count=1000", &token).await;
    assert_eq!(ids(&all).len(), 40);
    assert!(all.get("link").is_none());
}

#[tokio::test]
async fn prior_leads_back_to_the_page_before() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    let first = world.search("ExplanationOfBenefit?_count=10", &token).await;
    let second = json(world.get(&link(&first, "next").unwrap(), &token).await).await;
    let third = json(world.get(&link(&second, "next").unwrap(), &token).await).await;
    let back = json(world.get(&link(&third, "prior").unwrap(), &token).await).await;
    assert_eq!(ids(&back), ids(&second));
    let back = json(world.get(&link(&second, "prior").unwrap(), &token).await).await;
    assert_eq!(ids(&back), ids(&first));
}

#[tokio::test]
async fn the_other_base_answers_with_links_to_the_first() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    let url = format!("{}/fhir/r4/ExplanationOfBenefit", world.sandbox.origin());
    let bundle = json(world.get(&url, &token).await).await;
    assert!(link(&bundle, "next").unwrap().starts_with(&world.url("ExplanationOfBenefit?")));
}

#[tokio::test]
async fn a_token_is_limited_to_its_member() {
    let world = World::new(Options { members: 3, ..Options::default() }).await;
    let mut seen = std::collections::HashSet::new();
    for member in 0..3 {
        let token = world.access_token(member).await;
        let bundle = world.search("Patient", &token).await;
        assert!(seen.insert(ids(&bundle)));
    }
}

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let world = World::new(Options::default()).await;
    let response = world.client.get(world.url("Patient")).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.text().await.unwrap(), r#"{"message":"Unauthorized"}"#);
    let open = world.client.get(world.url("metadata")).send().await.unwrap();
    let statement = json(open).await;
    assert_eq!(statement["fhirVersion"], "4.0.1");
    assert_eq!(statement["rest"][0]["resource"].as_array().unwrap().len(), 33);
    let smart = world.url(".well-known/smart-configuration");
    assert_eq!(world.client.get(smart).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn what_the_gateway_and_the_index_refuse_is_refused() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    let far = world.get(&world.url("Patient?_skip=9991"), &token).await;
    assert_eq!(far.status(), 400);
    assert!(far.text().await.unwrap().contains("Result window is too large"));
    let unknown = world.get(&world.url("Spaceship"), &token).await;
    assert_eq!(unknown.status(), 404);
    let outcome = json(unknown).await;
    assert!(outcome["issue"][0]["details"]["text"].as_str().unwrap().contains("Spaceship"));
    let page = world.search("ExplanationOfBenefit?_skip=38", &token).await;
    assert_eq!(ids(&page).len(), 2);
}

#[tokio::test]
async fn a_literal_bar_in_the_query_is_refused() {
    use std::io::{Read as _, Write as _};
    let world = World::new(Options::default()).await;
    let address = world.sandbox.origin().replace("http://", "");
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let request =
            "GET /r4/Patient?identifier=a|b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answer.await.unwrap().starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn last_updated_finds_what_changed_since() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    let all = world.search("ExplanationOfBenefit?_sort=_lastUpdated&_count=100", &token).await;
    let dates: Vec<String> = all["entry"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|e| e["resource"]["meta"]["lastUpdated"].as_str().map(str::to_string))
        .collect();
    assert!(dates.is_sorted_by_key(|date| chrono::DateTime::parse_from_rfc3339(date).unwrap()));
    let middle = dates[dates.len() / 2].replace('+', "%2B");
    let search = "ExplanationOfBenefit?_lastUpdated=";
    let since = world.search(&format!("{search}ge{middle}"), &token).await;
    let before = world.search(&format!("{search}lt{middle}"), &token).await;
    assert_eq!(since["total"].as_u64().unwrap() + before["total"].as_u64().unwrap(), 40);
    assert!(link(&since, "self").unwrap().contains("_lastUpdated=ge"));
}

#[tokio::test]
async fn one_resource_is_read_by_its_id() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    let truth = world.sandbox.resources(0, "Coverage");
    let id = serde_json::from_str::<Value>(&truth[1]).unwrap()["id"].as_str().unwrap().to_string();
    let url = world.url(&format!("Coverage/{id}"));
    assert_eq!(world.get(&url, &token).await.text().await.unwrap(), truth[1]);
    assert_eq!(world.get(&world.url("Coverage/none"), &token).await.status(), 404);
    let by_id = world.search(&format!("Coverage?_id={id}"), &token).await;
    assert_eq!(ids(&by_id), [id]);
}

#[tokio::test]
async fn a_sorted_search_pages_through_everything_once() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    let mut bundle = world.search("ExplanationOfBenefit?_sort=-_lastUpdated", &token).await;
    let mut seen: Vec<String> = ids(&bundle);
    while let Some(next) = link(&bundle, "next") {
        bundle = json(world.get(&next, &token).await).await;
        seen.extend(ids(&bundle));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 40);
}

#[tokio::test]
async fn requests_are_recorded_and_forgotten_on_demand() {
    let world = World::new(Options::default()).await;
    let token = world.access_token(0).await;
    world.sandbox.clear_requests();
    world.search("Patient?_count=5", &token).await;
    let requests = world.sandbox.requests();
    let expected = Request {
        method: "GET".to_string(),
        path: "/r4/Patient".to_string(),
        query: "_count=5".to_string(),
        had_bearer: true,
        status: 200,
        at: requests[0].at,
    };
    assert_eq!(requests, [expected]);
    world.sandbox.stop().await;
}

#[tokio::test]
async fn a_hundred_thousand_members_need_no_preparation() {
    let world = World::new(Options { members: 100_000, ..Options::default() }).await;
    let token = world.access_token(99_999).await;
    assert_eq!(world.search("ExplanationOfBenefit", &token).await["total"], 40);
}
