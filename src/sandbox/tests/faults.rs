//! Tests that every fault does what its description says, and nothing else.

use super::*;
use chrono::{DateTime, TimeDelta, Utc};
use flate2::read::MultiGzDecoder;
use std::{io::Read, time::Duration};

/// A page as a client received it: status, some headers, and the body, if it could be read.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    status: u16,
    headers: String,
    body: Result<String, ()>,
}

/// Unpacks gzip of one or several members.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, ()> {
    let mut body = Vec::new();
    match MultiGzDecoder::new(bytes).read_to_end(&mut body) {
        Ok(_) => Ok(body),
        Err(_) => Err(()),
    }
}

impl World {
    async fn misbehaving(fault: Fault) -> World {
        World::new(Options {
            faults: vec![fault],
            members: 2,
            stall: Duration::from_millis(60),
            huge_page_bytes: 1 << 20,
            gzip_bomb_bytes: 1 << 20,
            ..Options::default()
        })
        .await
    }

    /// Sends one request; `None` if there was no answer.
    async fn attempt(&self, url: &str, token: &str) -> Option<Seen> {
        let response = self.client.get(url).bearer_auth(token).send().await.ok()?;
        let date = response.headers().get("date").map_or("", |date| date.to_str().unwrap());
        let headers = format!(
            "{} {:?} {:?} {:?} {:?}",
            DateTime::parse_from_rfc2822(date).unwrap() > Utc::now() + TimeDelta::days(1),
            response.headers().get("age"),
            response.headers().get("retry-after"),
            response.headers().get("location").map(|_| ()),
            response.headers().get("x-retry-after"),
        );
        let status = response.status().as_u16();
        let is_packed = response.headers().contains_key("content-encoding");
        let body = match response.bytes().await {
            Ok(bytes) if is_packed => unpacked(&bytes),
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(_) => Err(()),
        };
        // Decoded as Latin-1, so that bytes that are not UTF-8 are kept.
        let body = body.map(|bytes| bytes.iter().map(|byte| char::from(*byte)).collect());
        Some(Seen { status, headers, body })
    }

    /// Walks claims in pages of ten, as long as a page is a Bundle with a usable `next`.
    async fn walk(&self, token: &str) -> Vec<Option<Seen>> {
        let mut url = self.url("ExplanationOfBenefit?_count=10");
        let mut pages = Vec::new();
        while pages.len() < 9 {
            let page = self.attempt(&url, token).await;
            let body = page.as_ref().and_then(|page| page.body.clone().ok());
            pages.push(page);
            let bundle = body.and_then(|body| serde_json::from_str::<Value>(&body).ok());
            match bundle.as_ref().and_then(|bundle| link(bundle, "next")) {
                Some(next) => url = self.absolute(&next),
                None => break,
            }
        }
        pages
    }

    fn absolute(&self, next: &str) -> String {
        if next.starts_with("http://") {
            return next.to_string();
        }
        if next.starts_with("127.") { format!("http://{next}") } else { self.url(next) }
    }

    /// Page 3 of a new walk; `None` if there was no answer.
    async fn page_three(&self, token: &str) -> Option<Seen> {
        let first = self.search("ExplanationOfBenefit?_count=10", token).await;
        let second = json(self.get(&link(&first, "next").unwrap(), token).await).await;
        self.attempt(&link(&second, "next").unwrap(), token).await
    }

    /// The Bundle of page 3.
    async fn bundle_three(&self) -> Value {
        let token = self.access_token(0).await;
        let page = self.page_three(&token).await.unwrap();
        serde_json::from_str(&page.body.unwrap()).unwrap()
    }

