//! What a third party paid for a claim, as version 3 of Medicare's API states it. Pure.

use super::{
    kind::Kind,
    sum::{Level, Sent},
};

/// What a third party paid for a claim, in its totals.
const OF_CLAIM: &str = "CLM_OTHR_TP_PD_AMT";
/// What a third party paid for a line.
const OF_LINE: &str = "CLM_LINE_OTHR_TP_PD_AMT";
/// What others paid for a drug that does not count towards the member's out-of-pocket limit.
const UNCOUNTED: &str = "CLM_LINE_PLRO_AMT";

/// Moves a third party's total to the level at which it counts.
///
/// Its category is that of all earlier payers, but the total has neither what the primary payer paid, which
/// is an adjudication of the claim, nor the other part of a drug's payments, which is on the line. So it
/// must not hide these amounts, and is not compared with them.
pub(super) fn place(sent: &mut [Sent]) {
    let is_total = |it: &Sent| {
        it.place.level == Level::Total && it.kind == Kind::PriorPayerPaid && it.detail == OF_CLAIM
    };
    if !sent.iter().any(is_total) {
        return;
    }
    let is_adjudicated =
        sent.iter().any(|it| it.place.level == Level::Claim && it.kind == Kind::PriorPayerPaid);
    let is_on_a_line = |detail: &str| {
        let mut lines =
            sent.iter().filter(|it| matches!(it.place.level, Level::Item | Level::Added));
        lines.any(|it| it.kind == Kind::PriorPayerPaid && it.detail == detail)
    };
    let level = match (is_adjudicated, is_on_a_line(UNCOUNTED), is_on_a_line(OF_LINE)) {
        (true, _, _) | (false, true, true) => Level::Balance,
        (false, true, false) => Level::Beside,
        (false, false, _) => return,
    };
    sent.iter_mut().filter(|it| is_total(it)).for_each(|it| it.place.level = level);
}
