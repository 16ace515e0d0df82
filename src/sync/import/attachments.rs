//! Attachments of imported files: data that resources carry, and linked files that came as Binary.
//!
//! Nothing is fetched over the network: any other attachment is missing until a file brings it.

use crate::{
    fhir::{difference, unwrapped},
    reference::{Destination, FullUrls, ServerBases},
    sync::attachments::named::{enter_named, missing, too_large},
    warehouse::{
        AttachmentFound, PendingAttachment, WalkCounters, WalkKey, Warehouse, WarehouseError,
        stored_binary, unstored_attachments,
    },
};
use chrono::{DateTime, Utc};

/// The reason for an attachment whose content no imported file holds.
const NOT_IN_FILES: &str = "not_in_files";

/// Stores the attachments of a connection's resources, up to `limit` bytes each. Returns the counters of
/// the walk.
///
/// # Errors
/// An error of the warehouse.
pub(super) async fn store(
    warehouse: &Warehouse,
    connection_id: i64,
    bases: &ServerBases,
    key: &WalkKey,
    limit: usize,
) -> Result<WalkCounters, WarehouseError> {
    let nothing_refused = DateTime::<Utc>::UNIX_EPOCH;
    warehouse.retry_attachments(connection_id, nothing_refused, limit as u64).await?;
    let mut counters = WalkCounters {
        rows_written: enter_named(warehouse, connection_id, limit).await?,
        ..WalkCounters::default()
    };
    let unstored = warehouse.reader().read(|it| unstored_attachments(it, connection_id))?;
    for one in unstored {
        let binary = match binary_id(&one.url, bases) {
            Some(id) => warehouse.reader().read(|it| stored_binary(it, connection_id, &id))?,
            None => None,
        };
        let found = match binary {
            Some(json) => of_binary(&json, &one, limit),
            None if one.is_pending => missing(NOT_IN_FILES),
            None => continue,
        };
        counters = warehouse.enter_attachment(key.clone(), one.row, found, counters).await?;
    }
    Ok(counters)
}

/// The id of the Binary that a URL may name.
fn binary_id(url: &str, bases: &ServerBases) -> Option<String> {
    let no_bundle = FullUrls::default();
    let id = match bases.resolve(url.trim(), &no_bundle) {
        Destination::Here { resource_type: "Binary", id } => Some(id),
        // In a Bundle of a portal, the URN of an entry usually holds its resource's id.
        _ => url.trim().strip_prefix("urn:uuid:"),
    };
    id.map(str::to_owned)
}

fn of_binary(json: &[u8], one: &PendingAttachment, limit: usize) -> AttachmentFound {
    match unwrapped(json) {
        None => missing("not_base64"),
        Some((_, bytes)) if bytes.len() > limit => too_large(limit),
        Some((received_type, bytes)) => {
            let note = difference(&bytes, one.declared_size, one.declared_hash.as_deref());
            AttachmentFound::Stored { bytes, received_type, note }
        }
    }
}