    /// Everything that a client can see, without the texts that differ between any two sandboxes.
    async fn transcript(&self) -> String {
        let code = self.code(0).await;
        let fields = [("grant_type", "authorization_code"), ("code", code.as_str())];
        let mut text = String::new();
        let mut tokens = Value::Null;
        for _ in 0..3 {
            let response = self.token_request(&fields).await;
            text.push_str(&format!("{}\n", response.status()));
            tokens = serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
            if tokens["access_token"].is_string() {
                break;
            }
        }
        text.push_str(&format!("{} {}\n", tokens["expires_in"], tokens["scope"]));
        let old = tokens["refresh_token"].as_str().unwrap_or("none").to_string();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", old.as_str())];
        let mut access = tokens["access_token"].as_str().unwrap_or("none").to_string();
        for _ in 0..2 {
            let body = Serializer::new(String::new())
                .extend_pairs([("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)])
                .extend_pairs(fields)
                .finish();
            let request = self.client.post(self.sandbox.token_url()).body(body);
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            let Ok(response) = request.send().await else {
                text.push_str("no answer\n");
                continue;
            };
            let answer: Value =
                serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
            text.push_str(&format!(
                "{} {} {} {}\n",
                answer["error"],
                answer["token_type"],
                answer["scope"],
                answer["refresh_token"].is_string()
            ));
            if let Some(token) = answer["access_token"].as_str() {
                access = token.to_string();
            }
        }
        let first: Value = serde_json::from_str(&self.sandbox.resources(0, "Location")[0]).unwrap();
        let read = format!("Location/{}", first["id"].as_str().unwrap());
        for what in ["Location?_lastUpdated=ge2022-01-01", "Condition?_count=3", &read] {
            text.push_str(&format!("{:?}\n", self.attempt(&self.url(what), &access).await));
        }
        text.push_str(&format!("{:?}\n", self.walk(&access).await));
        text.replace(&self.sandbox.origin(), "ORIGIN")
            .replace(&self.sandbox.foreign_origin(), "FOREIGN")
            .replace(&self.sandbox.origin()[7..], "HOST")
    }
}

#[tokio::test]
async fn no_fault_is_without_effect() {
    let healthy = World::with_faults(&[]).await.transcript().await;
    // These faults only slow answers down, and no test measures time.
    let unseen = [Fault::SlowBody, Fault::TokenSlow];
    for fault in Fault::ALL.iter().filter(|fault| !unseen.contains(fault)) {
        let world = World::misbehaving(*fault).await;
        assert_ne!(world.transcript().await, healthy, "{fault}");
    }
}

#[tokio::test]
async fn two_healthy_sandboxes_look_the_same() {
    let first = World::with_faults(&[]).await.transcript().await;
    assert_eq!(first, World::with_faults(&[]).await.transcript().await);
}

#[tokio::test]
async fn faults_that_pass_pass_at_the_third_attempt() {
    let passing = [
        Fault::ThrottleSeconds,
        Fault::ThrottleDate,
        Fault::ThrottleBare,
        Fault::ThrottleTransient,
        Fault::Gateway500,
        Fault::Gateway502,
        Fault::Gateway503,
        Fault::Gateway504,
        Fault::ConnectionReset,
    ];
    for fault in passing {
        let world = World::misbehaving(fault).await;
        let token = world.access_token(0).await;
        let first = world.search("ExplanationOfBenefit?_count=10", &token).await;
        let second = json(world.get(&link(&first, "next").unwrap(), &token).await).await;
        let third = link(&second, "next").unwrap();
        for _ in 0..2 {
            let seen = world.attempt(&third, &token).await;
            assert!(seen.is_none_or(|seen| seen.status >= 400), "{fault}");
        }
        let seen = world.attempt(&third, &token).await.unwrap();
        assert_eq!(seen.status, 200, "{fault}");
    }
}

#[tokio::test]
async fn a_401_mid_walk_is_healed_by_a_refresh() {
    let world = World::misbehaving(Fault::UnauthorizedMidWalk).await;
    let tokens = world.tokens(0).await;
    let token = tokens["access_token"].as_str().unwrap();
    let first = world.search("ExplanationOfBenefit?_count=10", token).await;
    let next = link(&first, "next").unwrap();
    assert_eq!(world.attempt(&next, token).await.unwrap().status, 401);
    assert_eq!(world.attempt(&next, token).await.unwrap().status, 401);
    let refreshed = json(world.refresh(tokens["refresh_token"].as_str().unwrap()).await).await;
    let token = refreshed["access_token"].as_str().unwrap();
    assert_eq!(world.attempt(&next, token).await.unwrap().status, 200);
}

#[tokio::test]
async fn an_expired_cursor_stays_expired_but_a_new_walk_works() {
    let world = World::misbehaving(Fault::CursorExpired).await;
    let token = world.access_token(0).await;
    let first = world.walk(&token).await;
    assert_eq!(first.len(), 3);
    assert_eq!(first[2].as_ref().unwrap().status, 410);
    assert_eq!(world.walk(&token).await.len(), 5);
}

#[tokio::test]
async fn a_lost_refresh_response_leaves_a_dead_token() {
    let world = World::misbehaving(Fault::LostRefreshResponse).await;
    let tokens = world.tokens(0).await;
    let old = tokens["refresh_token"].as_str().unwrap();
    let body = Serializer::new(String::new())
        .append_pair("client_id", CLIENT_ID)
        .append_pair("client_secret", CLIENT_SECRET)
        .append_pair("grant_type", "refresh_token")
        .append_pair("refresh_token", old)
        .finish();
    let request = world.client.post(world.sandbox.token_url()).body(body);
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    assert!(request.send().await.is_err());
    assert_eq!(json(world.refresh(old).await).await["error"], "invalid_grant");
}

#[tokio::test]
async fn the_token_endpoint_recovers_without_spending_the_code() {
    let world = World::misbehaving(Fault::Token503).await;
    let code = world.code(0).await;
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str())];
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(world.token_request(&fields).await.status().as_u16());
    }
    assert_eq!(statuses, [503, 503, 200]);
}

