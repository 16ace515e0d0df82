//! Catching the answer of the consent page on this machine (RFC 8252, section 7.3).
//!
//! The listener takes the one answer that repeats the request's state. It also responds to every other
//! request of a browser or another program, but goes on waiting.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use url::{Host, Url};

use super::start_page::StartPage;
use crate::auth::{AuthorizeError, ExpectedAnswer};

/// How long the browser gets to read the last page.
const FAREWELL: Duration = Duration::from_secs(2);

/// A listener at the redirect URL, opened before the browser.
#[derive(Debug)]
pub struct CallbackListener {
    listeners: Vec<TcpListener>,
    redirect_url: Url,
    start: Option<StartPage>,
}

/// Why no answer was caught.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// The redirect URL is not plain http on this machine.
    #[error(
        "redirect_url must be like http://127.0.0.1:8765/callback for its answer to be caught; \
         otherwise pass the code with --code"
    )]
    NotLoopback,
    /// Another program listens at the port.
    #[error(
        "port {port} is in use by another `payersync connect`, which waits for a consent, or by another \
         program; stop it, or change redirect_url"
    )]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// The port cannot be opened.
    #[error("cannot listen on port {port}; change redirect_url")]
    Listen {
        /// The port.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
    /// No answer came in time.
    #[error("no answer from the consent page within {}s", .0.as_secs())]
    TimedOut(Duration),
    /// The answer is a refusal, or must not be used.
    #[error(transparent)]
    Authorize(#[from] AuthorizeError),
}

type Answer = Result<SecretString, AuthorizeError>;

struct Expected {
    path: String,
    answer: ExpectedAnswer,
    start: Option<StartPage>,
    answers: mpsc::Sender<Answer>,
}

impl CallbackListener {
    /// Listens at `redirect_url`, which must be http on this machine; port 0 picks a free one.
    pub async fn bind(redirect_url: &Url) -> Result<Self, CallbackError> {
        if redirect_url.scheme() != "http" {
            return Err(CallbackError::NotLoopback);
        }
        let wanted = redirect_url.port_or_known_default().ok_or(CallbackError::NotLoopback)?;
        let mut listeners = Vec::new();
        let port = match redirect_url.host() {
            Some(Host::Ipv4(address)) if address.is_loopback() => {
                listen(&mut listeners, (address, wanted).into()).await?
            }
            Some(Host::Ipv6(address)) if address.is_loopback() => {
                listen(&mut listeners, (address, wanted).into()).await?
            }
            Some(Host::Domain("localhost")) => {
                let port = listen(&mut listeners, (Ipv4Addr::LOCALHOST, wanted).into()).await?;
                // Browsers may resolve localhost to either address. A machine without IPv6 is fine, but
                // another program that listens at the IPv6 address would catch the code.
                match listen(&mut listeners, (Ipv6Addr::LOCALHOST, port).into()).await {
                    Err(CallbackError::Listen { source, .. }) if is_absent(&source) => port,
                    bound => bound?,
                }
            }
            _ => return Err(CallbackError::NotLoopback),
        };
        let mut redirect_url = redirect_url.clone();
        // Never fails for a URL with a host.
        let _ = redirect_url.set_port(Some(port));
        Ok(Self { listeners, redirect_url, start: None })
    }

    /// Where the consent page must send the browser: the URL given, with the port in use.
    pub fn redirect_url(&self) -> &Url {
        &self.redirect_url
    }

    /// Makes a page on this machine that redirects a browser to `url`, once; returns the page's address.
    ///
    /// # Errors
    /// The system gives no random bytes for that address.
    pub fn start_page(&mut self, url: &Url) -> io::Result<Url> {
        let start = self.start.insert(StartPage::new(url)?);
        let mut address = self.redirect_url.clone();
        address.set_path(start.path());
        address.set_query(None);
        Ok(address)
    }

    /// Waits for an answer that meets `expected`, for at most `timeout`.
    pub async fn wait(
        self,
        expected: &ExpectedAnswer,
        timeout: Duration,
    ) -> Result<SecretString, CallbackError> {
        let (answers, mut answered) = mpsc::channel(1);
        let expected = Expected {
            path: self.redirect_url.path().to_owned(),
            answer: expected.clone(),
            start: self.start,
            answers,
        };
        let router = Router::new().fallback(answer).with_state(Arc::new(expected));
        let (stop, stopped) = tokio::sync::watch::channel(());
        let mut servers = JoinSet::new();
        for listener in self.listeners {
            let mut stopped = stopped.clone();
            let until = async move { drop(stopped.changed().await) };
            let server = axum::serve(listener, router.clone()).with_graceful_shutdown(until);
            servers.spawn(async move { server.await });
        }
        drop(router);
        let answer = tokio::time::timeout(timeout, answered.recv()).await;
        drop(stop);
        // The last page is on its way to the browser; a moment is enough for that.
        let _ = tokio::time::timeout(FAREWELL, servers.join_all()).await;
        match answer {
            Ok(Some(answer)) => Ok(answer?),
            Ok(None) | Err(_) => Err(CallbackError::TimedOut(timeout)),
        }
    }
}

/// Whether the error says that this machine has no such address.
fn is_absent(error: &io::Error) -> bool {
    let no_family = cfg!(target_os = "linux") && error.raw_os_error() == Some(97); // EAFNOSUPPORT
    no_family
        || matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
}

/// Opens `address` and returns its port.
async fn listen(
    listeners: &mut Vec<TcpListener>,
    address: SocketAddr,
) -> Result<u16, CallbackError> {
    let port = address.port();
    let listener = TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => CallbackError::PortInUse { port },
        _ => CallbackError::Listen { port, source },
    })?;
    let port =
        listener.local_addr().map_err(|source| CallbackError::Listen { port, source })?.port();
    listeners.push(listener);
    Ok(port)
}

