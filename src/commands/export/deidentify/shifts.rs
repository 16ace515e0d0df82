//! Notes in a kept key file by which number each connection's dates are shifted.
//!
//! Without them, a person's shift would change when their first connection is purged, or when another one is
//! found to be theirs. Two exports with one key would then show the same dates shifted by two numbers.

use super::key::NOTE;
use crate::{
    commands::{failure::Failure, warn},
    config::read_secret_file,
    own_file,
};
use secrecy::ExposeSecret;
use std::{collections::BTreeMap, fs, path::Path};
use zeroize::Zeroizing;

/// The first connection by whose number each connection's dates are shifted; new ones are noted in the file.
///
/// A key may be on a disk that is mounted for reading, as secrets of a container are. The export is right
/// without the new notes, so this is a warning.
///
/// # Errors
/// The key file cannot be read.
pub(super) fn kept(
    people: &BTreeMap<i64, i64>,
    path: &Path,
) -> Result<BTreeMap<i64, i64>, Failure> {
    let text = read_secret_file(path).map_err(|error| {
        let hint = error.hint();
        Failure::usage("the key file cannot be used", error).hint(hint)
    })?;
    let text = text.expose_secret();
    let noted: BTreeMap<i64, i64> = text.lines().filter_map(note).collect();
    let firsts = agreed(people, &noted);
    let new = firsts.iter().filter(|(id, _)| !noted.contains_key(id));
    let new: String = new.map(|(id, first)| format!("{NOTE}{id} {first}\n")).collect();
    if !new.is_empty() {
        let text = Zeroizing::new(format!("{}\n{new}", text.trim_end()));
        // A link to the key file stays a link.
        let noted = fs::canonicalize(path)
            .and_then(|path| own_file::replace(&path, text.as_bytes(), 0o600));
        if let Err(error) = noted {
            warn(&format!(
                "cannot note in the key file {} how dates are shifted: {error}; a later export may shift \
                 the same dates by other days. Make the file and its folder writable",
                path.display()
            ));
        }
    }
    Ok(firsts)
}

fn note(line: &str) -> Option<(i64, i64)> {
    let (id, first) = line.strip_prefix(NOTE)?.split_once(' ')?;
    Some((id.parse().ok()?, first.parse().ok()?))
}

/// Each connection's first connection: the noted one, else that of the person's other connections.
fn agreed(people: &BTreeMap<i64, i64>, noted: &BTreeMap<i64, i64>) -> BTreeMap<i64, i64> {
    let mut of_person = BTreeMap::new();
    for (id, person) in people {
        if let Some(first) = noted.get(id) {
            of_person.entry(person).or_insert(first);
        }
    }
    let first = |id: &i64, person: &i64| {
        let first = noted.get(id).or_else(|| of_person.get(person).copied());
        first.copied().unwrap_or(*person)
    };
    people.iter().map(|(id, person)| (*id, first(id, person))).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::key::Secret, *};

    #[test]
    fn a_kept_key_shifts_a_connection_alike_whichever_others_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("join.key");
        let pseudonym = || Secret::of_file(&path).unwrap().pseudonym("Patient-1");
        let before = pseudonym();
        let kept = |people: &[(i64, i64)]| -> Vec<(i64, i64)> {
            let people = people.iter().copied().collect();
            kept(&people, &path).unwrap().into_iter().collect()
        };
        assert_eq!(kept(&[(1, 1), (2, 1), (5, 5)]), [(1, 1), (2, 1), (5, 5)]);
        // Connection 1 is purged, and 7 is found to be of the same person as 2.
        assert_eq!(kept(&[(2, 2), (5, 5), (7, 2)]), [(2, 1), (5, 5), (7, 1)]);
        // 2 and 5 turn out to be one person's: what was shown once stays.
        let all = [(2, 2), (5, 2), (7, 2), (8, 2)];
        assert_eq!(kept(&all), [(2, 1), (5, 5), (7, 1), (8, 1)]);
        let text = fs::read(&path).unwrap();
        assert_eq!(kept(&all), [(2, 1), (5, 5), (7, 1), (8, 1)]);
        assert_eq!(fs::read(&path).unwrap(), text);
        assert_eq!(pseudonym(), before);
    }

    #[test]
    fn a_key_file_that_cannot_be_written_is_used_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("join.key");
        Secret::of_file(&path).unwrap();
        kept(&BTreeMap::from([(2, 1)]), &path).unwrap();
        // With this name, the file that would replace it has a name that is too long.
        let closed = folder.path().join("k".repeat(250));
        fs::rename(&path, &closed).unwrap();
        let text = fs::read(&closed).unwrap();
        let people = BTreeMap::from([(2, 2), (5, 5), (7, 2)]);
        let expected = BTreeMap::from([(2, 1), (5, 5), (7, 1)]);
        assert_eq!(kept(&people, &closed).unwrap(), expected);
        assert_eq!(fs::read(&closed).unwrap(), text);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
