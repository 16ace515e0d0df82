//! What a configuration may contain, and how each mistake in it is reported.

use super::*;

fn parse(text: &str) -> Result<Settings, ConfigError> {
    Settings::parse(Path::new("/home/x"), Path::new("payersync.toml"), text)
}

/// The template with every default uncommented.
pub(super) fn uncommented() -> String {
    let is_key = |line: &str| {
        line.strip_prefix('#')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    let line = |line: &str| if is_key(line) { line[1..].to_owned() } else { line.to_owned() };
    TEMPLATE.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn the_template_parses_as_it_is() {
    let settings = parse(TEMPLATE).unwrap();
    assert_eq!(settings.plans["demo"].fhir_url.as_str(), "https://api.1uphealthdemo.com/r4");
}

#[test]
fn what_the_template_shows_as_defaults_are_the_defaults() {
    let text = uncommented()
        .replace("client_secret_file = \"demo.secret\"\n", "")
        .replace("client_key_file = \"demo.pem\"\nclient_key_id = \"2026\"\n", "")
        .replace("access_token_env = \"PAYERSYNC_DEMO_TOKEN\"\n", "")
        .replace("access_token_file = \"demo.token\"\n", "")
        .replace("accept = \"application/fhir+json\"\n", "")
        .replace("response_mode = \"query\"\n", "")
        .replace(
            "discovery_url = \"https://api.example.com/.well-known/smart-configuration\"\n",
            "",
        )
        .replace("consent_days = 90\n", "")
        .replace("required = [\"Patient\", \"Coverage\"]\n", "")
        .replace("requests_per_hour = 5000\n", "")
        .replace("scope = \"patient/*.read\"\n", "")
        .replace("schedule = \"0 4 * * *\"\n", "")
        .replace("refresh_token_lifetime_minutes = 120\n", "")
        .replace("revocation_url = \"https://auth.example.com/oauth2/revoke\"\n", "")
        .replace("introspection_url = \"https://auth.example.com/oauth2/introspect\"\n", "")
        .replace("issuer = \"https://auth.example.com/oauth2\"\n", "")
        .replace("patient_claim = \"patient\"\n", "")
        .replace("views_dir = \"views\"\n", "")
        .replace("command = [\"/usr/local/bin/tell-somebody\"]\n", "")
        .replace("webhook = { file = \"notify.webhook\" }\n", "")
        .replace("mail_to = [\"operator@example.com\"]\n", "")
        .replace("ping = { env = \"PAYERSYNC_PING\" }\n", "")
        .replace(
            "vault_key_command = [\"secret-tool\", \"lookup\", \"service\", \"payersync\"]\n",
            "",
        );
    let (shown, default) = (parse(&text).unwrap(), parse(TEMPLATE).unwrap());
    assert_eq!(format!("{shown:?}"), format!("{default:?}"));
}

#[test]
fn a_misspelt_key_is_told_with_the_one_that_was_meant() {
    let plan = |line| format!("[plans.x]\nfhir_url = \"https://h/\"\nclient_id = \"c\"\n{line}\n");
    for (text, told) in [
        (plan("pagesize = 5"), "payersync.toml:4:1: unknown key pagesize; did you mean page_size?"),
        (plan("colour = 5"), "payersync.toml:4:1: unknown key colour; docs/configuration.md"),
        (
            "[shedule]\n".to_owned(),
            "payersync.toml:1:2: unknown section [shedule]; did you mean [schedule]?",
        ),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
}

#[test]
fn a_mistake_is_told_with_file_line_and_column_but_without_the_line() {
    for (text, place, word) in [
        ("[sync]\nconnections_in_parallel = 0\n", "payersync.toml:2:27", "above 0"),
        ("[sync\n", "payersync.toml:1", ""),
        (
            "[sync]\nconnections_in_parallel = 7\nconnections_in_parallel = 8\n",
            "payersync.toml:3:1: ",
            "duplicate key connections_in_parallel",
        ),
        ("[http]\nmax_atempts = 3\n", "payersync.toml:2:1", "did you mean max_attempts?"),
        (
            "[plans.x]\nfhir_url = \"api.example.com\"\n",
            "payersync.toml:2:12",
            "this is not a URL: it must begin with https://",
        ),
        (
            "[plans.x]\nfhir_url = \"https://h/\"\nclient_id = \"c\"\nclient_secret = \"hunter2\"\n",
            "payersync.toml:4",
            "client_secret_env",
        ),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(place), "{text}: {error}");
        assert!(error.contains(word), "{text}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_value_of_another_kind_is_told_with_what_it_must_be_and_is_never_shown() {
    let plan =
        |line: &str| format!("[plans.x]\nfhir_url = \"https://h/\"\nclient_id = \"c\"\n{line}\n");
    for (text, told) in [
        (
            "[notify]\ncommand = \"curl hunter2\"\n".to_owned(),
            "payersync.toml:2:11: command: this is a text, and must be a list of texts such as [\"a\", \"b\"]",
        ),
        (plan("page_size = \"hunter2\""), "this is a text, and must be a whole number"),
        (plan("page_size = -7"), ": page_size: this is below 0"),
        (plan("page_size = 99999999999"), "this number is too large"),
        (
            plan("page_size = 1.5"),
            "this is a number with a decimal point, and must be a whole number",
        ),
        (plan("pkce = \"hunter2\""), "this is a text, and must be true or false"),
        (plan("scope = [\"hunter2\"]"), "this is a list, and must be a text"),
        (plan("token_url = \"hunter2\""), "this is not a URL: it must begin with https://"),
        (plan("headers = { a = [\"hunter2\"] }"), "this must be a text, { env = "),
        (plan("audience = 7"), "this must be true, false or a text"),
        (plan("token_auth = \"hunter2\""), "this must be "),
        (plan("token_auth = \"hunter2`, expected x\""), "\"basic\""),
        (plan("search = { default = 7 }"), "this must be a text or a list of texts"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(told), "{text}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn values_out_of_bounds_name_their_key() {
    let plan = |line: &str| format!("[plans.x]\nclient_id = \"c\"\n{line}\n");
    for (text, key) in [
        ("[sync]\nshrink_limit_percent = 101\n".to_owned(), "sync.shrink_limit_percent"),
        ("[http]\nread_timeout_seconds = 0\n".to_owned(), "http.read_timeout_seconds"),
        ("[notify]\nrepeat_days = 0\n".to_owned(), "notify.repeat_days"),
        (
            "[schedule]\ncron = \"0 25 * * *\"\n".to_owned(),
            "schedule.cron has the hour \"25\"; hours go from 0 to 23",
        ),
        ("[notify]\nwebhook = \"h.test/x\"\n".to_owned(), "it must begin with https://"),
        ("[warehouse]\nkeep_runs_days = 29\n".to_owned(), "warehouse.keep_runs_days"),
        ("[notify]\nconsent_days = 366\n".to_owned(), "notify.consent_days"),
        ("[notify]\ncommand = []\n".to_owned(), "notify.command"),
        ("[notify]\nsendmail = [\"\"]\n".to_owned(), "notify.sendmail"),
        ("[notify]\nwebhook = \"http://h.test/x\"\n".to_owned(), "notify.webhook"),
        ("[notify]\nping = { env = \"A\", file = \"b\" }\n".to_owned(), "notify.ping"),
        ("[notify]\nmail_to = [\"a@b\\nBcc: c@d\"]\n".to_owned(), "notify.mail_to"),
        (plan("fhir_url = \"http://api.x.test/r4\""), "plans.x.fhir_url"),
        (plan("fhir_url = \"ftp://h/\""), "plans.x.fhir_url"),
        (plan("fhir_url = \"https://h/\"\ntypes = [\"*\", \"Claims\"]"), "mean Claim?"),
        (plan("fhir_url = \"https://h/\"\ntoken_url = \"http://h/token\""), "plans.x.token_url"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(key), "{text}: {error}");
    }
    assert!(parse(&plan("fhir_url = \"http://127.0.0.1:8080/r4\"")).is_ok());
}

#[test]
fn whoever_is_to_be_told_is_known_where_the_rest_is_no_toml() {
    let home = tempfile::tempdir().unwrap();
    let read = |text: &str| {
        std::fs::write(home.path().join(FILE_NAME), text).unwrap();
        Settings::of_notify_alone(home.path()).map(|settings| settings.notify.mail_to)
    };
    let notify = "  [notify] # whom\nmail_to = [\"a@b\"]\n";
    let whom = Some(vec!["a@b".to_owned()]);
    assert_eq!(read(&format!("[sync\n{notify}[plans.x]\nfhir = ")), whom);
    assert_eq!(read(&format!("{notify}[sync]\noverlap_hour = 1\n")), whom);
    assert_eq!(
        read(&format!("{}[plans.x]\nfhir = ", notify.replace("[notify]", "[ notify ]"))),
        whom
    );
    assert_eq!(read("[sync\n"), Some(Vec::new()));
    assert_eq!(read("[notify]\nmail_to = 1\n"), None);
    // Tables below `[notify]` belong to it, wherever they are in the file.
    let spread =
        format!("{notify}[notify.webhook]\nenv = \"W\"\n[sync\n[ notify . ping ]\nenv = \"P\"\n");
    assert_eq!(read(&spread), whom);
    let settings = Settings::of_notify_alone(home.path()).unwrap();
    assert!(settings.notify.webhook.is_some() && settings.notify.ping.is_some());
}

#[test]
fn a_secret_in_place_of_a_variables_name_is_refused_and_not_repeated() {
    let secret = "hunter2-of-the-portal";
    let plan =
        |line: &str| format!("[plans.x]\nfhir_url = \"https://h/\"\nclient_id = \"c\"\n{line}\n");
    for (text, key) in [
        (plan(&format!("client_secret_env = \"{secret}\"")), "plans.x.client_secret_env"),
        (
            plan(&format!("headers = {{ x-key = {{ env = \"{secret}\" }} }}")),
            "plans.x.headers.x-key",
        ),
        (format!("[notify]\nping = {{ env = \"{secret}\" }}"), "notify.ping"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains(&format!("{key} does not name an environment variable")), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn an_unknown_plan_names_those_there_are() {
    let error = parse(TEMPLATE).unwrap().plan("humana").unwrap_err();
    assert!(error.to_string().contains("humana"));
    assert!(error.hint().unwrap().contains("demo"));
}

#[test]
fn a_secret_comes_from_a_file_without_its_line_end() {
    use secrecy::ExposeSecret;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("s");
    std::fs::write(&path, "hunter2\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let text =
        "[plans.x]\nfhir_url = \"https://h/\"\nclient_id = \"c\"\nclient_secret_file = \"s\"\n";
    let settings = Settings::parse(home.path(), Path::new("p"), text).unwrap();
    let plan = &settings.plans["x"];
    let endpoints = plan.endpoints("https://h/token".parse().unwrap());
    let registration = plan.registration(endpoints).unwrap();
    assert_eq!(registration.client_secret.unwrap().expose_secret(), "hunter2");
}

#[test]
fn a_connections_schedule_goes_before_its_plans_and_that_before_the_usual_one() {
    let text = "[schedule]\ncron = \"0 1 * * *\"\ntime_zone = \"America/New_York\"\njitter_seconds = 0\n\
                [plans.x]\nfhir_url = \"https://h/\"\nclient_id = \"c\"\nschedule = \"0 2 * * *\"\n\
                [connections.ann]\nschedule = \"0 3 * * *\"\n";
    let settings = parse(text).unwrap();
    let hour = |connection: &str, plan: &str| {
        let schedule = settings.schedules.of(connection, plan);
        schedule
            .next_after("2026-06-01T00:00:00Z".parse().unwrap())
            .unwrap()
            .format("%H")
            .to_string()
    };
    // The zone is four hours behind UTC in summer.
    assert_eq!(hour("ann", "x"), "07");
    assert_eq!(hour("bob", "x"), "06");
    assert_eq!(hour("bob", "y"), "05");
}

#[test]
fn a_bad_schedule_is_told_with_file_line_and_key() {
    let plan = "[plans.x]\nfhir_url = \"https://h/\"\nclient_id = \"c\"\n";
    for (text, key) in [
        ("[schedule]\ncron = \"0 3 * *\"\n".to_owned(), "2: schedule.cron"),
        ("[schedule]\ncron = \"0 3 31 2 *\"\n".to_owned(), "2: schedule.cron"),
        ("[schedule]\n\ntime_zone = \"Gotham\"\n".to_owned(), "3: schedule.time_zone"),
        ("schedule.jitter_seconds = 90000\n".to_owned(), "1: schedule.jitter_seconds"),
        (format!("{plan}schedule = \"x\"\n"), "4: plans.x.schedule"),
        (
            format!("{plan}{}schedule = \"x\"\n", plan.replace('x', "\"x.y\"")),
            "7: plans.x.y.schedule",
        ),
        ("[connections.ann]\nschedule = \"0 3 * * 8\"\n".to_owned(), "2: connections.ann.schedule"),
    ] {
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("payersync.toml:{key} ")), "{error}");
    }
}

#[test]
fn a_grant_is_refreshed_when_half_of_its_refresh_tokens_life_is_over() {
    let minutes = |line: &str| {
        let text = format!("[plans.x]\nfhir_url = \"https://h/\"\nclient_id = \"c\"\n{line}\n");
        parse(&text).unwrap().plans["x"].keep_alive_every.map(|every| every.num_minutes())
    };
    assert_eq!(minutes(""), Some(60));
    assert_eq!(minutes("refresh_token_lifetime_minutes = 20160"), Some(10080));
    assert_eq!(minutes("keep_alive = false"), None);
}

#[test]
fn each_plan_has_a_redirect_url_of_its_own() {
    let plan = "fhir_url = \"https://h/\"\nclient_id = \"c\"\n";
    let settings = parse(&format!("[plans.x]\n{plan}[plans.\"y z/é\"]\n{plan}")).unwrap();
    let urls: Vec<&str> =
        settings.plans.values().map(|plan| plan.redirect_url().as_str()).collect();
    let base = "http://127.0.0.1:8971/callback";
    assert_eq!(urls, [format!("{base}/x"), format!("{base}/y%20z%2F%C3%A9")]);
}
