//! The client: sends a request until an answer is final or its attempts are used up.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, DATE,
    HeaderMap, HeaderValue, LINK, LOCATION,
};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::call::Call;
use super::error::Fault;
use super::in_flight::InFlight;
use super::posted::Posted;
use super::rate_limit::Budgets;
use super::retry::Delays;
use super::retry_after::http_date;
use super::wait::wait;
use super::{
    Get, HttpError, HttpErrorKind, HttpOptions, Origin, OriginHeaders, PostForm, PostText,
    RateLimits, Reading, Response, Retry, SafeUrl, body,
};

/// Redirects that are followed per attempt, all within one origin.
const MAX_REDIRECTS: u32 = 5;

/// A client whose clones share connections and budgets.
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    options: HttpOptions,
    remote: reqwest::Client,
    /// For loopback addresses. It uses no proxy: a proxy would carry plain http off this machine.
    loopback: reqwest::Client,
    budgets: Budgets,
    in_flight: InFlight,
}

impl HttpClient {
    /// Makes a client. Fails if TLS or the system's proxy settings cannot be used.
    pub fn new(options: HttpOptions) -> Result<Self, HttpError> {
        let builder = || {
            reqwest::Client::builder()
                .user_agent(&options.user_agent)
                .connect_timeout(options.connect_timeout)
                .read_timeout(options.read_timeout)
                // Redirects are followed here, where the origin can be compared.
                .redirect(Policy::none())
                .referer(false)
                // Attempts are counted here; a hidden one would be missing from the report.
                .retry(reqwest::retry::never())
        };
        let build = |builder: reqwest::ClientBuilder| {
            let refused = |e| HttpError::new("", None, Fault::setup(e), 0, Default::default());
            builder.build().map_err(refused)
        };
        let remote = build(builder())?;
        let loopback = build(builder().no_proxy())?;
        let (budgets, in_flight) = (Budgets::default(), InFlight::new(options.max_body_bytes));
        Ok(Self(Arc::new(Inner { options, remote, loopback, budgets, in_flight })))
    }

    /// Limits the requests to `origin`, for all clones. The strictest of several limits holds.
    pub fn limit_origin(&self, origin: &Origin, limits: RateLimits) {
        self.0.budgets.limit(origin, limits);
    }

    /// Deducts the requests of an earlier process from an origin's hourly budget.
    pub fn spend(&self, origin: &Origin, requests: u32) {
        self.0.budgets.spend(origin, requests);
    }

    /// Sends a GET until its answer is final.
    ///
    /// Every final status is an `Ok`, and so is a retryable one after the last attempt.
    ///
    /// # Errors
    ///
    /// No answer came: a refusal (foreign origin, no TLS), a network failure after the last
    /// attempt, a body that is too large, or a wait that is too long.
    pub async fn get(&self, request: Get<'_>) -> Result<Response, HttpError> {
        self.get_as(request, &|_| Reading::Final(())).await.map(|(response, _)| response)
    }

    /// Sends a GET like [`get`](Self::get), and reads each attempt's answer once if its status is a success.
    ///
    /// # Errors
    ///
    /// The same as those of [`get`](Self::get).
    pub async fn get_as<T>(
        &self,
        request: Get<'_>,
        read: &(dyn Fn(&Response) -> Reading<T> + Send + Sync),
    ) -> Result<(Response, Option<T>), HttpError> {
        let Get { url, accept, bearer, headers: own, .. } = request;
        let Get { cookies, limit_bytes, is_file, is_for_later, on_retry, .. } = request;
        let refuse = |kind| Err(refusal("GET", url, kind));
        if let Some(bearer) = bearer
            && !bearer.may_go_to(url)
        {
            return refuse(HttpErrorKind::ForeignOrigin { issued_for: bearer.origin().clone() });
        }
        if let Some(own) = own.filter(|own| !own.may_go_to(url)) {
            return refuse(HttpErrorKind::ForeignOrigin { issued_for: own.origin().clone() });
        }
        let mut headers = own.map(OriginHeaders::headers).unwrap_or_default();
        let Ok(accept) = HeaderValue::from_str(accept) else {
            return refuse(HttpErrorKind::InvalidRequest);
        };
        headers.insert(ACCEPT, accept);
        if let Some(bearer) = bearer {
            let Some(value) = secret_header(&bearer.header_text()) else {
                return refuse(HttpErrorKind::InvalidRequest);
            };
            headers.insert(AUTHORIZATION, value);
        }
        let method = Method::GET;
        let (form, repeatable, give_up) = (None, true, None);
        let fresh = &super::nothing_fresh;
        let call = Call {
            method,
            url,
            headers,
            form,
            cookies,
            limit_bytes,
            is_file,
            fresh,
            repeatable,
            give_up,
            is_for_later,
            on_retry,
            mask: &|bytes: Bytes| {
                let bytes = bearer.map_or(bytes.clone(), |bearer| bearer.mask(bytes));
                own.map_or(bytes.clone(), |own| own.mask(bytes))
            },
        };
        self.run(call, read).await
    }

