//! The embedded payer: a Patient Access API on this machine, with synthetic members.
//!
//! It behaves as 1upHealth's demo environment does, as far as that is documented. On demand it fails in the
//! ways in which payers do. No data in it is about a real person, and it uses no network but its two
//! loopback listeners. It uses no other module of this crate, so that a misunderstanding in the client is
//! not repeated in the server.
//!
//! # What is documented, and what is assumed
//!
//! Documented by 1upHealth or recorded from its servers: the form of the addresses, the consent page's
//! steps and demo member, the token request, `expires_in` 7199, codes that live five minutes, the six types
//! that every payer serves, pages of 10 to 100 by ascending id with an `_after` cursor, Bundles without
//! links if one page holds everything, the `_skip` limit, the refused literal `|`, metadata without a
//! token, SMART discovery only with a token.
//!
//! Inferred from its samples: the server library behind the token endpoint, and with it the table of
//! errors; that a code can be used once; the empty page after a last page that is exactly full.
//!
//! **Assumed**, and not to be taken as 1upHealth's behaviour: all texts of the consent page's errors; PKCE
//! and `redirect_uri` at the token endpoint; that refresh tokens are issued at all, live 14 days and
//! rotate; what `_lastUpdated` and `_sort` do; everything about 429; the bodies of 401, 403 and 404; which
//! clinical types a plan serves.

mod members;

mod change;
mod faults;
mod like;
mod oauth;
mod options;
mod pairs;
mod registered;
mod server;
mod state;

pub use faults::fault::{Fault, UnknownFault};
pub use like::{Like, UnknownLike};
pub use members::Identity;
pub use options::Options;
pub use state::Request;

use members::entry;
use registered::{CLIENT_ID, CLIENT_SECRET};
use server::{
    line::{Doorway, Wire},
    record::Record,
    routes,
};
use state::State;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running sandbox. It stops when it is dropped.
pub struct Sandbox {
    state: Arc<State>,
    closing: Arc<AtomicBool>,
    stop: watch::Sender<()>,
    servers: Vec<JoinHandle<io::Result<()>>>,
}

impl Sandbox {
    /// Serves on the listener, and on a second loopback listener as the foreign origin.
    ///
    /// # Errors
    ///
    /// The listener has no address, or the second one cannot be opened.
    pub async fn start(listener: TcpListener, options: Options) -> io::Result<Sandbox> {
        let foreign = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let origin = origin_of(listener.local_addr()?);
        let state = State::new(options, origin, origin_of(foreign.local_addr()?));
        let state = Arc::new(state);
        let closing = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = watch::channel(());
        let payer =
            routes::router(Arc::clone(&state)).into_make_service_with_connect_info::<Wire>();
        let doorway = Doorway::new(listener, Arc::clone(&closing));
        let other = routes::foreign_router(Arc::clone(&state));
        let servers = vec![
            tokio::spawn(
                axum::serve(doorway, payer)
                    .with_graceful_shutdown(until_stopped(stopped.clone()))
                    .into_future(),
            ),
            tokio::spawn(
                axum::serve(foreign, other)
                    .with_graceful_shutdown(until_stopped(stopped))
                    .into_future(),
            ),
        ];
        Ok(Sandbox { state, closing, stop, servers })
    }

    /// The payer's origin: scheme, host and port.
    pub fn origin(&self) -> String {
        self.state.origin.clone()
    }

    /// The URL that the member's browser is sent to.
    pub fn authorize_url(&self) -> String {
        format!("{}{}", self.state.origin, self.like().paths().authorize)
    }

    /// The URL where codes and refresh tokens are exchanged.
    pub fn token_url(&self) -> String {
        format!("{}{}", self.state.origin, self.like().paths().token)
    }

    /// The FHIR base, without a trailing slash; the first one if there are several.
    pub fn fhir_url(&self) -> String {
        self.state.base_url("Patient")
    }

    fn like(&self) -> Like {
        self.state.options.like
    }

    /// The foreign origin, to which no token may ever be sent.
    pub fn foreign_origin(&self) -> String {
        self.state.foreign_origin.clone()
    }

    /// The id of the one client that may use this plan.
    pub fn client_id(&self) -> &str {
        CLIENT_ID
    }

