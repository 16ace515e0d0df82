//! A payer that answers word for word as a test dictates.

use super::{Home, Outcome};
use axum::{
    Router,
    body::Body,
    extract::{Path, RawQuery, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::{net::TcpListener, runtime::Runtime};

/// The entries of each type: JSON of resources, or of whole entries.
pub(crate) type Types = BTreeMap<&'static str, Vec<String>>;

/// A change of the payer's types after a search, given as `Type?query`, was answered.
pub(crate) type Happens = Box<dyn FnMut(&str, &mut Types) + Send>;

/// The payer's answers, and the requests that it received.
#[derive(Default)]
pub(crate) struct Script {
    /// The entries of each type's one page.
    pub(crate) types: Types,
    /// Called after each search.
    pub(crate) then: Option<Happens>,
    /// Whether the payer honours `_lastUpdated`, for dates of 24 characters.
    pub(crate) honours_last_updated: bool,
    /// A parameter that the payer does not know, and the status of a search that has the parameter.
    pub(crate) refuses: Option<(&'static str, u16)>,
    /// The status that is answered in place of a type's page, or in place of the resource `Type/id`.
    pub(crate) refused: BTreeMap<&'static str, u16>,
    /// Per type, a text that the query of a search must contain, and the status of a search without it.
    pub(crate) wants: BTreeMap<&'static str, (&'static str, u16)>,
    /// The types that the CapabilityStatement declares; if there are none, there is no statement.
    pub(crate) declared: Vec<&'static str>,
    /// More members of each declared type in the CapabilityStatement, each with a comma before it.
    pub(crate) declaration: String,
    /// More members of the CapabilityStatement, each with a comma before it.
    pub(crate) statement: String,
    /// More members of the discovery document, each with a comma before it.
    pub(crate) discovery: String,
    /// More members of the token endpoint's answer, each with a comma before it.
    pub(crate) token: String,
    /// The token endpoint that the discovery document names; if `None`, there is no document.
    pub(crate) token_endpoint: Option<String>,
    /// The `Authorization` that the FHIR server wants; requests with another one get a 401.
    pub(crate) wants_authorization: Option<String>,
    /// Per type, the URL to which its search redirects.
    pub(crate) moved: BTreeMap<&'static str, String>,
    /// The requests received, in order.
    pub(crate) received: Vec<Received>,
    /// The types that were searched, in order.
    pub(crate) searched: Vec<String>,
    /// The searches that were neither moved nor refused by type, as `Type?query`, in order.
    pub(crate) queries: Vec<String>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    headers: HeaderMap,
    pub(crate) body: String,
}

impl Received {
    /// A header's value; empty if the header is missing.
    pub(crate) fn header(&self, name: &str) -> String {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        value.unwrap_or_default()
    }
}

/// A running payer; its threads end with it.
pub(crate) struct Dictated {
    script: Arc<Mutex<Script>>,
    origin: String,
    _runtime: Runtime,
}

impl Dictated {
    pub(crate) fn start() -> Dictated {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let script = Arc::new(Mutex::new(Script::default()));
        let router = Router::new()
            .route("/token", post(token))
            .route("/r4/.well-known/smart-configuration", get(discovery))
            .route("/oauth/.well-known/smart-configuration", get(discovery))
            .route("/r4/{type}", get(search))
            .route("/r4/{type}/{id}", get(read))
            .route("/pdex/{type}", get(search))
            .route("/pdex/{type}/{id}", get(read))
            .layer(middleware::from_fn_with_state(Arc::clone(&script), receive))
            .with_state(Arc::clone(&script));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Dictated { script, origin, _runtime: runtime }
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// From now on, serves these entries of a type and no others.
    pub(crate) fn serve<T: Display>(&self, name: &'static str, entries: &[T]) {
        self.script().types.insert(name, entries.iter().map(T::to_string).collect());
    }

    /// The payer's token endpoint.
    pub(crate) fn token_url(&self) -> String {
        format!("{}/token", self.origin)
    }

    /// The payer's FHIR base.
    pub(crate) fn base(&self) -> String {
        format!("{}/r4", self.origin)
    }

    /// Writes the configuration with a plan `demo` at this payer, and more lines of its section.
    pub(crate) fn configure(&self, home: &Home, more: &str) {
        let text = format!(
            "[http]\ninitial_delay_milliseconds = 1\nmax_attempts = 2\n\
             [warehouse]\ncount_unmapped_paths = false\n\
             [plans.demo]\nfhir_url = \"{0}/r4\"\ntoken_url = \"{0}/token\"\n\
             authorize_url = \"{0}/authorize\"\nclient_id = \"x\"\nrequests_per_second = 1000\n{more}",
            self.origin
        );
        std::fs::write(home.file("payersync.toml"), text).unwrap();
    }

    /// Connects `john`, with more arguments.
    pub(crate) fn connect(&self, home: &Home, more: &[&str]) -> Outcome {
        let connect = ["connect", "john", "--plan", "demo", "--code", "a-code"];
        home.run(&[&connect, more].concat())
    }

    /// A home with `john` connected.
    pub(crate) fn home(&self, more: &str) -> Home {
        let home = Home::new();
        self.configure(&home, more);
        let connected = self.connect(&home, &[]);
        assert_eq!(connected.code, 0, "{}", connected.stderr);
        home
    }
}

async fn receive(
    State(script): State<Arc<Mutex<Script>>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let received = Received {
        path: parts.uri.path().to_owned(),
        headers: parts.headers.clone(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let is_refused = {
        let mut script = script.lock().unwrap();
        let is_fhir = received.path.starts_with("/r4/") && received.path != "/r4/metadata";
        let wanted = script.wants_authorization.clone().filter(|_| is_fhir);
        let given = received.header("authorization");
        script.received.push(received);
        wanted.is_some_and(|wanted| wanted != given)
    };
    match is_refused {
        true => status(401),
        false => next.run(Request::from_parts(parts, Body::from(body))).await,
    }
}

async fn discovery(State(script): State<Arc<Mutex<Script>>>) -> Response {
    let script = script.lock().unwrap();
    script.token_endpoint.as_ref().map_or_else(
        || status(404),
        |url| {
            json(format!(
                r#"{{"authorization_endpoint":"https://plan.example/a","token_endpoint":"{url}"{}}}"#,
                script.discovery
            ))
        },
    )
}

async fn token(State(script): State<Arc<Mutex<Script>>>) -> Response {
    let more = script.lock().unwrap().token.clone();
    json(format!(
        r#"{{"access_token":"a-token","token_type":"bearer","expires_in":7199,"refresh_token":"r"{more}}}"#
    ))
}

async fn search(
    State(script): State<Arc<Mutex<Script>>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let mut script = script.lock().unwrap();
    if name == "metadata" {
        let types: Vec<String> = script
            .declared
            .iter()
            .map(|name| {
                let more = &script.declaration;
                format!(r#"{{"type":"{name}","interaction":[{{"code":"search-type"}}]{more}}}"#)
            })
            .collect();
        return match types.is_empty() {
            true => status(404),
            false => json(format!(
                r#"{{"resourceType":"CapabilityStatement"{},"rest":[{{"mode":"server","resource":[{}]}}]}}"#,
                script.statement,
                types.join(",")
            )),
        };
    }
    script.searched.push(name.clone());
    if let Some(url) = script.moved.get(&*name) {
        let moved = Response::builder().status(302).header(header::LOCATION, url);
        return moved.body(Body::empty()).unwrap();
    }
    if let Some(code) = script.refused.get(&*name) {
        return status(*code);
    }
    script.queries.push(format!("{name}?{query}"));
    if let Some((_, code)) = script.refuses.filter(|(parameter, _)| query.contains(parameter)) {
        return status(code);
    }
    if let Some((wanted, code)) = script.wants.get(&*name).filter(|(it, _)| !query.contains(it)) {
        assert!(!wanted.is_empty());
        return status(*code);
    }
    let category = query.split('&').find_map(|pair| pair.strip_prefix("category="));
    let since = query.split('&').find_map(|pair| pair.strip_prefix("_lastUpdated=ge"));
    let since = since.filter(|_| script.honours_last_updated).map(|it| it.replace("%3A", ":"));
    let is_new = |json: &str| since.as_deref().is_none_or(|since| last_updated(json) >= since);
    let is_found =
        |json: &&String| category.is_none_or(|category| json.contains(category)) && is_new(json);
    let all = script.types.get(&*name).into_iter().flatten();
    let entries: Vec<String> = all.filter(is_found).map(entry).collect();
    let Script { then, types, .. } = &mut *script;
    if let Some(happens) = then {
        happens(&format!("{name}?{query}"), types);
    }
    json(format!(
        r#"{{"resourceType":"Bundle","type":"searchset","entry":[{}]}}"#,
        entries.join(",")
    ))
}

/// The date of a resource; without one an empty text, which is before all dates.
fn last_updated(json: &str) -> &str {
    let (_, date) = json.split_once(r#""lastUpdated":""#).unwrap_or_default();
    date.get(..24).unwrap_or_default()
}

async fn read(
    State(script): State<Arc<Mutex<Script>>>,
    Path((name, id)): Path<(String, String)>,
) -> Response {
    let script = script.lock().unwrap();
    if let Some(code) = script.refused.get(&*format!("{name}/{id}")) {
        return status(*code);
    }
    let id = format!(r#""id":"{id}""#);
    let found = script.types.get(&*name).into_iter().flatten().find(|json| json.contains(&id));
    found.map_or_else(|| status(404), |found| json(found.clone()))
}

fn entry(text: &String) -> String {
    match text.starts_with(r#"{"fullUrl""#) {
        true => text.clone(),
        false => format!(r#"{{"resource":{text}}}"#),
    }
}

fn json(text: String) -> Response {
    let response = Response::builder().header(header::CONTENT_TYPE, "application/fhir+json");
    response.body(Body::from(text)).unwrap()
}

fn status(code: u16) -> Response {
    Response::builder().status(StatusCode::from_u16(code).unwrap()).body(Body::empty()).unwrap()
}
