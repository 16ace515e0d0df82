//! The one thread that writes.
//!
//! SQLite allows one writer at a time. With one thread that owns the only writing connection, walks wait
//! in a queue instead of competing for a lock. The queue is bounded: a slow disk slows the walks down.
//! Pages that wait at the same time share a transaction.

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

/// The most jobs that may wait. Each holds at most one page, whose memory the worker threads have
/// bounded.
const QUEUE: usize = 64;

enum Job {
    Page(Box<Waiting>),
    Other(OtherJob),
}

type OtherJob = Box<dyn FnOnce(&mut Connection, &Catalog) + Send>;

/// A handle to the writer's thread.
///
/// Dropping the last handle waits until every queued job is done and the thread has closed the file. If a
/// process ended while a thread still closes a database, SQLCipher's OpenSSL would be shut down under it,
/// and the process would crash.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    // Dropped before the thread is joined, because the thread ends once there is no sender.
    jobs: mpsc::Sender<Job>,
    _thread: Arc<JoinOnDrop>,
}

#[derive(Debug)]
struct JoinOnDrop(Option<thread::JoinHandle<()>>);

impl Drop for JoinOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            // A panic in the writer was reported to the walk that waited for the answer.
            let _ = handle.join();
        }
    }
}

/// Folds the WAL into the file, so that a finished run leaves one file to copy.
///
/// If anything was written, SQLite's statistics of table sizes are updated first. `optimize` alone updates
/// only statistics that it thinks worth it. In a home that grew from one connection to thousands, SQLite went
/// on to plan queries for one connection, and searched the ledger once per row of it.
fn leave(connection: &Connection) -> rusqlite::Result<()> {
    if connection.query_row("SELECT total_changes() > 0", [], |row| row.get(0))? {
        // This fails if another process has the lock for writing; the statistics can wait for the next run.
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
                // Made here, since a runtime cannot be dropped inside another one, and the system may
                // refuse the thread.
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
                            // A panic affects only its own job: the transaction is rolled back, and the
                            // caller that waits for the answer panics in turn.
                            let job = AssertUnwindSafe(|| job(&mut connection, &catalog));
                            let _ = panic::catch_unwind(job);
                        }
                    }
                }
                // A reader that holds back the WAL only delays the checkpoint. Waiting for it would block
                // every other writer.
                let _ = waiting::for_nobody(&connection);
                let _ = leave(&connection);
            })
            .map_err(WarehouseError::Thread)?;
        Ok(Writer { jobs, _thread: Arc::new(JoinOnDrop(Some(handle))) })
    }

    /// A writer that accepts no job.
    pub(crate) fn absent() -> Writer {
        Writer { jobs: mpsc::channel(1).0, _thread: Arc::new(JoinOnDrop(None)) }
    }

    /// Runs a job on the writer's thread and returns its result; panics if the job did.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection, &Catalog) -> Result<T, WarehouseError> + Send + 'static,
    ) -> Result<T, WarehouseError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Other(Box::new(move |connection, catalog| {
            // The receiver is gone if the run was cancelled; the job is done all the same.
            let _ = answer.send(job(connection, catalog));
        }));
        self.jobs.send(job).await.map_err(|_| WarehouseError::WriterStopped)?;
        match answered.await {
            Ok(result) => result,
            Err(_) => Err(self.gave_no_answer()),
        }
    }

    /// Sends a page to the writer, once there is room in the queue.
    pub(crate) async fn send_page(&self, page: PageWrite) -> Result<OnItsWay, WarehouseError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Page(Box::new(Waiting { page, answer }));
        self.jobs.send(job).await.map_err(|_| WarehouseError::WriterStopped)?;
        Ok(OnItsWay { answered, writer: self.clone() })
    }

    /// The error for a writer that has stopped; panics if its job panicked.
    fn gave_no_answer(&self) -> WarehouseError {
        match self.jobs.is_closed() {
            true => WarehouseError::WriterStopped,
            false => panic::resume_unwind(Box::new("the writer's job panicked")),
        }
    }
}

/// The next job, if it arrives within a time.
async fn within(time: Duration, queue: &mut mpsc::Receiver<Job>) -> Option<Job> {
    match queue.try_recv() {
        Err(mpsc::error::TryRecvError::Empty) if !time.is_zero() => {
            tokio::time::timeout(time, queue.recv()).await.ok().flatten()
        }
        job => job.ok(),
    }
}

/// A page that was sent to the writer.
#[derive(Debug)]
pub(crate) struct OnItsWay {
    answered: oneshot::Receiver<Result<PageWritten, WarehouseError>>,
    writer: Writer,
}

impl OnItsWay {
    /// Waits until the page is committed; panics if the writer panicked over the page.
    pub(crate) async fn stored(self) -> Result<PageWritten, WarehouseError> {
        match self.answered.await {
            Ok(result) => result,
            Err(_) => Err(self.writer.gave_no_answer()),
        }
    }

    /// The outcome of storing the page, if it is known by now.
    pub(crate) fn stored_by_now(&mut self) -> Option<Result<PageWritten, WarehouseError>> {
        match self.answered.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Closed) => Some(Err(self.writer.gave_no_answer())),
        }
    }
}
