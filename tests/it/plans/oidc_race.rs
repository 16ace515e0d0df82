//! Two processes that want a new token, or the home, at the same moment, hundreds of times, against
//! the real oidc-provider: it ends the whole grant when a spent refresh token comes back.
//!
//! `PAYERSYNC_TEST_ROUNDS` says how many times; without it 100.

use crate::{
    plans::oidc_member,
    support::{Consenting, Home, Recorder, Watched, server},
};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, runtime::Runtime};
use url::Url;

const GET: [&str; 4] = ["get", "Patient", "--connection", "ann"];
const SYNC: [&str; 3] = ["sync", "--type", "Patient"];
const CONNECT: [&str; 6] = ["connect", "ann", "--plan", "oidc", "--code", "-"];

/// What one answer of the FHIR side depends on: tokens that it refuses.
type Expired = Arc<Mutex<HashSet<String>>>;

/// A connected home at the provider, with a recorder before its token endpoint and a FHIR server
/// that can be told that a token has expired.
struct Race {
    runtime: Runtime,
    recorder: Recorder,
    expired: Expired,
    home: Home,
}

impl Race {
    fn start(provider: &Url) -> Race {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let expired = Expired::default();
        let (recorder, fhir) = runtime.block_on(async {
            let recorder = Recorder::start(provider.join("/token").unwrap()).await;
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let fhir = format!("http://{}/r4", listener.local_addr().unwrap());
            let router = Router::new().fallback(answer).with_state(Arc::clone(&expired));
            tokio::spawn(async move { axum::serve(listener, router).await });
            (recorder, fhir)
        });
        let home = Home::new();
        let configuration = format!(
            "[http]\ninitial_delay_milliseconds = 1\nmax_delay_seconds = 1\n[plans.oidc]\n\
             fhir_url = {fhir:?}\nauthorize_url = {:?}\ntoken_url = {:?}\n\
             client_id = \"sync-confidential\"\nclient_secret_file = \"oidc.secret\"\n\
             redirect_url = \"http://127.0.0.1:9999/callback\"\ntoken_auth = \"basic\"\n\
             scope = \"openid offline_access patient/*.read\"\nrequests_per_second = 1000\n\
             authorize_parameters = {{ prompt = \"consent\" }}\n",
            provider.join("/auth").unwrap().as_str(),
            recorder.url.as_str(),
        );
        std::fs::write(home.file("payersync.toml"), configuration).unwrap();
        home.write_private("oidc.secret", "s3cr3t-for-loopback-tests-only");
        let race = Race { runtime, recorder, expired, home };
        race.consent();
        race
    }

    fn consent(&self) {
        let redirect = Url::parse("http://127.0.0.1:9999/callback").unwrap();
        let consent = |url: &str| {
            let url = Url::parse(url).unwrap();
            self.runtime.block_on(oidc_member::consent(&url, &redirect)).to_string()
        };
        let (code, said) = Consenting::start_with(&self.home, &CONNECT, consent).answer().end();
        assert_eq!(code, 0, "{said}");
    }

    /// Every token issued so far is refused from now on.
    fn expire(&self) {
        let tokens = self.recorder.access_tokens_received();
        self.expired.lock().unwrap().extend(tokens);
    }

    /// How often refresh tokens were sent that had been sent before.
    fn sent_again(&self) -> usize {
        let sent = self.recorder.refresh_tokens_sent();
        sent.len() - sent.iter().collect::<HashSet<_>>().len()
    }

    /// The first is killed at a moment, or none; the exit codes.
    fn both(&self, command: &[&str], kill: Option<Moment>) -> [i32; 2] {
        let begun = self.recorder.begun();
        let mut first = Watched::start(&self.home, command);
        let second = Watched::start(&self.home, command);
        if let Some(Moment::OfRefresh(_)) = kill {
            first.until(|| self.recorder.begun() > begun);
        }
        let first = match kill {
            Some(Moment::Any(after) | Moment::OfRefresh(after)) => {
                std::thread::sleep(after);
                first.kill()
            }
            None => first.end(),
        };
        let second = second.end();
        for ended in [&first, &second] {
            assert!([-1, 0, 3, 6].contains(&ended.code), "{}: {}", ended.code, ended.stderr);
            assert!(ended.code != 6 || command == SYNC, "{}", ended.stderr);
        }
        [first.code, second.code]
    }
}

