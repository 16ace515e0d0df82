//! Programs, servers and data that a machine may have. Without them a test says SKIPPED, and fails under
//! CI=true.

use std::path::PathBuf;
use url::Url;

/// A folder in the data that several projects share.
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var("PAYERSYNC_SHARED").unwrap_or_else(|_| "../shared".to_owned());
    let path = PathBuf::from(root).join(folder);
    path.exists()
        .then_some(path.clone())
        .or_else(|| skipped(&format!("{} is not there", path.display())))
}

/// A server whose address `.ci/run` puts into an environment variable.
pub(crate) fn server(variable: &str) -> Option<Url> {
    match std::env::var(variable) {
        Ok(url) => Some(Url::parse(&url).unwrap()),
        Err(_) => skipped(&format!("{variable} is not set")),
    }
}

/// The python of `.ci/run` that knows DuckDB and its extension for SQLite files.
pub(crate) fn python_with_duckdb() -> Option<PathBuf> {
    path("PAYERSYNC_TEST_DUCKDB")
}

/// The python of `.ci/run` that reads Delta tables.
#[cfg(feature = "lake")]
pub(crate) fn python_with_delta() -> Option<PathBuf> {
    path("PAYERSYNC_TEST_DELTA")
}

/// A python with pyspark and a Java for it. They take nearly half a gigabyte, so CI does without.
#[cfg(feature = "lake")]
pub(crate) fn python_with_spark() -> Option<PathBuf> {
    const VARIABLE: &str = "PAYERSYNC_TEST_SPARK";
    let python = std::env::var_os(VARIABLE).map(PathBuf::from);
    python.or_else(|| {
        eprintln!("SKIPPED: {VARIABLE} is not set");
        None
    })
}

/// The folder of `.ci/run` whose node_modules have Azurite.
#[cfg(feature = "lake")]
pub(crate) fn azurite() -> Option<PathBuf> {
    path("PAYERSYNC_TEST_AZURITE")
}

/// The folder of `.ci/run` whose node_modules have oidc-provider.
pub(crate) fn oidc_module() -> Option<PathBuf> {
    path("PAYERSYNC_TEST_OIDC_MODULE")
}

/// The folder of `.ci/run` whose node_modules have fhirpath.js.
pub(crate) fn fhirpath_js() -> Option<PathBuf> {
    path("PAYERSYNC_TEST_FHIRPATH")
}

/// The folder of `.ci/run` with the programs that docs/recipes.md uses: python3 with pandas, polars, pyarrow
/// and DuckDB, sqlite-utils, datasette, dbt, Rscript with RSQLite.
pub(crate) fn tools() -> Option<PathBuf> {
    path("PAYERSYNC_TEST_TOOLS")
}

/// Chromium, and the folder of `.ci/run` whose node_modules have axe-core and playwright-core.
pub(crate) fn chromium_and_axe() -> Option<(PathBuf, PathBuf)> {
    Some((path("PAYERSYNC_TEST_CHROMIUM")?, path("PAYERSYNC_TEST_AXE")?))
}

fn path(variable: &str) -> Option<PathBuf> {
    match std::env::var_os(variable) {
        Some(path) => Some(path.into()),
        None => skipped(&format!("{variable} is not set")),
    }
}

fn skipped<T>(why: &str) -> Option<T> {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}, and CI=true demands it");
    eprintln!("SKIPPED: {why}");
    None
}
