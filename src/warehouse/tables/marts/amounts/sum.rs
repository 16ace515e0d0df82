//! Adds up the amounts of one claim. Pure.

use super::kind::{Kind, NET, is_of_a_prior_payer};
use std::cmp::Ordering;

/// Where in a claim an amount is stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// In `total` of the claim.
    Total,
    /// In `adjudication` of the claim.
    Claim,
    /// On a line or a part of a line.
    Item,
    /// On a line that the payer added, or a part of such a line.
    Added,
    /// On the line that states the total of the other lines.
    TotalLine,
    /// In a balance of benefits that Medicare states for the claim.
    Balance,
    /// In `total` of the claim, but a part that no line states: it is added to the lines.
    Beside,
    /// In `payment` of the claim.
    Payment,
}

impl Level {
    /// The name of the level in the temporary tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Level::Total => "total",
            Level::Claim => "claim",
            Level::Item => "item",
            Level::Added => "added",
            Level::TotalLine => "total line",
            Level::Balance => "balance",
            Level::Beside => "beside",
            Level::Payment => "payment",
        }
    }
}

/// Where an amount is stated: the level, and the positions of the line and the detail.
///
/// The depth is 1 for the claim or line itself, 2 for a detail, more for a sub-detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) level: Level,
    pub(super) line: i64,
    pub(super) part: i64,
    pub(super) depth: i64,
}

/// An amount as it was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) place: Place,
    pub(super) kind: Kind,
    /// The rank of the amount's code among the codes of its kind; the lowest rank wins.
    pub(super) preference: i64,
    /// Medicare's code for the amount, which says more than the category. Amounts of one category with
    /// different details do not add up.
    pub(super) detail: String,
    /// The amount's position in the list of amounts.
    pub(super) position: i64,
    pub(super) amount: f64,
    pub(super) currency: Option<String>,
}

/// The alphabetically first and last currency; two different ones if currencies are mixed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Currency<'a>(pub(super) Option<&'a str>, pub(super) Option<&'a str>);

impl<'a> Currency<'a> {
    pub(super) fn and(self, other: Currency<'a>) -> Currency<'a> {
        let lowest = self.0.into_iter().chain(other.0).min();
        Currency(lowest, self.1.into_iter().chain(other.1).max())
    }

    /// Whether there are two currencies.
    pub(super) fn is_mixed(self) -> bool {
        self.0 != self.1
    }
}

/// The amount that counts for one kind at one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stated<'a> {
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) amount: f64,
    pub(super) is_net: bool,
    currency: Currency<'a>,
}

/// The amount of one kind at one level; for a line, of the line as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount<'a> {
    pub(super) level: Level,
    pub(super) line: i64,
    pub(super) kind: Kind,
    pub(super) amount: f64,
    pub(super) currency: Currency<'a>,
}

/// The amount of one kind over the whole claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted<'a> {
    pub(super) kind: Kind,
    pub(super) total: Option<f64>,
    pub(super) adjudicated: Option<f64>,
    /// The amount that the header states.
    pub(super) header: Option<f64>,
    /// The sum of the lines.
    pub(super) lines: Option<f64>,
    pub(super) currency: Currency<'a>,
}

impl Counted<'_> {
    /// The amount that counts.
    pub(super) fn amount(&self) -> Option<f64> {
        self.header.or(self.lines)
    }
}

/// The sums of a claim's amounts.
#[derive(Debug, Default)]
pub(super) struct Sums<'a> {
    /// In the order of places; filled only for claims with amounts on parts of lines.
    pub(super) stated: Vec<Stated<'a>>,
    /// In the order of lines: first the claim's own lines, then those that the payer added.
    pub(super) lines: Vec<Amount<'a>>,
    /// In the order of kinds.
    pub(super) claim: Vec<Counted<'a>>,
}

/// A running sum as in SQLite: rounding errors are kept separately (Kahan, Babuška).
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    sum: f64,
    error: f64,
    is_any: bool,
}

impl Total {
    fn add(&mut self, amount: f64) {
        let sum = self.sum + amount;
        self.error += match self.sum.abs() > amount.abs() {
            true => (self.sum - sum) + amount,
            false => (amount - sum) + self.sum,
        };
        (self.sum, self.is_any) = (sum, true);
    }

    fn get(self) -> Option<f64> {
        self.is_any.then_some(self.sum + self.error)
    }
}

/// The sum, with rounding errors kept separately; `None` if there are no amounts.
pub(super) fn add_up(amounts: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut total = Total::default();
    amounts.into_iter().for_each(|amount| total.add(amount));
    total.get()
}

/// Rounds to six decimal places, since sums of doubles get digits that nobody sent.
pub(super) fn round(amount: f64) -> f64 {
    // From a billion on, a double has no seventh decimal place to round away.
    if amount.abs() < 1e9 { (amount * 1e6).round() / 1e6 + 0.0 } else { amount }
}

