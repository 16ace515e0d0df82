//! The ways in which a walk can end before its last page, each with its reason for the ledger.

use super::hint::hint;
use crate::{
    fhir::{
        FetchError, Outcome, PagingError, is_about_a_member, is_everything, is_read_by_reference,
    },
    outcome::{Reason, WalkState},
    plural,
    sync::{
        decide::order::{WalkFrom, WalkOrder},
        walk::ages::Stale,
    },
    warehouse::{ConnectionRow, WalkFinish},
};
use chrono::TimeDelta;

/// How a walk ended.
pub(crate) enum Ending {
    /// The walk ended at its last page; whether it is complete is still to be judged.
    LastPage,
    /// The walk ended before its last page; the end is still to be entered in the ledger.
    Open(WalkFinish),
    /// The walk ended before its last page; the end is still to be entered, and another walk may get further
    /// in this run.
    Lost(WalkFinish, Remedy),
}

/// The way in which another walk may get further than the one that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// A walk over the whole type, in full.
    BeginAgain,
    /// A walk over the whole type, since the server forgot the cursor; it may forget the new one, too.
    NewCursor,
    /// Walks by windows: no walk over the whole type gets further.
    Windows,
    /// The same pass again, until two passes agree.
    PassAgain,
}

/// How far a walk had come.
pub(crate) struct Position {
    /// Pages stored by earlier runs of the walk.
    pub(crate) pages_before: u64,
    /// Pages stored in this run.
    pub(crate) pages: u64,
}

impl Position {
    /// Whether no page of the walk is stored.
    pub(super) fn is_start(&self) -> bool {
        self.pages_before + self.pages == 0
    }
}

/// Decides how a walk ends at a page that could not be fetched.
///
/// `listed_before` says whether the plan has ever answered the search, and `is_blocked` whether a gateway's
/// refusal says nothing of the type yet.
pub(crate) fn refused(
    error: &FetchError,
    at: &Position,
    order: &WalkOrder,
    (listed_before, is_blocked): (bool, bool),
    connection: &ConnectionRow,
) -> Ending {
    let is_first_page = at.is_start();
    if is_first_page && is_whole_record(order) && !is_without_access(error) {
        let hint = "the plan may not serve $everything: remove it from `search` in the plan's \
                    section, and the types are searched one by one";
        return Ending::Open(WalkFinish {
            hint: Some(hint.to_owned()),
            ..unavailable(error, connection)
        });
    }
    let resumes = at.pages_before > 0 && at.pages == 0;
    // Many plans answer for such a type even if the consent does not cover it. A 403 shows that this plan
    // goes by the consent.
    let is_uncovered = order.extent.is_uncovered
        && !order.extent.is_read_instead()
        && is_about_a_member(&order.resource_type);
    let is_forbidden = error.status() == Some(403) && !is_blocked;
    if is_first_page && is_uncovered && !listed_before && is_forbidden {
        let detail = "the member's consent does not cover it".to_owned();
        let mut finish = match order.extent.gap.as_deref().filter(|_| order.extent.is_demanded) {
            Some(gap) => WalkFinish { detail: Some(detail), ..gap.clone() },
            None => WalkFinish::not_walked(WalkState::Skipped, Reason::NotGranted, detail),
        };
        finish.http_status = error.status();
        return Ending::Open(finish);
    }
    if is_first_page
        && !listed_before
        && !error.is_grant_gone()
        && !is_blocked
        && is_unlisted(order, error)
    {
        let detail = format!("the plan refuses to list it ({error}); it is read by reference");
        let mut finish = WalkFinish::not_walked(WalkState::NotServed, Reason::NotListed, detail);
        finish.http_status = error.status();
        finish.server_message = error.server_message();
        return Ending::Open(finish);
    }
    // A type that was listed before and is refused now is a gap: its stored resources grow stale. And if the
    // consent names a part of this type, a 403 is no answer to what it grants.
    let is_optional = !order.required && !listed_before;
    let keeps_part_back = order.extent.names_type && error.status() == Some(403);
    let is_difference =
        is_first_page && is_optional && !error.is_grant_gone() && !is_blocked && !keeps_part_back;
    if is_difference && matches!(error.status(), Some(403 | 404)) {
        let detail = format!("the plan does not serve it: {error}");
        // A gateway that refuses a type night after night answers for the plan.
        let reason = if is_forbidden { Reason::Forbidden } else { error.reason() };
        let mut finish = WalkFinish::not_walked(WalkState::NotServed, reason, detail);
        finish.http_status = error.status();
        finish.server_message = error.server_message();
        return Ending::Open(finish);
    }
    let mut finish = unavailable(error, connection);
    // A resumed walk does not know how many resources the server declares; a fresh one does.
    if !is_first_page && !resumes && error.is_beyond_result_window() {
        finish.reason = Some(Reason::ResultWindow);
        finish.keep_cursor = false;
        return Ending::Lost(finish, Remedy::Windows);
    }
    let lost = match error.status() {
        _ if error.is_grant_gone() => false,
        // The server forgot the session behind the next link (HAPI, Azure).
        Some(404 | 410) => !is_first_page,
        // A cursor of an earlier run may be refused with any status; a fresh walk would not be refused.
        Some(401 | 403 | 429) | None => false,
        Some(status) => resumes && (400..=499).contains(&status),
    };
    if lost {
        finish.keep_cursor = false;
        return Ending::Lost(finish, Remedy::NewCursor);
    }
    Ending::Open(finish)
}

