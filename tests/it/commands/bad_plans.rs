//! Keys of a plan that contradict each other: one clear message each. A plan that left the configuration.

use crate::support::{Home, Payer};
use payersync::sandbox::Options;

#[test]
fn keys_that_contradict_each_other_are_told_before_anything_is_asked() {
    for (lines, told) in [
        ("patient_claim = \"sub\"", "patient_claim is set, and patient_from is not \"id_token\""),
        ("patient_claim = \"\"\npatient_from = \"id_token\"", "patient_claim is empty"),
        ("scope = \"patient/*.read\"\npatient_from = \"id_token\"", "scope has no openid"),
        (
            "grant = \"client_credentials\"\npatient_from = \"id_token\"",
            "patient_from is set, but no member consents",
        ),
        (
            "patient_from = \"id_token\"\nauthorize_parameters = { nonce = \"1\" }",
            "authorize_parameters has nonce",
        ),
        ("patient_from = \"idtoken\"", "\"id_token\""),
        (
            "token_url = \"https://h/t\"\nrevocation_url = \"https://elsewhere/r\"",
            "revocation_url is at another origin than token_url",
        ),
        (
            "token_url = \"https://h/t\"\nintrospection_url = \"https://elsewhere/i\"",
            "introspection_url is at another origin than token_url",
        ),
        (
            "search = { Goal = \"https://h/r4/Goal?patient={patient}\" }",
            "search.Goal has a parameter \"https://h/r4/Goal?patient\"",
        ),
        ("search = { Goal = \"Goal?patient={patient}\" }", "write the query alone"),
        (
            "search = { Goal = [\"patient={patient}\", \"patient={patient}\"] }",
            "search.Goal has \"patient={patient}\" twice",
        ),
        ("token_auth = \"basic\"", "token_auth is \"basic\", which sends a client secret"),
        ("client_key_id = \"k\"", "client_key_id is set, but client_key_file names no key"),
        ("scope = \" \"", "scope is empty"),
        ("audience = \"\"", "audience is empty"),
        (
            "grant = \"client_credentials\"\nauthorize_parameters = { a = \"b\" }",
            "authorize_parameters is set, but no member consents",
        ),
        (
            "grant = \"client_credentials\"\nresponse_mode = \"fragment\"",
            "response_mode is set, but no member consents",
        ),
        ("cookies = \"yes\"", "must be true or false"),
        ("attachments = 5", "must be true or false"),
        ("[sync]\nattachment_max_mebibytes = 0", "sync.attachment_max_mebibytes is 0"),
        ("[sync]\nattachments_per_run = 0", "payersync.toml:5:"),
    ] {
        let home = Home::new();
        let plan = "[plans.demo]\nfhir_url = \"https://h/r4\"\nclient_id = \"x\"\n";
        std::fs::write(home.file("payersync.toml"), format!("{plan}{lines}\n")).unwrap();
        let outcome = home.run(&["sync"]);
        assert_eq!(outcome.code, 1, "{lines}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{lines}: {}", outcome.stderr);
        let is_error = |line: &&str| line.starts_with("error: ");
        assert_eq!(outcome.stderr.lines().filter(is_error).count(), 1, "{}", outcome.stderr);
    }
}

#[test]
fn a_base_that_is_more_than_a_base_and_keys_without_a_use_are_told() {
    for (plan, told) in [
        ("fhir_url = \"https://h/r4?tenant=1\"\nclient_id = \"x\"", "fhir_url has a query"),
        ("fhir_url = \"https://h/r4#a\"\nclient_id = \"x\"", "fhir_url has a query or a fragment"),
        (
            "fhir_url = \"https://h/r4\"\ngrant = \"none\"\ntoken_auth = \"basic\"",
            "token_auth is set",
        ),
        ("fhir_url = \"https://h/r4\"\ngrant = \"none\"\naudience = true", "audience is set"),
        (
            "fhir_url = \"https://h/r4\"\ngrant = \"none\"\nclient_key_id = \"k\"",
            "client_key_id is set",
        ),
    ] {
        let home = Home::new();
        std::fs::write(home.file("payersync.toml"), format!("[plans.demo]\n{plan}\n")).unwrap();
        let outcome = home.run(&["sync"]);
        assert_eq!(outcome.code, 1, "{plan}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{plan}: {}", outcome.stderr);
    }
    let home = Home::new();
    let twice = ["init", "--plan", "elevance", "--set", "brand=Summit", "--set", "brand=Unicare"];
    let outcome = home.run(&twice);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("brand is set twice"), "{}", outcome.stderr);
}

