//! A request to stop: the page under way is committed, and the run ends.

use tokio::sync::watch;

/// Tells the parts of a run whether they were asked to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Asks a run to stop; held by the code that may do so.
#[derive(Debug)]
pub struct StopHandle(watch::Sender<bool>);

impl Stop {
    /// Makes a handle and its `Stop`; nobody has asked to stop yet.
    pub fn new() -> (StopHandle, Stop) {
        let (sender, receiver) = watch::channel(false);
        (StopHandle(sender), Stop(receiver))
    }

    /// Whether somebody asked to stop.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until somebody asks to stop; waits for ever if nobody can ask any more.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl StopHandle {
    /// Asks everything to stop.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }
}
