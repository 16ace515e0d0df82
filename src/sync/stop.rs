//! A request to stop: finish the page, commit, go.

use tokio::sync::watch;

/// Seen by everything that works.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Held by whoever may ask to stop.
#[derive(Debug)]
pub struct StopHandle(watch::Sender<bool>);

impl Stop {
    /// A pair; nothing is asked yet.
    pub fn new() -> (StopHandle, Stop) {
        let (sender, receiver) = watch::channel(false);
        (StopHandle(sender), Stop(receiver))
    }

    /// Whether it was asked to stop.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is asked to stop; for ever when nobody can ask any more.
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
