//! What we know of FHIR R4: searches, Bundles, pages, capabilities, outcomes.
//!
//! This module asks `auth` for tokens and `http` for answers. It knows nothing of tables, cursors or runs.

mod attachment;
mod bundle;
mod capability;
mod client;
#[cfg(test)]
mod client_tests;
mod date_parameter;
mod document;
mod effort;
mod error;
#[cfg(test)]
mod extremes_tests;
mod first;
mod last_link;
mod lenient;
mod lone_page;
mod next_link;
mod other_members;
mod outcome;
mod pager;
mod raw_bundle;
mod reading;
mod reference;
mod relation;
mod required;
mod resource_type;
mod scope;
mod search;
mod search_rule;
mod search_rules;
mod self_link;
mod subject;

pub use crate::{
    instant::instant,
    r4::{is_r4_type, similar_r4_type},
};
pub use attachment::{
    ATTACHMENT_TYPES, Attachment, HASH_DIFFERS, NotFetched, Place, attachment_url, attachments,
    difference, is_hash_of, is_no_file, is_of_type, unwrapped,
};
pub use bundle::{Bundle, BundleError, Entry, SearchMode};
pub use capability::{Capability, fhir_version};
pub use client::{FhirClient, Page};
pub use date_parameter::date_parameters;
pub use document::{Document, DocumentError, is_whole_object, type_of};
pub(crate) use effort::Effort;
pub use error::FetchError;
pub use lone_page::{LonePage, OFFSETS};
pub use next_link::{Next, UnusableNext};
pub use outcome::Outcome;
pub use pager::{LastPage, Pager, PagingError};
pub use reference::{
    Referenced, each_reference, fits_a_list, on_this_server, read_url, search_by_id,
};
pub use required::RequiredTypes;
pub use resource_type::{
    RESOURCE_TYPES, ResourceType, find as resource_type, is_about_a_member, is_read_by_reference,
    other_patient_parameter, patient_parameter,
};
pub use scope::{Granted, granted, names_part_of, unreadable_scopes};
pub use search::{changed_since, on_days, type_search, without_count};
pub use search_rule::{
    SearchQuery, SearchRule, SearchRuleError, for_patient, is_everything, needs_patient,
};
pub use search_rules::SearchRules;
pub use self_link::{left_out_of_self_link, patient_of_self_link};
pub use subject::{Identifier, Subjects, identifiers, linked_patients, subjects};
