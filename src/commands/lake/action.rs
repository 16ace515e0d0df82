//! The actions of a Delta log, as its protocol names them: a line of JSON each.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The partition column with the home's name.
pub(super) const SHARD: &str = "lake_shard";
/// The partition column with the plan's name in the configuration.
pub(super) const PLAN: &str = "lake_plan";
/// The tag of a file with its connections.
const CONNECTIONS: &str = "payersync.connections";

/// One line of a commit. Actions that are unknown here have no field.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Action {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit_info: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) protocol: Option<Protocol>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) meta_data: Option<MetaData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) txn: Option<Txn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add: Option<Add>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remove: Option<Remove>,
}

/// What a reader and a writer must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Protocol {
    pub(super) min_reader_version: u32,
    pub(super) min_writer_version: u32,
}

/// What a table is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetaData {
    pub(super) id: String,
    pub(super) format: Format,
    /// A [`Schema`], as JSON.
    pub(super) schema_string: String,
    pub(super) partition_columns: Vec<String>,
    pub(super) created_time: Option<i64>,
    #[serde(default)]
    pub(super) configuration: BTreeMap<String, String>,
}

/// How the files are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Format {
    pub(super) provider: String,
    #[serde(default)]
    pub(super) options: BTreeMap<String, String>,
}

/// How far a writer has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Txn {
    pub(super) app_id: String,
    pub(super) version: i64,
    pub(super) last_updated: i64,
}

/// A file that belongs to the table from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Add {
    /// Relative to the table, percent-encoded.
    pub(super) path: String,
    pub(super) partition_values: BTreeMap<String, Option<String>>,
    /// Bytes.
    pub(super) size: u64,
    /// Milliseconds since 1970.
    pub(super) modification_time: i64,
    pub(super) data_change: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stats: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tags: Option<BTreeMap<String, Option<String>>>,
}

/// A file that belongs to earlier versions alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remove {
    pub(super) path: String,
    /// Milliseconds since 1970.
    pub(super) deletion_timestamp: Option<i64>,
    pub(super) data_change: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extended_file_metadata: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) partition_values: Option<BTreeMap<String, Option<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
}

/// Columns and their types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Schema {
    #[serde(rename = "type")]
    kind: String,
    pub(super) fields: Vec<Field>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Field {
    pub(super) name: String,
    /// A name for a primitive type, which are all that payersync writes.
    #[serde(rename = "type")]
    pub(super) kind: Value,
    pub(super) nullable: bool,
    #[serde(default)]
    pub(super) metadata: Value,
}

impl Schema {
    pub(super) fn of(fields: Vec<Field>) -> Schema {
        Schema { kind: "struct".to_owned(), fields }
    }
}

impl Add {
    /// What belongs into [`Add::tags`]: each connection that has rows in the file, and their digest.
    pub(super) fn tags_of(
        connections: &BTreeMap<i64, String>,
    ) -> Option<BTreeMap<String, Option<String>>> {
        let text = serde_json::to_string(connections).ok()?;
        Some(BTreeMap::from([(CONNECTIONS.to_owned(), Some(text))]))
    }

    /// The connections that have rows in the file; `None` where another tool has written it.
    pub(super) fn connections(&self) -> Option<BTreeMap<i64, String>> {
        serde_json::from_str(self.tags.as_ref()?.get(CONNECTIONS)?.as_deref()?).ok()
    }

    /// The home that wrote the file.
    pub(super) fn shard(&self) -> Option<&str> {
        self.partition_values.get(SHARD)?.as_deref()
    }

    /// The plan whose rows are in the file; `None` for rows that only files brought.
    pub(super) fn plan(&self) -> Option<&str> {
        self.partition_values.get(PLAN)?.as_deref()
    }

    /// The end of the file.
    pub(super) fn removed(&self, now: i64) -> Action {
        let remove = Remove {
            path: self.path.clone(),
            deletion_timestamp: Some(now),
            data_change: true,
            extended_file_metadata: Some(true),
            partition_values: Some(self.partition_values.clone()),
            size: Some(self.size),
        };
        Action { remove: Some(remove), ..Action::default() }
    }
}
