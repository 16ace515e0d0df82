//! Judges whether the pages of a walk stood still while it went through them. Pure.
//!
//! Servers that page by position shift their pages when a row comes or goes, some repeat a page or
//! cut one short, and a link can get lost. The numbers of resources on the pages and the declared totals
//! show most of that. A walk in doubt is made again, until two agree; the oddity is then the server's habit.

use crate::{
    outcome::Reason,
    plural,
    warehouse::{Agreement, Tally, Totals},
};

/// The observations of a walk that came to its last page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) tally: &'a Tally,
    /// Pages of the walk, with those of earlier runs.
    pub(crate) pages: u64,
    /// Whether earlier walks have shown that the server's totals can be trusted.
    pub(crate) totals: Totals,
    /// Whether a total that does not add up always makes the walk incomplete.
    pub(crate) strict_totals: bool,
    /// Whether earlier runs fetched some of the pages.
    pub(super) is_resumed: bool,
    /// The agreement of this walk with the one before it; none if there was no such walk.
    pub(super) agreement: Agreement,
    /// Whether this walk brought the same resources as each of the two walks before it, or as the walk of an
    /// earlier run.
    pub(super) agrees_with_both: bool,
    /// Whether every resource came as it is stored.
    pub(crate) is_unchanged: bool,
    /// Whether the full walk before this one brought more resources, and the server declares more, too.
    pub(super) is_less_than_before: bool,
}

/// The judgement on a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The walk is complete.
    Settled {
        /// Whether the walk has shown that the server's totals can be trusted.
        totals: Option<Totals>,
        /// What is odd about the walk, if anything.
        warning: Option<String>,
    },
    /// The pages may have moved, for the reason given.
    Doubtful(String),
    /// Something is missing that another walk would miss, too.
    Short(Reason, String),
}

/// Judges a walk that came to its last page.
pub(crate) fn judge(shown: Shown<'_>) -> Judgement {
    let tally = shown.tally;
    let gap = tally.total_gap().unwrap_or(0);
    // Some servers count a resource twice if they send it twice. A server that sends one resource in place of
    // another seems to do the same, and only a second walk can tell, if at all. So the total is compared with
    // the number of different resources.
    let adds_up = gap == 0;
    let warning = (!adds_up).then(|| total_differs(tally));
    let is_full = Some(tally.latest_page) >= tally.first_page;
    let link_lost = shown.pages > 1 && gap > 0 && (is_full || tally.denies_total);
    let decides = shown.strict_totals || link_lost || shown.totals == Totals::Trusted;
    // A total that is wrong by habit still shows a lost link, if the walk before found more.
    let is_asked = shown.totals == Totals::Unknown || shown.is_less_than_before;
    let is_odd = !adds_up && (decides || is_asked);
    let doubt = if tally.repeats() > 0 {
        Some(format!("{} came on two pages", plural::count(tally.repeats(), "resource")))
    } else if tally.nameless_again {
        Some("an entry without a resource came on two pages".to_owned())
    } else if tally.total_changed {
        Some("the total that the server declares changed from page to page".to_owned())
    } else if is_odd {
        warning.clone()
    } else if tally.changed_meanwhile() {
        Some("resources changed after the walk had begun".to_owned())
    } else if shown.is_resumed && tally.declared_total.is_none() {
        Some("the walk went on from an earlier run, and the server declares no total".to_owned())
    } else {
        None
    };
    let Some(doubt) = doubt else {
        let totals = match tally.declared_total {
            // A total that was wrong in two passes may be right now by chance.
            Some(total) if adds_up && total > 0 && shown.totals != Totals::Untrusted => {
                Some(Totals::Trusted)
            }
            _ => None,
        };
        return Judgement::Settled { totals, warning };
    };
    // A total that changes from page to page may be an estimate, or it comes from servers behind one address
    // that hold different rows. Such servers can err alike twice, and more often where resources came twice.
    // So it takes three walks that agree to know an estimate.
    let is_estimate = shown.totals == Totals::Untrusted || shown.agrees_with_both;
    let agrees = shown.agreement.resources
        && match tally.total_changed {
            true => tally.repeats() == 0 && is_estimate,
            false => shown.agreement.total,
        };
    // If two passes agree and the second brought no change, they show everything that the server held between
    // them.
    if !agrees || tally.changed_meanwhile() && !shown.is_unchanged {
        return Judgement::Doubtful(doubt);
    }
    // A repeated page came in place of another page, whose content is missing, whether or not a total shows
    // it.
    if tally.repeated_page && tally.total_gap().is_none_or(|gap| gap > 0) {
        return match tally.declared_total {
            Some(_) => Judgement::Short(Reason::TotalMismatch, total_differs(tally)),
            None => Judgement::Short(Reason::PagesMoved, repeated_page()),
        };
    }
    // If two walks brought more than is declared, the total is wrong: capped or late.
    let is_short = gap > 0 || shown.strict_totals;
    if !adds_up && decides && is_short {
        return Judgement::Short(Reason::TotalMismatch, total_differs(tally));
    }
    let totals = (!adds_up || tally.total_changed).then_some(Totals::Untrusted);
    Judgement::Settled { totals, warning }
}

