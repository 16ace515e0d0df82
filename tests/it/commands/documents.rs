//! No command of a document is left out: every block is run as it stands, or named here with what holds it,
//! and every command that a sentence or a message names is one.
#![cfg(unix)]

use crate::{
    commands::{command_examples::Stage, front_page},
    support::{Consenting, Home, Outcome, bash_command, scripts},
};
use clap::{Parser, error::ErrorKind};
use payersync::cli::Cli;
use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

/// Blocks that are not run: document, language, how many, and what holds them.
const NOT_RUN: [(&str, &str, usize, &str); 11] = [
    ("CONTRIBUTING.md", "diff", 1, "a file of config/tables, which `shapes` reads"),
    ("docs/architecture.md", "text", 1, "an arrow, which `tidy` keeps"),
    ("docs/architecture.md", "sql", 1, "DuckDB; `marts_together` asks it for every view"),
    (
        "docs/configuration.md",
        "toml",
        1,
        "a whole configuration, in `a_block_of_toml_is_understood`",
    ),
    ("docs/deidentify.md", "json", 1, "a part of manifest.json, which `export_deidentified` reads"),
    ("docs/lake.md", "python", 1, "run by `fill_a_lake`"),
    (
        "docs/lake.md",
        "sql",
        1,
        "DuckDB's extension is not in its package; `lake` reads with delta-rs",
    ),
    ("docs/production-access/README.md", "toml", 2, "in `a_block_of_toml_is_understood`"),
    ("docs/scale.md", "python", 1, "an example for Spark"),
    ("docs/tables.md", "mermaid", 10, "diagrams, whose names `docs::table_pages` looks up"),
    ("docs/vault-key.md", "toml", 1, "in `a_block_of_toml_is_understood`"),
];

/// Documents whose blocks of bash are run, and the file of the test that runs them.
const RUN_IN: [(&str, &str); 8] = [
    ("README.md", "tests/it/commands/front_page.rs"),
    ("CONTRIBUTING.md", "tests/it/commands/documents.rs"),
    ("docs/install.md", "tests/it/commands/documents.rs"),
    ("docs/lake.md", "tests/it/commands/documents.rs"),
    ("docs/production-access/README.md", "tests/it/commands/documents.rs"),
    ("docs/recipes.md", "tests/it/commands/recipes.rs"),
    ("docs/upgrading.md", "tests/it/never_lost/upgrading.rs"),
    ("docs/vault-key.md", "tests/it/commands/documents.rs"),
];

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

/// Language and text of every fenced block, however it is indented and whatever it is fenced with.
fn blocks(markdown: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String, String)> = None;
    for line in markdown.lines() {
        let text = line.trim_start();
        match open.take() {
            Some((fence, language, body)) if text.trim_end() == fence => {
                assert!(!language.is_empty(), "a block without a language: {body}");
                blocks.push((language, body));
            }
            Some((fence, language, body)) => open = Some((fence, language, body + line + "\n")),
            None => {
                let fence: String = text.chars().take_while(|c| "`~".contains(*c)).collect();
                if fence.len() >= 3 {
                    open = Some((fence.clone(), text[fence.len()..].to_owned(), String::new()));
                }
            }
        }
    }
    assert!(open.is_none(), "a block without an end");
    blocks
}

/// Every document that git knows.
fn documents() -> Vec<String> {
    let output = Command::new("git").args(["ls-files", "*.md"]).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn every_block_of_every_document_is_run_or_named() {
    let documents = documents();
    assert!(documents.len() > 60, "{}", documents.len());
    let mut left: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut run = 0;
    for name in &documents {
        let text = read(name);
        let blocks = blocks(&text);
        let bash = blocks.iter().filter(|(language, _)| language == "bash").count();
        assert_eq!(scripts(&text).len(), bash, "{name}: a block that no test would find");
        let own = RUN_IN.iter().find(|(document, _)| document == name);
        let is_page = name.starts_with("docs/commands/");
        let is_by_front_page = name.starts_with("docs/") && front_page::runs(name);
        if bash > 0 {
            assert!(
                own.is_some() || is_page || is_by_front_page,
                "{name}: no test runs its blocks"
            );
        }
        if let Some((document, test)) = own {
            let file = Path::new(document).file_name().unwrap().to_str().unwrap();
            assert!(bash > 0 && read(test).contains(file), "{test} does not run {document}");
        }
        run += bash;
        for (language, body) in blocks {
            let is_run = match language.as_str() {
                "bash" => true,
                "sql" => (is_by_front_page || name == "README.md") && body.starts_with("SELECT"),
                // `docs::command_pages` compares it with the help.
                "text" => is_page,
                _ => false,
            };
            if !is_run {
                *left.entry((name.clone(), language)).or_default() += 1;
            }
        }
    }
    assert!(run > 75, "{run}");
    let named: BTreeMap<(String, String), usize> = NOT_RUN
        .iter()
        .map(|(name, word, count, _)| ((name.to_string(), word.to_string()), *count))
        .collect();
    assert_eq!(left, named);
}

/// A program in another one's place.
type Stub<'a> = (&'a str, String);

