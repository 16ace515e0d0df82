//! `payersync production-access`: writes the papers for production access, filled in from the
//! configuration.
//!
//! The texts are the files of docs/production-access, which are embedded in the binary.

mod answers;
mod open_places;
mod pack;

use super::{failure::Failure, tell};
use crate::{cli::ProductionAccessArgs, config::Settings, exit_code::ExitCode, plural};
use open_places::{fill, open_list};
use pack::{Done, Pack};
use std::{collections::BTreeMap, path::Path};

/// Name and text of each paper.
const PAPERS: &[(&str, &str)] = &[
    ("README.md", include_str!("../../../docs/production-access/README.md")),
    ("attestation.md", include_str!("../../../docs/production-access/attestation.md")),
    ("checklist.md", include_str!("../../../docs/production-access/checklist.md")),
    ("demo-request.md", include_str!("../../../docs/production-access/demo-request.md")),
    ("ftc.md", include_str!("../../../docs/production-access/ftc.md")),
    ("logo.svg", include_str!("../../../docs/production-access/logo.svg")),
    ("privacy-policy.md", include_str!("../../../docs/production-access/privacy-policy.md")),
    (
        "production-request.md",
        include_str!("../../../docs/production-access/production-request.md"),
    ),
    ("recording.md", include_str!("../../../docs/production-access/recording.md")),
    ("terms-of-service.md", include_str!("../../../docs/production-access/terms-of-service.md")),
];

/// The paper that lists what is still open.
const OPEN: &str = "open.md";

/// Writes the papers, and reports what was done with each and what is open.
pub(super) fn run(home: &Path, args: &ProductionAccessArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(home)?;
    let answers = answers::of(&settings, &args.plans)?;
    let mut pack = Pack::open(&args.folder)?;
    // Every paper is checked before the first one is written.
    let mut papers = BTreeMap::new();
    for (name, template) in PAPERS {
        papers.insert(*name, pack.will_hold(name, &fill(template, &answers))?);
    }
    let open = open_list(&papers, &args.folder);
    pack.will_hold(OPEN, &open.text)?;
    for (name, done) in pack.write()? {
        match done {
            Done::Written | Done::Same => {}
            Done::Kept => tell(&format!("{name} has your changes and was kept")),
            Done::Beside => tell(&format!(
                "{name} has your changes and was kept; the new version is {name}.new: compare, \
                 then remove or rename it"
            )),
        }
    }
    let folder = args.folder.display();
    tell(&format!("{} in {folder}", plural::count(PAPERS.len() + 1, "file")));
    tell(&match open.count {
        0 => "No place is left open; checklist.md needs a person".to_owned(),
        count => format!(
            "{}: {folder}/{OPEN} lists them, with their lines",
            plural::count(count, "open place")
        ),
    });
    Ok(ExitCode::Complete)
}