    /// The client's secret, which protects nothing.
    pub fn client_secret(&self) -> &str {
        CLIENT_SECRET
    }

    /// The identity that the member must enter. Member 0 is the documented demo member.
    pub fn identity(&self, member: u32) -> Identity {
        self.state.member(member).identity()
    }

    /// The id of a member's Patient.
    pub fn patient_id(&self, member: u32) -> String {
        self.state.member(member).patient_id()
    }

    /// The types that the payer serves.
    pub fn types(&self) -> Vec<&'static str> {
        self.like().types()
    }

    /// The exact texts that a walk without faults delivers, in their order.
    ///
    /// Empty for a type that is not served. For tests: all texts are in memory at once.
    pub fn resources(&self, member: u32, resource_type: &str) -> Vec<String> {
        let Some(entry) = entry(resource_type) else { return Vec::new() };
        let record = Record::new(&self.state, member, entry);
        let standing = (0..record.len()).filter(|index| !record.is_withdrawn(*index));
        standing.map(|index| record.text(index)).collect()
    }

    /// Changes a resource, as a payer may between two nights: new content, version and date.
    ///
    /// Returns whether the resource exists. The date is the present, so that a search by `_lastUpdated`
    /// since the last walk finds the resource. A withdrawn resource comes back.
    pub fn amend(&self, member: u32, resource_type: &str, id: &str) -> bool {
        let place = self.place(member, resource_type, id);
        if let Some((name, index)) = place {
            self.state.amend(member, name, index, chrono::Utc::now());
        }
        place.is_some()
    }

    /// Withdraws a resource: searches no longer find it, and a read is answered 410.
    ///
    /// Returns whether the resource exists.
    pub fn withdraw(&self, member: u32, resource_type: &str, id: &str) -> bool {
        let place = self.place(member, resource_type, id);
        if let Some((name, index)) = place {
            self.state.withdraw(member, name, index);
        }
        place.is_some()
    }

    fn place(&self, member: u32, resource_type: &str, id: &str) -> Option<(&'static str, u32)> {
        let entry = entry(resource_type)?;
        let index = Record::new(&self.state, member, entry).find(id)?;
        Some((entry.name, index))
    }

    /// Every token that was issued and is remembered, for tests that search files for tokens.
    pub fn tokens(&self) -> Vec<String> {
        self.state.grants().tokens()
    }

    /// The requests received so far.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests().clone()
    }

    /// Forgets the requests received so far, including those at the foreign origin.
    pub fn clear_requests(&self) {
        self.state.requests().clear();
        self.state.foreign.requests.store(0, Ordering::Relaxed);
        self.state.foreign.with_authorization.store(0, Ordering::Relaxed);
    }

    /// The number of requests at the foreign origin, and how many of them had `Authorization`.
    pub fn foreign_requests(&self) -> (u64, u64) {
        let foreign = &self.state.foreign;
        (
            foreign.requests.load(Ordering::Relaxed),
            foreign.with_authorization.load(Ordering::Relaxed),
        )
    }

    /// Replaces the faults; faults that act a limited number of times start counting again.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.state.set_faults(faults);
    }

    /// Revokes every refresh token, as a member or a plan may: the next refresh gets `invalid_grant`.
    pub fn revoke_grants(&self) {
        self.state.grants().revoke_all_refresh();
    }

    /// Ends every access token; refresh tokens stay.
    pub fn expire_access_tokens(&self) {
        self.state.grants().expire_all_access();
    }

    /// Closes the listeners and the connections; requests under way get two seconds to end.
    pub async fn stop(mut self) {
        self.closing.store(true, Ordering::Relaxed);
        // Without a receiver, the servers have ended already.
        let _ = self.stop.send(());
        for mut server in std::mem::take(&mut self.servers) {
            if tokio::time::timeout(Duration::from_secs(2), &mut server).await.is_err() {
                server.abort();
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

fn origin_of(address: SocketAddr) -> String {
    format!("http://{address}")
}

async fn until_stopped(mut stopped: watch::Receiver<()>) {
    // An error means that the sandbox was dropped, which also stops the server.
    let _ = stopped.changed().await;
}

#[cfg(test)]
mod tests;
