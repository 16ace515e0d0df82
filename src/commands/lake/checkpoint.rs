//! A checkpoint: the result of all commits of a table in one Parquet file.
//!
//! It spares readers from opening thousands of commits. Source: Delta's protocol, "Checkpoints" and
//! "Checkpoint Schema".
//!
//! The columns are nested, so two levels are written for each value. The definition level counts how many
//! of its optional and repeated parents are present. The repetition level says at which repeated parent a
//! new item begins. Source: Parquet, "Nested Encoding".

use super::action::Action;
use crate::commands::failure::Failure;
use bytes::Bytes;
use parquet::{
    basic::{Compression, Repetition, Type as Physical, ZstdLevel},
    data_type::{BoolType, ByteArray, ByteArrayType, Int32Type, Int64Type},
    errors::ParquetError,
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::{parser::parse_message_type, types::Type},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// The actions as the protocol names them; [`Action`] has the same names in JSON.
const SCHEMA: &str = "
message checkpoint {
  OPTIONAL group txn {
    OPTIONAL BYTE_ARRAY appId (UTF8); OPTIONAL INT64 version; OPTIONAL INT64 lastUpdated;
  }
  OPTIONAL group add {
    OPTIONAL BYTE_ARRAY path (UTF8);
    OPTIONAL group partitionValues (MAP) {
      REPEATED group key_value { REQUIRED BYTE_ARRAY key (UTF8); OPTIONAL BYTE_ARRAY value (UTF8); }
    }
    OPTIONAL INT64 size; OPTIONAL INT64 modificationTime; OPTIONAL BOOLEAN dataChange;
    OPTIONAL BYTE_ARRAY stats (UTF8);
    OPTIONAL group tags (MAP) {
      REPEATED group key_value { REQUIRED BYTE_ARRAY key (UTF8); OPTIONAL BYTE_ARRAY value (UTF8); }
    }
  }
  OPTIONAL group remove {
    OPTIONAL BYTE_ARRAY path (UTF8); OPTIONAL INT64 deletionTimestamp; OPTIONAL BOOLEAN dataChange;
    OPTIONAL BOOLEAN extendedFileMetadata;
    OPTIONAL group partitionValues (MAP) {
      REPEATED group key_value { REQUIRED BYTE_ARRAY key (UTF8); OPTIONAL BYTE_ARRAY value (UTF8); }
    }
    OPTIONAL INT64 size;
  }
  OPTIONAL group metaData {
    OPTIONAL BYTE_ARRAY id (UTF8);
    OPTIONAL group format {
      OPTIONAL BYTE_ARRAY provider (UTF8);
      OPTIONAL group options (MAP) {
        REPEATED group key_value { REQUIRED BYTE_ARRAY key (UTF8); OPTIONAL BYTE_ARRAY value (UTF8); }
      }
    }
    OPTIONAL BYTE_ARRAY schemaString (UTF8);
    OPTIONAL group partitionColumns (LIST) {
      REPEATED group list { OPTIONAL BYTE_ARRAY element (UTF8); }
    }
    OPTIONAL INT64 createdTime;
    OPTIONAL group configuration (MAP) {
      REPEATED group key_value { REQUIRED BYTE_ARRAY key (UTF8); OPTIONAL BYTE_ARRAY value (UTF8); }
    }
  }
  OPTIONAL group protocol { OPTIONAL INT32 minReaderVersion; OPTIONAL INT32 minWriterVersion; }
}";

/// Writes the actions as a Parquet file in memory.
///
/// # Errors
/// An action does not fit the schema, which is a bug.
pub(super) fn file_of(actions: &[Action]) -> Result<Bytes, Failure> {
    let rows: Result<Vec<Value>, _> = actions.iter().map(serde_json::to_value).collect();
    let rows = rows.map_err(|error| Failure::bug("a checkpoint cannot be made", error))?;
    written(&rows).map_err(|error| Failure::bug("a checkpoint cannot be written", error))
}

fn written(rows: &[Value]) -> Result<Bytes, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder()
        .set_created_by(format!("payersync {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut leaves = Vec::new();
    leaves_of(&schema, &mut leaves);
    for row in rows {
        fields(&schema, row, Level::default(), &mut leaves);
    }
    let mut writer =
        SerializedFileWriter::new(Vec::new(), Arc::clone(&schema), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for leaf in &leaves {
        // The file has one column for each leaf, in the same order.
        if let Some(mut column) = group.next_column()? {
            leaf.write(&mut column)?;
            column.close()?;
        }
    }
    group.close()?;
    Ok(Bytes::from(writer.into_inner()?))
}

/// A column: a field without fields of its own.
struct Leaf<'a> {
    physical: Physical,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    values: Vec<Value>,
    name: &'a str,
}

/// The nesting of a value.
#[derive(Clone, Copy, Default)]
struct Level {
    /// The number of optional and repeated parents that are present.
    definition: i16,
    /// The repeated parent at which a new item begins with this value; 0 stands for the row.
    repetition: i16,
    /// The number of repeated parents.
    repeated: i16,
}

impl Leaf<'_> {
    fn push(&mut self, level: Level, value: Option<&Value>) {
        self.definitions.push(level.definition);
        self.repetitions.push(level.repetition);
        self.values.extend(value.cloned());
    }

    fn write(&self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = (Some(&self.definitions[..]), Some(&self.repetitions[..]));
        let wrong = || ParquetError::General(format!("{} has another type", self.name));
        let whole = |value: &Value| value.as_i64().ok_or_else(wrong);
        let each = self.values.iter();
        match self.physical {
            Physical::BOOLEAN => {
                let values: Option<Vec<bool>> = each.map(Value::as_bool).collect();
                let values = values.ok_or_else(wrong)?;
                column.typed::<BoolType>().write_batch(&values, levels.0, levels.1)?;
            }
            Physical::INT32 => {
                let small = |value| i32::try_from(whole(value)?).map_err(|_| wrong());
                let values: Vec<i32> = each.map(small).collect::<Result<_, _>>()?;
                column.typed::<Int32Type>().write_batch(&values, levels.0, levels.1)?;
            }
            Physical::INT64 => {
                let values: Vec<i64> = each.map(whole).collect::<Result<_, _>>()?;
                column.typed::<Int64Type>().write_batch(&values, levels.0, levels.1)?;
            }
            _ => {
                let text = |value: &Value| value.as_str().map(ByteArray::from);
                let values: Option<Vec<ByteArray>> = each.map(text).collect();
                let values = values.ok_or_else(wrong)?;
                column.typed::<ByteArrayType>().write_batch(&values, levels.0, levels.1)?;
            }
        }
        Ok(())
    }
}

fn leaves_of<'a>(kind: &'a Type, leaves: &mut Vec<Leaf<'a>>) {
    if kind.is_primitive() {
        let (physical, name) = (kind.get_physical_type(), kind.name());
        let (definitions, repetitions, values) = Default::default();
        leaves.push(Leaf { physical, definitions, repetitions, values, name });
    } else {
        kind.get_fields().iter().for_each(|field| leaves_of(field, leaves));
    }
}

