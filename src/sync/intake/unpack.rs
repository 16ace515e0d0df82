//! Unpacks a page: sorts its resources into new and changed ones, unchanged ones, and rejects.
//!
//! It runs on worker threads. It reads the warehouse to tell unchanged resources from changed ones, and
//! writes nothing. An unchanged resource costs one hash and one look-up, nothing else.

use super::{
    whose::{Verdict, Whose},
    workers::Room,
};
use crate::{
    fhir::{Bundle, Outcome, SearchMode, each_reference, instant, is_about_a_member},
    fingerprint::{Fingerprint, fingerprint},
    reference::{Destination, FullUrls, ServerBases},
    warehouse::{
        self, Catalog, ChangedResource, Reader, Reject, RowBatch, TableRows, Unchanged,
        WarehouseError, is_less_than_stored, is_unchanged, known,
    },
};
use chrono::{DateTime, Utc};
use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
};

/// An unpacked page.
#[derive(Debug, Default)]
pub(crate) struct Unpacked {
    pub(crate) changed: Vec<ChangedResource>,
    pub(crate) unchanged: Vec<Unchanged>,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) rows: RowBatch,
    pub(crate) resources_seen: u64,
    /// Matches of the search, counting repeats and rejects.
    pub(crate) entries: u64,
    /// Resources of the walk's own type that were taken in, each once.
    pub(crate) matches: u64,
    pub(crate) duplicates: u64,
    /// Resources about another patient than the connection's.
    pub(crate) strangers: u64,
    /// Dates of the walk's own type, from `meta.lastUpdated`.
    pub(crate) dates: Dates,
    /// An error that the server reports inside the page.
    pub(crate) failure: Option<Outcome>,
    /// Rejects that may be of the walk's own type.
    pub(crate) rejected: u64,
    /// Whether the page surely brings the walk something new: a resource of its type that is not stored.
    pub(crate) brings_new: bool,
    /// A hash of the type and id of each resource, to find those that come on two pages.
    pub(crate) names: Vec<u64>,
    /// The memory that is reserved for the page until it is stored.
    pub(crate) room: Room,
}

/// When the resources of a page were last updated, by their `meta.lastUpdated`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dates {
    pub(crate) all: Vec<DateTime<Utc>>,
    /// Whether a resource came without a date that can be read.
    pub(crate) undated: bool,
}

impl Dates {
    /// How the dates on a page show that the server did not filter by `_lastUpdated`, if they do.
    pub(crate) fn show_no_filter(&self, since: DateTime<Utc>) -> Option<&'static str> {
        // Some servers keep fewer digits of an instant than the request has.
        let since = since - chrono::Duration::seconds(1);
        if self.undated {
            Some("it sends resources without a date")
        } else if self.all.iter().any(|date| *date < since) {
            Some("it sends resources that changed before the instant asked for")
        } else {
            None
        }
    }
}

struct Candidate {
    fingerprint: Fingerprint,
    id: String,
    json: Range<usize>,
}

impl Candidate {
    fn is_patient(&self) -> bool {
        self.fingerprint.resource_type == "Patient"
    }

    /// A hash of the resource's type and id.
    fn name(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.fingerprint.resource_type, &self.id).hash(&mut hasher);
        hasher.finish()
    }

    /// Whether this resource and the other one have different content.
    fn differs_from(&self, other: &Candidate) -> bool {
        self.fingerprint.content_hash != other.fingerprint.content_hash
    }

    /// Type and id.
    fn key(&self) -> (String, String) {
        (self.fingerprint.resource_type.clone(), self.id.clone())
    }

    /// Whether this is certainly an older version than `other`, with different content.
    fn is_older_than(&self, other: &Candidate) -> bool {
        let (ours, theirs) = (&self.fingerprint, &other.fingerprint);
        self.differs_from(other) && ours.version().is_older_than(&theirs.version())
    }

    /// Makes this a version that goes to history, since another one on the page is taken.
    fn superseded(self) -> ChangedResource {
        ChangedResource { is_superseded: true, ..self.with_rows(Vec::new(), None) }
    }

    fn with_rows(self, rows: Vec<TableRows>, view_error: Option<String>) -> ChangedResource {
        ChangedResource {
            resource_type: self.fingerprint.resource_type,
            resource_id: self.id,
            version_id: self.fingerprint.version_id,
            last_updated: self.fingerprint.last_updated,
            content_hash: self.fingerprint.content_hash,
            json: self.json,
            bundle_references: None,
            rows,
            view_error,
            is_superseded: false,
        }
    }
}

