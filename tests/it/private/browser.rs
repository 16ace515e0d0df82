//! What a browser is started with: a page that says nothing, and an environment without secrets.
#![cfg(unix)]

use crate::support::{Home, Payer, Watched};
use std::{fs, os::unix::fs::PermissionsExt};
use url::Url;

/// A program in a browser's place; it writes down how it was started.
fn browser(home: &Home) -> String {
    let path = home.file("browser");
    let note = home.file("note").display().to_string();
    let script = format!("#!/bin/sh\n{{ echo \"$@\"; env; }} > {note}.new\nmv {note}.new {note}\n");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path.display().to_string()
}

/// Asks as a browser would that follows no redirect: status and Location.
async fn visit(url: &Url) -> (u16, Option<String>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let target = &url[url::Position::BeforePath..];
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
    (status, location.map(str::to_owned))
}

#[test]
fn a_browser_inherits_no_secret_and_state_is_in_no_command_line() {
    let payer = Payer::rich();
    let home = Home::new();
    payer.configure(&home, "redirect_url = \"http://127.0.0.1:0/callback\"\n");
    let key = fs::read_to_string(payer.connected_home().file("vault.key")).unwrap();
    let secrets = [
        ("PAYERSYNC_VAULT_KEY", key.trim()),
        ("DEMO_CLIENT_SECRET", "a-client-secret-of-tests"),
        ("AWS_SECRET_ACCESS_KEY", "a-cloud-secret-of-tests"),
    ];
    let mut command = home.command(&["connect", "john", "--plan", "demo"]);
    command.env("BROWSER", format!("/no/such/browser:{} --new %s", browser(&home)));
    command.env("LC_ALL", "C").envs(secrets);
    let mut connect = Watched::spawn(command, "connect".to_owned());
    assert!(connect.until(|| home.file("note").exists()), "{}", connect.end().stderr);
    let note = fs::read_to_string(home.file("note")).unwrap();
    for (name, secret) in secrets {
        assert!(!note.contains(name) && !note.contains(secret), "{note}");
    }
    assert!(note.contains("LC_ALL=C") && note.contains("PATH="), "{note}");
    let (words, _) = note.split_once('\n').unwrap();
    let page = Url::parse(words.strip_prefix("--new ").unwrap()).unwrap();
    assert!(!words.contains("state") && !words.contains("client_id"), "{words}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let other = page.join("/start/0123456789abcdef").unwrap();
    assert_eq!(runtime.block_on(visit(&other)).0, 404);
    let (status, consent) = runtime.block_on(visit(&page));
    assert_eq!(status, 303);
    // Who comes second learns nothing.
    assert_eq!(runtime.block_on(visit(&page)), (410, None));
    let redirect = payer.consent(&consent.unwrap(), 0);
    assert_eq!(runtime.block_on(visit(&Url::parse(&redirect).unwrap())).0, 200);
    let ended = connect.end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}
