//! A finding: the result of one check of `payersync doctor`.

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// The thing that was checked is in order.
    Fine,
    /// The thing works, but somebody should look at it.
    Warning,
    /// The thing does not work, or is not safe.
    Wrong,
}

/// The result of one check.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) level: Level,
    pub(super) what: String,
    pub(super) said: String,
    pub(super) hint: Option<String>,
}

impl Finding {
    pub(super) fn fine(what: impl Into<String>, said: impl Into<String>) -> Finding {
        Finding { level: Level::Fine, what: what.into(), said: said.into(), hint: None }
    }

    pub(super) fn warning(
        what: impl Into<String>,
        said: impl Into<String>,
        hint: impl Into<String>,
    ) -> Finding {
        let finding = Finding::fine(what, said);
        Finding { level: Level::Warning, hint: Some(hint.into()), ..finding }
    }

    pub(super) fn wrong(
        what: impl Into<String>,
        said: impl Into<String>,
        hint: impl Into<String>,
    ) -> Finding {
        Finding { level: Level::Wrong, ..Finding::warning(what, said, hint) }
    }
}
