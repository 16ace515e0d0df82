//! Asks a plan for pages on behalf of one connection.

use super::{
    attachment::accept_for,
    bundle::{Bundle, BundleError},
    capability::Capability,
    error::FetchError,
    outcome::Outcome,
    reference::{Referenced, read_url},
    search::under,
};
use crate::{
    auth::{ClientRegistration, ConnectionKey, GrantKind, TokenError, Tokens},
    clock::Clock,
    fingerprint::fingerprint,
    http::{Bearer, Cookies, Get, HttpClient, Response, Retry, SafeUrl, SecretsInPlay, any_body},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::{sync::Arc, time::Duration};
use url::Url;

/// FHIR JSON (R4, "Content Types").
const FHIR_JSON: &str = "application/fhir+json";

/// One connection's access to its plan's FHIR server.
#[derive(Clone)]
pub struct FhirClient {
    http: HttpClient,
    tokens: Tokens,
    connection: ConnectionKey,
    registration: Arc<ClientRegistration>,
    clock: Clock,
    /// The cookies of the run, where the plan wants them back.
    cookies: Option<Arc<Cookies>>,
}

/// A response that parsed as a searchset Bundle.
#[derive(Debug, Clone)]
pub struct Page {
    /// The URL that answered; relative links are relative to it.
    pub url: Url,
    /// The body, decompressed.
    pub body: Bytes,
    /// Its index.
    pub bundle: Bundle,
    /// The server's clock.
    pub date: Option<DateTime<Utc>>,
    /// How long ago the plan gave the page, if a cache sent it.
    pub age: Option<Duration>,
}

impl Page {
    fn new(response: Response, bundle: Bundle) -> Page {
        let Response { url, body, date, age, .. } = response;
        Page { url, body, bundle, date, age }
    }
}

/// What is asked for, with whichever token.
struct Asked<'a> {
    url: &'a Url,
    accept: &'a str,
    limit_bytes: Option<usize>,
    is_sound: &'a (dyn Fn(&[u8]) -> bool + Send + Sync),
    on_retry: &'a (dyn Fn(&Retry) + Send + Sync),
}

/// Requests sent for one thing, repeats included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Effort {
    pub(crate) requests: u64,
    pub(crate) retries: u64,
}

impl FhirClient {
    /// Makes a client; sends nothing.
    pub fn new(
        http: HttpClient,
        tokens: Tokens,
        connection: ConnectionKey,
        registration: Arc<ClientRegistration>,
        clock: Clock,
    ) -> FhirClient {
        let wanted = registration.requests.cookies;
        let origin = registration.fhir_origin().ok().filter(|_| wanted);
        let cookies = origin.map(|origin| Arc::new(Cookies::new(origin)));
        FhirClient { http, tokens, connection, registration, clock, cookies }
    }

    /// Sees to it that there is a token, before anything is asked for with it.
    pub(crate) async fn see_to_token(&self) -> Result<(), FetchError> {
        self.bearer().await.map(drop)
    }

    /// The generation of the stored tokens, as far as there are any.
    pub(crate) async fn token_generation(&self) -> Option<i64> {
        self.tokens.generation(&self.connection).await.ok().flatten()
    }

    /// When the member's consent ends, where a refresh has told it.
    pub(crate) fn consent_ends_at(&self) -> Option<DateTime<Utc>> {
        self.tokens.consent_ends_at(&self.connection)
    }

    /// The scope that the plan granted with the latest token, where it told one.
    pub(crate) async fn granted_scope(&self) -> Option<String> {
        // Without a vault there is no token: whatever is asked for says so.
        self.tokens.scope(&self.connection).await.ok().flatten()
    }

