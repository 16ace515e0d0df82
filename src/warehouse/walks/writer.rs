//! The one thread that writes.
//!
//! SQLite takes one writer at a time; a thread with the only writing connection makes that a queue
//! instead of a lock to fight for. The queue is bounded: a slow disk slows the walks down. Pages that
//! wait share a transaction.

use super::{
    page::PageWrite,
    page_batch::{self, Waiting},
    page_written::PageWritten,
};
use crate::warehouse::{error::WarehouseError, file::waiting, tables::table::Catalog};
use rusqlite::Connection;
use std::{
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
    time::Duration,
};
use tokio::sync::{
    mpsc,
    oneshot::{self, error::TryRecvError},
};

/// Jobs that may wait. Each holds at most one page, whose memory is bounded by whoever unpacked it.
const QUEUE: usize = 64;

enum Job {
    Page(Box<Waiting>),
    Other(OtherJob),
}

type OtherJob = Box<dyn FnOnce(&mut Connection, &Catalog) + Send>;

/// A handle to the writer's thread; dropping the last one waits until everything queued is done and
/// the thread has closed the file. A process that ends while a thread still closes a database takes
/// down under it what SQLCipher's OpenSSL has registered to be taken down, and crashes.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    // Dropped before the thread is waited for, which ends when there is no sender.
    jobs: mpsc::Sender<Job>,
    _thread: Arc<JoinOnDrop>,
}

#[derive(Debug)]
struct JoinOnDrop(Option<thread::JoinHandle<()>>);

impl Drop for JoinOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            // A panic in the writer has been seen by whoever waited for its answer.
            let _ = handle.join();
        }
    }
}

/// Folds the WAL into the file, so that a finished run leaves one file to copy.
///
/// Where anything was written, what SQLite believes of sizes is brought up to date first. `optimize` looks
/// only at what it thinks worth it: of a home that grew from one connection to thousands it went on to
/// believe in one, and looked through the ledger once per row of it.
fn leave(connection: &Connection) -> rusqlite::Result<()> {
    if connection.query_row("SELECT total_changes() > 0", [], |row| row.get(0))? {
        // Another process that writes has the lock; sizes can wait for the next run.
        let _ = connection.execute_batch(
            "PRAGMA optimize; PRAGMA analysis_limit = 1000; ANALYZE connection; ANALYZE sync_walk;
             ANALYZE type_state; ANALYZE absent_resource;",
        );
    }
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
}

impl Writer {
    pub(crate) fn start(
        mut connection: Connection,
        catalog: Arc<Catalog>,
    ) -> Result<Writer, WarehouseError> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let handle = thread::Builder::new()
            .name("warehouse-writer".to_owned())
            .spawn(move || {
                // Made here, since a runtime cannot be dropped where another one runs: not even where the
                // system gives no thread.
                let Ok(clock) = tokio::runtime::Builder::new_current_thread().enable_time().build()
                else {
                    return;
                };
                let mut put_off = None;
                while let Some(job) = put_off.take().or_else(|| queue.blocking_recv()) {
                    match job {
                        Job::Page(first) => {
                            let mut next = |time| match clock.block_on(within(time, &mut queue)) {
                                Some(Job::Page(page)) => Some(*page),
                                other => {
                                    put_off = other;
                                    None
                                }
                            };
                            page_batch::store(&mut connection, &catalog, *first, &mut next);
                        }
                        Job::Other(job) => {
                            // A panic is its job's alone: the transaction is rolled back, and
                            // whoever waits for the answer panics in turn.
                            let job = AssertUnwindSafe(|| job(&mut connection, &catalog));
                            let _ = panic::catch_unwind(job);
                        }
                    }
                }
                // A reader that holds the WAL back only postpones its end: waiting for it would hold
                // up every other writer.
                let _ = waiting::for_nobody(&connection);
                let _ = leave(&connection);
            })
            .map_err(WarehouseError::Thread)?;
        Ok(Writer { jobs, _thread: Arc::new(JoinOnDrop(Some(handle))) })
    }

    /// A writer that takes no job.
    pub(crate) fn absent() -> Writer {
        Writer { jobs: mpsc::channel(1).0, _thread: Arc::new(JoinOnDrop(None)) }
    }

    /// Runs a job on the writer's thread and waits for what it returns; panics where the job did.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection, &Catalog) -> Result<T, WarehouseError> + Send + 'static,
    ) -> Result<T, WarehouseError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Other(Box::new(move |connection, catalog| {
            // Nobody waits any more when the run was cancelled; the job is done all the same.
            let _ = answer.send(job(connection, catalog));
        }));
        self.jobs.send(job).await.map_err(|_| WarehouseError::WriterStopped)?;
        match answered.await {
            Ok(result) => result,
            Err(_) => Err(self.gave_no_answer()),
        }
    }

    /// Sends a page, when there is room in the queue.
    pub(crate) async fn send_page(&self, page: PageWrite) -> Result<OnItsWay, WarehouseError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Page(Box::new(Waiting { page, answer }));
        self.jobs.send(job).await.map_err(|_| WarehouseError::WriterStopped)?;
        Ok(OnItsWay { answered, writer: self.clone() })
    }

    /// Says that the writer has stopped; panics where its job did.
    fn gave_no_answer(&self) -> WarehouseError {
        match self.jobs.is_closed() {
            true => WarehouseError::WriterStopped,
            false => panic::resume_unwind(Box::new("the writer's job panicked")),
        }
    }
}

/// The next job, if it comes within a time.
async fn within(time: Duration, queue: &mut mpsc::Receiver<Job>) -> Option<Job> {
    match queue.try_recv() {
        Err(mpsc::error::TryRecvError::Empty) if !time.is_zero() => {
            tokio::time::timeout(time, queue.recv()).await.ok().flatten()
        }
        job => job.ok(),
    }
}

/// A page that the writer has.
#[derive(Debug)]
pub(crate) struct OnItsWay {
    answered: oneshot::Receiver<Result<PageWritten, WarehouseError>>,
    writer: Writer,
}

impl OnItsWay {
    /// Waits until the page is committed; panics where the writer did.
    pub(crate) async fn stored(self) -> Result<PageWritten, WarehouseError> {
        match self.answered.await {
            Ok(result) => result,
            Err(_) => Err(self.writer.gave_no_answer()),
        }
    }

    /// What came of it, if that is known by now.
    pub(crate) fn stored_by_now(&mut self) -> Option<Result<PageWritten, WarehouseError>> {
        match self.answered.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Closed) => Some(Err(self.writer.gave_no_answer())),
        }
    }
}
