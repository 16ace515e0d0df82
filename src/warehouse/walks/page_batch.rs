//! Pages that wait at the same time share a transaction; each is committed whole, with its cursor.
//!
//! A commit writes every page of the database file that it touched, and any FHIR page of claims touches
//! database pages of forty tables. If anything fails, the whole batch is rolled back and each FHIR page is
//! stored alone, so that only the faulty one fails.

use super::{page::PageWrite, page_writer::write_page, page_written::PageWritten};
use crate::warehouse::{
    error::{Doing, WarehouseError},
    tables::table::Catalog,
};
use rusqlite::Connection;
use std::{
    panic::{self, AssertUnwindSafe},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Bytes of page bodies after which a transaction takes no further page.
const MOST_BYTES: usize = 4 << 20;
/// How long a transaction accepts pages, which is how long another process waits for its turn.
const LONGEST: Duration = Duration::from_millis(500);
/// How long to wait for a further page, as long as no walk waits for a page of the batch.
const LINGER: Duration = Duration::from_millis(25);

/// Returns the next page, if it arrives within a time.
pub(super) type Next<'n> = &'n mut dyn FnMut(Duration) -> Option<Waiting>;

/// A page, and the channel for the answer to the walk that waits for it.
pub(super) struct Waiting {
    pub(super) page: PageWrite,
    pub(super) answer: oneshot::Sender<Result<PageWritten, WarehouseError>>,
}

/// Why a batch was not stored; `None` if a page panicked.
type Failure = Option<WarehouseError>;

/// Stores a page, and the pages that wait after it.
pub(super) fn store(
    connection: &mut Connection,
    catalog: &Catalog,
    first: Waiting,
    next: Next<'_>,
) {
    let mut batch = vec![first];
    let stored = together(connection, catalog, &mut batch, next);
    match stored {
        Ok(written) => {
            for (waiting, written) in batch.into_iter().zip(written) {
                // The receiver is gone if the run was cancelled; the page is stored all the same.
                let _ = waiting.answer.send(Ok(written));
            }
        }
        Err(_) if batch.len() > 1 => {
            for waiting in batch {
                store(connection, catalog, waiting, &mut |_| None);
            }
        }
        Err(failure) => {
            if let Some(Waiting { page, answer }) = batch.pop() {
                page.sums.break_off();
                // After a panic no answer is sent, so that the waiting walk panics in turn.
                if let Some(error) = failure {
                    let _ = answer.send(Err(error));
                }
            }
        }
    }
}

/// Stores as many waiting pages as fit in one transaction.
fn together(
    connection: &mut Connection,
    catalog: &Catalog,
    batch: &mut Vec<Waiting>,
    next: Next<'_>,
) -> Result<Vec<PageWritten>, Failure> {
    let begun = connection.transaction().doing("cannot begin to store a page");
    let transaction = begun.map_err(Some)?;
    let (start, mut bytes, mut linger) = (Instant::now(), 0, LINGER);
    let (mut written, mut marks) = (Vec::new(), Vec::new());
    let mut end = Ok(());
    while let Some(Waiting { page, .. }) = batch.get(written.len()) {
        marks.push(page.sums.mark());
        // A panic must fail only the page that caused it.
        let write = AssertUnwindSafe(|| write_page(&transaction, catalog, page));
        match panic::catch_unwind(write) {
            Ok(Ok(one)) => {
                page.sums.move_behind(&one);
                written.push(one);
            }
            Ok(Err(error)) => end = Err(Some(error)),
            Err(_) => end = Err(None),
        }
        bytes += page.body.len();
        if end.is_err() || bytes >= MOST_BYTES || start.elapsed() >= LONGEST {
            break;
        }
        if !page.goes_ahead {
            linger = Duration::ZERO;
        }
        batch.extend(next(linger));
    }
    let end = end.and_then(|()| transaction.commit().doing("cannot commit a page").map_err(Some));
    if end.is_err() {
        for (waiting, mark) in batch.iter().zip(marks).rev() {
            waiting.page.sums.go_back(mark);
        }
    }
    end.map(|()| written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        outcome::WalkKind,
        warehouse::{
            Chain, ChangedResource, NewConsent, PageCount, RowBatch, Sums, Tally, WalkCounters,
            WalkKey, WalkStart, WarehouseFile,
            file::open::open_to_write,
            walks::{connections, ledger, run_ledger, seen},
        },
    };
    use chrono::{DateTime, Utc};
    use std::{
        collections::VecDeque,
        path::Path,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    type Answer = oneshot::Receiver<Result<PageWritten, WarehouseError>>;

    struct Home {
        _folder: tempfile::TempDir,
        connection: Connection,
        member: i64,
        run: i64,
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_770_000_000, 0).unwrap()
    }

    fn home() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("warehouse.db");
        let mut connection = open_to_write(&WarehouseFile::in_clear(Path::new(&path))).unwrap();
        seen::create_temporary_tables(&connection).unwrap();
        let consent = NewConsent {
            uid: "u".into(),
            name: "ann".into(),
            plan: "plan".into(),
            member: None,
            scope: None,
            patient_id: None,
            ends_at: None,
        };
        let member = connections::consent(&mut connection, &consent, None, now()).unwrap().id;
        let run = run_ledger::start_run(&mut connection, "sync", now()).unwrap();
        Home { _folder: folder, connection, member, run }
    }

    impl Home {
        fn walk(&mut self, resource_type: &str) -> (WalkKey, Chain) {
            let start = WalkStart {
                run_id: self.run,
                connection_id: self.member,
                resource_type: resource_type.to_owned(),
                kind: WalkKind::Full,
                first_url: None,
                since: None,
                window: None,
                resumes: None,
                proved_for: None,
            };
            let (key, _) = ledger::start_walk(&mut self.connection, &start, now()).unwrap();
            (key, Chain::new(WalkCounters::default(), Tally::default()))
        }

        /// Stores pages like the writer does if all of them wait at the same time.
        fn store(&mut self, pages: Vec<PageWrite>) -> Vec<Answer> {
            let catalog = Catalog::default();
            let (mut waiting, mut answers) = (VecDeque::new(), Vec::new());
            for page in pages {
                let (answer, answered) = oneshot::channel();
                waiting.push_back(Waiting { page, answer });
                answers.push(answered);
            }
            while let Some(first) = waiting.pop_front() {
                store(&mut self.connection, &catalog, first, &mut |_| waiting.pop_front());
            }
            answers
        }

        fn ask(&self, sql: &str) -> Vec<String> {
            let mut statement = self.connection.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        }
    }

    fn page(walk: &(WalkKey, Chain), resource: &str) -> PageWrite {
        let (key, chain) = walk;
        let found = crate::fingerprint::fingerprint(resource.as_bytes()).unwrap();
        let id = found.id.unwrap();
        PageWrite {
            walk: key.clone(),
            round: None,
            file: None,
            page: 1,
            url: String::new(),
            self_left_out: None,
            body: resource.to_owned().into(),
            next_url: Some(format!("behind {id}")),
            changed: vec![ChangedResource {
                resource_type: found.resource_type,
                resource_id: id,
                version_id: None,
                last_updated: None,
                content_hash: found.content_hash,
                json: 0..resource.len(),
                bundle_references: None,
                rows: Vec::new(),
                view_error: None,
                is_superseded: false,
            }],
            unchanged: Vec::new(),
            rejects: Vec::new(),
            notes_along: false,
            rows: RowBatch::default(),
            answered: Vec::new(),
            sums: Sums::After(chain.clone(), PageCount { matches: 1, ..PageCount::default() }),
            now: now(),
            goes_ahead: true,
            _memory: Vec::new(),
        }
    }

    fn goal(id: &str) -> String {
        format!(r#"{{"resourceType":"Goal","id":"{id}"}}"#)
    }

    #[test]
    fn pages_that_wait_are_stored_together_and_add_up_in_their_order() {
        let mut home = home();
        let goals = home.walk("Goal");
        let pages = ["a", "b", "c"].map(|id| page(&goals, &goal(id)));
        let commits = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&commits);
        let hook = move || count.fetch_add(1, Ordering::Relaxed) > 1_000;
        home.connection.commit_hook(Some(hook)).unwrap();
        let answers = home.store(pages.into());
        assert_eq!(commits.load(Ordering::Relaxed), 1);
        for (at, mut answer) in (1..).zip(answers) {
            let written = answer.try_recv().unwrap().unwrap();
            assert_eq!((written.tally.distinct, written.counters.pages), (at, at));
        }
        assert_eq!(home.ask("SELECT resource_id FROM resource"), ["a", "b", "c"]);
        assert_eq!(home.ask("SELECT next_url FROM walk_cursor"), ["behind c"]);
    }

    #[test]
    fn a_page_that_fails_ends_its_walk_and_no_other() {
        let mut home = home();
        home.connection
            .execute_batch(
                "CREATE TRIGGER refuse BEFORE INSERT ON resource WHEN new.resource_id = 'bad'
                 BEGIN SELECT RAISE(ABORT, 'no'); END",
            )
            .unwrap();
        let (goals, plans) = (home.walk("Goal"), home.walk("CarePlan"));
        let plan = r#"{"resourceType":"CarePlan","id":"p"}"#;
        let pages = vec![
            page(&goals, &goal("a")),
            page(&goals, &goal("bad")),
            page(&plans, plan),
            page(&goals, &goal("c")),
        ];
        let mut answers = home.store(pages);
        let mut is_stored = |at: usize| answers[at].try_recv().unwrap().is_ok();
        assert_eq!([0, 1, 2, 3].map(&mut is_stored), [true, false, true, false]);
        assert_eq!(home.ask("SELECT resource_id FROM resource ORDER BY 1"), ["a", "p"]);
        let cursors = "SELECT next_url FROM walk_cursor ORDER BY 1";
        assert_eq!(home.ask(cursors), ["behind a", "behind p"]);
        // A later page of the same chain is not stored either.
        let mut late = home.store(vec![page(&goals, &goal("d"))]);
        assert!(late[0].try_recv().unwrap().is_err());
        assert_eq!(home.ask(cursors), ["behind a", "behind p"]);
    }

    #[test]
    fn a_page_that_panics_is_not_answered_and_leaves_nothing() {
        let mut home = home();
        let (goals, others) = (home.walk("Goal"), home.walk("CarePlan"));
        let mut torn = page(&goals, &goal("torn"));
        torn.changed[0].json = 0..1_000;
        let plan = r#"{"resourceType":"CarePlan","id":"p"}"#;
        let mut answers = home.store(vec![page(&others, plan), torn]);
        assert!(answers[0].try_recv().unwrap().is_ok());
        assert_eq!(answers[1].try_recv().unwrap_err(), oneshot::error::TryRecvError::Closed);
        assert_eq!(home.ask("SELECT resource_id FROM resource"), ["p"]);
    }

    #[test]
    fn what_comes_along_does_not_replace_what_its_own_walk_stored_meanwhile() {
        let mut home = home();
        let (goals, plans) = (home.walk("Goal"), home.walk("CarePlan"));
        let whole = r#"{"resourceType":"Goal","id":"g","description":{"text":"walk"}}"#;
        home.store(vec![page(&goals, whole), page(&plans, &goal("g"))]);
        assert_eq!(home.ask("SELECT json FROM resource"), [whole]);
        assert!(home.ask("SELECT json FROM resource_version").is_empty());
    }

    #[test]
    fn an_abridged_copy_of_what_had_only_come_along_does_not_replace_what_came_whole_meanwhile() {
        let subsetted =
            r#"{"resourceType":"Goal","id":"g","meta":{"tag":[{"code":"SUBSETTED"}]},"note":1}"#;
        let included = r#"{"resourceType":"Goal","id":"g","startDate":"2026"}"#;
        for (walk, later) in [("CarePlan", included), ("CarePlan", subsetted), ("Goal", subsetted)]
        {
            let mut home = home();
            let (goals, plans) = (home.walk("Goal"), home.walk("CarePlan"));
            home.store(vec![page(&plans, &goal("g"))]);
            // Both pages are unpacked before either is stored, while only a copy that came along is
            // stored.
            let whole = r#"{"resourceType":"Goal","id":"g","description":{"text":"walk"}}"#;
            let other = home.walk(walk);
            home.store(vec![page(&goals, whole), page(&other, later)]);
            assert_eq!(home.ask("SELECT json FROM resource"), [whole], "{walk}: {later}");
            assert_eq!(home.ask("SELECT json FROM resource_version"), [goal("g")]);
        }
        // The resource from its type's own walk, which comes later, replaces the stored copy.
        let mut home = home();
        let (goals, plans) = (home.walk("Goal"), home.walk("CarePlan"));
        home.store(vec![page(&plans, &goal("g")), page(&goals, included)]);
        assert_eq!(home.ask("SELECT json FROM resource"), [included]);
    }
}
