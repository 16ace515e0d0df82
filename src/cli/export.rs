//! `payersync export`, as it is typed.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `payersync export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The folder to write; an earlier export there is replaced, a folder with anything else is refused
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Only these tables and marts; with --format ndjson, only these resource types
    #[arg(value_name = "TABLE", conflicts_with = "set")]
    pub tables: Vec<String>,
    /// The format of the files
    #[arg(long, value_enum, default_value = "csv")]
    pub format: ExportFormat,
    /// Which tables [default: marts, and tables with --since]
    #[arg(long, value_enum)]
    pub set: Option<ExportSet>,
    /// Only rows of resources that came or changed after this run (sync_run.id), and a list of the deleted
    /// resources
    #[arg(long, value_name = "RUN", value_parser = run)]
    pub since: Option<i64>,
    /// CSV for programs: without a byte order mark, and with no text altered for spreadsheets
    #[arg(long)]
    pub raw: bool,
    /// Leave out what identifies a member (HIPAA Safe Harbor, 45 CFR 164.514(b)(2)), as docs/deidentify.md says
    #[arg(long)]
    pub deidentify: bool,
    /// Make the pseudonyms with the secret in this file, so that several exports have the same ones; a
    /// missing file is made
    #[arg(long, value_name = "FILE", requires = "deidentify")]
    pub deidentify_key: Option<PathBuf>,
    /// How dates are treated
    #[arg(long, value_enum, default_value = "year", requires = "deidentify")]
    pub dates: DateTreatment,
}

/// The number of a run.
fn run(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| {
        "is not a run: give a number, such as `latest_run` in an export's manifest.json".to_owned()
    })
}

/// How dates are treated in a de-identified export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DateTreatment {
    /// Only the year stays, as Safe Harbor wants it
    Year,
    /// All dates of a member are some days earlier: this is not Safe Harbor, and an expert has to determine
    /// the risk
    Shifted,
}

impl DateTreatment {
    /// The treatment's name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            DateTreatment::Year => "year",
            DateTreatment::Shifted => "shifted",
        }
    }
}

/// What the files of an export are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A table per file as comma-separated values, safe to open in a spreadsheet
    Csv,
    /// A table per file with typed columns, for DuckDB, Spark, pandas (builds with --features parquet)
    Parquet,
    /// A resource type per file, a resource per line as it was received, as a FHIR bulk export has them
    Ndjson,
}

impl ExportFormat {
    /// The format's name, which is also the ending of its files.
    pub fn name(self) -> &'static str {
        match self {
            ExportFormat::Csv => "csv",
            ExportFormat::Parquet => "parquet",
            ExportFormat::Ndjson => "ndjson",
        }
    }
}

/// Tables that are exported together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportSet {
    /// Tables that answer a question
    Marts,
    /// The normalised tables, those of views_dir included
    Tables,
    /// The Tuva input layer
    Tuva,
    /// All of them
    All,
}

impl ExportSet {
    /// The set's name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ExportSet::Marts => "marts",
            ExportSet::Tables => "tables",
            ExportSet::Tuva => "tuva",
            ExportSet::All => "all",
        }
    }
}
