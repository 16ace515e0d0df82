//! `payersync import`.

use clap::Args;
use std::path::PathBuf;
use url::Url;

/// `payersync import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The connection; a new name makes one that has no plan
    pub name: String,
    /// Bundles, resources, arrays of them or NDJSON, also as .gz or .zip; a folder of them; `-` is
    /// standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// A label that groups one person's connections across plans, for a new connection
    #[arg(long, value_name = "LABEL")]
    pub member: Option<String>,
    /// The FHIR base of the server that the files came from: absolute references below it lead to
    /// resources of the same connection
    #[arg(long, value_name = "URL")]
    pub base: Option<Url>,
    /// The files are about other people than the member, too
    #[arg(long)]
    pub dependants: bool,
    /// Store the files, too, that DocumentReferences and DiagnosticReports carry or name, and the
    /// content of Binary resources, as far as the imported files hold them
    #[arg(long)]
    pub attachments: bool,
}