async fn answer(
    State(expected): State<Arc<Expected>>,
    uri: Uri,
    RawQuery(query): RawQuery,
    method: Method,
    body: Bytes,
) -> Response {
    // If the request asked for form_post, the browser sends the same parameters as a form.
    let query = match method == Method::POST {
        true => String::from_utf8_lossy(&body).into_owned(),
        false => query.unwrap_or_default(),
    };
    if let Some(start) = expected.start.as_ref().filter(|start| uri.path() == start.path()) {
        return start.open().unwrap_or_else(|| {
            page(
                StatusCode::GONE,
                "This page was opened before. If you did not open it, stop payersync and begin again.",
            )
        });
    }
    if uri.path() != expected.path {
        return page(StatusCode::NOT_FOUND, "Nothing here.");
    }
    let answer = expected.answer.code_from_query(&query);
    let (status, words) = match &answer {
        Ok(_) => (StatusCode::OK, "Consent received. You can close this window."),
        Err(AuthorizeError::Denied { .. }) => {
            (StatusCode::OK, "Consent was not given. You can close this window.")
        }
        Err(
            AuthorizeError::OtherIssuer { .. }
            | AuthorizeError::NoIssuer
            | AuthorizeError::Repeated(_),
        ) => (
            StatusCode::BAD_REQUEST,
            "This answer is not the plan's, and was not used. You can close this window.",
        ),
        // Any web page can make a browser come here; only an answer with the state ends the wait.
        Err(AuthorizeError::StateMismatch) => {
            let words = "This answer belongs to another request. Still waiting for the right one.";
            return page(StatusCode::BAD_REQUEST, words);
        }
        Err(_) => {
            let words = "There is no code in this answer. Still waiting.";
            return page(StatusCode::BAD_REQUEST, words);
        }
    };
    // Only the first answer counts.
    let _ = expected.answers.try_send(answer);
    page(status, words)
}

