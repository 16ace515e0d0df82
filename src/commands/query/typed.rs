//! Writes an answer as Parquet.
//!
//! In SQLite each value has a type, in Parquet each column. So the statement runs twice over the same state
//! of the warehouse: first to find the type of each column, then for the rows. The memory needed does not
//! grow with the number of rows.

use crate::{
    commands::export::{Column, Kind, Parquet, is_held, kind_of_answer},
    warehouse::{Answer, AnswerCell, Parameter, ReadOnlyWarehouse, Snapshot, WarehouseError},
};
use std::{
    collections::HashSet,
    io::{self, Write},
};

/// Writes the answer to `out`.
///
/// The type of a column is the first of these that holds all of its values exactly: the type that its name
/// and declared type suggest, integer, floating-point number, text. If the column has no values, it is the
/// suggested type, else text.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] if Parquet cannot hold the answer.
pub(super) fn write(
    warehouse: &ReadOnlyWarehouse,
    sql: &str,
    parameters: &[Parameter],
    out: &mut (impl Write + Send),
) -> Result<io::Result<()>, WarehouseError> {
    warehouse.snapshot(|snapshot| ask_twice(snapshot, sql, parameters, out))?
}

fn ask_twice(
    snapshot: &Snapshot<'_>,
    sql: &str,
    parameters: &[Parameter],
    out: &mut (impl Write + Send),
) -> Result<io::Result<()>, WarehouseError> {
    let declared = snapshot.declared(sql)?;
    let mut names = HashSet::new();
    if let Some((twice, _)) = declared.iter().find(|(name, _)| !names.insert(name.as_str())) {
        let what = format!("two columns are called {twice}: give one another name with AS");
        return Ok(Err(io::Error::new(io::ErrorKind::InvalidInput, what)));
    }
    let mut survey = Survey(declared.iter().map(Possible::of).collect());
    if let Err(error) = snapshot.query(sql, parameters, &mut survey)? {
        return Ok(Err(error));
    }
    let kinds = survey.0.iter().map(Possible::kind);
    let columns: Vec<Column> =
        declared.into_iter().zip(kinds).map(|((name, _), kind)| Column { name, kind }).collect();
    let mut rows = match Parquet::begin(out, &columns, false) {
        Ok(parquet) => Rows(parquet),
        Err(error) => return Ok(Err(error)),
    };
    let written = snapshot.query(sql, parameters, &mut rows)?;
    Ok(written.and_then(|()| rows.0.end()).and_then(|(_, losses)| match losses.is_empty() {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the statement gave values of other types when it was asked again, as random() may",
        )),
    }))
}

/// The types that a column may have, after the values so far.
struct Possible {
    /// The type that the column's name and declared type suggest.
    told: Option<Kind>,
    /// The types that hold every value so far, the best first.
    kinds: Vec<Kind>,
    has_value: bool,
}

impl Possible {
    fn of((name, declared): &(String, Option<String>)) -> Possible {
        let told = kind_of_answer(name, declared.as_deref());
        let kinds = told.into_iter().chain([Kind::Integer, Kind::Real, Kind::Text]).collect();
        Possible { told, kinds, has_value: false }
    }

    fn meet(&mut self, cell: &AnswerCell<'_>) {
        self.has_value |= *cell != AnswerCell::Null;
        // Text always stays, since it holds every value.
        self.kinds.retain(|kind| is_held(cell, *kind));
    }

    fn kind(&self) -> Kind {
        let best = if self.has_value { self.kinds.first().copied() } else { self.told };
        best.unwrap_or(Kind::Text)
    }
}

/// The first run of the statement, which finds the types.
struct Survey(Vec<Possible>);

impl Answer<io::Error> for Survey {
    fn columns(&mut self, _: &[&str]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        self.0.iter_mut().zip(cells).for_each(|(column, cell)| column.meet(cell));
        Ok(())
    }
}

/// The second run of the statement, which writes the rows.
struct Rows<W: Write + Send>(Parquet<W>);

impl<W: Write + Send> Answer<io::Error> for Rows<W> {
    fn columns(&mut self, _: &[&str]) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        self.0.push(cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_the_first_type_that_holds_all_of_its_values() {
        use AnswerCell::{Integer, Null, Real, Text};
        for (name, declared, cells, kind) in [
            ("n", None, &[Integer(1), Null][..], Kind::Integer),
            ("n", None, &[Integer(1), Real(0.5)], Kind::Real),
            ("n", Some("INTEGER"), &[Integer(1), Text("x")], Kind::Text),
            ("n", Some("REAL"), &[Real(2.0)], Kind::Real),
            ("n", Some("REAL"), &[Null], Kind::Real),
            ("n", None, &[Null], Kind::Text),
            ("code", Some("TEXT"), &[Text("0012")], Kind::Text),
            ("paid_amount", None, &[Real(12.5)], Kind::Money(2)),
            ("paid_amount", Some("REAL"), &[Real(0.125)], Kind::Real),
            ("paid_amount", Some("REAL"), &[Real(1e17)], Kind::Real),
            ("month_date", None, &[Text("2024-02-01")], Kind::Date),
            ("month_date", Some("TEXT"), &[Text("2024-02")], Kind::Text),
            ("is_current", Some("INTEGER"), &[Integer(0)], Kind::Boolean),
            ("is_current", Some("INTEGER"), &[Integer(2)], Kind::Integer),
        ] {
            let mut possible = Possible::of(&(name.to_owned(), declared.map(str::to_owned)));
            cells.iter().for_each(|cell| possible.meet(cell));
            assert_eq!(possible.kind(), kind, "{name} {declared:?} {cells:?}");
        }
    }
}
