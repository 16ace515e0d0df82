//! A table's columns in Delta's terms, merged with the columns that other homes have written.

use super::{
    action::{Field, Format, MetaData, PLAN, SHARD, Schema},
    log::Log,
};
use crate::{
    commands::{
        export::{Column, Kind},
        failure::Failure,
    },
    own_file,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a table's definition must become for this home's rows.
pub(super) enum Definition {
    /// The log has it already.
    Same,
    /// The log needs this one.
    New(Box<MetaData>),
    /// Rows of another home have a column of the same name and another type, as this sentence says.
    Conflict(String),
}

/// Compares the table's definition with this home's columns.
///
/// Columns that only another home has are kept; they are NULL in this home's rows.
///
/// # Errors
/// The definition in the log cannot be understood.
pub(super) fn needed(
    log: &Log,
    shard: &str,
    columns: &[Column],
    now: i64,
) -> Result<Definition, Failure> {
    let Some(known) = &log.meta_data else {
        let id = [own_file::random_name(), own_file::random_name()];
        let [Ok(front), Ok(back)] = id else {
            return Err(Failure::misuse("cannot get random numbers from the system"));
        };
        return Ok(Definition::New(Box::new(MetaData {
            id: uuid(&front, &back),
            format: Format { provider: "parquet".to_owned(), options: BTreeMap::new() },
            schema_string: text(&Schema::of(fields(columns)))?,
            partition_columns: vec![SHARD.to_owned(), PLAN.to_owned()],
            created_time: Some(now),
            // Other tools must not clean up the log: payersync reads from it which files it has written.
            configuration: BTreeMap::from([(
                "delta.enableExpiredLogCleanup".to_owned(),
                "false".to_owned(),
            )]),
        })));
    };
    let there: Schema = serde_json::from_str(&known.schema_string).map_err(|error| {
        Failure::usage(format!("cannot understand the columns of {} in the lake", log.table), error)
    })?;
    let is_shared = log.live.values().any(|add| add.shard() != Some(shard));
    let ours = fields(columns);
    let wanted = match is_shared {
        true => match united(log, there.fields, ours) {
            Ok(wanted) => wanted,
            Err(conflict) => return Ok(Definition::Conflict(conflict)),
        },
        false => ours,
    };
    let schema_string = text(&Schema::of(wanted))?;
    let is_new = schema_string != text(&Schema::of(there_fields(known)?))?;
    Ok(match is_new {
        true => Definition::New(Box::new(MetaData { schema_string, ..known.clone() })),
        false => Definition::Same,
    })
}

fn there_fields(known: &MetaData) -> Result<Vec<Field>, Failure> {
    let schema: Result<Schema, _> = serde_json::from_str(&known.schema_string);
    schema
        .map(|schema| schema.fields)
        .map_err(|error| Failure::usage("cannot understand the columns of the lake", error))
}

fn united(log: &Log, mut there: Vec<Field>, ours: Vec<Field>) -> Result<Vec<Field>, String> {
    for field in ours {
        match there.iter().find(|known| known.name == field.name) {
            None => there.push(field),
            Some(known) if known.kind == field.kind => {}
            Some(known) => {
                return Err(format!(
                    "{}.{} is {} in the lake and {} here",
                    log.table, field.name, known.kind, field.kind
                ));
            }
        }
    }
    Ok(there)
}

fn text(schema: &Schema) -> Result<String, Failure> {
    serde_json::to_string(schema)
        .map_err(|error| Failure::bug("columns cannot be written as JSON", error))
}

fn fields(columns: &[Column]) -> Vec<Field> {
    let ours = columns.iter().map(|column| field(&column.name, kind(column.kind)));
    ours.chain([SHARD, PLAN].map(|name| field(name, "string".to_owned()))).collect()
}

fn field(name: &str, kind: String) -> Field {
    Field { name: name.to_owned(), kind: Value::from(kind), nullable: true, metadata: json!({}) }
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Text => "string".to_owned(),
        Kind::Integer => "long".to_owned(),
        Kind::Real => "double".to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Date => "date".to_owned(),
        Kind::Timestamp => "timestamp".to_owned(),
        Kind::Money(scale) => format!("decimal(18,{scale})"),
    }
}

/// Formats random characters as a UUID, which a table's id must be.
fn uuid(front: &str, back: &str) -> String {
    let (a, b, c, d, e) = (&front[..8], &front[8..12], &front[13..], &back[1..4], &back[4..]);
    format!("{a}-{b}-4{c}-a{d}-{e}")
}
