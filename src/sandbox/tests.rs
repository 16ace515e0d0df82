//! Tests the sandbox over HTTP, with a client that follows no redirects.

mod changes;
mod faults;
mod likes;
mod oauth;
mod paging;

use super::*;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, redirect};
use serde_json::Value;
use url::form_urlencoded::Serializer;

const CALLBACK: &str = "http://127.0.0.1:9/callback";

/// A sandbox, and a client that acts as a browser.
struct World {
    sandbox: Sandbox,
    client: Client,
}

impl World {
    async fn new(options: Options) -> World {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::start(listener, options).await.unwrap();
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        World { sandbox, client }
    }

    async fn with_faults(faults: &[Fault]) -> World {
        World::new(Options { faults: faults.to_vec(), members: 2, ..Options::default() }).await
    }

    fn identity_form(&self, member: u32) -> Vec<(&'static str, String)> {
        let identity = self.sandbox.identity(member);
        vec![
            ("first_name", identity.first_name),
            ("last_name", identity.last_name),
            ("birth_date", identity.birth_date),
            ("member_id", identity.member_id),
            ("zip", identity.zip),
            ("client_id", CLIENT_ID.to_string()),
            ("redirect_uri", CALLBACK.to_string()),
        ]
    }

    async fn post_form(&self, url: &str, fields: &[(&str, &str)]) -> Response {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.client.post(url);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body(body).send().await.unwrap()
    }

    /// Consents as the member, with additional request parameters; returns the redirect.
    async fn consent(&self, member: u32, extra: &[(&str, &str)]) -> Url {
        let form = self.identity_form(member);
        let mut fields: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.extend(extra);
        let response = self.post_form(&self.sandbox.authorize_url(), &fields).await;
        assert_eq!(response.status(), 302);
        Url::parse(response.headers()[LOCATION].to_str().unwrap()).unwrap()
    }

    async fn code(&self, member: u32) -> String {
        parameter(&self.consent(member, &[]).await, "code").unwrap()
    }

    async fn token_request(&self, fields: &[(&str, &str)]) -> Response {
        let mut all = vec![("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        all.extend(fields);
        self.post_form(&self.sandbox.token_url(), &all).await
    }

    async fn tokens(&self, member: u32) -> Value {
        let code = self.code(member).await;
        let fields = [("grant_type", "authorization_code"), ("code", code.as_str())];
        json(self.token_request(&fields).await).await
    }

    async fn refresh(&self, token: &str) -> Response {
        self.token_request(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn access_token(&self, member: u32) -> String {
        self.tokens(member).await["access_token"].as_str().unwrap().to_string()
    }

    async fn get(&self, url: &str, token: &str) -> Response {
        self.client.get(url).bearer_auth(token).send().await.unwrap()
    }

    async fn search(&self, what: &str, token: &str) -> Value {
        json(self.get(&format!("{}/{what}", self.sandbox.fhir_url()), token).await).await
    }

    fn url(&self, what: &str) -> String {
        format!("{}/{what}", self.sandbox.fhir_url())
    }
}

use url::Url;

async fn json(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn link(bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array()?;
    let found = links.iter().find(|link| link["relation"] == relation)?;
    found["url"].as_str().map(str::to_string)
}

fn ids(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().filter_map(|e| e["resource"]["id"].as_str().map(str::to_string)).collect()
}