#[tokio::test]
async fn links_that_go_astray_still_lead_somewhere_known() {
    for (fault, part) in [
        (Fault::NextRelative, "ExplanationOfBenefit?"),
        (Fault::NextWithoutScheme, "127.0.0.1:"),
        (Fault::NextCaseChanged, "/R4/"),
        (Fault::NextLong, "_ct=AAAA"),
    ] {
        let world = World::misbehaving(fault).await;
        let token = world.access_token(0).await;
        let pages = world.walk(&token).await;
        assert_eq!(pages.len(), 5, "{fault}");
        let third: Value =
            serde_json::from_str(pages[2].as_ref().unwrap().body.as_ref().unwrap()).unwrap();
        assert!(link(&third, "next").unwrap().contains(part), "{fault}");
    }
}

#[tokio::test]
async fn the_foreign_origin_counts_who_comes_with_a_token() {
    let world = World::misbehaving(Fault::NextForeignOrigin).await;
    let next = link(&world.bundle_three().await, "next").unwrap();
    assert!(next.starts_with(&world.sandbox.foreign_origin()));
    world.client.get(&next).send().await.unwrap();
    world.get(&next, "x").await;
    assert_eq!(world.sandbox.foreign_requests(), (2, 1));
    world.sandbox.clear_requests();
    assert_eq!(world.sandbox.foreign_requests(), (0, 0));
}

#[tokio::test]
async fn an_empty_page_leads_on_to_everything() {
    let world = World::misbehaving(Fault::EmptyPageWithNext).await;
    let token = world.access_token(0).await;
    let pages = world.walk(&token).await;
    let sizes: Vec<usize> = pages
        .iter()
        .map(|page| {
            let body = page.as_ref().unwrap().body.as_ref().unwrap();
            ids(&serde_json::from_str(body).unwrap()).len()
        })
        .collect();
    assert_eq!(sizes, [10, 10, 0, 10, 10, 0]);
}

#[tokio::test]
async fn entries_are_odd_in_the_announced_way() {
    let three = |fault| async move { World::misbehaving(fault).await.bundle_three().await };
    let entries = |bundle: &Value| bundle["entry"].as_array().unwrap().clone();
    let doubled = entries(&three(Fault::DuplicateEntry).await);
    assert_eq!((doubled.len(), &doubled[0]), (11, &doubled[1]));
    let included = entries(&three(Fault::IncludeEntry).await);
    assert_eq!(included[10]["search"]["mode"], "include");
    assert_eq!(included[10]["resource"]["resourceType"], "Patient");
    let nameless = entries(&three(Fault::MissingId).await);
    assert!(nameless[0]["resource"]["id"].is_null() && nameless[1]["resource"]["id"].is_string());
    let warned = entries(&three(Fault::OutcomeEntry).await);
    assert_eq!(warned[0]["search"]["mode"], "outcome");
    let undated = entries(&three(Fault::NoLastUpdated).await);
    assert!(undated.iter().all(|entry| entry["resource"]["meta"]["lastUpdated"].is_null()));
    let dated = entries(&three(Fault::BadDate).await);
    assert_eq!(dated[0]["resource"]["billablePeriod"]["start"], "2021-02-30");
    let empty = entries(&three(Fault::NullEntry).await);
    assert!(empty[10].get("resource").is_none() && empty[11]["resource"].is_null());
    let foreign = entries(&three(Fault::ForeignSubject).await);
    assert_ne!(foreign[10]["resource"]["patient"], foreign[0]["resource"]["patient"]);
}

