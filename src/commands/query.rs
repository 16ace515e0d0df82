//! `payersync query`: a question in SQL.

use super::{failure::Failure, home, print, show};
use crate::{
    cli::{QueryArgs, QueryFormat},
    config::Settings,
    exit_code::ExitCode,
    warehouse::{Answer, AnswerCell, ReadOnlyWarehouse, WarehouseError},
};
use serde_json::{Map, Value};
use std::{
    io::{self, Write},
    path::Path,
};

/// Asks and prints the answer as it comes.
pub(super) fn run(folder: &Path, args: &QueryArgs) -> Result<ExitCode, Failure> {
    if args.sql.trim().is_empty() {
        return Err(Failure::misuse("there is no statement in the question")
            .hint("`payersync query \"SELECT count(*) FROM claim\"`"));
    }
    let settings = Settings::load_or_default(folder)?;
    let file = home::existing_warehouse(&settings.home)?;
    let (warehouse, hint) = match args.as_of {
        Some(at) => (
            ReadOnlyWarehouse::open_as_of(&file, at)?,
            "with --as-of the table resource is as it was then; the normalised tables are of the present and cannot be read",
        ),
        None => (
            ReadOnlyWarehouse::open(&file)?,
            "`payersync tables` lists the tables; only statements that read are allowed",
        ),
    };
    let mut asked = Ok(());
    print(|out| match answer(&warehouse, &args.sql, args.format, out) {
        Ok(written) => written,
        Err(error) => {
            asked = Err(error);
            Ok(())
        }
    })?;
    match asked {
        Ok(()) => Ok(ExitCode::Complete),
        Err(error) if !error.is_of_the_file() => {
            Err(Failure::usage("the query cannot be answered", error).hint(hint))
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks one question and writes the answer in a format.
pub(super) fn answer(
    warehouse: &ReadOnlyWarehouse,
    sql: &str,
    format: QueryFormat,
    out: &mut dyn Write,
) -> Result<io::Result<()>, WarehouseError> {
    match format {
        QueryFormat::Table => {
            let mut table = ForPeople { table: show::table(&[]), rows: 0 };
            let written = warehouse.query(sql, &mut table)?;
            Ok(written.and_then(|()| writeln!(out, "{}", table.table)))
        }
        QueryFormat::Csv => {
            let mut writer = csv::Writer::from_writer(&mut *out);
            let written = warehouse.query(sql, &mut Csv(&mut writer))?;
            Ok(written.and_then(|()| writer.flush()))
        }
        QueryFormat::Json | QueryFormat::Ndjson => {
            let array = format == QueryFormat::Json;
            let mut objects = Objects { out: &mut *out, names: Vec::new(), array, rows: 0 };
            let written = warehouse.query(sql, &mut objects)?;
            let rows = objects.rows;
            Ok(written.and_then(|()| match (array, rows) {
                (true, 0) => writeln!(out, "[]"),
                (true, _) => writeln!(out, "\n]"),
                (false, _) => Ok(()),
            }))
        }
    }
}

struct ForPeople {
    table: comfy_table::Table,
    rows: u64,
}

impl Answer<io::Error> for ForPeople {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.table.set_header(names);
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        self.table.add_row(cells.iter().map(text));
        if self.rows == 0 {
            for (position, cell) in cells.iter().enumerate() {
                if matches!(cell, AnswerCell::Integer(_) | AnswerCell::Real(_)) {
                    show::right(&mut self.table, position);
                }
            }
        }
        self.rows += 1;
        Ok(())
    }
}

struct Csv<'a, W: Write>(&'a mut csv::Writer<W>);

impl<W: Write> Answer<io::Error> for Csv<'_, W> {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.0.write_record(names).map_err(io::Error::other)
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        self.0.write_record(cells.iter().map(text)).map_err(io::Error::other)
    }
}

struct Objects<'a> {
    out: &'a mut dyn Write,
    names: Vec<String>,
    array: bool,
    rows: u64,
}

impl Answer<io::Error> for Objects<'_> {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.names = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        let separator = match (self.array, self.rows) {
            (false, _) => "",
            (true, 0) => "[\n",
            (true, _) => ",\n",
        };
        self.rows += 1;
        let object: Map<String, Value> =
            self.names.iter().cloned().zip(cells.iter().map(json)).collect();
        write!(self.out, "{separator}")?;
        serde_json::to_writer(&mut *self.out, &object)?;
        if self.array { Ok(()) } else { writeln!(self.out) }
    }
}

fn text(cell: &AnswerCell<'_>) -> String {
    match cell {
        AnswerCell::Null => String::new(),
        AnswerCell::Integer(value) => value.to_string(),
        AnswerCell::Real(value) => value.to_string(),
        AnswerCell::Text(value) => (*value).to_owned(),
        AnswerCell::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn json(cell: &AnswerCell<'_>) -> Value {
    match cell {
        AnswerCell::Null => Value::Null,
        AnswerCell::Integer(value) => (*value).into(),
        // JSON has no infinity; its text says more than null would.
        AnswerCell::Real(value) => serde_json::Number::from_f64(*value)
            .map_or_else(|| value.to_string().into(), Value::Number),
        AnswerCell::Text(value) => (*value).into(),
        AnswerCell::Blob(_) => text(cell).into(),
    }
}
