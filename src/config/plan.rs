//! A plan as configured: endpoints, our registration there, limits.

use super::{
    credentials::Credentials,
    error::ConfigError,
    file::{Audience, Grant, Plan, TokenAuth as FileTokenAuth},
    oauth_dialect::{check_parameters, check_texts, patient_from, response_mode, token_requests},
    request_headers::Requests,
    search::search_rules,
};
use crate::{
    auth::{
        ClientKey, ClientRegistration, Endpoints, GrantKind, Issuer, PatientFrom, ResponseMode,
        TokenAuth, TokenRequests, TypedUrl, discovery_url,
    },
    fhir::{RequiredTypes, SearchRules, is_r4_type, similar_r4_type},
    http::{Origin, RateLimits},
    reference::ServerBases,
    shard::Shard,
};
use chrono::TimeDelta;
use std::{num::NonZeroU32, path::Path};
use url::Url;

/// The placeholder for a client id in the template and the presets.
pub(super) const PLACEHOLDER: &str = "your-client-id";

/// A health plan's endpoints and our registration there.
#[derive(Debug, Clone)]
pub struct PlanSettings {
    /// The plan's name in the configuration.
    pub name: String,
    /// FHIR base URL.
    pub fhir_url: Url,
    /// The authorization endpoint; `None` if it is to be discovered.
    pub authorize_url: Option<Url>,
    /// The token endpoint; `None` if it is to be discovered.
    pub token_url: Option<Url>,
    /// The address of the plan's discovery document.
    pub discovery_url: Url,
    /// The authorization server's issuer identifier (RFC 8414, section 2), exactly as the server writes it.
    pub issuer: Option<String>,
    /// The revocation endpoint (RFC 7009). Without it, a purge removes the tokens here and revokes
    /// nothing.
    pub revocation_url: Option<Url>,
    /// The endpoint that tells when a refresh token ends (RFC 7662); without it the end is not asked for.
    pub introspection_url: Option<Url>,
    /// The `_count` of every search; 0 if none is sent.
    pub page_size: u32,
    /// Whether searches may use `_lastUpdated`.
    pub last_updated: bool,
    /// How many types are walked at once.
    pub concurrency: usize,
    /// The budget of requests.
    pub limits: RateLimits,
    /// The rules by which the plan's types are searched for.
    pub search: SearchRules,
    /// The types for which a refusal counts as a failure.
    pub required: RequiredTypes,
    /// Types to ask for; `*` for all that the plan declares; empty for all that payersync knows.
    pub types: Vec<String>,
    /// Origins by which the plan's server calls itself behind a proxy.
    pub proxied_origins: Vec<Origin>,
    /// The FHIR bases of the plan's server: its own, and those behind the proxy.
    pub bases: ServerBases,
    /// Whether a consent also covers other people than the member.
    pub dependants: bool,
    /// Whether the files that resources name are fetched.
    pub attachments: bool,
    /// How many days a consent lasts at the plan; `None` if not configured.
    pub consent_days: Option<NonZeroU32>,
    /// The longest time between two refreshes of a grant; `None` if unused grants are not refreshed.
    pub keep_alive_every: Option<TimeDelta>,
    registration: Registration,
    credentials: Credentials,
    requests: Requests,
}

#[derive(Debug, Clone)]
struct Registration {
    client_id: String,
    redirect_url: TypedUrl,
    send_redirect_url: bool,
    scope: Option<String>,
    pkce: bool,
    audience: Option<String>,
    extra: Vec<(String, String)>,
    token_auth: TokenAuth,
    grant: GrantKind,
    response_mode: Option<ResponseMode>,
    token_requests: TokenRequests,
    patient_from: PatientFrom,
}

/// Half of a refresh token's life, so that the other half is left for further attempts.
///
/// It is an hour if the life is not known, since the shortest life known of any plan is two hours.
fn keep_alive_every(is_wanted: bool, lifetime_minutes: Option<NonZeroU32>) -> Option<TimeDelta> {
    let minutes = lifetime_minutes.map_or(120, NonZeroU32::get);
    is_wanted.then(|| TimeDelta::seconds(i64::from(minutes) * 30))
}

/// The default redirect URL: on this machine, with a path of the plan's own.
///
/// If a server sends no `iss`, the path at which its answer arrives tells which plan it is from (RFC
/// 9700, section 4.4.2).
#[expect(clippy::expect_used, reason = "a constant URL that has a path; a test builds it")]
fn default_redirect_url(plan: &str) -> TypedUrl {
    let mut url = Url::parse("http://127.0.0.1:8971/callback").expect("a constant URL");
    url.path_segments_mut().expect("a URL with a path").push(plan);
    TypedUrl::parse(url.as_str()).expect("a URL")
}

