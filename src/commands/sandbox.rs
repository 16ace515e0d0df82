//! `payersync sandbox`: the embedded payer, to be talked to by whatever speaks the protocol.

use super::{failure::Failure, print, show, stop_signal, tell, terminal};
use crate::{
    cli::{SandboxArgs, SandboxCommand},
    exit_code::ExitCode,
    sandbox::{Fault, Options, Sandbox},
};
use std::{net::Ipv4Addr, time::Duration};
use tokio::net::TcpListener;

/// Members that are named; a payer for a load test has a million.
const MOST_MEMBERS: u32 = 100;

/// Columns of the screen for the name of a fault.
const FAULT: usize = 24;

/// Serves until told to stop.
pub(super) async fn run(command: SandboxCommand) -> Result<ExitCode, Failure> {
    if command.sandbox.list_faults {
        return list_faults();
    }
    let sandbox = start(command.port, &command.sandbox, None).await?;
    print(|out| {
        writeln!(out, "[plans.sandbox]")?;
        writeln!(out, "fhir_url = {:?}", sandbox.fhir_url())?;
        writeln!(out, "authorize_url = {:?}", sandbox.authorize_url())?;
        writeln!(out, "token_url = {:?}", sandbox.token_url())?;
        writeln!(out, "client_id = {:?}", sandbox.client_id())?;
        writeln!(out, "client_secret_env = \"PAYERSYNC_SANDBOX_SECRET\"")?;
        writeln!(out, "# Where payersync is started:")?;
        writeln!(out, "#   export PAYERSYNC_SANDBOX_SECRET={}", sandbox.client_secret())?;
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
    tell("The embedded payer is up; Ctrl-C stops it. Paste the lines above into payersync.toml");
    stop_signal::listen_and_say("The payer has stopped", None).asked().await;
    sandbox.stop().await;
    Ok(ExitCode::Complete)
}

/// Names every fault with its sentence.
pub(super) fn list_faults() -> Result<ExitCode, Failure> {
    let screen = terminal::width().unwrap_or(usize::MAX);
    print(|out| {
        Fault::ALL.iter().try_for_each(|fault| {
            let line = format!("{:<FAULT$} {}", fault.name(), fault.describe());
            writeln!(out, "{}", show::wrap(&line, screen, FAULT + 1))
        })
    })?;
    Ok(ExitCode::Complete)
}

/// Starts the embedded payer on this machine, under a name of its own where it is given one.
pub(super) async fn start(
    port: u16,
    args: &SandboxArgs,
    named_origin: Option<&str>,
) -> Result<Sandbox, Failure> {
    let failed = |error| {
        Failure::usage(format!("cannot listen on port {port}"), error)
            .hint("choose another one with --port")
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let options = Options {
        members: args.members,
        seed: args.seed,
        named_origin: named_origin.map(str::to_owned),
        page_delay: Duration::from_millis(args.page_delay),
        faults: args.faults.clone(),
        ..Options::default()
    };
    Sandbox::start(listener, options).await.map_err(failed)
}
