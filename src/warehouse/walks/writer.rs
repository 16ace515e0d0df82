//! The one thread that writes.
//!
//! SQLite takes one writer at a time; a thread with the only writing connection makes that a queue
//! instead of a lock to fight for. The queue is bounded: a slow disk slows the walks down.

use crate::warehouse::{error::WarehouseError, file::waiting, tables::table::Catalog};
use rusqlite::Connection;
use std::{
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
};
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait. Each holds at most one page.
const QUEUE: usize = 8;

type Job = Box<dyn FnOnce(&mut Connection, &Catalog) + Send>;

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
        connection.execute_batch(
            "PRAGMA optimize; PRAGMA analysis_limit = 1000; ANALYZE connection; ANALYZE sync_walk;
             ANALYZE type_state; ANALYZE absent_resource;",
        )?;
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
                while let Some(job) = queue.blocking_recv() {
                    // A panic is its job's alone: the transaction is rolled back, and whoever waits
                    // for the answer panics in turn.
                    let _ =
                        panic::catch_unwind(AssertUnwindSafe(|| job(&mut connection, &catalog)));
                }
                // A reader that holds the WAL back only postpones its end: waiting for it would hold
                // up every other writer.
                let _ = waiting::for_nobody(&connection);
                let _ = leave(&connection);
            })
            .map_err(|_| WarehouseError::WriterStopped)?;
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
        let job: Job = Box::new(move |connection, catalog| {
            // Nobody waits any more when the run was cancelled; the job is done all the same.
            let _ = answer.send(job(connection, catalog));
        });
        self.jobs.send(job).await.map_err(|_| WarehouseError::WriterStopped)?;
        match answered.await {
            Ok(result) => result,
            Err(_) if self.jobs.is_closed() => Err(WarehouseError::WriterStopped),
            Err(_) => panic::resume_unwind(Box::new("the writer's job panicked")),
        }
    }
}
