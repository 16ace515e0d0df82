//! Tests of consent, codes and tokens, as 1upHealth's documentation describes them.

use super::*;
use crate::sandbox::registered::REGISTERED_REDIRECT_URI;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

async fn default_world() -> World {
    World::new(Options::default()).await
}

async fn page(world: &World, query: &str) -> (u16, String) {
    let url = format!("{}?{query}", world.sandbox.authorize_url());
    let response = world.client.get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn request() -> String {
    Serializer::new(String::new())
        .append_pair("client_id", CLIENT_ID)
        .append_pair("redirect_uri", CALLBACK)
        .finish()
}

#[tokio::test]
async fn the_documented_consent_leads_back_with_a_code_and_the_state() {
    let world = default_world().await;
    let (status, first) = page(&world, &request()).await;
    assert_eq!(status, 200);
    assert!(first.contains("Click here to confirm identity"));
    let (status, second) = page(&world, &format!("{}&step=identity", request())).await;
    assert_eq!(status, 200);
    assert!(second.contains("Verify identity") && second.contains("name=\"member_id\""));
    // The request is kept in hidden fields, without JavaScript.
    for hidden in ["client_id", "redirect_uri"] {
        assert!(second.contains(&format!("type=\"hidden\" name=\"{hidden}\"")));
    }
    let back = world.consent(0, &[("state", "s&t")]).await;
    assert_eq!(back.path(), "/callback");
    assert!(parameter(&back, "code").is_some());
    assert_eq!(parameter(&back, "state").as_deref(), Some("s&t"));
}

#[tokio::test]
async fn without_a_state_only_the_code_comes_back() {
    let world = default_world().await;
    let back = world.consent(0, &[]).await;
    assert_eq!(back.query_pairs().count(), 1);
}

#[tokio::test]
async fn a_wrong_identity_sees_the_form_again_and_is_never_redirected() {
    let world = default_world().await;
    let mut form = world.identity_form(0);
    form[4].1 = "99999".to_string();
    let fields: Vec<_> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let response = world.post_form(&world.sandbox.authorize_url(), &fields).await;
    assert_eq!(response.status(), 403);
    assert!(response.headers().get(LOCATION).is_none());
    assert!(response.text().await.unwrap().contains("could not find a member"));
}

#[tokio::test]
async fn a_client_that_is_not_synced_and_a_foreign_address_get_a_page() {
    let world = default_world().await;
    let other = request().replace(CLIENT_ID, "fresh-client");
    assert_eq!(page(&world, &other).await.0, 400);
    let evil = format!("client_id={CLIENT_ID}&redirect_uri=https%3A%2F%2Fevil.example%2F");
    assert_eq!(page(&world, &evil).await.0, 400);
    assert_eq!(page(&world, &format!("client_id={CLIENT_ID}")).await.0, 400);
    let registered = Serializer::new(String::new())
        .append_pair("client_id", CLIENT_ID)
        .append_pair("redirect_uri", REGISTERED_REDIRECT_URI)
        .finish();
    assert_eq!(page(&world, &registered).await.0, 200);
}

#[tokio::test]
async fn the_token_answer_has_the_library_s_shape() {
    let world = default_world().await;
    let code = world.code(0).await;
    let response =
        world.token_request(&[("grant_type", "authorization_code"), ("code", &code)]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let text = response.text().await.unwrap();
    let order = ["access_token", "token_type", "expires_in\":7199", "refresh_token", "scope"];
    let places: Vec<usize> = order.iter().map(|name| text.find(name).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

/// Status, error and description of a refused token request.
type Refusal = (u16, String, String);

async fn refused(response: Response) -> Refusal {
    let status = response.status().as_u16();
    let body = json(response).await;
    let text = |name: &str| body[name].as_str().unwrap().to_string();
    (status, text("error"), text("error_description"))
}

fn row(status: u16, error: &str, description: &str) -> Refusal {
    (status, error.to_string(), description.to_string())
}

#[tokio::test]
async fn requests_that_are_no_token_requests_are_refused_as_documented() {
    let world = default_world().await;
    let url = world.sandbox.token_url();
    assert_eq!(
        refused(world.client.get(&url).send().await.unwrap()).await,
        row(400, "invalid_request", "Invalid request: method must be POST")
    );
    let json_body = world.client.post(&url).header(CONTENT_TYPE, "application/json").body("{}");
    assert_eq!(
        refused(json_body.send().await.unwrap()).await,
        row(
            400,
            "invalid_request",
            "Invalid request: content must be application/x-www-form-urlencoded"
        )
    );
    assert_eq!(
        refused(world.post_form(&url, &[("grant_type", "authorization_code")]).await).await,
        row(400, "invalid_client", "Invalid client: cannot retrieve client credentials")
    );
    let wrong = [("client_id", CLIENT_ID), ("client_secret", "wrong")];
    assert_eq!(
        refused(world.post_form(&url, &wrong).await).await,
        row(400, "invalid_client", "Invalid client: client is invalid")
    );
}

#[tokio::test]
async fn a_wrong_basic_secret_is_a_401_with_a_challenge() {
    let world = default_world().await;
    let credentials = STANDARD.encode(format!("{CLIENT_ID}:wrong"));
    let request = world.client.post(world.sandbox.token_url());
    let response = request
        .header("authorization", format!("Basic {credentials}"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body("grant_type=refresh_token&refresh_token=x")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["www-authenticate"], "Basic realm=\"Service\"");
    assert_eq!(refused(response).await.0, 401);
}

#[tokio::test]
async fn the_right_basic_secret_works() {
    let world = default_world().await;
    let code = world.code(0).await;
    let credentials = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    let request = world.client.post(world.sandbox.token_url());
    let response = request
        .header("authorization", format!("Basic {credentials}"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(format!("grant_type=authorization_code&code={code}"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn each_bad_grant_has_its_row_of_the_table() {
    let world = default_world().await;
    let table: [(&[(&str, &str)], Refusal); 7] = [
        (&[], row(400, "invalid_request", "Missing parameter: `grant_type`")),
        (
            &[("grant_type", "magic")],
            row(400, "unsupported_grant_type", "Unsupported grant type: `grant_type` is invalid"),
        ),
        (
            &[("grant_type", "client_credentials")],
            row(400, "unauthorized_client", "Unauthorized client: `grant_type` is invalid"),
        ),
        (
            &[("grant_type", "authorization_code")],
            row(400, "invalid_request", "Missing parameter: `code`"),
        ),
        (
            &[("grant_type", "authorization_code"), ("code", "nope")],
            row(400, "invalid_grant", "Invalid grant: authorization code is invalid"),
        ),
        (
            &[("grant_type", "refresh_token")],
            row(400, "invalid_request", "Missing parameter: `refresh_token`"),
        ),
        (
            &[("grant_type", "refresh_token"), ("refresh_token", "nope")],
            row(400, "invalid_grant", "Invalid grant: refresh token is invalid"),
        ),
    ];
    for (fields, expected) in table {
        assert_eq!(refused(world.token_request(fields).await).await, expected);
    }
}

#[tokio::test]
async fn a_spent_code_is_refused() {
    let world = default_world().await;
    let code = world.code(0).await;
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str())];
    assert_eq!(world.token_request(&fields).await.status(), 200);
    assert_eq!(refused(world.token_request(&fields).await).await.1, "invalid_grant");
}

#[tokio::test]
async fn an_expired_code_and_an_expired_refresh_token_say_so() {
    let late = Options { code_lifetime: Duration::ZERO, ..Options::default() };
    let world = World::new(late).await;
    let code = world.code(0).await;
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str())];
    assert_eq!(
        refused(world.token_request(&fields).await).await.2,
        "Invalid grant: authorization code has expired"
    );
    let late = Options { refresh_token_lifetime: Some(Duration::ZERO), ..Options::default() };
    let world = World::new(late).await;
    let tokens = world.tokens(0).await;
    let response = world.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refused(response).await.2, "Invalid grant: refresh token has expired");
}

#[tokio::test]
async fn a_scope_that_was_not_granted_is_refused() {
    let world = default_world().await;
    let tokens = world.tokens(0).await;
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
        ("scope", "user/*.write"),
    ];
    assert_eq!(
        refused(world.token_request(&fields).await).await,
        row(400, "invalid_scope", "Invalid scope: Requested scope is invalid")
    );
}

#[tokio::test]
async fn openid_alone_grants_no_patient() {
    let world = default_world().await;
    for (scope, status) in [
        ("openid", 403),
        ("openid launch/patient offline_access fhirUser", 403),
        ("openid patient/*.read", 200),
        ("launch/patient user/*.read", 200),
    ] {
        let back = world.consent(0, &[("scope", scope)]).await;
        let code = parameter(&back, "code").unwrap();
        let fields = [("grant_type", "authorization_code"), ("code", code.as_str())];
        let tokens = json(world.token_request(&fields).await).await;
        assert_eq!(tokens["scope"], scope);
        let access = tokens["access_token"].as_str().unwrap();
        for path in ["Patient", "ExplanationOfBenefit?_count=1"] {
            assert_eq!(world.get(&world.url(path), access).await.status(), status, "{scope}");
        }
        // A refreshed token covers no more than the one before it.
        let refreshed = json(world.refresh(tokens["refresh_token"].as_str().unwrap()).await).await;
        let access = refreshed["access_token"].as_str().unwrap();
        assert_eq!(world.get(&world.url("Patient"), access).await.status(), status, "{scope}");
    }
}

#[tokio::test]
async fn a_refresh_kills_the_old_token() {
    let world = default_world().await;
    let first = world.tokens(0).await;
    let old = first["refresh_token"].as_str().unwrap();
    let second = json(world.refresh(old).await).await;
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(refused(world.refresh(old).await).await.1, "invalid_grant");
    let new = second["refresh_token"].as_str().unwrap();
    assert_eq!(world.refresh(new).await.status(), 200);
}

#[tokio::test]
async fn without_a_lifetime_no_refresh_token_is_issued() {
    let options = Options { refresh_token_lifetime: None, ..Options::default() };
    let tokens = World::new(options).await.tokens(0).await;
    assert!(tokens.get("refresh_token").is_none());
}

#[tokio::test]
async fn revoked_grants_and_expired_access_tokens_are_two_things() {
    let world = default_world().await;
    let tokens = world.tokens(0).await;
    let access = tokens["access_token"].as_str().unwrap();
    world.sandbox.revoke_grants();
    assert_eq!(world.get(&world.url("Patient"), access).await.status(), 200);
    world.sandbox.expire_access_tokens();
    assert_eq!(world.get(&world.url("Patient"), access).await.status(), 401);
    let response = world.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refused(response).await.1, "invalid_grant");
}

#[tokio::test]
async fn pkce_is_verified_when_a_challenge_was_sent() {
    let world = default_world().await;
    let verifier = "a-verifier-of-at-least-forty-three-characters-";
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let pkce = [("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")];
    let code = parameter(&world.consent(0, &pkce).await, "code").unwrap();
    let mut fields = vec![("grant_type", "authorization_code"), ("code", code.as_str())];
    assert_eq!(refused(world.token_request(&fields).await).await.1, "invalid_grant");
    fields.push(("code_verifier", "another"));
    assert_eq!(refused(world.token_request(&fields).await).await.1, "invalid_grant");
    fields[2].1 = verifier;
    assert_eq!(world.token_request(&fields).await.status(), 200);
}

#[tokio::test]
async fn a_plain_challenge_is_sent_back_as_an_error() {
    let world = default_world().await;
    let query = format!("{}&code_challenge=x&code_challenge_method=plain", request());
    let url = format!("{}?{query}", world.sandbox.authorize_url());
    let response = world.client.get(url).send().await.unwrap();
    let location = response.headers()[LOCATION].to_str().unwrap();
    assert!(location.ends_with("error=invalid_request"), "{location}");
}
