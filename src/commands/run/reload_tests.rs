//! A test: the configuration is read again while the daemon runs.

use super::daemon::Daemon;
use crate::{clock::Clock, commands::home, config::Settings, monitor::Silent, sync::Stop};
use std::sync::Arc;

#[tokio::test]
async fn a_broken_configuration_leaves_the_one_before_it_in_use() {
    let home = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(home.path().join("payersync.toml"), text).unwrap();
    write("[schedule]\ncron = \"0 1 * * *\"\n");
    let settings = Settings::load(home.path()).unwrap();
    home::warehouse(&settings, &Silent).unwrap().close();
    let http = home::http(&settings).unwrap();
    let (_handle, stop) = Stop::new();
    let mut daemon = Daemon::new(settings, http, Arc::new(Silent), Clock::system(), stop).unwrap();
    let hour = |daemon: &Daemon| {
        let (schedules, midnight) = (&daemon.settings().schedules, "2026-01-01T00:00:00Z");
        let next = schedules.of("ann", "acme").next_after(midnight.parse().unwrap());
        next.unwrap().format("%H").to_string()
    };
    write("[schedule]\ncron = \"0 2 * *\"\n");
    let failure = daemon.reload().unwrap_err();
    assert!(format!("{failure:?}").contains("schedule.cron"), "{failure:?}");
    assert_eq!(hour(&daemon), "01");
    // Runs and the keep-alive of tokens go on, also where the warehouse is encrypted: its key, which the
    // configuration leads to, was found before.
    daemon.begin().await.unwrap();
    assert_eq!(daemon.connections().await.unwrap(), Vec::new());
    write("[schedule]\ncron = \"0 2 * * *\"\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = home.path().join("payersync.toml");
        let set = |mode| std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        set(0o666);
        let failure = daemon.reload().unwrap_err();
        assert!(format!("{failure:?}").contains("can be written by others"), "{failure:?}");
        assert_eq!(hour(&daemon), "01");
        set(0o600);
    }
    daemon.reload().unwrap();
    assert_eq!(hour(&daemon), "02");
}
