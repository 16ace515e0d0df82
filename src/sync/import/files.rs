//! Imports files of resources into the warehouse, in the same way as the pages of a plan.
//!
//! An import makes one walk of mode `file` for each resource type. A file shows the past: it moves no
//! watermark and has no cursor, and a resource that it lacks does not count as absent. Whoever reads the
//! files calls [`Import::begin`], [`Import::part`] for each part, and [`Import::end`]; then
//! [`Import::finish`].

use super::{
    attachments,
    pages::{FilePage, base_of, full_urls, pages},
};
use crate::{
    clock::Clock,
    exit_code::ExitCode,
    fhir::{Bundle, Entry},
    monitor::{Event, Monitor},
    outcome::{Reason, WalkKind},
    reference::{FullUrls, ServerBases},
    sync::{
        attachments::{ATTACHMENT, ending::ending, walk_start},
        intake::{page::Intake, unpack::NO_TYPE, whose::Whose, workers::Workers},
        report::{ConnectionReport, Report, WalkReport},
        stop::Stop,
    },
    warehouse::{
        ConnectionRow, PageWrite, Sums, Tally, WalkCounters, WalkFinish, WalkKey, WalkStart,
        Warehouse, WarehouseError, attachment_counts, open_strangers,
    },
};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

/// The parts that an import works with: warehouse, monitor, clock.
pub struct ImportContext {
    /// The warehouse that everything is stored in.
    pub warehouse: Arc<Warehouse>,
    /// Receives the events of the import.
    pub monitor: Arc<dyn Monitor>,
    /// The clock.
    pub clock: Clock,
    /// Tells when the import is to stop.
    pub stop: Stop,
    /// Whether the end of the run counts the paths that no column carries.
    pub count_unmapped_paths: bool,
    /// Whether attachments are stored. A connection that has some already gets them in any case.
    pub attachments: bool,
    /// Largest attachment, in bytes.
    pub attachment_bytes: usize,
}

/// One run that takes in files of one connection.
pub struct Import {
    context: ImportContext,
    connection: ConnectionRow,
    intake: Intake,
    run_id: i64,
    walks: BTreeMap<String, FileWalk>,
    /// The file under way.
    file: String,
    /// Types that the file under way has brought.
    touched: BTreeSet<String>,
    files: u64,
    /// The files that were read to their ends.
    whole: BTreeSet<String>,
    is_interrupted: bool,
    started: Instant,
}

/// The walk over one type.
struct FileWalk {
    key: WalkKey,
    counters: WalkCounters,
    /// Why something of the type is missing, if so.
    trouble: Option<WalkFinish>,
}

impl Import {
    /// Begins a run.
    ///
    /// `base` is the FHIR base of the server that the files came from, if it is known. `dependants` says
    /// whether the files may also be about other people than the member.
    ///
    /// # Errors
    /// An error of the warehouse.
    pub async fn start(
        context: ImportContext,
        connection: ConnectionRow,
        base: Option<ServerBases>,
        dependants: bool,
    ) -> Result<Import, WarehouseError> {
        let warehouse = Arc::clone(&context.warehouse);
        let mut bases = warehouse.bases(connection.id)?;
        if let (Some(base), None) = (base, &connection.plan)
            && base != bases
        {
            warehouse.set_bases(connection.id, base.to_text()).await?;
            bases = base;
        }
        let bases = Arc::new(bases);
        let whose = Whose::of_connection(&warehouse, &connection, Arc::clone(&bases), dependants)?;
        let run_id = warehouse.start_run("import").await?;
        let intake = Intake {
            warehouse,
            workers: Workers::new(1),
            connection_id: connection.id,
            whose,
            bases,
        };
        Ok(Import {
            context,
            connection,
            intake,
            run_id,
            walks: BTreeMap::new(),
            file: String::new(),
            touched: BTreeSet::new(),
            files: 0,
            whole: BTreeSet::new(),
            is_interrupted: false,
            started: Instant::now(),
        })
    }

    /// Whether the import was asked to stop; committed pages stay.
    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

    /// What tells the import to stop, for whoever waits for the next part of a file.
    pub fn stop(&self) -> Stop {
        self.context.stop.clone()
    }

    /// Notes that the import was asked to stop before the next part of a file was read.
    pub fn interrupt(&mut self) {
        self.is_interrupted = true;
    }

    /// Begins a file.
    pub fn begin(&mut self, file: String) {
        self.file = file;
        self.files += 1;
        self.touched.clear();
    }