/// When a process is killed: so long after its start, or after a refresh token was sent.
#[derive(Clone, Copy)]
enum Moment {
    Any(Duration),
    OfRefresh(Duration),
}

/// Whatever is asked: nothing of it is there, if the token is good.
async fn answer(
    State(expired): State<Expired>,
    headers: HeaderMap,
) -> (StatusCode, [(header::HeaderName, &'static str); 1], &'static str) {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = sent.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let json = [(header::CONTENT_TYPE, "application/fhir+json")];
    if expired.lock().unwrap().contains(token) {
        return (StatusCode::UNAUTHORIZED, json, "{}");
    }
    let page = r#"{"resourceType":"Bundle","type":"searchset","total":0,"entry":[]}"#;
    (StatusCode::OK, json, page)
}

fn rounds() -> usize {
    std::env::var("PAYERSYNC_TEST_ROUNDS").map_or(100, |rounds| rounds.parse().unwrap())
}

#[test]
fn two_processes_race_for_a_refresh_and_for_the_lock_and_the_grant_survives() {
    let Some(provider) = server("PAYERSYNC_TEST_OIDC") else { return };
    let race = Race::start(&provider);
    let (mut locked, mut refreshed) = (0, 0);
    for round in 0..rounds() {
        race.expire();
        let before = race.recorder.refresh_tokens_sent().len();
        let command = if round % 5 == 4 { &SYNC[..] } else { &GET };
        let codes = race.both(command, None);
        assert!(codes.contains(&0) && !codes.contains(&3), "round {round}: {codes:?}");
        locked += usize::from(codes.contains(&6));
        refreshed += race.recorder.refresh_tokens_sent().len() - before;
        assert_eq!(race.sent_again(), 0, "round {round}");
    }
    assert!(refreshed >= rounds(), "{refreshed} refreshes");
    race.expire();
    assert_eq!(race.home.run(&GET).code, 0, "the grant is alive");
    assert_eq!(race.home.run(&["verify"]).code, 0);
    eprintln!("{} rounds, {refreshed} refreshes, {locked} times locked", rounds());
}

#[test]
fn one_of_two_is_killed_and_a_grant_is_lost_only_with_an_answer_that_was_not_on_the_disk() {
    let Some(provider) = server("PAYERSYNC_TEST_OIDC") else { return };
    let race = Race::start(&provider);
    let (mut kills, mut consents) = (0, 0);
    for round in 0..rounds() / 2 {
        race.expire();
        let before = race.sent_again();
        // In an order without a rhythm.
        let chance = round as u64 * 7919;
        let moment = match round % 3 {
            0 => Moment::Any(Duration::from_millis(chance % 120)),
            _ => Moment::OfRefresh(Duration::from_millis(chance % 17)),
        };
        let codes = race.both(&GET, Some(moment));
        kills += usize::from(codes[0] == -1);
        // So that what has become of the grant is seen at once.
        race.expire();
        let next = race.home.run(&GET);
        assert!([0, 3].contains(&next.code), "round {round}: {}", next.stderr);
        let again = race.sent_again() - before;
        // A token is sent again only by the process after one that was killed between sending it
        // and having the answer on the disk; nobody can know by then that it is spent.
        let is_lost = next.code == 3 || codes.contains(&3);
        assert_eq!(again, usize::from(is_lost), "round {round}: {codes:?} {}", next.code);
        assert!(!is_lost || codes[0] == -1, "round {round}: lost without a kill");
        if is_lost {
            consents += 1;
            assert!(next.stderr.contains("payersync connect ann"), "{}", next.stderr);
            race.consent();
        }
    }
    race.expire();
    assert_eq!(race.home.run(&GET).code, 0, "the grant is alive");
    eprintln!("{} rounds, {kills} kills, {consents} consents", rounds() / 2);
    assert!(consents < kills);
}
