//! Every fault that the sandbox knows, through the real binary: the right exit code, the right
//! ledger row, nothing silently short, no request to another origin, no hang; and once the payer
//! is well again the next run makes everything complete.

use crate::{
    fault_table::{ATTEMPTS, Hits, Mend, Row, Since, Stored, TABLE},
    support::{Ended, Home, Payer, Watched},
};
use payersync::{
    fhir::resource_type,
    sandbox::{Fault, Options},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Memory that no fault may make a run exceed, whatever the size of the answer.
const MEMORY_KIB: u64 = 400 << 10;
/// Requests of all types together, many more than a run needs.
const ALL_REQUESTS: usize = 150;
/// Clinical types that are read by reference where they are not listed.
const BY_REFERENCE: [&str; 2] = ["Medication", "PractitionerRole"];
/// Cases at the same time: most of them wait.
const THREADS: usize = 6;

#[test]
fn every_fault_has_one_row() {
    for fault in Fault::ALL {
        let rows = TABLE.iter().filter(|row| row.fault == *fault).count();
        assert_eq!(rows, 1, "{fault}");
    }
    assert_eq!(TABLE.len(), Fault::ALL.len());
}

#[test]
fn every_fault_comes_to_what_the_table_says() {
    let next = AtomicUsize::new(0);
    let told = Mutex::new(BTreeMap::new());
    let problems = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(row) = TABLE.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Ok((line, mut found)) = std::panic::catch_unwind(|| {
                        let mut case = Case::new(row);
                        (case.run(), case.problems)
                    }) else {
                        problems.lock().unwrap().push(format!("{}: panicked", row.fault));
                        continue;
                    };
                    told.lock()
                        .unwrap()
                        .insert(TABLE.iter().position(|r| r.fault == row.fault), line);
                    problems.lock().unwrap().append(&mut found);
                }
            });
        }
    });
    eprintln!("| fault | exit | ledger | requests for claims (all) | tokens | next run |");
    eprintln!("|---|---|---|---|---|---|");
    for line in told.into_inner().unwrap().values() {
        eprintln!("{line}");
    }
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn a_payer_that_is_not_there_is_unreachable_and_a_matter_of_exit_code_four() {
    let payer = Payer::start(Options::default());
    let home = Home::new();
    configure(&payer, &home);
    payer.connect(&home, "john", 0);
    drop(payer);
    let ended = Watched::start(&home, &["sync"]).end();
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    let states = home.rows("SELECT DISTINCT state, reason FROM completeness");
    assert_eq!(states, [["incomplete", "unreachable"]]);
    assert_eq!(Watched::start(&home, &["status"]).end().code, 4);
}

#[test]
fn an_expired_token_without_a_refresh_token_needs_a_new_consent() {
    let faults = vec![Fault::NoRefreshToken];
    let payer = Payer::start(Options { faults, ..Options::default() });
    let home = payer.connected_home();
    assert_eq!(Watched::start(&home, &["sync"]).end().code, 0);
    payer.expire_access_tokens();
    let ended = Watched::start(&home, &["sync"]).end();
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stderr.contains("payersync connect john"), "{}", ended.stderr);
    payer.connect(&home, "john", 0);
    assert_eq!(Watched::start(&home, &["sync"]).end().code, 0);
}

#[test]
fn a_grant_that_the_plan_revoked_needs_a_new_consent() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    payer.expire_access_tokens();
    payer.revoke_grants();
    let ended = Watched::start(&home, &["sync"]).end();
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let states =
        home.rows("SELECT DISTINCT state, reason FROM completeness WHERE state != 'not_served'");
    assert_eq!(states, [["incomplete", "consent_needed"]]);
}

