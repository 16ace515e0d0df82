//! `payersync explain`, as it is typed.

use clap::Args;

/// `payersync explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A normalised table or a mart
    pub table: String,
    /// The id of a resource; in a mart, a value of one of its id columns, an NPI, a run or a type
    pub key: String,
    /// The column to explain; without it, every column of the row
    pub column: Option<String>,
    /// Only what this connection brought
    #[arg(long, value_name = "NAME")]
    pub connection: Option<String>,
    /// The row: row_no of a table, the position among the matching rows of a mart, from 0
    #[arg(long, value_name = "N")]
    pub row: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
