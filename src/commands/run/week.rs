//! Tests: days of `payersync run` on a clock that the test sets.
//!
//! Configuration, vault, warehouse and HTTP are real; a test makes its plans fail at times.

use super::{daemon::Daemon, news::News};
use crate::{
    auth::{ConsentState, StoredGrant, Vault},
    clock::Clock,
    commands::{failure::Failure, home},
    config::Settings,
    exit_code::ExitCode,
    monitor::Silent,
    sync::{Stop, StopHandle},
    warehouse::NewConsent,
};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::America::New_York;
use std::sync::{Arc, Mutex};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

type Now = Arc<Mutex<DateTime<Utc>>>;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A plan with one Patient, whose refresh tokens rotate and expire if they are unused for too long.
#[derive(Clone)]
struct Plan {
    now: Now,
    refresh_lifetime: TimeDelta,
    state: Arc<Mutex<PlanState>>,
}

struct PlanState {
    is_down: bool,
    /// The one valid refresh token, and when it was issued.
    refresh: (u32, DateTime<Utc>),
    refreshes: u32,
}

impl Respond for Plan {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.state.lock().unwrap();
        let now = *self.now.lock().unwrap();
        if state.is_down {
            return ResponseTemplate::new(503);
        }
        let json = |text: String| ResponseTemplate::new(200).set_body_raw(text, "application/json");
        match request.url.path() {
            "/token" => {
                let form = String::from_utf8_lossy(&request.body).into_owned();
                let (number, since) = state.refresh;
                let is_known = form.contains(&format!("refresh_token=refresh-{number}&"))
                    || form.ends_with(&format!("refresh_token=refresh-{number}"));
                if !is_known || now - since > self.refresh_lifetime {
                    return ResponseTemplate::new(400)
                        .set_body_raw(r#"{"error":"invalid_grant"}"#, "application/json");
                }
                state.refresh = (number + 1, now);
                state.refreshes += 1;
                json(format!(
                    r#"{{"access_token":"access-{0}","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-{0}"}}"#,
                    number + 1
                ))
            }
            "/r4/metadata" => json(
                r#"{"resourceType":"CapabilityStatement","rest":[{"mode":"server","resource":[{"type":"Patient","interaction":[{"code":"search-type"}]}]}]}"#
                    .to_owned(),
            ),
            _ => json(
                r#"{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"Patient","id":"p1"}}]}"#
                    .to_owned(),
            ),
        }
    }
}

impl Plan {
    async fn start(now: &Now, refresh_hours: i64) -> (Plan, MockServer) {
        let state = PlanState { is_down: false, refresh: (1, *now.lock().unwrap()), refreshes: 0 };
        let plan = Plan {
            now: Arc::clone(now),
            refresh_lifetime: TimeDelta::hours(refresh_hours),
            state: Arc::new(Mutex::new(state)),
        };
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(plan.clone()).mount(&server).await;
        (plan, server)
    }

    fn set_down(&self, is_down: bool) {
        self.state.lock().unwrap().is_down = is_down;
    }

    fn refreshes(&self) -> u32 {
        self.state.lock().unwrap().refreshes
    }

    /// Stores a member's consent in the vault, as `payersync connect` does.
    fn consent(&self, vault: &Vault, uid: &str, name: &str, plan: &str, origin: &str) {
        let now = *self.now.lock().unwrap();
        let mut state = self.state.lock().unwrap();
        state.refresh = (state.refresh.0 + 1, now);
        let number = state.refresh.0;
        let grant = StoredGrant {
            plan: plan.to_owned(),
            name: name.to_owned(),
            fhir_origin: origin.parse().unwrap(),
            token_origin: origin.parse().unwrap(),
            access: format!("access-{number}").into(),
            refresh: Some(format!("refresh-{number}").into()),
            expires_at: Some(now + TimeDelta::hours(1)),
            refreshed_at: now,
            scope: None,
            patient: None,
            consent_ends_at: None,
            consent: ConsentState::Granted,
            refresh_begun_at: None,
            generation: 0,
        };
        vault.put(uid, &grant).unwrap();
    }
}

/// The machine that payersync runs on, and the daemon's messages in their order.
struct Machine {
    home: tempfile::TempDir,
    now: Now,
    daemon: Option<(Daemon, StopHandle)>,
    story: Vec<String>,
}

