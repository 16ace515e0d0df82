//! `init --plan`: a configuration of a plan that is known.

use crate::support::Home;

#[test]
fn a_preset_becomes_a_configuration_that_works_offline() {
    let home = Home::new();
    let listed = home.run(&["init", "--list"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    for name in ["bluebutton-sandbox", "elevance", "epic-sandbox", "documented", "brand"] {
        assert!(listed.stdout.contains(name), "{name}: {}", listed.stdout);
    }
    let outcome = home.run(&["init", "--plan", "elevance", "--set", "brand=Wellpoint"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("payersync connect NAME --plan elevance"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("checked 2026-09"), "{}", outcome.stderr);
    home.write_private("elevance.secret", "a-secret");
    let doctor = home.run(&["doctor", "--offline"]);
    assert!(doctor.stdout.contains("plan elevance"), "{}", doctor.stdout);
    let before = std::fs::read(home.file("payersync.toml")).unwrap();
    let again = home.run(&["init", "--plan", "uhc"]);
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert!(again.stderr.contains("`payersync init --plan uhc --print`"), "{}", again.stderr);
    assert_eq!(std::fs::read(home.file("payersync.toml")).unwrap(), before);
    // The other way: its section, to be added.
    let section = home.run(&["init", "--plan", "uhc", "--print"]).stdout;
    let both = String::from_utf8(before).unwrap() + "\n" + &section;
    std::fs::write(home.file("payersync.toml"), both).unwrap();
    let doctor = home.run(&["doctor", "--offline"]).stdout;
    assert!(doctor.contains("plan elevance") && doctor.contains("plan uhc"), "{doctor}");
}

#[test]
fn what_is_missing_or_unknown_is_told_and_nothing_is_written() {
    for (arguments, told) in [
        (&["init", "--plan", "nobody"][..], "there is no preset nobody"),
        (&["init", "--plan", "elevance"], "--set brand="),
        (&["init", "--plan", "elevance", "--set", "brand=a/b"], "letters, digits"),
        (&["init", "--plan", "uhc", "--set", "brand=x"], "has no setting brand"),
        (&["init", "--plan", "uhc", "--set", "brand"], "KEY=VALUE"),
        (&["init", "--set", "brand=x"], "--plan"),
    ] {
        let home = Home::new();
        let outcome = home.run(arguments);
        assert_eq!(outcome.code, 1, "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{arguments:?}: {}", outcome.stderr);
        assert!(!home.file("payersync.toml").exists(), "{arguments:?}");
    }
}
