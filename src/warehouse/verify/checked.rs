//! The result of one check.

/// How many problems of one check are described; further ones are only counted.
const DESCRIBED: usize = 10;

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was checked, such as a kind of row.
    pub what: String,
    /// How many of these things were checked.
    pub count: u64,
    /// How many of them have a problem.
    pub problems: u64,
    /// Descriptions of the first problems.
    pub described: Vec<String>,
    /// What could not be checked, and why that is not a problem.
    pub note: Option<String>,
}

impl Checked {
    pub(in crate::warehouse) fn new(what: impl Into<String>) -> Checked {
        Checked { what: what.into(), count: 0, problems: 0, described: Vec::new(), note: None }
    }

    pub(in crate::warehouse) fn problem(&mut self, description: impl FnOnce() -> String) {
        self.problems += 1;
        if self.described.len() < DESCRIBED {
            self.described.push(description());
        }
    }
}
