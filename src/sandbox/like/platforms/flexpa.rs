//! Flexpa, an aggregator.

use crate::sandbox::like::rule::{Client, Paging, Paths, Rule, Ruleset, at, fact};

pub(super) static FLEXPA: Ruleset = Ruleset {
    name: "flexpa",
    title: "Flexpa (aggregator)",
    preset: Some("flexpa"),
    settings: &[("external_id", "member-1")],
    paths: Paths {
        authorize: "/oauth/authorize",
        token: "/oauth/token",
        discovery: Some("/fhir/.well-known/smart-configuration"),
        fhir: &[at("/fhir")],
    },
    rules: &[
        fact(
            "DOC",
            "flexpa_external_id is required",
            Rule::AuthorizeParameter("flexpa_external_id"),
        ),
        fact(
            "DOC",
            "the only scopes are launch/patient and offline_access",
            Rule::Scopes(&["launch/patient", "offline_access"]),
        ),
        fact("DOC", "launch/patient is required", Rule::NeedsScope("launch/patient")),
        fact("DOC", "a consent covers all data", Rule::ScopesWithoutData),
        fact("DOC", "a secret goes by HTTP Basic", Rule::Client(Client::Basic)),
        fact(
            "DOC",
            "20 resources a page without _count, 1000 at most",
            Rule::Count { types: &[], default: 20, most: 1000 },
        ),
        fact("DOC", "the next link has an _offset", Rule::Paging(Paging::Offset("_offset"))),
        fact(
            "DOC",
            "429 with the code transient while the member's data is loaded (X-Retry-After)",
            Rule::LoadsFirst,
        ),
        fact(
            "DOC",
            "answers have X-RateLimit headers",
            Rule::RateHeaders(["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]),
        ),
    ],
};