    /// Takes in a part of the file: bytes and the entries in them. A Bundle comes in one part.
    ///
    /// # Errors
    /// An error of the warehouse.
    pub async fn part(&mut self, body: Bytes, entries: Vec<Entry>) -> Result<(), WarehouseError> {
        self.learn_base(&body, &entries).await?;
        let full_urls = Arc::new(full_urls(&body, &entries, &self.intake.bases));
        for page in pages(&body, entries) {
            if self.context.stop.is_asked() {
                self.is_interrupted = true;
                return Ok(());
            }
            self.store(page, &full_urls).await?;
        }
        Ok(())
    }

    /// Ends the file. `trouble` says why the rest of it is missing, if it was not read to its end.
    ///
    /// The types that the file has brought are entered as incomplete. A file of which nothing could be read
    /// is entered under the type `Resource`, since nobody knows what it holds.
    ///
    /// # Errors
    /// An error of the warehouse.
    pub async fn end(&mut self, trouble: Option<Reason>) -> Result<(), WarehouseError> {
        let Some(reason) = trouble else {
            self.whole.insert(self.file.clone());
            return Ok(());
        };
        let (detail, hint) = if self.touched.is_empty() {
            self.walk(NO_TYPE.to_owned()).await?;
            self.touched.insert(NO_TYPE.to_owned());
            let detail = "a file could not be read; nothing of it was taken in";
            (detail, "import the mended file, or the other files without it")
        } else {
            let detail =
                "a file could not be read to its end; its complete resources were taken in";
            (detail, "import the file again once it is complete")
        };
        let finish = WalkFinish::incomplete(reason, detail.to_owned());
        let finish = WalkFinish { hint: Some(hint.to_owned()), ..finish };
        for name in &self.touched {
            if let Some(walk) = self.walks.get_mut(name) {
                walk.trouble.get_or_insert_with(|| finish.clone());
            }
        }
        Ok(())
    }

    /// Ends the run: enters each walk in the ledger, and has the marts made anew.
    ///
    /// # Errors
    /// An error of the warehouse.
    pub async fn finish(mut self) -> Result<Report, WarehouseError> {
        self.settle_unread().await?;
        // All files were read by now, so it is known which resources of an earlier import came again.
        for file in std::mem::take(&mut self.whole) {
            self.context.warehouse.settle_file(self.connection.id, file).await?;
        }
        let mut walks: Vec<WalkReport> = self.attachments().await?.into_iter().collect();
        let Import { context, connection, run_id, .. } = self;
        let warehouse = context.warehouse;
        for (resource_type, walk) in self.walks {
            let FileWalk { key, counters, trouble } = walk;
            let finish = trouble.unwrap_or_else(|| match self.is_interrupted {
                // What the files still hold of any type was not read.
                true => interrupted(),
                false => WalkFinish::complete(None),
            });
            // A file that is imported again is read from its beginning, so no cursor is kept.
            let finish = WalkFinish { keep_cursor: false, ..finish };
            warehouse.abandon_walk(key, finish.clone(), counters.clone()).await?;
            context.monitor.event(Event::WalkFinished {
                connection: &connection.name,
                resource_type: &resource_type,
                state: finish.state,
                detail: finish.detail.as_deref(),
                resources_seen: counters.resources_seen,
            });
            walks.push(WalkReport { resource_type, finish, counters });
        }
        if context.count_unmapped_paths {
            let stop = context.stop.clone();
            warehouse.survey_unmapped(move || stop.is_asked()).await?;
        }
        let id = connection.id;
        let report = Report {
            run_id,
            connections: vec![ConnectionReport {
                left_out: Vec::new(),
                other_counters: WalkCounters::default(),
                connection: connection.name,
                plan: connection.plan,
                walks,
                open_rejects: warehouse.open_rejects(id)?,
                open_strangers: warehouse
                    .reader()
                    .read(|connection| open_strangers(connection, id))?,
                open_absences: 0,
                is_bug: false,
            }],
            left_out: 0,
            unasked: ExitCode::Complete,
            files: Some(self.files),
            interrupted: self.is_interrupted,
            elapsed: self.started.elapsed(),
        };
        let (state, exit_code) = (report.state(), report.exit_code() as u8);
        warehouse.finish_run(run_id, state, exit_code, report.summary()).await?;
        Ok(report)
    }

    /// Settles the ledger's entry for the type `Resource`, which stands for files that could not be read.
    ///
    /// An import that read all its files completes that entry, as it completes the entry of any other type.
    /// An import that was stopped before its first page makes the entry, so that `status` tells of it.
    async fn settle_unread(&mut self) -> Result<(), WarehouseError> {
        let is_to_enter = match self.is_interrupted {
            true => self.walks.is_empty(),
            false => {
                self.walks.values().all(|walk| walk.trouble.is_none())
                    && self.context.warehouse.is_file_walk_open(self.connection.id, NO_TYPE)?
            }
        };
        if is_to_enter {
            self.walk(NO_TYPE.to_owned()).await?;
        }
        Ok(())
    }

