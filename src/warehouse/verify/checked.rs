//! The result of one check.

/// Problems of one check that are described; the rest is counted.
const DESCRIBED: usize = 10;

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The kind of thing that was checked.
    pub what: String,
    /// How many of them.
    pub count: u64,
    /// How many of them are wrong.
    pub problems: u64,
    /// The first of them, described.
    pub described: Vec<String>,
    /// What could not be looked at, and why that is no problem.
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