    /// Posts a form until its answer is final; redirects are not followed.
    ///
    /// # Errors
    ///
    /// The same as those of [`get`](Self::get).
    pub async fn post_form(&self, request: PostForm<'_>) -> Result<Response, HttpError> {
        let PostForm { url, fields, format, fresh, basic, retry, give_up, on_retry } = request;
        let posted = Posted::new(fields, format);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(posted.content_type()));
        if let Some((user, password)) = basic {
            let Some(value) = secret_header(&basic_text(user, password.expose_secret())) else {
                return Err(refusal("POST", url, HttpErrorKind::InvalidRequest));
            };
            headers.insert(AUTHORIZATION, value);
        }
        let call = Call {
            method: Method::POST,
            url,
            headers,
            form: Some(posted),
            cookies: None,
            limit_bytes: None,
            is_file: false,
            fresh,
            repeatable: retry,
            give_up,
            is_for_later: super::never,
            on_retry,
            mask: &|bytes| bytes,
        };
        self.post(call).await
    }

    /// Posts a text until its answer is final; redirects are not followed.
    ///
    /// An attempt is repeated even if the server may have acted on it.
    ///
    /// # Errors
    ///
    /// The same as those of [`get`](Self::get).
    pub async fn post_text(&self, request: PostText<'_>) -> Result<Response, HttpError> {
        let PostText { url, content_type, headers: own, text } = request;
        if let Some(own) = own.filter(|own| !own.may_go_to(url)) {
            let kind = HttpErrorKind::ForeignOrigin { issued_for: own.origin().clone() };
            return Err(refusal("POST", url, kind));
        }
        let mut headers = own.map(OriginHeaders::headers).unwrap_or_default();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let call = Call {
            method: Method::POST,
            url,
            headers,
            form: Some(Posted::Text { text, content_type }),
            cookies: None,
            limit_bytes: None,
            is_file: false,
            fresh: &super::nothing_fresh,
            repeatable: true,
            give_up: None,
            is_for_later: super::never,
            on_retry: &super::silently,
            mask: &|bytes| bytes,
        };
        self.post(call).await
    }

    async fn post(&self, call: Call<'_>) -> Result<Response, HttpError> {
        self.run(call, &|_| Reading::Final(())).await.map(|(response, _)| response)
    }

    async fn run<T>(
        &self,
        call: Call<'_>,
        read: &(dyn Fn(&Response) -> Reading<T> + Send + Sync),
    ) -> Result<(Response, Option<T>), HttpError> {
        let options = &self.0.options;
        let start = Instant::now();
        let mut delays = Delays::new(options);
        let (mut attempt, mut was_sent) = (0, false);
        let fail = |fault: Fault, attempt| {
            let attempts = if fault.unsent && !fault.kind.is_transient() { 0 } else { attempt };
            let url = Some(SafeUrl::from(call.url));
            let method = if call.method == Method::POST { "POST" } else { "GET" };
            HttpError::new(method, url, fault, attempts, start.elapsed())
        };
        let settle = |outcome: Result<Response, Fault>, value, attempts| match outcome {
            Ok(response) => Ok((Response { attempts, ..response }, value)),
            Err(fault) => Err(fail(fault, attempts)),
        };
        loop {
            attempt += 1;
            let outcome = self.attempt(&call).await.map(|response| response.masked(call.mask));
            // A last attempt that never left does not undo that the server may have acted on an earlier one.
            let outcome =
                outcome.map_err(|fault| Fault { unsent: fault.unsent && !was_sent, ..fault });
            was_sent |= outcome.as_ref().map_or_else(|fault| !fault.unsent, |_| true);
            let (value, is_wanting) = match &outcome {
                Ok(response) if response.is_success() => match read(response) {
                    Reading::Final(value) => (Some(value), false),
                    Reading::AskAgain(value) => (Some(value), true),
                },
                _ => (None, false),
            };
            let waits = |it: &Response| it.waits_longer(options.max_delay, call.is_for_later);
            let again = attempt < options.max_attempts && !outcome.as_ref().is_ok_and(waits);
            let Some(reason) = call.reason_to_repeat(&outcome, is_wanting).filter(|_| again) else {
                return settle(outcome, value, attempt);
            };
            let retry_after = outcome.as_ref().ok().and_then(|response| response.retry_after);
            if let Some(retry_after) = retry_after
                && retry_after > options.max_retry_wait
            {
                let kind = HttpErrorKind::Throttled { retry_after };
                return Err(fail(Fault { unsent: false, ..Fault::refusal(kind) }, attempt));
            }
            let wait = delays.next(retry_after);
            (call.on_retry)(&Retry { attempt, reason, wait, url: SafeUrl::from(call.url) });
            tokio::select! {
                () = sleep(wait) => {}
                () = call.given_up() => return settle(outcome, value, attempt),
            }
        }
    }

    /// One attempt, with its redirects.
    async fn attempt(&self, call: &Call<'_>) -> Result<Response, Fault> {
        let mut url = call.url.clone();
        let mut redirects = 0;
        loop {
            let response = self.exchange(call, &url).await?;
            match redirect_target(&response) {
                Some(target) if call.form.is_none() && redirects < MAX_REDIRECTS => url = target,
                _ => return Ok(response),
            }
            redirects += 1;
        }
    }

    /// One request and its answer.
    async fn exchange(&self, call: &Call<'_>, url: &Url) -> Result<Response, Fault> {
        let origin = Origin::of(url)
            .ok()
            .filter(Origin::is_protected)
            .ok_or_else(|| Fault::refusal(HttpErrorKind::Insecure))?;
        tokio::select! {
            () = self.0.budgets.admit(&origin) => {}
            () = call.given_up() => return Err(Fault::refusal(HttpErrorKind::GivenUp)),
        }
        let options = &self.0.options;
        let deadline = Instant::now() + options.total_timeout;
        let sending = timeout_at(deadline, self.request(call, url, &origin).send());
        let mut response = sending.await.map_err(|_| Fault::too_slow())?.map_err(Fault::sending)?;
        let status = response.status().as_u16();
        let limit_bytes = options.max_body_bytes;
        let limit_bytes = call.limit_bytes.map_or(limit_bytes, |own| own.min(limit_bytes));
        let body =
            body::read(&mut response, limit_bytes, call.is_file, &self.0.in_flight, deadline)
                .await
                .map_err(|fault| fault.after_head(status))?;
        self.0.budgets.learn(&origin, status == 429 && !(call.is_for_later)(&body));
        let headers = response.headers();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let date = text(DATE).and_then(http_date);
        // Waits and the expiry of cookies count by the server's clock, since this machine's may be wrong.
        let now = date.unwrap_or_else(Utc::now);
        if let Some(cookies) = call.cookies {
            cookies.learn(url, headers, now);
        }
        let links: Vec<_> = headers.get_all(LINK).iter().map(|link| link.as_bytes()).collect();
        Ok(Response {
            status,
            url: url.clone(),
            content_type: text(CONTENT_TYPE).map(str::to_owned),
            retry_after: wait(headers, status, now),
            date,
            age: text(AGE).and_then(|age| age.trim().parse().ok()).map(Duration::from_secs),
            location: text(LOCATION).map(str::to_owned),
            link: (!links.is_empty())
                .then(|| String::from_utf8_lossy(&links.join(&b", "[..])).into_owned()),
            body,
            attempts: 1,
        })
    }

    fn request(&self, call: &Call<'_>, url: &Url, origin: &Origin) -> RequestBuilder {
        let client = if origin.is_loopback() { &self.0.loopback } else { &self.0.remote };
        let request =
            client.request(call.method.clone(), url.clone()).headers(call.headers.clone());
        let request = request.header(ACCEPT_ENCODING, "gzip");
        let request = match call.cookies.and_then(|cookies| cookies.header(url)) {
            Some(cookies) => request.header(COOKIE, cookies),
            None => request,
        };
        match &call.form {
            Some(form) => request.body(form.body((call.fresh)())),
            // Asks for a fresh answer: a gateway's copy of last night's says nothing about tonight.
            None => request.header(CACHE_CONTROL, "no-cache"),
        }
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("HttpClient").field(&self.0.options).finish()
    }
}

/// Where a redirect leads, if that is within the origin that sent it.
fn redirect_target(response: &Response) -> Option<Url> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let target = response.url.join(response.location.as_deref()?).ok()?;
    Origin::are_same(&target, &response.url).then_some(target)
}

fn refusal(method: &'static str, url: &Url, kind: HttpErrorKind) -> HttpError {
    HttpError::new(method, Some(url.into()), Fault::refusal(kind), 0, Default::default())
}

fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn basic_text(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = format!("{user}:{password}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}
