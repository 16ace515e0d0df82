//! The actions of a Delta log, as Delta's protocol names them: each is a line of JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The partition column with the shard, which is the home's name in the lake.
pub(super) const SHARD: &str = "lake_shard";
/// The partition column with the plan's name in the configuration.
pub(super) const PLAN: &str = "lake_plan";
/// The tag in which a file lists its connections.
const CONNECTIONS: &str = "payersync.connections";
/// The tag in which a file says how many cells of each column it could not hold.
const LEFT_OUT: &str = "payersync.left_out";

/// One line of a commit. Actions that payersync does not know have no field here.
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

/// The features of Delta that a reader and a writer must support.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Protocol {
    pub(super) min_reader_version: u32,
    pub(super) min_writer_version: u32,
}

/// The definition of a table.
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

/// How far a writer has come: its newest transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Txn {
    pub(super) app_id: String,
    pub(super) version: i64,
    /// In milliseconds since 1970; other tools may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_updated: Option<i64>,
}

/// A file that belongs to the table from this version on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Add {
    /// The path relative to the table, percent-encoded.
    pub(super) path: String,
    pub(super) partition_values: BTreeMap<String, Option<String>>,
    /// The size in bytes.
    pub(super) size: u64,
    /// In milliseconds since 1970.
    pub(super) modification_time: i64,
    pub(super) data_change: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stats: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tags: Option<BTreeMap<String, Option<String>>>,
}

/// A file that belongs only to earlier versions of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remove {
    pub(super) path: String,
    /// In milliseconds since 1970.
    pub(super) deletion_timestamp: Option<i64>,
    pub(super) data_change: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extended_file_metadata: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) partition_values: Option<BTreeMap<String, Option<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
}

/// The columns of a table and their types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Schema {
    #[serde(rename = "type")]
    kind: String,
    pub(super) fields: Vec<Field>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Field {
    pub(super) name: String,
    /// The name of a primitive type: payersync writes no other types.
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
    /// The tags of an added file: each connection that has rows in the file, with the digest of those rows,
    /// and the number of cells of each column that are NULL since they are not of the column's type.
    pub(super) fn tags_of(
        connections: &BTreeMap<i64, String>,
        left_out: &BTreeMap<String, u64>,
    ) -> Option<BTreeMap<String, Option<String>>> {
        let text = serde_json::to_string(connections).ok()?;
        let mut tags = BTreeMap::from([(CONNECTIONS.to_owned(), Some(text))]);
        if !left_out.is_empty() {
            tags.insert(LEFT_OUT.to_owned(), Some(serde_json::to_string(left_out).ok()?));
        }
        Some(tags)
    }

    /// The number of cells of each column that the file could not hold.
    pub(super) fn left_out(&self) -> BTreeMap<String, u64> {
        let text = || self.tags.as_ref()?.get(LEFT_OUT)?.as_deref();
        text().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The connections that have rows in the file; `None` if another tool has written the file.
    pub(super) fn connections(&self) -> Option<BTreeMap<i64, String>> {
        serde_json::from_str(self.tags.as_ref()?.get(CONNECTIONS)?.as_deref()?).ok()
    }

    /// The shard of the home that wrote the file.
    pub(super) fn shard(&self) -> Option<&str> {
        self.partition_values.get(SHARD)?.as_deref()
    }

    /// The plan whose rows are in the file; `None` for rows of imported files.
    pub(super) fn plan(&self) -> Option<&str> {
        self.partition_values.get(PLAN)?.as_deref()
    }

    /// The action that removes the file from the table.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_of_another_tool_may_have_no_time() {
        let line = r#"{"txn":{"appId":"another","version":7}}"#;
        let action: Action = serde_json::from_str(line).unwrap();
        assert_eq!(action.txn.as_ref().unwrap().version, 7);
        assert_eq!(serde_json::to_string(&action).unwrap(), line);
    }
}
