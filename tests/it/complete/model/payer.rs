//! How the payer of the model answers: its habits, its moods, and its log of what was asked.

use super::{
    dice::Dice,
    world::{Row, TYPES, World},
};
use chrono::{DateTime, Utc};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// How a payer leads from page to page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paging {
    /// By position.
    Offset,
    /// By the last id; in the order of ids.
    After,
    /// By a token that stands for a list of ids made with the first page.
    Token,
}

/// What a payer answers to the read of a resource that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    Answer(u16),
    /// Every read is answered so, also that of a resource that is there.
    Refused(u16),
}

/// What a payer always does with a type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    pub(super) paging: Paging,
    /// Of offsets: the order of ids, of changes (latest first or last), or none.
    order: u8,
    pub(super) totals: bool,
    pub(super) honours_last_updated: bool,
    reads: Reads,
}

impl Habits {
    fn new(dice: &mut Dice) -> Habits {
        let paging = dice.pick(&[Paging::Offset, Paging::Offset, Paging::After, Paging::Token]);
        let reads = dice.pick(&[
            Reads::Answer(404),
            Reads::Answer(404),
            Reads::Answer(410),
            Reads::Refused(404),
            Reads::Refused(403),
        ]);
        Habits {
            paging,
            order: dice.roll(4) as u8,
            // Where reads are refused, only totals show that a list left something out.
            totals: !dice.one_in(4) || matches!(reads, Reads::Refused(_)),
            honours_last_updated: !dice.one_in(4),
            reads,
        }
    }

    /// Whether deletions between two pages would shift rows unseen: nothing shows them.
    pub(super) fn hides_deletions(&self) -> bool {
        self.paging == Paging::Offset && !self.totals
    }
}

/// What a payer does in one night.
#[derive(Debug, Clone, Default)]
pub(super) struct Mood {
    /// Something changes before one in so many requests; 0: never.
    pub(super) moves: usize,
    /// Each request is answered in another order.
    pub(super) shuffles: bool,
    /// Once per type a page is repeated, blank, short or without its link.
    pub(super) odd_pages: bool,
    /// Some requests are answered by a replica that is behind.
    pub(super) lags: bool,
    /// One request in so many fails; 0: none.
    pub(super) trouble: usize,
    /// Resources of each type that lists damage.
    pub(super) damaged: usize,
}

/// A list that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) is_first: bool,
    pub(super) is_filtered: bool,
}

/// What was asked, with the versions of all types then.
#[derive(Debug, Clone)]
pub(super) struct Logged {
    pub(super) what: String,
    pub(super) listed: Option<Listed>,
    pub(super) versions: BTreeMap<&'static str, usize>,
}

pub(super) struct Payer {
    pub(super) origin: String,
    pub(super) world: World,
    pub(super) habits: BTreeMap<&'static str, Habits>,
    pub(super) mood: Mood,
    /// What was asked in this run.
    pub(super) log: Vec<Logged>,
    pub(super) served: BTreeSet<(String, String, Arc<str>)>,
    /// Ids whose entries were damaged this night.
    pub(super) damaged: BTreeMap<&'static str, BTreeSet<String>>,
    /// Types that have had their odd page.
    odd: BTreeSet<String>,
    tokens: Vec<Vec<String>>,
    pub(super) dice: Dice,
}

/// A page to be sent.
struct Page {
    rows: Vec<Row>,
    total: usize,
    next: Option<String>,
}

/// A search, as asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Search {
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) before: Option<DateTime<Utc>>,
    /// The same of the resource's own date.
    pub(super) recorded_since: Option<DateTime<Utc>>,
    pub(super) recorded_before: Option<DateTime<Utc>>,
    pub(super) count: usize,
    pub(super) place: Option<String>,
    /// What the next link repeats.
    pub(super) filter: String,
}

impl Payer {
    pub(super) fn new(seed: u64, origin: String) -> Payer {
        let mut dice = Dice::new(seed);
        Payer {
            origin,
            world: World::new(seed),
            habits: TYPES.map(|name| (name, Habits::new(&mut dice))).into(),
            mood: Mood::default(),
            log: Vec::new(),
            served: BTreeSet::new(),
            damaged: BTreeMap::new(),
            odd: BTreeSet::new(),
            tokens: Vec::new(),
            dice,
        }
    }

