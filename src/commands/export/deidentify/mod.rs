//! `export --deidentify`: exports rows without the data that identify a member.
//!
//! [`treatment`] decides by rules how to treat each column; this module applies the decision to each cell. A
//! column that no rule names is left out, as is a cell that does not have the form of its column.
//! docs/deidentify.md says the same for users. A letter in parentheses, such as (C), names an identifier in
//! HIPAA's list, 45 CFR 164.514(b)(2)(i).

mod beside;
mod cells;
mod codes;
mod dates;
mod forms;
mod key;
mod people;
mod shifts;
mod treatment;

use super::kind::{Column, Definition, Kind};
use crate::{
    cli::{DateTreatment, ExportArgs},
    commands::failure::Failure,
    warehouse::{AnswerCell, Snapshot, Table},
};
use beside::{country, stem, system, units};
use cells::number;
use chrono::{DateTime, Datelike, Utc};
use forms::Form;
use key::Secret;
use people::people;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
pub(super) use treatment::Treatment;

/// All ages above this one are shown as this one, which then means 90 or over (C).
const OLDEST: i32 = 90;

/// How an export is de-identified.
pub(super) struct Deidentification {
    secret: Secret,
    dates: DateTreatment,
    /// The earliest year that is shown; earlier dates get this year, since people born then are 90 or over.
    earliest_year: i32,
    /// The number of days by which the dates of each connection are shifted.
    days: HashMap<i64, u64>,
    is_kept: bool,
}

/// The description of the de-identification in manifest.json.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    method: &'static str,
    dates: &'static str,
    /// Earlier years are shown as this year.
    earliest_year: i32,
    /// Whether the secret of the pseudonyms is kept in a file, so that several exports can be joined.
    is_key_kept: bool,
}

impl Deidentification {
    /// Prepares the de-identification that the arguments ask for; `None` without `--deidentify`.
    pub(super) fn begin(
        snapshot: &Snapshot<'_>,
        args: &ExportArgs,
        now: DateTime<Utc>,
    ) -> Result<Option<Deidentification>, Failure> {
        if !args.deidentify {
            return Ok(None);
        }
        let secret = match &args.deidentify_key {
            Some(path) => Secret::of_file(path)?,
            None => Secret::of_this_export()?,
        };
        let days = match args.dates {
            DateTreatment::Year => HashMap::new(),
            DateTreatment::Shifted => {
                let people = people(snapshot)?;
                let firsts = match &args.deidentify_key {
                    Some(path) => shifts::kept(&people, path)?,
                    None => people,
                };
                let days = |first: i64| secret.days(&first.to_string());
                firsts.into_iter().map(|(connection, first)| (connection, days(first))).collect()
            }
        };
        Ok(Some(Deidentification {
            secret,
            dates: args.dates,
            earliest_year: now.year() - OLDEST,
            days,
            is_kept: args.deidentify_key.is_some(),
        }))
    }

    /// The pseudonym of a connection's number.
    pub(super) fn connection(&self, id: i64) -> String {
        self.secret.pseudonym(&id.to_string())
    }

    /// A resource type as manifest.json may name it; "other" for an unknown one, which may be any text.
    pub(super) fn resource_type(&self, sent: &str) -> String {
        if Form::Word.has(sent) { sent.to_owned() } else { "other".to_owned() }
    }

    pub(super) fn told(&self) -> Told {
        Told {
            method: match self.dates {
                DateTreatment::Year => "HIPAA Safe Harbor, 45 CFR 164.514(b)(2)",
                DateTreatment::Shifted => {
                    "not Safe Harbor: dates are shifted; 45 CFR 164.514(b)(1) requires an expert"
                }
            },
            dates: self.dates.name(),
            earliest_year: self.earliest_year,
            is_key_kept: self.is_kept,
        }
    }

    /// The treatment of each column of a table.
    ///
    /// # Errors
    /// A view of the user's own declares a treatment that does not exist.
    pub(super) fn columns(
        &self,
        definition: &Definition<'_>,
        table: &str,
        columns: &[Column],
    ) -> Result<Treated<'_>, Failure> {
        let mut treated = Treated::of(self, columns);
        let has_connection = columns.iter().any(|column| column.name == "connection_id");
        for (position, column) in columns.iter().enumerate() {
            let treatment = treatment::of(definition, table, &column.name, column.kind)?;
            let treatment = match self.dates {
                DateTreatment::Year => treatment,
                // Without a connection, nothing says by how many days the row's dates are shifted.
                DateTreatment::Shifted => {
                    treatment::if_shifted(treatment, table, &column.name, has_connection)
                }
            };
            treated.take(position, column, treatment, columns);
        }
        Ok(treated)
    }

    /// Decides the treatment of the columns of the files `_changed` and `_deleted`.
    pub(super) fn events(&self, columns: &[Column]) -> Treated<'_> {
        let mut treated = Treated::of(self, columns);
        for (position, column) in columns.iter().enumerate() {
            let treatment = match column.name.as_str() {
                "resource_type" => Treatment::Listed(Form::Word),
                "connection_id" | "resource_id" => Treatment::Pseudonym,
                // The time is of payersync's own clock, so that a shifted one would tell the shift.
                _ => Treatment::Year,
            };
            treated.take(position, column, treatment, columns);
        }
        treated
    }

    fn is_year(&self, treatment: Treatment) -> bool {
        matches!(treatment, Treatment::BirthDate | Treatment::Year)
            || (treatment == Treatment::Date && self.dates == DateTreatment::Year)
    }
}

