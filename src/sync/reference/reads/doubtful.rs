//! Answers that say that a resource does not exist, and refusals: believed only beside a read that works.

use super::{Reads, What};
use crate::{
    fhir::{FetchError, Referenced},
    outcome::Reason,
    warehouse::{Answered, Verdict, WarehouseError, read_before, reads_were_blocked_before},
};

/// Resources that are read once more to see that reads still work.
const MAX_CONTROLS: usize = 3;

impl Reads {
    /// Enters the refusals at the end of the queue.
    ///
    /// If some say that a resource does not exist, or come from a gateway, a resource that surely exists is
    /// read first: a plan or its gateway may refuse all reads from one moment to the next. If no such
    /// resource is known, a gateway's refusal counts only if reads were refused so in an earlier run, too.
    pub(super) async fn confirm_doubtful(&mut self) -> Result<(), WarehouseError> {
        if self.doubtful.iter().any(needs_control) {
            match self.reads_work().await? {
                Some(true) => {}
                Some(false) => self.leave(needs_control),
                None if self.is_blocked_by_habit()? => {}
                None => self.leave(is_blocked),
            }
        }
        self.record_doubtful().await
    }

    /// Leaves some of the refusals to the next run. If a gateway's are among them, the ledger says so.
    fn leave(&mut self, which: fn(&Answered) -> bool) {
        for one in self.doubtful.iter_mut().filter(|one| which(one)) {
            one.verdict = Verdict::Later;
        }
        if self.stopped.is_none() && self.doubtful.iter().any(is_blocked) {
            self.stopped = self.blocked.clone();
        }
    }

    /// Whether a gateway refused reads of the type in an earlier run, too, and no read has ever brought a
    /// resource. Some web servers answer so for what the plan does not serve.
    fn is_blocked_by_habit(&self) -> Result<bool, WarehouseError> {
        let key = &self.key;
        self.context.warehouse.reader().read(|connection| {
            let read = read_before(connection, key.connection_id, &key.resource_type)?;
            Ok(read.is_empty() && reads_were_blocked_before(connection, key)?)
        })
    }

    /// Enters many refusals in a row, if reads still work: a plan may refuse, or answer by an error, what it
    /// does not have. Else the reading ends.
    ///
    /// The refusals then stay open, with a note: the next run begins with other resources, so that these
    /// never hide one that can be read.
    pub(super) async fn settle_refusals(
        &mut self,
        error: &FetchError,
    ) -> Result<(), WarehouseError> {
        if self.reads_work().await? == Some(true) {
            return self.record_doubtful().await;
        }
        if self.stopped.is_none() {
            self.stop(error);
        }
        for one in &mut self.doubtful {
            one.verdict = Verdict::Later;
        }
        self.record_doubtful().await
    }

    /// Whether reads by id still work; `None` if there is nothing to test that with.
    ///
    /// Reads again the resource that this run has read last, or else resources that an earlier run has read
    /// and that are not in doubt themselves.
    async fn reads_work(&mut self) -> Result<Option<bool>, WarehouseError> {
        let known = match &self.last_read {
            Some(id) => vec![id.clone()],
            None => {
                let (id, name) = (self.context.connection.id, self.resource_type());
                let reader = self.context.warehouse.reader();
                let mut read = reader.read(|connection| read_before(connection, id, name))?;
                read.retain(|id| self.doubtful.iter().all(|one| one.resource_id != *id));
                read.truncate(MAX_CONTROLS);
                read
            }
        };
        let nothing_is_known = known.is_empty();
        for id in known {
            let resource_type = self.resource_type().to_owned();
            let control = Referenced { resource_type, id: id.clone() };
            if matches!(self.ask(What::Control(&control)).await, Some(Ok(_))) {
                self.last_read = Some(id);
                return Ok(Some(true));
            }
        }
        Ok((!nothing_is_known).then_some(false))
    }

    /// What an error says of the resource; `None` if it is about the connection as a whole.
    pub(super) fn verdict(&self, error: &FetchError) -> Option<Verdict> {
        match error {
            FetchError::Token(_) => None,
            FetchError::Kept { .. } => Some(Verdict::Later),
            FetchError::Http(error) if error.is_transient() => Some(Verdict::Later),
            FetchError::Http(error) if error.is_throttled().is_some() => Some(Verdict::Later),
            _ => match error.says_gone().or(error.status()) {
                Some(401) => None,
                Some(404 | 410) if error.says_gone().is_none() => Some(Verdict::Later),
                Some(404) => Some(Verdict::Absent),
                Some(410) => Some(Verdict::Gone),
                Some(403) => Some(Verdict::Refused),
                Some(429 | 502..=504) => Some(Verdict::Later),
                _ => Some(Verdict::Unreadable),
            },
        }
    }

    pub(super) async fn record_doubtful(&mut self) -> Result<(), WarehouseError> {
        let mut doubtful = std::mem::take(&mut self.doubtful);
        // Some plans answer 410 to every read. A single 410 is believed, several only if a read has worked.
        if self.last_read.is_none() && doubtful.len() > 1 {
            for gone in doubtful.iter_mut().filter(|one| one.verdict == Verdict::Gone) {
                gone.verdict = Verdict::Later;
            }
        }
        self.record(doubtful).await
    }
}

fn says_gone(answered: &Answered) -> bool {
    matches!(answered.verdict, Verdict::Gone | Verdict::Absent)
}

/// Whether only a read that works shows that an answer is about this resource.
fn needs_control(answered: &Answered) -> bool {
    says_gone(answered) || is_blocked(answered)
}

/// Whether a gateway in front of the plan refused the read.
fn is_blocked(answered: &Answered) -> bool {
    answered.reason == Some(Reason::Blocked.as_str())
}
