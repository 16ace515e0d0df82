//! Whose data a connection may hold: one Patient's, never another member's.
//!
//! The Patient is the one that the consent names, or else the first one that the plan sends. Other records of
//! the same person are known by `Patient.link`, in either direction. If a resource names its patient by an
//! identifier alone, the identifier must be this Patient's and nobody else's: members of a family may share a
//! subscriber's number.

use crate::{
    fhir::{Identifier, Subjects, identifiers, linked_patients, subjects},
    reference::{FullUrls, ServerBases},
    warehouse::{ConnectionRow, Warehouse, WarehouseError, other_patients, stored_patients},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The Patient that a connection's resources must be about.
#[derive(Debug, Clone)]
pub(crate) struct Whose {
    bases: Arc<ServerBases>,
    /// `None` if the connection may hold anybody's data.
    known: Option<Arc<Mutex<Known>>>,
}

/// The connection's Patient, as far as it is known; shared by the walks of a connection.
#[derive(Debug, Default)]
struct Known {
    /// Ids of the person's Patient records; empty until the first one came.
    patients: BTreeSet<String>,
    /// The identifiers of these Patients, each with the id of its Patient.
    identifiers: BTreeMap<Identifier, String>,
    /// Identifiers of other people's Patients, each with the id of its Patient.
    others: BTreeSet<(Identifier, String)>,
    /// The Patient that the consent named, or that came first.
    first: Option<String>,
    /// The Patient that came first, until the warehouse has noted it.
    to_be_pinned: Option<String>,
    /// Whether the plan sent a resource about the Patient in this run.
    is_seen: bool,
}

/// The judgement on whose data a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The resource is about the connection's Patient.
    Own,
    /// The resource names no Patient.
    Nobodys,
    /// The resource is about somebody whose data this connection must not hold.
    Foreign,
    /// The resource names a Patient of another server.
    Elsewhere,
    /// The resource names somebody who cannot be identified.
    Unclear,
}

impl Whose {
    /// Anybody's data is allowed: for a backend service, or a plan configured for dependants.
    pub(crate) fn anybody(bases: Arc<ServerBases>) -> Whose {
        Whose { bases, known: None }
    }

    /// Whose data a connection may hold, judged by the data that it holds already: anybody's, or
    /// its Patient's.
    pub(crate) fn of_connection(
        warehouse: &Warehouse,
        row: &ConnectionRow,
        bases: Arc<ServerBases>,
        is_anybodys: bool,
    ) -> Result<Whose, WarehouseError> {
        if is_anybodys {
            return Ok(Whose::anybody(bases));
        }
        let (stored, others) = warehouse.reader().read(|connection| {
            Ok((stored_patients(connection, row.id)?, other_patients(connection, row.id)?))
        })?;
        Ok(Whose::one(bases, row.patient_id.as_deref(), &stored, &others))
    }

    /// One person's data is allowed: the named Patient's, else that of the first Patient that was ever
    /// stored, else that of the first one that comes.
    ///
    /// `others` are Patients that were refused.
    pub(crate) fn one(
        bases: Arc<ServerBases>,
        named: Option<&str>,
        stored: &[(String, Vec<u8>)],
        others: &[(String, Vec<u8>)],
    ) -> Whose {
        let none = FullUrls::default();
        let named = named.map(|named| bases.patient_id(named));
        let known =
            Known { patients: named.iter().cloned().collect(), first: named, ..Known::default() };
        let whose = Whose { bases, known: Some(Arc::new(Mutex::new(known))) };
        whose.meet(stored.iter().map(|(id, json)| (&**id, &**json)), &none);
        if let Some(mut known) = whose.known() {
            known.is_seen = false;
            others.iter().for_each(|(id, json)| known.meet_other(id, json));
        }
        whose
    }

    /// The id of the connection's Patient, once it is known.
    pub(crate) fn patient(&self) -> Option<String> {
        self.known()?.first.clone()
    }

    /// Resolves references by these FHIR bases from now on.
    pub(crate) fn resolve_at(&mut self, bases: Arc<ServerBases>) {
        self.bases = bases;
    }

    /// The FHIR bases of the plan's server.
    pub(crate) fn bases(&self) -> &ServerBases {
        &self.bases
    }

    /// Whether a Patient is somebody else than the connection's Patient.
    pub(crate) fn excludes(&self, patient: &str) -> bool {
        self.known()
            .is_some_and(|known| !known.patients.is_empty() && !known.patients.contains(patient))
    }

