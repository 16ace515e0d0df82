//! A fuzz target: restores backups that were altered.

use crate::{
    clock::Clock,
    monitor::Silent,
    own_file::random_name,
    warehouse::{Catalog, Seal, SealKey, Warehouse, WarehouseFile, back_up, restore},
};
use std::{fmt::Debug, fs, path::PathBuf, sync::LazyLock};

/// The bytes of an intact backup, plain and encrypted, and the identity that decrypts the latter.
struct Sound {
    in_clear: Vec<u8>,
    sealed: Vec<u8>,
    identity: &'static str,
}

static SOUND: LazyLock<Sound> = LazyLock::new(|| {
    const IDENTITY: &str =
        "AGE-SECRET-KEY-1QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSWPC8QURSKMP32K";
    const RECIPIENT: &str = "age1zwlyl6h27gzv0lfntr7fcqrjrzqazap8sy5zylkxwneh7llf0dksu37mwt";
    let folder = Temporary::new();
    let at = |name: &str| folder.0.join(name);
    let file = WarehouseFile::in_clear(at("warehouse.db"));
    let catalog = Catalog::new([], []);
    good(Warehouse::open(&file, good(catalog), Clock::system(), &Silent)).close();
    good(back_up(&file, &at("copy.db"), None));
    let seal = good(Seal::for_recipients(&[RECIPIENT.to_owned()]));
    good(back_up(&file, &at("copy.db.age"), Some(&seal)));
    Sound {
        in_clear: good(fs::read(at("copy.db"))),
        sealed: good(fs::read(at("copy.db.age"))),
        identity: IDENTITY,
    }
});

/// Checks that restoring an altered backup gives a warehouse or an error.
///
/// After an error no file is left. An encrypted backup is restored only if it is unaltered. The first byte
/// chooses the backup to alter, or makes the other bytes the whole file. Each alteration has three bytes:
/// two for the position, one for the new value.
pub(super) fn restored(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let is_sealed = first % 4 == 1;
    let sound = if is_sealed { &SOUND.sealed } else { &SOUND.in_clear };
    let bytes = match first % 4 {
        3 => rest.to_vec(),
        _ => altered(sound, rest),
    };
    let folder = Temporary::new();
    let (copy, home) = (folder.0.join("copy.db"), folder.0.join("home"));
    good(fs::create_dir(&home));
    good(fs::write(&copy, &bytes));
    let key = good(SealKey::from_identities(&SOUND.identity.into()));
    let key = is_sealed.then_some(&key);
    let restored = restore(
        &copy,
        &WarehouseFile::in_clear(home.join("warehouse.db")),
        key,
        Clock::system().now(),
    );
    let left = good(fs::read_dir(&home)).count();
    assert_eq!(left, usize::from(restored.is_ok()), "{restored:?}");
    if is_sealed && restored.is_ok() {
        assert!(bytes == *sound, "an altered encrypted backup was taken");
    }
}

fn altered(sound: &[u8], alterations: &[u8]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for alteration in alterations.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([alteration[0], alteration[1]]));
        // The first pages, which have the schema, are reached byte by byte, all others in steps.
        let at = if at % 2 == 0 { at / 2 } else { at * (bytes.len() / 65_536).max(1) };
        let at = at % bytes.len();
        bytes[at] = alteration[2];
    }
    bytes
}

/// A temporary folder, which is removed when this value is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Temporary {
        let name = format!("payersync-fuzz-{}", good(random_name()));
        let folder = std::env::temp_dir().join(name);
        good(fs::create_dir(&folder));
        Temporary(folder)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A folder that cannot be removed is not a finding.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn good<T, E: Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error:?}"))
}
