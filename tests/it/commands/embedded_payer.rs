//! `sandbox` and `demo --keep`: what they print is what one types next, and it works.
#![cfg(unix)]

use crate::support::{Consenting, Home, Watched};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// A payer of the real binary; gone with the test.
struct Up(Child);

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Types what a member has printed for the consent page; returns where the browser is sent.
fn consent(url: &str, member: &str) -> String {
    let (name, rest) = member.split_once(", born ").unwrap();
    let (born, rest) = rest.split_once(", member id ").unwrap();
    let (id, zip) = rest.split_once(", ZIP ").unwrap();
    let (first, last) = name.split_once(' ').unwrap();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("first_name", first),
            ("last_name", last),
            ("birth_date", born),
            ("member_id", id),
            ("zip", zip),
        ])
        .finish();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let policy = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder().redirect(policy).build().unwrap();
        let post = client.post(url).header("content-type", "application/x-www-form-urlencoded");
        let answer = post.body(form).send().await.unwrap();
        answer.headers()["location"].to_str().unwrap().to_owned()
    })
}

#[test]
fn what_the_sandbox_prints_is_pasted_and_every_member_connects_and_syncs() {
    let home = Home::new();
    let mut command = home.command(&["sandbox", "--port", "0", "--members", "2"]);
    let mut up = Up(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let out = BufReader::new(up.0.stdout.take().unwrap());
    let (mut block, mut members) = (String::new(), Vec::new());
    for line in out.lines().map(Result::unwrap) {
        block += &format!("{line}\n");
        assert!(line.chars().count() <= 80, "{line}");
        if let Some(member) = line.strip_prefix("#   ").filter(|line| line.contains("ZIP")) {
            members.push(member.to_owned());
        }
        if members.len() == 2 {
            break;
        }
    }
    std::fs::write(home.file("payersync.toml"), &block).unwrap();
    let secret = block.lines().find_map(|line| line.split_once("export PAYERSYNC_SANDBOX_SECRET="));
    let secret = secret.unwrap().1;
    for (number, member) in members.iter().enumerate() {
        let name = format!("member-{number}");
        let connect = ["connect", &name, "--plan", "sandbox", "--code", "-"];
        let mut command = home.command(&connect);
        command.env("PAYERSYNC_SANDBOX_SECRET", secret);
        let (code, said) =
            Consenting::start_command(command, |url| consent(url, member)).answer().end();
        assert_eq!(code, 0, "{said}");
    }
    let sync = ["sync", "--type", "Patient", "--type", "Coverage"];
    let mut command: Command = home.command(&sync);
    let output = command.env("PAYERSYNC_SANDBOX_SECRET", secret).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(home.value::<i64>("SELECT count(DISTINCT connection_id) FROM patient"), 2);
}

#[test]
fn a_demo_that_is_kept_can_be_synced_against_with_the_lines_it_prints() {
    let home = Home::new();
    let said = home.file("said");
    let mut command = home.command(&["demo", "--keep", "--members", "1"]);
    command.stdout(Stdio::null()).stderr(std::fs::File::create(&said).unwrap());
    let mut up = Up(command.spawn().unwrap());
    let told = || std::fs::read_to_string(&said).unwrap();
    while !told().contains("In another terminal:\n") {
        assert!(up.0.try_wait().unwrap().is_none(), "{}", told());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let synced = Watched::start(&home, &["sync", "--type", "Patient"]).end();
    assert_eq!(synced.code, 0, "{}", synced.stderr);
    let text = told();
    let hints = text.split("any SQLite tool, or try:\n").nth(1).unwrap();
    let (hints, _) = hints.split_once("The payer is still up").unwrap();
    let hints = hints.replace(&home.path().display().to_string(), "payersync-demo");
    assert!(hints.lines().all(|line| line.chars().count() <= 80), "{hints}");
    let mart = "SELECT month_date, category, plan_paid_amount FROM spend_by_month";
    assert!(hints.contains(mart), "{hints}");
    let shown = home.run(&["query", mart]);
    assert!(shown.code == 0 && shown.stdout.contains("office"), "{}", shown.stdout);
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 80), "{}", shown.stdout);
    // SIGTERM stops it as Ctrl-C does.
    let kill = format!("kill -s TERM {}", up.0.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert!(up.0.wait().unwrap().success(), "{}", told());
}