/// Whether a table may be in a de-identified export.
pub(super) fn may_show(table: &Table) -> bool {
    treatment::is_declared(table)
}

/// A column that stays in the file.
struct Kept {
    position: usize,
    column: Column,
    treatment: Treatment,
    /// The positions of the columns with a quantity's unit.
    units: Vec<usize>,
    /// The position of the column with a code's system.
    system: Option<usize>,
    /// The position of the column with the country of a ZIP code.
    country: Option<usize>,
}

/// The columns of one table with their treatments.
pub(super) struct Treated<'a> {
    of: &'a Deidentification,
    kept: Vec<Kept>,
    /// The names of the columns that are left out.
    pub(super) dropped: Vec<String>,
    /// The position of the column with the connection's number.
    connection: Option<usize>,
    /// The positions of the columns with codes: a code may say that the numbers of its row are ages.
    codes: Vec<usize>,
}

/// A cell of the file.
enum Made<'a> {
    Same(AnswerCell<'a>),
    Text(String),
    Integer(i64),
    /// The cell was left out: it did not have the form of its column.
    Suppressed,
}

impl<'a> Treated<'a> {
    fn of(deidentification: &'a Deidentification, columns: &[Column]) -> Treated<'a> {
        let codes = (0..columns.len()).filter(|at| stem(&columns[*at].name).ends_with("code"));
        Treated {
            of: deidentification,
            kept: Vec::new(),
            dropped: Vec::new(),
            connection: None,
            codes: codes.collect(),
        }
    }
}

impl Treated<'_> {
    fn take(&mut self, position: usize, column: &Column, treatment: Treatment, all: &[Column]) {
        if column.name == "connection_id" {
            self.connection = Some(position);
        }
        if treatment == Treatment::Drop {
            return self.dropped.push(column.name.clone());
        }
        let kind = match treatment {
            _ if self.of.is_year(treatment) => Kind::Integer,
            Treatment::Pseudonym => Kind::Text,
            _ => column.kind,
        };
        let units = match treatment {
            Treatment::Quantity | Treatment::Age => units(&column.name, all),
            _ => Vec::new(),
        };
        let system = match treatment {
            Treatment::Code(_) => system(&column.name, all),
            _ => None,
        };
        let country = (treatment == Treatment::Zip).then(|| country(&column.name, all)).flatten();
        let column = Column { name: column.name.clone(), kind };
        self.kept.push(Kept { position, column, treatment, units, system, country });
    }

    /// The columns of the file.
    pub(super) fn columns(&self) -> Vec<Column> {
        self.kept.iter().map(|kept| kept.column.clone()).collect()
    }

    /// The treatment of each column of the file.
    pub(super) fn treatments(&self) -> impl Iterator<Item = Treatment> {
        self.kept.iter().map(|kept| kept.treatment)
    }

