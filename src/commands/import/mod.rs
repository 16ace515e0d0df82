//! `payersync import`: stores resources from files in the same tables as resources from plans.
//!
//! One thread reads: `inputs` finds the files, `opened` unpacks them within limits, and `reading` splits them
//! into resources. The resources already read are stored meanwhile.

#[cfg(any(test, feature = "fuzzing"))]
mod fuzzed;
mod inputs;
mod opened;
mod reading;

use super::{
    connect::check_name,
    consent::random_uid,
    failure::Failure,
    home, lock,
    progress::{self, Style},
    settled::require_settled,
    stop_signal,
    sync::tell_problems,
    tell, tell_summary,
};
use crate::{
    auth::GrantKind,
    cli::ImportArgs,
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    monitor::Monitor,
    outcome::Reason,
    reference::ServerBases,
    sync::{Import, ImportContext},
    warehouse::{ConnectionRow, NewFiles, Warehouse},
};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use fuzzed::any_import;
use reading::{News, Trouble};
use std::{path::Path, sync::Arc, thread};
use tokio::sync::mpsc;

/// The number of parts that were read and may wait to be stored.
const QUEUE: usize = 2;
/// The message when a signal asks the import to stop.
const STOPPING: &str =
    "Stopping: committed pages stay; import the same files again for what is missing";

/// Imports files and reports the outcome.
pub(super) async fn run(
    folder: &Path,
    args: ImportArgs,
    style: Style,
) -> Result<ExitCode, Failure> {
    check_name(&args.name)?;
    let inputs = inputs::find(&args.files)?;
    home::create(folder)?;
    let settings = Settings::load_or_default(folder)?;
    let monitor = progress::monitor(style);
    let _lock = lock::take(folder, "import")?;
    let limit_bytes = settings.http.max_body_bytes;
    let (sender, mut news) = mpsc::channel(QUEUE);
    // The reader ends when the receiver is gone. It has a thread of its own, since the end of the process
    // would wait for a thread of the runtime, and standard input may be silent for ever.
    let read =
        move || reading::read(inputs, limit_bytes, |news| sender.blocking_send(news).is_ok());
    let reader =
        thread::Builder::new().name("import".to_owned()).spawn(read).map_err(Failure::limits)?;
    let mut taken =
        Taken { settings, args, monitor, warehouse: None, import: None, unread: Vec::new() };
    let (mut file, mut troubles) = (String::new(), Vec::new());
    while let Some(one) = taken.next(&mut news).await {
        match one {
            News::Begin(name) => {
                file.clone_from(&name);
                if let Some(import) = &mut taken.import {
                    import.begin(name);
                }
            }
            News::Part(_, entries) if entries.is_empty() => {}
            News::Part(body, entries) => taken.import(&file).await?.part(body, entries).await?,
            News::End(trouble) => {
                if let Some(trouble) = &trouble {
                    troubles.push(format!("{file}: {trouble}"));
                }
                let reason = trouble.as_ref().map(Trouble::reason);
                match (&mut taken.import, reason) {
                    (Some(import), reason) => import.end(reason).await?,
                    (None, Some(reason)) => taken.unread.push((file.clone(), reason)),
                    (None, None) => {}
                }
            }
        }
        if taken.is_interrupted() {
            break;
        }
    }
    // A reader that panicked has not read everything, and has sent no word of it.
    if !taken.is_interrupted()
        && let Err(panic) = reader.join()
    {
        return Err(Failure::panic(&*panic));
    }
    taken.finish(troubles).await
}

/// The state of the import. The warehouse is opened and the connection made at the first resource.
struct Taken {
    settings: Settings,
    args: ImportArgs,
    monitor: Arc<dyn Monitor>,
    warehouse: Option<Arc<Warehouse>>,
    import: Option<Import>,
    /// The files that could not be read at all, if they came before the first resource.
    unread: Vec<(String, Reason)>,
}

impl Taken {
    /// Waits for what the reader says next; `None` at its end, or if the import is asked to stop.
    async fn next(&mut self, news: &mut mpsc::Receiver<News>) -> Option<News> {
        let Some(import) = &mut self.import else { return news.recv().await };
        let stop = import.stop();
        tokio::select! {
            biased;
            one = news.recv() => one,
            () = stop.asked() => {
                import.interrupt();
                None
            }
        }
    }

