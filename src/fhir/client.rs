//! Asks a plan for pages on behalf of one connection.

mod statements;

use super::{
    attachment::accept_for,
    bundle::Bundle,
    effort::{Effort, Sent},
    error::{FetchError, is_web_page},
    reading::{any_resource, anything, is_from_cache, is_still_loading, page_or_final},
    reference::{Referenced, read_url},
    search::under,
};
use crate::{
    auth::{ClientRegistration, ConnectionKey, GrantKind, TokenError, Tokens},
    clock::Clock,
    http::{
        Bearer, Cookies, Get, HttpClient, Reading, Response, Retry, SafeUrl, SecretsInPlay,
        silently,
    },
};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use url::Url;

/// FHIR JSON (R4, "Content Types").
const FHIR_JSON: &str = "application/fhir+json";

/// How long a token that was renewed in vain is kept. Without the pause, each of a thousand refused files
/// would cost a refresh.
const PAUSE_IN_VAIN: TimeDelta = TimeDelta::minutes(10);
type InVain = (Bearer, DateTime<Utc>);

/// One connection's access to its plan's FHIR server.
#[derive(Clone)]
pub struct FhirClient {
    http: HttpClient,
    tokens: Tokens,
    connection: ConnectionKey,
    registration: Arc<ClientRegistration>,
    clock: Clock,
    /// The cookies of the run, if the plan wants them back.
    cookies: Option<Arc<Cookies>>,
    /// The latest token that came from a renewal after a 401 and was answered 401, too, with the instant.
    renewed_in_vain: Arc<Mutex<Option<InVain>>>,
    sent: Sent,
}

