//! Every command with wrong arguments: what it ends with, and what it says, in two lines at most.

use crate::support::{Home, Payer};

/// Arguments, exit code, what the message has, what the hint has (`-` where clap has the word).
const WRONG: [(&str, i32, &str, &str); 47] = [
    ("snyc", 1, "unrecognized subcommand 'snyc'", "-"),
    ("sync nobody", 1, "there is no connection nobody", "known connections: mary"),
    ("sync --type Claims", 1, "there is no resource type Claims", "did you mean Claim?"),
    ("backfill mary", 1, "--from <DATE>", "-"),
    ("backfill mary --from 2026-13-01", 1, "not a date such as 2026-01-31", "-"),
    ("backfill mary --from 2026-02-01 --to 2026-01-31", 1, "is after --to 2026-01-31", ""),
    ("import mary nofile.json", 1, "cannot read nofile.json", "name a file or folder that exists"),
    ("import new /etc/passwd", 1, "/etc/passwd: is not JSON", "give FHIR R4 resources as JSON"),
    ("connect mary --plan nope", 1, "has no plan nope", "known plans: demo"),
    ("connect mary --plan demoo", 1, "has no plan demoo", "did you mean demo? known plans: demo"),
    ("connect ma|ry --plan demo", 1, "\"ma ry\" cannot be a connection's name", "use letters"),
    ("run --shard 5/3", 1, "not a shard such as 1/4", "-"),
    ("status nobody", 1, "there is no connection nobody", "known connections: mary"),
    ("status --max-age 3x", 1, "not an age such as 90m, 36h or 8d", "-"),
    ("status --prometheus /nodir/x.prom", 1, "cannot write /nodir/x.prom", "node_exporter"),
    ("tables nope", 1, "there is no table nope", "`payersync tables` lists them"),
    ("query SELEC|1", 1, "syntax error", "`payersync query --help` has examples"),
    ("query DELETE|FROM|patient", 1, "the statement writes, and a query only reads", "SELECT"),
    ("query SELECT|nope|FROM|patient", 1, "no such column: nope", "`payersync tables NAME`"),
    ("query SELECT|:x", 1, "parameter :x has no value", "`--param NAME=VALUE`"),
    ("query --as-of yesterday SELECT|1", 1, "not a date such as 2026-01-31 or", "-"),
    ("query --format yaml SELECT|1", 1, "invalid value 'yaml'", "-"),
    ("explain nope x", 1, "there is no table or mart nope", "`payersync tables --all`"),
    ("explain patient x", 1, "no Patient with this id is stored", "`payersync query "),
    ("report /nodir/x.html", 1, "cannot write /nodir/x.html", "check that the folder exists"),
    ("export out --since 99", 1, "there is no run 99", "the newest run is"),
    ("export out --set everything", 1, "invalid value 'everything'", "-"),
    ("rebuild nope", 1, "there is no table nope", "`payersync tables` lists them"),
    ("backup /nodir/b.db", 5, "cannot write /nodir/b.db: ", "check that the folder exists"),
    ("backup c.db --encrypt age1nonsense", 1, "is not an age recipient", "begins with age1"),
    ("restore nofile.db", 1, "exists; it was left as it is", "name a new home with --home"),
    ("config shwo", 1, "unrecognized subcommand 'shwo'", "-"),
    ("get Patient --connection nobody", 1, "there is no connection nobody", "mary"),
    ("get https://example.com/x --connection mary", 1, "the token is for", "below the plan's"),
    ("jwks nobody", 1, "has no plan nobody", "known plans: demo"),
    ("jwks demo", 1, "plan demo has no client key", "token_auth = \"private_key_jwt\""),
    ("purge nobody", 1, "there is no connection nobody", "known connections: mary"),
    ("move mary /nodir", 1, "cannot use the home /nodir", "`payersync init` makes one"),
    ("codes load nofile", 1, "cannot read nofile", "name a file that exists"),
    ("codes load /etc/passwd", 1, "is not a known code list", "ICD-10-CM"),
    ("completions csh", 1, "invalid value 'csh'", "-"),
    ("production-access /proc/x", 1, "cannot write /proc/x", "name a folder that this user"),
    ("sandbox --like nobody", 1, "unknown platform \"nobody\"", "-"),
    ("init --plan nope", 1, "there is no preset nope", "`payersync init --list`"),
    ("init --plan elevance --set x", 1, "not KEY=VALUE", "-"),
    ("--log nonsense=x status", 1, "--log or PAYERSYNC_LOG cannot be understood", "a level (off"),
    ("notify --test", 1, "names nobody to tell", "set command, webhook, mail_to or ping"),
];

#[test]
fn wrong_arguments_are_answered_with_what_is_wrong_and_what_to_do() {
    let payer = Payer::small();
    let home = Home::new();
    payer.configure(&home, "");
    payer.connect(&home, "mary", 0);
    home.succeed(&["sync", "--type", "Patient"], "a consent");
    let folder = tempfile::tempdir().unwrap();
    for (line, code, message, hint) in WRONG {
        let words: Vec<String> = line.split(' ').map(|word| word.replace('|', " ")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = home.command(&words).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {said}");
        assert!(output.stdout.is_empty(), "{line}");
        assert!(said.starts_with("error: ") && said.contains(message), "{line}: {said}");
        if hint == "-" {
            assert!(said.contains("--help"), "{line}: {said}");
        } else {
            let lines: Vec<&str> = said.lines().collect();
            let hinted = lines.get(1).copied().unwrap_or_default();
            assert!(hinted.contains(hint), "{line}: {said}");
            assert_eq!(lines.len(), if hint.is_empty() { 1 } else { 2 }, "{line}: {said}");
            // The hint says something that the message has not said.
            assert!(!lines[0].contains(hinted.trim_start_matches("hint: ")) || hint.is_empty());
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was written");
}

#[test]
fn a_machine_without_certificates_is_told_what_it_lacks() {
    let home = Home::new();
    let mut command = home.command(&["demo"]);
    for place in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env(place, "/nowhere");
    }
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("\nerror: cannot set up HTTPS on this machine: "), "{said}");
    assert!(said.contains("package ca-certificates"), "{said}");
}
