//! A member at the consent pages of oidc-provider: follows, fills in, agrees.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use url::Url;

/// Steps after which a consent that has not ended never will.
const MAX_STEPS: usize = 12;

/// Follows `authorize` as a browser does, logs in and agrees.
///
/// Returns where the browser is finally sent: `redirect` with a code in its query. What a form would post
/// there (`response_mode=form_post`) is in the query, too.
pub(crate) async fn consent(authorize: &Url, redirect: &Url) -> Url {
    let mut browser = Browser::new();
    let mut url = authorize.clone();
    for _ in 0..MAX_STEPS {
        if url.as_str().starts_with(redirect.as_str()) {
            return url;
        }
        let response = browser.send(browser.client.get(url.clone())).await;
        if let Some(next) = target(&url, &response) {
            url = next;
            continue;
        }
        let page = response.text().await.unwrap();
        let action = between(&page, "action=\"", "\"").expect("a form");
        if action.starts_with(redirect.as_str()) {
            return with_inputs(redirect, &page);
        }
        let prompt = between(&page, "name=\"prompt\" value=\"", "\"").expect("a prompt");
        let form = format!("prompt={prompt}&login=member-1&password=x");
        let post = browser
            .client
            .post(url.join(action).unwrap())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let response = browser.send(post).await;
        url = target(&url, &response).expect("a redirect after the form");
    }
    panic!("no end to the consent pages at {url}");
}

/// The form of a page, as a query.
fn with_inputs(redirect: &Url, page: &str) -> Url {
    let mut url = redirect.clone();
    for input in page.split("<input").skip(1) {
        let value = |name| between(input, name, "\"").unwrap_or_default();
        url.query_pairs_mut().append_pair(value("name=\""), value("value=\""));
    }
    url
}

struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new() -> Self {
        let client = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { client, cookies: BTreeMap::new() }
    }

    /// Sends with all cookies, whatever their path: the provider's names do not clash.
    async fn send(&mut self, request: RequestBuilder) -> Response {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header(COOKIE, cookies.join("; ")).send().await.unwrap();
        for header in response.headers().get_all(SET_COOKIE) {
            let pair = header.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        response
    }
}

fn target(from: &Url, response: &Response) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    from.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}
