//! `payersync jwks`: prints the public part of a plan's client key; `--new` makes the key.

use super::{failure::Failure, print, tell};
use crate::{
    auth::{ClientKey, KeyAlgorithm},
    cli::{JwksArgs, NewKey},
    config::Settings,
    exit_code::ExitCode,
    own_file,
};
use secrecy::ExposeSecret;
use std::{io::ErrorKind, path::Path};

/// Prints a JSON Web Key Set.
pub(super) fn run(folder: &Path, args: &JwksArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load(folder)?;
    let plan = settings.plan(&args.plan)?;
    let Some(path) = plan.client_key_file() else {
        let hint = "set token_auth = \"private_key_jwt\" and client_key_file in its section";
        return Err(Failure::misuse(format!("plan {} has no client key", plan.name)).hint(hint));
    };
    if let Some(new) = args.new {
        make(path, new)?;
    }
    if let Some(key) = plan.client_key()? {
        print(|out| {
            serde_json::to_writer_pretty(&mut *out, &key.key_set())?;
            writeln!(out)
        })?;
    }
    Ok(ExitCode::Complete)
}

fn make(path: &Path, new: NewKey) -> Result<(), Failure> {
    let algorithm = match new {
        NewKey::Es384 => KeyAlgorithm::Es384,
        NewKey::Rs384 => KeyAlgorithm::Rs384,
    };
    let pem = ClientKey::generate(algorithm)
        .map_err(|error| Failure::usage("cannot make a key", error))?;
    own_file::create_whole(path, pem.expose_secret().as_bytes()).map_err(|error| {
        match error.kind() {
            ErrorKind::AlreadyExists => Failure::misuse(format!(
                "{} exists and was kept",
                path.display()
            ))
            .hint(
                "leave out --new to print its public part; to change keys, name another file in \
                 client_key_file and register both until the plan knows the new one",
            ),
            _ => {
                let hint = "name in client_key_file a file in a folder that this user can write to";
                Failure::file(format!("cannot write {}", path.display()), error, hint)
            }
        }
    })?;
    tell(&format!("Made {}; keep it as safe as a password", path.display()));
    Ok(())
}
