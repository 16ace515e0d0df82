//! Who is told what, when: by the real binary, night after night, to a server that listens.

use crate::support::{Dictated, Faulty, Home, Watched};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::IntoResponse,
};
use std::sync::{Arc, Mutex};
use tokio::{net::TcpListener, runtime::Runtime};

const DAY: i64 = 24 * 3600;
/// The days on which nobody starts a sync.
const TIMER_IS_DEAD: std::ops::Range<i64> = 18..21;
/// A word of the webhook's path that nobody may see.
const SECRET: &str = "s3cr3t-of-the-webhook";
const PATIENT: &str = r#"{"resourceType":"Patient","id":"patient-4711"}"#;

/// A request that was heard.
#[derive(Debug, Clone)]
struct Heard {
    path: String,
    headers: HeaderMap,
    body: String,
}

#[derive(Default)]
struct Ears {
    status: Option<u16>,
    heard: Vec<Heard>,
}

/// A server that hears whatever comes.
struct Ear {
    origin: String,
    state: Arc<Mutex<Ears>>,
    _runtime: Runtime,
}

impl Ear {
    fn start() -> Ear {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let state = Arc::<Mutex<Ears>>::default();
        let router = Router::new().fallback(hear).with_state(Arc::clone(&state));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ear { origin, state, _runtime: runtime }
    }

    /// Answers with this status from now on.
    fn answer(&self, status: u16) {
        self.state.lock().unwrap().status = Some(status);
    }

    /// What came since it was last asked.
    fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.state.lock().unwrap().heard)
    }
}

async fn hear(
    State(state): State<Arc<Mutex<Ears>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let mut state = state.lock().unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    state.heard.push(Heard { path: uri.path().to_owned(), headers, body });
    let status = StatusCode::from_u16(state.status.unwrap_or(204)).unwrap();
    (status, [("location", "/elsewhere")])
}

fn event(body: &str) -> String {
    let message: serde_json::Value = serde_json::from_str(body).unwrap();
    let code = message["exit_code"].as_u64().map(|code| format!(" {code}")).unwrap_or_default();
    format!("{}{code}", message["event"].as_str().unwrap())
}

/// A home whose webhook, command and ping are heard.
fn told_home(payer: &Dictated, ear: &Ear, more: &str) -> Home {
    let home = payer.home(&format!(
        "types = [\"Patient\"]\n{more}\n[notify]\nwebhook = {{ file = \"hook\" }}\n\
         command = [\"/bin/sh\", \"-c\", \"cat >> told; echo >> told\"]\n\
         ping = \"{}/ping/\"\n",
        ear.origin
    ));
    home.write_private("hook", &format!("{}/{SECRET}\n", ear.origin));
    home
}

fn is_ping(heard: &Heard) -> bool {
    heard.path.starts_with("/ping")
}

