//! The files that resources link to and the data that they carry, as rows of the table `attachment`.

use crate::{
    fhir::{Attachment, Place, attachments, difference},
    outcome::Reason,
    warehouse::{
        AttachmentFound, NamedAttachment, Warehouse, WarehouseError, attachment_source,
        attachment_sources,
    },
};

/// Adds rows to `attachment`: for each file that new and changed resources of a connection link to, and for
/// the data that they carry.
///
/// `limit` is the most bytes of one attachment. Returns how many rows hold bytes that they did not hold
/// before.
///
/// # Errors
/// An error of the warehouse.
pub(in crate::sync) async fn enter_named(
    warehouse: &Warehouse,
    connection_id: i64,
    limit: usize,
) -> Result<u64, WarehouseError> {
    let mut written = 0;
    let sources = warehouse.reader().read(|it| attachment_sources(it, connection_id))?;
    for rowid in sources {
        let Some(source) = warehouse.reader().read(|it| attachment_source(it, rowid))? else {
            continue;
        };
        let named = attachments(&source.resource_type, &source.json);
        let named = named.into_iter().map(|one| of_resource(one, limit)).collect();
        written += warehouse.enter_named_attachments(connection_id, source, named).await?;
    }
    Ok(written)
}

fn of_resource(one: Attachment, limit: usize) -> NamedAttachment {
    let (url, known) = match one.place {
        Place::Url(url) => (Some(url), None),
        Place::Inline(bytes) if bytes.len() > limit => (None, Some(too_large(limit))),
        Place::Inline(bytes) => {
            let note = difference(&bytes, one.size, one.hash.as_deref());
            (None, Some(AttachmentFound::Stored { bytes, received_type: None, note }))
        }
        Place::Unreadable => (None, Some(missing("not_base64"))),
        Place::Nowhere => (None, Some(missing("no_content"))),
    };
    NamedAttachment {
        position: one.position,
        content_type: one.content_type,
        url,
        declared_hash: one.hash,
        declared_size: one.size,
        known,
    }
}

/// An attachment that is missing for a reason known without a request.
pub(in crate::sync) fn missing(reason: &'static str) -> AttachmentFound {
    AttachmentFound::Missing { reason, http_status: None, limit_bytes: None }
}

/// An attachment of more bytes than `limit`.
pub(in crate::sync) fn too_large(limit: usize) -> AttachmentFound {
    let limit_bytes = Some(limit as u64);
    AttachmentFound::Missing { reason: Reason::TooLarge.as_str(), http_status: None, limit_bytes }
}
