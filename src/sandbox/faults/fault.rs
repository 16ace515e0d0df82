//! The faults by name: the ways in which the sandbox can misbehave.
//!
//! Each was seen at a payer, or in another tool's problem with a payer. Faults can be combined: of those that
//! replace a page, the first in the table wins; those that change it act in the order of the table. Unless
//! its description says otherwise, a fault acts on page 3 of ExplanationOfBenefit, each time that page is
//! requested.

use std::fmt;
use std::str::FromStr;

/// A name that no fault has.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown fault {0:?}")]
pub struct UnknownFault(String);

macro_rules! faults {
    ($($variant:ident $name:literal $sentence:literal)*) => {
        /// One way in which the sandbox misbehaves.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Fault {
            $(#[doc = $sentence] $variant,)*
        }

        impl Fault {
            /// All faults, in the order in which they take effect.
            pub const ALL: &'static [Fault] = &[$(Fault::$variant),*];

            /// The name on the command line, in kebab-case.
            pub fn name(self) -> &'static str {
                match self { $(Fault::$variant => $name),* }
            }

            /// What the sandbox does under this fault, in one sentence.
            pub fn describe(self) -> &'static str {
                match self { $(Fault::$variant => $sentence),* }
            }
        }
    };
}

faults! {
    AlwaysUnauthorized "always-unauthorized" "Every FHIR request is answered 401, with any token."
    RevokedGrant "revoked-grant" "Every FHIR request is answered 404 \"Data Access Grant was Not Found\"."
    UnauthorizedMidWalk "unauthorized-mid-walk" "The access token expires at page 2, once per \
                                                walk; a refreshed token works."
    ForbiddenClinical "forbidden-clinical" "Clinical types are answered 403 {\"message\":\"Forbidden\"}."
    NotFoundClinical "not-found-clinical" "Clinical types are answered 404 with an HTML page."
    ForbiddenPayerType "forbidden-payer-type" "Location, which every payer must serve, is answered 403 with an empty body."
    NoListing "no-listing" "Organization, Practitioner, Location, Medication and PractitionerRole are not listed: a search is answered 403, reads are served."
    ListingByIdOnly "listing-by-id-only" "The same types are searched by _id alone: any other search is answered 400 not-supported, reads are served."
    UnreadableLocation "unreadable-location" "A read of the member's first Location is always answered 500."
    CursorExpired "cursor-expired" "The first walk to reach page 3 finds its cursor expired: 410 for good; a new walk's cursors work."
    CursorAlwaysExpired "cursor-always-expired" "Every cursor to page 3 and beyond has expired, in every walk: 410."
    CursorForgotten "cursor-forgotten" "Every cursor to page 3 and beyond is answered 404 with an HTML page, in every walk."
    CursorUnauthorized "cursor-unauthorized" "Cursors of walks that began before the fault are answered 401, with any token."
    CursorForbidden "cursor-forbidden" "Cursors of walks that began before the fault are answered 403 with an empty body."
    CursorThrottled "cursor-throttled" "Cursors of walks that began before the fault are answered 429."
    CursorBroken "cursor-broken" "Cursors of walks that began before the fault are answered 500 with an OperationOutcome."
    CursorReset "cursor-reset" "Cursors of walks that began before the fault get no answer: the connection is reset."
    CursorHtml "cursor-html" "Cursors of walks that began before the fault are answered 200 with an HTML login page."
    CursorOutcome "cursor-outcome" "Cursors of walks that began before the fault are answered 200 with an OperationOutcome."
    CursorEmpty "cursor-empty" "Cursors of walks that began before the fault are answered with an empty Bundle."
    ResultWindow "result-window" "Page 3 and beyond are answered 400 \"Result window is too large\", in every walk."
    Permanent400 "permanent-400" "Page 3 is answered 400 with an OperationOutcome."
    Permanent500 "permanent-500" "Page 3 is answered 500 with an OperationOutcome."
    Canary "canary" "Page 3 is answered 400 with an OperationOutcome that repeats a patient's name and the token."
    ThrottleSeconds "throttle-seconds" "Page 3 is answered 429 with Retry-After: 1, twice per walk."
    ThrottleDate "throttle-date" "Page 3 is answered 429 with a Retry-After date a second or two ahead, twice per walk."
    ThrottleBare "throttle-bare" "Page 3 is answered 429 without Retry-After, twice per walk."
    ThrottleForever "throttle-forever" "Page 3 is always answered 429 with Retry-After: 1."
    ThrottleTransient "throttle-transient" "Page 3 is answered 429 with an OperationOutcome `transient` and X-Retry-After: 1, twice per walk."
    Gateway500 "gateway-500" "Page 3 is answered 500 {\"message\":\"Internal server error\"}, twice per walk."
    Gateway502 "gateway-502" "Page 3 is answered 502 with an HTML page, twice per walk."
    Gateway503 "gateway-503" "Page 3 is answered 503 {\"message\":\"Service Unavailable\"}, twice per walk."
    Gateway504 "gateway-504" "Page 3 is answered 504 {\"message\":\"Endpoint request timed out\"}, twice per walk."
    ConnectionReset "connection-reset" "The connection is reset instead of page 3, twice per walk."
    RedirectForeignOrigin "redirect-foreign-origin" "Page 3 is answered 302 to another origin."
    Partial206 "partial-206" "Page 3 is answered 206 with a Bundle without links, as a part of what was asked for."
    Html200 "html-200" "Page 3 is answered 200 with an HTML login page."
    Outcome200 "outcome-200" "Page 3 is answered 200 with an OperationOutcome instead of a Bundle."
    Empty200 "empty-200" "Page 3 is answered 200 with an empty body."
    Array200 "array-200" "Page 3 is answered 200 with a JSON array instead of a Bundle."
    Collection200 "collection-200" "Page 3 is answered 200 with a Bundle of type collection without links."
    CachedPage "cached-page" "Page 3 comes from a cache that has kept it for two days, as its header Age says."
    EmptyPageWithNext "empty-page-with-next" "An empty page is inserted before page 3; its next \
                                             link leads to page 3."
    ShiftByDeletion "shift-by-deletion" "The first claim is withdrawn when page 3 is asked for. \
                                        Pages are cut by position, so the page begins one claim \
                                        later."
    ShiftByInsertion "shift-by-insertion" "The first claim is added when page 3 is asked for. \
                                          Pages are cut by position, so the page begins one claim \
                                          earlier."
    ShuffledPages "shuffled-pages" "Each page of claims is cut from another sort order."
    RepeatedPage "repeated-page" "Page 3 has the content of page 2."
    RepeatedPageOnce "repeated-page-once" "Page 3 has the content of page 2 the first time it is asked for."
    MixedPage "mixed-page" "Page 3 has nine entries of page 2 and one of its own."
    SubstitutedEntry "substituted-entry" "Page 3 has its first entry also in place of its second."
    ShortPage "short-page" "Page 3 has three entries in place of ten."
    ShortPageOnce "short-page-once" "Page 3 has three entries in place of ten the first time it is asked for."
    TotalRises "total-rises" "Bundle.total of ExplanationOfBenefit counts one more at each request."
    NextLost "next-lost" "Page 3 has no next link, though the total is larger than what came."
    TextTotal "text-total" "Page 3 has no next link, though the totals, which are written as \
                           texts, are larger than what came."
    EndEmpty "end-empty" "Page 3 is an empty Bundle with the total 0 and no next link, though \
                         earlier totals are larger."
    TokenCircle "token-circle" "Page 3's next leads back to page 2 under a token that is new at each request, and so on without end."
    RestampedCircle "restamped-circle" "Page 3's next leads to page 3 under a new token, with the same resources under a new meta.versionId and meta.lastUpdated, without end."
    NextLoop "next-loop" "Page 3's next leads back to page 2."
    NextSelf "next-self" "Page 3's next is page 3."
    LastBeyond "last-beyond" "Page 3 has no next link, while its link `last` names a later page; \
                             no Bundle of ExplanationOfBenefit has a total."
    NextElsewhere "next-elsewhere" "Page 3's next leads to another path of the same host, at which \
                                   the payer serves nothing."
    NextOtherType "next-other-type" "Page 3's next is a search for Coverage."
    NextPassword "next-password" "Page 3's next has a user name and a password before the host."
    NextForeignOrigin "next-foreign-origin" "Page 3's next is on another origin, which counts the \
                                            requests that it gets."
    NextRelative "next-relative" "Page 3's next is relative to the FHIR base."
    NextWithoutScheme "next-without-scheme" "Page 3's next starts with the host, without https://."
    NextLong "next-long" "Page 3's next is longer than 2 kB."
    NextCaseChanged "next-case-changed" "Page 3's next has another case in its path (/R4/…)."
    NextUpperCase "next-upper-case" "Page 3's next has the relation NEXT."
    NextUri "next-uri" "Page 3's next has its relation as a URI of IANA's registry."
    NextTwice "next-twice" "Page 3 names its next page twice, once relative to itself."
    NextInHeader "next-in-header" "Page 3 names its next page in the HTTP header Link alone."
    NextObject "next-object" "Page 3's link is the next link itself instead of a list."
    NextAmbiguous "next-ambiguous" "Page 3 has two next links that lead to different pages."
    NextEmpty "next-empty" "Page 3's next has an empty url."
    NextNull "next-null" "Page 3's next has the url null."
    NextWithoutUrl "next-without-url" "Page 3's next has no url."
    LinkNull "link-null" "Page 3's link is null."
    WrongTotal "wrong-total" "Bundle.total of ExplanationOfBenefit is more than twice the number \
                             of resources."
    ExtremeTotal "extreme-total" "Bundle.total of ExplanationOfBenefit is 2^63."
    NoTotal "no-total" "No Bundle has a total."
    NoType "no-type" "No Bundle has a type."
    SelfMismatch "self-mismatch" "Every Bundle's self link names another patient and other parameters than asked."
    DuplicateEntry "duplicate-entry" "Page 3 delivers its first entry twice."
    DuplicateAcrossPages "duplicate-across-pages" "Page 3 begins with the last entry of page 2 once more."
    OutcomeEntry "outcome-entry" "Every Bundle begins with an OperationOutcome entry (search.mode outcome)."
    ErrorEntry "error-entry" "Page 3 also carries an OperationOutcome that reports an error."
    IncludeEntry "include-entry" "Page 3 also carries the Patient (search.mode include)."
    NoLastUpdated "no-last-updated" "No resource has a meta.lastUpdated."
    ExtremeDates "extreme-dates" "Resources of page 3 have a meta.lastUpdated from outside of FHIR's years."
    BadDate "bad-date" "The first claim of page 3 has impossible dates."
    MissingId "missing-id" "The first resource of page 3 has no id."
    WrongTypeEntry "wrong-type-entry" "Page 3 also carries a Basic resource as a match."
    NullEntry "null-entry" "Page 3 also carries an entry without a resource and one whose resource is null."
    ForeignSubject "foreign-subject" "Page 3 also carries a claim of another member."
    SecondPatient "second-patient" "The search for Patient also finds another member, and page 3 \
                                   has a claim of that member."
    MergedRecord "merged-record" "The member's record was merged into another: every answer speaks of another Patient, and the old one is gone."
    DeepNesting "deep-nesting" "The first resource of page 3 nests extensions 400 deep."
    DuplicateKey "duplicate-key" "The first resource of page 3 has the member status twice."
    ControlCharacter "control-character" "The first resource of page 3 has a raw TAB inside a string."
    NotANumber "not-a-number" "The first resource of page 3 has the number NaN."
    LeadingZero "leading-zero" "The first resource of page 3 has the number 01."
    TrailingComma "trailing-comma" "The first resource of page 3 ends in a comma."
    StrayQuote "stray-quote" "The first resource of page 3 has a quote inside a string that is not escaped."
    LoneSurrogate "lone-surrogate" "The first resource of page 3 has half of a surrogate pair."
    OlderDuplicate "older-duplicate" "Page 3 delivers its first resource again, in an older version."
    OlderAcrossPages "older-across-pages" "Page 3 begins with the last resource of page 2, in an older version."
    LaggingReplica "lagging-replica" "Page 3 delivers its first resource in an older version."
    Respelt "respelt" "At each read, the JSON of a resource has its members in another order, \
                      other spacing and other escapes."
    ByteOrderMark "byte-order-mark" "Page 3 begins with a byte order mark."
    InvalidUtf8 "invalid-utf8" "Page 3 contains a byte that is not UTF-8, inside a string."
    TruncatedBody "truncated-body" "Page 3 ends in the middle, with a Content-Length that fits."
    ShortBody "short-body" "Page 3's connection closes before Content-Length is reached."
    SlowBody "slow-body" "Page 3 trickles, a kilobyte at a time."
    StalledBody "stalled-body" "Page 3 stops in the middle and the connection stays open for two minutes."
    GzipBomb "gzip-bomb" "Page 3 is a gzip body of some megabytes that unpacks to a gigabyte."
    GzipUpperCase "gzip-upper-case" "Page 3 is a gzip body with Content-Encoding: GZIP."
    GzipAlias "gzip-alias" "Page 3 is a gzip body with Content-Encoding: x-gzip, identity."
    GzipUnsaid "gzip-unsaid" "Page 3 is a gzip body without Content-Encoding."
    GzipOnlySaid "gzip-only-said" "Page 3 is plain with Content-Encoding: gzip."
    GzipMembers "gzip-members" "Page 3 is a gzip body of two members."
    GzipCut "gzip-cut" "Page 3 is a gzip body that ends after its first member and half of the second."
    Brotli "brotli" "Page 3 says Content-Encoding: br, which nobody asked for."
    ManyEntries "many-entries" "Page 3 is filled up with very many entries {}."
    HugePage "huge-page" "Page 3 is larger than 64 MB, filled up with white space."
    VersionChurn "version-churn" "meta.versionId and meta.lastUpdated rise at each read while nothing else changes."
    Shrink "shrink" "Nine in ten resources of each type vanish: a complete walk finds far less."
    IgnoresLastUpdated "ignores-last-updated" "_lastUpdated is ignored and missing from the self link."
    LastUpdatedExtremes "last-updated-extremes" "_lastUpdated is honoured for years before 1950 and after 2050 alone."
    DateAhead "date-ahead" "The Date of every page is a month ahead."
    CountIgnored "count-ignored" "Pages have seven entries whatever _count asks, and the self link leaves it out."
    LostRefreshResponse "lost-refresh-response" "The first refresh rotates the token, then the connection breaks."
    Token503 "token-503" "The token endpoint answers 503 server_error twice, then works."
    TokenSlow "token-slow" "The token endpoint takes two seconds."
    TokenHtml "token-html" "The token endpoint answers 200 with an HTML page."
    TokenDown "token-down" "The token endpoint always answers 503."
    RefreshDenied "refresh-denied" "A refresh is answered 403 {\"errorCode\":\"access_denied\"}."
    RefreshMac "refresh-mac" "A refresh rotates the token and is answered with the token_type mac."
    NoRefreshToken "no-refresh-token" "Token answers carry no refresh_token."
    KeepsRefreshToken "keeps-refresh-token" "A refresh answers without refresh_token, and the one sent stays valid."
    ReuseRevokesGrant "reuse-revokes-grant" "A spent refresh token that is used again revokes the whole grant."
    ExpiresInFloat "expires-in-float" "expires_in is a float."
    ExpiresInString "expires-in-string" "expires_in is a numeric string."
    ShortTokens "short-tokens" "Access tokens live two seconds."
    NarrowScope "narrow-scope" "The scope granted is only Patient, Coverage and ExplanationOfBenefit."
    RefreshNarrowsScope "refresh-narrows-scope" "A refresh grants only Patient, Coverage and ExplanationOfBenefit."
    GranularScope "granular-scope" "The scope granted covers Observations of one category, and all of every other type."
    ScopeCommas "scope-commas" "The scope granted has commas in place of spaces."
    ScopeEscaped "scope-escaped" "The scope granted has %20 in place of spaces."
    ScopeMisspelt "scope-misspelt" "The scope granted names types that FHIR does not have."
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Fault, UnknownFault> {
        let found = Fault::ALL.iter().find(|fault| fault.name() == name);
        found.copied().ok_or_else(|| UnknownFault(name.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back_to_its_fault() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(*fault));
            assert!(
                fault
                    .name()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            );
        }
    }

    #[test]
    fn every_fault_has_one_sentence() {
        for fault in Fault::ALL {
            let sentence = fault.describe();
            assert!(sentence.ends_with('.') && sentence.len() > 20, "{fault}: {sentence}");
        }
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::HashSet<_> = Fault::ALL.iter().map(|f| f.name()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
    }

    #[test]
    fn an_unknown_name_is_refused_by_name() {
        assert_eq!(
            "no-such".parse::<Fault>().unwrap_err().to_string(),
            "unknown fault \"no-such\""
        );
    }
}
