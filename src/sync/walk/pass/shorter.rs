//! Whether a first page without links or a total is the last one.

use super::Pass;
use crate::{
    fhir::{FetchError, LonePage, Next, OFFSETS, Page},
    outcome::Reason,
    sync::walk::ending::{interrupted, request_limit, unavailable},
    warehouse::WalkFinish,
};
use url::Url;

/// Statuses by which servers refuse a parameter that they do not know.
const REFUSALS: [u16; 7] = [400, 403, 404, 405, 422, 500, 501];

impl Pass<'_> {
    /// Whether a first page without links or a total is surely the last one; an error is the end of a walk
    /// that could not find out.
    ///
    /// If the server links a shorter page, it does link pages, so this page is the last one. The page is also
    /// the last one if a search from its last resource on brings that resource alone, or if the server sends
    /// the same page whatever it is asked for. Nothing of the answers is stored: all of it has come already,
    /// or comes by date.
    pub(super) async fn is_last(&mut self, lone: LonePage) -> Result<bool, Box<WalkFinish>> {
        let shorter = self.probe(lone.for_one_fewer()).await?;
        if shorter.as_ref().is_ok_and(|page| matches!(page.bundle.next, Next::Links(_))) {
            return Ok(true);
        }
        let mut is_deaf =
            !lone.is_as_long_as_asked() && shorter.is_ok_and(|answer| lone.is_repeated_by(&answer));
        for offset in OFFSETS {
            let answer = self.probe(lone.from_its_last(offset)).await?;
            if answer.as_ref().is_ok_and(|answer| lone.is_ended_by(answer)) {
                return Ok(true);
            }
            is_deaf &= match answer {
                Ok(answer) => lone.is_repeated_by(&answer),
                // A gateway may refuse whatever comes: the plan has not said what it makes of the search.
                Err(refusal) => !refusal.is_blocked(),
            };
        }
        Ok(is_deaf)
    }

    /// The answer to a search; an inner error if the plan refuses its parameters.
    async fn probe(&mut self, url: Url) -> Result<Result<Page, FetchError>, Box<WalkFinish>> {
        if !self.context.allowance.take() {
            return Err(Box::new(request_limit()));
        }
        let mut request = self.ask(url);
        let arrived = tokio::select! {
            arrived = request.arrived() => arrived,
            () = self.context.stop.asked() => return Err(Box::new(interrupted())),
        };
        let Ok((result, effort)) = arrived else {
            let detail = "the request ended unexpectedly".to_owned();
            return Err(Box::new(WalkFinish::incomplete(Reason::Bug, detail)));
        };
        self.counters.add_effort(&effort.into());
        match result {
            Ok(page) => Ok(Ok(page)),
            Err(error) if error.status().is_some_and(|status| REFUSALS.contains(&status)) => {
                Ok(Err(error))
            }
            Err(error) => Err(Box::new(unavailable(&error, &self.context.connection))),
        }
    }
}
