//! `payersync plan`: shows what a sync would request, and why not more, without requesting data.

use super::{
    failure::Failure,
    home, print, shard, show, stop_signal,
    sync::{chosen, options},
    targets::{check_types, targets},
    tell, terminal,
};
use crate::{
    cli::PlanArgs,
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    fhir::instant,
    monitor::Silent,
    outcome::WalkKind,
    plural,
    sync::{
        Declared, Preview, Step, SyncContext, SyncOptions, Target, WalkFrom, WalkOrder, preview,
    },
    warehouse::{LastUpdated, TypeState},
};
use chrono::{DateTime, Utc};
use std::{collections::HashMap, path::Path, sync::Arc};

/// Prints the schedule of walks of each connection.
pub(super) async fn run(folder: &Path, args: PlanArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load(folder)?.of_shard(shard::chosen(&args.shard)?);
    let warehouse = Arc::new(home::current_warehouse_to_look(&settings, "plan")?);
    let connections = chosen(&warehouse, &args.names, settings.shard)?;
    let http = home::http(&settings)?;
    check_types(&args.types)?;
    let targets = targets(&settings, connections, &http).await;
    let context = SyncContext {
        warehouse: Arc::clone(&warehouse),
        tokens: home::tokens(&settings, &http)?,
        http,
        monitor: Arc::new(Silent),
        clock: Clock::system(),
        stop: stop_signal::listen(None),
    };
    let options = options(&settings, "plan", args.full, args.types);
    let mut code = targets.tell_left_out();
    let mut declared = Declared::default();
    let mut groups = Groups::new(args.names.is_empty() && targets.ready.len() > MANY);
    for target in &targets.ready {
        match preview(&context, target, &options, &mut declared).await? {
            Ok(Preview { steps, states }) => {
                let now = context.clock.now();
                let known = KnownState { target, options: &options, states, now };
                groups.add(described(&known, &steps))?;
            }
            Err(error) => {
                tell(&format!("Unreachable: {}: {error}", target.connection.name));
                code = code.worst(ExitCode::Unreachable);
            }
        }
    }
    groups.show()?;
    Ok(code)
}

/// With more connections than this, those with the same walks are shown together.
const MANY: usize = 50;
/// The number of connections that are named of a group with the same walks.
const NAMED: usize = 3;

/// The walks of a connection, in words.
struct Described {
    name: String,
    source: String,
    /// Rows of type, walk, number of requests, and reason.
    rows: Vec<[String; 4]>,
    /// The approximate number of requests.
    total: u64,
}

impl Described {
    /// The key by which connections are grouped: everything but the numbers of requests.
    fn key(&self) -> (String, Vec<[String; 3]>) {
        let row = |[name, walk, _, why]: &[String; 4]| [name.clone(), walk.clone(), why.clone()];
        (self.source.clone(), self.rows.iter().map(row).collect())
    }
}

/// Connections with the same walks.
struct Group {
    first: Described,
    names: Vec<String>,
    connections: usize,
    total: u64,
}

/// The connections to show: each at once, or grouped at the end.
struct Groups {
    together: bool,
    groups: Vec<Group>,
    by_key: HashMap<(String, Vec<[String; 3]>), usize>,
}

impl Groups {
    fn new(together: bool) -> Groups {
        Groups { together, groups: Vec::new(), by_key: HashMap::new() }
    }

    fn add(&mut self, plan: Described) -> Result<(), Failure> {
        if !self.together {
            let head = format!("{} {}", plan.name, plan.source);
            return show_plan(&head, plan.rows, plan.total);
        }
        let next = self.groups.len();
        match *self.by_key.entry(plan.key()).or_insert(next) {
            known if known < next => {
                let group = &mut self.groups[known];
                group.connections += 1;
                group.total += plan.total;
                if group.names.len() < NAMED {
                    group.names.push(plan.name);
                }
            }
            _ => self.groups.push(Group {
                names: vec![plan.name.clone()],
                connections: 1,
                total: plan.total,
                first: plan,
            }),
        }
        Ok(())
    }

    fn show(self) -> Result<(), Failure> {
        for Group { first, names, connections, total } in self.groups {
            let (all, named) = (plural::count(connections, "connection"), names.join(", "));
            let more = if connections > names.len() { ", …" } else { "" };
            let head = format!("{all} {}: {named}{more}", first.source);
            show_plan(&head, first.rows, total)?;
        }
        Ok(())
    }
}

/// The smallest width of the last column.
const LEAST: usize = 16;

fn described(known: &KnownState<'_>, steps: &[Step]) -> Described {
    let connection = &known.target.connection;
    let mut rows = Vec::new();
    let mut total = 0;
    for step in steps {
        rows.push(match step {
            Step::Skip { resource_type, finish } => {
                let why = finish.detail.clone().unwrap_or_default();
                [resource_type.clone(), finish.state.to_string(), String::new(), why]
            }
            Step::Walk(order) => {
                let (walk, requests, why) = known.describe(order);
                total += requests;
                let queries = order.queries().join(", ");
                let why = match queries.is_empty() {
                    true => why,
                    false => format!("{why}; searched by {queries}"),
                };
                let why = match &order.note {
                    Some(note) => format!("{why}; {note}"),
                    None => why,
                };
                [order.resource_type.clone(), walk.to_owned(), format!("about {requests}"), why]
            }
        });
    }
    if known.target.attachments {
        let most = known.options.attachments.number;
        let why =
            format!("files that resources name, {} a run at most", plural::count(most, "file"));
        rows.push(["Attachment".to_owned(), "attachment".to_owned(), String::new(), why]);
    }
    Described { name: connection.name.clone(), source: connection.source(), rows, total }
}

