//! `payersync export`: tables and resources as files for other tools.
//!
//! The export takes a table's declared types, streams its rows from SQLite and passes them to the writer of
//! the format, whose file is hashed on the way. All files show the warehouse at one instant. They are
//! written into a folder with a temporary name. When all of it is on the disk, the folder takes its proper
//! name and replaces an earlier export.

#[cfg(feature = "parquet")]
mod cell;
mod choice;
#[cfg(feature = "parquet")]
mod columnar;
mod deidentify;
mod delimited;
mod file;
mod finished;
mod kind;
pub(super) mod manifest;
mod place;
mod resources;
mod spreadsheet;
mod tables;
mod writer;

#[cfg(feature = "lake")]
pub(super) use self::tables::columns_of;
#[cfg(feature = "parquet")]
pub(super) use self::{
    cell::is_held,
    columnar::Parquet,
    kind::{Column, Kind, kind_of_answer},
};
pub(super) use self::{choice::require_parquet, file::cannot_write};
use super::{failure::Failure, home, stop_signal, system, tell, warn};
use crate::{
    cli::{ExportArgs, ExportFormat},
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    warehouse::{
        Access, Catalog, ReadOnlyWarehouse, Since, Snapshot, WarehouseFile, backup_outcome,
        log_access,
    },
};
use deidentify::Deidentification;
use manifest::Manifest;
use place::{Place, Unfinished};
use std::path::Path;

/// Writes the files into a temporary folder, then puts it in place.
pub(super) fn run(folder: &Path, args: &ExportArgs) -> Result<ExitCode, Failure> {
    choice::refuse_contradictions(args)?;
    let settings = Settings::load_or_default(folder)?;
    let catalog = home::catalog(&settings)?;
    let file = home::existing_warehouse(&settings.home)?;
    let warehouse = ReadOnlyWarehouse::open(&file)?;
    let place = Place::check(&args.folder, file.path(), args.deidentify)?;
    // The export is logged before it is written, so that a purge can name its files.
    let _ = log(&file, place.target(), backup_outcome::BEGUN);
    let stop = stop_signal::listen_and_say("Stopping: the files written so far are removed", None);
    let done = match export(&warehouse, &catalog, args, place.begin(stop.clone())?) {
        Ok(done) => done,
        Err(failure) => {
            let _ = log(&file, place.target(), backup_outcome::FAILED);
            if !stop.is_asked() {
                return Err(failure);
            }
            tell("Nothing was exported; an earlier export is as it was");
            return Ok(ExitCode::Incomplete);
        }
    };
    log(&file, place.target(), &done.counts())?;
    tell(&format!("Exported {} to {}", done.counts(), place.target().display()));
    done.warnings().iter().for_each(|warning| warn(warning));
    if args.tables.is_empty()
        && let Some(table) = done.table_named_like(place.target())
    {
        let folder = args.folder.display();
        tell(&format!(
            "Note: {folder} is the folder; `payersync export DIR {table}` writes that table alone"
        ));
    }
    tell(match args.deidentify {
        true => {
            "The files are de-identified; manifest.json says how. Read docs/deidentify.md before you \
             hand them on"
        }
        false if done.rows() == 0 => "The files hold no row; manifest.json has their hashes",
        false => "The files hold health data and no tokens; manifest.json has their hashes",
    });
    Ok(if done.is_faithful() { ExitCode::Complete } else { ExitCode::Incomplete })
}

fn export(
    warehouse: &ReadOnlyWarehouse,
    catalog: &Catalog,
    args: &ExportArgs,
    unfinished: Unfinished<'_>,
) -> Result<Manifest, Failure> {
    let manifest = warehouse.snapshot(|snapshot| {
        let since = args.since.map(|run| since(snapshot, run)).transpose()?;
        let now = Clock::system().now();
        let deidentification = Deidentification::begin(snapshot, args, now)?;
        let deidentification = deidentification.as_ref();
        let mut manifest = Manifest::begin(snapshot, args, deidentification, now)?;
        let files = match args.format {
            ExportFormat::Ndjson => {
                resources::write(snapshot, catalog, args, since.as_ref(), &unfinished)?
            }
            _ => {
                let since = since.as_ref();
                tables::write(snapshot, catalog, args, since, deidentification, &unfinished)?
            }
        };
        manifest.add(files);
        Ok::<Manifest, Failure>(manifest)
    })??;
    unfinished.finish(&manifest)?;
    Ok(manifest)
}

fn since(snapshot: &Snapshot<'_>, run: i64) -> Result<Since, Failure> {
    let Some(since) = snapshot.since(run)? else {
        let hint = match snapshot.newest_run()? {
            Some(newest) => format!(
                "the newest run is {newest}; `latest_run` in the manifest.json of an export is \
                 the last run in it; after a restore, export everything anew"
            ),
            None => "nothing was synced yet: `payersync sync`".to_owned(),
        };
        return Err(Failure::misuse(format!("there is no run {run}")).hint(hint));
    };
    Ok(since)
}

fn log(warehouse: &WarehouseFile, target: &Path, detail: &str) -> Result<(), Failure> {
    let access = Access {
        os_user: system::user(),
        command: "export",
        connection_id: None,
        target: Some(target.display().to_string()),
        detail: Some(detail.to_owned()),
    };
    Ok(log_access(warehouse, &access, Clock::system().now())?)
}
