//! Whether a server honours `_lastUpdated`, before anything is left out because of it.
//!
//! Declaring it proves nothing. Asked for what changes after the year 2100 an honest server has
//! nothing to show, and asked for what changed since 1900 it has something, where there is
//! anything at all; and where it says what it searched for (`self`), it says this, too.

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

struct Answer {
    matches: usize,
    /// Whether the self link leaves the parameter out.
    left_out: bool,
}

/// Asks two questions with known answers.
pub(super) async fn probe(context: &WalkContext, start: &Url, effort: &mut Effort) -> Probed {
    let (Some(never), Some(always)) =
        (DateTime::from_timestamp(4_102_444_800, 0), DateTime::from_timestamp(-2_208_988_800, 0))
    else {
        return Probed::Unclear;
    };
    match ask(context, start, never, effort).await {
        Ok(Answer { left_out: true, .. }) => {
            return Probed::Ignored("its self link does not repeat the parameter");
        }
        Ok(Answer { matches: 0, .. }) => {}
        Ok(_) => return Probed::Ignored("it sends resources that cannot have changed yet"),
        Err(error) => return refused(&error),
    }
    match ask(context, start, always, effort).await {
        Ok(Answer { matches: 0, .. }) => {
            Probed::Ignored("it leaves out resources that must have changed")
        }
        Ok(_) => Probed::Honoured,
        Err(error) => refused(&error),
    }
}

async fn ask(
    context: &WalkContext,
    start: &Url,
    since: DateTime<Utc>,
    effort: &mut Effort,
) -> Result<Answer, FetchError> {
    let url = changed_since(start, since);
    let page = context.client.page(&url, effort, &crate::http::silently).await?;
    let is_match = |mode| mode == SearchMode::Match;
    let self_link = page.bundle.self_link.as_deref();
    Ok(Answer {
        matches: page.bundle.entries.iter().filter(|entry| is_match(entry.mode)).count(),
        left_out: self_link.is_some_and(|link| !link.contains("_lastUpdated")),
    })
}

fn refused(error: &FetchError) -> Probed {
    match error.status() {
        Some(400..=499) => Probed::Ignored("it refuses the parameter"),
        _ => Probed::Unclear,
    }
}
