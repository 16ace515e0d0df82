//! A consent that was asked for in one call and is answered in another (`--code CODE`).
//!
//! Only the state, the nonce and the PKCE verifier are kept: none of them opens anything without the code, and
//! the file goes when the consent is given.

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

/// What was asked for.
pub(super) struct Pending {
    pub(super) expected: ExpectedAnswer,
    pub(super) verifier: Option<SecretString>,
    pub(super) nonce: Option<String>,
}

fn path(home: &Path, name: &str) -> PathBuf {
    home.join(format!("pending-{name}.json"))
}

/// Keeps a request until it is answered.
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

/// The request that waits for its answer, if there is one for this plan.
pub(super) fn find(home: &Path, name: &str, plan: &str) -> Option<Pending> {
    let bytes = fs::read(path(home, name)).ok()?;
    let file: File = serde_json::from_slice(&bytes).ok()?;
    (file.plan == plan).then(|| Pending {
        expected: file.expected,
        verifier: file.verifier.map(SecretString::from),
        nonce: file.nonce,
    })
}

/// Deletes the pending consent of a connection, if any.
pub(super) fn forget(home: &Path, name: &str) -> io::Result<()> {
    match fs::remove_file(path(home, name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
