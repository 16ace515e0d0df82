//! The start page on this machine that a browser is opened at; it leads on to the consent page.
//!
//! The URL of the consent page carries `state`, and everybody on the machine can read the command line of a
//! browser. The start page's address carries no `state`, and leads on only once: if somebody else opens it
//! first, the member gets a page that says so.

use crate::own_file;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use url::Url;

/// A page that redirects to the consent page, once.
#[derive(Debug)]
pub(super) struct StartPage {
    path: String,
    leads_to: Url,
    was_opened: AtomicBool,
}

impl StartPage {
    /// A page at an address that cannot be known beforehand.
    pub(crate) fn new(leads_to: &Url) -> io::Result<StartPage> {
        let path = format!("/start/{}", own_file::random_name()?);
        Ok(StartPage { path, leads_to: leads_to.clone(), was_opened: AtomicBool::new(false) })
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The redirect to the consent page; `None` if it was given before.
    pub(crate) fn open(&self) -> Option<Response> {
        (!self.was_opened.swap(true, Ordering::SeqCst)).then(|| {
            let headers = [
                (header::LOCATION, self.leads_to.as_str()),
                (header::CACHE_CONTROL, "no-store"),
                (header::CONNECTION, "close"),
                (header::REFERRER_POLICY, "no-referrer"),
            ];
            (StatusCode::SEE_OTHER, headers).into_response()
        })
    }
}