    fn is_interrupted(&self) -> bool {
        self.import.as_ref().is_some_and(Import::is_interrupted)
    }

    /// The import; it begins with the first resource.
    async fn import(&mut self, file: &str) -> Result<&mut Import, Failure> {
        if self.import.is_none() {
            let warehouse = Arc::new(home::warehouse(&self.settings, &*self.monitor)?);
            let mut import = self.start(&warehouse).await?;
            for (unread, reason) in std::mem::take(&mut self.unread) {
                import.begin(unread);
                import.end(Some(reason)).await?;
            }
            import.begin(file.to_owned());
            self.warehouse = Some(warehouse);
            self.import = Some(import);
        }
        self.import
            .as_mut()
            .ok_or_else(|| Failure::bug("the import has not begun", anyhow::anyhow!("no import")))
    }

    async fn start(&self, warehouse: &Arc<Warehouse>) -> Result<Import, Failure> {
        let row = match warehouse.connection(&self.args.name)? {
            Some(row) => {
                require_settled(&row)?;
                row
            }
            None => {
                let (uid, name) = (random_uid()?, self.args.name.clone());
                let member = self.args.member.clone();
                warehouse.connection_of_files(NewFiles { uid, name, member }).await?
            }
        };
        let base = self.args.base.as_ref().map(|base| ServerBases::new(base, &[]));
        if let (Some(plan), Some(_)) = (&row.plan, &base) {
            let refused =
                format!("{} is a connection of plan {plan} and takes no --base", row.name);
            return Err(Failure::misuse(refused)
                .hint("its FHIR bases are those of the plan's section: leave out --base"));
        }
        if let (Some(plan), true) = (&row.plan, self.args.attachments) {
            let refused =
                format!("{} is a connection of plan {plan} and takes no --attachments", row.name);
            return Err(Failure::misuse(refused).hint(
                "set attachments = true in the plan's section: the next sync stores the attachments \
                 of imported resources, too; leave out --attachments",
            ));
        }
        let context = ImportContext {
            warehouse: Arc::clone(warehouse),
            monitor: Arc::clone(&self.monitor),
            clock: Clock::system(),
            stop: stop_signal::listen_and_say(STOPPING, None),
            count_unmapped_paths: self.settings.count_unmapped_paths,
            attachments: self.args.attachments,
            attachment_bytes: self.settings.attachments.0,
        };
        let dependants = self.args.dependants || self.covers_dependants(&row);
        Ok(Import::start(context, row, base, dependants).await?)
    }

    /// Whether the connection's plan covers other people than the member.
    fn covers_dependants(&self, row: &ConnectionRow) -> bool {
        let plan = row.plan.as_ref().and_then(|plan| self.settings.plans.get(plan));
        plan.is_some_and(|plan| {
            let is_backend = plan.grant() == GrantKind::ClientCredentials;
            plan.dependants || is_backend && row.patient_id.is_none()
        })
    }

    /// Ends the run and reports its outcome; an error if nothing was imported.
    async fn finish(self, troubles: Vec<String>) -> Result<ExitCode, Failure> {
        let Some(import) = self.import else {
            let mut troubles = troubles.into_iter();
            let first = troubles.next().unwrap_or_else(|| "the files hold no resource".to_owned());
            troubles.for_each(|trouble| tell(&trouble));
            return Err(Failure::misuse(first)
                .hint("nothing was imported; give FHIR R4 resources as JSON or NDJSON"));
        };
        let report = import.finish().await?;
        troubles.iter().for_each(|trouble| tell(&format!("Not read: {trouble}")));
        tell_problems(&report);
        tell_summary(&report);
        if let Some(warehouse) = self.warehouse.and_then(Arc::into_inner) {
            let is_out_of_date = warehouse.is_out_of_date()?;
            warehouse.close();
            if is_out_of_date {
                // Once the files have shown their server, the rows of earlier resources are made anew.
                home::warehouse(&self.settings, &*self.monitor)?.close();
            }
        }
        let unread = if troubles.is_empty() { ExitCode::Complete } else { ExitCode::Incomplete };
        Ok(report.exit_code().worst(unread))
    }
}
