//! `payersync report`: one page about members, made from the marts, to look at and to print.
//!
//! Every value is read from a mart within one snapshot, so the page agrees with SQL queries. The page needs
//! no other file, runs no script and loads nothing from the network. Its size is limited, and it says which
//! rows are left out.

mod claims;
mod figures;
mod health;
mod member;
mod money;
mod page;
mod pictures;
mod table;

use super::{asked::Asked, browser, earlier::refuse_other, failure::Failure, home, system, tell};
use crate::{
    alike::most_alike,
    cli::ReportArgs,
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    own_file,
    plural::count,
    warehouse::{
        Access, ReadOnlyWarehouse, WarehouseFile, backup_outcome, log_access, sweep_unfinished,
        unfinished_name,
    },
};
use member::{Member, Person};
use std::{
    fs,
    io::Write,
    path::{Path, absolute},
};
use url::Url;

/// Reads the marts, then writes the page.
pub(super) fn run(folder: &Path, args: &ReportArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let file = home::existing_warehouse(&settings.home)?;
    let warehouse = ReadOnlyWarehouse::open(&file)?;
    if args.file.is_dir() {
        return Err(Failure::misuse(format!("{} is a folder", args.file.display()))
            .hint("name the file to write, such as report.html"));
    }
    refuse_other(&args.file, page::BEGINNING, "report")?;
    let now = Clock::system().now();
    let (members, freshness) = warehouse.snapshot(|snapshot| {
        if snapshot.columns("member")?.is_empty() {
            return Ok((Vec::new(), Asked::default()));
        }
        let people = member::people(snapshot)?;
        let chosen = choose(people, args.member.as_deref())?;
        let share = claims::share(chosen.len());
        let read = |person: Person| member::read(snapshot, person.id, person.name, share);
        let members = chosen.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok::<(Vec<Member>, Asked), Failure>((members, member::freshness(snapshot)?))
    })??;
    if let Some(wanted) = args.member.as_ref().filter(|_| members.is_empty()) {
        return Err(no_member(wanted, Vec::new()));
    }
    sweep_unfinished(&args.file, file.path())?;
    let partial = unfinished_name(&args.file, file.path())?;
    // The report is logged before it is written, so that a purge can name its file.
    log(&file, &args.file, backup_outcome::BEGUN)?;
    let html = page::page(&members, &freshness, now);
    let write = |out: &mut fs::File| out.write_all(html.as_bytes());
    if let Err(error) = own_file::replace_with(&args.file, &partial, 0o600, write) {
        let _ = log(&file, &args.file, backup_outcome::FAILED);
        let hint = "check that the folder exists and that this user may write to it";
        return Err(Failure::file(format!("cannot write {}", args.file.display()), error, hint));
    }
    let told = count(members.len(), "member");
    log(&file, &args.file, &told)?;
    tell(&format!("Wrote {told} to {}", args.file.display()));
    tell("The page holds health data and no tokens");
    if args.open {
        open(&args.file)?;
    }
    Ok(ExitCode::Complete)
}

/// All persons, or those that `wanted` names: a connection may hold several.
fn choose(people: Vec<Person>, wanted: Option<&str>) -> Result<Vec<Person>, Failure> {
    let Some(wanted) = wanted else { return Ok(people) };
    let (named, others): (Vec<_>, Vec<_>) =
        people.into_iter().partition(|person| person.is_named(wanted));
    match named.is_empty() {
        false => Ok(named),
        true => Err(no_member(wanted, others.into_iter().map(|person| person.id).collect())),
    }
}

fn no_member(wanted: &str, known: Vec<String>) -> Failure {
    let hint = match most_alike(wanted, known) {
        Some(alike) => format!("did you mean {alike}?"),
        None => {
            "`payersync query \"SELECT DISTINCT member_id, member_name FROM member\"` lists them"
                .to_owned()
        }
    };
    Failure::misuse(format!("there is no member {wanted}")).hint(hint)
}

fn open(file: &Path) -> Result<(), Failure> {
    let path = fs::canonicalize(file)
        .map_err(|error| Failure::file("cannot open the page", error, "open it yourself"))?;
    let opened = Url::from_file_path(&path).map(|url| browser::open(&url));
    if !matches!(opened, Ok(Ok(()))) {
        tell(&format!("No browser was found; open {} yourself", path.display()));
    }
    Ok(())
}

fn log(warehouse: &WarehouseFile, target: &Path, detail: &str) -> Result<(), Failure> {
    let target = absolute(target).unwrap_or_else(|_| target.to_owned());
    let access = Access {
        os_user: system::user(),
        command: "report",
        connection_id: None,
        target: Some(target.display().to_string()),
        detail: Some(detail.to_owned()),
    };
    Ok(log_access(warehouse, &access, Clock::system().now())?)
}