#[test]
fn a_month_with_faults_a_full_disk_a_dead_timer_an_ending_consent_and_a_payer_that_dies() {
    let Some(faulty) = Faulty::build() else { return };
    let (ear, payer) = (Ear::start(), Dictated::start());
    payer.serve("Patient", &[PATIENT]);
    let home = told_home(&payer, &ear, "consent_days = 30");
    let mut payer = Some(payer);
    let (mut story, mut pings, mut said) = (Vec::new(), Vec::new(), String::new());
    for day in 0..34 {
        if let Some(payer) = &payer {
            let refused = if (4..7).contains(&day) { Some(("Patient", 500)) } else { None };
            payer.script().refused = refused.into_iter().collect();
        }
        let (hook, file) = (home.file("hook"), home.file("payersync.toml"));
        ear.answer(if day == 4 { 503 } else { 204 });
        match day {
            // Somebody spoils the file, and puts it right the next day.
            1 | 2 => {
                let text = std::fs::read_to_string(&file).unwrap();
                let text = match day {
                    1 => format!("[sync\n{text}"),
                    _ => text.strip_prefix("[sync\n").unwrap().to_owned(),
                };
                std::fs::write(file, text).unwrap();
            }
            // Somebody moves the plan's section, and puts it right the next day.
            9 | 10 => {
                let text = std::fs::read_to_string(&file).unwrap();
                let (from, to) = match day {
                    9 => ("[plans.demo]", "[plans.other]"),
                    _ => ("[plans.other]", "[plans.demo]"),
                };
                std::fs::write(file, text.replace(from, to)).unwrap();
            }
            // The webhook's file is lost for a night on which there is nothing to tell.
            12 => std::fs::rename(&hook, home.file("lost")).unwrap(),
            13 => std::fs::rename(home.file("lost"), &hook).unwrap(),
            26 => drop(payer.take()),
            _ => {}
        }
        if TIMER_IS_DEAD.contains(&day) {
            // Nobody begins: the server of the ping misses it, and whoever looks is told.
            let status = faulty.run_at(&home, &["status"], day * DAY);
            assert_eq!(status.code == 2, day > TIMER_IS_DEAD.start, "{day}: {}", status.stdout);
            pings.push(format!("{} {}", status.stdout.contains("Stale: "), ear.heard().len()));
            continue;
        }
        let ended = match day {
            14 | 15 => faulty.run_full_at(&home, &["sync"], day * DAY),
            _ => faulty.run_at(&home, &["sync"], day * DAY),
        };
        let heard = ear.heard();
        let mut hooked: Vec<String> =
            heard.iter().filter(|it| it.path.contains(SECRET)).map(|it| event(&it.body)).collect();
        // A webhook that answers 503 is asked three times.
        hooked.dedup();
        let commanded = std::fs::read_to_string(home.file("told")).unwrap_or_default();
        let _ = std::fs::remove_file(home.file("told"));
        let commanded: Vec<String> = commanded.lines().map(event).collect();
        if !hooked.is_empty() || !commanded.is_empty() {
            story.push(format!("{day}: {} / {}", hooked.join(", "), commanded.join(", ")));
        }
        let mut pinged: Vec<&str> =
            heard.iter().filter(|it| is_ping(it)).map(|it| it.path.as_str()).collect();
        pinged.dedup();
        pings.push(format!("{} {}", ended.code, pinged.join(" ")));
        for heard in &heard {
            let text = format!("{} {:?}", heard.body, heard.headers).to_lowercase();
            for private in ["john", "patient-4711", "access-", "refresh"] {
                assert!(!text.contains(private), "{private}: {text}");
            }
        }
        said += &ended.stderr;
    }
    assert_eq!(
        story,
        [
            "1: failure 1 / failure 1",
            "2: recovery 0 / recovery 0",
            // What the webhook did not take on day 4 it is told on day 5.
            "4: failure 2 / failure 2",
            "5: failure 2 / ",
            "7: recovery 0 / recovery 0",
            "9: failure 1 / failure 1",
            "10: recovery 0 / recovery 0",
            // The disk is full for two nights.
            "14: failure 5 / failure 5",
            "16: recovery 0, consent_ending / recovery 0, consent_ending",
            "23: consent_ending / consent_ending",
            "26: failure 4 / failure 4",
            "30: consent_ending / consent_ending",
            "33: failure 4 / failure 4",
        ]
    );
    let is_well = |day: usize| pings[day] == "0 /ping/start /ping/";
    let well: Vec<usize> = (0..34).filter(|day| is_well(*day)).collect();
    let bad = [1, 4, 5, 6, 9, 14, 15, 18, 19, 20];
    assert_eq!(well, (0..26).filter(|day| !bad.contains(day)).collect::<Vec<_>>(), "{pings:#?}");
    assert_eq!(pings[1], "1 /ping/start /ping/fail");
    assert_eq!(pings[18..21], ["false 0", "true 0", "true 0"], "the dead timer");
    assert!(pings[33] == "4 /ping/start /ping/fail" && pings[5].ends_with("/ping/fail"));
    assert!(said.contains("notify.webhook: the server answered with status 503"), "{said}");
    assert!(!said.contains(SECRET), "{said}");
    let kept = std::fs::read_to_string(home.file("notify.json")).unwrap();
    assert!(
        !kept.contains("john")
            && !kept.contains(&home.value::<String>("SELECT uid FROM connection"))
    );
}

