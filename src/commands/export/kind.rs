//! The type of a column in exported files: from the table's definition, or by the naming rules of marts.

use crate::{
    view::ColumnKind,
    warehouse::{Catalog, Table},
};

/// The type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Kind {
    /// Text, and every value of a column without a declared type.
    Text,
    /// An integer of 64 bits.
    Integer,
    /// A floating-point number of 64 bits.
    Real,
    /// 0 or 1.
    Boolean,
    /// A day, `YYYY-MM-DD`.
    ///
    /// FHIR's dates may be a year or a month alone. So columns that keep a date as it was sent are
    /// [`Kind::Text`].
    Date,
    /// A day, possibly with a time of day.
    Timestamp,
    /// An amount of a currency, with this number of digits after the point.
    Money(u8),
}

impl Kind {
    /// The type's name in SQL.
    pub(super) fn sql(self) -> String {
        match self {
            Kind::Text => "TEXT".to_owned(),
            Kind::Integer => "INTEGER".to_owned(),
            Kind::Real => "DOUBLE".to_owned(),
            Kind::Boolean => "BOOLEAN".to_owned(),
            Kind::Date => "DATE".to_owned(),
            Kind::Timestamp => "TIMESTAMP".to_owned(),
            Kind::Money(scale) => format!("DECIMAL(18,{scale})"),
        }
    }
}

/// A column of an exported table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) struct Column {
    pub(in crate::commands) name: String,
    pub(in crate::commands) kind: Kind,
}

/// Where the types of a table's columns come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Definition<'a> {
    /// A normalised table, defined by its ViewDefinition.
    Table(&'a Table),
    /// A mart, with the name and meaning of each of its columns.
    Mart(&'a [(String, String)]),
    /// A view of the Tuva input layer; the meaning of each column begins with its type.
    Tuva(&'a [(String, String)]),
}

impl Definition<'_> {
    /// The type of a column, from its name and the type that the warehouse declares for it.
    pub(super) fn kind(&self, name: &str, declared: &str) -> Kind {
        match self {
            Definition::Table(table) => of_table(table, name, declared),
            Definition::Mart(columns) => of_mart(name, declared, meaning(columns, name)),
            Definition::Tuva(columns) => of_tuva(meaning(columns, name)),
        }
    }
}

fn meaning<'a>(columns: &'a [(String, String)], name: &str) -> &'a str {
    columns.iter().find(|(known, _)| known == name).map_or("", |(_, what)| what)
}

fn of_table(table: &Table, name: &str, declared: &str) -> Kind {
    let Some(column) = table.view().columns.iter().find(|column| column.name == name) else {
        return if declared == "INTEGER" { Kind::Integer } else { Kind::Text };
    };
    let has_currency = || {
        let currency = name.strip_suffix("_amount").map(|stem| format!("{stem}_currency"));
        currency.is_some_and(|wanted| table.view().columns.iter().any(|one| one.name == wanted))
    };
    match column.kind {
        // A column without a declared type holds whatever type each value has in SQLite.
        _ if column.collection || declared.is_empty() => Kind::Text,
        ColumnKind::Boolean => Kind::Boolean,
        ColumnKind::Integer
        | ColumnKind::PositiveInt
        | ColumnKind::UnsignedInt
        | ColumnKind::Integer64 => Kind::Integer,
        ColumnKind::Decimal if has_currency() => money(name),
        ColumnKind::Decimal => Kind::Real,
        ColumnKind::Text | ColumnKind::Complex => Kind::Text,
    }
}

fn of_mart(name: &str, declared: &str, meaning: &str) -> Kind {
    let is_number = matches!(declared, "INTEGER" | "INT" | "REAL" | "NUM");
    let is_count = name.ends_with("_count") || name == "run_id";
    if meaning.starts_with("1 when ") || name.starts_with("is_") {
        return Kind::Boolean;
    }
    if !is_number && name.ends_with("_date") {
        return Kind::Date;
    }
    match declared {
        "TEXT" => Kind::Text,
        "INTEGER" | "INT" => Kind::Integer,
        _ if name == "amount" || name.ends_with("_amount") => money(name),
        "REAL" | "NUM" => Kind::Real,
        "TIMESTAMP" => Kind::Timestamp,
        // SQLite declares no type for an expression in a view.
        _ if is_count => Kind::Integer,
        _ => Kind::Text,
    }
}

/// The type of an amount. A unit price gets six digits, since it may be a fraction of a cent.
fn money(name: &str) -> Kind {
    Kind::Money(if name.contains("unit_price") { 6 } else { 2 })
}

/// The type that a query column's name and declared type suggest, if they suggest any.
#[cfg(feature = "parquet")]
pub(in crate::commands) fn kind_of_answer(name: &str, declared: Option<&str>) -> Option<Kind> {
    match (of_mart(name, declared.unwrap_or_default(), ""), declared) {
        _ if name.starts_with("is_") => Some(Kind::Boolean),
        (Kind::Text, None) => None,
        (kind, _) => Some(kind),
    }
}

fn of_tuva(meaning: &str) -> Kind {
    match meaning.split(':').next().unwrap_or_default() {
        "DATE" => Kind::Date,
        "TIMESTAMP" => Kind::Timestamp,
        "BOOLEAN" => Kind::Boolean,
        "INTEGER" => Kind::Integer,
        "DOUBLE" => Kind::Real,
        _ => Kind::Text,
    }
}

/// The table of this name.
pub(super) fn table<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a Table> {
    catalog.tables().iter().find(|table| table.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_meanings_give_a_marts_column_its_type() {
        for (name, declared, meaning, kind) in [
            ("service_start_date", "TEXT", "the same as a date", Kind::Date),
            ("service_start", "TEXT", "as sent", Kind::Text),
            ("month_date", "", "first day of the month", Kind::Date),
            ("plan_paid_amount", "REAL", "paid", Kind::Money(2)),
            ("amount", "REAL", "money", Kind::Money(2)),
            ("plan_paid_cents", "INTEGER", "the same in cents", Kind::Integer),
            ("is_void", "INTEGER", "1 when it never stands", Kind::Boolean),
            ("replacement_missing", "INTEGER", "1 when the payer says so", Kind::Boolean),
            ("is_first", "", "1 in the first of the connections", Kind::Boolean),
            ("resource_count", "", "how many", Kind::Integer),
            ("run_id", "", "the run", Kind::Integer),
            ("value", "REAL", "the value", Kind::Real),
            ("name", "BLOB", "the name", Kind::Text),
        ] {
            assert_eq!(of_mart(name, declared, meaning), kind, "{name}");
        }
        assert_eq!(of_tuva("DOUBLE: what the plan paid"), Kind::Real);
        assert_eq!(of_tuva("VARCHAR: a name"), Kind::Text);
    }

    #[test]
    fn a_definition_gives_a_tables_column_its_type() {
        let catalog = Catalog::embedded();
        for (of, name, declared, kind) in [
            ("patient", "birth_date", "TEXT", Kind::Text),
            ("patient", "connection_id", "INTEGER", Kind::Integer),
            ("patient", "deceased_boolean", "INTEGER", Kind::Boolean),
            ("explanation_of_benefit_item", "net_amount", "REAL", Kind::Money(2)),
            ("explanation_of_benefit_item", "unit_price_amount", "REAL", Kind::Money(6)),
            ("explanation_of_benefit_item", "quantity_value", "REAL", Kind::Real),
        ] {
            let definition = Definition::Table(table(&catalog, of).unwrap());
            assert_eq!(definition.kind(name, declared), kind, "{of}.{name}");
        }
    }
}