/// The walk that a page belongs to.
pub(crate) struct Of<'a> {
    pub(crate) walk_type: &'a str,
    pub(crate) connection_id: i64,
    pub(crate) whose: &'a Whose,
    /// The FHIR bases of the plan's server.
    pub(crate) bases: &'a ServerBases,
    /// The `fullUrl`s of the Bundle that the page is a part of; `None`: the page is the Bundle.
    pub(crate) full_urls: Option<&'a FullUrls>,
}

/// The walk's type for entries that are not a resource, or whose type FHIR R4 does not know. It is FHIR's
/// name of the type from which all resources derive.
pub(crate) const NO_TYPE: &str = "Resource";

/// Unpacks a page.
pub(crate) fn unpack(
    body: &[u8],
    bundle: &Bundle,
    of: &Of<'_>,
    reader: &Reader,
    catalog: &Catalog,
) -> Result<Unpacked, WarehouseError> {
    let mut unpacked = Unpacked::default();
    let mut own_urls = FullUrls::default();
    let (newest, superseded) = sort(body, bundle, of, &mut unpacked, &mut own_urls);
    let full_urls = of.full_urls.unwrap_or(&own_urls);
    unpacked.resources_seen = newest.len() as u64;
    unpacked.names = newest.iter().map(Candidate::name).collect();
    let patients = newest.iter().filter(|candidate| candidate.is_patient());
    of.whose.meet(patients.map(|it| (&*it.id, &body[it.json.clone()])), full_urls);
    let (strangers, newest): (Vec<_>, Vec<_>) =
        newest.into_iter().partition(|it| it.is_patient() && of.whose.excludes(&it.id));
    for patient in strangers {
        unpacked.refuse(of.walk_type, patient, Verdict::Foreign);
    }
    let changed = reader.read(|connection| {
        let mut changed = Vec::new();
        for candidate in newest {
            let resource_type = &candidate.fingerprint.resource_type;
            let stored = known(connection, of.connection_id, resource_type, &candidate.id)?;
            let (hash, json) = (&candidate.fingerprint.content_hash, &body[candidate.json.clone()]);
            match stored {
                Some(stored) if is_unchanged(connection, &stored, hash, json)? => {
                    if is_about_a_member(resource_type) {
                        of.whose.saw();
                    }
                    let is_own_type = resource_type == of.walk_type;
                    let rowid = stored.rowid;
                    unpacked.unchanged.push(Unchanged { rowid, is_own_type, is_same: true });
                }
                Some(stored)
                    if is_less_than_stored(
                        connection,
                        of.walk_type,
                        resource_type,
                        json,
                        stored.rowid,
                    )? =>
                {
                    if resource_type == of.walk_type {
                        unpacked.refuse_subsetted(candidate);
                    } else {
                        let rowid = stored.rowid;
                        let kept = Unchanged { rowid, is_own_type: false, is_same: false };
                        unpacked.unchanged.push(kept);
                    }
                }
                stored => changed.push((candidate, stored.is_none())),
            }
        }
        Ok(changed)
    })?;
    let verdict = |candidate: &Candidate| {
        let (name, json) = (&candidate.fingerprint.resource_type, &body[candidate.json.clone()]);
        of.whose.judge(name, &candidate.id, json, full_urls)
    };
    let mut refused: HashSet<(String, String)> = HashSet::new();
    let mut standing = Vec::new();
    for (candidate, is_new) in changed {
        match verdict(&candidate) {
            (Verdict::Own | Verdict::Nobodys, named) => {
                let is_own_type = candidate.fingerprint.resource_type == of.walk_type;
                unpacked.brings_new |= is_new && is_own_type;
                standing.push((candidate, named));
            }
            (other, _) => {
                refused.insert(candidate.key());
                unpacked.refuse(of.walk_type, candidate, other);
            }
        }
    }
    let mut older = Vec::new();
    for candidate in superseded {
        match verdict(&candidate) {
            (Verdict::Own | Verdict::Nobodys, named) => older.push((candidate, named)),
            (other, _) => unpacked.refuse(of.walk_type, candidate, other),
        }
    }
    // A refused resource supersedes nothing: the newest of the others with its key is taken.
    for key in refused {
        let of_key = (0..older.len()).filter(|at| older[*at].0.key() == key);
        let newest =
            of_key.reduce(|one, other| match older[other].0.is_older_than(&older[one].0) {
                true => one,
                false => other,
            });
        standing.extend(newest.map(|at| older.remove(at)));
    }
    for (candidate, named) in standing {
        let base = (of.bases, full_urls, named);
        unpacked.changed.push(project(body, candidate, base, catalog, &mut unpacked.rows));
    }
    let changed = unpacked.changed.iter().filter(|one| one.resource_type == of.walk_type);
    let unchanged = unpacked.unchanged.iter().filter(|one| one.is_own_type);
    unpacked.matches = (changed.count() + unchanged.count()) as u64;
    unpacked.changed.extend(older.into_iter().map(|(candidate, _)| candidate.superseded()));
    let own = unpacked.rejects.iter().filter(|reject| !reject.is_other_type);
    unpacked.rejected = own.count() as u64;
    unpacked.rows.shrink_to_fit();
    Ok(unpacked)
}