/// Adds up the amounts of a claim; `is_total` tells whether a line is the total of the others.
pub(super) fn sum(sent: &[Sent], is_total: impl Fn(i64) -> bool) -> Sums<'_> {
    let stated = stated(sent);
    let amounts = amounts(&stated, is_total);
    let lines = amounts.iter().filter(|it| matches!(it.level, Level::Item | Level::Added));
    let lines = lines.copied().collect();
    let has_parts = stated.iter().any(|it| it.place.depth > 1);
    Sums { claim: counted(amounts), lines, stated: if has_parts { stated } else { Vec::new() } }
}

/// The key of an amount: amounts with the same key add up.
fn code_of(sent: &Sent) -> (Place, Kind, i64, &str) {
    let detail = match is_of_a_prior_payer(&sent.detail) {
        true => "a prior payer",
        false => &sent.detail,
    };
    (sent.place, sent.kind, sent.preference, detail)
}

/// For each kind at each place, the amount under the preferred code.
fn stated(sent: &[Sent]) -> Vec<Stated<'_>> {
    let mut sent: Vec<&Sent> = sent.iter().collect();
    sent.sort_by(|one, other| code_of(one).cmp(&code_of(other)));
    let mut stated: Vec<(Stated<'_>, (i64, i64))> = Vec::new();
    for alike in sent.chunk_by(|one, other| code_of(one) == code_of(other)) {
        let [first, ..] = alike else { continue };
        let rank = (first.preference, alike.iter().map(|it| it.position).min().unwrap_or(0));
        let next = Stated {
            place: first.place,
            kind: first.kind,
            amount: add_up(alike.iter().map(|it| it.amount)).unwrap_or_default(),
            is_net: first.preference == NET,
            currency: alike.iter().fold(Currency::default(), |all, it| {
                all.and(Currency(it.currency.as_deref(), it.currency.as_deref()))
            }),
        };
        match stated.last_mut() {
            Some((known, known_rank)) if (known.place, known.kind) == (next.place, next.kind) => {
                if rank < *known_rank {
                    (*known, *known_rank) = (next, rank);
                }
            }
            _ => stated.push((next, rank)),
        }
    }
    stated.into_iter().map(|(stated, _)| stated).collect()
}

/// For each kind, the amount of each of the header's lists and of each line.
fn amounts<'a>(stated: &[Stated<'a>], is_total: impl Fn(i64) -> bool) -> Vec<Amount<'a>> {
    let key = |it: &Stated<'_>| (it.place.level, it.place.line, it.kind);
    let mut stated: Vec<&Stated<'a>> = stated.iter().collect();
    // The sort is stable, so the parts of a line stay in their order.
    stated.sort_by_key(|it| key(it));
    let amounts = stated.chunk_by(|one, other| key(one) == key(other)).filter_map(|alike| {
        let first = alike.first()?;
        let own = alike.iter().find(|it| it.place.depth == 1).map(|it| it.amount);
        let part = |of: &[&Stated<'a>]| {
            let own = of.iter().find(|it| it.place.depth == 2).map(|it| it.amount);
            own.or_else(|| add_up(of.iter().map(|it| it.amount)))
        };
        let amount = own.or_else(|| {
            let parts = alike.chunk_by(|one, other| one.place.part == other.place.part);
            add_up(parts.filter_map(part))
        })?;
        let (level, line) = (first.place.level, first.place.line);
        let is_total = level == Level::Item && is_total(line);
        Some(Amount {
            level: if is_total { Level::TotalLine } else { level },
            line,
            kind: first.kind,
            amount: round(amount),
            currency: alike.iter().fold(Currency::default(), |all, it| all.and(it.currency)),
        })
    });
    amounts.collect()
}

/// For each kind, the amount of the claim.
fn counted(mut amounts: Vec<Amount<'_>>) -> Vec<Counted<'_>> {
    amounts.sort_by_key(|it| it.kind);
    let claim = amounts.chunk_by(|one, other| one.kind == other.kind).filter_map(|alike| {
        let kind = alike.first()?.kind;
        let at = |levels: &[Level]| {
            let found = alike.iter().filter(|it| levels.contains(&it.level));
            add_up(found.map(|it| it.amount))
        };
        let (total, adjudicated) = (at(&[Level::Total]), at(&[Level::Claim]));
        // A total line has a zero for each kind that it does not sum up, so it counts for charges alone.
        let total_line = || {
            let lines = alike.iter().filter(|it| it.level == Level::TotalLine);
            let most = lines
                .map(|it| it.amount)
                .max_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
            most.filter(|_| matches!(kind, Kind::Submitted | Kind::Noncovered))
        };
        let lines = at(&[Level::Item, Level::Added, Level::Beside]).map(round);
        // Where lines state an amount, Medicare's balance is the sum of it.
        let balance = || at(&[Level::Balance]).filter(|_| lines.is_none());
        Some(Counted {
            kind,
            total,
            adjudicated,
            header: total.or(adjudicated).or_else(total_line).or_else(balance),
            lines,
            currency: alike.iter().fold(Currency::default(), |all, it| all.and(it.currency)),
        })
    });
    claim.collect()
}