impl PlanSettings {
    pub(super) fn new(
        name: &str,
        mut plan: Plan,
        home: &Path,
        path: &Path,
    ) -> Result<PlanSettings, ConfigError> {
        let refuse = |key: &str, problem: &str| {
            Err(ConfigError::Value {
                path: path.into(),
                line: None,
                key: format!("plans.{name}.{key}"),
                problem: problem.to_owned(),
            })
        };
        let urls = [
            ("fhir_url", Some(plan.fhir_url.url())),
            ("authorize_url", plan.authorize_url.as_ref()),
            ("token_url", plan.token_url.as_ref()),
            ("revocation_url", plan.revocation_url.as_ref()),
            ("introspection_url", plan.introspection_url.as_ref()),
            ("discovery_url", plan.discovery_url.as_ref()),
        ];
        for (key, url) in urls {
            let protected = url.is_none_or(|url| Origin::of(url).is_ok_and(|o| o.is_protected()));
            if !protected {
                return refuse(key, "must be https (http is for this machine alone)");
            }
        }
        if plan.fhir_url.url().query().is_some() || plan.fhir_url.url().fragment().is_some() {
            return refuse("fhir_url", "has a query or a fragment; the FHIR base ends before it");
        }
        // A token is sent only to the origin of its endpoint: another origin would never get a request.
        for (key, url) in [urls[3], urls[4]] {
            let (Some(url), Some(token)) = (url, urls[2].1) else { continue };
            if Origin::of(url).ok() != Origin::of(token).ok() {
                return refuse(
                    key,
                    "is at another origin than token_url; a token to be revoked or looked up is sent to that origin alone",
                );
            }
        }
        let required = plan.required.clone().unwrap_or_default();
        let named = plan.types.iter().filter(|name| *name != "*").map(|name| ("types", name));
        let mut named = named.chain(required.iter().map(|name| ("required", name)));
        if let Some((key, unknown)) = named.find(|(_, name)| !is_r4_type(name)) {
            let meant = similar_r4_type(unknown);
            let meant = meant.map_or(String::new(), |known| format!("; did you mean {known}?"));
            return refuse(
                key,
                &format!("names {unknown}, which is not a resource type of FHIR R4{meant}"),
            );
        }
        let is_asked = |name: &String| plan.types.iter().any(|asked| asked == name || asked == "*");
        if let Some(left) = required.iter().find(|name| !plan.types.is_empty() && !is_asked(name)) {
            return refuse("required", &format!("names {left}, but types leaves it out"));
        }
        let search = match search_rules(&plan, &required) {
            Ok(search) => search,
            Err((key, problem)) => return refuse(&key, &problem),
        };
        if plan.consent_days.is_some() && plan.grant != Grant::AuthorizationCode {
            return refuse(
                "consent_days",
                "is set, but no member consents under this plan's grant",
            );
        }
        let patient_from = match patient_from(&mut plan) {
            Ok(patient_from) => patient_from,
            Err((key, problem)) => return refuse(key, problem),
        };
        let credentials = match Credentials::new(&mut plan, home) {
            Ok(credentials) => credentials,
            Err((key, problem)) => return refuse(key, &problem),
        };
        let sends_audience = !matches!(plan.audience, Audience::Base(false));
        if let Err(problem) = check_parameters(&plan.authorize_parameters, sends_audience) {
            return refuse("authorize_parameters", &problem);
        }
        if let Err((key, problem)) = check_texts(&plan) {
            return refuse(key, problem);
        }
        let response_mode = match response_mode(&plan) {
            Ok(mode) => mode,
            Err(problem) => return refuse("response_mode", problem),
        };
        let token_requests = match token_requests(&mut plan) {
            Ok(requests) => requests,
            Err(problem) => return refuse("token_fields", &problem),
        };
        let requests = match Requests::new(&mut plan, home) {
            Ok(requests) => requests,
            Err((key, problem)) => return refuse(&key, &problem),
        };
        let proxied_origins: Result<Vec<Origin>, _> =
            plan.proxied_origins.iter().map(Origin::of).collect();
        let Ok(proxied_origins) = proxied_origins else {
            return refuse("proxied_origins", "must be http or https origins");
        };
        let aliases: Vec<Url> =
            plan.proxied_origins.iter().chain(requests.bases()).cloned().collect();
        let bases = ServerBases::new(plan.fhir_url.url(), &aliases);
        Ok(PlanSettings {
            name: name.to_owned(),
            fhir_url: plan.fhir_url.url().clone(),
            authorize_url: plan.authorize_url,
            token_url: plan.token_url,
            discovery_url: plan.discovery_url.unwrap_or_else(|| discovery_url(plan.fhir_url.url())),
            issuer: plan.issuer,
            revocation_url: plan.revocation_url,
            introspection_url: plan.introspection_url,
            page_size: plan.page_size,
            last_updated: plan.last_updated,
            concurrency: plan.concurrency.get(),
            limits: RateLimits {
                per_second: plan.requests_per_second,
                per_hour: plan.requests_per_hour,
                shard: Shard::WHOLE,
            },
            types: plan.types,
            required: plan.required.map(RequiredTypes::named).unwrap_or_default(),
            search,
            dependants: plan.dependants,
            attachments: plan.attachments,
            proxied_origins,
            bases,
            consent_days: plan.consent_days,
            keep_alive_every: keep_alive_every(
                plan.keep_alive,
                plan.refresh_token_lifetime_minutes,
            ),
            registration: Registration {
                response_mode,
                token_requests,
                patient_from,
                client_id: plan.client_id.unwrap_or_default(),
                redirect_url: plan.redirect_url.unwrap_or_else(|| default_redirect_url(name)),
                send_redirect_url: plan.send_redirect_url,
                scope: plan.scope,
                pkce: plan.pkce,
                audience: match plan.audience {
                    Audience::Base(true) => Some(plan.fhir_url.as_typed().to_owned()),
                    Audience::Base(false) => None,
                    Audience::Text(text) => Some(text),
                },
                extra: plan.authorize_parameters.into_iter().collect(),
                token_auth: match plan.token_auth {
                    FileTokenAuth::Post => TokenAuth::Post,
                    FileTokenAuth::Basic => TokenAuth::Basic,
                    FileTokenAuth::PrivateKeyJwt => TokenAuth::PrivateKeyJwt,
                },
                grant: match plan.grant {
                    Grant::AuthorizationCode => GrantKind::AuthorizationCode,
                    Grant::ClientCredentials => GrantKind::ClientCredentials,
                    Grant::None => GrantKind::None,
                    Grant::Token => GrantKind::Token,
                },
            },
            credentials,
            requests,
        })
    }

