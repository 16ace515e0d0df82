//! `payersync query`, as it is typed.

use super::instant_or_days_end;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `payersync query`.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// One statement that reads; - reads it from standard input
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    pub sql: Option<String>,
    /// Read the statement from a file
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// What :NAME stands for in the statement: a number, NULL, a text; a text in quotes stays a text
    #[arg(long, value_name = "NAME=VALUE")]
    pub param: Vec<String>,
    /// How the answer is printed
    #[arg(long, value_enum, default_value = "table")]
    pub format: QueryFormat,
    /// Write the answer to this file, for this user alone; an earlier one is replaced in one step
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// A line per cell, for rows that are wider than the screen; the same as --format vertical
    #[arg(long, conflicts_with = "format")]
    pub vertical: bool,
    /// Print a long answer to the screen without the program that PAGER names
    #[arg(long)]
    pub no_pager: bool,
    /// Show the table `resource` as it was at an instant (RFC 3339) or at the end of a day (YYYY-MM-DD, UTC)
    #[arg(long, value_name = "DATE", value_parser = instant_or_days_end)]
    pub as_of: Option<DateTime<Utc>>,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    /// A table for people, cut to the screen's width
    Table,
    /// A line per cell
    Vertical,
    /// Comma-separated values with a header line; NULL is empty, an empty text is ""
    Csv,
    /// One JSON array of objects
    Json,
    /// One JSON object per line
    Ndjson,
    /// A Markdown table
    Markdown,
    /// Typed columns, for DuckDB, Spark, pandas; to a file with --output (builds with --features parquet)
    Parquet,
}
