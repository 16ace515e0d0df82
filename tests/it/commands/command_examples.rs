//! The examples of every command's help, run as they stand there.
#![cfg(unix)]

use crate::{
    commands::docs::command_pages::examples,
    support::{Home, Outcome, Payer, bash},
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};
use url::Url;

/// Commands that end only when they are told to, and what they say when they are ready.
const ENDLESS: [(&str, &str); 2] = [("run", "Running for "), ("sandbox", "is up")];

/// What stands around the examples: a payer, a home with a connection `mary`, files to work on.
pub(crate) struct Stage {
    pub(crate) payer: Payer,
    pub(crate) home: Home,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        let payer = Payer::small();
        let home = Home::new();
        let epic = format!(
            "redirect_url = \"http://127.0.0.1:0/callback\"\nconsent_days = 90\n[plans.epic]\nfhir_url = {:?}\n\
             authorize_url = {:?}\ntoken_url = {:?}\nclient_id = \"c\"\ntoken_auth = \"private_key_jwt\"\n\
             client_key_file = \"epic.pem\"\n[notify]\ncommand = [\"true\"]\n",
            payer.fhir_url(),
            payer.authorize_url(),
            payer.token_url()
        );
        payer.configure(&home, &epic);
        payer.connect(&home, "mary", 0);
        home.succeed(&["sync"], "a consent");
        home.succeed(&["jwks", "epic", "--new"], "a sync");
        Stage { payer, home }
    }

    /// Runs a command's examples in a home of their own.
    fn run(&self, name: &str, script: &str) -> Outcome {
        let home = self.home.copy();
        let work = tempfile::tempdir().unwrap();
        furnish(work.path());
        let mut programs = Vec::new();
        match name {
            "init" => fs::remove_file(home.file("payersync.toml")).unwrap(),
            "move" => {
                let other = work.path().join("other-home");
                fs::create_dir(&other).unwrap();
                fs::set_permissions(&other, fs::Permissions::from_mode(0o700)).unwrap();
                for file in ["payersync.toml", "demo.secret", "epic.pem"] {
                    fs::copy(home.file(file), other.join(file)).unwrap();
                }
            }
            "jwks" => fs::remove_file(home.file("epic.pem")).unwrap(),
            "restore" => {
                let script = &examples().into_iter().find(|(name, _)| name == "backup").unwrap().1;
                let more = format!("{script}\nmv warehouse-*.db warehouse.db");
                let outcome = self.play(&home, work.path(), &more, &[]);
                assert_eq!(outcome.code, 0, "{}", outcome.stderr);
                if cfg!(feature = "encryption") {
                    for folder in ["restored", "from-age"] {
                        keep_key(&home, &work.path().join(folder));
                    }
                }
            }
            _ => {
                let ready = ENDLESS.iter().find(|(endless, _)| *endless == name);
                programs.extend(ready.map(|(_, ready)| ("payersync", stopped_when_ready(ready))));
            }
        }
        // A demo has a home of its own.
        let before = if name == "demo" { "unset PAYERSYNC_HOME\n" } else { "" };
        self.play(&home, work.path(), &format!("{before}{script}"), &programs)
    }

    /// Runs a script where a browser opens the consent page and the member consents.
    ///
    /// `programs` are found before those of the machine: name and script of each.
    pub(crate) fn play(
        &self,
        home: &Home,
        work: &Path,
        script: &str,
        programs: &[(&str, String)],
    ) -> Outcome {
        let tools = tempfile::tempdir().unwrap();
        programs.iter().for_each(|(name, script)| put_program(tools.path(), name, script));
        let note = tools.path().join("page");
        let browser = format!("echo \"$1\" > {0}.new && mv {0}.new {0}", note.display());
        put_program(tools.path(), "xdg-open", &browser);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| self.browse(&note, &is_over));
            let outcome = bash(script, work, home.path(), &[tools.path().to_owned()]);
            is_over.store(true, Ordering::Relaxed);
            outcome
        })
    }

    /// The member at the browser: opens the page that was noted, and consents.
    fn browse(&self, note: &Path, is_over: &AtomicBool) {
        while !note.exists() {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(20));
        }
        let start = fs::read_to_string(note).unwrap();
        // `report --open` opens the page that it has written.
        if let Some(file) = start.trim().strip_prefix("file://") {
            assert!(Path::new(file).exists(), "{file}");
            return;
        }
        let consent = led_on(start.trim()).expect("the start page leads on");
        led_on(&self.payer.consent(&consent, 0));
    }
}

/// Gives a home the key that opens the encrypted backups of another.
fn keep_key(home: &Home, folder: &Path) {
    fs::create_dir(folder).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    fs::copy(home.file("vault.key"), folder.join("vault.key")).unwrap();
}

/// Where an answer leads, if it does.
fn led_on(url: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let policy = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder().redirect(policy).build().unwrap();
        let answer = client.get(url).send().await.unwrap();
        answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned())
    })
}

/// The files that examples name.
fn furnish(work: &Path) {
    let patient = r#"{"resourceType": "Patient", "id": "p1", "gender": "female"}"#;
    let bundle = format!(
        r#"{{"resourceType": "Bundle", "type": "collection", "entry": [{{"resource": {patient}}}]}}"#
    );
    fs::write(work.join("portal-download.json"), bundle).unwrap();
    fs::write(work.join("resources.ndjson"), format!("{patient}\n")).unwrap();
    let order = format!("00001 A00     0 {:<60} Cholera\n", "Cholera");
    fs::write(work.join("icd10cm-order-2026.txt"), order).unwrap();
    fs::copy("config/views/patient.json", work.join("my_table.json")).unwrap();
}

fn put_program(folder: &Path, name: &str, script: &str) {
    let path: PathBuf = folder.join(name);
    fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
}

/// In payersync's place: payersync, asked to stop as soon as it says that it is ready.
fn stopped_when_ready(ready: &str) -> String {
    format!(
        ": > said; {} \"$@\" > said 2>&1 & pid=$!
         for ((i = 0; i < 1200; i++)); do grep -q '{ready}' said && break; kill -0 $pid 2>&- || break; sleep 0.05; done
         kill -TERM $pid 2>&-; wait $pid; code=$?; cat said; exit $code",
        env!("CARGO_BIN_EXE_payersync")
    )
}

#[test]
fn every_example_of_every_command_runs_as_it_stands() {
    let stage = Stage::new();
    let mut examples = examples();
    // Other builds say how to get lakes.
    examples.retain(|(name, _)| cfg!(feature = "lake") || !name.starts_with("lake"));
    assert!(examples.len() >= 26, "{}", examples.len());
    let next = AtomicUsize::new(0);
    let failures = || {
        let mut failures = Vec::new();
        while let Some((name, script)) = examples.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Outcome { code, stdout, stderr } = stage.run(name, script);
            // A command that says nothing has not been tried; its data may go to a file.
            let is_silent = stdout.is_empty() && stderr.is_empty() && !script.contains('>');
            if code != 0 || is_silent {
                let end = stdout.ceil_char_boundary(stdout.len().saturating_sub(1000));
                failures.push(format!("{name}: {code}\n{}\n{stderr}", &stdout[end..]));
            }
        }
        failures
    };
    let failed = thread::scope(|scope| {
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(failures)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