    /// Learns from a page's Patients: the first one that ever came is the connection's, and one
    /// that is linked to it is the same person.
    pub(crate) fn meet<'a>(
        &self,
        patients: impl Iterator<Item = (&'a str, &'a [u8])>,
        bundle: &FullUrls,
    ) {
        let Some(mut known) = self.known() else { return };
        let mut patients: Vec<(&str, Vec<String>, &[u8])> = patients
            .map(|(id, json)| (id, linked_patients(json, &self.bases, bundle), json))
            .collect();
        if let (true, Some((first, ..))) = (known.patients.is_empty(), patients.first()) {
            known.pin(first);
        }
        // Repeats until no record is added: links may lead over several records.
        loop {
            let before = patients.len();
            patients.retain(|(id, links, json)| {
                let is_same = known.patients.contains(*id)
                    || links.iter().any(|link| known.patients.contains(link));
                if is_same {
                    known.is_seen = true;
                    known.patients.insert((*id).to_owned());
                    known.patients.extend(links.iter().cloned());
                    let own = identifiers(json).into_iter().map(|own| (own, (*id).to_owned()));
                    known.identifiers.extend(own);
                }
                !is_same
            });
            if patients.len() == before {
                break;
            }
        }
        patients.iter().for_each(|(id, _, json)| known.meet_other(id, json));
    }

    /// Tells whose data a resource is, and to which Patient its identifiers lead.
    ///
    /// If no Patient is known yet, the first one that a resource names becomes the connection's.
    pub(crate) fn judge(
        &self,
        resource_type: &str,
        id: &str,
        json: &[u8],
        bundle: &FullUrls,
    ) -> (Verdict, FullUrls) {
        let mut named = FullUrls::default();
        let Some(mut known) = self.known() else { return (Verdict::Nobodys, named) };
        let verdict = if resource_type == "Patient" {
            known.verdict(&Subjects { patients: vec![id.to_owned()], ..Subjects::default() })
        } else {
            let subjects = subjects(json, &self.bases, bundle);
            if known.patients.is_empty()
                && let Some(first) = subjects.patients.first()
                && subjects.patients.iter().all(|patient| patient == first)
            {
                known.pin(first);
            }
            for identifier in &subjects.identifiers {
                if let Some(patient) = known.identifiers.get(identifier) {
                    named.note_identifier(identifier, "Patient", patient);
                }
            }
            known.verdict(&subjects)
        };
        known.is_seen |= verdict == Verdict::Own;
        (verdict, named)
    }

    /// Notes that a resource of the member came and is the same as the stored one.
    pub(crate) fn saw(&self) {
        if let Some(mut known) = self.known() {
            known.is_seen = true;
        }
    }

    /// Whether the plan sent something about the connection's Patient in this run.
    pub(crate) fn is_seen(&self) -> bool {
        self.known().is_none_or(|known| known.is_seen)
    }

    /// Takes the Patient that the warehouse has to note before anything about the Patient is stored.
    pub(super) fn to_be_pinned(&self) -> Option<String> {
        self.known()?.to_be_pinned.take()
    }

    fn known(&self) -> Option<MutexGuard<'_, Known>> {
        // A worker that panicked leaves nothing half done here.
        Some(self.known.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn pin(&mut self, patient: &str) {
        self.patients.insert(patient.to_owned());
        self.first.get_or_insert_with(|| patient.to_owned());
        self.to_be_pinned = Some(patient.to_owned());
    }

    /// Learns the identifiers of a Patient that is somebody else.
    fn meet_other(&mut self, id: &str, json: &[u8]) {
        self.others.extend(identifiers(json).into_iter().map(|it| (it, id.to_owned())));
    }

    /// Whether somebody else has the identifier, too, so that it names nobody for certain.
    fn is_shared(&self, identifier: &Identifier) -> bool {
        let others = self.others.range((identifier.clone(), String::new())..);
        let mut others = others.take_while(|(other, _)| other == identifier);
        // One of them may have turned out to be linked to the connection's Patient.
        others.any(|(_, id)| !self.patients.contains(id))
    }

    fn verdict(&self, subjects: &Subjects) -> Verdict {
        let is_own = |patient: &String| self.patients.contains(patient);
        let is_unknown = |it: &&Identifier| !self.identifiers.contains_key(*it);
        // If the Patient has an identifier of this system, another identifier of it is another person's.
        let is_anothers = |(system, _): &Identifier| {
            !system.is_empty() && self.identifiers.keys().any(|(own, _)| own == system)
        };
        let mut unknown = subjects.identifiers.iter().filter(is_unknown).peekable();
        let is_named = subjects.patients.iter().any(is_own);
        let is_shared = subjects.identifiers.iter().any(|it| self.is_shared(it));
        let is_unclear = unknown.peek().is_some() || is_shared && !is_named;
        if !subjects.patients.iter().all(is_own) || unknown.any(is_anothers) {
            Verdict::Foreign
        } else if subjects.elsewhere {
            Verdict::Elsewhere
        } else if subjects.unclear || is_unclear || !subjects.bare.iter().all(is_own) {
            Verdict::Unclear
        } else if [&subjects.patients, &subjects.bare].iter().all(|named| named.is_empty())
            && subjects.identifiers.is_empty()
        {
            Verdict::Nobodys
        } else {
            Verdict::Own
        }
    }
}

impl Verdict {
    /// The quarantine's reason and sentence; `None` if the resource is taken in.
    pub(crate) fn reject(self) -> Option<(&'static str, &'static str)> {
        match self {
            Verdict::Own | Verdict::Nobodys => None,
            Verdict::Foreign => Some((
                "foreign_subject",
                "a resource about another patient than the connection's; if the plan's consents \
                cover dependants, set `dependants = true`",
            )),
            Verdict::Elsewhere => Some((
                "subject_elsewhere",
                "a resource about a patient of another server; if that is the plan's own server \
                 under another name, add it to the plan's proxied_origins",
            )),
            Verdict::Unclear => Some((
                "unclear_subject",
                "a resource about a person who may or may not be the connection's patient",
            )),
        }
    }
}
