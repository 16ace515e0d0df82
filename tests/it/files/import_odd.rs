//! Files that are no good: one clear message each, whatever is whole is kept, and nothing else is made.

use crate::{
    files::import::{bundle, import, member, ndjson, put, sorted, stored, zipped},
    support::{Home, Outcome, Watched},
};
use flate2::{Compression, write::GzEncoder};
use std::{fs, io::Write, process::Stdio};

#[test]
fn what_is_no_file_of_resources_is_told_in_one_message_and_nothing_is_made() {
    let utf16: Vec<u8> = "\u{feff}{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let files: [(&str, &[u8], &str); 11] = [
        ("empty.json", b"", "is empty"),
        ("blank.json", b" \n\n ", "is empty"),
        ("bom.json", b"\xef\xbb\xbf", "is empty"),
        ("scan.json", b"%PDF-1.7 ...", "is a PDF"),
        ("bundle.xml", b"<?xml version=\"1.0\"?><Bundle/>", "is XML or HTML"),
        ("claims.csv", b"id,date\n1,2026-01-01\n", "is not JSON"),
        ("utf16.json", &utf16, "is UTF-16"),
        ("seven.json", b"7", "is not JSON"),
        ("cut.json", b"{\"resourceType\":\"Patient\",\"id\":\"p", "is not JSON, or is cut short"),
        ("none.json", b"[]", "the files hold no resource"),
        (
            "export.json",
            br#"{"transactionTime":"2026-01-01T00:00:00Z","output":[{"type":"Patient","url":"x"}]}"#,
            "is the manifest of a bulk export",
        ),
    ];
    for (name, bytes, told) in files {
        let home = Home::new();
        let file = put(&home, name, bytes);
        let outcome = import(&home, "mary", &file);
        assert_eq!(outcome.code, 1, "{name}: {}", outcome.stderr);
        let errors: Vec<_> =
            outcome.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(errors.len() == 1 && errors[0].contains(told), "{name}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
        assert!(!home.file("warehouse.db").exists(), "{name}");
    }
}

#[test]
fn what_is_not_there_is_told_before_anything_is_read() {
    let home = Home::new();
    let [patient, ..] = member("p");
    let fine = put(&home, "fine.json", patient);
    fs::create_dir(home.file("nothing")).unwrap();
    put(&home, "photos/a.jpg", "x");
    let folder = |name: &str| home.file(name).to_str().unwrap().to_owned();
    for (path, told) in [
        (folder("missing.json"), "cannot read"),
        (folder("nothing"), "holds no file that ends in .json, .ndjson"),
        (folder("photos"), "holds no file that ends in .json, .ndjson"),
    ] {
        let outcome = home.run(&["import", "mary", &fine, &path]);
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
        assert!(!home.file("warehouse.db").exists());
    }
    for name in ["", "a/b", ".hidden"] {
        assert_eq!(import(&home, name, &fine).code, 1, "{name}");
    }
}

#[test]
fn what_is_whole_of_a_cut_file_is_taken_in_and_the_rest_is_told() {
    let [patient, coverage, condition] = member("p");
    let all = [patient.clone(), coverage.clone(), condition.clone()];
    let lines: Vec<String> = all.iter().map(|one| one.replace('\n', " ")).collect();
    let document = bundle("searchset", &all);
    let text = ndjson(&all);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(text.as_bytes()).unwrap();
    let gzip = encoder.finish().unwrap();
    for (name, whole, cut, expected) in [
        ("all.json", document.as_bytes(), 40, &all[..2]),
        ("all.ndjson", text.as_bytes(), 40, &lines[..2]),
        ("all.ndjson.gz", &gzip[..], 60, &lines[..2]),
    ] {
        let home = Home::new();
        let file = put(&home, name, &whole[..whole.len() - cut]);
        let outcome = import(&home, "mary", &file);
        assert_eq!(outcome.code, 2, "{name}: {}", outcome.stderr);
        let told = format!("Not read: {file}: ends in the middle");
        assert!(outcome.stderr.contains(&told), "{name}: {}", outcome.stderr);
        assert_eq!(stored(&home), sorted(expected), "{name}");
        let reasons = "SELECT DISTINCT state, reason FROM completeness";
        assert_eq!(home.rows(reasons), [["incomplete", "cut_short"]], "{name}");
        assert_eq!(home.run(&["status"]).code, 2);
        home.succeed(&["verify"], name);
        // The whole file mends it.
        put(&home, name, whole);
        let mended = import(&home, "mary", &file);
        assert_eq!(mended.code, 0, "{name}: {}", mended.stderr);
        assert_eq!(home.value::<i64>("SELECT count(*) FROM resource"), 3);
        assert_eq!(home.run(&["status"]).code, 0);
    }
}