/// The end of a walk whose request could not be sent or was not answered, with a hint.
pub(crate) fn unavailable(error: &FetchError, connection: &ConnectionRow) -> WalkFinish {
    let mut detail = with_sources(error);
    if error.is_grant_gone() {
        // The status alone, a 404, does not say so.
        detail = format!("the connection needs a new consent: {detail}");
    }
    let finish = WalkFinish::incomplete(error.reason(), detail);
    WalkFinish {
        http_status: error.status(),
        server_message: error.server_message(),
        hint: hint(error, connection).or(finish.hint),
        ..finish
    }
}

/// Whether a walk asks for a Patient's `$everything`. If that is refused, the type Patient may be served all
/// the same.
fn is_whole_record(order: &WalkOrder) -> bool {
    order.resource_type == "Patient" && is_everything(&order.start)
}

/// Whether nothing could be asked for, or every request would be refused.
fn is_without_access(error: &FetchError) -> bool {
    error.is_unreachable()
        || error.is_grant_gone()
        || error.reason().is_without_token()
        || matches!(error.status(), None | Some(401 | 429))
}

/// Whether a refused first page means that the type is not listed, though it may be read.
fn is_unlisted(order: &WalkOrder, error: &FetchError) -> bool {
    let (status, is_told) = (error.status(), error.server_message().is_some());
    let whole_type = !matches!(order.from, WalkFrom::Since(_)) && order.window.is_none();
    let refused = matches!(status, Some(400 | 403 | 404 | 405 | 501));
    let name = order.resource_type.as_str();
    // Many plans support only reads by id of these two types.
    let may_be_read = is_read_by_reference(name) || matches!(name, "Patient" | "Coverage");
    // Other searches of the type are tried first.
    let is_last = !order.otherwise.iter().any(|attempt| attempt.is_for(status, is_told));
    whole_type && refused && may_be_read && is_last
}

/// The end of a walk that was asked to stop.
pub(crate) fn interrupted() -> WalkFinish {
    WalkFinish::incomplete(
        Reason::Interrupted,
        "the run was asked to stop; the next run goes on at this page".into(),
    )
}

/// The end of a walk that panicked.
pub(crate) fn bug() -> WalkFinish {
    let detail = "a bug in payersync ended the walk; the next run goes on where it was";
    let hint = "please report it with what was said on standard error";
    WalkFinish {
        hint: Some(hint.to_owned()),
        ..WalkFinish::incomplete(Reason::Bug, detail.to_owned())
    }
}

