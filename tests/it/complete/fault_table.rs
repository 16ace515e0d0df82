//! What each fault must come to: one row each, decided before it was measured.
//!
//! "Claims" are ExplanationOfBenefit, the type whose third page most faults act on. Forty claims in
//! pages of ten are four full pages and the empty one behind them.

use payersync::sandbox::Fault;

/// Which run the fault falls into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    /// The first of a new connection.
    First,
    /// One after a complete one, since which every claim has changed.
    Second,
    /// The same, and every walk is begun anew over the whole type.
    Full,
    /// One that goes on where the first was cut short, at the third page of claims.
    Resumed,
}

/// When the fault begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Since {
    /// Before the member consents.
    Ever,
    /// After the consent.
    Sync,
    /// After the consent, and the access token has expired by then.
    Expiry,
    /// After the consent and a healthy sync: a first run cannot know better.
    SecondNight,
    /// After the consent and at least half of a sync: a first run cannot know better.
    Half,
    /// After the consent, and it acts on walks of earlier runs alone.
    Cursor,
}

/// The types that the fault keeps from being complete.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Hits {
    Nothing,
    Only(&'static str),
    These(&'static [&'static str]),
    Clinical,
    /// Clinical types but for those that are read by reference where they are not listed.
    ClinicalListed,
    AllBut(&'static [&'static str]),
    /// Types of which the payer holds at least so many resources.
    OfAtLeast(usize),
}

/// How what is stored may differ from what the payer holds, where the ledger says complete.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stored {
    /// Byte for byte the same.
    Same,
    /// The same but for meta.versionId and meta.lastUpdated.
    OtherMeta,
    /// One claim came with other content.
    OneOther,
    /// One claim is missing, and is in rejected_resource.
    OneRejected,
    /// Of types that are not hit all but the first resource is gone, as reads by id prove.
    FewLost,
    /// One claim was withdrawn meanwhile, which a walk over changes does not notice.
    OneWithdrawn,
}

/// What mends it once the payer is well again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mend {
    /// The next `sync`.
    Sync,
    /// A new consent, then `sync`.
    Connect,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) fault: Fault,
    pub(crate) since: Since,
    /// Exit code of the run at fault.
    pub(crate) exit: i32,
    pub(crate) hits: Hits,
    pub(crate) state: &'static str,
    pub(crate) reason: &'static str,
    /// Requests for claims, at most.
    pub(crate) requests: usize,
    pub(crate) stored: Stored,
    /// Open rejects after the run at fault.
    pub(crate) rejects: i64,
    pub(crate) mend: Mend,
}

const CLAIMS: Hits = Hits::Only("ExplanationOfBenefit");
/// Four pages and the empty one behind them.
pub(crate) const PAGES: usize = 5;
/// `max_attempts` in the configuration of these tests.
pub(crate) const ATTEMPTS: usize = 4;

/// The run is complete as if nothing had happened.
const fn healed(fault: Fault) -> Row {
    Row {
        fault,
        since: Since::Sync,
        exit: 0,
        hits: Hits::Nothing,
        state: "complete",
        reason: "",
        requests: PAGES,
        stored: Stored::Same,
        rejects: 0,
        mend: Mend::Sync,
    }
}

/// Complete after page 3 was asked for three times.
const fn retried(fault: Fault) -> Row {
    Row { requests: PAGES + 2, ..healed(fault) }
}

/// Healed, and the pages are passed through twice: they may have moved.
const fn doubted(fault: Fault) -> Row {
    Row { requests: 2 * PAGES, ..healed(fault) }
}

/// Claims stay incomplete after these many requests.
const fn open(fault: Fault, reason: &'static str, requests: usize) -> Row {
    Row { exit: 2, hits: CLAIMS, state: "incomplete", reason, requests, ..healed(fault) }
}

/// The cursor of an earlier run is refused and given up after two runs; a new walk has others.
const fn dead_cursor(fault: Fault, reason: &'static str, requests: usize) -> Row {
    since(Since::Cursor, open(fault, reason, requests))
}

/// Claims stay incomplete after page 3 was asked for as often as is allowed.
const fn given_up(fault: Fault, reason: &'static str) -> Row {
    open(fault, reason, 2 + ATTEMPTS)
}

/// Complete, with something in quarantine.
const fn quarantined(fault: Fault, rejects: i64, stored: Stored) -> Row {
    Row { exit: 2, rejects, stored, ..healed(fault) }
}

/// Everything is at fault.
const fn all(fault: Fault, exit: i32, reason: &'static str) -> Row {
    let row = open(fault, reason, 2);
    Row { exit, hits: Hits::AllBut(&[]), ..row }
}

const fn since(since: Since, row: Row) -> Row {
    Row { since, ..row }
}

const fn asks_anew(row: Row) -> Row {
    Row { mend: Mend::Connect, ..row }
}

