//! The words of the ledger as types: how a walk ended, why, and of which kind it was.
//!
//! Everywhere else a state, a reason or a kind has one of these types; only SQL and the screen have
//! text. Exit codes are worked out here, for a run that just ended and for a later `status` alike.

use crate::{exit_code::ExitCode, plural::count};
use std::fmt;

/// Declares an enum whose variants are words, with conversions from and to the word.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every variant.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word in the ledger.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }

            /// The variant of a word of the ledger; `None` for a word of another version.
            pub fn from_word(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

words! {
    /// State of a walk (`sync_walk.state`).
    WalkState {
        /// The walk is under way, or its process was killed.
        Running = "running",
        /// The last page was a valid searchset Bundle without a `next`, and nothing contradicts it.
        Complete = "complete",
        /// Something is missing; the reason says what.
        Incomplete = "incomplete",
        /// The plan does not serve the type.
        NotServed = "not_served",
        /// The type was not asked for.
        Skipped = "skipped",
    }
}

words! {
    /// State of a run (`sync_run.state`).
    RunState {
        /// The run is under way, or its process was killed.
        Running = "running",
        /// Everything that was asked for is complete.
        Complete = "complete",
        /// Something is missing; the exit code says of which kind.
        Incomplete = "incomplete",
        /// The run was stopped, or its process ended before the run did.
        Interrupted = "interrupted",
    }
}

impl WalkState {
    /// Whether the plan was asked for the type.
    pub fn is_asked(self) -> bool {
        !matches!(self, WalkState::NotServed | WalkState::Skipped)
    }
}

words! {
    /// Kind of a walk (`sync_walk.mode`).
    WalkKind {
        /// Every page of the type. A walk by date over the whole type is of this kind, too.
        Full = "full",
        /// The resources that changed since the watermark.
        Incremental = "incremental",
        /// The resources dated within some days.
        Window = "window",
        /// Reads by id of resources that stored resources refer to.
        Reference = "reference",
        /// The resources of imported files.
        File = "file",
        /// Resources that a Patient's `$everything` brought. Their type has no walk of its own.
        Everything = "everything",
        /// Files that stored resources name.
        Attachment = "attachment",
    }
}

words! {
    /// Why a walk is not complete (`sync_walk.reason`).
    Reason {
        /// The member must consent again.
        ConsentNeeded = "consent_needed",
        /// There is no token, for a reason that no other word names, such as a connection that was removed
        /// meanwhile.
        NoToken = "no_token",
        /// The plan cannot be asked as the configuration stands: it is not named there, or lacks its secret.
        Configuration = "configuration",
        /// The token endpoint does not accept the client that the configuration names.
        ClientRefused = "client_refused",
        /// The vault, which keeps the tokens, cannot be read or written.
        Vault = "vault",
        /// The token endpoint does not answer.
        TokenUnreachable = "token_unreachable",
        /// The search must name the patient, and nothing says who that is.
        PatientUnknown = "patient_unknown",
        /// The plan does not answer at all.
        Unreachable = "unreachable",
        /// Status 401 with a fresh token.
        Unauthorized = "unauthorized",
        /// Status 403.
        Forbidden = "forbidden",
        /// Status 403 with a web page: a gateway in front of the plan refused the request.
        Blocked = "blocked",
        /// Status 404.
        NotFound = "not_found",
        /// Status 410.
        Gone = "gone",
        /// Status 429, or a longer wait than a request may wait.
        Throttled = "throttled",
        /// The plan is still loading the member's data.
        StillLoading = "still_loading",
        /// Another status of 400 to 499.
        Refused = "refused",
        /// Status 500 to 599.
        ServerError = "server_error",
        /// A status that is neither success nor failure.
        UnexpectedStatus = "unexpected_status",
        /// The connection broke or could not be made.
        Network = "network",
        /// A time limit was reached.
        Timeout = "timeout",
        /// The answer is larger than allowed.
        TooLarge = "too_large",
        /// A file ends in the middle, or cannot be read any further.
        CutShort = "cut_short",
        /// The answer has an encoding that was not asked for.
        UnknownEncoding = "unknown_encoding",
        /// The answer is not JSON, or is cut short.
        NotJson = "not_json",
        /// The answer is an OperationOutcome in place of a page.
        OperationOutcome = "operation_outcome",
        /// The answer is another resource than a searchset Bundle.
        NotASearchset = "not_a_searchset",
        /// The answer to a read is not the resource asked for.
        NotTheResource = "not_the_resource",
        /// A page carries an OperationOutcome that reports a failure.
        ServerReportedError = "server_reported_error",
        /// A page is so old that a later walk over changes would not bring what changed since.
        StaleAnswer = "stale_answer",
        /// A link leads to another origin than the one that the token is for.
        ForeignOrigin = "foreign_origin",
        /// A page's `next` link leads to a page that was asked for already.
        NextLoop = "next_loop",
        /// Pages bring no resource that the walk has not seen.
        NoProgress = "no_progress",
        /// Pages without an entry name a next one, again and again.
        OnlyEmptyPages = "only_empty_pages",
        /// A page's `next` link is not a URL.
        NextNotAUrl = "next_not_a_url",
        /// A page has, or may have, a `next` link that cannot be followed.
        NextUnusable = "next_unusable",
        /// A page has more entries than a page may have.
        TooManyEntries = "too_many_entries",
        /// The plan's FHIR base is not an http(s) URL.
        NoUrl = "no_url",
        /// The server pages by position and refuses positions beyond a limit.
        ResultWindow = "result_window",
        /// A page answers a search for another patient.
        AnotherPatient = "another_patient",
        /// The server does not honour `_lastUpdated`.
        LastUpdatedIgnored = "last_updated_ignored",
        /// The pages moved while the walk went through them, and did so again.
        PagesMoved = "pages_moved",
        /// Fewer or more resources came than the server declares.
        TotalMismatch = "total_mismatch",
        /// Far fewer resources came than are stored.
        Shrunk = "shrunk",
        /// References are still to be read, or the plan did not answer one part of a type beside others.
        Unanswered = "unanswered",
        /// The plan serves the type by id and does not list it.
        NotListed = "not_listed",
        /// The plan does not declare that the type can be searched.
        NotDeclared = "not_declared",
        /// The consent does not cover the type, or not all of it.
        NotGranted = "not_granted",
        /// The consent does not cover the type, and the configured scope does not even ask for it.
        NotRequested = "not_requested",
        /// The plan's `types` do not name the type.
        NotAsked = "not_asked",
        /// Everything that came is about another Patient than the connection's.
        PatientChanged = "patient_changed",
        /// The run was asked to stop.
        Interrupted = "interrupted",
        /// The run's limit of requests was reached.
        RequestLimit = "request_limit",
        /// The process ended before the walk did.
        ProcessEnded = "process_ended",
        /// A bug in payersync.
        Bug = "bug",
    }
}

impl Reason {
    /// The reasons that say that a walk was too long for its server.
    pub const TOO_LONG: [Reason; 3] = [Reason::Gone, Reason::NotFound, Reason::ResultWindow];

    /// Whether only a new consent of the member helps, if something is missing for this reason.
    pub fn needs_consent(self) -> bool {
        matches!(self, Reason::ConsentNeeded | Reason::NotGranted | Reason::PatientChanged)
    }

    /// Whether there is no token, so that no other type can be fetched either.
    pub fn is_without_token(self) -> bool {
        matches!(
            self,
            Reason::ConsentNeeded
                | Reason::NoToken
                | Reason::ClientRefused
                | Reason::Vault
                | Reason::TokenUnreachable
        )
    }

    /// Whether the plan could not be reached; a gateway's status 502 to 504 also says so.
    pub fn is_unreachable(self, http_status: Option<u16>) -> bool {
        match self {
            Reason::Unreachable | Reason::TokenUnreachable | Reason::Network | Reason::Timeout => {
                true
            }
            Reason::Throttled => http_status.is_none(),
            Reason::ServerError => matches!(http_status, Some(502..=504)),
            _ => false,
        }
    }
}

/// The end of one type's walk, as far as the exit code depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeOutcome {
    /// State of the walk.
    pub state: WalkState,
    /// Why, unless complete.
    pub reason: Option<Reason>,
    /// Status of the last answer, if that is the reason.
    pub http_status: Option<u16>,
}

