//! Whether a server honours a search by date, before anything is left out because of it.
//!
//! Declaring it proves nothing. Asked for what changes after the year 2100 an honest server has
//! nothing to show, and asked for what changed since 1900 it has something, where there is
//! anything at all; and where it says what it searched for (`self`), it says this, too.

use super::{
    context::WalkContext,
    plan::{Increment, WalkFrom, WalkOrder},
};
use crate::fhir::{Effort, FetchError, SearchMode, changed_since, left_out_of_self_link, on_days};
use crate::warehouse::{LastUpdated, WarehouseError};
use chrono::{DateTime, NaiveDate};
use url::Url;

/// What a probe has shown.
pub(super) enum Probed {
    /// It works.
    Honoured,
    /// It does not; why.
    Ignored(&'static str),
    /// Nobody knows: the server did not answer, or not with a page.
    Unclear,
}

/// Has the server show that it honours `_lastUpdated`, once; else the whole type is walked.
pub(super) async fn prove(
    context: &WalkContext,
    order: &WalkOrder,
    increment: &Increment,
    effort: &mut Effort,
) -> Result<WalkFrom, WarehouseError> {
    let (connection_id, name) = (context.connection.id, order.resource_type.as_str());
    match probe(context, &order.start, effort).await {
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
        Probed::Unclear => Ok(WalkFrom::Start),
    }
}

struct Answer {
    matches: usize,
    /// Whether the self link leaves the parameter out.
    left_out: bool,
}

/// Whether `_lastUpdated` works: two questions with known answers.
async fn probe(context: &WalkContext, start: &Url, effort: &mut Effort) -> Probed {
    let (Some(never), Some(always)) =
        (DateTime::from_timestamp(4_102_444_800, 0), DateTime::from_timestamp(-2_208_988_800, 0))
    else {
        return Probed::Unclear;
    };
    let (never, always) = (changed_since(start, never), changed_since(start, always));
    two_questions(context, &never, &always, "_lastUpdated", effort).await
}

/// Whether a type's own date parameter works.
pub(super) async fn probe_date(
    context: &WalkContext,
    start: &Url,
    parameter: &str,
    effort: &mut Effort,
) -> Probed {
    let since = |year| {
        let first = NaiveDate::from_ymd_opt(year, 1, 1);
        on_days(start, parameter, first, None)
    };
    two_questions(context, &since(2100), &since(1900), parameter, effort).await
}

async fn two_questions(
    context: &WalkContext,
    never: &Url,
    always: &Url,
    parameter: &str,
    effort: &mut Effort,
) -> Probed {
    match ask(context, never, parameter, effort).await {
        Ok(Answer { left_out: true, .. }) => {
            return Probed::Ignored("its self link does not repeat the parameter");
        }
        Ok(Answer { matches: 0, .. }) => {}
        Ok(_) => return Probed::Ignored("it sends resources that cannot have changed yet"),
        Err(error) => return refused(&error),
    }
    match ask(context, always, parameter, effort).await {
        Ok(Answer { matches: 0, .. }) => {
            Probed::Ignored("it leaves out resources that must have changed")
        }
        Ok(_) => Probed::Honoured,
        Err(error) => refused(&error),
    }
}

async fn ask(
    context: &WalkContext,
    url: &Url,
    parameter: &str,
    effort: &mut Effort,
) -> Result<Answer, FetchError> {
    let page = context.client.page(url, effort, &crate::http::silently).await?;
    let is_match = |mode| mode == SearchMode::Match;
    let self_link = page.bundle.self_link.as_deref();
    Ok(Answer {
        matches: page.bundle.entries.iter().filter(|entry| is_match(entry.mode)).count(),
        left_out: self_link.is_some_and(|link| {
            left_out_of_self_link(url, link).iter().any(|name| name == parameter)
        }),
    })
}

fn refused(error: &FetchError) -> Probed {
    match error.status() {
        Some(400..=499) => Probed::Ignored("it refuses the parameter"),
        _ => Probed::Unclear,
    }
}
