//! What a person is told when the daemon starts, or has read its configuration anew.

use super::daemon::Daemon;
use crate::{clock::Clock, commands::tell, plural, warehouse::ConnectionRow};

/// Tells what is going to happen.
pub(super) async fn tell_start(daemon: &Daemon, connections: &[ConnectionRow]) {
    match connections.len() {
        0 => {
            tell("Running; there is no connection yet");
            tell(
                "hint: `payersync connect NAME --plan PLAN` makes one, and it is synced within a minute",
            );
        }
        number => {
            // What keeps it from being known is told when the first run begins.
            let next = daemon.next_sync().await.ok().flatten();
            let when = match next {
                None => String::new(),
                Some(at) if at <= Clock::system().now() => "; a sync begins now".to_owned(),
                Some(at) => format!("; the next sync is at {}", at.format("%Y-%m-%d %H:%M UTC")),
            };
            tell(&format!("Running for {}{when}", plural::count(number, "connection")));
        }
    }
    tell_unknown(daemon, connections);
}

/// Tells which schedules of the configuration belong to nobody.
pub(super) async fn tell_unknown_names(daemon: &Daemon) {
    // Unreadable connections are told when they are needed.
    if let Ok(connections) = daemon.connections().await {
        tell_unknown(daemon, &connections);
    }
}

fn tell_unknown(daemon: &Daemon, connections: &[ConnectionRow]) {
    let settings = daemon.settings();
    for name in settings.schedules.connections() {
        // A connection of another shard is in another home.
        let is_here = settings.shard.holds(name);
        if is_here && !connections.iter().any(|row| row.name == name) {
            tell(&format!(
                "[connections.{name}] has a schedule, but there is no connection {name}"
            ));
        }
    }
}
