//! `payersync views run`: runs definitions over resources, line by line, and prints the rows in order.
//!
//! If a view fails on a resource, it gives no rows of that resource: its rows are held back until the view
//! is done. The message on stderr names the line of the resource, and never a value.

use super::{
    super::{failure::Failure, print, tell},
    definition::read,
    output::Output,
};
use crate::{
    cli::{ViewsFormat, ViewsRunArgs},
    exit_code::ExitCode,
    reference::ServerBases,
    view::{View, json},
};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
};

/// Runs the views over every line.
pub(super) fn run(args: &ViewsRunArgs) -> Result<ExitCode, Failure> {
    let views = args
        .files
        .iter()
        .map(|file| {
            let text = read(file)?;
            View::from_json(&text).map_err(|error| {
                Failure::misuse(format!("{}: {error}", file.display()))
                    .hint("`payersync views check` shows where")
            })
        })
        .collect::<Result<Vec<View>, Failure>>()?;
    if args.format == ViewsFormat::Csv && views.len() > 1 {
        return Err(Failure::misuse("a CSV file has the columns of one view")
            .hint("run one file at a time, or use --format ndjson"));
    }
    let has_tag = |view: &&View| view.columns.iter().any(|column| column.name == "view");
    if let Some(view) = views.iter().find(has_tag).filter(|_| views.len() > 1) {
        return Err(Failure::misuse(format!(
            "view {} has a column named view, the name that tells the rows of several files apart",
            view.name
        ))
        .hint("run that file alone, or give its column another name"));
    }
    let input: Box<dyn BufRead> = match args.input.as_os_str().to_str() {
        Some("-") => Box::new(io::stdin().lock()),
        _ => Box::new(BufReader::with_capacity(
            1 << 16,
            File::open(&args.input).map_err(|error| {
                Failure::usage(format!("cannot read {}", args.input.display()), error).hint(
                    "--input names a file of resources, one per line, or - for standard input",
                )
            })?,
        )),
    };
    let bases = args.base.as_ref().map(|base| ServerBases::new(base, &[])).unwrap_or_default();
    let mut rejected = 0u64;
    let mut unreadable = None;
    print(|out| {
        let mut output = Output::new(args.format, &views);
        output.begin(out)?;
        match lines(input, (&views, &bases), &mut output, out) {
            Ok(count) => rejected = count,
            Err(Stopped::Input(error)) => unreadable = Some(error),
            Err(Stopped::Output(error)) => return Err(error),
        }
        Ok(())
    })?;
    if let Some(error) = unreadable {
        return Err(Failure::usage(format!("cannot read {}", args.input.display()), error));
    }
    Ok(if rejected > 0 { ExitCode::Incomplete } else { ExitCode::Complete })
}

enum Stopped {
    Input(io::Error),
    Output(io::Error),
}

/// Reads the input line by line; returns the number of resources that were rejected.
fn lines(
    mut input: Box<dyn BufRead>,
    views: (&[View], &ServerBases),
    output: &mut Output<'_>,
    out: &mut dyn Write,
) -> Result<u64, Stopped> {
    let (mut line, mut number, mut rejected) = (Vec::new(), 0u64, 0u64);
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line).map_err(Stopped::Input)? == 0 {
            return Ok(rejected);
        }
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let mut reject = |reason: &str| {
            rejected += 1;
            tell(&format!("rejected: line {number}: {reason}"));
        };
        match json::parse(line.trim_ascii(), json::Limits::default()) {
            Err(error) => reject(&error.to_string()),
            Ok(node) => {
                for resource in resources(&node) {
                    one(resource, views, output, out, &mut reject).map_err(Stopped::Output)?;
                }
            }
        }
    }
}

/// The resources of a line: the line itself, or the entries of a Bundle.
fn resources<'a, 'b>(node: &'b json::Node<'a>) -> Vec<&'b json::Node<'a>> {
    let is_bundle = node.get("resourceType").and_then(json::Node::as_str) == Some("Bundle");
    match node.get("entry").and_then(json::Node::as_array).filter(|_| is_bundle) {
        Some(entries) => entries.iter().filter_map(|entry| entry.get("resource")).collect(),
        None => vec![node],
    }
}

fn one(
    resource: &json::Node<'_>,
    (views, bases): (&[View], &ServerBases),
    output: &mut Output<'_>,
    out: &mut dyn Write,
    reject: &mut dyn FnMut(&str),
) -> io::Result<()> {
    if resource.get("resourceType").and_then(json::Node::as_str).is_none() {
        reject("not a resource: it has no resourceType");
        return Ok(());
    }
    for (position, view) in views.iter().enumerate() {
        output.discard();
        let ran = view.run_at(bases, resource, &mut |row| output.row(position, row));
        match ran {
            Ok(_) if output.has_room() => output.flush(out)?,
            Ok(_) => reject(&format!("view {}: its rows would take too much memory", view.name)),
            Err(error) => reject(&error.to_string()),
        }
    }
    Ok(())
}
