//! Reads `payersync.toml`, checks it, and turns it into the settings that the core works with.
//!
//! clap reads flags and environment variables. This module reads the TOML and turns every value into a
//! bounded, typed one, so that a mistake in the configuration is reported before anything runs. The file
//! never holds a secret: it names an environment variable or another file.

mod credentials;
mod error;
mod file;
mod header_text;
mod line;
mod notify;
mod oauth_dialect;
mod patient_from;
mod plan;
mod presets;
mod production_access;
mod request_headers;
mod schedules;
#[cfg(test)]
mod schema_tests;
mod search;
mod secret_file;
mod secret_source;
mod shown;
mod sync_section;
mod text;

pub use error::ConfigError;
pub use notify::{NotifySettings, SecretUrl, WebhookFormat};
pub use plan::PlanSettings;
pub use presets::{Preset, PresetError, presets};
pub use production_access::ProductionAccess;
pub use schedules::Schedules;
pub use secret_file::{SecretFileError, credential, read_credential, read_secret_file};
pub use shown::{ShownKey, shown};

use crate::{http::HttpOptions, shard::Shard};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

/// The name of the file in the home.
pub const FILE_NAME: &str = "payersync.toml";

/// The name of the warehouse in the home.
pub const WAREHOUSE_NAME: &str = "warehouse.db";

/// The commented configuration that `payersync init` writes.
pub const TEMPLATE: &str = include_str!("../config/payersync.toml");

/// The JSON schema of the file, for editors.
pub const SCHEMA: &str = include_str!("../config/payersync.schema.json");

/// The settings that the core works with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The one folder: configuration, warehouse, vault.
    pub home: PathBuf,
    /// The program that prints the vault's key, with its arguments.
    pub vault_key_command: Option<Vec<String>>,
    /// The shard that this process is, among those that share the work and the plans' budgets.
    pub shard: Shard,
    /// Limits of every request.
    pub http: HttpOptions,
    /// Connections synced at once.
    pub connections_in_parallel: usize,
    /// Largest share of a type that may vanish at once before it is taken for an accident.
    pub shrink_limit_percent: u8,
    /// Whether a `Bundle.total` that does not add up always makes a walk incomplete.
    pub strict_totals: bool,
    /// Bounds of the attachments that are fetched: the largest in bytes, and how many in a run.
    pub attachments: (usize, u32),
    /// How long a type may go without a full walk, which alone finds deletions.
    pub full_walk_every: Duration,
    /// How far an incremental walk reaches back before the watermark.
    pub overlap: Duration,
    /// How long superseded versions of resources are kept; `None`: for ever.
    pub keep_versions: Option<Duration>,
    /// How long runs that changed nothing and the access log are kept; `None`: for ever.
    pub keep_runs: Option<Duration>,
    /// Whether the end of a run counts which paths no column carries.
    pub count_unmapped_paths: bool,
    /// A folder with more ViewDefinitions.
    pub views_dir: Option<PathBuf>,
    /// The plans, by name.
    pub plans: BTreeMap<String, PlanSettings>,
    /// When `payersync run` syncs which connection.
    pub schedules: Schedules,
    /// Who is told when something is wrong.
    pub notify: NotifySettings,
    /// What the papers for production access say of the operator.
    pub production_access: ProductionAccess,
    /// The connections that have a section.
    pub connection_sections: BTreeSet<String>,
    /// Further parameters of the authorize request, by connection.
    pub connection_parameters: BTreeMap<String, Vec<(String, String)>>,
}