    /// The client id of our registration; empty if the plan needs none.
    pub fn client_id(&self) -> &str {
        &self.registration.client_id
    }

    /// The scopes to request; `None` for the default.
    pub fn scope(&self) -> Option<&str> {
        self.registration.scope.as_deref()
    }

    /// The URL to which the browser returns after the consent.
    pub fn redirect_url(&self) -> &Url {
        self.registration.redirect_url.url()
    }

    /// Whether the answers of another plan arrive at the same URL.
    ///
    /// If the system picks the port, the port differs from one request to the next.
    pub fn shares_redirect_url(&self, other: &PlanSettings) -> bool {
        let url = |plan: &PlanSettings| plan.registration.redirect_url.as_typed().to_owned();
        let consents = |plan: &PlanSettings| plan.grant() == GrantKind::AuthorizationCode;
        self.name != other.name
            && self.redirect_url().port() != Some(0)
            && url(self) == url(other)
            && consents(self)
            && consents(other)
    }

    /// Whether the client id is still the placeholder of the template and the presets.
    pub fn has_placeholder_client_id(&self) -> bool {
        self.registration.client_id == PLACEHOLDER
    }

    /// The OAuth grant type.
    pub fn grant(&self) -> GrantKind {
        self.registration.grant
    }

    /// How the client authenticates at the token endpoint; `None` if only by its id.
    pub fn token_auth(&self) -> Option<TokenAuth> {
        let has_proof = self.credentials.has_secret() || self.credentials.key_file().is_some();
        has_proof.then_some(self.registration.token_auth)
    }

    /// Whether the authorize request carries a challenge (PKCE).
    pub fn uses_pkce(&self) -> bool {
        self.registration.pkce
    }

    /// The configured endpoints, with the given token endpoint.
    pub fn endpoints(&self, token_url: Url) -> Endpoints {
        let name = self.issuer.clone();
        let issuer = name.is_some().then_some(Issuer { name, names_itself: false });
        Endpoints {
            authorize_url: self.authorize_url.clone(),
            token_url,
            token_url_is_discovered: false,
            issuer,
        }
    }

    /// The client's registration, once the endpoints are known.
    ///
    /// # Errors
    /// A secret, key or token is not where the configuration says.
    pub fn registration(&self, endpoints: Endpoints) -> Result<ClientRegistration, ConfigError> {
        let registration = self.registration.clone();
        Ok(ClientRegistration {
            plan: self.name.clone(),
            authorize_url: endpoints.authorize_url,
            issuer: endpoints.issuer,
            token_url: endpoints.token_url,
            token_url_is_discovered: endpoints.token_url_is_discovered,
            fhir_url: self.fhir_url.clone(),
            client_id: registration.client_id,
            client_secret: self.credentials.secret(&self.name)?,
            client_key: self.client_key()?,
            redirect_url: registration.redirect_url,
            send_redirect_uri: registration.send_redirect_url,
            scope: registration.scope,
            pkce: registration.pkce,
            audience: registration.audience,
            extra_authorize_params: registration.extra,
            token_auth: registration.token_auth,
            grant: registration.grant,
            response_mode: registration.response_mode,
            token_requests: registration.token_requests,
            introspection_url: self.introspection_url.clone(),
            patient_from: registration.patient_from,
            fixed_token: self.credentials.token(&self.name)?,
            requests: self.requests.settings(&self.name, Origin::of(&self.fhir_url).ok())?,
        })
    }

    /// The file with the client's private key, if the plan has one.
    pub fn client_key_file(&self) -> Option<&Path> {
        self.credentials.key_file()
    }

    /// The client's private key, if the plan has one.
    ///
    /// # Errors
    /// The file cannot be read, others can read it, or it is not a key that can sign.
    pub fn client_key(&self) -> Result<Option<ClientKey>, ConfigError> {
        self.credentials.key(&self.name)
    }
}