fn show_plan(head: &str, rows: Vec<[String; 4]>, total: u64) -> Result<(), Failure> {
    let table = table(rows, terminal::width());
    print(|out| {
        writeln!(out, "{head}")?;
        writeln!(out, "{table}")?;
        writeln!(out, "about {}", plural::count(total, "request"))
    })
}

/// The table of walks. On a screen the reasons are wrapped; `None` stands for a file or a pipe.
fn table(mut rows: Vec<[String; 4]>, screen: Option<usize>) -> String {
    let header = ["type", "walk", "requests", "why"];
    if let Some(screen) = screen {
        let widest = |column: usize| {
            let widths = rows.iter().map(|row| show::width(&row[column]));
            widths.chain([header[column].len()]).max().unwrap_or_default()
        };
        let taken: usize = (0..3).map(|column| widest(column) + show::ROOM).sum();
        // Subtracts the left border and the last column's own padding.
        let room = screen.saturating_sub(taken + show::ROOM + 1).max(LEAST);
        for [.., why] in &mut rows {
            *why = show::fill(why, room);
        }
    }
    let mut table = show::table(&header);
    for row in rows {
        table.add_row(row);
    }
    show::right(&mut table, 2);
    table.to_string()
}

/// A connection with its state, from which its walks are explained.
struct KnownState<'a> {
    target: &'a Target,
    options: &'a SyncOptions,
    states: Vec<TypeState>,
    now: DateTime<Utc>,
}

impl KnownState<'_> {
    fn state(&self, resource_type: &str) -> Option<&TypeState> {
        self.states.iter().find(|state| state.resource_type == resource_type)
    }

    /// A planned walk: its kind, its likely number of requests, its reason.
    fn describe(&self, order: &WalkOrder) -> (&'static str, u64, String) {
        let resources = self.state(&order.resource_type).map_or(0, |state| state.resources);
        let pages = |resources: u64| resources / u64::from(self.target.page_size.max(1)) + 1;
        match &order.from {
            WalkFrom::Cursor(cursor, _) => {
                let left = pages(resources.saturating_sub(cursor.resources_seen));
                ("resumed", left, format!("an earlier run ended after page {}", cursor.pages))
            }
            WalkFrom::Since(increment) => {
                let probe = if increment.probe { 2 } else { 0 };
                let since = increment.since.format("%Y-%m-%d %H:%M");
                (WalkKind::Incremental.as_str(), 1 + probe, format!("what changed since {since}"))
            }
            WalkFrom::Start => (WalkKind::Full.as_str(), pages(resources), self.why_full(order)),
        }
    }

    /// The first reason against an incremental walk, in the order in which `sync::decide::plan` checks
    /// them.
    fn why_full(&self, order: &WalkOrder) -> String {
        let Some(state) = self.state(&order.resource_type) else {
            return "never walked".to_owned();
        };
        let Some(last_full) = &state.last_full_at else {
            return "no full walk was complete yet".to_owned();
        };
        if order.anew {
            return "--full walks everything anew".to_owned();
        }
        if !order.parts.is_empty() {
            return "several searches make up the type".to_owned();
        }
        if order.extent.is_uncovered {
            return "the member's consent does not cover it".to_owned();
        }
        if state.proved_for.as_ref() != Some(&order.proved_for) {
            return "the base, the search or the consent is new since the last full walk"
                .to_owned();
        }
        if let Some(due) = self.why_due(last_full) {
            return due;
        }
        if state.is_short {
            return "the latest full walk is incomplete".to_owned();
        }
        if !order.can_ask_for_changes {
            return self.why_no_changes(state);
        }
        let reason = if !state.all_dated {
            "some of its resources came without meta.lastUpdated"
        } else if state.has_open_rejects {
            "a resource that came could not be stored"
        } else if state.has_outdated {
            "an older version than the stored one came"
        } else if state.resources <= u64::from(self.target.page_size) {
            "it fits one page"
        } else {
            "no date is known from which to ask for changes"
        };
        reason.to_owned()
    }

    /// Why a full walk is due; `None` if the last one is recent.
    fn why_due(&self, last_full: &str) -> Option<String> {
        let Some(at) = instant(last_full) else {
            return Some("the date of its last full walk cannot be read".to_owned());
        };
        let age = self.now.signed_duration_since(at);
        if age < -chrono::Duration::days(1) {
            return Some("its last full walk is dated in the future".to_owned());
        }
        let is_due = age.to_std().is_ok_and(|age| age >= self.options.full_walk_every);
        is_due.then(|| format!("a full walk is due; the last one was on {}", at.format("%Y-%m-%d")))
    }

    /// Why the server cannot be asked for changes alone.
    fn why_no_changes(&self, state: &TypeState) -> String {
        if !self.target.last_updated {
            return "the configuration has last_updated = false".to_owned();
        }
        let is_ignored = matches!(state.last_updated, LastUpdated::Ignored | LastUpdated::Refused);
        if !is_ignored {
            return "the plan does not declare _lastUpdated for it".to_owned();
        }
        let told = "the plan does not honour _lastUpdated";
        match &state.last_updated_reason {
            Some(reason) => format!("{told}: {reason}"),
            None => told.to_owned(),
        }
    }
}
