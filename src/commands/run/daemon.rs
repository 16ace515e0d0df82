//! Begins and ends the runs and token refreshes that are due; `schedule::decide` says which are due.
//!
//! At most one run is under way at a time. Runs and refreshes are tasks, so that tokens are also refreshed
//! during a long run and a request to stop is noticed at once.

use super::{
    blocking::blocking,
    news::{self, News},
};
use crate::{
    auth::{ConnectionKey, ConsentState, StoredGrant, Tokens, Vault},
    clock::Clock,
    commands::{
        failure::Failure,
        home,
        notify::notifier,
        sync::{options, spend},
        targets::{LeftOut, targets},
        tell, watch,
    },
    config::Settings,
    exit_code::ExitCode,
    http::HttpClient,
    monitor::Monitor,
    notify::RunResult,
    schedule::{Entry, KeepAlive, believed, decide},
    sync::{self, Report, Stop, SyncContext, Target},
    warehouse::{ConnectionRow, ReadOnlyWarehouse, WarehouseFile},
};
use chrono::{DateTime, Utc};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};
use tokio::{sync::Semaphore, task::JoinSet};

/// The daemon's state between two wake-ups.
pub(super) struct Daemon {
    shared: Shared,
    vault: Vault,
    /// When each connection's latest run began, by uid.
    last_runs: HashMap<String, Option<DateTime<Utc>>>,
    /// Grants that are being refreshed.
    refreshing: HashSet<String>,
    /// Grants whose last refresh failed, with the time and the message.
    troubles: HashMap<String, (DateTime<Utc>, String)>,
    is_running: bool,
    work: JoinSet<Done>,
    news: VecDeque<News>,
}

/// The state that every task shares.
#[derive(Clone)]
struct Shared {
    settings: Arc<Settings>,
    /// Found once, as the vault is: the configuration and the key's file may be broken or away later, and the
    /// tokens must be kept alive all the same.
    warehouse: WarehouseFile,
    http: HttpClient,
    /// Whether `http` still has to count the requests of the last hour.
    http_is_new: bool,
    tokens: Tokens,
    monitor: Arc<dyn Monitor>,
    clock: Clock,
    stop: Stop,
    /// Limits how many grants are refreshed at once.
    places: Arc<Semaphore>,
}

/// The result of a task.
enum Done {
    Run(Vec<News>),
    KeepAlive { connection: ConnectionKey, at: DateTime<Utc>, result: Result<(), Failure> },
}

/// The connections and grants of the home, with the times of their last runs.
struct Survey {
    connections: Vec<ConnectionRow>,
    grants: HashMap<String, StoredGrant>,
    last_runs: HashMap<i64, DateTime<Utc>>,
}

