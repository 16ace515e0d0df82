//! An export is what the warehouse holds: row for row, byte for byte, of one instant, private, and
//! never in place of what is not an export.

use crate::{
    files::import::{member, ndjson, put, stored},
    support::{Home, Payer, python_with_duckdb},
};
use payersync::sandbox::Options;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// Exports into a folder of the home, which must succeed; returns the folder.
#[track_caller]
pub(crate) fn export(home: &Home, arguments: &[&str]) -> PathBuf {
    let folder = home.file("export");
    let mut command = vec!["export", folder.to_str().unwrap()];
    command.extend(arguments);
    home.succeed(&command, "what was stored");
    folder
}

pub(crate) fn manifest(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("manifest.json")).unwrap()).unwrap()
}

/// The lines of a file, the line of names first.
pub(crate) fn lines(folder: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    text.trim_start_matches('\u{feff}').lines().map(str::to_owned).collect()
}

/// Compares every file with the tables; says how many there are.
#[track_caller]
pub(crate) fn assert_row_for_row(home: &Home, folder: &Path) -> Option<String> {
    if cfg!(feature = "encryption") {
        // Nobody else opens the warehouse then.
        return None;
    }
    read_by("duckdb", &python_with_duckdb()?, home, folder)
}

/// Reads the export with a Python package; what it says of it.
pub(crate) fn read_by(tool: &str, python: &Path, home: &Home, folder: &Path) -> Option<String> {
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/export_check.py"))
        .arg(home.file("warehouse.db"))
        .args([folder.as_os_str(), tool.as_ref()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn every_row_of_every_table_is_in_its_file() {
    let home = Home::of_demo();
    for raw in [&["--set", "all"][..], &["--set", "all", "--raw"]] {
        let folder = export(&home, raw);
        let manifest = manifest(&folder);
        let files = manifest["files"].as_array().unwrap();
        let known: i64 = home
            .value("SELECT (SELECT count(*) FROM view_table) + (SELECT count(*) FROM mart_table)");
        assert_eq!(files.len() as i64, known);
        let counted = assert_row_for_row(&home, &folder);
        assert!(counted.is_none_or(|counted| counted.starts_with(&format!("{known} files, "))));
    }
    // The marts alone are what is exported without a word.
    let folder = export(&home, &[]);
    let marts = home.mart_names();
    let names: BTreeSet<String> = marts.iter().map(|mart| format!("{mart}.csv")).collect();
    let mut found: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|one| one.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(found.remove("manifest.json"));
    assert_eq!(found, names);
    let manifest = manifest(&folder);
    assert_eq!(manifest["connections"].as_array().unwrap().len(), 3);
    assert_eq!(manifest["connections"][0]["incomplete"], Value::Array(Vec::new()));
    assert_eq!(manifest["set"], "marts");
    let schema: i64 = home.value("SELECT max(version) FROM refinery_schema_history");
    assert_eq!(manifest["schema_version"], schema);
    assert_eq!(manifest["latest_run"], home.value::<i64>("SELECT max(id) FROM sync_run"));
}

/// Names that a spreadsheet would compute or alter, and how a cell of the safe file has them.
const NAMES: [(&str, &str); 9] = [
    (
        "=HYPERLINK(\"http://evil.example\",\"click\")",
        "\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"click\"\")\"",
    ),
    ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
    ("-2+3", "'-2+3"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("00012345678901234567", "'00012345678901234567"),
    ("12E5", "'12E5"),
    ("O'Neill, Ann", "\"O'Neill, Ann\""),
    ("'tis", "''tis"),
    ("Müller", "Müller"),
];

#[test]
fn a_spreadsheet_computes_no_text_and_alters_no_identifier() {
    let home = Home::new();
    for (position, (name, _)) in NAMES.iter().enumerate() {
        let patient = serde_json::json!({
            "resourceType": "Patient", "id": "p", "name": [{"family": name}], "birthDate": "1950",
        });
        let file = put(&home, &format!("in/{position}.json"), patient.to_string());
        home.succeed(&["import", &format!("c{position}"), &file], "a file");
    }
    let position =
        |names: &str, name: &str| names.split(',').position(|column| column == name).unwrap();
    let folder = export(&home, &["patient"]);
    let safe = fs::read_to_string(folder.join("patient.csv")).unwrap();
    // So that Excel takes it for UTF-8.
    assert!(safe.starts_with('\u{feff}'));
    let raw_folder = home.file("raw");
    home.succeed(&["export", raw_folder.to_str().unwrap(), "patient", "--raw"], "an import");
    let raw = fs::read_to_string(raw_folder.join("patient.csv")).unwrap();
    assert!(!raw.starts_with('\u{feff}'));
    for (position, (name, cell)) in NAMES.iter().enumerate() {
        assert!(safe.contains(&format!(",{cell},")), "{cell} is not in\n{safe}");
        let quoted = match name.contains([',', '"']) {
            true => format!("\"{}\"", name.replace('"', "\"\"")),
            false => (*name).to_owned(),
        };
        assert!(raw.contains(&format!(",{quoted},")), "{position}: {quoted} is not in\n{raw}");
    }
    // A date of FHIR may be a year; it stays what it is. NULL is nothing.
    let names = lines(&folder, "patient.csv").remove(0);
    let plain = lines(&folder, "patient.csv").pop().unwrap();
    let cells: Vec<&str> = plain.split(',').collect();
    assert_eq!(cells[position(&names, "birth_date")], "1950");
    assert_eq!(cells[position(&names, "gender")], "");
    let manifest = manifest(&folder);
    let columns = manifest["files"][0]["columns"].as_array().unwrap();
    let kind =
        |name: &str| columns.iter().find(|column| column["name"] == name).unwrap()["type"].clone();
    assert_eq!((kind("birth_date"), kind("connection_id")), ("TEXT".into(), "INTEGER".into()));
    assert_row_for_row(&home, &folder);
    assert_row_for_row(&home, &raw_folder);
}

#[test]
fn resources_are_lines_with_the_bytes_that_came() {
    let home = Home::new();
    for (name, id) in [("john", "p1"), ("mary", "p2")] {
        let file = put(&home, &format!("{name}.ndjson"), ndjson(&member(id)));
        home.succeed(&["import", name, &file], "a file");
    }
    // One that came with line breaks.
    let pretty = "{\n  \"resourceType\": \"Patient\",\r\n  \"id\": \"p3\"\n}";
    let file = put(&home, "pretty.json", pretty);
    home.succeed(&["import", "pretty", &file], "a file");
    let folder = export(&home, &["--format", "ndjson"]);
    let mut found = Vec::new();
    let names: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let of_types = |types: &[&str], connection: u8| -> Vec<String> {
        types.iter().map(|name| format!("{name}.{connection}.ndjson")).collect()
    };
    let types = ["Condition", "Coverage", "Patient"];
    let named = [of_types(&types, 1), of_types(&types, 2), of_types(&types[2..], 3)].concat();
    let named: BTreeSet<String> = named.into_iter().chain(["manifest.json".to_owned()]).collect();
    assert_eq!(names, named, "a file holds no resources of two connections");
    let files = names.iter().filter(|name| name.ends_with("ndjson"));
    files.for_each(|name| found.extend(lines(&folder, name)));
    found.sort();
    let mut wanted: Vec<String> =
        stored(&home).iter().map(|json| json.replace(['\n', '\r'], " ")).collect();
    wanted.sort();
    assert_eq!(found, wanted);
    let manifest = manifest(&folder);
    assert_eq!(manifest["files"].as_array().unwrap().len(), 7);
    for file in manifest["files"].as_array().unwrap() {
        let bytes = fs::read(folder.join(file["name"].as_str().unwrap())).unwrap();
        let sha256: String =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file["sha256"], sha256);
        assert_eq!(file["bytes"], bytes.len());
        assert_eq!(file["rows"], bytes.iter().filter(|byte| **byte == b'\n').count());
        let name =
            format!("{}.{}.ndjson", file["resource_type"].as_str().unwrap(), file["connection_id"]);
        assert_eq!(file["name"], name);
    }
    // A home elsewhere takes them in again.
    let again = Home::new();
    let folder_name = folder.to_str().unwrap();
    let all = again.run(&["import", "all", "--dependants", folder_name]);
    assert_eq!(all.code, 1, "{}", all.stderr);
    assert!(all.stderr.contains("is an export of 3 connections"), "{}", all.stderr);
    assert!(all.stderr.contains("/*.1.ndjson"), "{}", all.stderr);
    let above = folder.parent().unwrap().to_str().unwrap();
    let above = again.run(&["import", "all", "--dependants", above]);
    assert!(above.stderr.contains("is an export of 3 connections"), "{}", above.stderr);
    for (connection, name) in [(1, "john"), (2, "mary"), (3, "pretty")] {
        let files = names.iter().filter(|file| file.ends_with(&format!(".{connection}.ndjson")));
        let files: Vec<_> =
            files.map(|file| folder.join(file).into_os_string().into_string().unwrap()).collect();
        let mut command = vec!["import", name];
        command.extend(files.iter().map(String::as_str));
        again.succeed(&command, "an export");
    }
    assert_eq!(stored(&again), wanted);
    let one = export(&home, &["Coverage", "--format", "ndjson"]);
    assert_eq!(lines(&one, "Coverage.1.ndjson").len(), 1);
    assert!(!one.join("Patient.1.ndjson").exists());
    // The export of a single connection may be named as a folder; its manifest is no resource.
    home.succeed(&["purge", "mary", "--yes"], "three connections");
    home.succeed(&["purge", "pretty", "--yes"], "two connections");
    let folder = export(&home, &["--format", "ndjson"]);
    let whole = Home::new();
    whole.succeed(&["import", "john", folder.to_str().unwrap()], "an export");
    assert_eq!(stored(&whole), stored(&home));
}

#[test]
fn all_files_show_one_instant_while_a_sync_writes() {
    // Twenty pages of claims, one after the other, so that several exports fall between them.
    let payer = Payer::start(Options {
        page_delay: Duration::from_millis(100),
        claims_per_member: 200,
        ..Options::default()
    });
    let home = payer.connected_home();
    let mut sync =
        home.command(&["sync"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (claims, items) = ("explanation_of_benefit", "explanation_of_benefit_item");
    let mut sizes = BTreeSet::new();
    while sync.try_wait().unwrap().is_none() {
        if !home.file("warehouse.db").exists() {
            continue;
        }
        let folder = home.file("export");
        let outcome = home.run(&["export", folder.to_str().unwrap(), items, claims, "--raw"]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        if !folder.join(format!("{items}.csv")).exists() {
            continue;
        }
        let ids = |table: &str| -> BTreeSet<String> {
            let lines = lines(&folder, &format!("{table}.csv"));
            lines[1..].iter().map(|line| line.split(',').nth(1).unwrap().to_owned()).collect()
        };
        // The claims are written first: without one instant there would be items of later claims.
        assert!(ids(items).is_subset(&ids(claims)));
        sizes.insert(ids(claims).len());
    }
    assert!(sizes.len() > 2, "{sizes:?}");
}

/// What is told of an export that is refused.
#[track_caller]
fn refused(home: &Home, arguments: &[&str], why: &str) {
    let outcome = home.run(&[&["export"], arguments].concat());
    assert_eq!(outcome.code, 1, "{arguments:?}: {}", outcome.stderr);
    assert!(outcome.stderr.contains(why), "{arguments:?}: {}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: "), "{arguments:?}: {}", outcome.stderr);
}

#[test]
fn a_folder_named_like_a_table_is_told_and_files_without_a_row_hold_no_health_data() {
    let home = Home::new();
    home.bring_empty_warehouse();
    if !home.file("warehouse.db").exists() {
        return; // A build that encrypts brings none along.
    }
    let folder = home.file("claim");
    let outcome = home.run(&["export", folder.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let note = "is the folder; `payersync export DIR claim` writes that table alone";
    assert!(outcome.stderr.contains(note), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("Exported 0 rows in "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("The files hold no row; "), "{}", outcome.stderr);
    let named = home.run(&["export", folder.to_str().unwrap(), "claim"]);
    assert!(!named.stderr.contains("Note: "), "{}", named.stderr);
}

#[test]
fn an_export_takes_the_place_of_an_export_and_of_nothing_else() {
    let home = Home::new();
    let file = put(&home, "in.ndjson", ndjson(&member("p1")));
    home.succeed(&["import", "john", &file], "a file");
    let folder = export(&home, &["--set", "tables"]);
    let text = folder.to_str().unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for file in fs::read_dir(&folder).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
    }
    export(&home, &["coverage"]);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "the old export's files are gone");
    // A file of somebody's.
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    refused(&home, &[text], "notes.txt, which no export wrote");
    assert_eq!(fs::read_to_string(folder.join("notes.txt")).unwrap(), "mine");
    fs::remove_file(folder.join("notes.txt")).unwrap();
    let photos = home.file("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("a.jpg"), "jpg").unwrap();
    refused(&home, &[photos.to_str().unwrap()], "is not an export of payersync");
    refused(&home, &[&file], "is not a folder");
    assert!(photos.join("a.jpg").exists() && Path::new(&file).exists());
    // An empty folder may be taken.
    fs::remove_file(photos.join("a.jpg")).unwrap();
    home.succeed(&["export", photos.to_str().unwrap()], "an empty folder");
    for (arguments, why) in [
        (&[text, "coverag"][..], "did you mean coverage?"),
        (&[text, "spending"], "did you mean spend_by_month?"),
        (&[text, "Coverag", "--format", "ndjson"], "did you mean Coverage?"),
        (&[text, "--set", "marts", "--format", "ndjson"], "--set chooses tables"),
        (&[text, "--since", "1", "--set", "marts"], "--since is not for marts"),
        (&[text, "--since", "1", "claim"], "--since is not for marts"),
        (&[text, "--since", "99"], "there is no run 99"),
    ] {
        refused(&home, arguments, why);
    }
    let left: Vec<String> =
        home.names().into_iter().filter(|name| name.contains("partial")).collect();
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(lines(&folder, "coverage.csv").len(), 2, "what was refused has touched nothing");
    let ended = "SELECT DISTINCT command, detail FROM access_log WHERE detail LIKE '%coverage%' OR detail LIKE '% row% in % CSV file%'";
    assert!(home.rows(ended).len() >= 2);
    // Whoever purges is told where copies are.
    let purged = home.run(&["purge", "john", "--yes"]);
    let said = format!("{}{}", purged.stdout, purged.stderr);
    assert!(purged.code == 0 && said.contains(text), "{said}");
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_says_so() {
    let home = Home::new();
    let folder = home.file("export");
    let arguments = [folder.to_str().unwrap(), "--format", "parquet"];
    refused(&home, &arguments, "this payersync was built without Parquet");
    assert!(!folder.exists());
    let outcome = home.run(&["lake", "sync", folder.to_str().unwrap()]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("this payersync was built without lakes"),
        "{}",
        outcome.stderr
    );
    assert!(!folder.exists());
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_can_write_is_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = Home::new();
    let file = put(&home, "in.ndjson", ndjson(&member("p1")));
    home.succeed(&["import", "john", &file], "a file");
    let shared = Home::new();
    let set_mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(shared.path(), 0o777);
    let folder = shared.file("export");
    refused(&home, &[folder.to_str().unwrap()], "can be written by others");
    set_mode(shared.path(), 0o700);
    home.succeed(&["export", folder.to_str().unwrap()], "the mode is right");
    set_mode(&folder, 0o770);
    refused(&home, &[folder.to_str().unwrap()], "can be written by others");
    set_mode(&folder, 0o700);
    let link = shared.file("link");
    symlink(&folder, &link).unwrap();
    refused(&home, &[link.to_str().unwrap()], "is a symbolic link");
    refused(&home, &[&format!("{}/", link.display())], "is a symbolic link");
}
