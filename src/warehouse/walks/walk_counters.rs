//! The counters of a walk.

/// The counters of a walk, in this run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalkCounters {
    /// Pages stored.
    pub pages: u64,
    /// HTTP requests sent, retries included.
    pub requests: u64,
    /// HTTP requests that were retries; `requests` counts these, too.
    pub retries: u64,
    /// Bytes of page bodies, decompressed.
    pub bytes: u64,
    /// Entries that are resources, without duplicates on the same page.
    pub resources_seen: u64,
    /// Resources seen for the first time.
    pub resources_new: u64,
    /// Resources whose content differs from the stored one.
    pub resources_changed: u64,
    /// Resources whose content equals the stored one.
    pub resources_unchanged: u64,
    /// Resources older than the stored version, which is kept.
    pub resources_older: u64,
    /// Resources marked as deleted.
    pub resources_deleted: u64,
    /// Stored resources that were not met and are not proved to be deleted.
    pub resources_absent: u64,
    /// Rejects that the walk met.
    pub resources_rejected: u64,
    /// Entries that repeat another one of the same page.
    pub duplicates: u64,
    /// Rows inserted into normalised tables.
    pub rows_written: u64,
    /// `Bundle.total` of the last page that had one.
    pub declared_total: Option<u64>,
}

/// The outcome of proofs of deletion, with what they have cost.
#[derive(Debug, Default)]
pub(crate) struct ProofReport {
    /// How many of the resources were there after all, and no read had brought them before.
    pub(crate) refuted: u64,
    /// The counters of the type's latest walk before and after the proofs; `None` if there were no proofs.
    pub(crate) counters: Option<(WalkCounters, WalkCounters)>,
}

impl WalkCounters {
    /// Adds the counters of a walk over another part.
    pub fn add(&mut self, other: &WalkCounters) {
        self.add_effort(other);
        self.pages += other.pages;
        self.bytes += other.bytes;
        self.resources_seen += other.resources_seen;
        self.resources_unchanged += other.resources_unchanged;
        self.resources_older += other.resources_older;
        self.resources_deleted += other.resources_deleted;
        self.resources_absent += other.resources_absent;
        self.resources_rejected += other.resources_rejected;
        self.duplicates += other.duplicates;
    }

    /// Adds the cost and effect of proofs of deletion: the counters after them less those before.
    pub(crate) fn add_proofs(&mut self, report: &ProofReport) {
        let Some((before, after)) = &report.counters else { return };
        self.requests += after.requests - before.requests;
        self.retries += after.retries - before.retries;
        self.rows_written += after.rows_written - before.rows_written;
        self.resources_new += after.resources_new - before.resources_new;
        self.resources_changed += after.resources_changed - before.resources_changed;
        self.resources_deleted += after.resources_deleted - before.resources_deleted;
        self.resources_absent = after.resources_absent;
    }

    /// Adds the cost of another attempt at the same type, and the rows that it wrote.
    pub fn add_effort(&mut self, other: &WalkCounters) {
        self.requests += other.requests;
        self.retries += other.retries;
        self.rows_written += other.rows_written;
        self.resources_new += other.resources_new;
        self.resources_changed += other.resources_changed;
    }
}