fn width(kind: &Type) -> usize {
    match kind.is_primitive() {
        true => 1,
        false => kind.get_fields().iter().map(|field| width(field)).sum(),
    }
}

/// Adds the fields of an object to their columns.
fn fields(kind: &Type, object: &Value, level: Level, mut leaves: &mut [Leaf<'_>]) {
    for field in kind.get_fields() {
        let (mine, others) = leaves.split_at_mut(width(field));
        let value = object.get(field.name()).filter(|value| !value.is_null());
        take(field, value, level, mine);
        leaves = others;
    }
}

/// Adds a field: a value, an object, or the items of a list or a map.
fn take(kind: &Type, value: Option<&Value>, level: Level, leaves: &mut [Leaf<'_>]) {
    let Some(value) = value else {
        leaves.iter_mut().for_each(|leaf| leaf.push(level, None));
        return;
    };
    let is_optional = kind.get_basic_info().repetition() == Repetition::OPTIONAL;
    let level = Level { definition: level.definition + i16::from(is_optional), ..level };
    if kind.is_primitive() {
        leaves.iter_mut().for_each(|leaf| leaf.push(level, Some(value)));
        return;
    }
    let is_repeated = |field: &Type| field.get_basic_info().repetition() == Repetition::REPEATED;
    let Some(repeated) = kind.get_fields().first().filter(|field| is_repeated(field)) else {
        fields(kind, value, level, leaves);
        return;
    };
    let items: Vec<Value> = match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
        }
        Value::Array(list) => list.iter().map(|element| json!({ "element": element })).collect(),
        _ => Vec::new(),
    };
    if items.is_empty() {
        leaves.iter_mut().for_each(|leaf| leaf.push(level, None));
    }
    let inner = Level {
        definition: level.definition + 1,
        repeated: level.repeated + 1,
        repetition: level.repetition,
    };
    for (position, item) in items.iter().enumerate() {
        let repetition = if position == 0 { level.repetition } else { inner.repeated };
        fields(repeated, item, Level { repetition, ..inner }, leaves);
    }
}