impl Machine {
    /// A machine with connections that have just consented: name, plan, its server, a line of its settings.
    async fn build(
        now: Now,
        cron: &str,
        connections: &[(&str, &str, &Plan, &MockServer, &str)],
    ) -> (Machine, Vault) {
        let home = tempfile::tempdir().unwrap();
        let mut text = format!(
            "[http]\nmax_attempts = 1\n[schedule]\ncron = \"{cron}\"\n\
             time_zone = \"America/New_York\"\njitter_seconds = 0\n"
        );
        for (_, plan, _, server, more) in connections {
            let origin = server.uri();
            text += &format!(
                "[plans.{plan}]\nfhir_url = \"{origin}/r4\"\n\
                 authorize_url = \"{origin}/authorize\"\ntoken_url = \"{origin}/token\"\n\
                 client_id = \"c\"\ntypes = [\"Patient\"]\n{more}\n"
            );
        }
        std::fs::write(home.path().join("payersync.toml"), text).unwrap();
        let machine = Machine { home, now, daemon: None, story: Vec::new() };
        let vault = home::vault(machine.home.path()).unwrap();
        let warehouse = home::warehouse_at(&machine.settings(), &Silent, machine.clock()).unwrap();
        for (name, plan, ..) in connections {
            let consent = NewConsent {
                uid: format!("uid-{name}"),
                name: (*name).to_owned(),
                plan: (*plan).to_owned(),
                member: None,
                scope: None,
                patient_id: None,
                ends_at: None,
            };
            warehouse.consent(consent).await.unwrap();
        }
        warehouse.close();
        for (name, plan, server, origin, _) in connections {
            server.consent(&vault, &format!("uid-{name}"), name, plan, &origin.uri());
        }
        (machine, vault)
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Clock::from_fn(move || *now.lock().unwrap())
    }

    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    fn settings(&self) -> Settings {
        Settings::load(self.home.path()).unwrap()
    }

    fn boot(&mut self) {
        let settings = self.settings();
        let http = home::http(&settings).unwrap();
        let (handle, stop) = Stop::new();
        let daemon = Daemon::new(settings, http, Arc::new(Silent), self.clock(), stop).unwrap();
        self.daemon = Some((daemon, handle));
    }

    fn tell(&mut self, what: &str) {
        let wall = self.now().with_timezone(&New_York).format("%a %d %H:%M %Z");
        self.story.push(format!("{wall} {what}"));
    }

    /// Lets the daemon work until an instant; the clock jumps from one due time to the next.
    async fn work_until(&mut self, end: DateTime<Utc>) {
        while self.now() < end {
            let (mut daemon, handle) = self.daemon.take().unwrap();
            let wake_at = daemon.begin().await.unwrap();
            let told_before = self.story.len();
            let mut is_idle = true;
            while let Some(news) = daemon.news().await {
                is_idle = false;
                self.note(news);
            }
            // Events at the same time have no order.
            self.story[told_before..].sort();
            self.daemon = Some((daemon, handle));
            // The work done may make other work due.
            if is_idle {
                let wake_at = wake_at.unwrap();
                assert!(wake_at > self.now(), "it would not sleep at {}", self.now());
                *self.now.lock().unwrap() = wake_at.min(end);
            }
        }
    }

    fn note(&mut self, news: News) {
        match news {
            News::Run(report) => {
                let each = report.connections.iter().map(|connection| {
                    let words = match connection.exit_code() {
                        ExitCode::Complete => "complete",
                        ExitCode::Unreachable => "unreachable",
                        ExitCode::ConsentNeeded => "consent needed",
                        _ => "incomplete",
                    };
                    format!("{} {words}", connection.connection)
                });
                let each = each.collect::<Vec<_>>().join(", ");
                self.tell(&format!("run: {each}"));
            }
            News::Failed { failure, .. } => self.tell(&format!("failed: {failure:?}")),
            News::KeptAlive { again: false, .. } => {}
            News::KeptAlive { connection, again: true } => {
                self.tell(&format!("{connection} kept alive again"));
            }
            News::NotKeptAlive { connection, failure, is_known: false } => {
                let why = reason(&failure);
                self.tell(&format!("{connection} not kept alive: {why}"));
            }
            News::NotKeptAlive { .. } => {}
        }
    }

    /// The runs in the ledger: when each began, by which command, and how it ended.
    fn ledger(&self) -> Vec<String> {
        let file = super::super::home::existing_warehouse(&self.settings().home).unwrap();
        let warehouse = crate::warehouse::ReadOnlyWarehouse::open(&file).unwrap();
        let mut lines = Lines::default();
        let sql = "SELECT run.started_at, run.command, run.state, run.exit_code, \
                   (SELECT group_concat(name || ' ' || state, ', ') FROM (SELECT DISTINCT c.name, \
                    coalesce(w.reason, w.state) AS state FROM sync_walk w JOIN connection c \
                    ON c.id = w.connection_id WHERE w.run_id = run.id \
                    AND w.state IN ('complete', 'incomplete') ORDER BY c.name)) \
                   FROM sync_run AS run ORDER BY run.id";
        warehouse.query(sql, &[], &mut lines).unwrap().unwrap();
        lines.0
    }
}

fn reason(failure: &Failure) -> &'static str {
    match failure.code() {
        ExitCode::ConsentNeeded => "consent needed",
        ExitCode::Unreachable => "unreachable",
        _ => "something else",
    }
}

#[derive(Default)]
struct Lines(Vec<String>);

impl crate::warehouse::Answer<()> for Lines {
    fn columns(&mut self, _: &[&str]) -> Result<(), ()> {
        Ok(())
    }