    /// Writes a row as it may be shown; counts the cells that were left out, by column.
    pub(super) fn row<E>(
        &self,
        cells: &[AnswerCell<'_>],
        suppressed: &mut BTreeMap<String, u64>,
        write: impl FnOnce(&[AnswerCell<'_>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let days = self.connection.and_then(|position| match cells[position] {
            AnswerCell::Integer(id) => self.of.days.get(&id).copied(),
            _ => None,
        });
        let is_of_age = self.codes.iter().any(|position| match cells[*position] {
            AnswerCell::Text(code) => cells::is_code_of_an_age(code),
            _ => false,
        });
        let made: Vec<Made<'_>> =
            self.kept.iter().map(|kept| self.cell(kept, cells, days, is_of_age)).collect();
        for (kept, made) in self.kept.iter().zip(&made) {
            if matches!(made, Made::Suppressed) {
                *suppressed.entry(kept.column.name.clone()).or_default() += 1;
            }
        }
        let row: Vec<AnswerCell<'_>> = made
            .iter()
            .map(|made| match made {
                Made::Same(cell) => *cell,
                Made::Text(text) => AnswerCell::Text(text),
                Made::Integer(number) => AnswerCell::Integer(*number),
                Made::Suppressed => AnswerCell::Null,
            })
            .collect();
        write(&row)
    }

    fn cell<'c>(
        &self,
        kept: &Kept,
        cells: &[AnswerCell<'c>],
        days: Option<u64>,
        is_of_age: bool,
    ) -> Made<'c> {
        let cell = cells[kept.position];
        if cell == AnswerCell::Null {
            return Made::Same(cell);
        }
        let earliest = self.of.earliest_year;
        match (kept.treatment, cell) {
            (Treatment::Keep, _) => Made::Same(cell),
            // The expression of a view may have turned the flag into a floating-point number.
            (Treatment::Flag | Treatment::Code(_), _) if is_flag(cell) => Made::Same(cell),
            (Treatment::Drug, AnswerCell::Text(drug)) if Form::RxNorm.has(drug) => Made::Same(cell),
            (Treatment::Pseudonym | Treatment::Drug, AnswerCell::Text(id)) => {
                Made::Text(self.of.secret.pseudonym(id))
            }
            (Treatment::Pseudonym, AnswerCell::Integer(id)) => Made::Text(self.of.connection(id)),
            (Treatment::Date | Treatment::Year | Treatment::BirthDate, AnswerCell::Text(text)) => {
                if self.of.is_year(kept.treatment) {
                    dates::year(text, earliest).map_or(Made::Suppressed, Made::Integer)
                } else {
                    let shifted = days.and_then(|days| dates::shifted(text, earliest, days));
                    shifted.map_or(Made::Suppressed, Made::Text)
                }
            }
            (Treatment::Zip, AnswerCell::Text(text)) => {
                let is_foreign = kept.country.is_some_and(|at| match cells[at] {
                    AnswerCell::Text(country) => !cells::has_zip_codes(country),
                    _ => false,
                });
                let area = cells::zip(text).filter(|_| !is_foreign);
                area.map_or(Made::Suppressed, |area| Made::Text(area.to_owned()))
            }
            (Treatment::Quantity | Treatment::Age | Treatment::Count, _) => {
                quantity(kept, cells, is_of_age)
            }
            (Treatment::Amount | Treatment::Cents, _) => {
                let is_cents = kept.treatment == Treatment::Cents;
                same_if(cell, number(cell).is_some_and(|number| cells::is_amount(number, is_cents)))
            }
            (Treatment::Code(form), AnswerCell::Text(text)) => {
                same_if(cell, form_of(kept, cells, form).is_some_and(|form| form.has(text)))
            }
            (Treatment::Listed(form), AnswerCell::Text(text)) => same_if(cell, form.has(text)),
            (Treatment::System, AnswerCell::Text(text)) => {
                same_if(cell, Form::of_system(text).is_some())
            }
            (Treatment::Npi, AnswerCell::Text(text)) => same_if(cell, cells::is_npi(text)),
            _ => Made::Suppressed,
        }
    }
}

fn is_flag(cell: AnswerCell<'_>) -> bool {
    matches!(cell, AnswerCell::Integer(0 | 1)) || [0.0, 1.0].map(AnswerCell::Real).contains(&cell)
}

fn same_if(cell: AnswerCell<'_>, stays: bool) -> Made<'_> {
    if stays { Made::Same(cell) } else { Made::Suppressed }
}

/// The form that a code must have: that of its code system, if the table has a column for systems.
///
/// Without such a column, it is the form of the column itself. `None` if the system is not public or was
/// not sent.
fn form_of(kept: &Kept, cells: &[AnswerCell<'_>], of_column: Form) -> Option<Form> {
    let Some(position) = kept.system else { return Some(of_column) };
    match cells[position] {
        // HCPCS has codes and modifiers, and a column of modifiers holds modifiers alone.
        AnswerCell::Text(system) if of_column == Form::Modifier => {
            Form::of_system(system).map(|_| of_column)
        }
        AnswerCell::Text(system) => Form::of_system(system),
        _ => None,
    }
}

/// A number as it may be shown; ages are 90 years at most, and a number with an unlisted unit is left out.
fn quantity<'c>(kept: &Kept, cells: &[AnswerCell<'c>], is_of_age: bool) -> Made<'c> {
    let cell = cells[kept.position];
    let Some(number) = number(cell) else { return Made::Suppressed };
    if kept.treatment == Treatment::Count {
        return same_if(cell, cells::is_count(number));
    }
    let mut units = kept.units.iter().filter_map(|position| match cells[*position] {
        AnswerCell::Text(unit) => Some(cells::is_unit(unit)),
        _ => None,
    });
    let has_unit = units.clone().any(|is_listed| is_listed);
    if (!has_unit && units.next().is_some()) || !cells::is_measurement(number, has_unit) {
        return Made::Suppressed;
    }
    let by_unit = kept.units.iter().find_map(|position| match cells[*position] {
        AnswerCell::Text(text) => cells::ninety_years(text),
        _ => None,
    });
    let is_age = kept.treatment == Treatment::Age || is_of_age;
    match by_unit.or(is_age.then_some(f64::from(OLDEST))) {
        Some(most) if number > most => match cell {
            AnswerCell::Text(_) => Made::Text(most.to_string()),
            AnswerCell::Integer(_) => Made::Integer(most as i64),
            _ => Made::Same(AnswerCell::Real(most)),
        },
        _ => Made::Same(cell),
    }
}
