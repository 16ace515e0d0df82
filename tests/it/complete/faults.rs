//! Every fault that the sandbox knows, through the real binary, in a first run, in a second one, in
//! a full one and in one that resumes a walk: the right exit code, the right ledger row, nothing
//! silently short, no request to another origin, no hang; and once the payer is well again the next
//! run makes everything complete. Each fault in each run is a test of its own.

use crate::{
    complete::fault_case::Case,
    complete::fault_table::{Phase, TABLE, expected},
};
use payersync::sandbox::Fault;

/// Makes a module per fault with a test per run, and the list of them all.
macro_rules! at_fault {
    ($($phases:tt { $($name:ident)* })*) => {
        $($(mod $name {
            at_fault!(@tests $phases $name);
        })*)*

        const TESTED: &[(&str, &[Phase])] = &[$($((stringify!($name), at_fault!(@list $phases))),*),*];
    };
    (@tests [$($test:ident $phase:ident),*] $name:ident) => {
        $(#[test]
        fn $test() {
            super::run(stringify!($name), super::Phase::$phase);
        })*
    };
    (@list [$($test:ident $phase:ident),*]) => {
        &[$(Phase::$phase),*]
    };
}

at_fault! {
    [first First, second Second, full Full, resumed Resumed] {
        always_unauthorized revoked_grant unauthorized_mid_walk forbidden_clinical
        not_found_clinical forbidden_payer_type no_listing listing_by_id_only unreadable_location
        cursor_expired cursor_always_expired cursor_forgotten result_window permanent_400
        permanent_500 canary throttle_seconds throttle_date throttle_bare throttle_forever
        throttle_transient gateway_500 gateway_502 gateway_503 gateway_504 connection_reset
        redirect_foreign_origin partial_206 html_200 outcome_200 empty_200 array_200
        collection_200 cached_page empty_page_with_next shift_by_deletion shift_by_insertion
        shuffled_pages repeated_page repeated_page_once mixed_page short_page_once total_rises
        next_lost text_total end_empty token_circle restamped_circle next_loop next_self
        last_beyond next_elsewhere next_other_type next_password next_foreign_origin next_relative
        next_without_scheme next_long next_case_changed next_upper_case next_uri next_twice
        next_in_header next_object next_ambiguous next_empty next_null next_without_url link_null
        wrong_total extreme_total no_total no_type self_mismatch duplicate_entry
        duplicate_across_pages outcome_entry error_entry include_entry no_last_updated
        extreme_dates bad_date missing_id wrong_type_entry null_entry foreign_subject
        second_patient deep_nesting duplicate_key control_character not_a_number leading_zero
        trailing_comma stray_quote lone_surrogate older_duplicate older_across_pages
        lagging_replica respelt byte_order_mark invalid_utf8 truncated_body short_body slow_body
        stalled_body gzip_bomb gzip_upper_case gzip_alias gzip_unsaid gzip_only_said gzip_members
        gzip_cut brotli many_entries huge_page version_churn date_ahead count_ignored
        lost_refresh_response token_503 token_slow token_html token_down refresh_denied
        refresh_mac no_refresh_token keeps_refresh_token reuse_revokes_grant expires_in_float
        expires_in_string short_tokens narrow_scope refresh_narrows_scope granular_scope
        scope_commas scope_escaped scope_misspelt
    }
    [second Second, full Full, resumed Resumed] {
        merged_record
    }
    [second Second, full Full] {
        substituted_entry short_page shrink ignores_last_updated last_updated_extremes
    }
    [resumed Resumed] {
        cursor_unauthorized cursor_forbidden cursor_throttled cursor_broken cursor_reset
        cursor_html cursor_outcome cursor_empty
    }
}

/// The fault's name on the command line, of its name as a module.
fn on_the_command_line(name: &str) -> String {
    name.replace('_', "-")
}

fn run(name: &str, phase: Phase) {
    let fault: Fault = on_the_command_line(name).parse().unwrap();
    let row = TABLE.iter().find(|row| row.fault == fault).unwrap();
    let mut case = Case::new(expected(row, phase).unwrap(), phase);
    eprintln!("| fault | exit | ledger | requests for claims (all) | tokens | next run |");
    eprintln!("|---|---|---|---|---|---|");
    eprintln!("{}", case.run());
    assert!(case.problems.is_empty(), "{}", case.problems.join("\n"));
}

#[test]
fn every_fault_has_one_row_and_a_test_for_each_run() {
    let page = include_str!("../../../docs/faults.md");
    for fault in Fault::ALL {
        let rows: Vec<_> = TABLE.iter().filter(|row| row.fault == *fault).collect();
        assert_eq!(rows.len(), 1, "{fault}");
        let of_page = page.matches(&format!("\n| {fault} | ")).count();
        assert_eq!(of_page, 1, "{fault} in docs/faults.md");
        let tested: Vec<_> =
            TESTED.iter().filter(|(name, _)| on_the_command_line(name) == fault.name()).collect();
        let [(_, phases)] = tested[..] else { panic!("{fault} is tested as {tested:?}") };
        for phase in [Phase::First, Phase::Second, Phase::Full, Phase::Resumed] {
            assert_eq!(
                phases.contains(&phase),
                expected(rows[0], phase).is_some(),
                "{fault} {phase:?}"
            );
        }
    }
    assert_eq!(TABLE.len(), Fault::ALL.len());
}