const fn stored(stored: Stored, row: Row) -> Row {
    Row { stored, ..row }
}

const fn requests(requests: usize, row: Row) -> Row {
    Row { requests, ..row }
}

#[rustfmt::skip]
pub(crate) const TABLE: &[Row] = &[
    // A token that was renewed in vain is not renewed for each type.
    requests(1, all(Fault::AlwaysUnauthorized, 2, "unauthorized")),
    all(Fault::RevokedGrant, 3, "consent_needed"),
    requests(PAGES + 1, healed(Fault::UnauthorizedMidWalk)),
    Row { exit: 0, hits: Hits::ClinicalListed, state: "not_served", reason: "forbidden", ..healed(Fault::ForbiddenClinical) },
    Row { exit: 0, hits: Hits::ClinicalListed, state: "not_served", reason: "not_found", ..healed(Fault::NotFoundClinical) },
    Row { exit: 2, hits: Hits::Only("Location"), state: "incomplete", reason: "forbidden", ..healed(Fault::ForbiddenPayerType) },
    healed(Fault::NoListing),
    healed(Fault::ListingByIdOnly),
    healed(Fault::UnreadableLocation),
    requests(3 + PAGES, healed(Fault::CursorExpired)),
    // Two walks, two questions about the date, and a window or two per year.
    requests(60, healed(Fault::CursorAlwaysExpired)),
    requests(60, healed(Fault::CursorForgotten)),
    // One more request with a fresh token.
    dead_cursor(Fault::CursorUnauthorized, "unauthorized", 2),
    dead_cursor(Fault::CursorForbidden, "forbidden", 1),
    dead_cursor(Fault::CursorThrottled, "throttled", ATTEMPTS),
    dead_cursor(Fault::CursorBroken, "server_error", ATTEMPTS),
    dead_cursor(Fault::CursorReset, "network", ATTEMPTS),
    dead_cursor(Fault::CursorHtml, "not_json", ATTEMPTS),
    dead_cursor(Fault::CursorOutcome, "operation_outcome", 1),
    // The end that it brings contradicts the total, so that the pages are passed through anew.
    since(Since::Cursor, requests(1 + PAGES, healed(Fault::CursorEmpty))),
    requests(60, healed(Fault::ResultWindow)),
    open(Fault::Permanent400, "refused", 3),
    given_up(Fault::Permanent500, "server_error"),
    open(Fault::Canary, "refused", 3),
    retried(Fault::ThrottleSeconds),
    retried(Fault::ThrottleDate),
    retried(Fault::ThrottleBare),
    given_up(Fault::ThrottleForever, "throttled"),
    retried(Fault::ThrottleTransient),
    retried(Fault::Gateway500),
    retried(Fault::Gateway502),
    retried(Fault::Gateway503),
    retried(Fault::Gateway504),
    retried(Fault::ConnectionReset),
    open(Fault::RedirectForeignOrigin, "unexpected_status", 3),
    open(Fault::Partial206, "unexpected_status", 3),
    given_up(Fault::Html200, "not_json"),
    open(Fault::Outcome200, "operation_outcome", 3),
    given_up(Fault::Empty200, "not_json"),
    given_up(Fault::Array200, "not_a_searchset"),
    given_up(Fault::Collection200, "not_a_searchset"),
    open(Fault::CachedPage, "stale_answer", PAGES),
    requests(PAGES + 1, healed(Fault::EmptyPageWithNext)),
    stored(Stored::OneWithdrawn, doubted(Fault::ShiftByDeletion)),
    doubted(Fault::ShiftByInsertion),
    open(Fault::ShuffledPages, "pages_moved", 3 * PAGES),
    open(Fault::RepeatedPage, "total_mismatch", 2 * PAGES),
    doubted(Fault::RepeatedPageOnce),
    open(Fault::MixedPage, "total_mismatch", 2 * PAGES),
    since(Since::SecondNight, open(Fault::SubstitutedEntry, "total_mismatch", 2 * PAGES)),
    since(Since::SecondNight, open(Fault::ShortPage, "total_mismatch", 2 * PAGES)),
    doubted(Fault::ShortPageOnce),
    // It passes for an estimate after three passes that agree.
    Row { requests: 3 * PAGES, ..doubted(Fault::TotalRises) },
    open(Fault::NextLost, "total_mismatch", 2 * 3),
    open(Fault::TextTotal, "total_mismatch", 2 * 3),
    open(Fault::EndEmpty, "total_mismatch", 2 * 3),
    // Three pages more bring nothing new, and the next is asked for before that is known.
    open(Fault::TokenCircle, "no_progress", 3 + 3 + 1),
    stored(Stored::OtherMeta, open(Fault::RestampedCircle, "no_progress", 3 + 3 + 1)),
    open(Fault::NextLoop, "next_loop", 3),
    open(Fault::NextSelf, "next_loop", 3),
    // The last page brings something, so that there may be others before it.
    open(Fault::LastBeyond, "next_unusable", 3 + 1),
    // It is asked for under the plan's own path.
    requests(PAGES + 1, healed(Fault::NextElsewhere)),
    open(Fault::NextOtherType, "next_unusable", 3),
    healed(Fault::NextPassword),
    open(Fault::NextForeignOrigin, "foreign_origin", 3),
    healed(Fault::NextRelative),
    healed(Fault::NextWithoutScheme),
    healed(Fault::NextLong),
    healed(Fault::NextCaseChanged),
    healed(Fault::NextUpperCase),
    healed(Fault::NextUri),
    healed(Fault::NextTwice),
    healed(Fault::NextInHeader),
    healed(Fault::NextObject),
    open(Fault::NextAmbiguous, "next_unusable", 3),
    open(Fault::NextEmpty, "next_unusable", 3),
    open(Fault::NextNull, "next_unusable", 3),
    open(Fault::NextWithoutUrl, "next_unusable", 3),
    open(Fault::LinkNull, "next_unusable", 3),
    doubted(Fault::WrongTotal),
    healed(Fault::ExtremeTotal),
    healed(Fault::NoTotal),
    healed(Fault::NoType),
    // The Patient itself is judged by its id.
    Row { hits: Hits::AllBut(&["Patient"]), ..all(Fault::SelfMismatch, 2, "another_patient") },
    healed(Fault::DuplicateEntry),
    doubted(Fault::DuplicateAcrossPages),
    healed(Fault::OutcomeEntry),
    open(Fault::ErrorEntry, "server_reported_error", PAGES),
    healed(Fault::IncludeEntry),
    stored(Stored::OtherMeta, healed(Fault::NoLastUpdated)),
    stored(Stored::OtherMeta, healed(Fault::ExtremeDates)),
    stored(Stored::OneOther, healed(Fault::BadDate)),
    quarantined(Fault::MissingId, 1, Stored::OneRejected),
    quarantined(Fault::WrongTypeEntry, 1, Stored::Same),
    quarantined(Fault::NullEntry, 2, Stored::Same),
    quarantined(Fault::ForeignSubject, 1, Stored::Same),
    quarantined(Fault::SecondPatient, 2, Stored::Same),
    since(Since::Half, Row { requests: 0, rejects: 1, ..all(Fault::MergedRecord, 3, "patient_changed") }),
    quarantined(Fault::DeepNesting, 1, Stored::OneOther),
    stored(Stored::OneOther, healed(Fault::DuplicateKey)),
    quarantined(Fault::ControlCharacter, 1, Stored::OneRejected),
    quarantined(Fault::NotANumber, 1, Stored::OneRejected),
    quarantined(Fault::LeadingZero, 1, Stored::OneRejected),
    quarantined(Fault::TrailingComma, 1, Stored::OneRejected),
    quarantined(Fault::StrayQuote, 1, Stored::OneRejected),
    // It is JSON; no view can read it.
    quarantined(Fault::LoneSurrogate, 1, Stored::OneOther),
    healed(Fault::OlderDuplicate),
    doubted(Fault::OlderAcrossPages),
    // Nothing newer is known of it.
    stored(Stored::OneOther, healed(Fault::LaggingReplica)),
    stored(Stored::OtherMeta, healed(Fault::Respelt)),
    healed(Fault::ByteOrderMark),
    quarantined(Fault::InvalidUtf8, 1, Stored::OneRejected),
    given_up(Fault::TruncatedBody, "not_json"),
    given_up(Fault::ShortBody, "network"),
    healed(Fault::SlowBody),
    given_up(Fault::StalledBody, "timeout"),
    open(Fault::GzipBomb, "too_large", 3),
    healed(Fault::GzipUpperCase),
    healed(Fault::GzipAlias),
    healed(Fault::GzipUnsaid),
    healed(Fault::GzipOnlySaid),
    healed(Fault::GzipMembers),
    given_up(Fault::GzipCut, "network"),
    open(Fault::Brotli, "unknown_encoding", 3),
    open(Fault::ManyEntries, "too_many_entries", 3),
    open(Fault::HugePage, "too_large", 3),
    stored(Stored::OtherMeta, healed(Fault::VersionChurn)),
    since(Since::SecondNight, Row { hits: Hits::OfAtLeast(6), stored: Stored::FewLost, ..open(Fault::Shrink, "shrunk", PAGES) }),
    since(Since::SecondNight, healed(Fault::IgnoresLastUpdated)),
    // The probe asks with dates that occur in the data.
    since(Since::SecondNight, requests(3 + PAGES, healed(Fault::LastUpdatedExtremes))),
    healed(Fault::DateAhead),
    requests(6, healed(Fault::CountIgnored)),
    asks_anew(since(Since::Expiry, all(Fault::LostRefreshResponse, 3, "consent_needed"))),
    since(Since::Expiry, requests(PAGES + 1, healed(Fault::Token503))),
    since(Since::Expiry, requests(PAGES + 1, healed(Fault::TokenSlow))),
    asks_anew(since(Since::Expiry, all(Fault::TokenHtml, 3, "consent_needed"))),
    since(Since::Expiry, Row { requests: 0, ..all(Fault::TokenDown, 4, "token_unreachable") }),
    asks_anew(since(Since::Expiry, Row { requests: 0, ..all(Fault::RefreshDenied, 3, "consent_needed") })),
    asks_anew(since(Since::Expiry, Row { requests: 0, ..all(Fault::RefreshMac, 3, "consent_needed") })),
    since(Since::Ever, healed(Fault::NoRefreshToken)),
    since(Since::Expiry, requests(PAGES + 1, healed(Fault::KeepsRefreshToken))),
    since(Since::Expiry, requests(PAGES + 1, healed(Fault::ReuseRevokesGrant))),
    since(Since::Ever, healed(Fault::ExpiresInFloat)),
    since(Since::Ever, healed(Fault::ExpiresInString)),
    since(Since::Ever, requests(2 * PAGES, healed(Fault::ShortTokens))),
    asks_anew(since(Since::Ever, Row { hits: Hits::Clinical, state: "skipped", reason: "not_granted", ..healed(Fault::NarrowScope) })),
    // All came before the refresh, or was served in spite of it, and grows old from now on.
    asks_anew(since(Since::Expiry, Row { exit: 3, hits: Hits::Clinical, ..open(Fault::RefreshNarrowsScope, "not_granted", PAGES) })),
    asks_anew(since(Since::Ever, healed(Fault::GranularScope))),
    since(Since::Ever, healed(Fault::ScopeCommas)),
    since(Since::Ever, healed(Fault::ScopeEscaped)),
    since(Since::Ever, healed(Fault::ScopeMisspelt)),
];