/// A response that parsed as a searchset Bundle.
#[derive(Debug, Clone)]
pub struct Page {
    /// The URL that answered; relative links are relative to it.
    pub url: Url,
    /// The body, decompressed.
    pub body: Bytes,
    /// The index of the body.
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

/// A request, without the token to send it with.
struct Asked<'a> {
    url: &'a Url,
    accept: &'a str,
    /// The limit of a file; `None` for other answers.
    limit_bytes: Option<usize>,
    /// Whether a 401 shows that the plan rejects the token: the member's Patient is asked for, or what belongs
    /// to it. Any other type or URL may be refused on its own.
    proves_rejection: bool,
    on_retry: &'a (dyn Fn(&Retry) + Send + Sync),
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
        let (renewed_in_vain, sent) = Default::default();
        FhirClient { http, tokens, connection, registration, clock, cookies, renewed_in_vain, sent }
    }

    /// A handle of the same client that counts its requests from zero. No other handle counts them.
    pub(crate) fn with_own_count(&self) -> FhirClient {
        FhirClient { sent: Sent::default(), ..self.clone() }
    }

    /// The requests that this handle and its clones have sent until now.
    pub(crate) fn effort(&self) -> Effort {
        self.sent.effort()
    }

    /// Makes sure that there is a token before the first request.
    pub(crate) async fn see_to_token(&self) -> Result<(), FetchError> {
        self.bearer().await.map(drop)
    }

    /// The generation of the stored tokens, if there are any.
    pub(crate) async fn token_generation(&self) -> Option<i64> {
        self.tokens.generation(&self.connection).await.ok().flatten()
    }

    /// When the member's consent ends, if a refresh has told it.
    pub(crate) fn consent_ends_at(&self) -> Option<DateTime<Utc>> {
        self.tokens.consent_ends_at(&self.connection)
    }

    /// The scope that the plan granted with the latest token, if it told one.
    pub(crate) async fn granted_scope(&self) -> Option<String> {
        // A vault that cannot be read is no error here: the first request that needs a token reports it.
        self.tokens.scope(&self.connection).await.ok().flatten()
    }

    /// Asks for one page of a search.
    ///
    /// After a 401 the token is renewed once, if it can be, and the request is repeated.
    pub(crate) async fn page(
        &self,
        url: &Url,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Page, FetchError> {
        let asked = self.asked(url, on_retry);
        let (response, bundle) = self.send(&asked, &page_or_final).await?;
        let safe_url = SafeUrl::from(url);
        let Some(bundle) = bundle else {
            return Err(self.refused(safe_url, &response));
        };
        match bundle {
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
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Page, FetchError> {
        let is_kept =
            |response: &Response| matches!(response.status, 404 | 410) && is_from_cache(response);
        self.read_unless(resource, is_kept, on_retry).await
    }

    /// Reads one resource by id for a proof of deletion: an answer from a cache is an error.
    ///
    /// Even an answer that was cached for a second may be too old: meanwhile the plan may have begun, or
    /// stopped, answering every read with 404.
    pub(crate) async fn read_anew(
        &self,
        resource: &Referenced,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Page, FetchError> {
        self.read_unless(resource, is_from_cache, on_retry).await
    }

    async fn read_unless(
        &self,
        resource: &Referenced,
        is_kept: impl Fn(&Response) -> bool,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Page, FetchError> {
        let base = self.registration.base_of(&resource.resource_type);
        let Some(url) = read_url(base, resource) else {
            return Err(FetchError::NoAddress { base: SafeUrl::from(base) });
        };
        let asked = self.asked(&url, on_retry);
        let (response, found) = self.send(&asked, &any_resource).await?;
        // The mark is no part of the resource, whose bytes are stored.
        let response = response.without_mark();
        let safe_url = SafeUrl::from(&url);
        // An answer from another path says nothing of the resource: a portal's 404 proves nothing.
        let is_elsewhere = response.url.path() != url.path();
        if is_elsewhere && matches!(response.status, 404 | 410) {
            return Err(FetchError::NotTheResource { url: safe_url });
        }
        // An answer from a cache proves nothing either: the resource may have come, or gone, since.
        if is_kept(&response) {
            return Err(FetchError::Kept { url: safe_url });
        }
        if !response.is_success() {
            return Err(self.refused(safe_url, &response));
        }
        let is_it = found.flatten().is_some_and(|found| {
            found.resource_type == resource.resource_type
                && found.id.as_deref() == Some(resource.id.as_str())
        });
        if !is_it {
            return Err(FetchError::NotTheResource { url: safe_url });
        }
        let bundle = Bundle::of_one(response.body.len());
        Ok(Page::new(response, bundle))
    }

    /// The error for an answer that refuses.
    fn refused(&self, url: SafeUrl, response: &Response) -> FetchError {
        FetchError::refused(url, response, self.registration.grant == GrantKind::None)
    }

    /// Asks for a file of the plan's own origin, of at most `limit_bytes` bytes.
    ///
    /// A redirect to another origin is not followed and is an error, as is every status but 2xx.
    pub(crate) async fn file(
        &self,
        url: &Url,
        content_type: Option<&str>,
        limit_bytes: usize,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Response, FetchError> {
        let accept = accept_for(content_type);
        // If the configuration has an `Accept`, the server insists on it, and wraps the file in a Binary.
        let accept = self.registration.requests.accept.as_deref().unwrap_or(&accept);
        let limit_bytes = Some(limit_bytes);
        let asked = Asked { accept, limit_bytes, ..self.asked(url, on_retry) };
        let response = self.get(&asked).await?;
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
        let asked = Asked { proves_rejection: false, ..self.asked(url, &silently) };
        self.get(&asked).await
    }

    /// Sends a request whose answer may be anything.
    async fn get(&self, asked: &Asked<'_>) -> Result<Response, FetchError> {
        self.send(asked, &anything).await.map(|(response, _)| response)
    }

    /// Sends a request and reads a successful answer; a 401 renews the token once and repeats it. So does a
    /// 403 that may mean an expired token, if the token can be renewed.
    async fn send<T>(
        &self,
        asked: &Asked<'_>,
        read: &(dyn Fn(&Response) -> Reading<T> + Send + Sync),
    ) -> Result<(Response, Option<T>), FetchError> {
        let bearer = self.bearer().await?;
        let (response, value) = self.ask(asked, bearer.as_ref(), read).await?;
        let Some(rejected) = bearer else { return Ok((response, value)) };
        let renewed = match response.status {
            401 => match self.is_to_be_renewed(&rejected, asked.proves_rejection).await? {
                true => Some(self.renewed(&rejected).await?),
                false => None,
            },
            // Some gateways refuse an expired token so. For another type, a 403 may be the plan's habit; and a
            // web page is a firewall's, which knows no token.
            403 if asked.proves_rejection && !is_web_page(&response.body) => {
                self.renewed_if_expired(&rejected).await?
            }
            _ => None,
        };
        let Some(renewed) = renewed else { return Ok((response, value)) };
        let again = self.ask(asked, Some(&renewed), read).await?;
        if again.0.status == 401 {
            let mut in_vain = self.renewed_in_vain.lock().unwrap_or_else(PoisonError::into_inner);
            *in_vain = Some((renewed, self.clock.now()));
        }
        Ok(again)
    }

    /// Whether a token that was answered 401 is to be renewed. If not, the 401 is the answer.
    async fn is_to_be_renewed(
        &self,
        rejected: &Bearer,
        proves_rejection: bool,
    ) -> Result<bool, FetchError> {
        let now = self.clock.now();
        let in_vain = self.renewed_in_vain.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if in_vain.is_some_and(|(it, at)| it.is_same(rejected) && now < at + PAUSE_IN_VAIN) {
            return Ok(false);
        }
        // If nothing can renew the token, it is given up only if the plan is known to reject it.
        let registration = &self.registration;
        Ok(proves_rejection
            || registration.fixed_token.is_none()
                && self.tokens.can_replace(&self.connection, registration, rejected, now).await?)
    }

    /// Another token in place of `refused`, which was answered 403, if `refused` may just have expired. If no
    /// other token can be had, the 403 is the answer.
    async fn renewed_if_expired(&self, refused: &Bearer) -> Result<Option<Bearer>, FetchError> {
        let (registration, now) = (&self.registration, self.clock.now());
        if registration.fixed_token.is_some() {
            return Ok(None);
        }
        let tokens = &self.tokens;
        Ok(tokens.renewed_if_expired(&self.connection, registration, refused, now).await?)
    }

    /// Sends a request with this token, or with none, and counts it.
    async fn ask<T>(
        &self,
        asked: &Asked<'_>,
        bearer: Option<&Bearer>,
        read: &(dyn Fn(&Response) -> Reading<T> + Send + Sync),
    ) -> Result<(Response, Option<T>), FetchError> {
        let answer = self.http.get_as(self.request(asked, bearer), read).await;
        self.sent.add(match &answer {
            Ok((response, _)) => response.attempts,
            Err(error) => error.attempts(),
        });
        Ok(answer?)
    }

    fn asked<'a>(
        &'a self,
        url: &'a Url,
        on_retry: &'a (dyn Fn(&Retry) + Send + Sync),
    ) -> Asked<'a> {
        let accept = self.registration.requests.accept.as_deref().unwrap_or(FHIR_JSON);
        let patients = under(self.registration.base_of("Patient"), "Patient");
        let behind = url.path().strip_prefix(patients.path());
        let proves_rejection = behind.is_some_and(|it| it.is_empty() || it.starts_with('/'));
        Asked { url, accept, limit_bytes: None, proves_rejection, on_retry }
    }

    /// A request to the plan's own origin, with what its configuration adds.
    fn request<'a>(&'a self, asked: &Asked<'a>, bearer: Option<&'a Bearer>) -> Get<'a> {
        let Asked { url, accept, limit_bytes, on_retry, .. } = *asked;
        let headers = self.registration.requests.headers.as_ref();
        let cookies = self.cookies.as_deref();
        let (is_for_later, is_file) = (is_still_loading, limit_bytes.is_some());
        Get { url, accept, bearer, headers, cookies, limit_bytes, is_file, is_for_later, on_retry }
    }

    /// Whether requests carry a token; an open server wants none.
    pub(crate) fn has_token(&self) -> bool {
        self.registration.grant != GrantKind::None
    }

    /// The token to ask with, if any.
    async fn bearer(&self) -> Result<Option<Bearer>, FetchError> {
        let registration = &self.registration;
        if !self.has_token() {
            return Ok(None);
        }
        if let (Some(fixed), Ok(origin)) = (&registration.fixed_token, registration.fhir_origin()) {
            let secrets = SecretsInPlay::default();
            return Ok(Some(Bearer::new(fixed.token.clone(), origin, secrets)));
        }
        Ok(Some(self.tokens.bearer(&self.connection, registration, self.clock.now()).await?))
    }

    /// Gets another token in place of one that the plan has rejected.
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
