//! The documented exit codes.

/// The exit code of the process. If several apply, the most serious one is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything that was asked for is complete.
    Complete = 0,
    /// Wrong usage or configuration.
    Usage = 1,
    /// Finished, but something is incomplete or rejected; the next run goes on.
    Incomplete = 2,
    /// A member must consent again.
    ConsentNeeded = 3,
    /// A plan could not be reached.
    Unreachable = 4,
    /// The warehouse or the vault could not be read or written.
    Warehouse = 5,
    /// Another run holds the lock.
    Locked = 6,
    /// A bug in payersync.
    Bug = 70,
}

impl ExitCode {
    /// Every code, in ascending order.
    pub const ALL: [ExitCode; 8] = [
        ExitCode::Complete,
        ExitCode::Usage,
        ExitCode::Incomplete,
        ExitCode::ConsentNeeded,
        ExitCode::Unreachable,
        ExitCode::Warehouse,
        ExitCode::Locked,
        ExitCode::Bug,
    ];

    /// The meaning of the code, for people.
    pub fn describe(self) -> &'static str {
        match self {
            ExitCode::Complete => "complete",
            ExitCode::Usage => "wrong usage or configuration",
            ExitCode::Incomplete => "finished incomplete; the next run goes on",
            ExitCode::ConsentNeeded => "a member must consent again",
            ExitCode::Unreachable => "a plan could not be reached",
            ExitCode::Warehouse => "the warehouse or the vault failed",
            ExitCode::Locked => "locked by another run",
            ExitCode::Bug => "a bug in payersync",
        }
    }

    /// The rank of a code: a code that needs a person outranks one that the next run mends by
    /// itself.
    fn severity(self) -> u8 {
        match self {
            ExitCode::Complete => 0,
            ExitCode::Incomplete => 1,
            ExitCode::Unreachable => 2,
            ExitCode::ConsentNeeded => 3,
            ExitCode::Locked => 4,
            ExitCode::Usage => 5,
            ExitCode::Warehouse => 6,
            ExitCode::Bug => 7,
        }
    }

    /// The more serious of two codes.
    pub fn worst(self, other: ExitCode) -> ExitCode {
        if other.severity() > self.severity() { other } else { self }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        std::process::ExitCode::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode;

    #[test]
    fn a_needed_consent_outranks_an_unreachable_plan_and_both_outrank_incomplete() {
        let worst = |codes: &[ExitCode]| codes.iter().fold(ExitCode::Complete, |a, b| a.worst(*b));
        assert_eq!(worst(&[ExitCode::Incomplete, ExitCode::Unreachable]), ExitCode::Unreachable);
        assert_eq!(
            worst(&[ExitCode::ConsentNeeded, ExitCode::Unreachable]),
            ExitCode::ConsentNeeded
        );
        assert_eq!(worst(&[]), ExitCode::Complete);
    }

    #[test]
    fn the_numbers_are_the_documented_ones() {
        assert_eq!(ExitCode::ALL.map(|code| code as u8), [0, 1, 2, 3, 4, 5, 6, 70]);
    }
}
