//! Plans that answer the read of a resource that they do not know by an error.

use super::absence::{condition, live, serve, synced};
use crate::support::Faulty;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Cigna answers so for what it does not know, and so does a plan that is ill.
#[test]
fn an_error_in_place_of_a_resource_leaves_the_word_to_two_walks_if_other_reads_work() {
    let Some(faulty) = Faulty::build() else { return };
    let day = 24 * 3600;
    // How many reads of a night are answered at all, and what is left after each of two nights.
    for (status, answered, left) in [
        (500, usize::MAX, [29, 25]),
        (400, usize::MAX, [29, 25]),
        (500, 0, [30, 30]),
        (500, 1, [30, 30]),
    ] {
        let (payer, home) = synced(30);
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reads);
        payer.play(move |asked| {
            let all: Vec<String> = (5..30).map(condition).collect();
            let Some(id) = &asked.id else { return serve(asked, &all) };
            let is_ill = counted.fetch_add(1, Ordering::SeqCst) >= answered;
            // c4 is the neighbour behind them: the plan says what became of it.
            match is_ill || ["c0", "c1", "c2", "c3"].contains(&id.as_str()) {
                true => (status, String::new()),
                false => serve(asked, &all),
            }
        });
        for (night, left) in left.into_iter().enumerate() {
            reads.store(0, Ordering::SeqCst);
            let clock = night as i64 * 3 * day;
            payer.set_clock(clock);
            let synced = faulty.run_at(&home, &["sync", "--full"], clock);
            assert_eq!(synced.code, 0, "{status} {answered}: {}", synced.stderr);
            assert_eq!(live(&home), left, "{status} {answered}, night {night}");
        }
        let proofs =
            "SELECT coalesce(proof, state), count(*) FROM absent_resource GROUP BY 1 ORDER BY 1";
        let expected = match answered {
            usize::MAX => vec![["read", "1"], ["two_walks", "4"]],
            _ => vec![["pending", "5"]],
        };
        assert_eq!(home.rows(proofs), expected, "{status} {answered}");
    }
}

/// The plan lists only some years, and has the others by their ids.
#[test]
fn a_shrink_that_reads_refute_is_accepted_once_and_alarms_again_after_a_list_of_all() {
    let (payer, home) = synced(20);
    let lists = |count: usize| {
        payer.play(move |asked| {
            let shown = if asked.id.is_some() { 20 } else { count };
            serve(asked, &(0..shown).map(condition).collect::<Vec<_>>())
        });
    };
    for (night, (listed, accepts, code)) in
        [(12, false, 2), (12, true, 0), (12, false, 0), (20, false, 0), (12, false, 2)]
            .into_iter()
            .enumerate()
    {
        lists(listed);
        payer.asked();
        let more: &[&str] = if accepts { &["--accept-shrink"] } else { &[] };
        let ended = home.run(&[&["sync", "--full"], more].concat());
        assert_eq!(ended.code, code, "{listed} {accepts}: {}", ended.stderr);
        assert_eq!(live(&home), 20, "{listed} {accepts}");
        if night == 2 {
            // Reads have brought the others before, so their reads do not show that the pages moved.
            let pages = payer.asked().iter().filter(|asked| asked.id.is_none()).count();
            assert_eq!(pages, 2, "one walk");
        }
    }
    home.succeed(&["verify"], "refuted absences");
}
