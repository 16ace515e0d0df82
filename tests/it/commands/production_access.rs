//! `payersync production-access`: every question of 1upHealth's has an answer or an open place, every
//! open place is listed, and what a person edited stays.

use crate::support::{Home, Outcome};
use payersync::config::ProductionAccess;
use std::{collections::BTreeSet, fs, path::Path};

/// A home with a plan on the demo hosts and one in production.
const PLANS: &str = "[plans.demo]\nfhir_url = \"https://api.1uphealthdemo.com/r4\"\n\
    authorize_url = \"https://auth.1uphealthdemo.com/oauth2/authorize/test\"\n\
    token_url = \"https://auth.1uphealthdemo.com/oauth2/token\"\n\
    client_id = \"0a1b2c\"\nclient_secret_env = \"SECRET_OF_THE_PLAN\"\n\
    [plans.acme]\nfhir_url = \"https://api.acme.example/r4\"\n\
    authorize_url = \"https://auth.acme.example/oauth2/authorize/acme\"\n\
    token_url = \"https://auth.acme.example/oauth2/token\"\nclient_id = \"0a1b2c\"\n\
    client_secret_env = \"SECRET_OF_THE_PLAN\"\nscope = \"patient/*.read openid\"\n\
    redirect_url = \"https://www.example.com/consent/acme\"\ntypes = [\"Patient\"]\n";

/// Runs it in a home; the pack is a folder there.
fn write(home: &Home, arguments: &[&str]) -> Outcome {
    let folder = home.file("pack").display().to_string();
    let outcome = home.run(&[&["production-access", &folder], arguments].concat());
    assert_eq!(outcome.stdout, "", "{}", outcome.stderr);
    outcome
}