#[tokio::test]
async fn nesting_is_deeper_than_a_careful_parser_goes() {
    let world = World::misbehaving(Fault::DeepNesting).await;
    let token = world.access_token(0).await;
    let body = world.page_three(&token).await.unwrap().body.unwrap();
    assert!(serde_json::from_str::<Value>(&body).unwrap_err().to_string().contains("recursion"));
}

#[tokio::test]
async fn large_bodies_are_pages_all_the_same() {
    for fault in [Fault::GzipBomb, Fault::HugePage] {
        let world = World::misbehaving(fault).await;
        let token = world.access_token(0).await;
        let body = world.page_three(&token).await.unwrap().body.unwrap();
        assert!(body.len() > 1_000_000, "{fault}");
        assert_eq!(ids(&serde_json::from_str(&body).unwrap()).len(), 10, "{fault}");
    }
}

#[tokio::test]
async fn a_slow_body_is_complete_in_the_end() {
    let world = World::misbehaving(Fault::SlowBody).await;
    assert_eq!(ids(&world.bundle_three().await).len(), 10);
}

#[tokio::test]
async fn churn_changes_nothing_but_version_and_date() {
    let world = World::misbehaving(Fault::VersionChurn).await;
    let token = world.access_token(0).await;
    let (first, second) =
        (world.search("Coverage", &token).await, world.search("Coverage", &token).await);
    let (mut first, mut second) = (first["entry"].clone(), second["entry"].clone());
    assert_ne!(first, second);
    for entries in [&mut first, &mut second] {
        for entry in entries.as_array_mut().unwrap() {
            entry["resource"]["meta"]["lastUpdated"].take();
            entry["resource"]["meta"]["versionId"].take();
        }
    }
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_shrunken_account_is_a_complete_walk_of_less() {
    let world = World::misbehaving(Fault::Shrink).await;
    let token = world.access_token(0).await;
    let bundle = world.search("ExplanationOfBenefit", &token).await;
    assert_eq!((bundle["total"].as_u64(), ids(&bundle).len()), (Some(4), 4));
    world.sandbox.set_faults(Vec::new());
    assert_eq!(world.search("ExplanationOfBenefit", &token).await["total"], 40);
}

#[tokio::test]
async fn the_canary_sings_name_and_token() {
    let world = World::misbehaving(Fault::Canary).await;
    let token = world.access_token(0).await;
    let page = world.page_three(&token).await.unwrap();
    let body = page.body.unwrap();
    assert!(page.status == 400 && body.contains("Allen") && body.contains(&token));
}

#[tokio::test]
async fn faults_combine() {
    let world = World::with_faults(&[Fault::NoTotal, Fault::NoType, Fault::CountIgnored]).await;
    let token = world.access_token(0).await;
    let bundle = world.search("ExplanationOfBenefit?_count=10", &token).await;
    assert_eq!(ids(&bundle).len(), 7);
    assert!(bundle.get("total").is_none() && bundle.get("type").is_none());
}

#[tokio::test]
async fn a_stalled_connection_does_not_keep_the_sandbox_from_stopping() {
    let options = Options { faults: vec![Fault::StalledBody], ..Options::default() };
    let world = World::new(options).await;
    let token = world.access_token(0).await;
    let first = world.search("ExplanationOfBenefit?_count=10", &token).await;
    let second = json(world.get(&link(&first, "next").unwrap(), &token).await).await;
    let third = world.get(&link(&second, "next").unwrap(), &token).await;
    world.sandbox.stop().await;
    assert!(third.bytes().await.is_err());
}