    /// Stores attachments, if they are wanted. Those of a plan's connection are left to its next sync,
    /// which can also fetch files.
    async fn attachments(&self) -> Result<Option<WalkReport>, WarehouseError> {
        let (warehouse, id) = (&self.context.warehouse, self.connection.id);
        let counts = || warehouse.reader().read(|connection| attachment_counts(connection, id));
        let is_wanted = self.context.attachments || !counts()?.is_empty();
        if !is_wanted || self.connection.plan.is_some() || self.is_interrupted {
            return Ok(None);
        }
        let (key, _) = warehouse.start_walk(walk_start(self.run_id, id)).await?;
        let (bases, limit) = (&self.intake.bases, self.context.attachment_bytes);
        let counters = attachments::store(warehouse, id, bases, &key, limit).await?;
        let finish = ending(&counts()?, None);
        warehouse.abandon_walk(key, finish.clone(), counters.clone()).await?;
        Ok(Some(WalkReport { resource_type: ATTACHMENT.to_owned(), finish, counters }))
    }

    /// Notes which server a Bundle came from, if the connection's server is not known yet.
    async fn learn_base(&mut self, body: &[u8], entries: &[Entry]) -> Result<(), WarehouseError> {
        if self.connection.plan.is_some() || *self.intake.bases != ServerBases::default() {
            return Ok(());
        }
        let Some(base) = base_of(body, entries) else { return Ok(()) };
        let bases = Arc::new(ServerBases::new(&base, &[]));
        self.context.warehouse.set_bases(self.connection.id, bases.to_text()).await?;
        self.intake.whose.resolve_at(Arc::clone(&bases));
        self.intake.bases = bases;
        Ok(())
    }

    async fn store(
        &mut self,
        page: FilePage,
        full_urls: &Arc<FullUrls>,
    ) -> Result<(), WarehouseError> {
        let FilePage { resource_type, body, entries, bytes } = page;
        let bundle = Bundle::of_entries(entries);
        let urls = Some(Arc::clone(full_urls));
        let unpacked = self.intake.unpack(&resource_type, body.clone(), bundle, urls).await?;
        let (now, file) = (self.context.clock.now(), self.file.clone());
        self.touched.insert(resource_type.clone());
        let walk = self.walk(resource_type).await?;
        let mut counters = walk.counters.clone();
        counters.pages += 1;
        counters.bytes += bytes as u64;
        counters.resources_seen += unpacked.resources_seen;
        counters.duplicates += unpacked.duplicates;
        let write = PageWrite {
            walk: walk.key.clone(),
            round: None,
            page: counters.pages,
            url: file.clone(),
            file: Some(file),
            self_left_out: None,
            body,
            changed: unpacked.changed,
            unchanged: unpacked.unchanged,
            rejects: unpacked.rejects,
            notes_along: false,
            rows: unpacked.rows,
            answered: Vec::new(),
            next_url: None,
            sums: Sums::With(counters, Tally::default()),
            now,
            goes_ahead: false,
            _memory: Vec::new(),
        };
        let key = walk.key.clone();
        let counters = self.context.warehouse.write_page(write).await?.counters;
        self.context.monitor.event(Event::PageStored {
            connection: &self.connection.name,
            resource_type: &key.resource_type,
            resources_seen: counters.resources_seen,
            declared_total: None,
        });
        if let Some(walk) = self.walks.get_mut(&key.resource_type) {
            walk.counters = counters;
        }
        Ok(())
    }

    /// The walk over a type, begun with its first page.
    async fn walk(&mut self, resource_type: String) -> Result<&FileWalk, WarehouseError> {
        if !self.walks.contains_key(&resource_type) {
            self.context.monitor.event(Event::WalkStarted {
                connection: &self.connection.name,
                resource_type: &resource_type,
                pages_before: 0,
            });
            let start = WalkStart {
                run_id: self.run_id,
                connection_id: self.connection.id,
                resource_type: resource_type.clone(),
                kind: WalkKind::File,
                first_url: Some(self.file.clone()),
                since: None,
                window: None,
                resumes: None,
                proved_for: None,
            };
            let (key, _) = self.context.warehouse.start_walk(start).await?;
            let walk = FileWalk { key, counters: WalkCounters::default(), trouble: None };
            self.walks.insert(resource_type.clone(), walk);
        }
        Ok(&self.walks[&resource_type])
    }
}

/// The end of a walk whose import was asked to stop.
fn interrupted() -> WalkFinish {
    let detail = "the import was asked to stop before all files were read";
    let finish = WalkFinish::incomplete(Reason::Interrupted, detail.to_owned());
    WalkFinish { hint: Some("import the same files again".to_owned()), ..finish }
}
