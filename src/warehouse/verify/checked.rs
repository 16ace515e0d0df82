//! The result of one check.

/// How many problems of one check are described; further ones are only counted.
const DESCRIBED: usize = 10;

/// What undoes the problems that a check finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Running the same `payersync purge` again: it was interrupted.
    PurgeAgain,
    /// Nothing undoes them: another program has changed the access log, and only an earlier backup has the
    /// log as it was.
    EarlierLog,
    /// `payersync rebuild`: only rows are wrong, and rows are made of the stored resources.
    Rebuild,
    /// The last backup that verifies: bytes are damaged.
    Restore,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was checked, such as a kind of row.
    pub what: String,
    /// How many of these things were checked.
    pub count: u64,
    /// How many of these things have a problem.
    pub problems: u64,
    /// Descriptions of the first problems.
    pub described: Vec<String>,
    /// What could not be checked, and why that is not a problem.
    pub note: Option<String>,
    /// What undoes these problems.
    pub remedy: Remedy,
}

impl Checked {
    /// A check whose problems only a backup undoes, unless a remedy is named.
    pub(in crate::warehouse) fn new(what: impl Into<String>) -> Checked {
        Checked {
            what: what.into(),
            count: 0,
            problems: 0,
            described: Vec::new(),
            note: None,
            remedy: Remedy::Restore,
        }
    }

    pub(in crate::warehouse) fn undone_by(self, remedy: Remedy) -> Checked {
        Checked { remedy, ..self }
    }

    pub(in crate::warehouse) fn problem(&mut self, description: impl FnOnce() -> String) {
        self.problems += 1;
        if self.described.len() < DESCRIBED {
            self.described.push(description());
        }
    }
}