#[test]
fn what_cannot_be_taken_in_is_quarantined_and_settled_once_the_file_is_mended() {
    let home = Home::new();
    let [patient, ..] = member("p");
    let odd = [
        (r#"{"resourceType":"Goal","id":"g","x":NaN}"#, "Resource", "not_a_resource"),
        (r#"{"hello":"world"}"#, "Resource", "not_a_resource"),
        (r#"{"resourceType":"Gaol","id":"g"}"#, "Resource", "unknown_type"),
        (r#"{"resourceType":"Goal","description":{"text":"x"}}"#, "Goal", "no_id"),
        ("7", "Resource", "not_a_resource"),
    ];
    let texts: Vec<&str> = odd.iter().map(|(text, ..)| *text).collect();
    let file = put(&home, "odd.ndjson", format!("{}\n{patient}\n", texts.join("\n")));
    let outcome = import(&home, "mary", &file);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert_eq!(stored(&home), std::slice::from_ref(&patient));
    for (text, resource_type, reason) in odd {
        let found = home.rows(&format!(
            "SELECT resource_type, reason, file FROM rejected_resource WHERE body = '{text}'"
        ));
        assert_eq!(found, [[resource_type, reason, file.as_str()]], "{text}");
    }
    assert_eq!(import(&home, "mary", &file).code, 2);
    let open = "SELECT count(*) FROM rejected_resource WHERE resolved_at IS NULL";
    assert_eq!(home.value::<i64>(open), 5);
    home.succeed(&["verify"], "rejects");
    put(&home, "odd.ndjson", format!("{patient}\n"));
    assert_eq!(import(&home, "mary", &file).code, 0);
    assert_eq!(home.value::<i64>(open), 0);
    assert_eq!(home.run(&["status"]).code, 0);
}

#[test]
fn what_stands_beside_the_files_of_an_archive_is_no_trouble() {
    let home = Home::new();
    let [patient, coverage, condition] = member("p");
    let archive = zipped(&[
        ("export/patient.ndjson", &patient),
        ("export/coverage.json", &coverage),
        ("export/condition.json", &condition),
        ("export/manifest.json", r#"{"transactionTime":"2026-01-01T00:00:00Z","output":[]}"#),
        ("export/.cache/x.json", "{"),
        ("__MACOSX/export/._patient.ndjson", "\0\u{5}\u{16}\u{7}"),
    ]);
    let file = put(&home, "export.zip", &archive);
    let outcome = import(&home, "mary", &file);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let all = sorted(&[patient, coverage, condition]);
    assert_eq!(stored(&home), all);
    // The same by standard input.
    let home = Home::new();
    let mut child = home
        .command(&["import", "mary", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&archive).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(stored(&home), all);
}

#[test]
fn no_folder_is_too_deep_and_no_name_in_an_archive_is_passed_over() {
    let home = Home::new();
    let [patient, coverage, _] = member("p");
    put(&home, &format!("files/{}patient.json", "a/".repeat(50)), &patient);
    let outcome = import(&home, "mary", home.file("files").to_str().unwrap());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(stored(&home), sorted(std::slice::from_ref(&patient)));
    // The archive says that its names are UTF-8, and one is not.
    let archive = zipped(&[("patient.json", &patient), ("\u{e9}.json", &coverage)]);
    let odd: Vec<u8> = archive
        .iter()
        .enumerate()
        .map(|(at, byte)| match archive[..=at].ends_with("\u{e9}".as_bytes()) {
            true => 0xff,
            false => *byte,
        })
        .collect();
    let outcome = import(&home, "john", &put(&home, "odd.zip", odd));
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(stored(&home), sorted(&[patient.clone(), patient, coverage]));
}

#[test]
fn one_bad_file_among_good_ones_costs_only_itself() {
    let home = Home::new();
    let [patient, coverage, _] = member("p");
    put(&home, "files/patient.json", &patient);
    put(&home, "files/bad.json", "%PDF");
    put(&home, "files/broken.zip", "PK\x03\x04 and no more");
    put(&home, "files/coverage.json", &coverage);
    let outcome = import(&home, "mary", home.file("files").to_str().unwrap());
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("bad.json: is a PDF"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("broken.zip: is not a zip archive"), "{}", outcome.stderr);
    assert_eq!(stored(&home), sorted(&[patient, coverage]));
}

#[test]
fn a_bomb_takes_neither_memory_nor_time_and_what_it_holds_is_no_resource() {
    let home = Home::new();
    fs::write(home.file("payersync.toml"), "[http]\nmax_body_mebibytes = 16\n").unwrap();
    let [patient, ..] = member("p");
    // A line of 2 GiB of blanks, in 2 MiB.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(format!("{patient}\n").as_bytes()).unwrap();
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..2048 {
        encoder.write_all(&blanks).unwrap();
    }
    let file = put(&home, "bomb.ndjson.gz", encoder.finish().unwrap());
    let ended = Watched::start(&home, &["import", "mary", &file]).end();
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("more than 16 MiB (max_body_mebibytes)"), "{}", ended.stderr);
    assert!(ended.peak_kib < 200 << 10, "{} KiB", ended.peak_kib);
    assert_eq!(stored(&home), [patient]);
    assert_eq!(home.rows("SELECT reason FROM completeness"), [["too_large"]]);
}

#[test]
fn a_file_of_many_lines_takes_little_memory() {
    let home = Home::new();
    let path = home.file("many.ndjson");
    let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    writeln!(file, r#"{{"resourceType":"Patient","id":"p"}}"#).unwrap();
    let text = "x".repeat(20_000);
    for number in 0..10_000 {
        writeln!(
            file,
            r#"{{"resourceType":"Basic","id":"b{}","code":{{"text":"{text}"}},"subject":{{"reference":"Patient/p"}}}}"#,
            number % 50
        )
        .unwrap();
    }
    file.flush().unwrap();
    let ended = Watched::start(&home, &["import", "mary", path.to_str().unwrap()]).end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    eprintln!("peak: {} MiB", ended.peak_kib >> 10);
    // The file has 200 MB.
    assert!(ended.peak_kib < 150 << 10, "{} KiB", ended.peak_kib);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM resource"), 51);
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_status_until_an_import_reads_all_its_files() {
    let [patient, ..] = member("p");
    for cut_comes_first in [false, true] {
        let home = Home::new();
        let fine = put(&home, "fine.json", &patient);
        let cut = put(&home, "cut.json", "{\"resourceType\":\"Goal\",\"id\":\"g");
        let files = if cut_comes_first { [&cut, &fine] } else { [&fine, &cut] };
        let outcome = home.run(&["import", "mary", files[0], files[1]]);
        assert_eq!(outcome.code, 2, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("Incomplete: 2 files"), "{}", outcome.stderr);
        let run = "SELECT state, exit_code FROM sync_run ORDER BY id DESC LIMIT 1";
        assert_eq!(home.rows(run), [["incomplete", "2"]]);
        let types = "SELECT resource_type, state, reason FROM completeness ORDER BY 1";
        let expected = [["Patient", "complete", ""], ["Resource", "incomplete", "not_json"]];
        assert_eq!(home.rows(types), expected);
        assert_eq!(home.run(&["status"]).code, 2);
        home.succeed(&["verify"], "an unread file");
        assert_eq!(import(&home, "mary", &fine).code, 0);
        assert_eq!(home.rows(run), [["complete", "0"]]);
        assert_eq!(home.run(&["status"]).code, 0);
        home.succeed(&["verify"], "a mended import");
    }
}

#[cfg(unix)]
#[test]
fn an_import_that_is_stopped_is_incomplete_also_while_its_input_is_silent() {
    let home = Home::new();
    let observation = |number: u32| {
        format!(
            r#"{{"resourceType":"Observation","id":"o{number}","status":"final",
            "subject":{{"reference":"Patient/p"}},"code":{{"text":"weight"}}}}"#
        )
    };
    let resources: Vec<String> =
        std::iter::once(member("p")[0].clone()).chain((0..1500).map(observation)).collect();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut command = home.command(&["import", "mary", "-"]);
    command.stdin(reader);
    let mut run = Watched::spawn(command, "import mary -".to_owned());
    writer.write_all(ndjson(&resources).as_bytes()).unwrap();
    let is_stored = || {
        let made = "SELECT count(*) FROM sqlite_schema WHERE name = 'completeness'";
        home.file("warehouse.db").exists()
            && home.value::<i64>(made) == 1
            && home.value::<i64>("SELECT count(*) FROM resource") >= 1000
    };
    assert!(run.until(is_stored), "it ended early");
    run.terminate();
    let ended = run.end();
    drop(writer);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("Stopped: 1 file"), "{}", ended.stderr);
    let types = "SELECT DISTINCT state, reason FROM completeness";
    assert_eq!(home.rows(types), [["incomplete", "interrupted"]]);
    assert_eq!(home.rows("SELECT state, exit_code FROM sync_run"), [["interrupted", "2"]]);
    assert_eq!(home.run(&["status"]).code, 2);
    let file = put(&home, "all.ndjson", ndjson(&resources));
    assert_eq!(import(&home, "mary", &file).code, 0);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM resource"), 1501);
    assert_eq!(home.run(&["status"]).code, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_that_is_named_as_a_file_is_read_from_its_first_byte() {
    let all = member("p").map(|one| one.replace('\n', &" ".repeat(600)));
    let text = ndjson(&all);
    for bytes in [text.clone().into_bytes(), zipped(&[("all.ndjson", &text)])] {
        let home = Home::new();
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut command = home.command(&["import", "mary", "/dev/stdin"]);
        command.stdin(reader);
        writer.write_all(&bytes).unwrap();
        drop(writer);
        let outcome = Outcome::of(&mut command);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert_eq!(stored(&home), sorted(&all));
    }
}