impl Daemon {
    pub(super) fn new(
        settings: Settings,
        http: HttpClient,
        monitor: Arc<dyn Monitor>,
        clock: Clock,
        stop: Stop,
    ) -> Result<Daemon, Failure> {
        let vault = home::vault(&settings.home)?;
        let warehouse = home::warehouse_file(&settings.home)?;
        let tokens = Tokens::new(http.clone(), vault.clone(), &settings.home);
        let places = Arc::new(Semaphore::new(settings.connections_in_parallel));
        let settings = Arc::new(settings);
        Ok(Daemon {
            shared: Shared {
                settings,
                warehouse,
                http,
                http_is_new: true,
                tokens,
                monitor,
                clock,
                stop,
                places,
            },
            vault,
            last_runs: HashMap::new(),
            refreshing: HashSet::new(),
            troubles: HashMap::new(),
            is_running: false,
            work: JoinSet::new(),
            news: VecDeque::new(),
        })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(super) fn is_running(&self) -> bool {
        self.is_running
    }

    /// Begins the runs and refreshes that are due now; returns when to wake up again.
    pub(super) async fn begin(&mut self) -> Result<Option<DateTime<Utc>>, Failure> {
        let now = self.shared.clock.now();
        let survey = self.survey().await?;
        for row in &survey.connections {
            let known = survey.last_runs.get(&row.id).copied();
            let last = self.last_runs.entry(row.uid.clone()).or_insert(known);
            // Once is enough: dated anew at every wake-up, a run far ahead would not be followed by one.
            *last = last.and_then(|last| believed(last, now));
        }
        let entries: Vec<Entry<'_>> = survey
            .connections
            .iter()
            .map(|row| Entry {
                key: &row.uid,
                schedule: self.shared.settings.schedules.of(&row.name, row.plan_name()),
                last_run: self.last_runs.get(&row.uid).copied().flatten(),
                keep_alive: self.keep_alive_of(row, survey.grants.get(&row.uid)),
            })
            .collect();
        let decision = decide(&entries, self.is_running, now);
        for position in decision.keep_alive {
            self.keep_alive(&survey.connections[position], now);
        }
        if !decision.sync.is_empty() {
            let due = decision.sync.iter().map(|position| survey.connections[*position].clone());
            self.sync(due.collect(), now);
        }
        Ok(decision.wake_at)
    }

    /// When the next connection is due for a sync; now, if one is overdue.
    pub(super) async fn next_sync(&self) -> Result<Option<DateTime<Utc>>, Failure> {
        let now = self.shared.clock.now();
        let survey = self.survey().await?;
        let due = survey.connections.iter().map(|row| Entry {
            key: &row.uid,
            schedule: self.shared.settings.schedules.of(&row.name, row.plan_name()),
            last_run: survey.last_runs.get(&row.id).copied(),
            keep_alive: None,
        });
        let due: Vec<Entry<'_>> = due.collect();
        let decision = decide(&due, false, now);
        Ok(if decision.sync.is_empty() { decision.wake_at } else { Some(now) })
    }

    /// Waits for the next event; `None` if no task is under way.
    pub(super) async fn news(&mut self) -> Option<News> {
        loop {
            if let Some(news) = self.news.pop_front() {
                return Some(news);
            }
            match self.work.join_next().await? {
                Ok(done) => self.settle(done),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => {}
            }
        }
    }

    /// Reads the configuration again.
    ///
    /// Nothing changes if it is invalid, or if others can write to the home. The source of tokens stays the
    /// same, since it may hold tokens that could not be stored in the vault yet.
    pub(super) fn reload(&mut self) -> Result<(), Failure> {
        let shard = self.shared.settings.shard;
        home::require_own(&self.shared.settings.home)?;
        let settings = Settings::load(&self.shared.settings.home)?.of_shard(shard);
        home::catalog(&settings)?;
        let limits = |settings: &Settings| {
            let plans = settings.plans.values().map(|plan| (plan.fhir_url.clone(), plan.limits));
            format!("{:?} {:?}", settings.http, plans.collect::<Vec<_>>())
        };
        // If the limits are unchanged, the requests counted so far still count.
        if limits(&settings) != limits(&self.shared.settings) {
            self.shared.http = home::http(&settings)?;
            self.shared.tokens.use_client(self.shared.http.clone());
            self.shared.http_is_new = true;
        }
        self.shared.places = Arc::new(Semaphore::new(settings.connections_in_parallel));
        self.shared.settings = Arc::new(settings);
        Ok(())
    }

    /// The connections, as they are in the warehouse now.
    pub(super) async fn connections(&self) -> Result<Vec<ConnectionRow>, Failure> {
        let file = self.shared.warehouse.clone();
        blocking(move || Ok(ReadOnlyWarehouse::open(&file)?.connections()?)).await
    }

    async fn survey(&self) -> Result<Survey, Failure> {
        let file = self.shared.warehouse.clone();
        let (vault, shard) = (self.vault.clone(), self.shared.settings.shard);
        let known: HashSet<String> = self.last_runs.keys().cloned().collect();
        blocking(move || {
            let warehouse = ReadOnlyWarehouse::open(&file)?;
            let mut connections = warehouse.connections()?;
            // A connection of files alone has no plan to ask.
            connections.retain(|row| row.plan.is_some() && shard.holds(&row.name));
            // While this process holds the home's lock, nobody else runs a sync, so the times of the last
            // runs are read only once.
            let last_runs = match connections.iter().all(|row| known.contains(&row.uid)) {
                true => HashMap::new(),
                false => warehouse.last_runs()?,
            };
            // A damaged row is reported by the sync of its connection; the others are kept alive.
            let sound = |(uid, grant): (String, Result<_, _>)| Some((uid, grant.ok()?));
            let grants = vault.list()?.into_iter().filter_map(sound).collect();
            Ok(Survey { connections, grants, last_runs })
        })
        .await
    }

    /// Sends to the channels in `[notify]` that runs and refreshes cannot begin.
    pub(super) fn notify_of(&self, exit_code: ExitCode) {
        let (settings, now) = (Arc::clone(&self.shared.settings), self.shared.clock.now());
        // Not waited for: the channels may take longer than the process has for its end.
        tokio::spawn(async move {
            if let Some(notifier) = notifier(&settings) {
                watch::tell_all(&notifier, &RunResult::of_command("run", exit_code), now).await;
            }
        });
    }

    fn keep_alive_of(&self, row: &ConnectionRow, grant: Option<&StoredGrant>) -> Option<KeepAlive> {
        if row.moving.is_some() {
            return None;
        }
        let every = self.shared.settings.plans.get(row.plan_name())?.keep_alive_every?;
        let grant = grant?;
        // Without a refresh token there is nothing to refresh; without consent the plan would refuse.
        if grant.refresh.is_none() || grant.consent != ConsentState::Granted {
            return None;
        }
        Some(KeepAlive {
            every,
            refreshed_at: grant.refreshed_at,
            failed_at: self.troubles.get(&row.uid).map(|(at, _)| *at),
            is_under_way: self.refreshing.contains(&row.uid),
        })
    }

    fn keep_alive(&mut self, row: &ConnectionRow, now: DateTime<Utc>) {
        let connection = sync::key_of(row);
        let (shared, plan) = (self.shared.clone(), row.plan_name().to_owned());
        self.refreshing.insert(row.uid.clone());
        self.work.spawn(async move {
            // The semaphore is never closed, so a permit always comes.
            let _place = shared.places.acquire().await.ok();
            let result = async {
                let plan = shared.settings.plan(&plan)?;
                let registration = home::registration(plan, &shared.http).await?;
                Ok(shared.tokens.keep_alive(&connection, &registration, now).await?)
            };
            let result = result.await;
            Done::KeepAlive { connection, at: now, result }
        });
    }

    fn sync(&mut self, connections: Vec<ConnectionRow>, now: DateTime<Utc>) {
        for row in &connections {
            self.last_runs.insert(row.uid.clone(), Some(now));
        }
        self.is_running = true;
        let shared = self.shared.clone();
        self.shared.http_is_new = false;
        self.work.spawn(async move { Done::Run(sync_and_notify(shared, connections).await) });
    }

    fn settle(&mut self, done: Done) {
        match done {
            Done::Run(news) => {
                self.is_running = false;
                self.news.extend(news);
            }
            Done::KeepAlive { connection, at, result } => {
                self.refreshing.remove(&connection.uid);
                let name = connection.name;
                self.news.push_back(match result {
                    Ok(()) => {
                        let again = self.troubles.remove(&connection.uid).is_some();
                        News::KeptAlive { connection: name, again }
                    }
                    Err(failure) => {
                        let text = format!("{failure:?}");
                        let before = self.troubles.insert(connection.uid, (at, text.clone()));
                        let is_known = before.is_some_and(|(_, before)| before == text);
                        News::NotKeptAlive { connection: name, failure, is_known }
                    }
                });
            }
        }
    }
}

/// Syncs all connections that are due, and sends the outcome to the channels in `[notify]`.
///
/// If the run was asked to stop, nothing is sent: the service is being restarted, and the next run
/// continues.
async fn sync_and_notify(shared: Shared, connections: Vec<ConnectionRow>) -> Vec<News> {
    let (settings, clock, stop) =
        (Arc::clone(&shared.settings), shared.clock.clone(), shared.stop.clone());
    let file = shared.warehouse.clone();
    let Some(notifier) = notifier(&settings) else {
        return sync_all(shared, connections).await;
    };
    let beginning = tokio::spawn({
        let notifier = notifier.clone();
        async move { notifier.begin().await }
    });
    let news = sync_all(shared, connections).await;
    beginning.await.unwrap_or_default().iter().for_each(|problem| tell(problem));
    if !stop.is_asked() {
        let (exit_code, seen) = news::came_to(&news);
        let look =
            move || Ok(watch::result_of(&settings, Some(&file), "run", exit_code, seen, true));
        if let Ok(result) = blocking(look).await {
            watch::tell_all(&notifier, &result, clock.now()).await;
        }
    }
    news
}

/// Syncs all connections that are due; a mistake in one plan's configuration affects that plan alone.
async fn sync_all(shared: Shared, connections: Vec<ConnectionRow>) -> Vec<News> {
    let mut targets = targets(&shared.settings, connections, &shared.http).await;
    let enters_nothing = targets.are_all_moving();
    let (ready, unasked) = (std::mem::take(&mut targets.ready), targets.unasked());
    let failed = |LeftOut { connections, failure, .. }| News::Failed { connections, failure };
    let mut news: Vec<News> = targets.left_out.into_iter().map(failed).collect();
    let names: Vec<String> = ready.iter().map(|target| target.connection.name.clone()).collect();
    // A run that can ask nobody is entered all the same: `status` tells what the ledger says.
    if !enters_nothing {
        match sync_targets(shared, ready, &unasked).await {
            Ok(_) if names.is_empty() => {}
            Ok(report) => news.push(News::Run(report)),
            Err(failure) => news.push(News::Failed { connections: names, failure }),
        }
    }
    news
}

async fn sync_targets(
    shared: Shared,
    targets: Vec<Target>,
    unasked: &[sync::NotAsked],
) -> Result<Report, Failure> {
    // The warehouse is opened for each run: after a full disk, the writer of the last run is unusable.
    let (settings, monitor) = (Arc::clone(&shared.settings), Arc::clone(&shared.monitor));
    let (clock, file) = (shared.clock.clone(), shared.warehouse.clone());
    let open = move || home::warehouse_of(&file, &settings, &*monitor, clock);
    let warehouse = Arc::new(blocking(open).await?);
    if shared.http_is_new {
        spend(&shared.settings, &warehouse, &shared.http)?;
    }
    let options = options(&shared.settings, "run", false, Vec::new());
    let context = SyncContext {
        warehouse: Arc::clone(&warehouse),
        http: shared.http,
        tokens: shared.tokens,
        monitor: shared.monitor,
        clock: shared.clock,
        stop: shared.stop,
    };
    let report = sync::sync(&context, targets, unasked, &options).await?;
    drop(context);
    if let Some(warehouse) = Arc::into_inner(warehouse) {
        blocking(move || {
            warehouse.close();
            Ok(())
        })
        .await?;
    }
    Ok(report)
}
