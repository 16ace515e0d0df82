//! `lake sync` to Azure Blob Storage, as Azurite serves it.
#![cfg(feature = "lake")]

use crate::{
    files::lake::{assert_same_at, two_members},
    support::{Home, Outcome, azurite, python_with_delta},
};
use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

const LAKE: &str = "az://bucket/a/lake";
/// "something", in base64 as Azure's keys are.
const KEY: &str = "c29tZXRoaW5n";

/// Azurite with a container; gone with this value.
struct Azurite {
    server: Child,
    _files: Home,
    settings: Vec<(&'static str, String)>,
}

impl Azurite {
    fn start(modules: &Path, python: &Path) -> Azurite {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let files = Home::new();
        let server = Command::new("node")
            .arg(modules.join("node_modules/azurite/dist/src/blob/main.js"))
            .args(["--blobPort", &port.to_string(), "--silent", "--skipApiVersionCheck"])
            .args(["--disableTelemetry", "--location", files.path().to_str().unwrap()])
            .env("AZURITE_ACCOUNTS", format!("payer:{KEY}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let settings = vec![
            ("AZURE_STORAGE_ACCOUNT_NAME", "payer".to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", KEY.to_owned()),
            ("AZURE_STORAGE_ENDPOINT", format!("http://127.0.0.1:{port}/payer")),
            ("AZURE_ALLOW_HTTP", "true".to_owned()),
        ];
        let mut azurite = Azurite { server, _files: files, settings };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(azurite.server.try_wait().unwrap().is_none(), "the server ended");
            thread::sleep(Duration::from_millis(50));
        }
        let made = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/azure_container.py"))
            .args([&port.to_string(), "payer", KEY, "bucket"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        azurite
    }

    fn run(&self, home: &Home, arguments: &[&str]) -> Outcome {
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        let output = home.command(arguments).envs(settings).output().unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    fn sync(&self, home: &Home, shard: &str) -> String {
        let outcome = self.run(home, &["lake", "sync", LAKE, "--shard", shard]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outcome.stderr
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn two_homes_fill_a_lake_in_azure_at_once_and_a_purged_member_is_gone_from_it() {
    let (Some(modules), Some(python)) = (azurite(), python_with_delta()) else { return };
    let azurite = Azurite::start(&modules, &python);
    let (_one, first) = two_members();
    let (_two, second) = two_members();
    let homes = [("a", &first), ("b", &second)];
    thread::scope(|scope| {
        for (shard, home) in homes {
            let azurite = &azurite;
            scope.spawn(move || azurite.sync(home, shard));
        }
    });
    assert_same_at(LAKE, &azurite.settings, &homes);
    let told = azurite.sync(&first, "a");
    assert!(told.contains("nothing changed"), "{told}");
    let outcome = azurite.run(&first, &["purge", "john", "--yes"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains(" removed"), "{}", outcome.stderr);
    assert_same_at(LAKE, &azurite.settings, &homes);

    // Without its settings it says what to set, and shows no key.
    let wrong = first.command(&["lake", "sync", LAKE, "--shard", "a"]).output().unwrap();
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(wrong.status.code(), Some(1), "{said}");
    assert!(said.contains("AZURE_STORAGE_ACCOUNT_NAME") && !said.contains(KEY), "{said}");
}
