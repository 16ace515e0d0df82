//! `payersync query`: runs a SQL query and prints the answer.

mod delimited;
mod objects;
mod parameters;
mod suggestion;
mod tabular;
mod text;
#[cfg(feature = "parquet")]
mod typed;
mod vertical;

use super::{export, failure::Failure, home, pager, print, tell, terminal};
use crate::{
    cli::{QueryArgs, QueryFormat},
    config::Settings,
    exit_code::ExitCode,
    own_file,
    warehouse::{Parameter, ReadOnlyWarehouse, WarehouseError, sweep_unfinished, unfinished_name},
};
pub(super) use delimited::quoted;
use delimited::{Csv, Markdown};
use objects::Objects;
use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
};
use suggestion::suggestion;
use tabular::ForPeople;
pub(super) use text::exact;
use vertical::Vertical;

/// The longest statement, in bytes.
const MAX_SQL: u64 = 1 << 20;

/// Runs the statement and prints each row as it arrives.
pub(super) fn run(folder: &Path, args: &QueryArgs) -> Result<ExitCode, Failure> {
    let sql = statement(args)?;
    let parameters = parameters::parse(&args.param)?;
    let format = if args.vertical { QueryFormat::Vertical } else { args.format };
    if format == QueryFormat::Parquet {
        export::require_parquet()?;
        if args.output.is_none() {
            return Err(Failure::misuse("Parquet is not for a screen").hint("add --output FILE"));
        }
    }
    let settings = Settings::load_or_default(folder)?;
    let file = home::existing_warehouse(&settings.home)?;
    let warehouse = match args.as_of {
        Some(at) => ReadOnlyWarehouse::open_as_of(&file, at)?,
        None => ReadOnlyWarehouse::open(&file)?,
    };
    let question = Question { sql: &sql, parameters: &parameters };
    let asked = match &args.output {
        Some(output) => {
            home::refuse_own(&settings.home, output)?;
            to_file(&warehouse, &question, format, output, file.path())?
        }
        None => to_screen(&warehouse, &question, format, args.no_pager)?,
    };
    match asked {
        Ok(()) => Ok(ExitCode::Complete),
        Err(error) if !error.is_of_the_file() => {
            let hint = hint(args, &settings, &warehouse, &sql, &error);
            Err(Failure::misuse(error.words().unwrap_or_else(|| error.to_string())).hint(hint))
        }
        Err(error) => Err(error.into()),
    }
}

/// Prints the answer. The inner error is SQLite's, which the caller reports.
fn to_screen(
    warehouse: &ReadOnlyWarehouse,
    question: &Question<'_>,
    format: QueryFormat,
    no_pager: bool,
) -> Result<Result<(), WarehouseError>, Failure> {
    let mut asked = Ok(());
    let write = |out: &mut dyn Write| match answer(warehouse, question, format, out) {
        Ok(written) => written,
        Err(error) => {
            asked = Err(error);
            Ok(())
        }
    };
    let is_for_people = matches!(format, QueryFormat::Table | QueryFormat::Vertical);
    match is_for_people && !no_pager {
        true => pager::print(write)?,
        false => print(write)?,
    }
    Ok(asked)
}

/// Writes the answer to a file; if that fails, an existing file stays.
///
/// First it removes unfinished files that killed commands of the warehouse `own` have left in the folder.
fn to_file(
    warehouse: &ReadOnlyWarehouse,
    question: &Question<'_>,
    format: QueryFormat,
    path: &Path,
    own: &Path,
) -> Result<Result<(), WarehouseError>, Failure> {
    let mut asked = Ok(());
    sweep_unfinished(path, own)?;
    let partial = unfinished_name(path, own)?;
    let placed = own_file::replace_with(path, &partial, 0o600, |file| {
        let mut out = io::BufWriter::new(file);
        let answered = match format {
            #[cfg(feature = "parquet")]
            QueryFormat::Parquet => {
                typed::write(warehouse, question.sql, question.parameters, &mut out)
            }
            _ => answer(warehouse, question, format, &mut out),
        };
        let written = answered.unwrap_or_else(|error| {
            asked = Err(error);
            Err(io::Error::other("the statement was refused"))
        });
        written.and_then(|()| out.flush())
    });
    match placed {
        Err(error) if asked.is_ok() => Err(match error.kind() {
            io::ErrorKind::InvalidInput => Failure::misuse(error),
            _ => export::cannot_write(path, error),
        }),
        _ => Ok(asked),
    }
}

