//! Each platform that the payer plays, with the preset that is made for it: the whole job, by real
//! processes.
#![cfg(unix)]

use crate::support::Home;
use payersync::sandbox::{Like, Options, Sandbox};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};
use tokio::net::TcpListener;

/// Cells that are not what they should be, each with the reason: platform, what is explained, why.
const EXPLAINED: [(&str, &str, &str); 0] = [];

/// Types of which a plan sends only what the member's own resources name.
const NAMED_ALONE: [&str; 7] = [
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Location",
    "Medication",
    "InsurancePlan",
    "MedicationKnowledge",
];

/// What the demo calls the payer.
const NAMED_ORIGIN: &str = "https://api.sandbox.example";

/// Type and id, and the text as the payer sends it.
type Resources = BTreeMap<(String, String), String>;

/// Claims of each member: enough for several pages.
fn claims(like: Like) -> u32 {
    if like.name() == "bluebutton" { 60 } else { 12 }
}

/// A demo that stays up; gone with the test.
struct Up(Child);

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a demo came to.
struct Played {
    /// Resources held, of those that the members have.
    held: usize,
    has: usize,
    missing: BTreeSet<String>,
    codes: [i32; 2],
    /// Rows that the second run wrote.
    rewritten: i64,
    /// Resources that are not of the connection's member.
    foreign: BTreeSet<String>,
    rejects: i64,
    /// The last words of each run.
    said: Vec<String>,
}

impl Played {
    /// All that a reader needs to find out why a cell is wrong.
    fn told(&self) -> String {
        let Played { missing, foreign, codes, said, .. } = self;
        format!("missing {missing:?}, foreign {foreign:?}, codes {codes:?}, {said:?}")
    }
}

