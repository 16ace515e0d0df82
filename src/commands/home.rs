//! The home: the one folder that payersync uses, and the files that it opens there.

use super::{
    earlier::{is_database, refusal, refuse_dash},
    failure::{Failure, WRITABLE},
    lock,
    own_views::{self, LeftOut},
    told::tell,
    vault_key,
};
use crate::{
    auth::{
        ClientRegistration, Endpoints, GivenKey, GrantKind, Tokens, Vault, derived_key, discover,
    },
    cli::Cli,
    clock::Clock,
    config::{FILE_NAME, PlanSettings, Settings, WAREHOUSE_NAME},
    exit_code::ExitCode,
    http::{HttpClient, Origin},
    monitor::{Monitor, Silent},
    notify::FILE_NAME as TOLD,
    own_file,
    warehouse::{Catalog, Warehouse, WarehouseFile},
};
use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    thread,
};

/// The purpose for which the warehouse's key is derived. Another text would give another key.
const KEY_OF_WAREHOUSE: &str = "payersync warehouse.db, SQLCipher 4";

/// The home: the folder of --home or PAYERSYNC_HOME, else the default folder.
pub(super) fn choose(cli: &Cli) -> Result<PathBuf, Failure> {
    match (&cli.home, defaults()) {
        (Some(home), _) => Ok(home.clone()),
        (None, Some(defaults)) => Ok(defaults.chosen().to_owned()),
        (None, None) => Err(Failure::misuse("there is no home directory to keep things in")
            .hint("name a folder with --home")),
    }
}

/// The default home that is not used, if both default folders exist and `home` is the other one.
pub(super) fn other_default(home: &Path) -> Option<PathBuf> {
    let defaults = defaults()?;
    let both = is_there(&defaults.dotted) && is_there(&defaults.xdg);
    (both && defaults.chosen() == home).then_some(defaults.xdg)
}

/// Tells the user which default home is used, if both exist.
pub(super) fn tell_other_default(home: &Path) {
    if let Some(other) = other_default(home) {
        let (home, other) = (home.display(), other.display());
        tell(&format!("{home} is used, and {other} exists too; --home names the home"));
    }
}

/// The two folders that can be the home if none is named.
struct Defaults {
    /// `~/.payersync`.
    dotted: PathBuf,
    /// The folder for a user's data by the XDG Base Directory Specification.
    xdg: PathBuf,
}

fn defaults() -> Option<Defaults> {
    let user = env::home_dir()?;
    // The specification says that relative paths must be ignored.
    let named = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let data = named.unwrap_or_else(|| user.join(".local/share"));
    Some(Defaults { dotted: user.join(".payersync"), xdg: data.join("payersync") })
}

impl Defaults {
    /// The default home: an existing one of the two folders, preferably `~/.payersync`; else `~/.payersync`.
    ///
    /// So existing data is always found. A new home is never made in the XDG folder: cron does not know
    /// XDG_DATA_HOME, and would not find it.
    fn chosen(&self) -> &Path {
        match is_there(&self.xdg) && !is_there(&self.dotted) {
            true => &self.xdg,
            false => &self.dotted,
        }
    }
}

/// Whether the path exists, even as a link to nowhere, which is refused later.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Refuses a home, or a file of payersync's in it, that others could change.
///
/// # Errors
/// The home or the file is a symbolic link, belongs to an account other than this one and root, or can be
/// written by others.
pub(super) fn require_own(home: &Path) -> Result<(), Failure> {
    own_file::require_own(home)?;
    // If the folder is missing or is not a folder, the code that opens it reports that.
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        if is_ours(&entry.file_name()) {
            own_file::require_own(&entry.path())?;
        }
    }
    Ok(())
}

/// Whether payersync uses a file of this name in a home.
fn is_ours(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    matches!(
        &*name,
        FILE_NAME | "lock" | "backup.lock" | "consent.lock" | "locks" | TOLD | "notify.lock"
    ) || [WAREHOUSE_NAME, "vault.", "pending-", "lake."].iter().any(|start| name.starts_with(start))
}

/// Refuses to overwrite a file that must not be lost.
///
/// It refuses the files of the home, every SQLite database (a lost warehouse cannot be replaced), links,
/// devices, pipes, and files of another account.
///
/// # Errors
/// The file must not be lost. The message names the file, which was left as it is.
pub(super) fn refuse_own(home: &Path, file: &Path) -> Result<(), Failure> {
    refuse_dash(file)?;
    own_file::require_owned(file)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let is_within =
        match (fs::canonicalize(folder.unwrap_or(Path::new("."))), fs::canonicalize(home)) {
            (Ok(folder), Ok(home)) => folder == home,
            _ => false,
        };
    if is_database(file) {
        return Err(refusal(file, "is a database"));
    }
    if is_within && file.file_name().is_some_and(is_ours) {
        return Err(refusal(file, "is a file that payersync needs"));
    }
    Ok(())
}

