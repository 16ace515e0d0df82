//! `lake sync` to Azure Blob Storage, as Azurite serves it.
#![cfg(feature = "lake")]

use crate::{
    files::{
        lake::{assert_same_at, two_members},
        lake_store::Store,
    },
    support::{azurite, python_with_delta},
};
use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
};

const LAKE: &str = "az://bucket/a/lake";
/// "something", in base64 as Azure's keys are.
const KEY: &str = "c29tZXRoaW5n";

/// Azurite with a container.
fn azurite_with_bucket(modules: &Path, python: &Path) -> Store {
    let store = Store::start(LAKE, |port, files| {
        let mut server = Command::new("node");
        server
            .arg(modules.join("node_modules/azurite/dist/src/blob/main.js"))
            .args(["--blobPort", &port.to_string(), "--silent", "--skipApiVersionCheck"])
            .args(["--disableTelemetry", "--location", files.path().to_str().unwrap()])
            .env("AZURITE_ACCOUNTS", format!("payer:{KEY}"))
            .stdout(Stdio::null());
        let settings = vec![
            ("AZURE_STORAGE_ACCOUNT_NAME", "payer".to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", KEY.to_owned()),
            ("AZURE_STORAGE_ENDPOINT", format!("http://127.0.0.1:{port}/payer")),
            ("AZURE_ALLOW_HTTP", "true".to_owned()),
        ];
        (server, settings)
    });
    let made = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/azure_container.py"))
        .args([&store.port.to_string(), "payer", KEY, "bucket"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    store
}

#[test]
fn two_homes_fill_a_lake_in_azure_at_once_and_a_purged_member_is_gone_from_it() {
    let (Some(modules), Some(python)) = (azurite(), python_with_delta()) else { return };
    let azurite = azurite_with_bucket(&modules, &python);
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