impl Settings {
    /// Reads `payersync.toml` in the home.
    ///
    /// # Errors
    /// There is no file, it is not TOML (with file, line and column), or a key or a value in it is wrong.
    pub fn load(home: &Path) -> Result<Settings, ConfigError> {
        let path = home.join(FILE_NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ConfigError::Missing { path });
            }
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        };
        Settings::parse(home, &path, &text)
    }

    /// Reads the file like [`Settings::load`]; if it is missing, returns the defaults.
    ///
    /// # Errors
    /// The same as those of [`Settings::load`], except a missing file.
    pub fn load_or_default(home: &Path) -> Result<Settings, ConfigError> {
        match Settings::load(home) {
            Err(ConfigError::Missing { path }) => Settings::parse(home, &path, ""),
            settings => settings,
        }
    }

    /// The defaults with the `[notify]` of a file that cannot be used otherwise, so that somebody can be
    /// told of the mistake; `None` if that section cannot be used either.
    pub fn of_notify_alone(home: &Path) -> Option<Settings> {
        let path = home.join(FILE_NAME);
        let text = std::fs::read_to_string(&path).ok()?;
        Settings::parse(home, &path, &text::notify_alone(&text)).ok()
    }

    /// Reads a text in place of the file.
    ///
    /// # Errors
    /// The same as those of [`Settings::load`] for the content of a file.
    pub fn parse(home: &Path, path: &Path, text: &str) -> Result<Settings, ConfigError> {
        Settings::checked(home, path, text).map_err(|error| error.with_line(text))
    }

    fn checked(home: &Path, path: &Path, text: &str) -> Result<Settings, ConfigError> {
        let file = text::parse(path, text)?;
        let schedules = Schedules::new(&file, path)?;
        let connection_sections = file.connections.keys().cloned().collect();
        if file.vault_key_command.as_ref().is_some_and(|words| words.iter().all(String::is_empty)) {
            return Err(ConfigError::Value {
                path: path.into(),
                line: None,
                key: "vault_key_command".to_owned(),
                problem: "names no program".to_owned(),
            });
        }
        let mut connection_parameters = BTreeMap::new();
        for (name, section) in file.connections {
            if let Err(problem) = oauth_dialect::check_connection(&section.authorize_parameters) {
                let key = format!("connections.{name}.authorize_parameters");
                return Err(ConfigError::Value { path: path.into(), line: None, key, problem });
            }
            let parameters: Vec<_> = section.authorize_parameters.into_iter().collect();
            if !parameters.is_empty() {
                connection_parameters.insert(name, parameters);
            }
        }
        let mut plans = BTreeMap::new();
        for (name, plan) in file.plans {
            let settings = PlanSettings::new(&name, plan, home, path)?;
            plans.insert(name, settings);
        }
        Ok(Settings {
            home: home.into(),
            vault_key_command: file.vault_key_command,
            shard: Shard::WHOLE,
            http: file.http.options(path)?,
            connections_in_parallel: file.sync.connections_in_parallel.get(),
            shrink_limit_percent: file.sync.shrink_limit(path)?,
            strict_totals: file.sync.strict_totals,
            attachments: file.sync.attachments(path)?,
            full_walk_every: file.sync.full_walk_every(),
            overlap: file.sync.overlap(),
            keep_versions: file.warehouse.keep_versions(),
            keep_runs: file.warehouse.keep_runs(path)?,
            count_unmapped_paths: file.warehouse.count_unmapped_paths,
            views_dir: file.warehouse.views_dir.map(|folder| home.join(folder)),
            plans,
            notify: NotifySettings::new(file.notify, home, path)?,
            production_access: file.production_access,
            schedules,
            connection_sections,
            connection_parameters,
        })
    }

    /// These settings for one shard, with its part of what each plan allows.
    pub fn of_shard(mut self, shard: Shard) -> Settings {
        self.shard = shard;
        self.plans.values_mut().for_each(|plan| plan.limits.shard = shard);
        self
    }

    /// The plan of this name.
    ///
    /// # Errors
    /// There is no plan of this name; the error has the known names.
    pub fn plan(&self, name: &str) -> Result<&PlanSettings, ConfigError> {
        self.plans.get(name).ok_or_else(|| ConfigError::UnknownPlan {
            name: name.to_owned(),
            known: self.plans.keys().cloned().collect(),
            path: self.home.join(FILE_NAME),
        })
    }

    /// The warehouse's file.
    pub fn warehouse_path(&self) -> PathBuf {
        self.home.join(WAREHOUSE_NAME)
    }
}

#[cfg(test)]
mod tests;