#[test]
fn a_plan_that_left_the_configuration_costs_its_own_connections_alone_and_status_says_so() {
    let payer = Payer::start(Options { members: 2, claims_per_member: 2, ..Options::default() });
    let home = payer.connected_home();
    home.succeed(&["sync", "--type", "Patient"], "a consent");
    let configuration = std::fs::read_to_string(home.file("payersync.toml")).unwrap();
    let second =
        configuration[configuration.find("[plans.demo]").unwrap()..].replace("demo]", "second]");
    let write = |text: &str| std::fs::write(home.file("payersync.toml"), text).unwrap();
    write(&(configuration.clone() + &second));
    payer.connect_to(&home, "second", "mary", 1);
    write(&configuration.replace("[plans.demo]", "[plans.second]"));
    let left_out = |names: &[&str]| {
        let outcome = home.run(&[&["sync"], names].concat());
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("Left out: john\n"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("has no plan demo"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("plans: second"), "{}", outcome.stderr);
    };
    left_out(&[]);
    let summary: String = home.value("SELECT summary FROM sync_run ORDER BY id DESC LIMIT 1");
    assert!(summary.starts_with("Incomplete: 1 connection, 1 left out, "), "{summary}");
    let synced = home.rows("SELECT DISTINCT connection FROM completeness WHERE state = 'complete'");
    assert_eq!(synced.concat(), ["mary"]);
    // What is judged by the ledger does not call john complete for as long as its last data is fresh.
    let entered = "SELECT count(*) FROM sync_walk w JOIN sync_run r ON r.id = w.run_id
                   WHERE w.resource_type = 'Patient' AND w.state = 'incomplete'
                     AND w.reason = 'configuration' AND r.exit_code = 1";
    assert_eq!(home.value::<i64>(entered), 1);
    let status = home.run(&["status", "john"]);
    assert_eq!(status.code, 1, "{status:?}");
    assert!(status.stdout.contains("has no plan demo"), "{status:?}");
    // Nor if the run could ask nobody.
    left_out(&["john"]);
    assert_eq!(home.value::<i64>(entered), 2);
    // A later run of mary alone, which is complete, hides nothing of john.
    home.succeed(&["sync", "mary"], "a plan that is there");
    let doctor = home.run(&["doctor", "--offline"]).stdout;
    let last_run = doctor.lines().find(|line| line.contains("last run: ")).unwrap();
    assert!(last_run.starts_with("look    last run: ended with exit code 0 at "), "{last_run}");
    // A star names every type.
    left_out(&["john", "--type", "*"]);
    assert_eq!(home.value::<i64>(entered), 3);
    let command = "SELECT command FROM sync_run ORDER BY id DESC LIMIT 1";
    assert_eq!(home.value::<String>(command), "sync");
    // Put right, it goes on. Until then `status` does not repeat what is no longer true.
    write(&configuration);
    let status = home.run(&["status", "john"]);
    assert_eq!(status.code, 1, "{status:?}");
    assert!(status.stdout.contains("in the last run, "), "{}", status.stdout);
    assert!(status.stdout.contains("hint: `payersync sync john` asks again"), "{}", status.stdout);
    assert!(!status.stdout.contains("known plans"), "{}", status.stdout);
    home.succeed(&["sync", "john", "--type", "Patient"], "a correction");
    assert_eq!(home.run(&["status", "john"]).code, 0);
}
