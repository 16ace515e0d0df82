//! Clients that sign, against the real oidc-provider: it takes RS384 and ES384, each assertion once,
//! and refuses another key or another key's name.

use crate::{
    plans::oidc_member,
    support::{Consenting, Home, Outcome, oidc_module},
};
use payersync::{
    auth::{ConnectionKey, Tokens, Vault},
    config::Settings,
    http::{HttpClient, HttpOptions},
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    fs,
    io::{BufRead, BufReader, Lines},
    os::unix::fs::{PermissionsExt, symlink},
    process::{Child, ChildStdout, Command, Stdio},
};
use tempfile::TempDir;
use url::Url;

/// The provider, until it is dropped.
struct Provider {
    child: Child,
    issuer: Url,
    /// Kept open: the provider writes notices, and ends where nobody takes them.
    _output: Lines<BufReader<ChildStdout>>,
    _folder: TempDir,
}

impl Provider {
    /// Starts one that knows these clients by these key sets; `None`, told loudly, where there is none.
    fn start(keys: &Value) -> Option<Provider> {
        let modules = oidc_module()?.join("node_modules");
        let folder = tempfile::tempdir().unwrap();
        let script = format!("{}/tests/servers/oidc_signed.mjs", env!("CARGO_MANIFEST_DIR"));
        // Modules are looked for beside the script.
        fs::copy(script, folder.path().join("server.mjs")).unwrap();
        symlink(modules, folder.path().join("node_modules")).unwrap();
        fs::write(folder.path().join("keys.json"), keys.to_string()).unwrap();
        let mut child = Command::new("node")
            .current_dir(folder.path())
            .args(["server.mjs", "keys.json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let issuer = lines.by_ref().find_map(|line| Url::parse(line.unwrap().trim()).ok()).unwrap();
        Some(Provider { child, issuer, _output: lines, _folder: folder })
    }

    /// Puts the plans of a home at this provider.
    fn configure(&self, home: &Home, plans: &[Plan<'_>]) {
        let at = |path: &str| self.issuer.join(path).unwrap();
        let sections: Vec<String> =
            plans.iter().map(|plan| plan.section(&at("/auth"), &at("/token"))).collect();
        fs::write(home.file("payersync.toml"), sections.concat()).unwrap();
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Plan<'a> {
    name: &'a str,
    client: &'a str,
    key: &'a str,
    more: &'a str,
}

impl Plan<'_> {
    fn section(&self, authorize: &Url, token: &Url) -> String {
        let Plan { name, client, key, more } = self;
        format!(
            "[plans.{name}]\nfhir_url = \"http://127.0.0.1:8080/r4\"\nauthorize_url = \"{authorize}\"\n\
             token_url = \"{token}\"\nclient_id = \"{client}\"\ntoken_auth = \"private_key_jwt\"\n\
             client_key_file = \"{key}\"\nredirect_url = \"http://127.0.0.1:9999/callback\"\n{more}"
        )
    }
}

const MEMBER: &str = "scope = \"openid offline_access patient/*.read\"\n\
    authorize_parameters = { prompt = \"consent\" }\n";
const BACKEND: &str = "scope = \"system/*.read\"\ngrant = \"client_credentials\"\n";

/// A home whose plans have a key of each kind, and their public parts.
fn keys(home: &Home) -> [Value; 2] {
    ["es384", "rs384"].map(|kind| {
        let plan = format!(
            "[plans.{kind}]\nfhir_url = \"http://127.0.0.1:9/r4\"\nclient_id = \"x\"\n\
             token_auth = \"private_key_jwt\"\nclient_key_file = \"{kind}.pem\"\n"
        );
        fs::write(home.file("payersync.toml"), plan).unwrap();
        let made = home.run(&["jwks", kind, "--new", kind]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        let mode = fs::metadata(home.file(&format!("{kind}.pem"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let printed = home.run(&["jwks", kind]);
        assert_eq!((printed.code, &printed.stdout), (0, &made.stdout), "{}", printed.stderr);
        serde_json::from_str(&printed.stdout).unwrap()
    })
}

/// Connects a member, whose browser agrees.
fn connect(home: &Home, plan: &str) -> Outcome {
    let command = ["connect", "ann", "--plan", plan, "--code", "-"];
    let connecting = Consenting::start_with(home, &command, |url| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let redirect = Url::parse("http://127.0.0.1:9999/callback").unwrap();
        runtime.block_on(oidc_member::consent(&Url::parse(url).unwrap(), &redirect)).to_string()
    });
    let (code, said) = connecting.answer().end();
    Outcome { code, stdout: String::new(), stderr: said }
}

#[test]
fn members_and_backends_are_connected_by_signed_assertions_and_refreshed_ten_times() {
    let home = Home::new();
    let [es384, rs384] = keys(&home);
    let clients =
        json!({ "member-es": es384, "member-rs": rs384, "backend-es": es384, "backend-rs": rs384 });
    let Some(provider) = Provider::start(&clients) else { return };
    let plan = |name, client, key, more| Plan { name, client, key, more };
    let plans = [
        plan("es", "member-es", "es384.pem", MEMBER),
        plan("rs", "member-rs", "rs384.pem", MEMBER),
        plan("bes", "backend-es", "es384.pem", BACKEND),
        plan("brs", "backend-rs", "rs384.pem", BACKEND),
    ];
    for Plan { name, client, key, more } in plans {
        let signed_on = home.copy();
        provider.configure(&signed_on, &[Plan { name, client, key, more }]);
        let connected = match more == BACKEND {
            true => signed_on.run(&["--log", "trace", "connect", "ann", "--plan", name]),
            false => connect(&signed_on, name),
        };
        assert_eq!(connected.code, 0, "{name}: {}", connected.stderr);
        // Each part of an assertion begins so: "{" and a quotation mark in base64.
        assert!(!connected.stderr.contains("eyJ"), "an assertion was told: {}", connected.stderr);
        let renewed = tokio::runtime::Runtime::new().unwrap().block_on(renew(&signed_on, name));
        assert_eq!(renewed, 11, "{name}");
    }
}

/// Has the tokens renewed ten times; returns how many different ones there were.
async fn renew(home: &Home, plan: &str) -> usize {
    let settings = Settings::load(home.path()).unwrap();
    let plan = settings.plan(plan).unwrap();
    let endpoints = plan.endpoints(plan.token_url.clone().unwrap());
    let registration = plan.registration(endpoints).unwrap();
    let http = HttpClient::new(HttpOptions::impatient()).unwrap();
    let tokens = Tokens::new(http, Vault::open(home.path(), None).unwrap(), home.path());
    let uid = home.value("SELECT uid FROM connection");
    let connection = ConnectionKey { uid, name: "ann".into(), least_generation: None };
    let mut seen = HashSet::new();
    for hour in 0..=10 {
        // Longer than an access token lives: each look at the clock finds it expired.
        let now = chrono::Utc::now() + chrono::TimeDelta::hours(hour);
        tokens.bearer(&connection, &registration, now).await.unwrap();
        let vault = Vault::open(home.path(), None).unwrap();
        let grant = vault.get(&connection.uid).unwrap().unwrap();
        seen.insert(grant.access.expose_secret().to_owned());
    }
    seen.len()
}

#[test]
fn another_key_and_another_keys_name_are_refused_in_words_that_say_what_to_check() {
    let home = Home::new();
    let [es384, rs384] = keys(&home);
    let mut named = es384.clone();
    named["keys"][0]["kid"] = json!("theirs");
    let clients = json!({ "backend-other": rs384, "backend-named": named });
    let Some(provider) = Provider::start(&clients) else { return };
    let other = home.copy();
    let made = {
        let section = "[plans.x]\nfhir_url = \"http://127.0.0.1:9/r4\"\nclient_id = \"x\"\n\
            token_auth = \"private_key_jwt\"\nclient_key_file = \"other.pem\"\n";
        fs::write(other.file("payersync.toml"), section).unwrap();
        other.run(&["jwks", "x", "--new", "rs384"])
    };
    assert_eq!(made.code, 0, "{}", made.stderr);
    let backend = |client, key, more: &'static str| Plan { name: "plan", client, key, more };
    let wrong_name =
        "client_key_id = \"ours\"\nscope = \"system/*.read\"\ngrant = \"client_credentials\"\n";
    let right_name =
        "client_key_id = \"theirs\"\nscope = \"system/*.read\"\ngrant = \"client_credentials\"\n";
    for (plan, code) in [
        (backend("backend-other", "other.pem", BACKEND), 1),
        (backend("backend-named", "es384.pem", wrong_name), 1),
        (backend("backend-named", "es384.pem", right_name), 0),
    ] {
        provider.configure(&other, &[plan]);
        let connected = other.run(&["connect", "ann", "--plan", "plan"]);
        assert_eq!(connected.code, code, "{}", connected.stderr);
        if code == 1 {
            for told in ["does not accept the client", "client_key_file", "client_key_id"] {
                assert!(connected.stderr.contains(told), "{told}: {}", connected.stderr);
            }
        }
    }
}

#[test]
fn a_key_that_others_can_read_or_that_is_none_is_refused_and_none_is_overwritten() {
    let home = Home::new();
    keys(&home);
    let section = |more: &str| {
        let text = format!(
            "[plans.x]\nfhir_url = \"http://127.0.0.1:9/r4\"\ntoken_url = \"http://127.0.0.1:9/t\"\n\
             client_id = \"x\"\ngrant = \"client_credentials\"\n{more}"
        );
        fs::write(home.file("payersync.toml"), text).unwrap();
    };
    let signing = |file: &str| {
        section(&format!("token_auth = \"private_key_jwt\"\nclient_key_file = \"{file}\"\n"));
    };
    signing("es384.pem");
    let before = fs::read(home.file("es384.pem")).unwrap();
    let again = home.run(&["jwks", "x", "--new"]);
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert!(again.stderr.contains("exists and was kept"), "{}", again.stderr);
    assert_eq!(fs::read(home.file("es384.pem")).unwrap(), before);
    fs::set_permissions(home.file("es384.pem"), fs::Permissions::from_mode(0o640)).unwrap();
    for command in [&["jwks", "x"][..], &["connect", "ann", "--plan", "x"]] {
        let open = home.run(command);
        assert_eq!(open.code, 1, "{}", open.stderr);
        assert!(open.stderr.contains("chmod 600"), "{}", open.stderr);
    }
    let der = |label: &str| format!("-----BEGIN {label}-----\nAA==\n-----END {label}-----\n");
    home.write_private("none.pem", "hello");
    home.write_private("sealed.pem", &der("ENCRYPTED PRIVATE KEY"));
    home.write_private("odd.pem", &der("PRIVATE KEY"));
    for (file, told, hint) in [
        ("missing.pem", "the client's private key", "jwks x --new"),
        ("none.pem", "no private key in PEM", "RS384 and ES384"),
        ("sealed.pem", "encrypted with a passphrase", "openssl pkey"),
        ("odd.pem", "neither RSA of 2048 bits or more nor EC", "RS384 and ES384"),
    ] {
        signing(file);
        let refused = home.run(&["jwks", "x"]);
        assert_eq!(refused.code, 1, "{file}: {}", refused.stderr);
        assert!(refused.stderr.contains(told), "{file}: {}", refused.stderr);
        assert!(refused.stderr.contains(hint), "{file}: {}", refused.stderr);
    }
    for (more, told) in [
        ("token_auth = \"private_key_jwt\"\n", "client_key_file is missing"),
        ("client_key_file = \"es384.pem\"\n", "belongs to token_auth = \"private_key_jwt\" alone"),
        (
            "token_auth = \"private_key_jwt\"\nclient_key_file = \"es384.pem\"\nclient_secret_env = \"S\"\n",
            "needs no client secret",
        ),
    ] {
        section(more);
        let refused = home.run(&["jwks", "x"]);
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    }
    section("");
    let keyless = home.run(&["jwks", "x"]);
    assert_eq!(keyless.code, 1, "{}", keyless.stderr);
    assert!(keyless.stderr.contains("has no client key"), "{}", keyless.stderr);
}
