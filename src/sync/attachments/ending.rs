//! How a walk over attachments ended, and the words for it.

use crate::{
    outcome::Reason,
    plural,
    warehouse::{AttachmentCount, WalkFinish},
};

/// The end of a walk, judged by the states of the connection's attachments.
///
/// The walk is complete if nothing is left that the next run could fetch. `stopped` says why it stopped
/// before the last attachment, if it did.
pub(in crate::sync) fn ending(
    counts: &[AttachmentCount],
    stopped: Option<WalkFinish>,
) -> WalkFinish {
    let number = |state: &str| -> u64 {
        counts.iter().filter(|it| it.state == state).map(|it| it.number).sum()
    };
    let all: u64 = counts.iter().map(|it| it.number).sum();
    let listed = |is_stored: bool| {
        let words = counts
            .iter()
            .filter(|it| (it.state == "stored") == is_stored)
            .filter_map(|it| Some((it.number, words(&it.state, it.reason.as_deref())?)));
        words.map(|(number, words)| format!("{number} {words}")).collect::<Vec<_>>().join(", ")
    };
    let (lacking, differing) = (number("pending") + number("missing"), listed(true));
    let all = plural::count(all, "attachment");
    let told = match (lacking, differing.as_str()) {
        (0, "") => None,
        (0, _) => Some(format!("{all} stored: {differing}")),
        (_, "") => Some(format!("{lacking} of {all} not stored: {}", listed(false))),
        (_, _) => {
            Some(format!("{lacking} of {all} not stored: {}; stored: {differing}", listed(false)))
        }
    };
    let is_refused = counts.iter().any(|it| it.reason.as_deref().is_some_and(is_refusal));
    if number("pending") > 0 {
        let stopped = stopped.unwrap_or_else(|| {
            WalkFinish::incomplete(Reason::Unanswered, "the next run asks for them".to_owned())
        });
        let (told, why) = (told.unwrap_or_default(), stopped.detail.clone().unwrap_or_default());
        WalkFinish { detail: Some(format!("{told}: {why}")), keep_cursor: false, ..stopped }
    } else if is_refused {
        let hint = "the consent may not cover Binary: add patient/Binary.read to the plan's scope \
                   and connect again, or set attachments = false in the plan's section";
        WalkFinish {
            hint: Some(hint.to_owned()),
            http_status: Some(403),
            keep_cursor: false,
            ..WalkFinish::incomplete(Reason::Forbidden, told.unwrap_or_default())
        }
    } else {
        WalkFinish::complete(told)
    }
}

fn is_refusal(reason: &str) -> bool {
    matches!(reason, "forbidden" | "blocked" | "unauthorized")
}

/// The words for attachments that are not stored, or differ from what was declared, by their reason.
fn words(state: &str, reason: Option<&str>) -> Option<String> {
    Some(match (state, reason) {
        ("stored", None) => return None,
        ("stored", Some("hash_differs")) => "with another hash than declared".to_owned(),
        ("stored", Some(_)) => "of another size than declared".to_owned(),
        (_, None) => "not asked for yet".to_owned(),
        (_, Some("too_large")) => "too large (attachment_max_mebibytes)".to_owned(),
        (_, Some("not_found" | "gone")) => "that the plan does not have".to_owned(),
        (_, Some("not_in_files")) => "that the files do not hold".to_owned(),
        (_, Some("foreign_origin")) => "at another origin".to_owned(),
        (_, Some("redirected")) => "redirected to another origin".to_owned(),
        (_, Some("no_content")) => "without content or URL".to_owned(),
        (_, Some("not_base64")) => "in text that is not base64".to_owned(),
        (_, Some("not_a_url")) => "at an address that is not a server's URL".to_owned(),
        (_, Some("another_type")) => "answered with another media type or an error page".to_owned(),
        (_, Some("cut_short")) => "shorter than declared".to_owned(),
        (_, Some(reason)) if is_refusal(reason) => "refused".to_owned(),
        (_, Some(other)) => format!("not answered ({other})"),
    })
}
