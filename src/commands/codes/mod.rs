//! `payersync codes`: loads the names of codes from the files that their publishers offer.

mod list;
mod read;

use super::{
    failure::Failure,
    home, lock, print,
    progress::{self, Style},
    show, tell, terminal,
};
use crate::{
    cli::{CodesAction, CodesCommand, CodesLoadArgs},
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    plural,
    warehouse::{CodeSystem, ReadOnlyWarehouse, Warehouse},
};
use list::List;
use read::ReadError;
use serde_json::json;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
};

/// The number of bytes at the beginning of a file that show which code list it is.
const HEAD: usize = 1 << 16;
/// The maximum size of an unpacked list in bytes; the largest known list, all of RxNorm, has 1.5 GB.
const MOST_BYTES: u64 = 8 << 30;

/// Loads code lists, or lists what is loaded.
pub(super) async fn run(
    folder: &Path,
    command: CodesCommand,
    style: Style,
) -> Result<ExitCode, Failure> {
    match command.action {
        Some(CodesAction::Load(args)) => load(folder, args, style).await,
        None => show_loaded(folder, command.json),
    }
}

fn show_loaded(folder: &Path, as_json: bool) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let warehouse = ReadOnlyWarehouse::open(&home::existing_warehouse(&settings.home)?)?;
    let systems = warehouse.code_systems()?;
    if systems.is_empty() && !as_json {
        tell("No codes are loaded");
        tell(
            "hint: `payersync codes load FILE…` loads a list; docs/codes.md says who publishes them",
        );
        return Ok(ExitCode::Complete);
    }
    print(|out| {
        if as_json {
            let list: Vec<_> = systems
                .iter()
                .map(|one| {
                    json!({ "system": one.system, "codes": one.codes, "versions": one.versions,
                            "loaded_at": one.loaded_at })
                })
                .collect();
            return writeln!(out, "{}", json!(list));
        }
        table(out, &systems)
    })?;
    Ok(ExitCode::Complete)
}

