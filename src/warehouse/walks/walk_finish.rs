//! A walk's final entry in the ledger.

use crate::outcome::{Reason, TypeOutcome, WalkState};

/// A walk's final entry in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkFinish {
    /// State of the walk.
    pub state: WalkState,
    /// The reason, unless the walk is complete.
    pub reason: Option<Reason>,
    /// A sentence for people, without values.
    pub detail: Option<String>,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// HTTP status of the last answer, if that is the reason.
    pub http_status: Option<u16>,
    /// The server's own words. They may name a patient, so they are stored in the warehouse only.
    pub server_message: Option<String>,
    /// The page, counted from 1, at which the walk ended, unless it is complete.
    pub failed_page: Option<u64>,
    /// A peculiarity that is not a failure.
    pub warning: Option<String>,
    /// The instant as of which this state holds, if earlier than the walk's start (RFC 3339).
    pub as_of: Option<String>,
    /// Whether the cursor is kept, so that the next run continues there.
    pub keep_cursor: bool,
}

impl WalkFinish {
    /// A walk whose last page was a valid searchset Bundle without a `next`.
    pub fn complete(warning: Option<String>) -> WalkFinish {
        WalkFinish { warning, ..WalkFinish::with_state(WalkState::Complete) }
    }

    /// A walk that is not complete, with the reason and a sentence for people.
    ///
    /// The hint is the usual one for the reason; a caller that knows better replaces it.
    pub fn incomplete(reason: Reason, detail: String) -> WalkFinish {
        WalkFinish {
            reason: Some(reason),
            detail: Some(detail),
            hint: usual_hint(reason).map(str::to_owned),
            keep_cursor: true,
            ..WalkFinish::with_state(WalkState::Incomplete)
        }
    }

    /// A type that was not asked for, or that the plan does not serve.
    pub fn not_walked(state: WalkState, reason: Reason, detail: String) -> WalkFinish {
        WalkFinish { reason: Some(reason), detail: Some(detail), ..WalkFinish::with_state(state) }
    }

    pub(crate) fn shrunk(live: u64, gone: u64, anothers: u64) -> WalkFinish {
        let anothers = match anothers {
            0 => String::new(),
            anothers => format!(", and {anothers} came as another patient's"),
        };
        WalkFinish {
            hint: Some(
                "if that is right, `payersync sync NAME --type TYPE --accept-shrink`".into(),
            ),
            keep_cursor: false,
            ..WalkFinish::incomplete(
                Reason::Shrunk,
                format!(
                    "{gone} of {live} resources were no longer sent{anothers}; nothing was deleted"
                ),
            )
        }
    }

    /// The walk's state and reason, from which the exit code is derived.
    pub fn outcome(&self) -> TypeOutcome {
        TypeOutcome { state: self.state, reason: self.reason, http_status: self.http_status }
    }

    fn with_state(state: WalkState) -> WalkFinish {
        WalkFinish {
            state,
            reason: None,
            detail: None,
            hint: None,
            http_status: None,
            server_message: None,
            failed_page: None,
            warning: None,
            as_of: None,
            keep_cursor: false,
        }
    }
}

/// The usual hint for a reason; `None` if the next run simply continues, or only the caller knows.
fn usual_hint(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::ForeignOrigin => {
            "if that is the plan's own server under another name, add it to the plan's proxied_origins"
        }
        Reason::NotFound | Reason::Gone => {
            "the next run asks again; if the plan does not serve the type, leave it out of `types` or `required`"
        }
        Reason::ServerError => {
            "the plan has a fault; the next run asks again; if it lasts for days, tell the plan, or \
             leave the types that it does not serve out of `types`"
        }
        Reason::Network => "check the network; the next run asks again",
        Reason::Timeout => {
            "the next run asks again; if it stays so, lower the plan's page_size, or raise \
             read_timeout_seconds and total_timeout_seconds in [http]"
        }
        Reason::TooLarge => "lower the plan's page_size, or raise max_body_mebibytes in [http]",
        Reason::TooManyEntries => "lower the plan's page_size",
        Reason::UnknownEncoding => {
            "tell the plan that it sends an encoding that no request asks for"
        }
        Reason::Refused
        | Reason::OperationOutcome
        | Reason::ServerReportedError
        | Reason::NotTheResource
        | Reason::NextLoop
        | Reason::NoProgress
        | Reason::OnlyEmptyPages
        | Reason::NextNotAUrl
        | Reason::NextUnusable
        | Reason::PagesMoved
        | Reason::TotalMismatch => "the next run asks again; if it stays so, tell the plan",
        _ => return None,
    })
}
