//! Whether a server honours `_lastUpdated`, before anything is left out because of it.
//!
//! Declaring it proves nothing. Asked for what changes after the year 2100 an honest server has
//! nothing to show, and asked for what changed since 1900 it has something, where there is
//! anything at all.

use super::context::WalkContext;
use crate::fhir::{Effort, FetchError, SearchMode, changed_since};
use chrono::{DateTime, Utc};
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

/// Asks two questions with known answers.
pub(super) async fn probe(context: &WalkContext, start: &Url, effort: &mut Effort) -> Probed {
    let (Some(never), Some(always)) =
        (DateTime::from_timestamp(4_102_444_800, 0), DateTime::from_timestamp(-2_208_988_800, 0))
    else {
        return Probed::Unclear;
    };
    match matches(context, start, never, effort).await {
        Ok(0) => {}
        Ok(_) => return Probed::Ignored("it sends resources that cannot have changed yet"),
        Err(error) => return refused(&error),
    }
    match matches(context, start, always, effort).await {
        Ok(0) => Probed::Ignored("it leaves out resources that must have changed"),
        Ok(_) => Probed::Honoured,
        Err(error) => refused(&error),
    }
}

async fn matches(
    context: &WalkContext,
    start: &Url,
    since: DateTime<Utc>,
    effort: &mut Effort,
) -> Result<usize, FetchError> {
    let url = changed_since(start, since);
    let page = context.client.page(&url, effort, &crate::http::silently).await?;
    Ok(page.bundle.entries.iter().filter(|entry| entry.mode == SearchMode::Match).count())
}

fn refused(error: &FetchError) -> Probed {
    match error.status() {
        Some(400..=499) => Probed::Ignored("it refuses the parameter"),
        _ => Probed::Unclear,
    }
}
