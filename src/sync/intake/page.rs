//! Turns the bytes of a page into the rows that the writer stores, for plans and files alike.

use super::{
    unpack::{Of, Unpacked, unpack},
    whose::Whose,
    workers::Workers,
};
use crate::{
    fhir::Bundle,
    reference::{FullUrls, ServerBases},
    warehouse::{Warehouse, WarehouseError},
};
use bytes::Bytes;
use std::sync::Arc;

/// What is needed to unpack the pages of a connection.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) warehouse: Arc<Warehouse>,
    /// Cores and memory for unpacking pages.
    pub(crate) workers: Workers,
    pub(crate) connection_id: i64,
    /// Whose data the connection may hold.
    pub(crate) whose: Whose,
    /// The FHIR bases of the server that the resources come from.
    pub(crate) bases: Arc<ServerBases>,
}

impl Intake {
    /// Unpacks a page of a walk over a type, when there is room and a core is free.
    ///
    /// `full_urls` are those of the Bundle that the page is a part of; without them the page is the
    /// whole Bundle.
    pub(crate) async fn unpack(
        &self,
        walk_type: &str,
        body: Bytes,
        bundle: Bundle,
        full_urls: Option<Arc<FullUrls>>,
    ) -> Result<Unpacked, WarehouseError> {
        let room = self.workers.room(body.len()).await;
        let core = self.workers.core().await;
        let (intake, walk_type) = (self.clone(), walk_type.to_owned());
        let unpacked = tokio::task::spawn_blocking(move || {
            let _core = core;
            let (reader, catalog) = (intake.warehouse.reader(), intake.warehouse.catalog());
            let of = Of {
                walk_type: &walk_type,
                connection_id: intake.connection_id,
                whose: &intake.whose,
                bases: &intake.bases,
                full_urls: full_urls.as_deref(),
            };
            let unpacked = unpack(&body, &bundle, &of, reader, catalog)?;
            Ok(Unpacked { room, ..unpacked })
        });
        let unpacked = match unpacked.await {
            Ok(unpacked) => unpacked?,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        // The Patient is noted before anything about it is stored, so that no later run takes another
        // Patient.
        if let Some(patient) = self.whose.to_be_pinned() {
            self.warehouse.pin_patient(self.connection_id, patient).await?;
        }
        Ok(unpacked)
    }
}
