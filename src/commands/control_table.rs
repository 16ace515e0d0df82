//! The tables of payersync's own that the data dictionary describes: no definition makes them.

use std::io::{self, Write};

/// A table that a migration makes.
pub(super) struct ControlTable {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// Name, type and what it holds.
    pub(super) columns: &'static [[&'static str; 3]],
}

/// What no column carries.
const UNMAPPED_PATH: ControlTable = ControlTable {
    name: "unmapped_path",
    what: "Paths of the stored resources that no column of a table depends on: never a value, and \
           nothing is lost, since all of it is in resource.json.",
    columns: &[
        [
            "connection_id",
            "INTEGER",
            "The connection whose resources have it; see table connection",
        ],
        ["resource_type", "TEXT", "Their type"],
        [
            "path",
            "TEXT",
            "From the type on, positions in arrays left out; ? is a name that FHIR cannot have",
        ],
        ["is_foreign", "INTEGER", "1 in an extension that neither FHIR nor its US profiles define"],
        ["resource_count", "INTEGER", "Live resources that have it"],
        ["leaf_count", "INTEGER", "Values there"],
        ["first_seen", "TEXT", "When the first resource with it was received"],
    ],
};

/// What a column leaves out for its type.
const MISTYPED_PATH: ControlTable = ControlTable {
    name: "mistyped_path",
    what: "Values that are NULL in a column because what was sent is not of the column's type, such \
           as an amount in quotes: never a value, and nothing is lost, since all of it is in \
           resource.json. mistyped_cell tells the same by resource.",
    columns: &[
        [
            "connection_id",
            "INTEGER",
            "The connection whose resources have them; see table connection",
        ],
        ["resource_type", "TEXT", "Their type"],
        [
            "path",
            "TEXT",
            "Where the value stands, from the type on, positions in arrays left out; ? is a name \
             that FHIR cannot have",
        ],
        ["table_name", "TEXT", "The table"],
        ["column_name", "TEXT", "Its column"],
        ["resource_count", "INTEGER", "Resources that have such a value"],
        ["cell_count", "INTEGER", "Cells that are NULL for it"],
        ["first_seen", "TEXT", "When the first of these resources was received"],
    ],
};

/// All of them, in the order in which they are told.
pub(super) const ALL: [ControlTable; 2] = [UNMAPPED_PATH, MISTYPED_PATH];

impl ControlTable {
    /// As a section of the data dictionary.
    pub(super) fn write_markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n## {}\n\n{}\n", self.name, self.what)?;
        writeln!(out, "| column | type | what |\n|---|---|---|")?;
        self.columns
            .iter()
            .try_for_each(|[name, kind, what]| writeln!(out, "| {name} | {kind} | {what} |"))
    }
}