/// Creates the home for its owner alone; an existing folder must be the owner's alone.
pub(super) fn create(home: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(home).map_err(|error| {
        Failure::file(format!("cannot create {}", home.display()), error, WRITABLE)
    })?;
    require_own(home)
}

/// Writes a file that its owner alone can read; replaces an existing file.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    own_file::replace(path, text.as_bytes(), 0o600)
        .map_err(|error| Failure::file(format!("cannot write {}", path.display()), error, WRITABLE))
}

/// All tables: the shipped ones and the user's own. Reports the user's files that cannot be tables.
pub(super) fn catalog(settings: &Settings) -> Result<Catalog, Failure> {
    let (catalog, left_out) = catalog_and_left_out(settings)?;
    left_out.iter().for_each(LeftOut::tell);
    Ok(catalog)
}

/// All tables, and the user's files that cannot be tables.
pub(super) fn catalog_and_left_out(
    settings: &Settings,
) -> Result<(Catalog, Vec<LeftOut>), Failure> {
    let mut catalog = Catalog::embedded();
    for plan in settings.plans.values() {
        catalog.know_bases(&plan.name, &plan.bases);
    }
    let left_out = match &settings.views_dir {
        Some(folder) => own_views::add(&mut catalog, folder)?,
        None => Vec::new(),
    };
    Ok((catalog, left_out))
}

/// The warehouse's file, which may not exist yet, with the key that opens it.
///
/// In a build with encryption, this makes the vault's key if the home has neither a warehouse nor a vault.
pub(super) fn warehouse_file(home: &Path) -> Result<WarehouseFile, Failure> {
    match cfg!(feature = "encryption") {
        true => warehouse_file_with(home, vault_key::find(home)?.as_ref()),
        false => Ok(WarehouseFile::in_clear(home.join(WAREHOUSE_NAME))),
    }
}

/// As [`warehouse_file`], with the vault's key already known.
pub(super) fn warehouse_file_with(
    home: &Path,
    given: Option<&GivenKey>,
) -> Result<WarehouseFile, Failure> {
    let path = home.join(WAREHOUSE_NAME);
    if !cfg!(feature = "encryption") {
        return Ok(WarehouseFile::in_clear(path));
    }
    let is_first = !path.exists() && !home.join("vault.db").exists();
    let key = derived_key(home, given, KEY_OF_WAREHOUSE, is_first)?;
    Ok(WarehouseFile::encrypted(path, &key))
}

/// The warehouse's file, for commands that do not create it.
///
/// If the file is missing, nothing is opened, and no key is asked for.
pub(super) fn existing_warehouse(home: &Path) -> Result<WarehouseFile, Failure> {
    let path = home.join(WAREHOUSE_NAME);
    match path.exists() {
        true => warehouse_file(home),
        false => Ok(WarehouseFile::in_clear(path)),
    }
}

/// Opens the warehouse for writing; creates it on first use.
pub(super) fn warehouse(settings: &Settings, monitor: &dyn Monitor) -> Result<Warehouse, Failure> {
    warehouse_at(settings, monitor, Clock::system())
}

/// Opens the warehouse as [`warehouse`] does, with the given clock.
pub(super) fn warehouse_at(
    settings: &Settings,
    monitor: &dyn Monitor,
    clock: Clock,
) -> Result<Warehouse, Failure> {
    warehouse_of(&warehouse_file(&settings.home)?, settings, monitor, clock)
}

/// Opens the warehouse as [`warehouse_at`] does, without looking for its key again.
pub(super) fn warehouse_of(
    file: &WarehouseFile,
    settings: &Settings,
    monitor: &dyn Monitor,
    clock: Clock,
) -> Result<Warehouse, Failure> {
    Ok(Warehouse::open(file, catalog(settings)?, clock, monitor)?)
}

/// Opens the warehouse to store a consent, which is allowed during a run.
///
/// It does not keep the home's lock: a run that begins meanwhile would find the home locked.
pub(super) fn warehouse_beside_a_run(settings: &Settings) -> Result<Warehouse, Failure> {
    let (file, catalog) = (warehouse_file(&settings.home)?, catalog(settings)?);
    migrate_older(settings, &file, "connect")?;
    Ok(Warehouse::open_beside_a_run(&file, catalog, Clock::system())?)
}

