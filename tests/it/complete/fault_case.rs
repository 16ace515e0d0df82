//! One fault in one run: what leads up to it, the run at fault, and the runs after it.

use crate::{
    complete::fault_table::{ATTEMPTS, Hits, Mend, PAGES, Phase, Row, Since, Stored},
    support::{Ended, Home, Payer, Watched, rows},
};
use payersync::{
    fhir::resource_type,
    sandbox::{Fault, Options},
};
use std::collections::{BTreeMap, BTreeSet};

/// Memory that no fault may make a run exceed, whatever the size of the answer.
const MEMORY_KIB: u64 = 400 << 10;
/// Requests of all types together, many more than a run needs.
const ALL_REQUESTS: usize = 150;
/// Clinical types that are read by reference where they are not listed.
const BY_REFERENCE: [&str; 2] = ["Medication", "PractitionerRole"];
const CLAIMS: &str = "ExplanationOfBenefit";

pub(crate) fn configure(payer: &Payer, home: &Home) {
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

pub(crate) struct Case {
    row: Row,
    phase: Phase,
    payer: Payer,
    home: Home,
    /// What the payer holds.
    truth: Truth,
    /// What it held when the run before was complete.
    before: Truth,
    /// What it held before it withdrew some of it.
    withdrawn: Truth,
    pub(crate) problems: Vec<String>,
}

impl Case {
    pub(crate) fn new(row: Row, phase: Phase) -> Case {
        let ever = row.since == Since::Ever && phase == Phase::First;
        let faults = if ever { vec![row.fault] } else { Vec::new() };
        // Large enough to be refused, small enough to be made quickly.
        let gzip_bomb_bytes = 64 << 20;
        let payer = Payer::start(Options { faults, gzip_bomb_bytes, ..Options::plain() });
        let home = Home::new();
        configure(&payer, &home);
        payer.connect(&home, "john", 0);
        let truth = truth_of(&payer);
        let (before, withdrawn) = (Truth::new(), Truth::new());
        Case { row, phase, payer, home, truth, before, withdrawn, problems: Vec::new() }
    }

    /// What came before the run at fault.
    fn lead_up(&mut self) {
        match self.phase {
            Phase::First => {}
            Phase::Second | Phase::Full => {
                let healthy = self.sync(&["sync"]);
                self.expect(healthy.code == 0, || format!("healthy run: {}", healthy.code));
                let ids: Vec<String> =
                    self.payer.resources(0, CLAIMS).iter().map(|text| id_of(text)).collect();
                // The other content that a shrunken account has is less content.
                for id in ids.iter().filter(|_| self.row.fault != Fault::Shrink) {
                    assert!(self.payer.amend(0, CLAIMS, id), "{id}");
                }
                self.before = std::mem::replace(&mut self.truth, truth_of(&self.payer));
            }
            Phase::Resumed => {
                self.payer.set_faults(vec![Fault::Permanent400]);
                let cut_short = self.sync(&["sync"]);
                self.expect(cut_short.code == 2, || format!("first half: {}", cut_short.code));
                let half: i64 = self.home.value(
                    "SELECT count(*) FROM resource WHERE resource_type = 'ExplanationOfBenefit'",
                );
                self.expect(half == 20, || format!("the first half is {half}"));
            }
        }
        if self.row.since == Since::Ever && self.phase != Phase::First {
            self.payer.set_faults(vec![self.row.fault]);
            self.payer.connect(&self.home, "john", 0);
        }
        if self.row.since == Since::Expiry {
            self.payer.expire_access_tokens();
        }
    }

    fn expect(&mut self, is_so: bool, otherwise: impl FnOnce() -> String) {
        if !is_so {
            let problem: String = otherwise().chars().take(600).collect();
            self.problems.push(format!("{}: {problem}", self.row.fault));
        }
    }

    pub(crate) fn run(&mut self) -> String {
        let at_fault = self.at_fault();
        if self.row.since == Since::Cursor {
            self.once_more_at_fault();
        }
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
        if self.phase == Phase::First {
            let again = self.sync(&["sync"]);
            self.expect(again.code == 0, || format!("third run: {}", again.code));
            self.check_nothing_written("third");
        }
        format!("{at_fault} {} |", if mended.code == 0 { "complete" } else { "**not complete**" })
    }

    /// The run at fault; one line of the table.
    fn at_fault(&mut self) -> String {
        let row = self.row;
        self.lead_up();
        let is_full = row.fault == Fault::Shrink || self.phase == Phase::Full;
        let command: &[&str] = if is_full { &["sync", "--full"] } else { &["sync"] };
        self.payer.set_faults(vec![row.fault]);
        self.payer.clear_requests();
        let ended = self.sync(command);
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
        self.check_ledger("faulty", row.hits, &[row.state, row.reason]);
        if row.stored == Stored::OneWithdrawn {
            let now = truth_of(&self.payer);
            self.withdrawn = std::mem::replace(&mut self.truth, now);
            self.withdrawn.retain(|key, _| !self.truth.contains_key(key));
            self.expect(self.withdrawn.len() == 1, || "nothing was withdrawn".to_owned());
        }
        let at_fault = self.truth_at_fault();
        let healthy = std::mem::replace(&mut self.truth, at_fault);
        self.check_stored("faulty", ended.code);
        self.truth = healthy;
        if row.exit == 0 && row.hits == Hits::Nothing && self.phase == Phase::First {
            let again = self.sync(command);
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

    /// Another run at fault, which gives a dead cursor up.
    fn once_more_at_fault(&mut self) {
        self.payer.clear_requests();
        let again = self.sync(&["sync"]);
        let requests = self.payer.requests();
        let claims = requests.iter().filter(|asked| asked.path.ends_with(CLAIMS)).count();
        self.expect(again.code == 0, || {
            format!("once more at fault: {}: {}", again.code, last_words(&again))
        });
        let most = self.row.requests + PAGES;
        self.expect(claims <= most, || format!("once more at fault: {claims} requests for claims"));
        self.check_ledger("second faulty", Hits::Nothing, &[]);
        self.check_stored("second faulty", 0);
    }

    fn sync(&self, arguments: &[&str]) -> Ended {
        Watched::start(&self.home, arguments).end()
    }

    /// The affected types are in the ledger as they must be, and no other is affected.
    fn check_ledger(&mut self, run: &str, hits: Hits, affected: &[&str]) {
        let served: BTreeSet<&str> = self.payer.types().into_iter().collect();
        let mut seen = BTreeSet::new();
        // Each connection reads the schema of all tables anew.
        let warehouse = self.home.warehouse();
        for entry in rows(&warehouse, "SELECT resource_type, state, reason FROM completeness") {
            let (name, found) = (entry[0].as_str(), &entry[1..]);
            let expected: &[&str] = if !served.contains(name) {
                &["not_served", "not_declared"]
            } else if self.is_hit(hits, name) {
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
        let open = "SELECT count(*) FROM rejected_resource WHERE resolved_at IS NULL";
        let rejects: i64 = warehouse.query_row(open, [], |row| row.get(0)).unwrap();
        let expected = if run == "faulty" { self.row.rejects } else { 0 };
        self.expect(rejects == expected, || format!("{run} run: {rejects} rejects"));
    }

    /// What is stored is true; where the ledger says complete it is all; what is missing shows in
    /// the exit code.
    fn check_stored(&mut self, run: &str, code: i32) {
        let warehouse = self.home.warehouse();
        let alive =
            "SELECT resource_type, resource_id, json FROM resource WHERE deleted_at IS NULL";
        let stored: Truth = rows(&warehouse, alive)
            .into_iter()
            .map(|mut row| ((row.remove(0), row.remove(0)), row.remove(0)))
            .collect();
        let how = match (run, self.row.stored) {
            // Content that differs only in what is not compared stays as it came.
            ("faulty", how) | (_, how @ Stored::OtherMeta) => how,
            _ => Stored::Same,
        };
        let types = |so: &str| -> BTreeSet<String> {
            let types = format!("SELECT resource_type FROM completeness WHERE {so}");
            rows(&warehouse, &types).concat().into_iter().collect()
        };
        let complete = types("state = 'complete' AND mode <> 'reference'");
        let same = |truth: Option<&String>, json: &String| match truth {
            None => false,
            Some(text) if how == Stored::OtherMeta => without_meta(text) == without_meta(json),
            Some(text) => text == json,
        };
        // What is as it was before the latest change, where the ledger says complete, is short of it.
        let (mut others, mut stale) = (0, 0);
        for (key, json) in &stored {
            let is_unnoticed = self.phase == Phase::Second && self.withdrawn.contains_key(key);
            if same(self.truth.get(key), json) || is_unnoticed {
                continue;
            }
            let was = same(self.before.get(key), json);
            if was && complete.contains(&key.0) {
                stale += 1;
            } else if !was && self.truth.contains_key(key) && key.0 == CLAIMS {
                others += 1;
            } else {
                self.expect(was, || format!("{run} run: {key:?} is not as the payer has it"));
            }
        }
        let expected = usize::from(how == Stored::OneOther);
        self.expect(others == expected, || format!("{run} run: {others} claims differ"));
        let gone: Vec<_> =
            self.truth.keys().filter(|key| !stored.contains_key(*key)).cloned().collect();
        let short = stale + gone.iter().filter(|key| complete.contains(&key.0)).count();
        let expected = usize::from(how == Stored::OneRejected);
        self.expect(short == expected, || format!("{run} run: {short} missing where complete"));
        let told = code != 0 || matches!(self.row.state, "not_served" | "skipped");
        // What nobody names cannot be read by reference, and the ledger's mode says so.
        let by_reference = types("mode = 'reference'");
        let gone: Vec<_> = gone.iter().filter(|key| !by_reference.contains(&key.0)).collect();
        self.expect(gone.is_empty() || told, || format!("{run} run is silently short: {gone:?}"));
    }

    fn is_hit(&self, hits: Hits, name: &str) -> bool {
        let is_required = || resource_type(name).is_some_and(|known| known.required);
        match hits {
            Hits::Nothing => false,
            Hits::Only(hit) => hit == name,
            Hits::These(hits) => hits.contains(&name),
            Hits::Clinical => !is_required(),
            Hits::ClinicalListed => !BY_REFERENCE.contains(&name) && !is_required(),
            Hits::AllBut(spared) => !spared.contains(&name),
            Hits::OfAtLeast(count) => self.payer.resources(0, name).len() >= count,
        }
    }

    /// What the payer holds while it is at fault.
    fn truth_at_fault(&self) -> Truth {
        let mut truth = self.truth.clone();
        if self.row.stored == Stored::FewLost {
            for name in self.payer.types() {
                let is_spared = !self.is_hit(self.row.hits, name);
                for lost in self.payer.resources(0, name).iter().skip(1).filter(|_| is_spared) {
                    truth.remove(&(name.to_owned(), id_of(lost)));
                }
            }
        }
        truth
    }

    fn check_nothing_written(&mut self, run: &str) {
        let written: i64 = self.home.value(
            "SELECT sum(rows_written + resources_new + resources_changed + resources_deleted)
             FROM sync_walk WHERE run_id = (SELECT max(id) FROM sync_run)",
        );
        self.expect(written == 0, || format!("{run} run wrote {written}"));
    }
}

fn truth_of(payer: &Payer) -> Truth {
    let of_type = |name: &'static str| {
        let texts = payer.resources(0, name);
        texts.into_iter().map(move |text| ((name.to_owned(), id_of(&text)), text))
    };
    payer.types().into_iter().flat_map(of_type).collect()
}

/// The last lines are what a person is told.
fn last_words(ended: &Ended) -> String {
    let mut lines: Vec<&str> = ended.stderr.lines().rev().take(3).collect();
    lines.reverse();
    lines.join(" / ")
}

fn words(hits: Hits) -> String {
    match hits {
        Hits::Nothing => "nothing".to_owned(),
        Hits::Only(name) => name.to_owned(),
        Hits::These(names) => names.join(", "),
        Hits::Clinical | Hits::ClinicalListed => "clinical types".to_owned(),
        Hits::AllBut([]) => "all types".to_owned(),
        Hits::AllBut(spared) => format!("all but {}", spared.join(", ")),
        Hits::OfAtLeast(count) => format!("types of at least {count} resources"),
    }
}

fn id_of(text: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Resource {
        id: String,
    }
    serde_json::from_str::<Resource>(text).unwrap().id
}

fn without_meta(text: &str) -> serde_json::Value {
    let mut resource: serde_json::Value = serde_json::from_str(text).unwrap();
    if let Some(meta) = resource["meta"].as_object_mut() {
        meta.remove("versionId");
        meta.remove("lastUpdated");
    }
    resource
}
