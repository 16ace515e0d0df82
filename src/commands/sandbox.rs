//! `payersync sandbox`: serves the embedded payer, for any client that speaks the protocol.

use super::{failure::Failure, print, show, stop_signal, tell, terminal};
use crate::{
    cli::{SandboxArgs, SandboxCommand},
    config::Preset,
    exit_code::ExitCode,
    sandbox::{Fault, Like, Options, Sandbox},
};
use std::{collections::BTreeMap, fs, net::Ipv4Addr, path::Path, time::Duration};
use tokio::net::TcpListener;

/// The environment variable that holds the client's secret.
const SECRET: &str = "PAYERSYNC_SANDBOX_SECRET";

/// The most members that are listed; a payer for a load test has a million.
const MOST_MEMBERS: u32 = 100;

/// The width of a fault's name on the screen.
const FAULT: usize = 24;

/// Serves until the process is told to stop.
pub(super) async fn run(command: SandboxCommand) -> Result<ExitCode, Failure> {
    if let Some(listed) = list(&command.sandbox) {
        return listed;
    }
    let like = command.sandbox.like;
    let keys = command.jwks.as_deref().map(read_keys).transpose()?;
    let is_unknown = like.wants_key() && keys.is_none();
    let sandbox = start(command.port, &command.sandbox, None, keys).await?;
    let section = match like.preset() {
        Some(preset) => {
            let variable = format!("client_secret_env = {SECRET:?}");
            let file = format!("client_secret_file = \"{preset}.secret\"");
            preset_section(like, preset, &sandbox, "")?.replace(&file, &variable)
        }
        None => format!(
            "[plans.sandbox]\nfhir_url = {:?}\nauthorize_url = {:?}\ntoken_url = {:?}\n\
             client_id = {:?}\nclient_secret_env = {SECRET:?}\n",
            sandbox.fhir_url(),
            sandbox.authorize_url(),
            sandbox.token_url(),
            sandbox.client_id(),
        ),
    };
    // This comes before any output: whoever reads that the payer is up may stop it at once.
    let stop = stop_signal::listen_and_say("The payer has stopped", None);
    print(|out| {
        out.write_all(section.as_bytes())?;
        if section.contains(SECRET) {
            writeln!(out, "# Where payersync is started:")?;
            writeln!(out, "#   export {SECRET}={}", sandbox.client_secret())?;
        }
        if like.is_open() {
            writeln!(out, "# Patients, for `payersync connect NAME --patient ID`:")?;
            for member in 0..command.sandbox.members.min(MOST_MEMBERS) {
                writeln!(out, "#   {}", sandbox.patient_id(member))?;
            }
            return Ok(());
        }
        writeln!(out, "# Members, for the consent page:")?;
        for member in 0..command.sandbox.members.min(MOST_MEMBERS) {
            let who = sandbox.identity(member);
            writeln!(
                out,
                "#   {} {}, born {}, member id {}, ZIP {}",
                who.first_name, who.last_name, who.birth_date, who.member_id, who.zip
            )?;
        }
        match command.sandbox.members.checked_sub(MOST_MEMBERS) {
            None | Some(0) => Ok(()),
            Some(more) => writeln!(out, "#   and {more} more"),
        }
    })?;
    if is_unknown {
        tell("This platform wants the client to sign, and knows no key of yours: save what");
        tell("`payersync jwks PLAN --new` prints, and start again with --jwks FILE");
    }
    tell("The embedded payer is up; Ctrl-C stops it. Paste the lines above into payersync.toml");
    stop.asked().await;
    sandbox.stop().await;
    Ok(ExitCode::Complete)
}

/// Prints a list, if an argument asks for a list instead of a payer.
pub(super) fn list(args: &SandboxArgs) -> Option<Result<ExitCode, Failure>> {
    match (args.list_faults, args.list_likes) {
        (true, _) => Some(list_faults()),
        (false, true) => Some(list_likes()),
        (false, false) => None,
    }
}

/// The legend of the marks that show how certain a fact is.
const CERTAINTIES: &str = "DOC: the operator's documents; OBS: observed; \
    3P: a third party's statement; INF: inferred";

/// The greatest width of a mark of certainty.
const MARK: usize = 8;

/// Lists every platform with its preset and the facts that it imitates.
fn list_likes() -> Result<ExitCode, Failure> {
    let screen = terminal::width().unwrap_or(usize::MAX);
    print(|out| {
        writeln!(out, "{}", show::wrap(CERTAINTIES, screen, 2))?;
        for like in Like::all() {
            let preset = like.preset().map(|preset| format!(" (preset {preset})"));
            let line = format!("{}: {}{}", like.name(), like.title(), preset.unwrap_or_default());
            writeln!(out, "{}", show::wrap(&line, screen, MARK + 3))?;
            for (certainty, text) in like.facts() {
                let line = format!("  {certainty:<MARK$} {text}");
                writeln!(out, "{}", show::wrap(&line, screen, MARK + 3))?;
            }
        }
        Ok(())
    })?;
    Ok(ExitCode::Complete)
}

/// Lists every fault with its description.
fn list_faults() -> Result<ExitCode, Failure> {
    let screen = terminal::width().unwrap_or(usize::MAX);
    print(|out| {
        Fault::ALL.iter().try_for_each(|fault| {
            let line = format!("{:<FAULT$} {}", fault.name(), fault.describe());
            writeln!(out, "{}", show::wrap(&line, screen, FAULT + 1))
        })
    })?;
    Ok(ExitCode::Complete)
}

/// Starts the embedded payer on this machine; `named_origin` is the address that it gives itself in
/// answers.
pub(super) async fn start(
    port: u16,
    args: &SandboxArgs,
    named_origin: Option<&str>,
    client_keys: Option<String>,
) -> Result<Sandbox, Failure> {
    let failed = |error| {
        Failure::usage(format!("cannot listen on port {port}"), error)
            .hint("choose another one with --port")
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let options = Options {
        members: args.members,
        claims_per_member: args.claims,
        seed: args.seed,
        like: args.like,
        client_keys,
        named_origin: named_origin.map(str::to_owned),
        page_delay: Duration::from_millis(args.page_delay),
        sticky: args.sticky,
        faults: args.faults.clone(),
        ..Options::default()
    };
    Sandbox::start(listener, options).await.map_err(failed)
}

fn read_keys(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        let hint = "`payersync jwks PLAN` prints what belongs there";
        Failure::file(format!("cannot read {}", path.display()), error, hint)
    })
}

/// The section of a platform's preset, changed for this payer.
///
/// The payer's origin takes the place of every host, and the lines in `more` are added.
pub(super) fn preset_section(
    like: Like,
    preset: &str,
    payer: &Sandbox,
    more: &str,
) -> Result<String, Failure> {
    let wrong = |error| Failure::bug("a preset of the payer's", anyhow::anyhow!("{error}"));
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let values: BTreeMap<String, String> = like.settings().iter().map(owned).collect();
    let section = Preset::named(preset).and_then(|it| it.section(&values)).map_err(wrong)?;
    let header = format!("[plans.{preset}]\n");
    let client_id = format!("{:?}", payer.client_id());
    let section = at_origin(&section, &payer.origin()).replace("\"your-client-id\"", &client_id);
    Ok(section.replacen(&header, &format!("{header}{more}"), 1))
}

/// The text with every origin replaced by `origin`.
fn at_origin(text: &str, origin: &str) -> String {
    let mut pieces = text.split("https://");
    let mut moved = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(['/', '"', ' ', '\n']).unwrap_or(piece.len());
        moved.push_str(origin);
        moved.push_str(&piece[end..]);
    }
    moved
}
