//! Compares the ledger with what is stored: walks, cursors, watermarks, rejects, references.
//!
//! A walk counts some rejects among the resources it saw (a resource about another patient) and others not
//! (an entry without a resource), and a reject that comes again keeps its row. So sums that include rejects
//! are only checked within bounds, and all others exactly.

use super::{checked::Checked, count::number};
use crate::warehouse::error::WarehouseError;
use rusqlite::Connection;

/// SQL that counts errors, with the description if the count is not zero.
const WRONG: [(&str, &str); 20] = [
    (
        "SELECT count(*) FROM sync_walk WHERE state = 'complete'
           AND resources_seen - resources_new - resources_changed - resources_unchanged
             - resources_older NOT BETWEEN 0 AND resources_rejected",
        "complete walks saw another number of resources than they took in and rejected",
    ),
    (
        "SELECT count(*) FROM sync_walk WHERE state = 'complete' AND failed_page IS NOT NULL",
        "complete walks name a failed page",
    ),
    (
        "SELECT count(*) FROM sync_walk WHERE state = 'complete' AND finished_at IS NULL",
        "complete walks have no end",
    ),
    (
        "SELECT count(*) FROM connection c WHERE
           (SELECT count(*) FROM resource r WHERE r.connection_id = c.id) <>
           (SELECT coalesce(sum(resources_new), 0) FROM sync_walk w WHERE w.connection_id = c.id)",
        "connections store another number of resources than their walks brought",
    ),
    (
        "SELECT count(*) FROM connection c WHERE
           (SELECT count(*) FROM resource r
              WHERE r.connection_id = c.id AND r.deleted_at IS NOT NULL) >
           (SELECT coalesce(sum(resources_deleted), 0) FROM sync_walk w
              WHERE w.connection_id = c.id)",
        "connections have more deleted resources than their walks deleted",
    ),
    (
        // Every change and every deletion keeps a version until versions are pruned. So does an older
        // version that comes, on a page of its own or as a repeat. If a deleted resource comes back, that
        // is a change without a version to keep.
        "SELECT count(*) FROM connection c WHERE
           (SELECT count(*) FROM resource_version v WHERE v.connection_id = c.id) >
           (SELECT coalesce(sum(resources_deleted + resources_changed + resources_older
              + duplicates), 0) FROM sync_walk w WHERE w.connection_id = c.id)",
        "connections have more history than their walks made",
    ),
    (
        // A change keeps a version unless the resource was deleted before, in which case the deletion
        // kept one. So there is a version for every change, and for every resource that is deleted now.
        "SELECT count(*) FROM connection c WHERE NOT EXISTS (SELECT 1 FROM version_horizon) AND
           (SELECT count(*) FROM resource_version v WHERE v.connection_id = c.id) <
           (SELECT max(coalesce(sum(resources_deleted), 0), coalesce(sum(resources_changed), 0) +
              (SELECT count(*) FROM resource r
                 WHERE r.connection_id = c.id AND r.deleted_at IS NOT NULL))
            FROM sync_walk w WHERE w.connection_id = c.id)",
        "connections have less history than their walks made, and nothing was pruned",
    ),
    (
        "SELECT count(*) FROM resource_version v WHERE NOT EXISTS (
           SELECT 1 FROM resource r WHERE r.connection_id = v.connection_id
             AND r.resource_type = v.resource_type AND r.resource_id = v.resource_id)",
        "superseded versions belong to no stored resource",
    ),
    (
        // If a definition rejects a stored resource, the reject has page 0, and no walk counts it.
        "SELECT count(*) FROM connection c WHERE
           (SELECT count(*) FROM rejected_resource j
              WHERE j.connection_id = c.id AND j.page > 0) >
           (SELECT coalesce(sum(resources_rejected), 0) FROM sync_walk w
              WHERE w.connection_id = c.id)",
        "connections have more rejects than their walks rejected",
    ),
    (
        // Rejects are settled and never deleted.
        "SELECT count(*) FROM connection c WHERE rejects_entered <>
           (SELECT count(*) FROM rejected_resource j WHERE j.connection_id = c.id)",
        "connections have another number of rejects than were entered",
    ),
    (
        "SELECT count(*) FROM connection c WHERE
           NOT EXISTS (SELECT 1 FROM rejected_resource j WHERE j.connection_id = c.id) AND
           EXISTS (SELECT 1 FROM sync_walk w
              WHERE w.connection_id = c.id AND w.resources_rejected > 0)",
        "connections have no reject though their walks rejected something",
    ),
    (
        "SELECT count(*) FROM walk_cursor k LEFT JOIN sync_walk w ON w.id = k.walk_id
           AND w.connection_id = k.connection_id AND w.resource_type = k.resource_type
         WHERE w.id IS NULL",
        "cursors point at a walk that does not exist",
    ),
    (
        "SELECT count(*) FROM walk_cursor k JOIN sync_walk w ON w.id = k.walk_id
         WHERE w.state = 'complete'",
        "cursors point at a walk that is complete",
    ),
    (
        // A last page leaves the cursor that led to it in place until the walk is judged.
        "SELECT count(*) FROM walk_cursor k JOIN sync_walk w ON w.id = k.walk_id
         WHERE w.pages_before + w.pages - k.pages NOT IN (0, 1)",
        "cursors count another number of pages than their walk",
    ),
    (
        "SELECT count(*) FROM type_state s WHERE coalesce(s.watermark, s.last_full_at) IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM sync_walk w WHERE w.connection_id = s.connection_id
             AND w.resource_type = s.resource_type AND w.state = 'complete')",
        "types are noted as complete up to an instant, but have no complete walk",
    ),
    (
        "SELECT count(*) FROM absent_resource a WHERE NOT EXISTS (
           SELECT 1 FROM resource r WHERE r.connection_id = a.connection_id
             AND r.resource_type = a.resource_type AND r.resource_id = a.resource_id)",
        "absent resources were never stored",
    ),
    (
        "SELECT count(*) FROM absent_resource WHERE (state = 'deleted') <> (proof IS NOT NULL)",
        "absent resources are marked as deleted without a proof, or have a proof without the mark",
    ),
    (
        "SELECT count(*) FROM walk_page WHERE length(seen) % 8 + length(rejected) % 8 <> 0",
        "lists of a page's resources are incomplete",
    ),
    (
        "SELECT count(*) FROM walk_page p JOIN walk_cursor k ON k.walk_id = p.walk_id
         WHERE p.page > k.pages",
        "lists of resources belong to pages that the walk has not reached",
    ),
    (
        "SELECT count(*) FROM reference_queue q WHERE q.state = 'stored' AND NOT EXISTS (
           SELECT 1 FROM resource r WHERE r.connection_id = q.connection_id
             AND r.resource_type = q.resource_type AND r.resource_id = q.resource_id)",
        "references are marked as stored, but their resource is missing",
    ),
];

/// Compares the counts in the ledger with what is stored.
pub(crate) fn ledger(connection: &Connection) -> Result<Checked, WarehouseError> {
    let mut checked = Checked::new("walks of the ledger and their cursors");
    checked.count = number(connection, "SELECT count(*) FROM sync_walk")?
        + number(connection, "SELECT count(*) FROM walk_cursor")?;
    for (sql, problem) in WRONG {
        let count = number(connection, sql)?;
        if count > 0 {
            checked.problem(|| format!("{problem} ({count})"));
        }
    }
    Ok(checked)
}
