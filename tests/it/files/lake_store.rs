//! An object store on this machine with a lake in it, and the worker that knows how to reach it.
#![cfg(feature = "lake")]

use crate::support::{Home, Outcome};
use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// What the environment of the worker says about the store.
pub(crate) type Settings = Vec<(&'static str, String)>;

/// The server of a store, which ends with this value.
pub(crate) struct Store {
    server: Child,
    lake: &'static str,
    pub(crate) port: u16,
    /// Where the server may write.
    pub(crate) files: Home,
    pub(crate) settings: Settings,
}

impl Store {
    /// Starts what `server` makes of a free port and a folder, and waits until it listens.
    pub(crate) fn start(
        lake: &'static str,
        server: impl FnOnce(u16, &Home) -> (Command, Settings),
    ) -> Store {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let files = Home::new();
        let (mut server, settings) = server(port, &files);
        let server = server.stderr(Stdio::null()).spawn().unwrap();
        let mut store = Store { server, lake, port, files, settings };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(store.server.try_wait().unwrap().is_none(), "the server ended");
            thread::sleep(Duration::from_millis(50));
        }
        store
    }

    /// Runs the worker to its end.
    pub(crate) fn run(&self, home: &Home, arguments: &[&str]) -> Outcome {
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        Outcome::of(home.command(arguments).envs(settings))
    }

    /// Brings the lake up to date with a home, and returns what was said.
    #[track_caller]
    pub(crate) fn sync(&self, home: &Home, shard: &str) -> String {
        let outcome = self.run(home, &["lake", "sync", self.lake, "--shard", shard]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outcome.stderr
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