impl TypeOutcome {
    fn is_open(&self) -> bool {
        matches!(self.state, WalkState::Incomplete | WalkState::Running)
    }

    /// Whether the plan has answered: with all of the type, or that it does not serve it.
    fn is_answered(&self) -> bool {
        self.state == WalkState::Complete || !self.is_open() && self.http_status.is_some()
    }

    /// Whether the type was known to be a gap before any request. Such a gap does not show whether the plan
    /// answers.
    fn is_known_gap(&self) -> bool {
        matches!(self.reason, Some(Reason::NotAsked | Reason::NotRequested))
    }

    /// Whether the exit code of both outcomes together is that of this outcome alone, and not that of `other`
    /// alone.
    pub fn outranks(self, other: TypeOutcome) -> bool {
        let both = exit_code(&[self, other], false);
        exit_code(&[self], false) == both && exit_code(&[other], false) != both
    }

    /// Whether the plan could not be reached.
    pub fn is_unreachable(&self) -> bool {
        self.reason.is_some_and(|reason| reason.is_unreachable(self.http_status))
    }
}

/// The exit code of one connection's part of a run.
///
/// A plan counts as unreachable when it answered for no type and no open type reached it, or when its token
/// endpoint, without which nothing can be asked, did not answer.
pub fn exit_code(types: &[TypeOutcome], has_open_rejects: bool) -> ExitCode {
    let open = || types.iter().filter(|one| one.is_open());
    let any = |reason: Reason| open().any(|one| one.reason == Some(reason));
    for (reason, code) in [
        (Reason::Bug, ExitCode::Bug),
        (Reason::Vault, ExitCode::Warehouse),
        (Reason::ClientRefused, ExitCode::Usage),
        (Reason::Configuration, ExitCode::Usage),
    ] {
        if any(reason) {
            return code;
        }
    }
    if open().any(|one| one.reason.is_some_and(Reason::needs_consent)) {
        return ExitCode::ConsentNeeded;
    }
    if open().next().is_none() {
        return if has_open_rejects { ExitCode::Incomplete } else { ExitCode::Complete };
    }
    if any(Reason::TokenUnreachable) || is_silent(types) {
        return ExitCode::Unreachable;
    }
    ExitCode::Incomplete
}

