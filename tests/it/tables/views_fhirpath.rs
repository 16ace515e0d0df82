//! Every shipped definition over published resources, cell for cell as fhirpath.js has it.

use crate::{
    support::{Home, fhirpath_js, shared},
    tables::coverage,
};
use std::{collections::HashSet, fs, process::Command};

/// Columns in which the engines may differ, and why.
const EXPLAINED: [(&str, &str); 1] =
    // One example writes a boolean as text; a column holds its type or NULL.
    [("patient.deceased_boolean", "null and \"false\"")];

#[test]
fn another_engine_has_the_same_rows() {
    let (Some(fhirpath), Some(data)) = (fhirpath_js(), shared("data")) else { return };
    let unpacked = tempfile::tempdir().unwrap();
    let mut tar = Command::new("tar");
    tar.arg("xzf").arg(data.join("r4-official.tar.gz")).arg("-C").arg(unpacked.path());
    assert!(tar.status().unwrap().success());
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    for folder in ["carin", "bfd", "bluebutton", "us-core"] {
        coverage::resources(&data.join(folder), &mut seen, &mut found);
    }
    coverage::resources(unpacked.path(), &mut seen, &mut found);
    let home = Home::new();
    let input = home.file("resources.ndjson");
    let lines: String = found.iter().map(|resource| format!("{resource}\n")).collect();
    fs::write(&input, lines).unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let output = Command::new("node")
        .arg(format!("{root}/tests/servers/fhirpath_rows.mjs"))
        .arg(env!("CARGO_BIN_EXE_payersync"))
        .arg(format!("{root}/config/views"))
        .arg(&input)
        .env("FHIRPATH", fhirpath)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let (differences, sum) = said.trim_end().rsplit_once('\n').unwrap_or(("", said.trim_end()));
    eprintln!("{sum}");
    let cells: u64 = sum.split(' ').next().unwrap().parse().unwrap();
    assert!(cells > 400_000, "{sum}");
    let is_explained = |line: &&str| {
        EXPLAINED.iter().any(|(column, how)| line.starts_with(column) && line.contains(how))
    };
    let left: Vec<&str> = differences.lines().filter(|line| !is_explained(line)).collect();
    assert!(left.is_empty(), "{left:#?}");
}
