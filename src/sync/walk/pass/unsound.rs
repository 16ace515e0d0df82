//! Why a pass that came to its last page shows nothing of the type, or not all of it.

use super::Pass;
use crate::{
    fhir::{Granted, is_everything},
    outcome::Reason,
    plural,
    sync::{
        decide::asked::withheld,
        walk::ending::{finally, stale_answer},
    },
    warehouse::WalkFinish,
};

/// What a refresh of the token during a pass has made of the consent to its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    /// It covers what it covered when the walk was decided.
    Same,
    /// It no longer covers a type that every plan serves, and the type came all the same. What did not come
    /// may be hidden.
    MayHide,
    /// It covers less of the type, which is a gap.
    Less,
}

impl Pass<'_> {
    /// The end of a pass whose pages are too old, were hidden in part, or are fewer than the server declares
    /// for `$everything`.
    pub(super) fn unsound(&self, consent: Consent) -> Option<WalkFinish> {
        if let Some(age) = self.ages.beyond(self.context.overlap) {
            return Some(stale_answer(age));
        }
        if consent == Consent::Less {
            return Some(self.narrowed());
        }
        self.lacks_some_of_everything()
    }

    /// What the consent covers of the type at the end of the pass.
    pub(super) async fn consent(&self) -> Consent {
        // Of a type that is not held, nothing could be missed.
        let is_held = self.order.listed_before || self.tally.matches > 0;
        match self.context.narrowed_to(&self.order.resource_type).await.filter(|_| is_held) {
            None => Consent::Same,
            // As where the consent covered nothing of it from the start.
            Some(Granted::Nothing | Granted::ReadOnly)
                if self.order.required && self.tally.matches > 0 =>
            {
                Consent::MayHide
            }
            Some(_) => Consent::Less,
        }
    }

    /// The end of a pass during which a refresh of the token granted less of the type.
    fn narrowed(&self) -> WalkFinish {
        let connection = &self.context.connection;
        let detail = "the consent came to cover less of it while its pages were fetched: what did \
                      not come may be hidden";
        let finish = withheld(
            self.context.requested_scope.as_deref(),
            (&connection.name, connection.plan_name()),
            &self.order.resource_type,
            detail,
        );
        WalkFinish { keep_cursor: false, ..finish }
    }

    /// The end of a walk over `$everything` that brought less than the total over all types.
    fn lacks_some_of_everything(&self) -> Option<WalkFinish> {
        if !is_everything(&self.order.start) {
            return None;
        }
        let came = self.context.along.of(&self.order.resource_type)?;
        let (total, entries) = came.shortfall(self.context.strict_totals)?;
        let declared = plural::count(total, "resource");
        let detail =
            format!("the server declares {declared} in $everything, its pages hold {entries}");
        Some(finally(Reason::TotalMismatch, detail))
    }
}
