//! A consent request that one call prints and a later call answers (`--code CODE`).
//!
//! Only the state, the nonce and the PKCE verifier are kept. They are useless without the code, and the
//! file is deleted once the consent is given.

use crate::{
    auth::{AuthorizeRequest, ExpectedAnswer},
    own_file,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

#[derive(Serialize, Deserialize)]
struct File {
    plan: String,
    expected: ExpectedAnswer,
    verifier: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
}

/// The parts of a request that are needed to take its answer.
pub(super) struct Pending {
    pub(super) expected: ExpectedAnswer,
    pub(super) verifier: Option<SecretString>,
    pub(super) nonce: Option<String>,
}

fn path(home: &Path, name: &str) -> PathBuf {
    home.join(format!("pending-{name}.json"))
}

/// Saves a request until it is answered.
pub(super) fn keep(
    home: &Path,
    name: &str,
    plan: &str,
    request: &AuthorizeRequest,
) -> io::Result<()> {
    forget(home, name)?;
    let file = File {
        plan: plan.to_owned(),
        expected: request.expected.clone(),
        verifier: request.verifier.as_ref().map(|verifier| verifier.expose_secret().to_owned()),
        nonce: request.nonce.clone(),
    };
    own_file::create_new(&path(home, name))?.write_all(&serde_json::to_vec(&file)?)
}

/// The saved request of this connection at this plan, if any.
pub(super) fn find(home: &Path, name: &str, plan: &str) -> Option<Pending> {
    let bytes = fs::read(path(home, name)).ok()?;
    let file: File = serde_json::from_slice(&bytes).ok()?;
    (file.plan == plan).then(|| Pending {
        expected: file.expected,
        verifier: file.verifier.map(SecretString::from),
        nonce: file.nonce,
    })
}

/// Whether a consent is pending for a name, at whichever plan.
///
/// The name may be any text that was typed. A name with a slash is not that of a connection, and would lead
/// to another folder.
pub(super) fn is_kept(home: &Path, name: &str) -> bool {
    !name.contains(['/', '\\']) && path(home, name).symlink_metadata().is_ok()
}

/// Deletes the pending consent of a connection, if any.
pub(super) fn forget(home: &Path, name: &str) -> io::Result<()> {
    match fs::remove_file(path(home, name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
