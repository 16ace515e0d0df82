//! Tests whether a server honours a search by date, before anything is left out because of such a search.
//!
//! A declaration proves nothing. The probe asks for changes after the year 2100: an honest server has nothing
//! to show. It then asks for changes since the date of a stored resource: an honest server shows some
//! resources, none older than the date and no fewer than are stored. If the answer's `self` link repeats the
//! search, the link has the date.

use super::order::{Increment, WalkFrom, WalkOrder};
use crate::{
    fhir::{FetchError, SearchMode, changed_since, instant, left_out_of_self_link, on_days},
    fingerprint::fingerprint,
    sync::context::WalkContext,
    warehouse::{LastUpdated, Totals, WarehouseError, dates, held_since},
};
use chrono::{DateTime, NaiveDate, Utc};
use url::Url;

/// The outcome of a probe.
pub(crate) enum Probed {
    /// The search by date works.
    Honoured,
    /// The server ignores the date, for the reason in this text.
    Ignored(&'static str),
    /// The plan refuses the search, with this status.
    Refused(u16),
    /// Unknown: the answers do not settle it.
    Unclear,
    /// Unknown: the server did not answer, or not with a page.
    Unanswered(FetchError),
}

/// Tests once whether the server honours `_lastUpdated`; if it does not, the whole type is walked.
pub(crate) async fn prove(
    context: &WalkContext,
    order: &WalkOrder,
    increment: &Increment,
) -> Result<WalkFrom, WarehouseError> {
    let (connection_id, name) = (context.connection.id, order.resource_type.as_str());
    match probe(context, order).await? {
        Probed::Honoured => {
            let support = LastUpdated::Honoured;
            context.warehouse.set_last_updated(connection_id, name, support, None).await?;
            Ok(WalkFrom::Since(increment.clone()))
        }
        Probed::Ignored(why) => {
            let (support, why) = (LastUpdated::Ignored, Some(why.to_owned()));
            context.warehouse.set_last_updated(connection_id, name, support, why).await?;
            Ok(WalkFrom::Start)
        }
        Probed::Refused(_) => {
            let support = LastUpdated::Refused;
            context.warehouse.set_last_updated(connection_id, name, support, None).await?;
            Ok(WalkFrom::Start)
        }
        Probed::Unclear | Probed::Unanswered(_) => Ok(WalkFrom::Start),
    }
}

struct Answer {
    matches: usize,
    /// How many resources the search finds, if its only page or a total tells.
    found: Option<u64>,
    /// Whether `found` is a total.
    is_total: bool,
    /// The oldest `meta.lastUpdated` among the matches.
    oldest: Option<DateTime<Utc>>,
    /// Whether the self link leaves out the parameter that was asked for.
    left_out: bool,
}

/// Tests `_lastUpdated` by two questions whose answers are known.
async fn probe(context: &WalkContext, order: &WalkOrder) -> Result<Probed, WarehouseError> {
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    let mut dates: Vec<DateTime<Utc>> = context
        .warehouse
        .reader()
        .read(|connection| dates(connection, id, name))?
        .iter()
        .filter_map(|text| instant(text))
        .collect();
    dates.sort_unstable();
    dates.dedup();
    let Some(middle) = dates.get(dates.len() / 2).copied() else { return Ok(Probed::Unclear) };
    let Some(never) = DateTime::from_timestamp(4_102_444_800, 0) else {
        return Ok(Probed::Unclear);
    };
    let (never, since) = (changed_since(&order.start, never), changed_since(&order.start, middle));
    let found = two_questions(context, &never, &since, "_lastUpdated").await;
    // Some servers keep fewer digits of an instant than the request has.
    let oldest_allowed = middle - chrono::Duration::seconds(1);
    Ok(match found {
        Ok(Answer { oldest: Some(oldest), .. }) if oldest < oldest_allowed => {
            Probed::Ignored("it sends resources that changed before the instant asked for")
        }
        Ok(answer) => {
            let held = context
                .warehouse
                .reader()
                .read(|connection| held_since(connection, id, name, middle))?;
            let is_counted = !answer.is_total || order.totals == Totals::Trusted;
            match answer.found.filter(|_| is_counted) {
                // Some resources were deleted meanwhile, or left out: a full walk tells which, and the next
                // run asks again.
                Some(found) if found < held => Probed::Unclear,
                _ => Probed::Honoured,
            }
        }
        Err(probed) => probed,
    })
}

/// Tests whether a type's own date parameter works.
pub(crate) async fn probe_date(context: &WalkContext, start: &Url, parameter: &str) -> Probed {
    let since = |year| {
        let first = NaiveDate::from_ymd_opt(year, 1, 1);
        on_days(start, parameter, first, None)
    };
    match two_questions(context, &since(2100), &since(1900), parameter).await {
        Ok(_) => Probed::Honoured,
        Err(probed) => probed,
    }
}

/// Asks for resources that cannot exist, then for some that must. Returns the second answer, or what the
/// probe has shown.
async fn two_questions(
    context: &WalkContext,
    never: &Url,
    surely: &Url,
    parameter: &str,
) -> Result<Answer, Probed> {
    match ask(context, never, parameter).await {
        Ok(Answer { left_out: true, .. }) => {
            return Err(Probed::Ignored("its self link does not repeat the parameter"));
        }
        Ok(Answer { matches: 0, .. }) => {}
        Ok(_) => return Err(Probed::Ignored("it sends resources that cannot have changed yet")),
        Err(error) => return Err(refused(error)),
    }
    match ask(context, surely, parameter).await {
        Ok(Answer { matches: 0, .. }) => {
            Err(Probed::Ignored("it leaves out resources that must have changed"))
        }
        Ok(answer) => Ok(answer),
        Err(error) => Err(refused(error)),
    }
}

async fn ask(context: &WalkContext, url: &Url, parameter: &str) -> Result<Answer, FetchError> {
    let page = context.client.page(url, &crate::http::silently).await?;
    let is_match = |mode| mode == SearchMode::Match;
    let self_link = page.bundle.self_link.as_deref();
    let matches = || page.bundle.entries.iter().filter(|entry| is_match(entry.mode));
    let dates = matches()
        .filter_map(|entry| fingerprint(&page.body[entry.resource.clone()?]).ok())
        .filter(|found| found.resource_type != "OperationOutcome")
        .filter_map(|found| instant(found.last_updated.as_deref()?));
    let is_only_page = page.bundle.next.is_none();
    let count = matches().count();
    Ok(Answer {
        oldest: dates.min(),
        matches: count,
        found: if is_only_page { Some(count as u64) } else { page.bundle.total },
        is_total: !is_only_page,
        left_out: self_link.is_some_and(|link| {
            left_out_of_self_link(url, link).iter().any(|name| name == parameter)
        }),
    })
}

/// Whether a status may refuse a search for its date, and not the type or the token.
pub(crate) fn may_be_of_date(status: u16) -> bool {
    matches!(status, 400 | 404 | 405 | 422 | 501)
}

fn refused(error: FetchError) -> Probed {
    match error.status() {
        // A 404 can also say that the member's consent has ended.
        _ if error.is_grant_gone() => Probed::Unanswered(error),
        Some(status) if may_be_of_date(status) => Probed::Refused(status),
        // Other statuses say nothing of the search: the server is busy, or wants another token.
        _ => Probed::Unanswered(error),
    }
}
