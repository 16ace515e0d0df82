//! Which resources a search finds, and which of them stand on this page.
//!
//! Documented or recorded: ten per page, a hundred at most, ascending ids, a cursor after the last
//! id, `_skip` up to 9990. Assumed: what `_lastUpdated` and `_sort` do at a payer's host. Never
//! computes a resource, only ids and dates.

use super::data::{Member, Shelf, TypeEntry};
use super::fault::Fault;
use super::outcome;
use super::pairs::Pairs;
use super::state::State;
use super::time_range::Bound;
use axum::http::StatusCode;
use axum::response::Response;

/// A search whose parameters have been understood.
pub(super) struct Search {
    pub(super) member: Member,
    pub(super) entry: &'static TypeEntry,
    pub(super) pairs: Pairs,
    pub(super) count: u32,
    bounds: Vec<Bound>,
    skip: u32,
}

/// One page of a search, as positions in its shelf.
pub(super) struct Page {
    pub(super) shelf: Shelf,
    /// Indexes into the shelf.
    pub(super) indexes: Vec<u32>,
    pub(super) total: u32,
    /// Counted from one.
    pub(super) number: u32,
    /// The id after which the next page begins, when there may be one.
    pub(super) next_after: Option<String>,
    /// Where the page before begins: nothing when this is the first, an empty id for page one.
    pub(super) prior_after: Option<String>,
    /// The last resource of the page before.
    pub(super) last_of_prior: Option<u32>,
    /// Whether everything fits this one page, so that there are no links.
    pub(super) whole: bool,
}

const DEFAULT_COUNT: u32 = 10;
const MAXIMUM_COUNT: u32 = 100;
const MAXIMUM_SKIP: u32 = 9990;

impl Search {
    pub(super) fn new(
        state: &State,
        member: Member,
        entry: &'static TypeEntry,
        pairs: Pairs,
    ) -> Result<Search, Box<Response>> {
        let count = match pairs.get("_count").map(str::parse::<u32>) {
            None => DEFAULT_COUNT,
            Some(Ok(count)) if count > 0 => count.min(MAXIMUM_COUNT),
            Some(_) => return Err(invalid("_count must be a number from 1 to 100")),
        };
        let skip = match pairs.get("_skip").map(str::parse::<u32>) {
            None => 0,
            Some(Ok(skip)) if skip <= MAXIMUM_SKIP => skip,
            Some(Ok(skip)) => return Err(window_too_large(skip.saturating_add(count))),
            Some(Err(_)) => return Err(invalid("_skip must be a number")),
        };
        let mut bounds = Vec::new();
        if !state.has(Fault::IgnoresLastUpdated) {
            for value in pairs.all("_lastUpdated") {
                let bound = Bound::parse(value);
                bounds.push(bound.ok_or_else(|| invalid("_lastUpdated is not a date"))?);
            }
        }
        let count = if state.has(Fault::CountIgnored) { 7 } else { count };
        Ok(Search { member, entry, pairs, count, bounds, skip })
    }

    /// The page this search asks for.
    pub(super) fn page(&self, state: &State) -> Page {
        let shelf = Shelf::new(self.member, self.entry);
        let found = self.found(&shelf, state.has(Fault::Shrink));
        let start = match self.pairs.get("_after") {
            Some(id) => found.after(&shelf, id),
            None => self.skip.min(found.len()),
        };
        let end = (start + self.count).min(found.len());
        let whole = start == 0 && end == found.len() && self.pairs.get("_after").is_none();
        let full = end - start == self.count;
        // Only `_offset` makes the server look whether a full page is the last one.
        let last_known = self.pairs.get("_offset").is_some() && end == found.len();
        let id_at = |position: u32| shelf.id(found.at(position));
        Page {
            indexes: (start..end).map(|position| found.at(position)).collect(),
            total: found.len(),
            number: start / self.count + 1,
            next_after: (full && !whole && !last_known).then(|| id_at(end - 1)),
            prior_after: (start > 0).then(|| match start.checked_sub(self.count + 1) {
                Some(position) => id_at(position),
                None => String::new(),
            }),
            last_of_prior: start.checked_sub(1).map(|position| found.at(position)),
            whole,
            shelf,
        }
    }

    fn found(&self, shelf: &Shelf, shrunk: bool) -> Found {
        let sort = self.pairs.get("_sort").unwrap_or_default();
        let sorted = matches!(sort, "_lastUpdated" | "-_lastUpdated");
        let ids: Vec<&str> = self.pairs.all("_id").flat_map(|value| value.split(',')).collect();
        if !sorted && ids.is_empty() && self.bounds.is_empty() && !shrunk {
            return Found::Everything(shelf.len());
        }
        let within = |index: &u32| {
            self.bounds.iter().all(|bound| bound.holds(shelf.last_updated(*index)))
                && (ids.is_empty() || ids.contains(&shelf.id(*index).as_str()))
                && (!shrunk || index.is_multiple_of(10))
        };
        let mut indexes: Vec<u32> = (0..shelf.len()).filter(within).collect();
        if sorted {
            indexes.sort_by_cached_key(|index| shelf.last_updated(*index));
            if sort.starts_with('-') {
                indexes.reverse();
            }
        }
        Found::These { indexes, sorted }
    }
}

/// What a search found, in its order.
enum Found {
    /// All of the shelf, which is not written down: it may be long.
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

    /// The position that follows the resource of that id.
    fn after(&self, shelf: &Shelf, id: &str) -> u32 {
        match self {
            Found::Everything(_) => shelf.after(id),
            Found::These { indexes, sorted: false } => {
                let after = shelf.after(id);
                indexes.partition_point(|index| *index < after) as u32
            }
            Found::These { indexes, sorted: true } => shelf
                .find(id)
                .and_then(|index| indexes.iter().position(|found| *found == index))
                .map_or(self.len(), |position| position as u32 + 1),
        }
    }
}

fn invalid(text: &str) -> Box<Response> {
    Box::new(outcome::outcome(StatusCode::BAD_REQUEST, "invalid", text))
}

/// The answer of the search engine behind the payer, by its own words.
fn window_too_large(end: u32) -> Box<Response> {
    invalid(&format!(
        "illegal_argument_exception reason: Result window is too large, from + size must be less \
         than or equal to: [10000] but was [{end}]. See the scroll api for a more efficient way \
         to request large data sets."
    ))
}