impl Unpacked {
    /// Quarantines a copy whose tag SUBSETTED says that it is abridged, if more is stored.
    fn refuse_subsetted(&mut self, candidate: Candidate) {
        self.rejects.push(Reject {
            is_other_type: false,
            resource_id: Some(candidate.id),
            reason: "subsetted",
            detail: "it is abridged, as its tag SUBSETTED says; the stored version stays"
                .to_owned(),
            body: candidate.json,
        });
    }

    /// Quarantines a resource that is not the member's.
    fn refuse(&mut self, walk_type: &str, candidate: Candidate, verdict: Verdict) {
        let Some((reason, detail)) = verdict.reject() else { return };
        self.strangers += u64::from(verdict == Verdict::Foreign);
        self.rejects.push(Reject {
            is_other_type: candidate.fingerprint.resource_type != walk_type,
            resource_id: Some(candidate.id),
            reason,
            detail: detail.to_owned(),
            body: candidate.json,
        });
    }
}

/// Separates resources from what cannot be taken in.
///
/// Of several resources with the same type and id, the first list has the newest, or the last if nothing
/// tells which is newer. The second list has those of the others whose content differs from the resource in
/// the first list.
fn sort(
    body: &[u8],
    bundle: &Bundle,
    of: &Of<'_>,
    unpacked: &mut Unpacked,
    full_urls: &mut FullUrls,
) -> (Vec<Candidate>, Vec<Candidate>) {
    let walk_type = of.walk_type;
    let mut superseded: Vec<(usize, Candidate)> = Vec::new();
    let mut candidates: Vec<Candidate> = Vec::with_capacity(bundle.entries.len());
    let mut positions: HashMap<(String, String), usize> = HashMap::new();
    for entry in &bundle.entries {
        let mut reject = |reason, detail: String, resource_id, body: Range<usize>| {
            let is_other_type = false;
            unpacked.rejects.push(Reject { resource_id, reason, detail, is_other_type, body });
        };
        let Some(json) = entry.resource.clone() else {
            reject("no_resource", "an entry without a resource".into(), None, entry.range.clone());
            unpacked.entries += 1;
            continue;
        };
        let found = match fingerprint(&body[json.clone()]) {
            Ok(found) => found,
            Err(error) => {
                reject("not_a_resource", format!("a resource {error}"), None, json);
                unpacked.entries += 1;
                continue;
            }
        };
        if found.resource_type == "OperationOutcome" && walk_type != "OperationOutcome" {
            let outcome = Outcome::parse(&body[json]).filter(Outcome::is_failure);
            unpacked.failure = outcome.or(unpacked.failure.take());
            continue;
        }
        unpacked.entries += u64::from(entry.mode == SearchMode::Match);
        if walk_type == NO_TYPE {
            let detail = "a resource of a type that FHIR R4 does not know";
            reject("unknown_type", detail.into(), found.id, json);
            continue;
        }
        if found.resource_type != walk_type && entry.mode != SearchMode::Include {
            reject("wrong_type", "a match of another type than asked for".into(), found.id, json);
            continue;
        }
        let Some(id) = found.id.clone().filter(|id| !id.is_empty()) else {
            reject("no_id", "a resource without an id".into(), None, json);
            continue;
        };
        if found.resource_type == walk_type {
            match found.last_updated.as_deref().and_then(instant) {
                Some(date) => unpacked.dates.all.push(date),
                None => unpacked.dates.undated = true,
            }
        }
        if let Some(full_url) = &entry.full_url {
            let plain = Destination::Here { resource_type: &found.resource_type, id: &id };
            if of.whose.bases().resolve(full_url, &FullUrls::default()) != plain {
                full_urls.note(full_url, &found.resource_type, &id);
            }
        }
        let key = (found.resource_type.clone(), id.clone());
        let candidate = Candidate { fingerprint: found, id, json };
        match positions.get(&key) {
            Some(position) => {
                unpacked.duplicates += 1;
                let standing = &mut candidates[*position];
                let other = match candidate.is_older_than(standing) {
                    true => candidate,
                    false => std::mem::replace(standing, candidate),
                };
                superseded.push((*position, other));
            }
            None => {
                positions.insert(key, candidates.len());
                candidates.push(candidate);
            }
        }
    }
    // If nothing tells which of two is newer, the last one is taken, and the other's bytes are kept as well:
    // a Bundle may hold the resources of two servers under one id.
    superseded.retain(|(position, other)| other.differs_from(&candidates[*position]));
    let superseded = superseded.into_iter().map(|(_, older)| older).collect();
    (candidates, superseded)
}

/// Runs every view of the type over a resource: rows for all tables, or for none.
///
/// The resource is stored with the targets of its references within the Bundle, and with the Patient whom its
/// identifiers name: a rebuild has neither the Bundle nor the Patient.
fn project(
    body: &[u8],
    candidate: Candidate,
    (bases, full_urls, mut named): (&ServerBases, &FullUrls, FullUrls),
    catalog: &Catalog,
    batch: &mut RowBatch,
) -> ChangedResource {
    let json = &body[candidate.json.clone()];
    if !full_urls.is_empty() {
        each_reference(json, |reference| named.take(full_urls, reference));
    }
    let bundle_references = (!named.is_empty()).then(|| named.to_text());
    let within = bundle_references.is_some().then(|| bases.within(named));
    let bases = within.as_ref().unwrap_or(bases);
    let tables = catalog.of_type(&candidate.fingerprint.resource_type);
    let (rows, view_error) = match warehouse::project(json, bases, tables, catalog, batch) {
        Ok(rows) => (rows, None),
        Err(reason) => (Vec::new(), Some(reason)),
    };
    ChangedResource { bundle_references, ..candidate.with_rows(rows, view_error) }
}
