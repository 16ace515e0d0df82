//! When members consented, and when their consents end.

use crate::{
    clock,
    warehouse::{
        Warehouse,
        error::{Doing, WarehouseError},
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};

/// A consent of a member at a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// The connection's uid.
    pub uid: String,
    /// The connection's name.
    pub name: String,
    /// The plan's name.
    pub plan: String,
    /// When the consent was given or renewed (RFC 3339).
    pub consented_at: String,
    /// When the consent ends, by the plan's token endpoint (RFC 3339).
    pub ends_at: Option<String>,
}

/// All consents, sorted by connection name.
pub(crate) fn consents(connection: &Connection) -> Result<Vec<Consent>, WarehouseError> {
    connection
        .prepare(
            "SELECT uid, name, plan, consented_at, consent_ends_at FROM connection
             WHERE plan IS NOT NULL AND consented_at IS NOT NULL ORDER BY name",
        )
        .and_then(|mut statement| {
            let consent = |row: &Row<'_>| {
                Ok(Consent {
                    uid: row.get(0)?,
                    name: row.get(1)?,
                    plan: row.get(2)?,
                    consented_at: row.get(3)?,
                    ends_at: row.get(4)?,
                })
            };
            statement.query_map([], consent)?.collect()
        })
        .doing("cannot read the connections")
}

impl Warehouse {
    /// Notes the end of a consent that a token refresh returned.
    pub(crate) async fn note_consent_end(
        &self,
        id: i64,
        end: DateTime<Utc>,
    ) -> Result<(), WarehouseError> {
        let end = clock::text(end);
        self.writer
            .run(move |connection, _| {
                connection
                    .execute(
                        "UPDATE connection SET consent_ends_at = ?2
                         WHERE id = ?1 AND consent_ends_at IS NOT ?2",
                        params![id, end],
                    )
                    .doing("cannot note when a consent ends")
                    .map(drop)
            })
            .await
    }
}