fn table(out: &mut dyn Write, systems: &[CodeSystem]) -> io::Result<()> {
    let header = ["codes", "release", "loaded", "list"];
    let cells: Vec<Vec<String>> = systems
        .iter()
        .map(|one| {
            vec![
                one.codes.to_string(),
                one.versions.as_deref().unwrap_or("-").to_owned(),
                minute(&one.loaded_at),
                List::name_of_system(&one.system).to_owned(),
            ]
        })
        .collect();
    let fit = show::fit_cells(&header, &cells, &[true, false, false, false], terminal::width());
    let mut table = show::table(&fit.heads(&header));
    for row in &cells {
        table.add_row(fit.cut(&row.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    show::right(&mut table, 0);
    writeln!(out, "{table}")
}

/// An instant to the minute, in the form that people write.
fn minute(instant: &str) -> String {
    instant.get(..16).unwrap_or(instant).replace('T', " ")
}

async fn load(folder: &Path, args: CodesLoadArgs, style: Style) -> Result<ExitCode, Failure> {
    home::create(folder)?;
    let settings = Settings::load_or_default(folder)?;
    let mut sources = Vec::new();
    for path in &args.files {
        sources.extend(Source::of(path)?);
    }
    let monitor = progress::monitor(style);
    let _lock = lock::take(folder, "codes load")?;
    let warehouse = home::warehouse(&settings, &*monitor)?;
    let mut result = Ok(ExitCode::Complete);
    for source in sources {
        if let Err(failure) = source.load(&warehouse, args.release.clone()).await {
            result = Err(failure);
            break;
        }
    }
    // If a file failed, the codes of the files before it are loaded, so the marts get those names.
    let named = warehouse.name_codes_in_marts().await;
    warehouse.close();
    named?;
    result
}

/// A code list to load: a file, or a member of a zip archive.
struct Source {
    list: List,
    path: std::path::PathBuf,
    /// The position of the member, if the file is an archive.
    member: Option<usize>,
    name: String,
}

impl Source {
    /// Finds the code lists in a file: one, or several if it is an archive.
    fn of(path: &Path) -> Result<Vec<Source>, Failure> {
        let failed = |error| cannot_read(path, error);
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let name = path.display().to_string();
        if file.fill_buf().map_err(failed)?.starts_with(b"PK\x03\x04") {
            return Source::of_archive(path, &name);
        }
        let list = recognised(&mut file).map_err(failed)?.ok_or_else(|| unknown(&name))?;
        Ok(vec![Source { list, path: path.to_owned(), member: None, name }])
    }

    fn of_archive(path: &Path, name: &str) -> Result<Vec<Source>, Failure> {
        let mut archive = archive(path)?;
        let mut found = Vec::new();
        for position in 0..archive.len() {
            let member = archive.by_index(position).map_err(|error| not_unpacked(path, error))?;
            if !member.is_file() {
                continue;
            }
            let member_name = member.name().map_err(|error| not_unpacked(path, error))?;
            let name = format!("{name}/{member_name}");
            let list = recognised(&mut BufReader::with_capacity(HEAD, member))
                .map_err(|error| cannot_read(path, error))?;
            match list {
                Some(list) => {
                    let path = path.to_owned();
                    found.push(Source { list, path, member: Some(position), name });
                }
                None => tell(&format!("{name}: passed over, since it is not a known code list")),
            }
        }
        if found.is_empty() { Err(unknown(name)) } else { Ok(found) }
    }

    async fn load(self, warehouse: &Warehouse, release: Option<String>) -> Result<(), Failure> {
        let Source { list, path, member, name } = self;
        let version = release.or_else(|| number_in(&name));
        let shown = version.clone();
        let read = move |take: &mut crate::warehouse::TakeCode<'_>| {
            let opened = File::open(&path)?;
            let Some(position) = member else {
                return read::read(list, BufReader::with_capacity(HEAD, opened), take);
            };
            let mut archive = zip::ZipArchive::new(opened).map_err(io::Error::other)?;
            let member = archive.by_index(position).map_err(io::Error::other)?;
            let mut member = BufReader::with_capacity(HEAD, member.take(MOST_BYTES));
            read::read(list, &mut member, take)?;
            match member.get_ref().limit() {
                0 => {
                    Err(io::Error::other("it unpacks to more bytes than any code list has").into())
                }
                _ => Ok(()),
            }
        };
        let loaded = warehouse.load_codes(version, Clock::system().now(), read).await.map_err(
            |error: ReadError| match error {
                ReadError::Warehouse(error) => error.into(),
                other => Failure::usage(format!("{name} was not loaded"), other)
                    .hint("nothing of this file is in the table; load it as it was published"),
            },
        )?;
        tell(&format!(
            "{name}: {}{}, {}, {} written",
            list.name(),
            shown.map(|version| format!(" {version}")).unwrap_or_default(),
            plural::count(loaded.read, "code"),
            plural::count(loaded.written, "row"),
        ));
        Ok(())
    }
}

fn archive(path: &Path) -> Result<zip::ZipArchive<BufReader<File>>, Failure> {
    let file = File::open(path).map_err(|error| cannot_read(path, error))?;
    zip::ZipArchive::new(BufReader::new(file)).map_err(|error| not_unpacked(path, error))
}

/// Recognizes a code list by the beginning of its file.
fn recognised(file: &mut impl Read) -> io::Result<Option<List>> {
    let mut head = Vec::new();
    file.take(HEAD as u64).read_to_end(&mut head)?;
    let head = String::from_utf8_lossy(&head);
    Ok(List::of(head.trim_start_matches('\u{feff}')))
}

/// The last number of three digits or more in a file's name, such as a year.
fn number_in(name: &str) -> Option<String> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let mut numbers = file.split(|c: char| !c.is_ascii_digit());
    numbers.rfind(|number| number.len() >= 3).map(str::to_owned)
}

fn cannot_read(path: &Path, error: io::Error) -> Failure {
    Failure::file(format!("cannot read {}", path.display()), error, "name a file that exists")
}

fn not_unpacked(path: &Path, error: zip::result::ZipError) -> Failure {
    Failure::usage(format!("cannot unpack {}", path.display()), error)
        .hint("fetch it again, or unpack it and name its files")
}

fn unknown(name: &str) -> Failure {
    Failure::misuse(format!("{name} is not a known code list")).hint(List::KNOWN)
}
