//! Chooses the tables that an export writes.

use crate::{
    alike::most_alike,
    cli::{DateTreatment, ExportArgs, ExportFormat, ExportSet},
    commands::failure::Failure,
    warehouse::Catalog,
};

/// The prefix of the names of the Tuva input layer's views.
const TUVA: &str = "tuva_";

/// Refuses Parquet in a build that cannot write it.
pub(in crate::commands) fn require_parquet() -> Result<(), Failure> {
    if cfg!(feature = "parquet") {
        return Ok(());
    }
    Err(Failure::misuse("this payersync was built without Parquet")
        .hint("build it with `--features parquet`, or use --format csv"))
}

/// Refuses flags that contradict each other or that this build does not support.
pub(super) fn refuse_contradictions(args: &ExportArgs) -> Result<(), Failure> {
    if args.format == ExportFormat::Parquet {
        require_parquet()?;
    }
    if args.format == ExportFormat::Ndjson && args.set.is_some() {
        return Err(Failure::misuse("--format ndjson writes resources, and --set chooses tables")
            .hint("name resource types after the folder, or use --format csv"));
    }
    if args.format == ExportFormat::Ndjson && args.deidentify {
        return Err(Failure::misuse(
            "--format ndjson writes resources as they came, names and all",
        )
        .hint("--deidentify goes with --format csv and --format parquet"));
    }
    if args.dates == DateTreatment::Shifted && args.set == Some(ExportSet::Tuva) {
        return Err(Failure::misuse(
            "--dates shifted is not for --set tuva: its rows do not say which connection they \
            belong to",
        )
        .hint("leave out --dates, or export marts and tables"));
    }
    if args.raw && args.format != ExportFormat::Csv {
        return Err(Failure::misuse("--raw is for --format csv: no other format alters a value"));
    }
    let is_of_marts = args.set.is_some_and(|set| set != ExportSet::Tables);
    if args.since.is_some() && is_of_marts {
        return Err(since_marts());
    }
    Ok(())
}

fn since_marts() -> Failure {
    Failure::misuse("--since is not for marts: a row of a mart is made of many resources")
        .hint("leave out --since, or use it with --set tables or --format ndjson")
}

/// The set of tables that is exported, for the manifest; `None` if the tables are named one by one.
pub(super) fn set_of(args: &ExportArgs) -> Option<ExportSet> {
    let is_of_tables = args.tables.is_empty() && args.format != ExportFormat::Ndjson;
    let default = if args.since.is_some() { ExportSet::Tables } else { ExportSet::Marts };
    is_of_tables.then(|| args.set.unwrap_or(default))
}

/// The names of the tables to export, in the order of the catalogue.
pub(super) fn tables<'a>(catalog: &'a Catalog, args: &ExportArgs) -> Result<Vec<&'a str>, Failure> {
    let marts: Vec<&str> = catalog.marts().iter().map(|mart| mart.name.as_str()).collect();
    let tables: Vec<&str> = catalog.tables().iter().map(|table| table.name()).collect();
    let chosen: Vec<&str> = match set_of(args) {
        None => named(&[&marts[..], &tables].concat(), &args.tables)?,
        Some(ExportSet::Tables) => tables,
        Some(ExportSet::Marts) => marts.into_iter().filter(|name| !is_tuva(name)).collect(),
        Some(ExportSet::Tuva) => marts.into_iter().filter(|name| is_tuva(name)).collect(),
        Some(ExportSet::All) => [marts, tables].concat(),
    };
    let is_mart = |name: &&&str| catalog.marts().iter().any(|mart| mart.name == ***name);
    if args.since.is_some() && chosen.iter().find(is_mart).is_some() {
        return Err(since_marts());
    }
    Ok(chosen)
}

/// Whether a mart is a view of the Tuva input layer.
pub(super) fn is_tuva(name: &str) -> bool {
    name.starts_with(TUVA)
}

fn named<'a>(known: &[&'a str], wanted: &[String]) -> Result<Vec<&'a str>, Failure> {
    for name in wanted {
        if !known.contains(&name.as_str()) {
            return Err(unknown("table", name, known));
        }
    }
    Ok(known.iter().copied().filter(|name| wanted.iter().any(|one| one == name)).collect())
}

/// The failure of a name that no table or resource type has.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> Failure {
    let names = known.iter().copied();
    let hint = match most_alike(name, names) {
        Some(alike) => format!("did you mean {alike}?"),
        None => "`payersync tables --all` lists the tables and their types".to_owned(),
    };
    Failure::misuse(format!("there is no {what} {name}")).hint(hint)
}
