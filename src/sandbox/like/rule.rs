//! The rules that a platform may have.

use super::refusal::Refusal;

/// A rule, and the fact that it imitates.
pub(in crate::sandbox) struct Fact {
    pub(super) rule: Rule,
    /// How certain the fact is, in the words of `docs/payers.md`.
    ///
    /// DOC is documented, OBS observed, 3P told by others, INF inferred.
    pub(super) certainty: &'static str,
    pub(super) text: &'static str,
}

/// The paths of a platform's endpoints.
pub(in crate::sandbox) struct Paths {
    pub(in crate::sandbox) authorize: &'static str,
    pub(in crate::sandbox) token: &'static str,
    /// The path of the discovery document, if one is published.
    pub(in crate::sandbox) discovery: Option<&'static str>,
    /// The FHIR bases, all at the same origin.
    pub(in crate::sandbox) fhir: &'static [Base],
}

/// A FHIR base.
pub(in crate::sandbox) struct Base {
    pub(in crate::sandbox) path: &'static str,
    /// The types at this base; empty means all types.
    pub(in crate::sandbox) types: &'static [&'static str],
}

impl Base {
    pub(in crate::sandbox) fn holds(&self, name: &str) -> bool {
        self.types.is_empty() || self.types.contains(&name)
    }
}

/// How the client proves who it is at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Client {
    /// A secret, in the body or by HTTP Basic.
    Secret,
    /// A secret by HTTP Basic.
    Basic,
    /// A secret in the body.
    Post,
    /// The client's id alone, or a secret.
    Public,
    /// An assertion signed with a registered key (RFC 7523).
    Assertion,
}

/// How one page leads to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Paging {
    /// By the id of the last resource of the page.
    AfterId,
    /// By the number of resources before the next page, in this parameter.
    Offset(&'static str),
    /// By a text that only the server can read, in this parameter.
    Opaque(&'static str),
    /// There is only one page, with all resources.
    None,
}

/// One rule.
pub(in crate::sandbox) enum Rule {
    // Rules of the consent page.
    /// `aud` must be the payer's origin followed by this path.
    Aud(&'static str),
    /// `aud` must not be sent.
    NoAud,
    /// PKCE with S256 is required.
    Pkce,
    /// `state` must have at least this many characters.
    State(usize),
    /// A scope with a wildcard is refused.
    NoWildcards,
    /// Only these scopes are known.
    Scopes(&'static [&'static str]),
    /// This scope must be requested.
    NeedsScope(&'static str),
    /// The registration of the client determines what is granted: all types that are served.
    ScopesOfRegistration,
    /// Scopes do not matter for data: a consent covers everything.
    ScopesWithoutData,
    /// This parameter must be there.
    AuthorizeParameter(&'static str),
    /// The server is open: it needs no consent and no token.
    Open,

    // Rules of the token endpoint.
    /// How the client proves who it is.
    Client(Client),
    /// Requests are JSON, and `redirect_uri` has this name.
    Json(&'static str),
    /// `redirect_uri` must be repeated in the token request.
    RedirectUri,
    /// The answer names the member's Patient.
    NamesPatient,
    /// How long an access token lives, in seconds.
    AccessSeconds(u64),
    /// `expires_in` is a number with a fraction.
    FractionalLifetime,
    /// No refresh tokens are issued.
    NoRefreshToken,
    /// This path tells when a refresh token ends (RFC 7662): with the consent, after this many days.
    Introspection(&'static str, i64),
    /// The answer says when the consent ends: after this many days.
    ConsentEnds(i64),

    // Rules of searches.
    /// A token is not limited to the member: a search without a patient finds everybody's resources.
    Everybody,
    /// A search of these types needs one of these parameters.
    ///
    /// Without types, this applies to every type that is about a patient.
    Needs { types: &'static [&'static str], any_of: &'static [&'static str], refusal: Refusal },
    /// A `_count` above this number is refused.
    CountRefused(u32),
    /// The page size of these types without `_count`, and the largest page size. An empty list stands for all
    /// types.
    Count { types: &'static [&'static str], default: u32, most: u32 },
    /// `_count` is ignored if the search has `_id`.
    NoCountWithId,
    /// Any other parameter than these is refused.
    KnowsOnly(&'static [&'static str], Refusal),
    /// These parameters filter by a code.
    Filters(&'static [&'static str]),
    /// Only these types can be searched; the others are read by id.
    Searches(&'static [&'static str], Refusal),
    /// This type cannot be searched; it is included with the resources that it is about.
    OnlyRevincluded(&'static str, Refusal),
    /// The answer for a type that is not served.
    UnknownType(Refusal),
    /// The answer to a search or a read about somebody else.
    SomebodyElse(Refusal),
    /// The first request for each member is answered 429, since the data is still loading.
    LoadsFirst,

    /// `$userinfo` names the Patient in a Parameters resource.
    UserInfo,
    /// A Patient's `$everything` returns all resources on one page.
    Everything,

    // Rules of answers.
    /// How one page leads to the next.
    Paging(Paging),
    /// Next links name another origin.
    NextAt(&'static str),
    /// Pages have links to the first, the previous and the last page.
    MoreLinks,
    /// No Bundle has a total.
    NoTotal,
    /// Each page has an OperationOutcome among its entries.
    OutcomeEntry,
    /// The last resource of a page is repeated on the next page.
    RepeatsAcrossPages,
    /// References include a version.
    VersionedReferences,
    /// The media type of FHIR answers.
    MediaType(&'static str),
    /// A request that does not accept JSON is answered 406 without a body.
    AcceptsJson,
    /// A request that does not accept this media type is refused.
    Accepts(&'static str),
    /// Every request must have exactly this Accept and Content-Type.
    ExactAccept(&'static str),
    /// Answers say how many requests are left, in these three headers.
    RateHeaders([&'static str; 3]),
}

/// The rules of one platform.
pub(super) struct Ruleset {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// The preset of `payersync init` for the platform.
    pub(super) preset: Option<&'static str>,
    /// The settings that the preset needs.
    pub(super) settings: &'static [(&'static str, &'static str)],
    pub(super) paths: Paths,
    pub(super) rules: &'static [Fact],
}

pub(super) const fn fact(certainty: &'static str, text: &'static str, rule: Rule) -> Fact {
    Fact { rule, certainty, text }
}

/// A base that has all types.
pub(super) const fn at(path: &'static str) -> Base {
    Base { path, types: &[] }
}