/// The end of a walk at the run's limit of requests.
pub(crate) fn request_limit() -> WalkFinish {
    let detail = "the run's limit of requests was reached; the next run goes on at this page";
    WalkFinish::incomplete(Reason::RequestLimit, detail.to_owned())
}

/// The end of a walk after pages that brought nothing new.
pub(crate) fn no_progress(pages: u32) -> WalkFinish {
    let detail = format!("{pages} pages in a row brought no resource that the walk had not met");
    WalkFinish { keep_cursor: false, ..WalkFinish::incomplete(Reason::NoProgress, detail) }
}

/// The end of a walk at a next link that must not be followed.
pub(super) fn lost_way(error: &PagingError) -> Ending {
    let reason = match error {
        PagingError::ForeignOrigin { .. } => Reason::ForeignOrigin,
        PagingError::Loop => Reason::NextLoop,
        PagingError::OnlyEmptyPages => Reason::OnlyEmptyPages,
        PagingError::NotAUrl => Reason::NextNotAUrl,
        PagingError::Unusable(_)
        | PagingError::Unlinked
        | PagingError::Ambiguous
        | PagingError::OtherType => Reason::NextUnusable,
    };
    let finish = finally(reason, error.to_string());
    match error {
        PagingError::Unlinked => {
            let hint = "set page_size in the plan's section to more than a type holds; if the \
                       pages do not get longer, ask the plan how to get the next page";
            let finish = WalkFinish { hint: Some(hint.to_owned()), ..finish };
            Ending::Lost(finish, Remedy::Windows)
        }
        _ => Ending::Open(finish),
    }
}

/// The end at a page that names a later last page and has no link to the next one.
pub(super) fn unlinked() -> WalkFinish {
    let detail = "a page has no link to the next page, though it names a later last page";
    finally(Reason::NextUnusable, detail.to_owned())
}

/// The end at a link to another path than the walk's own, if the plan does not know the page there.
pub(super) fn wrong_path(error: &FetchError) -> WalkFinish {
    let detail = format!(
        "the link to the next page leads to another path than the plan's fhir_url, and the plan \
         knows the page neither there nor under fhir_url ({error})"
    );
    finally(Reason::NextUnusable, detail)
}

/// The end at a page whose self link names another patient. Only the ledger says which.
pub(crate) fn another_patient(patient: String) -> WalkFinish {
    WalkFinish {
        server_message: Some(format!("the self link names Patient/{patient}")),
        keep_cursor: false,
        hint: Some("another member's data was refused; tell the plan".to_owned()),
        ..WalkFinish::incomplete(
            Reason::AnotherPatient,
            "the plan answered with a page about another patient; nothing of it was stored".into(),
        )
    }
}

/// The end of a type whose searches must name the patient, if nothing tells who that is.
pub(crate) fn patient_unknown(connection: &ConnectionRow) -> WalkFinish {
    let (name, plan) = (&connection.name, connection.plan_name());
    let hint = format!(
        "`payersync connect {name} --plan {plan}` asks for a consent that names the patient (for a \
         backend service, --patient names it); or set search.Patient = \"bare\" in the plan's \
         section: the next sync then learns the patient from the Patient that the plan sends"
    );
    let detail = "its search must name the patient, and neither the consent nor a stored Patient \
                  says who that is";
    WalkFinish {
        hint: Some(hint),
        ..WalkFinish::incomplete(Reason::PatientUnknown, detail.to_owned())
    }
}