fn configure(payer: &Payer, home: &Home) {
    payer.configure(home, "");
    let file = home.file("payersync.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let bounds = format!("[http]\nmax_attempts = {ATTEMPTS}\nmax_body_mebibytes = 4\n");
    std::fs::write(
        file,
        text.replacen("[http]\n", &bounds, 1)
            .replace("read_timeout_seconds = 2", "read_timeout_seconds = 3"),
    )
    .unwrap();
}

type Truth = BTreeMap<(String, String), String>;

struct Case {
    row: &'static Row,
    payer: Payer,
    home: Home,
    truth: Truth,
    problems: Vec<String>,
}

impl Case {
    fn new(row: &'static Row) -> Case {
        let ever = row.since == Since::Ever;
        let faults = if ever { vec![row.fault] } else { Vec::new() };
        // Large enough to be refused, small enough to be made quickly.
        let gzip_bomb_bytes = 64 << 20;
        let payer = Payer::start(Options { faults, gzip_bomb_bytes, ..Options::default() });
        let home = Home::new();
        configure(&payer, &home);
        payer.connect(&home, "john", 0);
        let truth = payer.types().into_iter().flat_map(|name| {
            let texts = payer.resources(0, name);
            texts.into_iter().map(move |text| ((name.to_owned(), id_of(&text)), text))
        });
        let truth = truth.collect();
        Case { row, payer, home, truth, problems: Vec::new() }
    }

    fn expect(&mut self, is_so: bool, otherwise: impl FnOnce() -> String) {
        if !is_so {
            let problem: String = otherwise().chars().take(600).collect();
            self.problems.push(format!("{}: {problem}", self.row.fault));
        }
    }

    fn run(&mut self) -> String {
        let at_fault = self.at_fault();
        self.payer.set_faults(Vec::new());
        if self.row.mend == Mend::Connect {
            self.payer.connect(&self.home, "john", 0);
        }
        let mended = self.sync(&["sync"]);
        self.expect(mended.code == 0, || {
            format!("mended run: {}: {}", mended.code, last_words(&mended))
        });
        self.check_ledger("mended", Hits::Nothing, &[]);
        self.check_stored("mended", 0);
        let again = self.sync(&["sync"]);
        self.expect(again.code == 0, || format!("third run: {}", again.code));
        self.check_nothing_written("third");
        format!("{at_fault} {} |", if mended.code == 0 { "complete" } else { "**not complete**" })
    }

    /// The run at fault; one line of the table.
    fn at_fault(&mut self) -> String {
        let row = self.row;
        let mut command = vec!["sync"];
        if row.since == Since::SecondNight {
            let healthy = self.sync(&command);
            self.expect(healthy.code == 0, || format!("healthy run: {}", healthy.code));
            if row.fault == Fault::Shrink {
                command.push("--full");
            }
        }
        if row.since == Since::Expiry {
            self.payer.expire_access_tokens();
        }
        self.payer.set_faults(vec![row.fault]);
        self.payer.clear_requests();
        let ended = self.sync(&command);
        let requests = self.payer.requests();
        let to = |what: &str| requests.iter().filter(|asked| asked.path.ends_with(what)).count();
        let (claims, tokens) = (to("/ExplanationOfBenefit"), to("/oauth2/token"));
        self.expect(ended.code == row.exit, || {
            format!("exit {} instead of {}: {}", ended.code, row.exit, last_words(&ended))
        });
        self.expect(claims <= row.requests, || format!("{claims} requests for claims"));
        self.expect(requests.len() <= ALL_REQUESTS, || format!("{} requests", requests.len()));
        let foreign = self.payer.foreign_requests();
        self.expect(foreign == (0, 0), || format!("{foreign:?} requests to the other origin"));
        self.expect(ended.peak_kib <= MEMORY_KIB, || format!("{} KiB", ended.peak_kib));
        self.check_ledger("first", row.hits, &[row.state, row.reason]);
        self.check_stored("first", ended.code);
        if row.exit == 0 && row.hits == Hits::Nothing {
            let again = self.sync(&command);
            self.expect(again.code == 0, || {
                format!("again at fault: {}: {}", again.code, last_words(&again))
            });
            self.check_nothing_written("again at fault");
        }
        let told = if row.hits == Hits::Nothing && row.rejects == 0 {
            "complete".to_owned()
        } else if row.hits == Hits::Nothing {
            format!("complete, {} rejected", row.rejects)
        } else {
            format!("{} {}: {}", words(row.hits), row.state, row.reason)
        };
        format!(
            "| {} | {} | {told} | {claims} ({}) | {tokens} |",
            row.fault,
            ended.code,
            requests.len()
        )
    }

    fn sync(&self, arguments: &[&str]) -> Ended {
        Watched::start(&self.home, arguments).end()
    }

    /// The affected types are in the ledger as they must be, and no other is affected.
    fn check_ledger(&mut self, run: &str, hits: Hits, affected: &[&str]) {
        let served: BTreeSet<&str> = self.payer.types().into_iter().collect();
        let mut seen = BTreeSet::new();
        for entry in self.home.rows("SELECT resource_type, state, reason FROM completeness") {
            let (name, found) = (entry[0].as_str(), &entry[1..]);
            let expected: &[&str] = if !served.contains(name) {
                &["not_served", "not_declared"]
            } else if is_hit(hits, name) {
                affected
            } else {
                &["complete", ""]
            };
            seen.insert(name.to_owned());
            // What is read by reference depends on which of its ids others name.
            let free = hits == Hits::ClinicalListed && BY_REFERENCE.contains(&name);
            self.expect(free || found == expected, || format!("{run} run: {name} is {found:?}"));
        }
        let missing: Vec<_> = served.iter().filter(|name| !seen.contains(**name)).collect();
        self.expect(missing.is_empty(), || format!("{run} run: no row for {missing:?}"));
        let rejects: i64 =
            self.home.value("SELECT count(*) FROM rejected_resource WHERE resolved_at IS NULL");
        let expected = if run == "first" { self.row.rejects } else { 0 };
        self.expect(rejects == expected, || format!("{run} run: {rejects} rejects"));
    }

    /// What is stored is true; where the ledger says complete it is all; what is missing shows in
    /// the exit code.
    fn check_stored(&mut self, run: &str, code: i32) {
        let stored: Truth = self
            .home
            .rows("SELECT resource_type, resource_id, json FROM resource WHERE deleted_at IS NULL")
            .into_iter()
            .map(|mut row| ((row.remove(0), row.remove(0)), row.remove(0)))
            .collect();
        let how = match (run, self.row.stored) {
            // Content that differs only in what is not compared stays as it came.
            ("first", how) | (_, how @ Stored::OtherMeta) => how,
            _ => Stored::Same,
        };
        let mut others = 0;
        for (key, json) in &stored {
            let same = match self.truth.get(key) {
                None => false,
                Some(text) if how == Stored::OtherMeta => without_meta(text) == without_meta(json),
                Some(text) => text == json,
            };
            if !same && self.truth.contains_key(key) && key.0 == "ExplanationOfBenefit" {
                others += 1;
            } else {
                self.expect(same, || format!("{run} run: {key:?} is not as the payer has it"));
            }
        }
        let expected = usize::from(how == Stored::OneOther);
        self.expect(others == expected, || format!("{run} run: {others} claims differ"));
        let complete: BTreeSet<String> = self
            .home
            .rows("SELECT resource_type FROM completeness WHERE state = 'complete' AND mode <> 'reference'")
            .concat()
            .into_iter()
            .collect();
        let gone: Vec<_> =
            self.truth.keys().filter(|key| !stored.contains_key(*key)).cloned().collect();
        let short = gone.iter().filter(|key| complete.contains(&key.0)).count();
        let expected = usize::from(how == Stored::OneRejected);
        self.expect(short == expected, || format!("{run} run: {short} missing where complete"));
        let told = code != 0 || matches!(self.row.state, "not_served" | "skipped");
        // What nobody names cannot be read by reference, and the ledger's mode says so.
        let by_reference: BTreeSet<String> = self
            .home
            .rows("SELECT resource_type FROM completeness WHERE mode = 'reference'")
            .concat()
            .into_iter()
            .collect();
        let gone: Vec<_> = gone.iter().filter(|key| !by_reference.contains(&key.0)).collect();
        self.expect(gone.is_empty() || told, || format!("{run} run is silently short: {gone:?}"));
    }

    fn check_nothing_written(&mut self, run: &str) {
        let written: i64 = self.home.value(
            "SELECT sum(rows_written + resources_new + resources_changed + resources_deleted)
             FROM sync_walk WHERE run_id = (SELECT max(id) FROM sync_run)",
        );
        self.expect(written == 0, || format!("{run} run wrote {written}"));
    }
}

/// The last lines are what a person is told.
fn last_words(ended: &Ended) -> String {
    let mut lines: Vec<&str> = ended.stderr.lines().rev().take(3).collect();
    lines.reverse();
    lines.join(" / ")
}

fn is_hit(hits: Hits, name: &str) -> bool {
    match hits {
        Hits::Nothing => false,
        Hits::Only(hit) => hit == name,
        Hits::Clinical => !resource_type(name).is_some_and(|known| known.required),
        Hits::ClinicalListed => {
            !BY_REFERENCE.contains(&name)
                && !resource_type(name).is_some_and(|known| known.required)
        }
        Hits::AllBut(spared) => !spared.contains(&name),
    }
}

fn words(hits: Hits) -> String {
    match hits {
        Hits::Nothing => "nothing".to_owned(),
        Hits::Only(name) => name.to_owned(),
        Hits::Clinical | Hits::ClinicalListed => "clinical types".to_owned(),
        Hits::AllBut([]) => "all types".to_owned(),
        Hits::AllBut(spared) => format!("all but {}", spared.join(", ")),
    }
}

fn id_of(text: &str) -> String {
    let resource: serde_json::Value = serde_json::from_str(text).unwrap();
    resource["id"].as_str().unwrap().to_owned()
}

fn without_meta(text: &str) -> serde_json::Value {
    let mut resource: serde_json::Value = serde_json::from_str(text).unwrap();
    if let Some(meta) = resource["meta"].as_object_mut() {
        meta.remove("versionId");
        meta.remove("lastUpdated");
    }
    resource
}