    fn row(&mut self, row: &[crate::warehouse::AnswerCell<'_>]) -> Result<(), ()> {
        let text = |cell: &crate::warehouse::AnswerCell<'_>| match cell {
            crate::warehouse::AnswerCell::Text(text) => (*text).to_owned(),
            crate::warehouse::AnswerCell::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        self.0.push(row.iter().map(text).collect::<Vec<_>>().join(" | "));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_with_a_clock_change_a_plan_down_a_machine_off_and_a_consent_that_ends() {
    let now: Now = Arc::new(Mutex::new(at("2026-03-06T05:00:00Z")));
    let (acme, acme_server) = Plan::start(&now, 2).await;
    let (beta, beta_server) = Plan::start(&now, 14 * 24).await;
    let beta_key = "refresh_token_lifetime_minutes = 20160";
    let connections =
        [("ann", "acme", &acme, &acme_server, ""), ("bob", "beta", &beta, &beta_server, beta_key)];
    let (mut machine, vault) = Machine::build(now, "30 2 * * *", &connections).await;

    machine.boot();
    machine.work_until(at("2026-03-08T16:00:00Z")).await;
    beta.set_down(true);
    machine.work_until(at("2026-03-09T16:00:00Z")).await;
    beta.set_down(false);
    machine.work_until(at("2026-03-09T17:50:00Z")).await;
    acme.set_down(true);
    machine.work_until(at("2026-03-09T18:15:00Z")).await;
    acme.set_down(false);
    machine.work_until(at("2026-03-10T16:00:00Z")).await;
    let refreshes = acme.refreshes();
    machine.daemon = None;
    *machine.now.lock().unwrap() = at("2026-03-12T13:00:00Z");
    machine.boot();
    machine.work_until(at("2026-03-12T19:00:00Z")).await;
    acme.consent(&vault, "uid-ann", "ann", "acme", &acme_server.uri());
    machine.work_until(at("2026-03-13T16:00:00Z")).await;

    assert_eq!(
        machine.story,
        [
            "Fri 06 00:00 EST run: ann complete, bob complete",
            "Fri 06 02:30 EST run: ann complete, bob complete",
            "Sat 07 02:30 EST run: ann complete, bob complete",
            "Sun 08 03:00 EDT run: ann complete, bob complete",
            "Mon 09 02:30 EDT run: ann complete, bob unreachable",
            "Mon 09 14:00 EDT ann not kept alive: unreachable",
            "Mon 09 14:20 EDT ann kept alive again",
            "Tue 10 02:30 EDT run: ann complete, bob complete",
            "Thu 12 09:00 EDT ann not kept alive: consent needed",
            "Thu 12 09:00 EDT run: ann consent needed, bob complete",
            "Thu 12 16:00 EDT ann kept alive again",
            "Fri 13 02:30 EDT run: ann complete, bob complete",
        ]
    );
    assert_eq!(
        machine.ledger(),
        [
            "2026-03-06T05:00:00.000Z | run | complete | 0 | ann complete, bob complete",
            "2026-03-06T07:30:00.000Z | run | complete | 0 | ann complete, bob complete",
            "2026-03-07T07:30:00.000Z | run | complete | 0 | ann complete, bob complete",
            "2026-03-08T07:00:00.000Z | run | complete | 0 | ann complete, bob complete",
            "2026-03-09T06:30:00.000Z | run | incomplete | 4 | ann complete, bob token_unreachable",
            "2026-03-10T06:30:00.000Z | run | complete | 0 | ann complete, bob complete",
            "2026-03-12T13:00:00.000Z | run | incomplete | 3 | ann consent_needed, bob complete",
            "2026-03-13T06:30:00.000Z | run | complete | 0 | ann complete, bob complete",
        ]
    );
    // The tokens were refreshed once an hour, including the hour in which the plan was down.
    assert_eq!(refreshes, 106);
}

/// The machine boots with a clock five hours ahead and no network; then the clock is set right.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_ends_no_consent_and_holds_no_run_up() {
    let now: Now = Arc::new(Mutex::new(at("2026-03-06T15:00:00Z")));
    let (acme, server) = Plan::start(&now, 2).await;
    let connections = [("ann", "acme", &acme, &server, "")];
    let (mut machine, _vault) = Machine::build(now, "0 * * * *", &connections).await;
    *machine.now.lock().unwrap() = at("2026-03-06T16:00:00Z");
    acme.set_down(true);
    machine.boot();
    machine.work_until(at("2026-03-06T16:05:00Z")).await;
    acme.set_down(false);
    *machine.now.lock().unwrap() = at("2026-03-06T11:05:00Z");
    machine.work_until(at("2026-03-06T13:30:00Z")).await;
    assert_eq!(
        machine.story,
        [
            "Fri 06 11:00 EST ann not kept alive: unreachable",
            "Fri 06 11:00 EST run: ann unreachable",
            "Fri 06 06:05 EST ann kept alive again",
            "Fri 06 07:00 EST run: ann complete",
            "Fri 06 08:00 EST run: ann complete",
        ]
    );
}