    /// A new night.
    pub(super) fn turn_to(&mut self, mood: Mood) {
        self.odd.clear();
        self.damaged.clear();
        for name in &TYPES[1..] {
            let rows = self.world.present(name);
            let ids = (0..mood.damaged).map(|_| rows[self.dice.roll(rows.len())].id.clone());
            self.damaged.insert(name, ids.collect());
        }
        self.mood = mood;
    }

    /// The present versions of all types.
    pub(super) fn versions(&self) -> BTreeMap<&'static str, usize> {
        TYPES.map(|name| (name, self.world.version(name))).into()
    }

    /// A request arrives: time has passed, and the world may have moved.
    pub(super) fn arrive(&mut self, what: String, listed: Option<Listed>) {
        self.world.now += chrono::Duration::milliseconds(1300);
        if self.mood.moves > 0 && self.dice.one_in(self.mood.moves) {
            for _ in 0..=self.dice.roll(3) {
                let name = self.dice.pick(&TYPES);
                let keeps = TYPES.iter().any(|name| self.habits[name].hides_deletions());
                self.world.change(name, keeps);
                self.world.now += chrono::Duration::milliseconds(1700);
            }
        }
        let versions = self.versions();
        self.log.push(Logged { what, listed, versions });
    }

    /// The answer to a read: status and body.
    pub(super) fn read(&mut self, name: &str, id: &str) -> (u16, Vec<u8>) {
        let habits = self.habits[name];
        if let Reads::Refused(status) = habits.reads {
            return (status, Vec::new());
        }
        if self.mood.trouble > 0 && self.dice.one_in(self.mood.trouble) {
            return (self.dice.pick(&[400, 500, 503, 429]), Vec::new());
        }
        let find = |rows: &[Row]| rows.iter().find(|row| row.id == id).cloned();
        let mut found = find(&self.world.present(name));
        if self.mood.lags && self.dice.one_in(2) {
            let version = self.world.earlier(name);
            found = find(&self.world.rows(name, version)).or(found);
        }
        match (found, habits.reads) {
            (Some(row), _) => {
                self.served.insert((name.to_owned(), row.id, Arc::clone(&row.json)));
                (200, row.json.as_bytes().to_vec())
            }
            (None, Reads::Answer(status) | Reads::Refused(status)) => (status, Vec::new()),
        }
    }

    /// The answer to a search: status and body.
    pub(super) fn search(&mut self, name: &str, search: &Search) -> (u16, Vec<u8>) {
        let mut page = self.page(name, search);
        let total = self.habits[name].totals.then_some(page.total);
        if self.mood.odd_pages
            && self.habits[name].totals
            && self.dice.one_in(4)
            && self.odd.insert(name.to_owned())
        {
            match self.dice.roll(4) {
                0 => {
                    let before = Search { place: None, ..search.clone() };
                    page.rows = self.page(name, &before).rows;
                }
                1 => page.rows.clear(),
                2 => page.rows.truncate(page.rows.len() / 2),
                _ => page.next = None,
            }
        }
        let place = search.place.as_ref().map(|place| format!("&_place={place}"));
        let own = format!(
            "{}/r4/{name}?_count={}{}{}",
            self.origin,
            search.count,
            place.unwrap_or_default(),
            search.filter
        );
        let body = self.bundle(name, &page, total, &own);
        if self.mood.trouble > 0 && self.dice.one_in(self.mood.trouble) {
            return match self.dice.roll(6) {
                0 => (self.dice.pick(&[400, 401, 403, 429, 500, 502]), Vec::new()),
                1 => (200, body[..body.len() / 2].to_vec()),
                2 => (200, br#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"exception"}]}"#.to_vec()),
                3 => (410, Vec::new()),
                4 => (500, Vec::new()),
                _ => (200, b"<html>please log in</html>".to_vec()),
            };
        }
        for row in &page.rows {
            self.served.insert((name.to_owned(), row.id.clone(), Arc::clone(&row.json)));
        }
        (200, body)
    }

    fn page(&mut self, name: &str, search: &Search) -> Page {
        let habits = self.habits[name];
        let is_behind = self.mood.lags && self.dice.one_in(3);
        let version = if is_behind { self.world.earlier(name) } else { self.world.version(name) };
        let since = search.since.filter(|_| habits.honours_last_updated);
        let mut rows = self.world.rows(name, version).to_vec();
        let before = search.before.filter(|_| habits.honours_last_updated);
        rows.retain(|row| since.is_none_or(|since| row.updated >= since));
        rows.retain(|row| before.is_none_or(|before| row.updated < before));
        if habits.honours_last_updated {
            rows.retain(|row| search.recorded_since.is_none_or(|since| row.recorded() >= since));
            rows.retain(|row| search.recorded_before.is_none_or(|day| row.recorded() < day));
        }
        match (habits.paging, habits.order) {
            (Paging::After, _) | (_, 0) => rows.sort_by(|one, other| one.id.cmp(&other.id)),
            (_, 1) => rows.sort_by_key(|row| Reverse(row.updated)),
            (_, 2) => rows.sort_by_key(|row| row.updated),
            _ => {}
        }
        if self.mood.shuffles && habits.paging == Paging::Offset && habits.totals {
            self.dice.shuffle(&mut rows);
        }
        let count = search.count;
        let link = |place: String| {
            format!("{}/r4/{name}?_count={count}&_place={place}{}", self.origin, search.filter)
        };
        match habits.paging {
            Paging::Offset => {
                let from: usize = search.place.as_deref().unwrap_or("0").parse().unwrap();
                let total = rows.len();
                let next = (from + count < total).then(|| link((from + count).to_string()));
                Page { rows: rows.into_iter().skip(from).take(count).collect(), total, next }
            }
            Paging::After => {
                let total = rows.len();
                let after = search.place.clone().unwrap_or_default();
                rows.retain(|row| row.id > after);
                let has_more = rows.len() > count;
                rows.truncate(count);
                let last = rows.last().filter(|_| has_more);
                let next = last.map(|row| link(row.id.clone()));
                Page { rows, total, next }
            }
            Paging::Token => {
                let place = search.place.clone().unwrap_or_else(|| {
                    self.tokens.push(rows.iter().map(|row| row.id.clone()).collect());
                    format!("{}-0", self.tokens.len() - 1)
                });
                let (token, from) = place.split_once('-').unwrap();
                let (token, from): (usize, usize) = (token.parse().unwrap(), from.parse().unwrap());
                let ids = &self.tokens[token];
                let next =
                    (from + count < ids.len()).then(|| link(format!("{token}-{}", from + count)));
                let listed = ids.iter().skip(from).take(count);
                let all = self.world.rows(name, version);
                let find = |id: &String| all.iter().find(|row| row.id == *id).cloned();
                Page { rows: listed.filter_map(find).collect(), total: ids.len(), next }
            }
        }
    }

    fn bundle(&mut self, name: &str, page: &Page, total: Option<usize>, own: &str) -> Vec<u8> {
        let mut body = b"{\"resourceType\":\"Bundle\",\"type\":\"searchset\"".to_vec();
        if let Some(total) = total {
            body.extend(format!(",\"total\":{total}").bytes());
        }
        body.extend(format!(",\"link\":[{{\"relation\":\"self\",\"url\":\"{own}\"}}").bytes());
        if let Some(next) = &page.next {
            body.extend(format!(",{{\"relation\":\"next\",\"url\":\"{next}\"}}").bytes());
        }
        body.extend(b"],\"entry\":[");
        for (position, row) in page.rows.iter().enumerate() {
            if position > 0 {
                body.push(b',');
            }
            let is_damaged = self.damaged.get(name).is_some_and(|ids| ids.contains(&row.id));
            match is_damaged.then(|| row.id.len() + row.id.as_bytes()[0] as usize) {
                None => body.extend(format!("{{\"resource\":{}}}", row.json).bytes()),
                // Nobody can tell one entry without a resource from another.
                Some(number) if self.mood.shuffles => {
                    body.extend(damage(name, &row.json, 2 + number % 2));
                }
                Some(number) => body.extend(damage(name, &row.json, number % 4)),
            }
        }
        body.extend(b"]}");
        body
    }
}

/// An entry that cannot be taken in.
fn damage(name: &str, json: &str, how: usize) -> Vec<u8> {
    let resource = match how {
        0 => return b"null".to_vec(),
        1 => return b"{\"resource\":null}".to_vec(),
        2 => json.replacen(name, "Conditon", 1).into_bytes(),
        _ => {
            let (start, end) = json.split_at(json.len() - 1);
            [start.as_bytes(), b",\"language\":\"\xff\xfe\"", end.as_bytes()].concat()
        }
    };
    [b"{\"resource\":".as_slice(), &resource, b"}"].concat()
}