/// Opens the warehouse for reading, which is allowed during a run.
pub(super) fn warehouse_to_look(settings: &Settings, command: &str) -> Result<Warehouse, Failure> {
    let (file, catalog) = (existing_warehouse(&settings.home)?, catalog(settings)?);
    migrate_older(settings, &file, command)?;
    Ok(Warehouse::open_to_look(&file, catalog, Clock::system())?)
}

/// Brings control tables of an older payersync up to date, while the home's lock keeps every run away.
///
/// A migration corrects stored rows once. A run of the older payersync, which may be at work for hours after
/// the upgrade, would store the same rows wrongly again, and nothing would correct them.
fn migrate_older(settings: &Settings, file: &WarehouseFile, command: &str) -> Result<(), Failure> {
    if !file.path().exists() || !Warehouse::is_older(file)? {
        return Ok(());
    }
    let _lock = lock::take(&settings.home, command).map_err(|failure| match failure.code() {
        ExitCode::Locked => Failure::locked(format!(
            "the warehouse has the tables of an older payersync, which are brought up to date only \
             while no other process is at work: {failure}"
        ))
        .hint(
            "wait until that process ends, or stop it, and run the same command again; \
             `payersync run` does not end by itself: restart it with this version",
        ),
        _ => failure,
    })?;
    Ok(Warehouse::migrate(file)?)
}

/// Opens the warehouse for reading, after bringing its tables up to date if necessary.
///
/// The tables stay as they are if a run is at work, which has brought them up to date itself, or if nothing
/// can be written.
pub(super) fn current_warehouse_to_look(
    settings: &Settings,
    command: &str,
) -> Result<Warehouse, Failure> {
    let seen = warehouse_to_look(settings, command)?;
    if seen.is_out_of_date()?
        && let Ok(_lock) = lock::take(&settings.home, command)
    {
        warehouse(settings, &Silent)?.close();
        return warehouse_to_look(settings, command);
    }
    Ok(seen)
}

/// Opens the vault; creates it on first use.
pub(super) fn vault(home: &Path) -> Result<Vault, Failure> {
    Ok(Vault::open(home, vault_key::find(home)?)?)
}

/// The HTTP client of a run, with every plan's budget.
pub(super) fn http(settings: &Settings) -> Result<HttpClient, Failure> {
    let client = HttpClient::new(settings.http.clone()).map_err(Failure::http_setup)?;
    for plan in settings.plans.values() {
        if let Ok(origin) = Origin::of(&plan.fhir_url) {
            client.limit_origin(&origin, plan.limits);
        }
    }
    Ok(client)
}

/// The warehouse and the HTTP client of a run.
///
/// Another thread reads the system's certificates meanwhile, which takes as long as opening the warehouse.
/// If the system gives no further thread, this one does both.
pub(super) fn warehouse_and_http(
    settings: &Settings,
    monitor: &dyn Monitor,
) -> Result<(Warehouse, Result<HttpClient, Failure>), Failure> {
    thread::scope(|scope| {
        let ahead = thread::Builder::new().spawn_scoped(scope, || http(settings));
        let warehouse = warehouse(settings, monitor);
        let http = match ahead {
            Ok(ahead) => ahead.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => http(settings),
        };
        Ok((warehouse?, http))
    })
}

/// The source of access tokens: the vault and the plans' token endpoints.
pub(super) fn tokens(settings: &Settings, http: &HttpClient) -> Result<Tokens, Failure> {
    Ok(Tokens::new(http.clone(), vault(&settings.home)?, &settings.home))
}

/// A plan's registration; endpoints that the configuration leaves out are looked up.
pub(super) async fn registration(
    plan: &PlanSettings,
    http: &HttpClient,
) -> Result<ClientRegistration, Failure> {
    Ok(plan.registration(endpoints(plan, http).await?)?)
}

async fn endpoints(plan: &PlanSettings, http: &HttpClient) -> Result<Endpoints, Failure> {
    if !plan.grant().has_endpoint() {
        return Ok(plan.endpoints(plan.fhir_url.clone()));
    }
    let wants_authorize = plan.grant() == GrantKind::AuthorizationCode;
    let authorize_url = plan.authorize_url.clone();
    match &plan.token_url {
        Some(token_url) if authorize_url.is_some() || !wants_authorize => {
            Ok(plan.endpoints(token_url.clone()))
        }
        token_url => {
            let (url, base, issuer) = (&plan.discovery_url, &plan.fhir_url, plan.issuer.as_deref());
            let is_asked = wants_authorize && authorize_url.is_none();
            let found = discover(http, url, base, issuer, is_asked).await?;
            Ok(Endpoints {
                authorize_url: authorize_url.or(found.authorize_url),
                token_url_is_discovered: token_url.is_none(),
                token_url: token_url.clone().unwrap_or(found.token_url),
                issuer: found.issuer,
            })
        }
    }
}