fn written(home: &Home) -> Outcome {
    let outcome = write(home, &[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome
}

fn paper(home: &Home, name: &str) -> String {
    fs::read_to_string(home.file("pack").join(name)).unwrap()
}

/// A home with a configuration that answers everything under `[production_access]`.
fn answered(plans: &str) -> Home {
    let home = Home::new();
    let keys = ProductionAccess::keys();
    let answers: String =
        keys.iter().map(|key| format!("{key} = \"the answer to {key}\"\n")).collect();
    home.write_private("payersync.toml", &format!("[production_access]\n{answers}{plans}"));
    home
}

fn set(home: &Home, key: &str, value: &str) {
    let text = fs::read_to_string(home.file("payersync.toml")).unwrap();
    let old = format!("{key} = \"the answer to {key}\"");
    assert!(text.contains(&old));
    let text = text.replace(&old, &format!("{key} = {value:?}"));
    home.write_private("payersync.toml", &text);
}

#[test]
fn every_item_that_is_asked_for_has_an_answer_or_an_open_place() {
    let home = Home::new();
    written(&home);
    for (name, items) in [
        (
            "README.md",
            &[
                "1up-dev-portal",
                "**Create a Client**",
                "**Access Type**",
                "**Client Name**",
                "**Redirect URL**",
                "**Sandbox\n   Clients**",
            ][..],
        ),
        (
            "demo-request.md",
            &[
                "payer-patient-access@1up.health",
                "1. Company: [OPERATOR]",
                "use case: [APPLICATION]. [DESCRIPTION]",
                "3. Client id: [CLIENT ID]",
            ],
        ),
        (
            "production-request.md",
            &[
                "cms-prod-access@1up.health",
                "Privacy & Security Attestation Questionnaire",
                "(attestation.md)",
                "(recording.md)",
                "| Name | [APPLICATION] |",
                "| Description | [DESCRIPTION] |",
                "[PERSONAS]",
                "| Logo | attached",
                "[SUPPORT EMAIL]",
                "[SECURITY CONTACT]",
                "[PRIVACY POLICY URL]",
                "[TERMS URL]",
                "[HTTPS REDIRECT URLS]",
                "R4, version 4.0.1",
                "intermediary for other applications? | [AUDIENCE]",
                "cost, and whom? | [COST]",
                "test instance? | [TEST INSTANCE]",
                "health plans? | [SHARING]",
                "all 60+ health plans? | [PLANS WANTED]",
            ],
        ),
        (
            "attestation.md",
            &[
                "encrypted in transit?",
                "encrypted at rest?",
                "How is it deleted?",
                "How does a member withdraw?",
                "What is logged?",
            ],
        ),
        ("recording.md", &["payersync connect demo", "payersync report", "4.0.1"]),
        (
            "ftc.md",
            &[
                "mobile-health-apps-interactive-tool",
                "Health Breach Notification Rule",
                "60 calendar days",
            ],
        ),
        (
            "privacy-policy.md",
            &["## What we collect", "## With whom we share it", "## What you can do"],
        ),
        ("terms-of-service.md", &["**Who may use it.**", "**Contact.**"]),
        ("checklist.md", &["- [ ] the privacy policy is published", "4.0.1"]),
        ("logo.svg", &["<svg ", "viewBox=\"0 0 512 512\""]),
    ] {
        let text = paper(&home, name);
        for item in items {
            assert!(text.contains(item), "{name}: {item}");
        }
    }
}

#[test]
fn the_pack_is_the_folder_of_the_repository_and_each_link_in_it_leads_somewhere() {
    let home = Home::new();
    written(&home);
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let mut expected = names(Path::new("docs/production-access"));
    expected.extend(["open.md", "pack.json"].map(str::to_owned));
    assert_eq!(names(&home.file("pack")), expected);
    for name in expected.iter().filter(|name| name.ends_with(".md")) {
        for link in paper(&home, name).split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            let leads = target.starts_with("https://") || expected.contains(target);
            assert!(leads, "{name}: {target}");
        }
    }
}

/// The words in square brackets, found in another way than the program does.
fn bracketed(text: &str) -> Vec<String> {
    let text = text.replace("\n> ", " ").replace('\n', " ");
    text.split('[')
        .skip(1)
        .filter_map(|rest| rest.split_once(']'))
        .filter(|(words, behind)| {
            let first = words.split([' ', ':']).next().unwrap();
            let has_letters = first.contains(|c: char| c.is_ascii_uppercase());
            let is_loud = !first.contains(|c: char| c.is_ascii_lowercase());
            has_letters && is_loud && words.len() > 1 && !behind.starts_with('(')
        })
        .map(|(words, _)| words.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn every_open_place_is_listed_with_its_line_and_its_key() {
    let bare = Home::new();
    let said = written(&bare).stderr;
    let open = paper(&bare, "open.md");
    let papers = fs::read_dir("docs/production-access").unwrap();
    let mut count = 0;
    for name in papers.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        let places = if name.ends_with(".md") { bracketed(&paper(&bare, &name)) } else { vec![] };
        let list = open.split(&format!("\n## {name}: ")).nth(1).unwrap_or_default();
        let list = list.split("\n## ").next().unwrap();
        for (line, place) in list.lines().skip(2).zip(&places) {
            assert!(line.contains(&format!(": {place}")), "{name}: {line}: {place}");
            let number = line.trim_start_matches("- [ ] line ").split(':').next().unwrap();
            let text = paper(&bare, &name);
            let there = text.lines().nth(number.parse::<usize>().unwrap() - 1).unwrap();
            let begin = place.split_whitespace().next().unwrap();
            assert!(there.contains(&format!("[{begin}")), "{name}:{number}: {there}");
        }
        assert_eq!(list.matches("- [ ] line ").count(), places.len(), "{name}");
        count += places.len();
    }
    assert!(count > 60, "{count}");
    assert!(said.contains(&format!("{count} open places: ")), "{said}");
    assert!(open.contains(&format!("{count} places in square brackets")), "{open}");
    assert!(open.contains(": SUPPORT EMAIL: `support_email` in `[production_access]`"), "{open}");
    assert!(open.contains(": VAULT KEY: a key lies in the home"), "{open}");

    // Each key answers a place, and nothing that the configuration can answer stays open.
    let home = answered(PLANS);
    home.write_private("key", "");
    let folder = home.file("pack").display().to_string();
    let open = || {
        let mut command = home.command(&["production-access", &folder]);
        command.env("PAYERSYNC_VAULT_KEY_FILE", "/run/elsewhere/key");
        assert!(command.output().unwrap().status.success());
        paper(&home, "open.md")
    };
    // A key of before is in the home still: that it moved is no answer to give.
    home.write_private("vault.key", "");
    let old = open();
    assert!(old.contains(": VAULT KEY: a key lies in the home"), "{old}");
    fs::remove_file(home.file("vault.key")).unwrap();
    let open = open();
    assert!(!open.contains("[production_access]") && !open.contains("redirect_url"), "{open}");
    assert!(!open.contains("VAULT KEY") && open.contains("YOU: "), "{open}");
    let all: String =
        ["README.md", "demo-request.md", "production-request.md", "privacy-policy.md"]
            .map(|name| paper(&home, name))
            .concat();
    for key in ProductionAccess::keys() {
        assert!(all.contains(&format!("the answer to {key}")), "{key} answers nothing");
    }
}

#[test]
fn the_papers_say_what_the_configuration_says_and_no_secret() {
    let home = answered(PLANS);
    written(&home);
    let request = paper(&home, "production-request.md");
    assert!(request.contains("| Client id | `0a1b2c` |"), "{request}");
    assert!(request.contains("as registered | `https://www.example.com/consent/acme` |"));
    assert!(request.contains("| Scopes | patient/*.read openid; the plan's default |"));
    let readme = paper(&home, "README.md");
    let both = "`http://127.0.0.1:8971/callback/demo`, `https://www.example.com/consent/acme`";
    assert!(readme.contains(both), "{readme}");
    assert!(paper(&home, "attestation.md").contains("superseded versions are kept for ever."));
    // One plan alone.
    let outcome = write(&home, &["--plan", "acme"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(!paper(&home, "README.md").contains("127.0.0.1"));
    assert!(paper(&home, "production-request.md").contains("| Resource types | Patient |"));
    let outcome = write(&home, &["--plan", "nobody"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("has no plan nobody"), "{}", outcome.stderr);
    // What `payersync init` writes as a client id is none, and a secret's name is nobody's business.
    let init = Home::new();
    init.succeed(&["init"], "nothing");
    written(&init);
    assert!(paper(&init, "production-request.md").contains("| Client id | [CLIENT ID] |"));
    assert!(paper(&init, "open.md").contains("CLIENT ID: `client_id` of the plan"));
    for home in [&home, &init] {
        for entry in fs::read_dir(home.file("pack")).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            for secret in ["SECRET_OF_THE_PLAN", "your-client-id`", "PAYERSYNC_DEMO_SECRET"] {
                assert!(!text.contains(secret), "{secret}");
            }
        }
    }
}

#[test]
fn what_a_person_edited_is_kept_and_a_changed_version_is_put_beside_it() {
    let home = answered("");
    written(&home);
    let policy = home.file("pack/privacy-policy.md");
    let new = home.file("pack/privacy-policy.md.new");
    let theirs = paper(&home, "privacy-policy.md").replace("[DAYS]", "30 days");
    fs::write(&policy, &theirs).unwrap();

    // Nothing changed: it stays, nothing comes beside it, and its places count as they are now.
    let said = written(&home).stderr;
    assert!(said.contains("privacy-policy.md has your changes and was kept\n"), "{said}");
    assert_eq!(paper(&home, "privacy-policy.md"), theirs);
    assert!(!new.exists());
    assert!(!paper(&home, "open.md").contains(": DAYS\n"), "{}", paper(&home, "open.md"));

    // The configuration changed: their file stays, others are written anew.
    set(&home, "operator", "Second Ltd");
    let said = written(&home).stderr;
    assert!(said.contains("the new version is privacy-policy.md.new"), "{said}");
    assert_eq!(paper(&home, "privacy-policy.md"), theirs);
    assert!(paper(&home, "privacy-policy.md.new").contains("Second Ltd"));
    assert!(paper(&home, "terms-of-service.md").contains("Second Ltd"));
    assert!(!home.file("pack/terms-of-service.md.new").exists());

    // Compared and removed: it does not come again.
    fs::remove_file(&new).unwrap();
    written(&home);
    assert!(!new.exists());

    // A version beside it that a person edited is not overwritten either, and nothing else is written.
    set(&home, "purpose", "a third purpose");
    written(&home);
    fs::write(&new, "half merged").unwrap();
    set(&home, "address", "another street");
    let terms = paper(&home, "terms-of-service.md");
    let outcome = write(&home, &[]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("privacy-policy.md.new were edited"), "{}", outcome.stderr);
    assert_eq!(paper(&home, "privacy-policy.md.new"), "half merged");
    assert_eq!(paper(&home, "terms-of-service.md"), terms);

    // Taken over: the file is the program's again, and follows the configuration.
    fs::remove_file(&new).unwrap();
    written(&home);
    fs::rename(&new, &policy).unwrap();
    set(&home, "security_contact", "security@second.example");
    let said = written(&home).stderr;
    assert!(!said.contains("your changes"), "{said}");
    assert!(paper(&home, "privacy-policy.md").contains("security@second.example"));

    // A file that was removed comes back; without the hashes every other text is a person's.
    fs::remove_file(home.file("pack/ftc.md")).unwrap();
    written(&home);
    assert!(paper(&home, "ftc.md").contains("Section 5"));
    fs::remove_file(home.file("pack/pack.json")).unwrap();
    fs::write(&policy, "theirs").unwrap();
    written(&home);
    assert_eq!(paper(&home, "privacy-policy.md"), "theirs");
    assert!(new.exists());
    fs::write(home.file("pack/pack.json"), "{").unwrap();
    let outcome = write(&home, &[]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("pack.json is not as it was written"));
}

#[cfg(unix)]
#[test]
fn a_link_in_the_folder_leads_no_paper_elsewhere() {
    let home = answered("");
    fs::create_dir(home.file("pack")).unwrap();
    fs::write(home.file("elsewhere"), "theirs").unwrap();
    std::os::unix::fs::symlink(home.file("elsewhere"), home.file("pack/ftc.md")).unwrap();
    let outcome = write(&home, &[]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("is a symbolic link"), "{}", outcome.stderr);
    assert_eq!(fs::read_to_string(home.file("elsewhere")).unwrap(), "theirs");
    assert_eq!(fs::read_dir(home.file("pack")).unwrap().count(), 1);
}
