//! A home of a test's own, and the real binary run in it.

use chrono::Utc;
use payersync::{
    auth::derived_key,
    clock::Clock,
    monitor::Silent,
    warehouse::{Catalog, Warehouse, WarehouseFile},
};
use rusqlite::{Connection, types::FromSql};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};
use tempfile::TempDir;

/// A folder for one test, removed afterwards.
pub(crate) struct Home(TempDir);

/// The exit code and the output of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code; -1 if a signal ended the command.
    pub(crate) code: i32,
    /// The data.
    pub(crate) stdout: String,
    /// Everything else.
    pub(crate) stderr: String,
}

impl Outcome {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Outcome {
        let output = command.output().unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Home {
    pub(crate) fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    /// A home in which the demo has run: a copy of one that all tests of this binary share.
    pub(crate) fn of_demo() -> Home {
        // A demo of yesterday would be stale wherever the time is looked at.
        let today = Utc::now().date_naive();
        let first = made_once("demo", &format!("{}-{today}", built()), |made| {
            made.succeed(&["demo"], "nothing");
        });
        let home = Home::new();
        copy_folder(&first, home.path());
        home
    }

    /// Brings a warehouse without connections along, if the home has none.
    ///
    /// To make its hundreds of tables takes longer than most of what tests do with them.
    pub(crate) fn bring_empty_warehouse(&self) {
        let file = self.file("warehouse.db");
        if cfg!(feature = "encryption") || file.exists() {
            return;
        }
        let first = made_once("empty", &built(), |made| {
            let (file, clock) = (made.warehouse_file(), Clock::system());
            Warehouse::open(&file, Catalog::embedded(), clock, &Silent).unwrap().close();
        });
        std::fs::copy(first.join("warehouse.db"), file).unwrap();
    }

    /// Another home with the same files; nothing may be running in this one.
    pub(crate) fn copy(&self) -> Home {
        let copy = Home::new();
        copy_folder(self.path(), copy.path());
        copy
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The names of the files and folders in the home, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The binary with this home, and without the machine's environment variables that it reads.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_payersync"));
        command
            .arg("--home")
            .arg(self.path())
            .args(arguments)
            .env_remove("PAYERSYNC_HOME")
            .env_remove("PAYERSYNC_LOG")
            .env("PAYERSYNC_LOG_FORMAT", "plain")
            .env_remove("PAYERSYNC_VAULT_KEY")
            .env_remove("PAYERSYNC_VAULT_KEY_FILE")
            .env_remove("CREDENTIALS_DIRECTORY")
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary, which must succeed; `when` says what came before.
    #[track_caller]
    pub(crate) fn succeed(&self, arguments: &[&str], when: &str) {
        let outcome = self.run(arguments);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert_eq!(outcome.code, 0, "{arguments:?} after {when}: {said}");
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&mut self.command(arguments))
    }

    /// Writes a file that only its owner can read, as a file with a secret must be.
    pub(crate) fn write_private(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        path
    }

    /// The warehouse's file, with its key if this build encrypts.
    pub(crate) fn warehouse_file(&self) -> WarehouseFile {
        let path = self.file("warehouse.db");
        match cfg!(feature = "encryption") {
            true => WarehouseFile::encrypted(path, &self.warehouse_key()),
            false => WarehouseFile::in_clear(path),
        }
    }

    fn warehouse_key(&self) -> [u8; 32] {
        *derived_key(self.path(), None, "payersync warehouse.db, SQLCipher 4", false).unwrap()
    }

    /// The warehouse, as an analyst opens it.
    pub(crate) fn warehouse(&self) -> Connection {
        let warehouse = Connection::open(self.file("warehouse.db")).unwrap();
        if cfg!(feature = "encryption") {
            let key: String =
                self.warehouse_key().iter().map(|byte| format!("{byte:02x}")).collect();
            warehouse.execute_batch(&format!("PRAGMA key = \"x'{key}'\"")).unwrap();
        }
        warehouse
    }

    /// One value of the warehouse.
    pub(crate) fn value<T: FromSql>(&self, sql: &str) -> T {
        self.warehouse().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Rows of texts, with NULL as an empty text.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        super::rows(&self.warehouse(), sql)
    }
}

/// When the binary was built, as a name.
fn built() -> String {
    let built = std::fs::metadata(env!("CARGO_BIN_EXE_payersync")).unwrap().modified().unwrap();
    built.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos().to_string()
}

/// A folder that all tests of this binary share: the files of a home that `make` has filled.
///
/// Each test is a process: the first one makes it, and the others wait for it. Folders of the same kind for
/// another build or day are removed.
fn made_once(kind: &str, of: &str, make: impl FnOnce(&Home)) -> PathBuf {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(shared).unwrap();
    let first = shared.join(format!("{kind}-{of}"));
    let half = shared.join(format!("half-of-{kind}"));
    let lock = File::create(shared.join(format!("{kind}.lock"))).unwrap();
    lock.lock().unwrap();
    if !first.exists() {
        for old in std::fs::read_dir(shared).unwrap().map(|entry| entry.unwrap().path()) {
            if old.file_name().unwrap().to_string_lossy().starts_with(&format!("{kind}-")) {
                // If this process is killed, half of a home must not look like a whole one.
                let _ = std::fs::remove_dir_all(&half);
                std::fs::rename(old, &half).unwrap();
            }
        }
        let made = Home::new();
        make(&made);
        let _ = std::fs::remove_dir_all(&half);
        std::fs::create_dir(&half).unwrap();
        copy_folder(made.path(), &half);
        std::fs::rename(half, &first).unwrap();
    }
    first
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_folder(&path, &target);
        } else {
            std::fs::copy(path, target).unwrap();
        }
    }
}
