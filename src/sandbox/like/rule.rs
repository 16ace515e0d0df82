//! The rules that a platform may have.

use super::refusal::Refusal;

/// A rule, and the fact that it plays.
pub(in crate::sandbox) struct Fact {
    pub(super) rule: Rule,
    /// How sure the fact is, in the words of `docs/payers.md`: DOC (documented), OBS (observed), 3P (told by
    /// others), INF (inferred).
    pub(super) certainty: &'static str,
    pub(super) text: &'static str,
}

/// Where a platform's endpoints are, without the origin.
pub(in crate::sandbox) struct Paths {
    pub(in crate::sandbox) authorize: &'static str,
    pub(in crate::sandbox) token: &'static str,
    /// The discovery document, where one is published.
    pub(in crate::sandbox) discovery: Option<&'static str>,
    /// FHIR bases; all of them at one origin.
    pub(in crate::sandbox) fhir: &'static [Base],
}

/// A FHIR base.
pub(in crate::sandbox) struct Base {
    pub(in crate::sandbox) path: &'static str,
    /// The types that are there; empty: all.
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
    /// Its id alone, or a secret.
    Public,
    /// An assertion signed with a registered key (RFC 7523).
    Assertion,
}

/// How one page leads to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Paging {
    /// By the id of the last resource.
    AfterId,
    /// By the number of resources before it, in this parameter.
    Offset(&'static str),
    /// By a text that only the server understands, in this parameter.
    Opaque(&'static str),
    /// All is on one page.
    None,
}

/// One rule.
pub(in crate::sandbox) enum Rule {
    // The consent page.
    /// `aud` must be the payer's origin with this path behind it.
    Aud(&'static str),
    /// `aud` must not be sent.
    NoAud,
    /// PKCE with S256 is required.
    Pkce,
    /// `state` must have so many characters.
    State(usize),
    /// A scope with a wildcard is refused.
    NoWildcards,
    /// Only these scopes are known.
    Scopes(&'static [&'static str]),
    /// This scope must be asked for.
    NeedsScope(&'static str),
    /// What is granted was decided when the client was registered: all types that are served.
    ScopesOfRegistration,
    /// Scopes say nothing of data: a consent covers all.
    ScopesWithoutData,
    /// This parameter must be there.
    AuthorizeParameter(&'static str),
    /// No consent and no token: the server is open.
    Open,

    // The token endpoint.
    /// How the client proves who it is.
    Client(Client),
    /// Requests are JSON, and `redirect_uri` has this name.
    Json(&'static str),
    /// `redirect_uri` is repeated in the token request.
    RedirectUri,
    /// The answer names the member's Patient.
    NamesPatient,
    /// How long an access token lives, in seconds.
    AccessSeconds(u64),
    /// `expires_in` has a fraction.
    FractionalLifetime,
    /// There are no refresh tokens.
    NoRefreshToken,
    /// A refresh token's end is told at this path (RFC 7662): that of the consent, after so many days.
    Introspection(&'static str, i64),
    /// The answer says when the consent ends: after so many days.
    ConsentEnds(i64),

    // Searches.
    /// A token is not limited to the member: a search without a patient finds everybody's.
    Everybody,
    /// A search of these types needs one of these parameters; without types: of every type that is
    /// about a patient.
    Needs { types: &'static [&'static str], any_of: &'static [&'static str], refusal: Refusal },
    /// `_count` above this is refused.
    CountRefused(u32),
    /// The page size of these types without `_count`, and the greatest one; without types: of all.
    Count { types: &'static [&'static str], default: u32, most: u32 },
    /// `_count` does nothing where `_id` is.
    NoCountWithId,
    /// A parameter that is none of these is refused.
    KnowsOnly(&'static [&'static str], Refusal),
    /// These parameters choose among resources.
    Filters(&'static [&'static str]),
    /// Only these types are searched; the others are read by id.
    Searches(&'static [&'static str], Refusal),
    /// This type is not searched; it comes along with what it is about.
    OnlyRevincluded(&'static str, Refusal),
    /// What a type is answered that is not served.
    UnknownType(Refusal),
    /// What a search or a read is answered that is about somebody else.
    SomebodyElse(Refusal),
    /// The first request of each member is answered 429: still loading.
    LoadsFirst,

    /// `$userinfo` names the Patient in a Parameters resource.
    UserInfo,
    /// A Patient's `$everything` brings all on one page.
    Everything,

    // Answers.
    /// How one page leads to the next.
    Paging(Paging),
    /// Next links name another origin.
    NextAt(&'static str),
    /// Links to the first, the previous and the last page.
    MoreLinks,
    /// No Bundle has a total.
    NoTotal,
    /// Each page has an OperationOutcome among its entries.
    OutcomeEntry,
    /// The last resource of a page comes again on the next.
    RepeatsAcrossPages,
    /// References name a version.
    VersionedReferences,
    /// The media type of FHIR answers.
    MediaType(&'static str),
    /// A request that does not accept JSON is answered 406 without a body.
    AcceptsJson,
    /// A request that does not accept this media type is refused.
    Accepts(&'static str),
    /// Every request must have exactly this Accept and Content-Type.
    ExactAccept(&'static str),
    /// Answers say how many requests are left, in these headers.
    RateHeaders([&'static str; 3]),
}

/// The rules of one platform.
pub(super) struct Ruleset {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// The preset of `payersync init` that is made for it.
    pub(super) preset: Option<&'static str>,
    /// What has to be set in the preset.
    pub(super) settings: &'static [(&'static str, &'static str)],
    pub(super) paths: Paths,
    pub(super) rules: &'static [Fact],
}

pub(super) const fn fact(certainty: &'static str, text: &'static str, rule: Rule) -> Fact {
    Fact { rule, certainty, text }
}

/// All types at one base.
pub(super) const fn at(path: &'static str) -> Base {
    Base { path, types: &[] }
}
