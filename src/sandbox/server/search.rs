//! Finds the resources of a search, and picks those on the requested page.
//!
//! Documented or recorded: ten per page, a hundred at most, ascending ids, a cursor after the last id,
//! `_skip` up to 9990. Assumed: the effects of `_lastUpdated` and `_sort`. Only ids and dates are computed
//! here, unless a search filters by a code.

use super::{outcome, record::Record, time_range::Bound};
use crate::sandbox::{
    faults::fault::Fault,
    like::search::{Unfolded, named_patient},
    members::{TypeEntry, number_of_patient_id},
    pairs::Pairs,
    state::State,
};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

/// A search whose parameters have been parsed.
pub(crate) struct Search {
    pub(crate) number: u32,
    pub(crate) entry: &'static TypeEntry,
    pub(crate) pairs: Pairs,
    pub(crate) count: u32,
    reach: Reach,
    /// The bounds of `_lastUpdated`.
    updated: Vec<Bound>,
    /// The bounds of `service-date`.
    serviced: Vec<Bound>,
    skip: u32,
}

/// Whose resources a search can find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Member,
    Everybody,
    Nobody,
}

/// One page of a search: the positions of the page's resources in `record`.
pub(crate) struct Page {
    pub(crate) record: Record,
    /// Indexes into the record.
    pub(crate) indexes: Vec<u32>,
    pub(crate) total: u32,
    /// The page's number, from 1.
    pub(crate) number: u32,
    /// The number of resources on the pages before.
    pub(crate) start: u32,
    /// The number of resources before the next page, if there is one.
    pub(super) next_start: Option<u32>,
    /// The id after which the next page begins, if there may be one.
    pub(crate) next_after: Option<String>,
    /// The id after which the page before begins.
    ///
    /// `None` on the first page; an empty id if the page before is the first.
    pub(super) prior_after: Option<String>,
    /// The last resource of the page before.
    pub(crate) last_of_prior: Option<u32>,
    /// Whether this page has everything, so that it needs no links.
    pub(crate) whole: bool,
}

const MAXIMUM_SKIP: u32 = 9990;

impl Search {
    pub(crate) fn new(
        state: &State,
        number: u32,
        entry: &'static TypeEntry,
        pairs: Pairs,
    ) -> Result<Search, Box<Response>> {
        let like = state.options.like;
        let Some(Unfolded { pairs, from }) = like.unfold(pairs) else {
            return Err(invalid("the link is not of this server"));
        };
        if let Some(refusal) = like.search_refusal(entry.name, &pairs, from.is_none()) {
            return Err(Box::new(refusal.response()));
        }
        let asked = match pairs.get("_count").map(str::parse::<u32>) {
            None => None,
            Some(Ok(count)) if count > 0 => Some(count),
            Some(_) => return Err(invalid("_count must be a number from 1 to 100")),
        };
        let count = like
            .page_size(entry.name, &pairs, asked)
            .map_err(|most| invalid(&format!("_count must not be above {most}")))?;
        let named = named_patient(entry.name, &pairs);
        let (number, reach) = match named {
            Some(id) if id == state.member(number).patient_id() => (number, Reach::Member),
            Some(id) if like.is_of_everybody() => {
                let members = state.options.members;
                match number_of_patient_id(id).filter(|found| *found < members) {
                    Some(found) => (found, Reach::Member),
                    None => (number, Reach::Nobody),
                }
            }
            Some(_) if like.minds_patients() => {
                return Err(Box::new(like.somebody_else().response()));
            }
            _ if like.is_of_everybody() => (number, Reach::Everybody),
            _ => (number, Reach::Member),
        };
        let skip = match pairs.get("_skip").map(str::parse::<u32>) {
            None => 0,
            Some(Ok(skip)) if skip <= MAXIMUM_SKIP => skip,
            Some(Ok(skip)) => return Err(window_too_large(skip.saturating_add(count))),
            Some(Err(_)) => return Err(invalid("_skip must be a number")),
        };
        let bounds = |name: &str| {
            let parsed: Option<Vec<Bound>> = pairs.all(name).map(Bound::parse).collect();
            parsed.ok_or_else(|| invalid(&format!("{name} is not a date")))
        };
        let is_honoured = |date: &str| {
            let year = date.trim_start_matches(|c: char| !c.is_ascii_digit()).get(..4);
            year.is_none_or(|year| !("1950".."2051").contains(&year))
        };
        let ignored = state.has(Fault::IgnoresLastUpdated)
            || state.has(Fault::LastUpdatedExtremes) && !pairs.all("_lastUpdated").all(is_honoured);
        let updated = if ignored { Vec::new() } else { bounds("_lastUpdated")? };
        let serviced = bounds("service-date")?;
        let count = if state.has(Fault::CountIgnored) { 7 } else { count };
        let skip = from.unwrap_or(skip);
        Ok(Search { number, entry, pairs, count, reach, updated, serviced, skip })
    }

