//! A home whose syncs are the real binary, and what may happen to them at night.

use super::{
    dice::Dice,
    payer::{Logged, Mood},
    server::Server,
    world::TYPES,
};
use crate::support::{Ended, Faulty, Home};
use std::collections::{BTreeMap, BTreeSet};

/// The connection.
pub(super) const NAME: &str = "c";
const DAY: i64 = 24 * 60 * 60;

/// What came of one sync.
pub(super) struct Played {
    pub(super) ended: Ended,
    pub(super) was_killed: bool,
    /// What was asked while it ran.
    pub(super) log: Vec<Logged>,
    /// The versions of all types before it, and after it.
    pub(super) before: BTreeMap<&'static str, usize>,
    pub(super) after: BTreeMap<&'static str, usize>,
    /// The oldest version of each type that replicas showed, where some were behind.
    pub(super) lags_from: Option<BTreeMap<&'static str, usize>>,
    /// Whether it had a small budget of requests.
    pub(super) is_limited: bool,
    pub(super) is_backfill: bool,
    /// Ids of each type whose entries were damaged.
    pub(super) damaged: BTreeMap<&'static str, BTreeSet<String>>,
    /// Its run in the ledger; a killed one may have none.
    pub(super) run_id: Option<i64>,
}

/// What happens to a sync.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    Nothing,
    /// It is killed after so many requests.
    Kill(usize),
    /// Another command is started after so many requests.
    Beside(usize, &'static [&'static str]),
}

/// A night as it was thrown.
#[derive(Debug, Clone)]
pub(super) struct Night {
    pub(super) mood: Mood,
    pub(super) full: bool,
    /// A backfill of Condition takes the sync's place.
    pub(super) backfill: bool,
    pub(super) budget: Option<usize>,
    /// Seconds by which our clock is wrong.
    pub(super) clock: i64,
    pub(super) event: Event,
}

/// What writes, or looks, beside a sync.
const BESIDE: [&[&str]; 7] = [
    &["get", "Patient/p", "--connection", NAME],
    &["rebuild", "condition"],
    &["rebuild"],
    &["connect", NAME, "--plan", "p"],
    &["connect", "another", "--plan", "p"],
    &["backup", "copy.db"],
    &["verify"],
];

/// All time, in four windows.
const BACKFILL: [&str; 10] = [
    "backfill",
    NAME,
    "--type",
    "Condition",
    "--window-months",
    "48",
    "--from",
    "2015-01-01",
    "--to",
    "2027-12-31",
];

impl Night {
    pub(super) fn throw(dice: &mut Dice) -> Night {
        let mood = Mood {
            moves: dice.pick(&[0, 2, 3, 5]),
            shuffles: dice.one_in(8),
            odd_pages: dice.one_in(4),
            lags: dice.one_in(6),
            trouble: dice.pick(&[0, 0, 0, 0, 12, 5]),
            damaged: dice.pick(&[0, 0, 0, 1, 2]),
        };
        let clocks = [0, 0, 0, 0, 0, 0, -30 * DAY, 400 * DAY, -7200, 3 * 3600];
        let event = match dice.roll(4) {
            0 => Event::Kill(1 + dice.roll(25)),
            1 => Event::Beside(1 + dice.roll(12), dice.pick(&BESIDE)),
            _ => Event::Nothing,
        };
        let budgets = [None, None, None, Some(5), Some(9)];
        let full = dice.one_in(4);
        let (budget, clock) = (dice.pick(&budgets), dice.pick(&clocks));
        Night { mood, full, backfill: dice.one_in(6), budget, clock, event }
    }

    pub(super) fn calm() -> Night {
        let mood = Mood::default();
        let event = Event::Nothing;
        Night { mood, full: false, backfill: false, budget: None, clock: 0, event }
    }

    fn command(&self) -> Vec<String> {
        let command: &[&str] = match self.backfill {
            true => &BACKFILL,
            false => &["sync", NAME],
        };
        let mut words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        words.extend(self.full.then(|| "--full".to_owned()));
        words.extend(self.budget.map(|budget| format!("--max-requests={budget}")));
        words
    }
}

/// A connected home.
pub(super) fn connected_home(server: &Server, concurrency: usize) -> Home {
    let home = Home::new();
    let origin = server.payer().origin.clone();
    let text = format!(
        "[sync]\nshrink_limit_percent = 100\n[warehouse]\ncount_unmapped_paths = false\n\
         [http]\ninitial_delay_milliseconds = 1\nmax_delay_seconds = 1\nmax_attempts = 2\n\
         [plans.p]\nfhir_url = \"{origin}/r4\"\ntoken_url = \"{origin}/token\"\nclient_id = \"x\"\n\
         client_secret_file = \"secret\"\ngrant = \"client_credentials\"\npage_size = 5\n\
         requests_per_second = 1000\nconcurrency = {concurrency}\ntypes = {TYPES:?}\n"
    );
    std::fs::write(home.file("payersync.toml"), text).unwrap();
    home.write_private("secret", "a-secret-of-nothing");
    home.succeed(&["connect", NAME, "--plan", "p"], "a new home");
    home
}

/// Plays one sync of a night.
pub(super) fn play(home: &Home, server: &Server, faulty: &Faulty, night: &Night) -> Played {
    let (before, seconds) = {
        let mut payer = server.payer();
        payer.log.clear();
        (
            payer.versions(),
            (payer.world.now - payersync::clock::Clock::system().now()).num_seconds(),
        )
    };
    let latest = "SELECT coalesce(max(id), 0) FROM sync_run
                  WHERE command IN ('sync', 'partial sync', 'backfill')";
    let last_run: i64 = home.value(latest);
    let command = night.command();
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let mut sync = faulty.start_at(home, &words, seconds + night.clock);
    let asked = || server.payer().log.len();
    let (was_killed, ended) = match night.event {
        Event::Nothing => (false, sync.end()),
        Event::Kill(at) => match sync.until(|| asked() >= at) {
            true => (true, sync.kill()),
            false => (false, sync.end()),
        },
        Event::Beside(at, words) => {
            sync.until(|| asked() >= at);
            let copy = home.file("copy.db");
            let _ = std::fs::remove_file(&copy);
            let words: Vec<&str> = words
                .iter()
                .map(|word| if *word == "copy.db" { copy.to_str().unwrap() } else { word })
                .collect();
            let beside = faulty.start_at(home, &words, seconds + night.clock).end();
            // A plan may refuse reads, and a rebuild waits for no sync.
            let is_right = match words[0] {
                "get" => [0, 2].contains(&beside.code),
                "rebuild" => [0, 6].contains(&beside.code),
                _ => beside.code == 0,
            };
            assert!(is_right, "{words:?} beside a sync: {} {}", beside.code, beside.stderr);
            (false, sync.end())
        }
    };
    // A sync that ended before the signal reached it was not killed.
    let was_killed = was_killed && ended.code == -1;
    let run_id: i64 = home.value(latest);
    let payer = server.payer();
    Played {
        ended,
        was_killed,
        log: payer.log.clone(),
        before,
        after: payer.versions(),
        is_limited: night.budget.is_some(),
        is_backfill: night.backfill,
        damaged: payer.damaged.clone(),
        lags_from: payer.mood.lags.then(|| payer.world.morning.clone()),
        run_id: (run_id > last_run).then_some(run_id),
    }
}
