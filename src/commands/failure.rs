//! A failure of a command: what happened, what to do about it, and the exit code.

use super::{json_lines, told::tell};
use crate::{
    auth::{AuthorizeError, CallbackError, DiscoveryError, GrantError, TokenError, VaultError},
    config::ConfigError,
    exit_code::ExitCode,
    http::HttpError,
    own_file::Distrust,
    warehouse::{RAISE_LIMITS, WarehouseError},
};
use std::{any::Any, fmt::Display, io};

/// The hint for a home that cannot be written.
pub(super) const WRITABLE: &str =
    "make the folder writable for this user, or name another one with --home";

/// The error that ends a command.
#[derive(Debug)]
pub(super) struct Failure {
    code: ExitCode,
    error: anyhow::Error,
    hint: Option<String>,
}

impl Failure {
    fn new(code: ExitCode, error: impl Into<anyhow::Error>) -> Failure {
        Failure { code, error: error.into(), hint: None }
    }

    /// Wrong usage or configuration.
    pub(super) fn usage(what: impl Display, error: impl Into<anyhow::Error>) -> Failure {
        let error: anyhow::Error = error.into();
        Failure::new(ExitCode::Usage, error.context(what.to_string()))
    }

    /// The failure to make an HTTP client: no certificates on the machine, or unusable proxy settings.
    pub(super) fn http_setup(error: HttpError) -> Failure {
        Failure::usage("cannot set up HTTPS on this machine", error).hint(
            "install the certificates of authorities (package ca-certificates), or name a file of them in \
             SSL_CERT_FILE; look at HTTPS_PROXY",
        )
    }

    /// Wrong usage, in one sentence.
    pub(super) fn misuse(what: impl Display) -> Failure {
        Failure::new(ExitCode::Usage, anyhow::anyhow!(what.to_string()))
    }

    /// A file, or another thing that the system provides, cannot be used.
    ///
    /// A wrong file name or a folder without write permission is the user's mistake, and `hint` says what
    /// to do. Any other error is the machine's.
    pub(super) fn file(what: impl Display, error: io::Error, hint: &str) -> Failure {
        use io::ErrorKind::{
            AlreadyExists, InvalidFilename, IsADirectory, NotADirectory, NotFound,
            PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
        };
        let (code, hint) = match error.kind() {
            AlreadyExists | InvalidFilename | IsADirectory | NotADirectory | NotFound => {
                (ExitCode::Usage, hint)
            }
            PermissionDenied | ReadOnlyFilesystem => (ExitCode::Warehouse, hint),
            StorageFull | QuotaExceeded => {
                (ExitCode::Warehouse, "free disk space and run again; nothing committed is lost")
            }
            _ if is_too_many_files(&error) => (
                ExitCode::Warehouse,
                "this process may open too few files: raise the limit (`ulimit -n`, LimitNOFILE)",
            ),
            _ => (
                ExitCode::Warehouse,
                "look at the system's log: the disk or its file system may be failing",
            ),
        };
        let error: anyhow::Error = error.into();
        Failure::new(code, error.context(what.to_string())).hint(hint)
    }

    /// Work that an earlier command began must be finished first.
    pub(super) fn incomplete(what: impl Display) -> Failure {
        Failure::new(ExitCode::Incomplete, anyhow::anyhow!(what.to_string()))
    }

    /// Another run holds the lock.
    pub(super) fn locked(what: impl Display) -> Failure {
        Failure::new(ExitCode::Locked, anyhow::anyhow!(what.to_string()))
    }

    /// A plan, or the object store or disk of a lake, could not be reached.
    pub(super) fn unreachable(what: impl Display, error: impl Into<anyhow::Error>) -> Failure {
        let error: anyhow::Error = error.into();
        Failure::new(ExitCode::Unreachable, error.context(what.to_string()))
    }

    /// Something happened that should be impossible.
    pub(super) fn bug(what: impl Display, error: impl Into<anyhow::Error>) -> Failure {
        let error: anyhow::Error = error.into();
        Failure::new(ExitCode::Bug, error.context(what.to_string()))
    }

    /// The failure of a command that panicked.
    ///
    /// The message leaves out the panic's text, which may hold a member's data; its place is reported
    /// already. A panic because the system gives the runtime no thread or file is not a bug.
    pub(super) fn panic(panic: &(dyn Any + Send)) -> Failure {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        if text.contains("spawn") || text.contains("Too many open files") {
            return Failure::limits(anyhow::anyhow!("a panic of the runtime"));
        }
        Failure::new(ExitCode::Bug, anyhow::anyhow!("payersync has a bug, and stopped there"))
            .hint("what was committed is kept; report the place that is named above")
    }

    /// The failure when the system allows fewer threads or files than any command needs.
    pub(super) fn limits(error: impl Into<anyhow::Error>) -> Failure {
        let error: anyhow::Error = error.into();
        let what = "the system gives this process no more threads or files";
        Failure::new(ExitCode::Warehouse, error.context(what)).hint(RAISE_LIMITS)
    }