/// Whether the plan answered for no type, and no open type that was asked for reached it.
///
/// One type that cannot be reached, such as a search that is too slow at a plan, says nothing of the others.
pub fn is_silent(types: &[TypeOutcome]) -> bool {
    let open = types.iter().filter(|one| one.is_open());
    let mut asked = open.filter(|one| !one.is_known_gap()).peekable();
    let is_answered = types.iter().any(TypeOutcome::is_answered);
    !is_answered && asked.peek().is_some() && asked.all(TypeOutcome::is_unreachable)
}

/// How many types the plan does not serve, and by which statuses the plan says so; `None` if there is no such
/// type.
///
/// A type that is only read by reference is served.
pub fn not_served(types: &[TypeOutcome]) -> Option<String> {
    let left = || {
        let left = types.iter().filter(|one| one.state == WalkState::NotServed);
        left.filter(|one| one.reason != Some(Reason::NotListed))
    };
    let ways = [
        (Reason::Forbidden, "403"),
        (Reason::NotFound, "404"),
        (Reason::NotDeclared, "not declared"),
    ];
    let ways = ways.iter().filter(|(reason, _)| left().any(|one| one.reason == Some(*reason)));
    let ways: Vec<&str> = ways.map(|(_, way)| *way).collect();
    let number = left().count();
    (number > 0).then(|| {
        let types = count(number, "type");
        match ways.is_empty() {
            true => format!("{types} not served by the plan"),
            false => format!("{types} not served by the plan ({})", ways.join(", ")),
        }
    })
}

#[cfg(test)]
mod tests;
