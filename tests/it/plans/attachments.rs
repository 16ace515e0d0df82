//! `attachments = true`: files that resources name, with whatever can be wrong with them.

use crate::support::{Home, Payer, Watched};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

const ON: &str = "attachments = true\n";
/// SHA-1 of "hashed" in base64: `printf hashed | sha1sum | xxd -r -p | base64`.
pub(super) const SHA1_OF_HASHED: &str = "YxhVOJnarilBcYwCUIru6TivGhw=";

/// What stands at a path: a whole answer, written as it is.
#[derive(Clone)]
pub(super) enum File {
    /// Status line and headers beyond the length, and the body.
    Answer(&'static str, Vec<u8>),
    /// A length that the body does not have.
    Cut(Vec<u8>),
    /// No answer at all, for as long as anybody waits.
    Hang,
}

#[derive(Default)]
struct State {
    documents: Vec<Value>,
    files: BTreeMap<String, File>,
    /// Paths that were asked for, each with whether a token came along.
    asked: Vec<(String, bool)>,
}

/// A plan that speaks HTTP a byte at a time, and another server that counts who comes.
pub(super) struct Plan {
    origin: String,
    foreign: String,
    strangers: Arc<AtomicUsize>,
    state: Arc<Mutex<State>>,
}

impl Plan {
    pub(super) fn start() -> Plan {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        let foreign = format!("http://{}", elsewhere.local_addr().unwrap());
        let (strangers, state) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::default()));
        let count = Arc::clone(&strangers);
        thread::spawn(move || {
            for _ in elsewhere.incoming() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Plan { origin, foreign, strangers, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A document with one attachment.
    pub(super) fn document(&self, id: &str, attachment: Value) {
        let document = json!({"resourceType": "DocumentReference", "id": id,
            "content": [{"attachment": attachment}]});
        let mut state = self.state();
        state.documents.retain(|one| one["id"] != id);
        state.documents.push(document);
    }

    pub(super) fn file(&self, id: &str, file: File) {
        self.state().files.insert(format!("/r4/Binary/{id}"), file);
    }

    pub(super) fn text(&self, id: &str, text: &str) {
        self.file(id, File::Answer("200 OK\r\nContent-Type: text/plain", text.into()));
    }

    /// The files that were asked for since the last look.
    pub(super) fn asked(&self) -> Vec<String> {
        let asked = std::mem::take(&mut self.state().asked);
        assert!(asked.iter().all(|(_, had_token)| *had_token));
        asked.into_iter().map(|(path, _)| path.replace("/r4/Binary/", "")).collect()
    }

    pub(super) fn home(&self, more: &str) -> Home {
        let home = Home::new();
        let sync = "[sync]\nattachment_max_mebibytes = 1\n";
        let sync = if more.contains("[sync]") { "" } else { sync };
        let text = format!(
            "[warehouse]\ncount_unmapped_paths = false\n[http]\ninitial_delay_milliseconds = 1\n\
             max_delay_seconds = 1\nmax_attempts = 2\nread_timeout_seconds = 5\n{sync}{more}\n\
             [plans.p]\nfhir_url = \"{0}/r4\"\ntoken_url = \"{0}/token\"\nclient_id = \"x\"\n\
             client_secret_file = \"secret\"\ngrant = \"client_credentials\"\n{ON}\
             requests_per_second = 1000\ntypes = [\"DocumentReference\"]\n",
            self.origin
        );
        std::fs::write(home.file("payersync.toml"), text).unwrap();
        home.write_private("secret", "a-secret-of-nothing");
        home.succeed(&["connect", "c", "--plan", "p"], "a new home");
        home
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let typed = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let path = typed.split('?').next().unwrap_or_default().to_owned();
    let fhir = "200 OK\r\nContent-Type: application/fhir+json";
    let file = {
        let mut state = state.lock().unwrap();
        let binary = state
            .files
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&path))
            .map(|(_, file)| file.clone());
        let one = state
            .documents
            .iter()
            .find(|it| path == format!("/r4/documentreference/{}", it["id"].as_str().unwrap()));
        if path == "/token" {
            let length = head.split("content-length: ").nth(1).and_then(|it| it.split('\r').next());
            let mut body = vec![0; length.map_or(0, |it| it.parse().unwrap())];
            stream.read_exact(&mut body).unwrap();
            let answer = r#"{"access_token":"a-token","token_type":"bearer","expires_in":86400}"#;
            File::Answer("200 OK\r\nContent-Type: application/json", answer.into())
        } else if path == "/r4/documentreference" {
            let entries: Vec<Value> =
                state.documents.iter().map(|one| json!({ "resource": one })).collect();
            let bundle = json!({"resourceType": "Bundle", "type": "searchset",
                "total": entries.len(), "entry": entries});
            File::Answer(fhir, bundle.to_string().into())
        } else if let Some(one) = one {
            File::Answer(fhir, one.to_string().into())
        } else {
            if path.starts_with("/r4/binary/") {
                state
                    .asked
                    .push((path.replace("binary", "Binary"), head.contains("\r\nauthorization:")));
            }
            binary.unwrap_or(File::Answer("404 Not Found", Vec::new()))
        }
    };
    let (head, length, body) = match file {
        File::Answer(head, body) => (head, body.len(), body),
        File::Cut(body) => ("200 OK\r\nContent-Type: text/plain", body.len() + 100, body),
        File::Hang => return thread::sleep(Duration::from_secs(30)),
    };
    let head = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

pub(super) fn states(home: &Home) -> BTreeMap<String, String> {
    let sql = "SELECT resource_id, state || coalesce(' ' || reason, '') FROM attachment
               WHERE replaced_at IS NULL";
    home.rows(sql).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
}

pub(super) fn completeness(home: &Home) -> Vec<String> {
    let sql = "SELECT mode, state, coalesce(detail, warning, '') FROM completeness
               WHERE resource_type = 'Attachment'";
    home.rows(sql).concat()
}

#[test]
fn each_file_is_stored_or_the_table_says_why_not_and_the_next_run_mends_what_it_can() {
    let plan = Plan::start();
    let url = |id: &str| json!({"contentType": "text/plain", "url": format!("Binary/{id}")});
    plan.document("plain", url("plain"));
    plan.text("plain", "a text");
    plan.document("whole", json!({"url": format!("{}/r4/Binary/whole", plan.origin)}));
    plan.text("whole", "by its whole URL");
    plan.document("inline", json!({"contentType": "text/plain", "data": "aW5saW5l"}));
    plan.document("no-base64", json!({"data": "%%"}));
    plan.document("nothing", json!({"title": "no file"}));
    plan.document("gone", url("gone"));
    plan.document("foreign", json!({"url": format!("{}/file", plan.foreign)}));
    plan.document("redirected", url("redirected"));
    let to = format!("302 Found\r\nLocation: {}/file", plan.foreign);
    plan.file("redirected", File::Answer(to.leak(), Vec::new()));
    plan.document("moved", url("moved"));
    plan.file("moved", File::Answer("302 Found\r\nLocation: /r4/Binary/plain", Vec::new()));
    plan.document("cut", url("cut"));
    plan.file("cut", File::Cut(b"half of".to_vec()));
    plan.document("page", url("page"));
    plan.file("page", File::Answer("200 OK\r\nContent-Type: text/html", b"<p>log in".to_vec()));
    plan.document("large", url("large"));
    plan.file(
        "large",
        File::Answer("200 OK\r\nContent-Type: text/plain", vec![b'x'; (1 << 20) + 1]),
    );
    plan.document("wrapped", url("wrapped"));
    let binary = r#"{"resourceType":"Binary","contentType":"text/plain","data":"d3JhcHBlZA=="}"#;
    let wrapped = File::Answer("200 OK\r\nContent-Type: application/fhir+json", binary.into());
    plan.file("wrapped", wrapped);
    let short = json!({"contentType": "text/plain", "url": "Binary/short", "size": 9});
    plan.document("short", short);
    plan.text("short", "too few");
    let home = plan.home("");
    let first = home.run(&["sync"]);
    assert_eq!(first.code, 2, "{}", first.stderr);
    let expected = [
        ("cut", "pending network"),
        ("foreign", "missing foreign_origin"),
        ("gone", "missing not_found"),
        ("inline", "stored"),
        ("large", "missing too_large"),
        ("moved", "stored"),
        ("no-base64", "missing not_base64"),
        ("nothing", "missing no_content"),
        ("page", "pending another_type"),
        ("plain", "stored"),
        ("redirected", "pending redirected"),
        ("short", "pending cut_short"),
        ("whole", "stored"),
        ("wrapped", "stored"),
    ];
    let mut expected: BTreeMap<String, String> =
        expected.iter().map(|(id, state)| ((*id).to_owned(), (*state).to_owned())).collect();
    assert_eq!(states(&home), expected);
    assert_eq!(plan.strangers.load(Ordering::Relaxed), 0);
    let [mode, state, told] = &completeness(&home)[..] else { panic!() };
    assert_eq!((mode.as_str(), state.as_str()), ("attachment", "incomplete"));
    assert!(told.starts_with("9 of 14 attachments not stored: "), "{told}");
    let bytes = "SELECT CAST(bytes AS TEXT) FROM attachment WHERE bytes IS NOT NULL
                 ORDER BY resource_id";
    let stored = ["inline", "a text", "a text", "by its whole URL", "wrapped"];
    assert_eq!(home.rows(bytes).concat(), stored);
    let hash = "SELECT sha256 || ' ' || size FROM attachment WHERE resource_id = 'inline'";
    let of_inline = "995cf20a9c45daaf0a2cc31e85c290032ced97aadbac6c9d625595f5ce0ed427 6";
    assert_eq!(home.value::<String>(hash), of_inline);
    // Only what may have changed is asked for again.
    plan.asked();
    for id in ["cut", "page", "redirected"] {
        plan.text(id, "at last");
        expected.insert(id.to_owned(), "stored".to_owned());
    }
    plan.text("short", "nine byte");
    expected.insert("short".to_owned(), "stored".to_owned());
    home.succeed(&["sync"], "the plan was mended");
    assert_eq!(states(&home), expected);
    let mut asked = plan.asked();
    asked.sort_unstable();
    assert_eq!(asked, ["cut", "page", "redirected", "short"]);
    let [_, state, told] = &completeness(&home)[..] else { panic!() };
    assert_eq!(state, "complete");
    assert!(told.starts_with("5 of 14 attachments not stored: "), "{told}");
    let calm = home.run(&["sync"]);
    assert_eq!((calm.code, plan.asked().len()), (0, 0), "{}", calm.stderr);
    assert!(calm.stderr.contains(" 0 rows written"), "{}", calm.stderr);
    // A larger limit takes up again what was too large, and nothing else.
    let config = std::fs::read_to_string(home.file("payersync.toml")).unwrap();
    let config = config.replace("attachment_max_mebibytes = 1", "attachment_max_mebibytes = 2");
    std::fs::write(home.file("payersync.toml"), config).unwrap();
    home.succeed(&["sync"], "a larger limit");
    assert_eq!(plan.asked(), ["large"]);
    assert_eq!(states(&home)["large"], "stored");
    home.succeed(&["sync", "--full"], "a full run asks again for what the plan did not have");
    assert_eq!(plan.asked(), ["gone"]);
    assert_eq!(plan.strangers.load(Ordering::Relaxed), 0);
    home.succeed(&["verify"], "attachments");
}

#[test]
fn a_changed_resource_is_fetched_anew_and_what_was_there_is_history() {
    let plan = Plan::start();
    let with = |title: &str, more: Value| {
        let mut attachment = json!({"contentType": "text/plain", "title": title});
        attachment.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        attachment
    };
    let (url, hashed) =
        (json!({"url": "Binary/a"}), json!({"url": "Binary/h", "hash": SHA1_OF_HASHED}));
    let inline = json!({"data": "b25l"});
    plan.document("a", with("1", url.clone()));
    plan.document("h", with("1", hashed.clone()));
    plan.document("i", with("1", inline.clone()));
    plan.text("a", "first edition");
    plan.text("h", "hashed");
    let home = plan.home("");
    home.succeed(&["sync"], "three files");
    let bytes = |id: &str| -> Vec<Vec<String>> {
        home.rows(&format!(
            "SELECT CAST(bytes AS TEXT), replaced_at IS NOT NULL FROM attachment
             WHERE resource_id = '{id}' ORDER BY id"
        ))
    };
    plan.asked();
    for (id, more) in [("a", &url), ("h", &hashed), ("i", &inline)] {
        plan.document(id, with("2", more.clone()));
    }
    home.succeed(&["sync"], "three resources changed, no file");
    assert_eq!(
        plan.asked(),
        ["a"],
        "the others say by a hash, or by themselves, that nothing changed"
    );
    assert_eq!(bytes("a"), [["first edition", "0"]]);
    plan.document("a", with("3", url.clone()));
    plan.document("i", with("3", json!({"data": "dHdv"})));
    let mut corrected = hashed.clone();
    corrected["contentType"] = json!("text/csv");
    plan.document("h", with("3", corrected));
    plan.text("a", "second edition");
    home.succeed(&["sync"], "files changed");
    assert_eq!(bytes("a"), [["first edition", "1"], ["second edition", "0"]]);
    assert_eq!(bytes("i"), [["one", "1"], ["two", "0"]]);
    let of_h: String = home.value("SELECT content_type FROM attachment WHERE resource_id = 'h'");
    assert_eq!(of_h, "text/csv", "the same file, of another type");
    // A backup holds them, and so does what is restored from it.
    let copy = home.file("copy.db");
    home.succeed(&["backup", copy.to_str().unwrap()], "attachments");
    let other = Home::new();
    other.succeed(&["restore", copy.to_str().unwrap()], "a new home");
    let all = "SELECT count(*) FROM attachment WHERE bytes IS NOT NULL";
    assert_eq!(other.value::<i64>(all), 5);
    // Deleted at the plan: history, like the resource.
    plan.state().documents.retain(|one| one["id"] != "a");
    home.succeed(&["sync", "--full"], "a document went");
    assert_eq!(bytes("a"), [["first edition", "1"], ["second edition", "1"]]);
    home.succeed(&["verify"], "history");
    let damage = "UPDATE attachment SET bytes = x'00' WHERE resource_id = 'h'";
    rusqlite::Connection::open(home.file("warehouse.db")).unwrap().execute(damage, []).unwrap();
    let verified = home.run(&["verify"]);
    assert_ne!(verified.code, 0, "{}", verified.stdout);
    assert!((verified.stdout + &verified.stderr).contains("attachment"));
    home.succeed(&["purge", "c", "--yes"], "everything");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM attachment"), 0);
    let left = std::fs::read(home.file("warehouse.db")).unwrap();
    assert!(!left.windows(14).any(|it| it == b"second edition"));
}

#[test]
fn a_run_fetches_so_many_and_one_that_is_killed_asks_for_none_twice() {
    let plan = Plan::start();
    for number in 0..6 {
        let id = format!("d{number}");
        plan.document(&id, json!({"contentType": "text/plain", "url": format!("Binary/{id}")}));
        plan.text(&id, &id);
    }
    let home = plan.home("[sync]\nattachments_per_run = 2\n");
    let first = home.run(&["sync"]);
    assert_eq!((first.code, plan.asked().len()), (2, 2), "{}", first.stderr);
    let config = std::fs::read_to_string(home.file("payersync.toml")).unwrap();
    std::fs::write(home.file("payersync.toml"), config.replace("per_run = 2", "per_run = 9"))
        .unwrap();
    let few = home.run(&["sync", "--max-requests", "2"]);
    assert_eq!((few.code, plan.asked().len()), (2, 1), "{}", few.stderr);
    plan.file("d4", File::Hang);
    let mut run = Watched::start(&home, &["sync"]);
    assert!(run.until(|| plan.state().asked.iter().any(|(path, _)| path.ends_with("d4"))));
    run.kill();
    plan.text("d4", "d4");
    home.succeed(&["sync"], "the next run");
    assert_eq!(plan.asked(), ["d3", "d4", "d4", "d5"]);
    let all = "SELECT group_concat(CAST(bytes AS TEXT), ' ') FROM
               (SELECT bytes FROM attachment ORDER BY resource_id)";
    assert_eq!(home.value::<String>(all), "d0 d1 d2 d3 d4 d5");
    home.succeed(&["verify"], "after a kill");
}

#[test]
fn the_embedded_payer_serves_what_its_documents_name_and_nothing_is_fetched_unasked() {
    let payer = Payer::small();
    let home = payer.connected_home();
    home.succeed(&["sync"], "attachments are off");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM attachment"), 0);
    payer.configure(&home, ON);
    home.succeed(&["sync"], "attachments are on");
    let note = "SELECT count(*) FROM attachment
                WHERE state = 'stored' AND CAST(bytes AS TEXT) = 'Synthetic visit note.'";
    assert!(home.value::<i64>(note) >= 2);
    let asked = payer.requests().iter().filter(|it| it.path.contains("/Binary/")).count();
    assert!(asked > 0);
    let status = home.run(&["status", "--all"]).stdout;
    assert!(status.contains("Attachment"), "{status}");
}