fn page(status: StatusCode, words: &'static str) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONNECTION, "close"),
        // The code is in this page's address, which the browser must not pass on.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>payersync</title>\
         <p>{words}</p></html>\n"
    );
    (status, headers, Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::http::{Get, HttpClient, HttpOptions};

    const LONG: Duration = Duration::from_secs(60);

    fn expected() -> ExpectedAnswer {
        let url = Url::parse("https://plan.example/authorize").unwrap();
        ExpectedAnswer::new("st".into(), None, &url)
    }

    async fn listener(url: &str) -> CallbackListener {
        CallbackListener::bind(&Url::parse(url).unwrap()).await.unwrap()
    }

    async fn visit(base: &Url, path_and_query: &str) -> (u16, String) {
        let http = HttpClient::new(HttpOptions::impatient()).unwrap();
        let url = base.join(path_and_query).unwrap();
        let get = Get::new(&url, "*/*");
        let response = http.get(get).await.unwrap();
        (response.status, String::from_utf8(response.body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_answer_with_the_right_state_is_taken_and_all_else_ignored() {
        let listener = listener("http://127.0.0.1:0/callback").await;
        let base = listener.redirect_url().clone();
        assert_ne!(base.port(), Some(0));
        let waiting = tokio::spawn(async { listener.wait(&expected(), LONG).await });
        for (path, status, words) in [
            ("/favicon.ico", 404, "Nothing here"),
            ("/callback?code=evil&state=other", 400, "another request"),
            ("/callback?error=access_denied", 400, "no code"),
            ("/callback?code=evil", 400, "no code"),
            ("/callback?code=evil&iss=https://evil.example", 400, "no code"),
            ("/callback", 400, "no code"),
            ("/callback?code=c0de&state=st", 200, "You can close this window"),
        ] {
            let (got, page) = visit(&base, path).await;
            assert_eq!(got, status, "{path}");
            assert!(page.contains(words) && !page.contains("evil"), "{page}");
        }
        let code = waiting.await.unwrap().unwrap();
        assert_eq!(code.expose_secret(), "c0de");
    }

    #[tokio::test]
    async fn a_refusal_ends_the_wait() {
        let listener = listener("http://localhost:0/cb").await;
        let base = listener.redirect_url().clone();
        let waiting = tokio::spawn(async { listener.wait(&expected(), LONG).await });
        visit(&base, "/cb?error=access_denied&state=st").await;
        let error = waiting.await.unwrap().unwrap_err();
        assert!(matches!(error, CallbackError::Authorize(AuthorizeError::Denied { .. })));
    }

    #[tokio::test]
    async fn an_answer_of_another_server_ends_the_wait_and_its_code_is_not_used() {
        let listener = listener("http://127.0.0.1:0/cb").await;
        let base = listener.redirect_url().clone();
        let waiting = tokio::spawn(async move { listener.wait(&expected(), LONG).await });
        let (status, page) = visit(&base, "/cb?code=evil&state=st&iss=https://evil.example").await;
        assert_eq!(status, 400);
        assert!(page.contains("was not used"), "{page}");
        let error = waiting.await.unwrap().unwrap_err();
        let refused = AuthorizeError::OtherIssuer {
            named: "https://evil.example".into(),
            expected: "https://plan.example".into(),
        };
        assert_eq!(error.to_string(), refused.to_string());
    }

    #[tokio::test]
    async fn a_port_in_use_names_the_key_to_change() {
        let first = listener("http://127.0.0.1:0/callback").await;
        let error = CallbackListener::bind(first.redirect_url()).await.unwrap_err();
        assert!(error.to_string().contains("change redirect_url"), "{error}");
    }

    #[tokio::test]
    async fn localhost_is_ours_at_both_addresses_or_at_none() {
        let Ok(theirs) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await else {
            return; // A machine without IPv6 has one address.
        };
        let port = theirs.local_addr().unwrap().port();
        let url = Url::parse(&format!("http://localhost:{port}/cb")).unwrap();
        let error = CallbackListener::bind(&url).await.unwrap_err();
        assert!(matches!(error, CallbackError::PortInUse { .. }), "{error}");
        drop(theirs);
        assert_eq!(CallbackListener::bind(&url).await.unwrap().listeners.len(), 2);
    }

    #[tokio::test]
    async fn only_plain_http_on_this_machine_can_be_caught() {
        for url in
            ["https://127.0.0.1:1/cb", "http://app.example/cb", "http://0.0.0.0:1/cb", "myapp:/cb"]
        {
            let error = CallbackListener::bind(&Url::parse(url).unwrap()).await.unwrap_err();
            assert!(matches!(error, CallbackError::NotLoopback), "{url}");
        }
    }

    #[tokio::test]
    async fn silence_ends_the_wait() {
        let listener = listener("http://127.0.0.1:0/callback").await;
        let error = listener.wait(&expected(), Duration::from_millis(1)).await.unwrap_err();
        assert_eq!(error.to_string(), "no answer from the consent page within 0s");
    }
}