/// A SQL statement with the values of its parameters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) sql: &'a str,
    pub(super) parameters: &'a [Parameter],
}

/// The statement from the command line, a file or standard input.
fn statement(args: &QueryArgs) -> Result<String, Failure> {
    let sql = match (&args.sql, &args.file) {
        (_, Some(file)) => {
            let opened = fs::File::open(file).and_then(|file| read(&mut file.take(MAX_SQL)));
            opened
                .map_err(|error| Failure::usage(format!("cannot read {}", file.display()), error))?
        }
        (Some(sql), None) if sql == "-" => read(&mut io::stdin().lock().take(MAX_SQL))
            .map_err(|error| Failure::usage("cannot read standard input", error))?,
        (sql, None) => sql.clone().unwrap_or_default(),
    };
    // A script for a database's shell ends its statement with a semicolon.
    let sql = sql.trim().trim_end_matches(';').trim_end().to_owned();
    if sql.is_empty() {
        return Err(Failure::misuse("the query has no statement")
            .hint("`payersync query \"SELECT count(*) FROM claim\"`"));
    }
    Ok(sql)
}

fn read(from: &mut dyn Read) -> io::Result<String> {
    let mut text = String::new();
    from.read_to_string(&mut text)?;
    if text.len() as u64 == MAX_SQL {
        return Err(io::Error::other("the statement is longer than a mebibyte"));
    }
    Ok(text)
}

fn hint(
    args: &QueryArgs,
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
    sql: &str,
    error: &WarehouseError,
) -> String {
    if matches!(error, WarehouseError::Parameter { .. }) {
        return "`--param NAME=VALUE` says what :NAME stands for".to_owned();
    }
    let query_hint = error.query_hint();
    if args.as_of.is_some() && (query_hint.is_some() || error.is_of_a_name()) {
        return "--as-of shows the table resource as it was then; the normalised tables hold the \
                present and cannot be read with it"
            .to_owned();
    }
    if !error.is_of_a_name() {
        return query_hint.unwrap_or("`payersync query --help` has examples").to_owned();
    }
    suggestion(settings, warehouse, sql, error).unwrap_or_else(|| {
        "`payersync tables` lists the tables, `payersync tables NAME` the columns of one".to_owned()
    })
}

/// Tells a person that there are no rows; a file or a pipe gets the header alone.
fn tell_if_empty(is_empty: bool) {
    if is_empty && terminal::shows_data() {
        tell("no rows");
    }
}

/// Runs the statement and writes its answer in a format.
pub(super) fn answer(
    warehouse: &ReadOnlyWarehouse,
    question: &Question<'_>,
    format: QueryFormat,
    out: &mut dyn Write,
) -> Result<io::Result<()>, WarehouseError> {
    let Question { sql, parameters } = *question;
    match format {
        QueryFormat::Table => {
            let mut table = ForPeople::default();
            let written = warehouse.query(sql, parameters, &mut table)?;
            tell_if_empty(table.is_empty());
            Ok(written.and_then(|()| table.write(out)))
        }
        QueryFormat::Vertical => {
            let mut vertical = Vertical::new(out);
            let written = warehouse.query(sql, parameters, &mut vertical)?;
            tell_if_empty(vertical.is_empty());
            Ok(written)
        }
        QueryFormat::Csv => warehouse.query(sql, parameters, &mut Csv(out)),
        // Parquet cannot be shown on a screen; `typed` writes it to a file.
        QueryFormat::Parquet => Ok(Err(io::ErrorKind::Unsupported.into())),
        QueryFormat::Markdown => warehouse.query(sql, parameters, &mut Markdown::new(out)),
        QueryFormat::Json | QueryFormat::Ndjson => {
            let mut objects = Objects::new(&mut *out, format == QueryFormat::Json);
            let written = warehouse.query(sql, parameters, &mut objects)?;
            Ok(written.and_then(|()| objects.end()))
        }
    }
}