    /// The page that this search requests.
    pub(crate) fn page(&self, state: &State) -> Page {
        let record = self.record(state);
        let found = self.found(state, &record);
        let start = match self.pairs.get("_after") {
            Some(id) => found.after(&record, id),
            None => self.skip.min(found.len()),
        };
        self.page_of(record, &found, start)
    }

    /// The page that begins at a position among the resources that the search finds now.
    pub(crate) fn page_at(&self, state: &State, start: u32) -> Page {
        let record = self.record(state);
        let found = self.found(state, &record);
        let start = start.min(found.len());
        self.page_of(record, &found, start)
    }

    fn record(&self, state: &State) -> Record {
        match self.reach {
            Reach::Everybody => Record::of_everybody(state, self.entry),
            Reach::Member | Reach::Nobody => Record::new(state, self.number, self.entry),
        }
    }

    /// The content of the page if the search's order began with another resource.
    pub(crate) fn rotated(&self, state: &State, page: &Page, first: u32) -> Vec<u32> {
        let found = self.found(state, &page.record);
        let positions = page.start..page.start + page.indexes.len() as u32;
        positions.map(|position| found.at((position + first) % found.len())).collect()
    }

    fn page_of(&self, record: Record, found: &Found, start: u32) -> Page {
        let end = start.saturating_add(self.count).min(found.len());
        let whole = start == 0 && end == found.len() && self.pairs.get("_after").is_none();
        let full = end - start == self.count;
        // The server notices that a full page is the last one only if the search has `_offset`.
        let last_known = self.pairs.get("_offset").is_some() && end == found.len();
        let id_at = |position: u32| record.id(found.at(position));
        Page {
            indexes: (start..end).map(|position| found.at(position)).collect(),
            total: found.len(),
            number: start / self.count + 1,
            start,
            next_start: (end < found.len()).then_some(end),
            next_after: (full && !whole && !last_known).then(|| id_at(end - 1)),
            prior_after: (start > 0).then(|| {
                match start.checked_sub(self.count.saturating_add(1)) {
                    Some(position) => id_at(position),
                    None => String::new(),
                }
            }),
            last_of_prior: start.checked_sub(1).map(|position| found.at(position)),
            whole,
            record,
        }
    }

