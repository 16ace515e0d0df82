//! Messages at the start of the daemon, and after it has read its configuration again.

use super::daemon::Daemon;
use crate::{clock::Clock, commands::tell, plural, warehouse::ConnectionRow};

/// Says how many connections there are and when the next sync begins.
pub(super) async fn tell_start(daemon: &Daemon, connections: &[ConnectionRow]) {
    match connections.len() {
        0 => {
            tell("Running; there is no connection yet");
            tell(
                "hint: `payersync connect NAME --plan PLAN` makes one, and it is synced within a minute",
            );
        }
        number => {
            // An error here is ignored: the first run reports it.
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

/// Reports schedules in the configuration whose connection does not exist.
pub(super) async fn tell_unknown_names(daemon: &Daemon) {
    // An error here is ignored: the next run reports it.
    if let Ok(connections) = daemon.connections().await {
        tell_unknown(daemon, &connections);
    }
}

fn tell_unknown(daemon: &Daemon, connections: &[ConnectionRow]) {
    let settings = daemon.settings();
    for name in settings.schedules.connections() {
        // A connection of another shard may be in another home.
        let is_here = settings.shard.holds(name);
        if is_here && !connections.iter().any(|row| row.name == name) {
            tell(&format!(
                "[connections.{name}] has a schedule, but there is no connection {name}"
            ));
        }
    }
}