/// What each member has at the platform, and beyond that what it may be sent.
async fn members(like: Like) -> Vec<(Resources, Resources)> {
    let options = Options {
        like,
        members: 2,
        claims_per_member: claims(like),
        named_origin: Some(NAMED_ORIGIN.to_owned()),
        ..Options::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let payer = Sandbox::start(listener, options).await.unwrap();
    (0..2).map(|member| of_member(&payer, member)).collect()
}

fn of_member(payer: &Sandbox, member: u32) -> (Resources, Resources) {
    let types = payer.types();
    let (mut has, mut may) = (Resources::new(), Resources::new());
    for name in &types {
        for text in payer.resources(member, name) {
            let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
            let key = ((*name).to_owned(), parsed["id"].as_str().unwrap().to_owned());
            // What a resource tells of another one is not sent where the other one is not.
            let target = parsed["target"][0]["reference"]
                .as_str()
                .map(|target| target.split('/').next().unwrap().to_owned());
            let is_lost = target.is_some_and(|target| !types.contains(&target.as_str()));
            match NAMED_ALONE.contains(name) || is_lost {
                true => may.insert(key, text),
                false => has.insert(key, text),
            };
        }
    }
    // Three steps: as far as references are followed.
    for _ in 0..3 {
        let named: Vec<(String, String)> = may
            .keys()
            .filter(|(name, id)| {
                let bare = format!("{name}/{id}\"");
                let versioned = format!("{name}/{id}/_history/");
                NAMED_ALONE.contains(&name.as_str())
                    && has.values().any(|text| text.contains(&bare) || text.contains(&versioned))
            })
            .cloned()
            .collect();
        for key in named {
            let text = may.remove(&key).unwrap();
            has.insert(key, text);
        }
    }
    (has, may)
}

/// Runs the demo, and a sync after it.
fn play(like: Like) -> Played {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let members = runtime.block_on(members(like));
    let home = Home::new();
    let told = home.file("told");
    let claims = claims(like).to_string();
    let arguments =
        ["demo", "--keep", "--members", "2", "--claims", &claims, "--like", like.name()];
    let mut command = home.command(&arguments);
    command.stdout(Stdio::null()).stderr(fs::File::create(&told).unwrap());
    let mut up = Up(command.spawn().unwrap());
    let said = || fs::read_to_string(&told).unwrap();
    while !said().contains("In another terminal:\n") {
        if let Some(status) = up.0.try_wait().unwrap() {
            panic!("{}: {status}: {}", like.name(), said());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let again = home.run(&["sync"]);
    let kill = format!("kill -s TERM {}", up.0.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let first = up.0.wait().unwrap().code().unwrap();
    let mut result = Played {
        held: 0,
        has: 0,
        missing: BTreeSet::new(),
        codes: [first, again.code],
        rewritten: home.value(
            "SELECT sum(resources_new + resources_changed + resources_deleted + rows_written)
             FROM sync_walk WHERE run_id = (SELECT max(id) FROM sync_run)",
        ),
        foreign: BTreeSet::new(),
        rejects: home.value("SELECT count(*) FROM rejected_resource"),
        said: [said(), again.stderr].iter().map(|said| last_words(said)).collect(),
    };
    for (number, (has, may)) in members.iter().enumerate() {
        let held = held(&home, number);
        result.has += has.len();
        for (key, text) in has {
            match held.get(key) == Some(text) {
                true => result.held += 1,
                false => {
                    result.missing.insert(format!("{}/{}", key.0, key.1));
                }
            }
        }
        // Providers belong to nobody: those that the member's resources name may stand there, too.
        let is_named = |(name, id): &(String, String)| {
            let reference = format!("{name}/{id}\"");
            NAMED_ALONE.contains(&name.as_str())
                && held.values().any(|text| text.contains(&reference))
        };
        let is_own = |key: &(String, String), text: &String| {
            has.get(key).or(may.get(key)) == Some(text) || is_named(key)
        };
        let foreign = held.iter().filter(|(key, text)| !is_own(key, text));
        result.foreign.extend(foreign.map(|((name, id), _)| format!("{name}/{id}")));
    }
    result
}

/// The summary of a run.
fn last_words(said: &str) -> String {
    let is_summary = |line: &&str| line.contains(" connections, ");
    said.lines().rev().find(is_summary).unwrap_or(said).to_owned()
}

/// What is stored of the member of a number.
fn held(home: &Home, number: usize) -> Resources {
    let sql = format!(
        "SELECT resource_type, resource_id, json FROM resource WHERE deleted_at IS NULL
         AND connection_id = (SELECT id FROM connection ORDER BY id LIMIT 1 OFFSET {number})"
    );
    let warehouse = home.warehouse();
    let mut statement = warehouse.prepare(&sql).unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        let json: String = match row.get_ref(2)? {
            rusqlite::types::ValueRef::Blob(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            _ => row.get(2)?,
        };
        Ok(((row.get(0)?, row.get(1)?), json))
    };
    statement.query_map([], row).unwrap().map(|row| row.unwrap()).collect()
}

fn is_explained(like: Like, what: &str) -> bool {
    EXPLAINED.iter().any(|(name, cell, _)| *name == like.name() && *cell == what)
}

/// `PAYERSYNC_BLESS=1` writes the page.
#[test]
fn each_platform_with_its_preset_brings_everything_twice_the_same_and_nothing_of_somebody_else() {
    let likes: Vec<Like> = Like::all().filter(|like| like.preset().is_some()).collect();
    let waiting = Mutex::new(likes.clone());
    let results = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(like) = { waiting.lock().unwrap().pop() } {
                    let result = play(like);
                    results.lock().unwrap().insert(like.name(), result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    let mut wrong = String::new();
    for like in &likes {
        let result = &results[like.name()];
        for (what, is_right) in [
            ("held", result.held == result.has && result.has > 0),
            ("codes", result.codes == [0, 0]),
            ("rewritten", result.rewritten == 0),
            ("foreign", result.foreign.is_empty()),
            ("rejects", result.rejects == 0),
        ] {
            if is_right == is_explained(*like, what) {
                writeln!(wrong, "{} {what}: {}", like.name(), result.told()).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let page = page(&likes, &results);
    let path = format!("{}/docs/payers.md", env!("CARGO_MANIFEST_DIR"));
    if std::env::var("PAYERSYNC_BLESS").is_ok_and(|value| value == "1") {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/payers.md is not current; PAYERSYNC_BLESS=1 writes it");
}

const HEAD: &str = "# Payers, EHRs and aggregators

Plans differ in how a consent is asked for, how a client says who it is, how a
type is searched for, how pages lead on and how they refuse. What differs is
configuration: `payersync init --list` names the presets, each with the certainty
of its facts, and [configuration.md](configuration.md) has every key.

The embedded payer plays the documented rules of platforms:
`payersync sandbox --like NAME` serves them to any client, and
`payersync demo --like NAME` does the whole job with the platform's preset, the
payer's origin in the place of each host.

A test runs each demo with two members and a second sync after it, and makes
this page. *Held* counts the resources in the warehouse, byte for byte, of those
that the two members have at the platform; of providers, places and drugs, those
that the members' resources name. *Rows of the second run* counts everything that
the second sync wrote. *Somebody else's* counts resources that are not the
connection's member's: the SMART Launcher and HAPI send everybody's data to
whoever does not name a patient.

";

/// The page.
fn page(likes: &[Like], results: &BTreeMap<&str, Played>) -> String {
    let mut page = HEAD.to_owned();
    page += "| `--like` | preset | held | rows of the second run | somebody else's |\n";
    page += "|---|---|---|---|---|\n";
    for like in likes {
        let Played { held, has, rewritten, foreign, .. } = &results[like.name()];
        let (name, preset) = (like.name(), like.preset().unwrap());
        writeln!(
            page,
            "| `{name}` | `{preset}` | {held} of {has} | {rewritten} | {} |",
            foreign.len()
        )
        .unwrap();
    }
    for (name, what, why) in EXPLAINED {
        writeln!(page, "\n`{name}`, {what}: {why}").unwrap();
    }
    page += "\n## The rules that are played\n\n\
             DOC: the operator's documents; OBS: observed; 3P: a third party's statement;\n\
             INF: inferred. `payersync sandbox --list-likes` prints the same.\n";
    for like in likes {
        writeln!(page, "\n### `{}`: {}\n", like.name(), like.title()).unwrap();
        for (certainty, text) in like.facts() {
            writeln!(page, "- {certainty}: {text}").unwrap();
        }
    }
    page
}