    fn found(&self, state: &State, record: &Record) -> Found {
        if self.reach == Reach::Nobody {
            return Found::These { indexes: Vec::new(), sorted: false };
        }
        let shrunk = state.has(Fault::Shrink);
        let is_first_held_back = self.entry.name == "ExplanationOfBenefit"
            && state.has(Fault::ShiftByInsertion)
            && !state.have_moved(self.number);
        let sort = self.pairs.get("_sort").unwrap_or_default();
        let sorted = matches!(sort, "_lastUpdated" | "-_lastUpdated");
        let ids: Vec<&str> = self.pairs.all("_id").flat_map(|value| value.split(',')).collect();
        let filters: Vec<(&str, &str)> = state
            .options
            .like
            .filters()
            .iter()
            .filter_map(|name| Some((*name, self.pairs.get(name)?)))
            .collect();
        let bounded = !self.updated.is_empty() || !self.serviced.is_empty() || !filters.is_empty();
        let is_part = bounded || shrunk || is_first_held_back || record.has_changed();
        if !(sorted || is_part) && ids.is_empty() {
            return Found::Everything(record.len());
        }
        let within = |index: &u32| {
            self.updated.iter().all(|bound| bound.holds(record.last_updated(*index)))
                && self.is_serviced(record, *index)
                && !record.is_withdrawn(*index)
                && (ids.is_empty() || ids.contains(&record.id(*index).as_str()))
                && (filters.is_empty() || has_codes(&record.text(*index), &filters))
                && (!shrunk || is_left(*index))
                && (!is_first_held_back || *index > 0)
        };
        let mut indexes: Vec<u32> = (0..record.len()).filter(within).collect();
        if sorted {
            indexes.sort_by_cached_key(|index| record.last_updated(*index));
            if sort.starts_with('-') {
                indexes.reverse();
            }
        }
        Found::These { indexes, sorted }
    }

    /// Whether some day of service is within the bounds; always true for types without service dates.
    fn is_serviced(&self, record: &Record, index: u32) -> bool {
        let Some((start, end)) = record.serviced(index) else { return true };
        self.serviced.iter().all(|bound| bound.touches(start, end))
    }
}

/// The resources that a search found, in their order.
enum Found {
    /// All resources of the record; their positions are not listed, since there may be many.
    Everything(u32),
    These {
        indexes: Vec<u32>,
        sorted: bool,
    },
}

impl Found {
    fn len(&self) -> u32 {
        match self {
            Found::Everything(count) => *count,
            Found::These { indexes, .. } => indexes.len() as u32,
        }
    }

    fn at(&self, position: u32) -> u32 {
        match self {
            Found::Everything(_) => position,
            Found::These { indexes, .. } => indexes[position as usize],
        }
    }

    /// The position after the resource with this id.
    fn after(&self, record: &Record, id: &str) -> u32 {
        match self {
            Found::Everything(_) => record.after(id),
            Found::These { indexes, sorted: false } => {
                let after = record.after(id);
                indexes.partition_point(|index| *index < after) as u32
            }
            Found::These { indexes, sorted: true } => record
                .find(id)
                .and_then(|index| indexes.iter().position(|found| *found == index))
                .map_or(self.len(), |position| position as u32 + 1),
        }
    }
}

/// Whether the resource has all of these codes in the elements of these names.
fn has_codes(text: &str, filters: &[(&str, &str)]) -> bool {
    fn holds(value: &Value, code: &str) -> bool {
        match value {
            Value::String(text) => text == code,
            Value::Array(values) => values.iter().any(|value| holds(value, code)),
            Value::Object(members) => {
                let of = |name| members.get(name).is_some_and(|value| holds(value, code));
                of("coding") || of("code")
            }
            _ => false,
        }
    }
    let Ok(resource) = serde_json::from_str::<Value>(text) else { return false };
    filters.iter().all(|(name, wanted)| {
        let code = wanted.rsplit('|').next().unwrap_or(wanted);
        holds(&resource[*name], code)
    })
}

/// Whether a resource remains after nine in ten have vanished.
pub(crate) fn is_left(index: u32) -> bool {
    index.is_multiple_of(10)
}

fn invalid(text: &str) -> Box<Response> {
    Box::new(outcome::outcome(StatusCode::BAD_REQUEST, "invalid", text))
}

/// The error of the search engine behind the payer, in its own words.
pub(crate) fn window_too_large(end: u32) -> Box<Response> {
    invalid(&format!(
        "illegal_argument_exception reason: Result window is too large, from + size must be less \
         than or equal to: [10000] but was [{end}]. See the scroll api for a more efficient way \
         to request large data sets."
    ))
}
