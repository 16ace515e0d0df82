//! Doctor compares a plan's section with what the plan publishes about itself.

use crate::support::{Dictated, Home};

fn doctor(payer: &Dictated, lines: &str) -> String {
    let home = Home::new();
    home.write_private("s", "a secret of tests");
    payer.configure(&home, lines);
    home.run(&["doctor"]).stdout
}

#[test]
fn a_plan_of_another_fhir_release_is_refused_with_its_name() {
    let payer = Dictated::start();
    payer.script().declared = vec!["Patient", "Condition"];
    for (version, told) in [
        ("4.0.1", "ok      plan demo: answers with a CapabilityStatement"),
        ("4.0.0", "ok      plan demo: answers"),
        ("3.0.2", "wrong   plan demo: serves FHIR 3.0.2 (STU3), and payersync reads R4 (4.0.1)"),
        ("5.0.0", "wrong   plan demo: serves FHIR 5.0.0 (R5), and payersync"),
        ("4.3.0", "wrong   plan demo: serves FHIR 4.3.0 (R4B), and payersync"),
        ("1.0.2", "wrong   plan demo: serves FHIR 1.0.2 (DSTU2), and payersync"),
        // What is no version is not repeated.
        ("\\u001b[31m", "ok      plan demo: answers"),
    ] {
        payer.script().statement = format!(r#","fhirVersion":"{version}""#);
        let said = doctor(&payer, "");
        assert!(said.contains(told), "{version}: {said}");
        assert!(!said.contains("[31m"), "{said}");
    }
}

#[test]
fn types_that_the_statement_does_not_declare_are_named() {
    let payer = Dictated::start();
    payer.script().declared = vec!["Patient", "Condition"];
    let said = doctor(&payer, "types = [\"Patient\", \"Goal\", \"*\"]\n");
    assert!(
        said.contains("look    plan demo types: the CapabilityStatement does not declare Goal"),
        "{said}"
    );
    let said = doctor(&payer, "types = [\"Patient\", \"Condition\"]\n");
    assert!(!said.contains("plan demo types"), "{said}");
    // A type that has a base of its own is declared there.
    let bases = format!("bases = {{ Goal = \"{}\" }}\n", payer.base().replace("/r4", "/pdex"));
    let said = doctor(&payer, &format!("types = [\"Patient\", \"Goal\"]\n{bases}"));
    assert!(!said.contains("plan demo types"), "{said}");
}

#[test]
fn a_scope_without_data_is_right_at_some_plans() {
    let payer = Dictated::start();
    let said = doctor(&payer, "scope = \"launch/patient offline_access\"\n");
    assert!(said.contains("plan demo scope: names no scope for data"), "{said}");
    assert!(said.contains("this is right if the plan decides scopes at registration"), "{said}");
    let said = doctor(&payer, "scope = \"launch/patient patient/*.read\"\n");
    assert!(!said.contains("plan demo scope"), "{said}");
}

#[test]
fn a_scope_that_lets_a_named_type_only_be_read_is_told_unless_it_is_read_by_id() {
    let payer = Dictated::start();
    let scope = "scope = \"launch/patient patient/*.r\"\nsearch = { Goal = \"read\" }\n";
    let said = doctor(
        &payer,
        &format!(
            "{scope}types = [\"Patient\", \"Coverage\", \"Goal\", \"Location\", \"Condition\"]\n"
        ),
    );
    assert!(
        said.contains(
            "plan demo scope: gives no right to search Condition, which the key types names"
        ),
        "{said}"
    );
    let said = doctor(&payer, &format!("{scope}types = [\"Patient\", \"Location\"]\n"));
    assert!(!said.contains("plan demo scope"), "{said}");
}

#[test]
fn what_the_discovery_document_says_otherwise_is_told_and_agreement_too() {
    let payer = Dictated::start();
    let told = |discovery: &str, lines: &str| {
        payer.script().token_endpoint = Some(payer.token_url());
        payer.script().discovery = discovery.to_owned();
        doctor(&payer, lines)
    };
    let said = told("", "");
    let differs = "authorize_url differs from the plan's authorization_endpoint, which is \
                   https://plan.example/a";
    assert!(said.contains(differs), "{said}");
    // Of two members of one name the later counts.
    let same = format!(
        r#","authorization_endpoint":"{}""#,
        payer.token_url().replace("/token", "/authorize")
    );
    let secret = "client_secret_file = \"s\"\n";
    let methods = r#","token_endpoint_auth_methods_supported":["client_secret_basic","none","x"]"#;
    for (discovery, lines, told_of) in [
        ("", "", "ok      plan demo discovery: agrees with the configuration"),
        (methods, "", "ok      plan demo discovery"),
        (
            methods,
            secret,
            "token_auth is \"post\", and the plan's token endpoint takes client_secret_basic, none",
        ),
        (
            methods,
            "client_secret_file = \"s\"\ntoken_auth = \"basic\"\n",
            "ok      plan demo discovery",
        ),
        (
            r#","code_challenge_methods_supported":["plain"]"#,
            "",
            "pkce is on, and the plan does not",
        ),
        (
            r#","code_challenge_methods_supported":["plain"]"#,
            "pkce = false\n",
            "ok      plan demo discovery",
        ),
        (r#","revocation_endpoint":7"#, "", "ok      plan demo discovery"),
    ] {
        let said = told(&format!("{same}{discovery}"), lines);
        assert!(said.contains(told_of), "{discovery} {lines}: {said}");
    }
    let revoke = payer.token_url().replace("/token", "/revoke");
    let named = format!(r#"{same},"revocation_endpoint":"{revoke}""#);
    let said = told(&named, "");
    assert!(
        said.contains(&format!("revokes tokens at {revoke}, and revocation_url is not set")),
        "{said}"
    );
    let said = told(&named, &format!("revocation_url = \"{revoke}\"\n"));
    assert!(said.contains("ok      plan demo discovery"), "{said}");
}

#[test]
fn a_discovery_document_elsewhere_is_asked_for_there() {
    let payer = Dictated::start();
    payer.serve("Patient", &[r#"{"resourceType":"Patient","id":"1"}"#]);
    payer.script().token_endpoint = Some(payer.token_url());
    let home = Home::new();
    let elsewhere = payer.base().replace("/r4", "/oauth/.well-known/smart-configuration");
    payer.configure(&home, &format!("types = [\"Patient\"]\ndiscovery_url = \"{elsewhere}\"\n"));
    let file = home.file("payersync.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let without = text.lines().filter(|line| !line.starts_with("token_url"));
    std::fs::write(&file, without.collect::<Vec<_>>().join("\n")).unwrap();
    let connected = payer.connect(&home, &[]);
    assert_eq!(connected.code, 0, "{}", connected.stderr);
    home.succeed(&["sync"], "a document elsewhere");
    let received = std::mem::take(&mut payer.script().received);
    let asked = |path: &str| received.iter().any(|request| request.path == path);
    assert!(asked("/oauth/.well-known/smart-configuration"));
    assert!(!asked("/r4/.well-known/smart-configuration"));
    payer.configure(&home, "discovery_url = \"http://h/x\"\n");
    let refused = home.run(&["plan"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("plans.demo.discovery_url must be https"),
        "{}",
        refused.stderr
    );
}
