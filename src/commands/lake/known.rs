//! The lakes that a home fills, and the check that a shard of a lake belongs to this home.
//!
//! A home that wrote to another home's shard would treat that home's connections as purged.

use super::store::{Store, not_there};
use crate::{
    commands::{failure::Failure, home},
    own_file,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// The file in the home that lists its lakes.
const FILE: &str = "lake.json";
/// The folder in the lake that has a file for each shard.
pub(super) const SHARDS: &str = "_payersync";
/// The number of days for which replaced files are kept.
const KEEP_DAYS: u32 = 7;

/// The lakes that a home knows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Known {
    /// The random name of the home, the same for all lakes.
    home: String,
    /// The lakes by path or URL.
    pub(super) lakes: BTreeMap<String, Lake>,
}

/// How a home fills a lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lake {
    /// The name of the home in the lake.
    pub(super) shard: String,
    /// The number of days for which replaced files are kept.
    pub(super) keep_days: u32,
    /// Whether the lake has had this home's file. If the file is missing now, the lake is away or was
    /// removed.
    ///
    /// A `lake.json` of a version that did not know this names lakes that were filled.
    #[serde(default = "yes")]
    pub(super) is_begun: bool,
}

fn yes() -> bool {
    true
}

/// The content of a shard's file in the lake.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    home: String,
}

/// When a sync may begin a lake: make its folder, and put the home's file there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// Never. A purge must find the rows that it is to remove.
    Never,
    /// If the home has not begun the lake before.
    IfNew,
    /// Always, also in the place of another home.
    TakeOver,
}

impl Begin {
    pub(super) fn is_allowed(self, lake: &Lake) -> bool {
        match self {
            Begin::Never => false,
            Begin::IfNew => !lake.is_begun,
            Begin::TakeOver => true,
        }
    }
}

impl Known {
    /// Reads the home's list of lakes; a home without a lake gets its random name.
    pub(super) fn read(home: &Path) -> Result<Known, Failure> {
        let path = home.join(FILE);
        let failed = |error| {
            let hint = "restore the file, or remove it and use --take-over";
            Failure::file(format!("cannot read {}", path.display()), error, hint)
        };
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let name = own_file::random_name().map_err(failed)?;
                Ok(Known { home: name, lakes: BTreeMap::new() })
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The settings for filling a lake: those given now, else those of the last sync, else the defaults.
    pub(super) fn choose(
        &self,
        home: &Path,
        lake: &str,
        shard: Option<&str>,
        keep_days: Option<u32>,
    ) -> Result<Lake, Failure> {
        let before = self.lakes.get(lake);
        let shard = match (before, shard) {
            (Some(before), Some(asked)) if before.shard != asked => {
                let what = format!("this home is shard {} of {lake}", before.shard);
                return Err(Failure::misuse(what)
                    .hint("a shard keeps its name: leave --shard out, or name another lake"));
            }
            (Some(before), _) => before.shard.clone(),
            (None, Some(asked)) => asked.to_owned(),
            (None, None) => name_of(home),
        };
        let keep_days = keep_days.or(before.map(|before| before.keep_days)).unwrap_or(KEEP_DAYS);
        Ok(Lake { shard, keep_days, is_begun: before.is_some_and(|before| before.is_begun) })
    }

    /// Records the lake in the home, then the home in the lake.
    ///
    /// # Errors
    /// The shard belongs to another home, or the home's file is missing and the lake may not begin here.
    pub(super) fn claim(
        &mut self,
        home: &Path,
        store: &Store,
        lake: &Lake,
        begin: Begin,
    ) -> Result<(), Failure> {
        self.keep(home, store, lake)?;
        let name = format!("{SHARDS}/{}.json", lake.shard);
        let ours = Owner { home: self.home.clone() };
        let bytes = serde_json::to_vec(&ours)
            .map_err(|error| Failure::bug("the home cannot be written as JSON", error))?;
        let is_new = begin.is_allowed(lake) && store.put_new(&name, Bytes::from(bytes.clone()))?;
        if !is_new {
            let Some(there) = store.get(&name)? else {
                return Err(not_there(store.name(), &name));
            };
            if !serde_json::from_slice::<Owner>(&there).is_ok_and(|there| there == ours) {
                if begin != Begin::TakeOver {
                    return Err(Failure::misuse(format!(
                        "shard {} of {} belongs to another home",
                        lake.shard,
                        store.name()
                    ))
                    .hint(
                        "give this home another name with --shard; if it is that home, restored, use \
                         --take-over",
                    ));
                }
                store.put(&name, Bytes::from(bytes))?;
            }
        }
        self.keep(home, store, &Lake { is_begun: true, ..lake.clone() })
    }

    /// Writes the lake to the home's list, unless the list has the same entry already.
    fn keep(&mut self, home: &Path, store: &Store, lake: &Lake) -> Result<(), Failure> {
        if self.lakes.insert(store.name().to_owned(), lake.clone()).as_ref() == Some(lake) {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::bug("the lakes cannot be written as JSON", error))?;
        home::write_private(&home.join(FILE), &(text + "\n"))
    }
}

/// The name of the home's folder, with the characters that a shard's name may have.
fn name_of(home: &Path) -> String {
    let full: PathBuf = fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
    let name = full.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = name.trim_start_matches('.').chars().map(plain).take(64).collect();
    if name.is_empty() { "home".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_homes_folder_gives_the_shard_a_name() {
        let names = ["/srv/.payersync", "/srv/my plans", "/"].map(|path| name_of(Path::new(path)));
        assert_eq!(names, ["payersync", "my_plans", "home"]);
    }
}
