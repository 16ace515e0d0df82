//! Integration tests: the real binary, real databases, real protocols. One binary, so that it is
//! linked once.

#[cfg(test)]
mod abridged;
#[cfg(test)]
mod absence;
#[cfg(test)]
mod access_log;
#[cfg(test)]
mod amounts_in_tables;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod backend_patient;
#[cfg(test)]
mod backfill;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod backup_sealed;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod beside;
#[cfg(test)]
mod between_parts;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod bundle_references;
#[cfg(test)]
mod by_reference;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod canary_connect;
#[cfg(test)]
mod canary_day;
#[cfg(test)]
mod cannot_write;
#[cfg(test)]
mod claim_diagnosis;
#[cfg(test)]
mod claim_families;
#[cfg(test)]
mod claims_cases;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod command_examples;
#[cfg(test)]
mod consent_ends;
#[cfg(test)]
mod contact_of_the_past;
#[cfg(test)]
mod contained;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod discovered_endpoint;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod doctor_plans;
#[cfg(test)]
mod embedded_payer;
#[cfg(test)]
mod encrypted;
#[cfg(test)]
mod every_table;
#[cfg(test)]
mod expired_cursor;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod export;
#[cfg(test)]
mod export_deidentified;
#[cfg(test)]
mod export_identifiers;
#[cfg(test)]
mod export_kill;
#[cfg(test)]
mod export_parquet;
#[cfg(test)]
mod export_since;
#[cfg(test)]
mod failing_disk;
#[cfg(test)]
mod failing_vault;
#[cfg(test)]
mod fault_case;
#[cfg(test)]
mod fault_table;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod few_requests;
#[cfg(test)]
mod file_size_limit;
#[cfg(test)]
mod finding_the_way;
#[cfg(test)]
mod first_sync;
#[cfg(test)]
mod foreign_uid;
#[cfg(test)]
mod front_page;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod granted;
#[cfg(test)]
mod history;
#[cfg(test)]
mod import;
#[cfg(test)]
mod import_beside_a_plan;
#[cfg(test)]
mod import_data;
#[cfg(test)]
mod import_odd;
#[cfg(test)]
mod included;
#[cfg(test)]
mod incremental;
#[cfg(test)]
mod issuer;
#[cfg(test)]
mod kept_private;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod kill_connect;
#[cfg(test)]
mod kill_moving;
#[cfg(test)]
mod kill_refresh;
#[cfg(test)]
mod kill_steps;
#[cfg(test)]
mod last_updated;
#[cfg(test)]
mod mart_consents;
#[cfg(test)]
mod mart_persons;
#[cfg(test)]
mod mart_spellings;
mod mart_stays;
#[cfg(test)]
mod mart_values;
#[cfg(test)]
mod marts_kept;
#[cfg(test)]
mod marts_rounds;
#[cfg(test)]
mod marts_together;
#[cfg(test)]
mod medicare_claims;
#[cfg(test)]
mod medicare_number;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod mishaps;
#[cfg(test)]
mod mistyped;
#[cfg(test)]
mod model;
#[cfg(test)]
mod more_marts;
#[cfg(test)]
mod moved_away;
mod moving_pages;
#[cfg(test)]
mod newest_version;
#[cfg(test)]
mod notify;
#[cfg(test)]
mod oauth_dialects;
#[cfg(test)]
mod odd_refresh;
#[cfg(test)]
mod oidc_member;
#[cfg(test)]
mod oidc_provider;
#[cfg(test)]
mod oidc_race;
#[cfg(test)]
mod oidc_signed;
#[cfg(test)]
mod old_warehouses;
#[cfg(test)]
mod older_vault;
#[cfg(test)]
mod one_patient;
#[cfg(test)]
mod own_claims;
#[cfg(test)]
mod own_views;
#[cfg(test)]
mod pages_without_end;
#[cfg(test)]
mod parts_over_nights;
#[cfg(test)]
mod presets;
#[cfg(test)]
mod probe_refused;
#[cfg(test)]
mod proved_for;
#[cfg(test)]
mod purge;
#[cfg(test)]
mod purge_traces;
#[cfg(test)]
mod quarantine;
#[cfg(test)]
mod rebuild;
#[cfg(test)]
mod recipes;
#[cfg(test)]
mod reconciled;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod references;
#[cfg(test)]
mod refresh_in_flight;
#[cfg(test)]
mod repeated_secrets;
#[cfg(test)]
mod report;
#[cfg(test)]
mod request_headers;
#[cfg(test)]
mod required;
#[cfg(test)]
mod schedule_run;
#[cfg(test)]
mod screen;
#[cfg(test)]
mod search_rules;
#[cfg(test)]
mod security_page;
#[cfg(test)]
mod sekmet;
#[cfg(test)]
mod sekmet_data;
#[cfg(test)]
mod several_bases;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod subject;
#[cfg(test)]
mod supply_chain;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod tidy_source;
#[cfg(test)]
mod told_once;
#[cfg(test)]
mod tuva;
#[cfg(test)]
mod unmapped;
#[cfg(test)]
mod unmapped_reasons;
#[cfg(test)]
mod upgrading;
#[cfg(test)]
mod vault_key_command;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod verify_no_room;
#[cfg(test)]
mod views;
#[cfg(test)]
mod views_check;
#[cfg(test)]
mod views_fhirpath;
#[cfg(test)]
mod whose_home;
#[cfg(test)]
mod without_consent;
#[cfg(test)]
mod wrong_member;