    /// Adds a hint: what to do about the failure.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn code(&self) -> ExitCode {
        self.code
    }

    /// The hint; empty if the failure has no hint.
    pub(super) fn what_to_do(&self) -> &str {
        self.hint.as_deref().unwrap_or_default()
    }

    /// Reports the failure to the user: the chain of causes on one line, the hint on another.
    pub(super) fn tell(&self) {
        if json_lines::are_wanted() {
            let exit_code = self.code as u8;
            let hint = self.hint.as_deref();
            return tracing::error!(
                name: "failure",
                target: json_lines::TOLD,
                exit_code,
                hint,
                "{:#}",
                self.error
            );
        }
        tell(&format!("error: {:#}", self.error));
        if let Some(hint) = &self.hint {
            tell(&format!("hint: {hint}"));
        }
    }

    fn with(mut self, hint: Option<String>) -> Failure {
        self.hint = hint;
        self
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

/// Whether the error is ENFILE or EMFILE, which have no name in the standard library.
fn is_too_many_files(error: &io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

impl From<Distrust> for Failure {
    fn from(error: Distrust) -> Failure {
        let hint = error.hint();
        Failure::new(ExitCode::Usage, error).hint(hint)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        // Most errors in reading the file have nothing to do with the configuration in it.
        let error = match error {
            ConfigError::Unreadable { path, source }
                if !matches!(
                    source.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidData
                ) =>
            {
                let hint = "name the folder of payersync.toml with --home";
                return Failure::file(format!("cannot read {}", path.display()), source, hint);
            }
            error => error,
        };
        let hint = error.hint();
        Failure::new(ExitCode::Usage, error).with(hint)
    }
}

impl From<WarehouseError> for Failure {
    fn from(error: WarehouseError) -> Failure {
        let hint = error.hint().map(str::to_owned);
        let code = match error {
            WarehouseError::Seal(ref error) if !error.is_damage() => ExitCode::Usage,
            WarehouseError::Table { .. }
            | WarehouseError::Distrusted(_)
            | WarehouseError::Strangers { .. }
            | WarehouseError::Missing { .. }
            | WarehouseError::Exists { .. }
            | WarehouseError::OlderSchema { .. }
            | WarehouseError::Pruned { .. }
            | WarehouseError::NeedsEncryption { .. }
            | WarehouseError::InClear { .. }
            | WarehouseError::NotAWarehouse { .. } => ExitCode::Usage,
            _ => ExitCode::Warehouse,
        };
        Failure::new(code, error).with(hint)
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Failure {
        let hint = error.hint();
        Failure::new(ExitCode::Warehouse, error).with(hint)
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Failure {
        let hint = error.hint();
        let code = if error.is_consent_needed() {
            ExitCode::ConsentNeeded
        } else if error.is_unavailable() {
            ExitCode::Unreachable
        } else if matches!(error, TokenError::Vault(_)) {
            ExitCode::Warehouse
        } else {
            ExitCode::Usage
        };
        Failure::new(code, error).with(hint)
    }
}

impl From<GrantError> for Failure {
    fn from(error: GrantError) -> Failure {
        let (code, hint) = match &error {
            GrantError::InvalidGrant { .. } => (
                ExitCode::ConsentNeeded,
                Some("a code lives for minutes and works once; run `payersync connect` again"),
            ),
            GrantError::InvalidClient { .. } => (
                ExitCode::Usage,
                Some("check client_id and the client secret of the plan, and token_auth"),
            ),
            error if error.is_unavailable() => {
                (ExitCode::Unreachable, Some("try again, or check the plan's token_url"))
            }
            _ => (ExitCode::Usage, Some("check the plan's token_url and scope")),
        };
        // The user of `connect` is at a terminal, so the plan's own words are shown.
        let is_of_code = matches!(error, GrantError::InvalidGrant { .. });
        let error = match error.words() {
            Some(words) if is_of_code => anyhow::anyhow!("the plan refused the code: {words}"),
            None if is_of_code => anyhow::anyhow!("the plan refused the code"),
            Some(words) => anyhow::Error::from(error).context(format!("the plan says: {words}")),
            None => error.into(),
        };
        Failure::new(code, error).with(hint.map(str::to_owned))
    }
}

impl From<AuthorizeError> for Failure {
    fn from(error: AuthorizeError) -> Failure {
        match error {
            AuthorizeError::Denied { .. } => Failure::new(ExitCode::ConsentNeeded, error)
                .hint("if that was a mistake, run the same `payersync connect` again"),
            _ => Failure::new(ExitCode::Usage, error),
        }
    }
}

impl From<CallbackError> for Failure {
    fn from(error: CallbackError) -> Failure {
        match error {
            CallbackError::Authorize(error) => error.into(),
            CallbackError::TimedOut(_) => Failure::new(ExitCode::ConsentNeeded, error)
                .hint("run `payersync connect` again, with --timeout for more time or --code - to paste the answer"),
            error => Failure::new(ExitCode::Usage, error)
                .hint("use --code - and paste the URL that the browser ends at"),
        }
    }
}

impl From<DiscoveryError> for Failure {
    fn from(error: DiscoveryError) -> Failure {
        match error {
            DiscoveryError::Http(_) => Failure::new(ExitCode::Unreachable, error),
            DiscoveryError::Unavailable { .. } => Failure::new(ExitCode::Unreachable, error)
                .hint("try again later: the plan's server may answer then"),
            _ => Failure::new(ExitCode::Usage, error),
        }
    }
}
