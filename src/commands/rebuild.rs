//! `payersync rebuild`: makes tables and marts from the stored resources, without the network.

use super::{
    failure::Failure,
    home, lock,
    progress::{self, Style},
    tell,
};
use crate::{
    cli::RebuildArgs, clock::Clock, config::Settings, exit_code::ExitCode, plural,
    warehouse::Warehouse,
};
use std::path::Path;

/// Rebuilds the named tables and marts, or all.
pub(super) fn run(folder: &Path, args: RebuildArgs, style: Style) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let catalog = home::catalog(&settings)?;
    let all = || catalog.tables().iter().map(|table| table.name().to_owned());
    let is_known = |name: &String| {
        all().any(|table| table == *name) || catalog.marts().iter().any(|mart| mart.name == *name)
    };
    if let Some(unknown) = args.tables.iter().find(|name| !is_known(name)) {
        return Err(Failure::misuse(format!("there is no table {unknown}"))
            .hint("`payersync tables` lists them"));
    }
    let file = home::existing_warehouse(&settings.home)?;
    if !file.path().exists() {
        let path = file.path().into();
        return Err(crate::warehouse::WarehouseError::Missing { path }.into());
    }
    let tables: Vec<String> = if args.tables.is_empty() { all().collect() } else { args.tables };
    let _lock = lock::take(folder, "rebuild")?;
    let monitor = progress::monitor(style);
    let warehouse =
        Warehouse::open_and_rebuild(&file, catalog, &tables, Clock::system(), &*monitor)?;
    tell(&format!("Rebuilt {}", plural::count(warehouse.rebuilt().len(), "table")));
    let rejected = warehouse.rejected_by_rebuild();
    warehouse.close();
    if rejected == 0 {
        return Ok(ExitCode::Complete);
    }
    tell(&format!(
        "Rejected: {} in no table, because a view of the type failed; rejected_resource says why",
        plural::count(rejected, "stored resource")
    ));
    Ok(ExitCode::Incomplete)
}