#[test]
fn a_backfill_and_a_daemon_tell_it_too_and_an_unreachable_ear_changes_no_exit_code() {
    let (ear, payer) = (Ear::start(), Dictated::start());
    payer.serve("Patient", &[PATIENT]);
    let home = told_home(&payer, &ear, "");
    assert_eq!(home.run(&["sync"]).code, 0);
    drop(payer);
    let heard = || -> Vec<String> {
        let heard = ear.heard();
        heard.iter().filter(|it| !is_ping(it)).map(|it| it.body.clone()).collect()
    };
    assert!(heard().is_empty());
    let backfill = ["backfill", "john", "--from", "2026-01-01", "--to", "2026-01-31"];
    assert_eq!(home.run(&backfill).code, 4);
    let told = heard();
    assert!(told.len() == 1 && told[0].contains("\"command\":\"backfill\""), "{told:?}");
    assert!(told[0].contains("; complete as of 20"), "since when: {told:?}");
    assert_eq!(home.run(&backfill).code, 4);
    assert!(heard().is_empty(), "told twice");
    // A home that was never synced is synced when the daemon starts.
    home.warehouse().execute_batch("DELETE FROM sync_walk; DELETE FROM sync_run").unwrap();
    let mut daemon = Watched::start(&home, &["run"]);
    let mut told = Vec::new();
    assert!(daemon.until(|| {
        told.extend(heard());
        !told.is_empty()
    }));
    daemon.terminate();
    assert_eq!(daemon.end().code, 0);
    assert!(told[0].contains("\"command\":\"run\""), "{told:?}");
    drop(ear);
    let sync = home.run(&["--quiet", "sync", "--full"]);
    assert_eq!(sync.code, 4, "{}", sync.stderr);
    assert!(sync.stderr.contains("notify.ping: "), "{}", sync.stderr);
}

#[test]
fn a_test_goes_everywhere_in_each_form_and_to_no_other_origin() {
    let (ear, payer) = (Ear::start(), Dictated::start());
    let home = Home::new();
    payer.configure(&home, "");
    let refused = home.run(&["notify", "--test"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("names nobody to tell"), "{}", refused.stderr);
    for format in ["json", "ntfy", "slack"] {
        payer.configure(
            &home,
            &format!(
                "[notify]\nwebhook = {{ env = \"HOOK\" }}\nwebhook_format = \"{format}\"\n\
                 mail_to = [\"operator@example.com\"]\n\
                 sendmail = [\"/bin/sh\", \"-c\", \"cat > mail\"]\n"
            ),
        );
        let test = || {
            let mut command = home.command(&["notify", "--test"]);
            let output = command.env("HOOK", format!("{}/{SECRET}", ear.origin)).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(!said.contains(SECRET), "{said}");
            (output.status.code(), said)
        };
        ear.answer(200);
        let (code, said) = test();
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(said, "notify.webhook: delivered\nnotify.mail_to: delivered\n");
        let heard = ear.heard();
        assert_eq!(heard.len(), 1);
        let is_right = match format {
            "json" => {
                let place = home.path().file_name().unwrap().to_str().unwrap();
                event(&heard[0].body) == "test"
                    && heard[0].body.contains(&format!(", home {place}, 20"))
                    && heard[0].body.contains("\"host\":\"")
            }
            "ntfy" => {
                heard[0].headers["title"] == "payersync: a test"
                    && heard[0].headers["priority"] == "3"
                    && heard[0].body.starts_with("This is a test")
            }
            _ => heard[0].body.starts_with("{\"text\":\"*payersync: a test*\\n"),
        };
        assert!(is_right, "{heard:?}");
        let mail = std::fs::read_to_string(home.file("mail")).unwrap();
        assert!(
            mail.starts_with("To: operator@example.com\nSubject: payersync: a test\n"),
            "{mail}"
        );
        // Where the server sends it on to is asked by nobody, be it the same origin.
        ear.answer(307);
        let (code, said) = test();
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("notify.webhook: the server answered with status 307"), "{said}");
        assert_eq!(ear.heard().len(), 1);
    }
    // Without certificates nothing can be sent over HTTP. The mail goes out all the same.
    std::fs::remove_file(home.file("mail")).unwrap();
    let mut command = home.command(&["notify", "--test"]);
    for place in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env(place, "/nowhere");
    }
    let output = command.env("HOOK", format!("{}/{SECRET}", ear.origin)).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("notify.webhook: cannot set up HTTPS on this machine: "), "{said}");
    assert!(said.contains("notify.mail_to: delivered\n"), "{said}");
    assert!(ear.heard().is_empty() && home.file("mail").exists());
}
