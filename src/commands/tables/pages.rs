//! The data dictionary as pages of Markdown.
//!
//! The first page has the marts and an index. Each FHIR type has a page, as have Tuva's input layer and
//! payersync's own tables.

use super::{
    described::{Described, Kind},
    diagram,
    section::{self, cell},
    subjects::{self, Subject},
};
use crate::{
    commands::{failure::Failure, tell},
    plural,
    warehouse::Catalog,
};
use std::{fs, io, io::Write, path::Path};

/// The line at the top of every page.
const MADE: &str = "Written by `payersync tables --pages docs`; do not edit.\n";
const TUVA: &str = "tuva.md";
const OWN: &str = "payersync.md";

/// Writes `tables.md` and the folder `tables` into a folder.
pub(super) fn write(
    folder: &Path,
    all: &[Described<'_>],
    catalog: &Catalog,
) -> Result<(), Failure> {
    let failed = |error| {
        let hint = "name a folder that this user can write";
        Failure::file(format!("cannot write pages to {}", folder.display()), error, hint)
    };
    let pages = pages(all, catalog).map_err(failed)?;
    fs::create_dir_all(folder.join("tables")).map_err(failed)?;
    for (name, text) in &pages {
        fs::write(folder.join(name), text).map_err(failed)?;
    }
    tell(&format!("{} in {}", plural::count(pages.len(), "page"), folder.display()));
    Ok(())
}

/// Writes all sections to one page, the marts first.
pub(super) fn write_in_one(
    out: &mut dyn Write,
    all: &[Described<'_>],
    catalog: &Catalog,
) -> io::Result<()> {
    if all.len() > 1 {
        writeln!(out, "# Tables")?;
    }
    all.iter().try_for_each(|one| section::write(out, one, catalog))
}

/// The path and the text of each page.
fn pages(all: &[Described<'_>], catalog: &Catalog) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut pages = vec![("tables.md".to_owned(), Vec::new())];
    first_page(&mut pages[0].1, all, catalog)?;
    for table in all.iter().filter(|one| one.kind == Kind::Type) {
        let name = page_of(table, all);
        // A user's own definition may give a type a second table of this kind.
        if pages.iter().all(|(path, _)| *path != format!("tables/{name}")) {
            let is_here = |one: &&Described<'_>| {
                matches!(one.kind, Kind::Type | Kind::Part) && page_of(one, all) == name
            };
            let title = table.resource.unwrap_or(table.name);
            let tables: Vec<_> = all.iter().filter(is_here).collect();
            pages.push((format!("tables/{name}"), page(title, &tables, catalog)?));
        }
    }
    for (title, name, kind) in
        [("Tuva's input layer", TUVA, Kind::Tuva), ("Kept by payersync", OWN, Kind::Control)]
    {
        let tables: Vec<_> = all.iter().filter(|one| one.kind == kind).collect();
        pages.push((format!("tables/{name}"), page(title, &tables, catalog)?));
    }
    Ok(pages)
}

/// The path of a table's page; the page of a type has the name of the type's first table.
fn page_of(one: &Described<'_>, all: &[Described<'_>]) -> String {
    let of_type = all.iter().find(|it| it.kind == Kind::Type && it.resource == one.resource);
    format!("{}.md", of_type.unwrap_or(one).name)
}

fn first_page(out: &mut Vec<u8>, all: &[Described<'_>], catalog: &Catalog) -> io::Result<()> {
    writeln!(out, "# Tables\n\n{MADE}")?;
    writeln!(
        out,
        "Marts answer questions, and are on this page. Every FHIR type has a page of its own, with its main\n\
         table and the tables of its parts. Dates keep the text that they came with. Join tables on\n\
         `connection_id` and the id that both carry: each line of a diagram names the column that leads from\n\
         one table to the other.\n"
    )?;
    for subject in subjects::ALL.iter().filter(|subject| all.iter().any(|one| subject.has(one))) {
        index(out, subject, all)?;
        diagram::write(out, subject, all, catalog)?;
        writeln!(out)?;
    }
    writeln!(out, "## Beside the subjects\n")?;
    writeln!(out, "- [Tuva's input layer](tables/{TUVA}): the marts as Tuva's models read them")?;
    writeln!(
        out,
        "- [Kept by payersync](tables/{OWN}): the ledger, the resources as received, and what no column \
         carries\n\n# Marts"
    )?;
    let mut marts = all.iter().filter(|one| one.kind == Kind::Mart);
    marts.try_for_each(|mart| section::write(out, mart, catalog))
}

/// Writes a subject's marts with their questions, and its types with links to their pages.
fn index(out: &mut dyn Write, subject: &Subject, all: &[Described<'_>]) -> io::Result<()> {
    writeln!(out, "## {}\n\n| table | what |\n|---|---|", subject.title)?;
    for one in all.iter().filter(|one| one.kind != Kind::Part && subject.has(one)) {
        let link = match one.kind {
            Kind::Mart => format!("#{}", one.name),
            _ => format!("tables/{}", page_of(one, all)),
        };
        writeln!(out, "| [{}]({link}) | {} |", one.name, cell(&one.description))?;
    }
    writeln!(out)
}

/// A page of tables; it begins with a list of them, since each is long.
fn page(title: &str, tables: &[&Described<'_>], catalog: &Catalog) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    writeln!(out, "# {title}\n\n{MADE}\n[All tables](../tables.md)\n")?;
    writeln!(out, "| table | what |\n|---|---|")?;
    for one in tables {
        writeln!(out, "| [{}](#{}) | {} |", one.name, one.name, cell(&one.description))?;
    }
    tables.iter().try_for_each(|one| section::write(&mut out, one, catalog))?;
    Ok(out)
}