/// Runs every block of a document; the blocks.
fn play_all(
    stage: &Stage,
    home: &Home,
    work: &Path,
    name: &str,
    programs: &[Stub<'_>],
) -> Vec<String> {
    let scripts = scripts(&read(name));
    for script in &scripts {
        let outcome = stage.play(home, work, script, programs);
        let Outcome { code, stdout, stderr } = outcome;
        assert_eq!(code, 0, "{name}: {script}: {stdout}{stderr}");
    }
    scripts
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

/// In place of a program of the repository: whether the repository has it.
fn stand_in(work: &Path, path: &str) {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    put(&work.join(path), &format!("#!/bin/bash\n[[ -x '{}' ]]\n", real.display()));
}

#[test]
fn the_blocks_of_these_documents_run_as_they_stand() {
    let stage = Stage::new();
    install(&stage);
    seal_the_key(&stage);
    contribute(&stage);
    go_to_production(&stage);
    #[cfg(feature = "lake")]
    fill_a_lake(&stage);
}

/// Everything but what belongs to the system.
fn install(stage: &Stage) {
    let (home, work) = (stage.home.copy(), tempfile::tempdir().unwrap());
    stand_in(work.path(), "scripts/release");
    put(&work.path().join("target/dist/payersync_0.1.0-1_amd64.deb"), "");
    let units = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/deploy");
    let programs = [
        ("cargo", "[[ $* == 'install --path . --locked' ]]".to_owned()),
        ("sudo", "exec \"$@\"".to_owned()),
        ("apt-get", "[[ $1 == install && -f $2 && $# == 2 ]]".to_owned()),
        (
            "systemctl",
            format!(
                "[[ $1 == disable ]] || exit 1; for unit in \"${{@:3}}\"; do [[ -f {units}/$unit ]] || exit 1; done"
            ),
        ),
        ("crontab", "[[ $* == -e ]]".to_owned()),
    ];
    play_all(stage, &home, work.path(), "docs/install.md", &programs);
    assert!(home.file(".local/share/man/man1/payersync-sync.1").exists());
    assert_eq!(home.value::<u32>("SELECT count(*) FROM connection"), 0, "purged");
}

fn seal_the_key(stage: &Stage) {
    let work = tempfile::tempdir().unwrap();
    let arguments = "encrypt --with-key=host+tpm2 --name=vault-key - /etc/payersync/vault-key.cred";
    let seal = format!("[[ $* == '{arguments}' && $(base64 -d | wc -c) == 32 ]]");
    let programs = [("systemd-creds", seal)];
    play_all(stage, &stage.home, work.path(), "docs/vault-key.md", &programs);
}

fn contribute(stage: &Stage) {
    let work = tempfile::tempdir().unwrap();
    let text = read("CONTRIBUTING.md");
    let words = text.split_whitespace().filter(|word| {
        ["scripts/", ".ci/", "tests/fuzz/run"].iter().any(|start| word.starts_with(start))
    });
    words.for_each(|word| {
        stand_in(
            work.path(),
            word.trim_matches(|c: char| !c.is_alphanumeric() && c != '.' && c != '/'),
        )
    });
    std::os::unix::fs::symlink(
        concat!(env!("CARGO_MANIFEST_DIR"), "/config"),
        work.path().join("config"),
    )
    .unwrap();
    let cargo = "case \"$*\" in 'test --test it '*) ;; 'run -- '*) shift 2; exec payersync \"$@\";; *) exit 1;; esac";
    let programs = [("cargo", cargo.to_owned())];
    play_all(stage, &stage.home, work.path(), "CONTRIBUTING.md", &programs);
    assert!(Path::new("tests/it/main.rs").exists());
}

fn go_to_production(stage: &Stage) {
    let (home, work) = (stage.home.copy(), tempfile::tempdir().unwrap());
    let text = read(&home.file("payersync.toml").display().to_string());
    let demo = text.split("[plans.demo]").nth(1).unwrap().split("\n[").next().unwrap().to_owned();
    home.write_private("payersync.toml", &format!("{text}\n[plans.acme]{demo}\n"));
    let page = "docs/production-access/README.md";
    let [pack, demo, paste, production] = <[String; 4]>::try_from(scripts(&read(page))).unwrap();
    for script in [pack, demo] {
        let outcome = stage.play(&home, work.path(), &script, &[]);
        assert_eq!(outcome.code, 0, "{script}: {}", outcome.stderr);
    }
    assert!(work.path().join("pack/open.md").exists() && work.path().join("demo.html").exists());
    let command = bash_command(&paste, work.path(), home.path(), &[]);
    let consent = |url: &str| stage.payer.consent(url, 0);
    let (code, said) = Consenting::start_command(command, consent).answer().end();
    assert_eq!(code, 0, "{said}");
    // A home with a demo in it is not ready, and each reason is named.
    let outcome = stage.play(&home, work.path(), &production, &[]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("is not a production server"), "{}", outcome.stdout);
}

/// Of what goes to a bucket the words alone are tried: `lake_s3` has a bucket.
#[cfg(feature = "lake")]
fn fill_a_lake(stage: &Stage) {
    let work = tempfile::tempdir().unwrap();
    let payersync = format!(
        "case \"$*\" in *s3:*) set -- \"$@\" --help;; esac; exec {} \"$@\"",
        env!("CARGO_BIN_EXE_payersync")
    );
    let programs = [("payersync", payersync)];
    play_all(stage, &stage.home, work.path(), "docs/lake.md", &programs);
    let Some(python) = crate::support::python_with_delta() else { return };
    let text = read("docs/lake.md");
    let blocks = blocks(&text);
    let (_, block) = blocks.iter().find(|(language, _)| language == "python").unwrap();
    // Python is left at once: on its way out a thread of pyarrow's ends it now and then (exit code 134).
    let script = format!(
        "{} - <<'END'\n{}\nassert len(table) > 0\nimport os\nos._exit(0)\nEND",
        python.display(),
        block.replace("deltalake.DeltaTable", "table = deltalake.DeltaTable")
    );
    let outcome = stage.play(&stage.home, work.path(), &script, &[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn a_block_of_toml_is_understood() {
    let payer = "fhir_url = \"https://api.example/r4\"\nclient_id = \"c\"\n";
    for (name, before) in [
        ("docs/vault-key.md", String::new()),
        ("docs/configuration.md", String::new()),
        ("docs/production-access/README.md", format!("[plans.demo]\n{payer}")),
    ] {
        let text: String = blocks(&read(name))
            .into_iter()
            .filter(|(language, _)| language == "toml")
            .map(|(_, body)| body)
            .collect();
        let home = Home::new();
        home.write_private("payersync.toml", &format!("{before}{text}"));
        let outcome = home.run(&["config", "show"]);
        assert_eq!(outcome.code, 0, "{name}: {}", outcome.stderr);
    }
}

/// The commands that a text names between backticks.
fn named(text: &str) -> Vec<String> {
    let text = text.replace("\\\"", "\"").replace("\\\n", " ");
    let spans = text.split('`').skip(1).step_by(2);
    spans.filter(|span| span.starts_with("payersync ")).map(str::to_owned).collect()
}

/// The words of a command line without substitutions.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_that_a_sentence_or_a_message_names_is_one() {
    let output =
        Command::new("git").args(["ls-files", "*.md", "src/**/*.rs", "src/*.txt"]).output();
    let listed = String::from_utf8(output.unwrap().stdout).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for name in listed.lines() {
        for line in read(name).split("\n\n").flat_map(named) {
            // A form that stands for several commands.
            if line.contains(['…', '[', '|', '$', '*', '?']) || line.starts_with("payersync {") {
                continue;
            }
            count += 1;
            let Err(error) = Cli::try_parse_from(words(&line)) else { continue };
            let is_part = matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument
                    | ErrorKind::MissingSubcommand
                    | ErrorKind::DisplayHelp
                    | ErrorKind::DisplayVersion
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            );
            // A placeholder where a number or a day stands.
            let is_open =
                matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
            if !is_part && !is_open {
                wrong.push(format!("{name}: {line}: {}", error.kind()));
            }
        }
    }
    assert!(count > 300, "{count}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