fn repeated_page() -> String {
    "more than half of a page had come before, twice in a row".to_owned()
}

fn total_differs(tally: &Tally) -> String {
    let came = tally.distinct + tally.rejected;
    let total = tally.declared_total.unwrap_or_default();
    format!("the server declares {}, its pages hold {came}", plural::count(total, "resource"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGREED: Agreement = Agreement { resources: true, total: true };

    /// Pages with these numbers of entries, all different but for `repeats`, with the totals declared.
    fn tally(pages: &[u64], repeats: u64, totals: &[Option<u64>]) -> Tally {
        let mut tally = Tally::default();
        for (position, entries) in pages.iter().enumerate() {
            tally.add_page(*entries, *entries, 0, totals.get(position).copied().flatten());
        }
        tally.distinct = tally.matches - repeats;
        tally
    }

    fn shown(tally: &Tally, pages: usize) -> Shown<'_> {
        Shown {
            tally,
            pages: pages as u64,
            totals: Totals::Unknown,
            strict_totals: false,
            is_resumed: false,
            agreement: Agreement::default(),
            agrees_with_both: false,
            is_unchanged: false,
            is_less_than_before: false,
        }
    }

    #[test]
    fn pages_that_add_up_are_settled_and_show_that_totals_can_be_trusted() {
        let calm = tally(&[10, 10, 5], 0, &[Some(25); 3]);
        let settled = Judgement::Settled { totals: Some(Totals::Trusted), warning: None };
        assert_eq!(judge(shown(&calm, 3)), settled);
        let silent = tally(&[10, 10, 5], 0, &[]);
        let settled = Judgement::Settled { totals: None, warning: None };
        assert_eq!(judge(shown(&silent, 3)), settled);
    }

    #[test]
    fn a_repeat_a_changed_total_a_total_that_differs_and_a_resumed_walk_are_doubtful() {
        let doubtful = |tally: &Tally, resumed: bool| {
            let judged = judge(Shown { is_resumed: resumed, ..shown(tally, 3) });
            assert!(matches!(judged, Judgement::Doubtful(_)), "{judged:?}");
        };
        doubtful(&tally(&[10, 10, 5], 1, &[]), false);
        doubtful(&tally(&[10, 10, 5], 1, &[Some(25); 3]), false);
        doubtful(&tally(&[10, 10, 5], 0, &[Some(24), Some(25), Some(25)]), false);
        doubtful(&tally(&[10, 10, 5], 0, &[Some(26); 3]), false);
        doubtful(&tally(&[10, 10, 5], 0, &[]), true);
    }

    #[test]
    fn what_changed_after_the_walk_had_begun_is_settled_by_a_walk_that_brings_no_change() {
        let late = Tally { brought_early: true, brought_late: true, ..tally(&[10, 5], 0, &[]) };
        let other = Agreement::default();
        for (agreement, is_unchanged) in [(other, false), (AGREED, false), (other, true)] {
            let judged = judge(Shown { agreement, is_unchanged, ..shown(&late, 2) });
            assert!(matches!(judged, Judgement::Doubtful(_)), "{judged:?}");
        }
        let judged = judge(Shown { agreement: AGREED, is_unchanged: true, ..shown(&late, 2) });
        assert!(matches!(judged, Judgement::Settled { .. }), "{judged:?}");
        let stamped = Tally { brought_early: false, ..late };
        assert!(matches!(judge(shown(&stamped, 2)), Judgement::Settled { .. }));
    }

    #[test]
    fn two_walks_that_agree_settle_a_habit_and_the_total_is_not_asked_again() {
        let habit = tally(&[50], 0, &[Some(109)]);
        let agreed = judge(Shown { agreement: AGREED, ..shown(&habit, 1) });
        let Judgement::Settled { totals, warning } = agreed else { panic!("{agreed:?}") };
        assert_eq!(totals, Some(Totals::Untrusted));
        assert!(warning.unwrap().contains("109"));
        let less =
            Shown { totals: Totals::Untrusted, is_less_than_before: true, ..shown(&habit, 1) };
        assert!(matches!(judge(less), Judgement::Doubtful(_)));
        let agreed = judge(Shown { agreement: AGREED, ..less });
        assert!(matches!(agreed, Judgement::Settled { warning: Some(_), .. }), "{agreed:?}");
        let later = judge(Shown { totals: Totals::Untrusted, ..shown(&habit, 1) });
        assert!(matches!(later, Judgement::Settled { warning: Some(_), .. }), "{later:?}");
    }

    #[test]
    fn another_total_is_no_agreement_unless_it_is_an_estimate() {
        let agreement = Agreement { resources: true, total: false };
        let short = tally(&[10, 10], 0, &[Some(21); 2]);
        let judged = judge(Shown { agreement, ..shown(&short, 2) });
        assert!(matches!(judged, Judgement::Doubtful(_)), "{judged:?}");
        let guessed = tally(&[10, 10], 0, &[Some(21), Some(19)]);
        let second = Shown { agreement, ..shown(&guessed, 2) };
        assert!(matches!(judge(second), Judgement::Doubtful(_)), "two servers may err alike");
        let Judgement::Settled { totals, .. } = judge(Shown { agrees_with_both: true, ..second })
        else {
            panic!("three that agree")
        };
        assert_eq!(totals, Some(Totals::Untrusted));
        let known = Shown { totals: Totals::Untrusted, ..second };
        assert!(matches!(judge(known), Judgement::Settled { .. }), "it is known to estimate");
        let two_replicas = tally(&[10, 10], 1, &[Some(21), Some(20)]);
        let judged =
            judge(Shown { agreement: AGREED, agrees_with_both: true, ..shown(&two_replicas, 2) });
        assert!(matches!(judged, Judgement::Doubtful(_)), "{judged:?}");
    }

    #[test]
    fn a_total_that_was_right_before_or_is_strict_decides_and_so_does_a_full_last_page() {
        let short = tally(&[10, 10, 5], 0, &[Some(30); 3]);
        for totals in [Totals::Trusted, Totals::Unknown] {
            let strict_totals = totals == Totals::Unknown;
            let judged =
                judge(Shown { totals, strict_totals, agreement: AGREED, ..shown(&short, 3) });
            assert!(matches!(judged, Judgement::Short(Reason::TotalMismatch, _)), "{judged:?}");
        }
        let cut = tally(&[10, 10], 0, &[Some(45); 2]);
        let judged = judge(Shown { agreement: AGREED, ..shown(&cut, 2) });
        assert!(matches!(judged, Judgement::Short(Reason::TotalMismatch, _)), "{judged:?}");
    }

    #[test]
    fn a_page_with_the_content_of_another_hides_its_own_however_often_it_comes() {
        // The total counts entries, as a server may do that sends some resources twice.
        let repeated = Tally { repeated_page: true, ..tally(&[10, 10, 10, 5], 10, &[Some(35); 4]) };
        let judged = judge(Shown { agreement: AGREED, ..shown(&repeated, 4) });
        assert!(matches!(judged, Judgement::Short(Reason::TotalMismatch, _)), "{judged:?}");
        let silent = Tally { repeated_page: true, ..tally(&[10, 10, 10, 5], 10, &[]) };
        let judged = judge(Shown { agreement: AGREED, ..shown(&silent, 4) });
        assert!(matches!(judged, Judgement::Short(Reason::PagesMoved, _)), "{judged:?}");
        let all = Tally { repeated_page: true, ..tally(&[10, 10, 10, 5], 10, &[Some(25); 4]) };
        let judged = judge(Shown { agreement: AGREED, ..shown(&all, 4) });
        assert!(matches!(judged, Judgement::Settled { .. }), "{judged:?}");
    }

    #[test]
    fn a_total_below_what_came_hides_nothing_and_is_not_trusted_any_more() {
        let capped = tally(&[20, 20, 11], 0, &[Some(48); 3]);
        let trusted = Shown { totals: Totals::Trusted, ..shown(&capped, 3) };
        assert!(matches!(judge(trusted), Judgement::Doubtful(_)));
        let twice = Shown { agreement: AGREED, ..trusted };
        let Judgement::Settled { totals, warning: Some(_) } = judge(twice) else { panic!() };
        assert_eq!(totals, Some(Totals::Untrusted));
        let strict = judge(Shown { strict_totals: true, ..twice });
        assert!(matches!(strict, Judgement::Short(Reason::TotalMismatch, _)), "{strict:?}");
        let by_chance = tally(&[20, 20, 8], 0, &[Some(48); 3]);
        let judged = judge(Shown { totals: Totals::Untrusted, ..shown(&by_chance, 3) });
        assert_eq!(judged, Judgement::Settled { totals: None, warning: None });
    }

    #[test]
    fn rejects_count_as_come() {
        let mut rejected = Tally::default();
        rejected.add_page(10, 9, 1, Some(10));
        rejected.distinct = 9;
        assert!(matches!(judge(shown(&rejected, 1)), Judgement::Settled { warning: None, .. }));
    }

    #[test]
    fn a_total_of_entries_with_repeats_on_a_page_is_a_habit_only_after_a_second_walk() {
        let mut repeated = Tally::default();
        repeated.add_page(10, 9, 0, Some(10));
        repeated.distinct = 9;
        let judged = judge(shown(&repeated, 1));
        assert!(matches!(judged, Judgement::Doubtful(_)), "{judged:?}");
        let judged = judge(Shown { agreement: AGREED, ..shown(&repeated, 1) });
        let Judgement::Settled { totals, warning: Some(_) } = judged else { panic!("{judged:?}") };
        assert_eq!(totals, Some(Totals::Untrusted));
        for (strict_totals, totals) in [(true, Totals::Unknown), (false, Totals::Trusted)] {
            let judged =
                judge(Shown { strict_totals, totals, agreement: AGREED, ..shown(&repeated, 1) });
            assert!(matches!(judged, Judgement::Short(Reason::TotalMismatch, _)), "{judged:?}");
        }
    }

    #[test]
    fn an_empty_page_that_denies_the_total_is_a_lost_link_where_resources_are_missing() {
        for last in [None, Some(0), Some(30)] {
            let lost = tally(&[10, 10, 0], 0, &[Some(45), Some(45), last]);
            let judged = judge(Shown { agreement: AGREED, ..shown(&lost, 3) });
            assert!(matches!(judged, Judgement::Short(Reason::TotalMismatch, _)), "{judged:?}");
            let whole = tally(&[10, 10, 0], 0, &[Some(20), Some(20), last.map(|_| 0)]);
            assert!(matches!(judge(shown(&whole, 3)), Judgement::Settled { warning: None, .. }));
        }
        // The empty page declares the same total as the other pages: the total is wrong by habit.
        let habit = tally(&[10, 10, 0], 0, &[Some(45); 3]);
        let judged = judge(Shown { agreement: AGREED, ..shown(&habit, 3) });
        assert!(matches!(judged, Judgement::Settled { warning: Some(_), .. }), "{judged:?}");
    }
}
