//! Keys of a plan that contradict each other: one clear message each.

use crate::support::Home;

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