    /// Asks for one page of a search.
    ///
    /// A 401 renews the token once and repeats the same request. The effort counts also when the
    /// page could not be had.
    pub(crate) async fn page(
        &self,
        url: &Url,
        effort: &mut Effort,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Page, FetchError> {
        let response = self.get(url, &is_page_or_final, effort, on_retry).await?;
        let safe_url = SafeUrl::from(url);
        if !response.is_success() {
            return Err(self.refused(safe_url, &response));
        }
        match Bundle::of_response(&response) {
            Ok(bundle) => Ok(Page::new(response, bundle)),
            Err(source) => {
                let refused = self.refused(safe_url.clone(), &response);
                let not_a_page = FetchError::NotAPage { url: safe_url, source };
                Err(if refused.is_grant_gone() { refused } else { not_a_page })
            }
        }
    }

    /// Reads one resource by id, as a page that holds it alone.
    ///
    /// An answer that holds another resource is an error. Source: FHIR R4, RESTful read.
    pub(crate) async fn read(
        &self,
        resource: &Referenced,
        effort: &mut Effort,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Page, FetchError> {
        let is_kept =
            |response: &Response| matches!(response.status, 404 | 410) && is_from_cache(response);
        self.read_unless(resource, is_kept, effort, on_retry).await
    }

    /// The same for a proof, to which only the plan itself can testify: what a cache kept for a second
    /// may be from before the plan began to answer every read with 404, or stopped to.
    pub(crate) async fn read_anew(
        &self,
        resource: &Referenced,
        effort: &mut Effort,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Page, FetchError> {
        self.read_unless(resource, is_from_cache, effort, on_retry).await
    }

    async fn read_unless(
        &self,
        resource: &Referenced,
        is_kept: impl Fn(&Response) -> bool,
        effort: &mut Effort,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Page, FetchError> {
        let base = self.registration.base_of(&resource.resource_type);
        let Some(url) = read_url(base, resource) else {
            return Err(FetchError::NoAddress { base: SafeUrl::from(base) });
        };
        let is_sound = |body: &[u8]| fingerprint(body).is_ok();
        let response = self.get(&url, &is_sound, effort, on_retry).await?;
        let safe_url = SafeUrl::from(&url);
        // What is said at another place says nothing of the resource: a portal's 404 proves nothing.
        let is_elsewhere = response.url.path() != url.path();
        if is_elsewhere && matches!(response.status, 404 | 410) {
            return Err(FetchError::NotTheResource { url: safe_url });
        }
        // Nor does what a cache kept: the resource may have come, or gone, since.
        if is_kept(&response) {
            return Err(FetchError::Kept { url: safe_url });
        }
        if !response.is_success() {
            return Err(self.refused(safe_url, &response));
        }
        let is_it = fingerprint(&response.body).is_ok_and(|found| {
            found.resource_type == resource.resource_type
                && found.id.as_deref() == Some(resource.id.as_str())
        });
        if !is_it {
            return Err(FetchError::NotTheResource { url: safe_url });
        }
        let bundle = Bundle::of_one(response.body.len());
        Ok(Page::new(response, bundle))
    }

    /// An answer that says no.
    fn refused(&self, url: SafeUrl, response: &Response) -> FetchError {
        FetchError::refused(url, response, self.registration.grant == GrantKind::None)
    }

    /// Asks for a file of the plan's own origin, of so many bytes at most.
    ///
    /// A redirect to another origin is not followed and is an error, as is every status but 2xx.
    pub(crate) async fn file(
        &self,
        url: &Url,
        content_type: Option<&str>,
        limit_bytes: usize,
        effort: &mut Effort,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Response, FetchError> {
        let accept = accept_for(content_type);
        // What the configuration says, servers insist on; such a server wraps the file in a Binary.
        let accept = self.registration.requests.accept.as_deref().unwrap_or(&accept);
        let limit_bytes = Some(limit_bytes);
        let asked = Asked { accept, limit_bytes, ..self.asked(url, &any_body, on_retry) };
        let response = self.send(&asked, effort).await?;
        match response.is_success() {
            true => Ok(response),
            false => Err(self.refused(SafeUrl::from(url), &response)),
        }
    }

    /// Asks for anything on the plan's own origin and returns the final answer, whatever it is.
    ///
    /// # Errors
    /// There is no token, no answer, or the URL is on another origin than the token's.
    pub async fn raw(&self, url: &Url) -> Result<Response, FetchError> {
        self.get(url, &any_body, &mut Effort::default(), &crate::http::silently).await
    }

    /// The CapabilityStatement; `None` where the plan does not show a usable one.
    ///
    /// # Errors
    /// The plan could not be reached at all.
    pub(crate) async fn capability(
        &self,
        effort: &mut Effort,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Option<Capability>, FetchError> {
        let url = under(&self.registration.fhir_url, "metadata");
        // Open at 1upHealth, so no token travels for it.
        let asked = self.asked(&url, &any_body, on_retry);
        let response = self.http.get(self.request(&asked, None)).await.map_err(FetchError::from);
        let mut response = count(response, effort)?;
        if matches!(response.status, 401 | 403) {
            response = self.get(&url, &any_body, effort, on_retry).await?;
        }
        Ok(response.is_success().then(|| Capability::parse(&response.body)).flatten())
    }

    async fn get(
        &self,
        url: &Url,
        is_sound: &(dyn Fn(&[u8]) -> bool + Send + Sync),
        effort: &mut Effort,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Response, FetchError> {
        self.send(&self.asked(url, is_sound, on_retry), effort).await
    }

    /// Sends a request; a 401 renews the token once and repeats it.
    async fn send(&self, asked: &Asked<'_>, effort: &mut Effort) -> Result<Response, FetchError> {
        let bearer = self.bearer().await?;
        let get = self.request(asked, bearer.as_ref());
        let response = count(self.http.get(get).await.map_err(FetchError::from), effort)?;
        let (401, Some(rejected)) = (response.status, bearer) else { return Ok(response) };
        let renewed = self.renewed(&rejected).await?;
        let get = self.request(asked, Some(&renewed));
        count(self.http.get(get).await.map_err(FetchError::from), effort)
    }

    fn asked<'a>(
        &'a self,
        url: &'a Url,
        is_sound: &'a (dyn Fn(&[u8]) -> bool + Send + Sync),
        on_retry: &'a (dyn Fn(&Retry) + Send + Sync),
    ) -> Asked<'a> {
        let accept = self.registration.requests.accept.as_deref().unwrap_or(FHIR_JSON);
        Asked { url, accept, limit_bytes: None, is_sound, on_retry }
    }

    /// A request to the plan's own origin, with what its configuration adds.
    fn request<'a>(&'a self, asked: &Asked<'a>, bearer: Option<&'a Bearer>) -> Get<'a> {
        let Asked { url, accept, limit_bytes, is_sound, on_retry } = *asked;
        let headers = self.registration.requests.headers.as_ref();
        let cookies = self.cookies.as_deref();
        let is_for_later = is_still_loading;
        Get { url, accept, bearer, headers, cookies, limit_bytes, is_sound, is_for_later, on_retry }
    }

    /// The token to ask with; an open server needs none.
    async fn bearer(&self) -> Result<Option<Bearer>, FetchError> {
        let registration = &self.registration;
        if registration.grant == GrantKind::None {
            return Ok(None);
        }
        if let (Some(fixed), Ok(origin)) = (&registration.fixed_token, registration.fhir_origin()) {
            let secrets = SecretsInPlay::default();
            return Ok(Some(Bearer::new(fixed.token.clone(), origin, secrets)));
        }
        let now = self.clock.now();
        Ok(Some(self.tokens.bearer(&self.connection, registration, now).await?))
    }

    /// Another token than one that the plan has rejected.
    async fn renewed(&self, rejected: &Bearer) -> Result<Bearer, FetchError> {
        let registration = &self.registration;
        if let Some(fixed) = &registration.fixed_token {
            let (connection, plan) = (self.connection.name.clone(), registration.plan.clone());
            let place = fixed.place.clone();
            return Err(TokenError::FixedRejected { connection, plan, place }.into());
        }
        let now = self.clock.now();
        Ok(self.tokens.refresh_after_401(&self.connection, registration, rejected, now).await?)
    }
}

/// Whether a cache gave an answer that it had kept; gateways give those of the plan an age of 0.
fn is_from_cache(response: &Response) -> bool {
    response.age.is_some_and(|age| !age.is_zero())
}

/// Whether the body of a 429 says that the member's data is still being loaded: the next run asks again.
fn is_still_loading(body: &[u8]) -> bool {
    Outcome::parse(body).is_some_and(|outcome| outcome.is_still_loading())
}

/// Whether a 2xx body is a page or will not become one by asking again.
fn is_page_or_final(body: &[u8]) -> bool {
    match Bundle::index(body) {
        Ok(_) | Err(BundleError::TooManyEntries) => true,
        Err(BundleError::Outcome(outcome)) => !outcome.is_transient(),
        Err(BundleError::NotJson | BundleError::NotASearchset) => false,
    }
}

fn count(
    response: Result<Response, FetchError>,
    effort: &mut Effort,
) -> Result<Response, FetchError> {
    let attempts = match &response {
        Ok(response) => response.attempts,
        Err(FetchError::Http(error)) => error.attempts(),
        Err(_) => 0,
    };
    effort.requests += u64::from(attempts);
    effort.retries += u64::from(attempts.saturating_sub(1));
    response
}