/// The end of a walk that brought only resources about another Patient than the connection's.
pub(crate) fn patient_changed(connection: &ConnectionRow) -> WalkFinish {
    let (name, plan) = (&connection.name, connection.plan_name());
    let hint = format!(
        "if somebody else consented, let the member consent again; if the consent covers \
         dependants, set `dependants = true` in the plan's section; if the plan gave the member \
         another Patient for good, run `payersync purge {name}` and then `payersync connect {name} \
         --plan {plan}`"
    );
    WalkFinish {
        keep_cursor: false,
        hint: Some(hint),
        ..WalkFinish::incomplete(
            Reason::PatientChanged,
            "the plan now speaks of another Patient: all that came is about that Patient; it is \
             kept with the rejects, and in no table"
                .into(),
        )
    }
}

/// The end of a walk whose answers show that the server does not honour `_lastUpdated`.
pub(super) fn filter_ignored(why: &str) -> Ending {
    let detail = format!("the plan does not honour _lastUpdated: {why}");
    let finish = WalkFinish::incomplete(Reason::LastUpdatedIgnored, detail);
    Ending::Lost(WalkFinish { keep_cursor: false, ..finish }, Remedy::BeginAgain)
}

/// The end of a walk over changes that lacks stored resources which it must hold.
pub(crate) fn left_out(missing: u64) -> WalkFinish {
    let detail = format!(
        "stored resources that changed after the instant asked for did not come ({missing}): they \
         are deleted, or the plan does not honour _lastUpdated; the whole type is walked"
    );
    finally(Reason::LastUpdatedIgnored, detail)
}

/// An end after which the next run begins anew.
pub(super) fn finally(reason: Reason, detail: String) -> WalkFinish {
    WalkFinish { keep_cursor: false, ..WalkFinish::incomplete(reason, detail) }
}

/// The end of a walk with a page that is, or seems to be, older than the time by which walks over changes
/// reach back.
pub(super) fn stale_answer(stale: Stale) -> WalkFinish {
    let (age, detail, at_fault) = match stale {
        Stale::Told(age) => (
            age,
            format!("a page is {} old: a cache in front of the plan keeps answers", long(age)),
            "tell the plan that its gateway keeps answers, though each request says \
             Cache-Control: no-cache",
        ),
        Stale::Behind(age) => (
            age,
            format!(
                "the Date of a page is {} behind that of another: a cache in front of the plan \
                 keeps answers, or the clocks of its servers differ",
                long(age)
            ),
            "tell the plan that the Date differs from answer to answer",
        ),
    };
    // If walks over changes reach back this far, they bring what the page lacks.
    let enough = age.num_hours().saturating_add(1);
    let hint = format!(
        "{at_fault}; the next run asks again; if it stays so, set overlap_hours = {enough} in \
        [sync]: payersync then accepts such pages, and later runs ask once more for what changed \
        in those hours"
    );
    WalkFinish { hint: Some(hint), ..finally(Reason::StaleAnswer, detail) }
}

/// The end at an answer to `_lastUpdated` that is dated before changes which the plan has sent already.
pub(super) fn clock_went_back(behind: TimeDelta) -> WalkFinish {
    let detail = format!(
        "the Date of the answer is {} behind a change that the plan has sent before: the plan's \
         clock went back, or a cache in front of the plan keeps answers; the whole type is walked",
        long(behind)
    );
    finally(Reason::StaleAnswer, detail)
}

/// A time in full hours; in minutes if it is shorter than an hour.
fn long(time: TimeDelta) -> String {
    match time.num_hours() {
        0 => plural::count(time.num_minutes(), "minute"),
        hours => plural::count(hours, "hour"),
    }
}

/// The end of a walk in which a page carried a failure of the server.
pub(super) fn server_reported(outcome: &Outcome) -> WalkFinish {
    let detail = format!("a page carried an OperationOutcome of the server ({outcome})");
    WalkFinish { server_message: outcome.words(), ..finally(Reason::ServerReportedError, detail) }
}

/// An error with its sources, as one sentence.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(below) = source {
        let below_text = below.to_string();
        if !text.contains(&below_text) {
            text = format!("{text}: {below_text}");
        }
        source = below.source();
    }
    text
}
