//! The one thread that writes.
//!
//! SQLite takes one writer at a time; a thread with the only writing connection makes that a queue
//! instead of a lock to fight for. The queue is bounded: a slow disk slows the walks down.

use super::{error::WarehouseError, table::Catalog};
use rusqlite::Connection;
use std::{sync::Arc, thread};
use tokio::sync::{mpsc, oneshot};

/// Jobs that may wait. Each holds at most one page.
const QUEUE: usize = 8;

type Job = Box<dyn FnOnce(&mut Connection, &Catalog) + Send>;

/// A handle to the writer's thread; the thread ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    thread: Arc<JoinOnDrop>,
}

#[derive(Debug)]
struct JoinOnDrop(std::sync::Mutex<Option<thread::JoinHandle<()>>>);

impl Writer {
    pub(super) fn start(
        mut connection: Connection,
        catalog: Arc<Catalog>,
    ) -> Result<Writer, WarehouseError> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let handle = thread::Builder::new()
            .name("warehouse-writer".to_owned())
            .spawn(move || {
                while let Some(job) = queue.blocking_recv() {
                    job(&mut connection, &catalog);
                }
                // Folds the WAL into the file, so that a finished run leaves one file to copy.
                // A reader that holds it back only postpones that.
                let _ =
                    connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);");
            })
            .map_err(|_| WarehouseError::WriterStopped)?;
        Ok(Writer { jobs, thread: Arc::new(JoinOnDrop(std::sync::Mutex::new(Some(handle)))) })
    }

    /// Runs a job on the writer's thread and waits for what it returns.
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
        answered.await.map_err(|_| WarehouseError::WriterStopped)?
    }

    /// Waits until everything queued is done and the thread has closed the file.
    pub(crate) fn close(self) {
        drop(self.jobs);
        let handle = self.thread.0.lock().ok().and_then(|mut handle| handle.take());
        if let Some(handle) = handle {
            // A panic in the writer has been seen by whoever waited for its answer.
            let _ = handle.join();
        }
    }
}
