//! Properties that hold for any family of claims, whatever a payer sends.

use super::*;
use crate::warehouse::tables::marts::lineage::decide::Decision;
use std::collections::BTreeMap;

/// A random generator that repeats itself for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())].clone()
    }
}

/// Two to six claims that share numbers, days, amounts and links at random.
fn family(dice: &mut Dice) -> (Vec<Claim>, Vec<Link>) {
    let count = 2 + dice.roll(5);
    let mut claims = Vec::new();
    let mut links = Vec::new();
    for at in 0..count {
        let paid: Option<i64> = dice.pick(&[
            Some(100),
            Some(100),
            Some(80),
            Some(-100),
            Some(-80),
            Some(-20),
            Some(0),
            None,
        ]);
        let day = format!("{:02}", 1 + dice.roll(3));
        let charged = if dice.one_in(4) { None } else { paid.map(|paid| paid.signum() * 200) };
        let updated = format!("2025-01-{:02}T00:00:00Z", 1 + dice.roll(9));
        let value = dice.pick(&["m", "n", "o"]);
        claims.push(Claim {
            made: Made::of(
                Some(&format!("2025-01-{day}")),
                (!dice.one_in(3)).then_some(updated.as_str()),
            ),
            is_live: !dice.one_in(12),
            is_cancelled: dice.one_in(6),
            numbers: vec![number(NumberKind::Unique, Some("s"), value)],
            paid,
            amounts: paid.unwrap_or(0) + charged.unwrap_or(0),
            is_taken_back: paid.unwrap_or(0) + charged.unwrap_or(0) < 0,
            submitted: charged,
            is_zero: paid == Some(0) && charged == Some(0),
            says_void: dice.one_in(8),
            currency: Some(if dice.one_in(10) { "CAD" } else { "USD" }.to_owned()),
            ..claim(&format!("c{at}"), &day, 0)
        });
        for _ in 0..dice.roll(3) {
            let target = match dice.one_in(3) {
                true => Target::Number {
                    system: Some("s".to_owned()),
                    value: dice.pick(&["m", "n", "o", "gone"]).to_owned(),
                },
                false => Target::Id(format!("c{}", dice.roll(count))),
            };
            let relationship = dice.pick(&["prior", "prior", "replaces", "replacedby", "replaced"]);
            links.push(Link { from: at, relationship: relationship.to_owned(), target });
        }
    }
    (claims, links)
}

/// Two to six bills of one stay or of several; their other fields are random.
fn stays(dice: &mut Dice) -> (Vec<Claim>, Vec<Link>) {
    let (mut claims, links) = family(dice);
    for claim in &mut claims {
        let frequency = dice.pick(&['1', '2', '2', '3', '3', '4', '4', '5', '7', '8', '9', 'F']);
        let first = 1 + dice.roll(4) * 7;
        let last = first + dice.pick(&[0, 6, 6, 13]);
        claim.kind = Some("institutional".to_owned());
        claim.frequency = Some(frequency);
        claim.day = (!dice.one_in(10)).then(|| format!("2025-01-{first:02}"));
        claim.last_day = (!dice.one_in(10)).then(|| format!("2025-01-{last:02}"));
        if !dice.one_in(4) {
            // Cumulative bills begin on the first day of the stay.
            claim.day = Some("2025-01-01".to_owned());
        }
        claim.stay = (!dice.one_in(3)).then(|| dice.pick(&["11 a", "11 b"]).to_owned());
        claim.says_void |= frequency == '8';
        claim.revises = matches!(frequency, '7' | '8' | 'F') || claim.paid.is_some_and(|it| it < 0);
    }
    (claims, links)
}

type Sums<'a> = BTreeMap<&'a str, i64>;

/// For each currency, the sum that stands and the sum that moved, by the rules of `claim_current` and
/// `payment_ledger`.
fn sums<'a>(claims: &'a [Claim], made: &[Decision]) -> (Sums<'a>, Sums<'a>) {
    let (mut stands, mut moved) = (Sums::new(), Sums::new());
    for (claim, decision) in claims.iter().zip(made) {
        let currency = claim.currency.as_deref().unwrap_or_default();
        let paid = claim.paid.filter(|_| claim.is_live).unwrap_or(0);
        if decision.is_current {
            *stands.entry(currency).or_default() += paid;
        }
        if let Some(by) = decision.carried_by {
            assert!(made[by].is_current, "what carries does not stand");
            *stands.entry(claims[by].currency.as_deref().unwrap_or_default()).or_default() += paid;
        }
        let is_paired = decision.reverses.is_some() || decision.reversed_by.is_some();
        if decision.is_current || decision.carried_by.is_some() || is_paired {
            *moved.entry(currency).or_default() += paid;
        }
    }
    let drop_zeroes = |sums: Sums<'a>| sums.into_iter().filter(|(_, sum)| *sum != 0).collect();
    (drop_zeroes(stands), drop_zeroes(moved))
}

type Kind = fn(&mut Dice) -> (Vec<Claim>, Vec<Link>);

/// Pairs each seed with each kind of family.
fn seeds(count: u64) -> impl Iterator<Item = (u64, Kind)> {
    (0..count).flat_map(|seed| [(seed, family as Kind), (seed, stays as Kind)])
}

#[test]
fn what_stands_is_what_moved_whatever_a_payer_sends() {
    for (seed, kind) in seeds(5_000) {
        let (claims, links) = kind(&mut Dice(seed));
        let Decisions { claims: made, lineage } = decide(&claims, &links);
        let told = || format!("seed {seed}: {claims:#?}\n{links:#?}\n{made:#?}");
        let (stands, moved) = sums(&claims, &made);
        assert_eq!(stands, moved, "{}", told());
        for (at, decision) in made.iter().enumerate() {
            let is_over = decision.is_void || decision.reversed_by.is_some();
            assert!(!(decision.is_current && is_over), "{at} stands, {}", told());
            let carries = lineage
                .iter()
                .any(|pair| pair.newer == at && made[pair.older].carried_by.is_some());
            let is_alone = decision.is_difference && decision.is_current && !carries;
            assert!(!is_alone, "{at} changes nothing that stands, {}", told());
            if let Some(payment) = decision.reverses {
                assert_eq!(made[payment].reversed_by, Some(at), "{}", told());
                assert_eq!(claims[payment].paid, claims[at].paid.map(|paid| -paid), "{}", told());
                assert_eq!(claims[payment].currency, claims[at].currency, "{}", told());
            }
        }
    }
}

#[test]
fn the_order_of_arrival_decides_nothing() {
    for (seed, kind) in seeds(2_000) {
        let (claims, links) = kind(&mut Dice(seed));
        let made = decide(&claims, &links).claims;
        let last = claims.len() - 1;
        let turned: Vec<Claim> = claims.iter().rev().cloned().collect();
        let turned_links: Vec<Link> = links
            .iter()
            .rev()
            .map(|link| Link { from: last - link.from, ..link.clone() })
            .collect();
        let back = |at: Option<usize>| at.map(|at| last - at);
        let again: Vec<Decision> = decide(&turned, &turned_links)
            .claims
            .into_iter()
            .rev()
            .map(|decision| Decision {
                first: last - decision.first,
                replaced_by: back(decision.replaced_by),
                reverses: back(decision.reverses),
                reversed_by: back(decision.reversed_by),
                carried_by: back(decision.carried_by),
                ..decision
            })
            .collect();
        assert_eq!(again, made, "seed {seed}: {claims:#?}\n{links:#?}");
    }
}