/// What a fault must come to in another run; `None` where it is none there.
pub(crate) fn expected(row: &Row, phase: Phase) -> Option<Row> {
    if row.since == Since::Cursor {
        // No other run goes on from a cursor.
        return (phase == Phase::Resumed).then_some(*row);
    }
    if phase == Phase::First {
        let is_known = !matches!(row.since, Since::SecondNight | Since::Half);
        return is_known.then_some(*row);
    }
    if phase == Phase::Resumed && row.since == Since::SecondNight {
        return None;
    }
    let gap = |hits, reason| Row { exit: 2, hits, state: "incomplete", reason, ..*row };
    let row = match row.fault {
        // What was listed before is missed.
        Fault::ForbiddenClinical => gap(Hits::Clinical, "forbidden"),
        Fault::NotFoundClinical => gap(Hits::Clinical, "not_found"),
        Fault::NoListing => gap(Hits::These(LISTED_FOR_ALL), "forbidden"),
        Fault::ListingByIdOnly => gap(Hits::These(LISTED_FOR_ALL), "refused"),
        // The healthy run before has shown that the total can be trusted.
        Fault::WrongTotal | Fault::TotalRises if phase != Phase::Resumed => {
            gap(CLAIMS, "total_mismatch")
        }
        // What is held and no longer covered grows old.
        Fault::NarrowScope => Row { exit: 3, ..gap(Hits::Clinical, "not_granted") },
        Fault::GranularScope => Row { exit: 3, ..gap(Hits::Only("Observation"), "not_granted") },
        // Whose data the connection holds is known by now.
        Fault::SelfMismatch => Row { hits: Hits::AllBut(&[]), ..*row },
        _ => *row,
    };
    if phase != Phase::Resumed {
        return Some(row);
    }
    // Two pages are stored, and what goes on after them is asked for.
    let requests = match row.fault {
        // A cursor may be why; so the type is begun anew, and refused anew.
        Fault::Permanent400 | Fault::Canary => 1 + 3,
        Fault::CursorExpired => 1 + PAGES,
        Fault::CursorAlwaysExpired | Fault::CursorForgotten | Fault::ResultWindow => row.requests,
        // The page that leads back is met again.
        Fault::NextLoop => 2,
        // The pages are begun anew once or twice.
        Fault::NextLost | Fault::TextTotal | Fault::EndEmpty => 1 + 3,
        // The member has consented anew, and no cursor is of that consent.
        _ if row.since == Since::Ever => row.requests,
        _ => row.requests.saturating_sub(2).max(1),
    };
    Some(Row { requests, ..row })
}

const LISTED_FOR_ALL: &[&str] =
    &["Organization", "Practitioner", "Location", "PractitionerRole", "Medication"];
