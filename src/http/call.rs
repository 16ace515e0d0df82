//! A request that can be sent again, and the decision whether to send it again.

use bytes::Bytes;
use reqwest::{Method, header::HeaderMap};
use secrecy::SecretString;
use tokio::sync::watch;
use url::Url;

use super::error::Fault;
use super::posted::Posted;
use super::{Cookies, Response, Retry, RetryReason, Verdict, classify};

/// A request in the form in which it can be sent again.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: HeaderMap,
    pub(super) form: Option<Posted>,
    /// The cookies to send, and the place for those that the answer sets.
    pub(super) cookies: Option<&'a Cookies>,
    /// Largest answer in bytes, if that is less than the limit of the options.
    pub(super) limit_bytes: Option<usize>,
    /// Whether the answer may be a file of any type.
    pub(super) is_file: bool,
    /// A field of the form that is made anew for each attempt.
    pub(super) fresh: &'a (dyn Fn() -> Option<(&'static str, SecretString)> + Send + Sync),
    /// Whether an attempt may be repeated although the server may have acted on it.
    pub(super) repeatable: bool,
    /// Turns true when no further attempt is wanted, because the process ends.
    pub(super) give_up: Option<watch::Receiver<bool>>,
    pub(super) is_for_later: fn(&[u8]) -> bool,
    pub(super) on_retry: &'a (dyn Fn(&Retry) + Send + Sync),
    /// Masks the secrets in an answer, before anybody reads it.
    pub(super) mask: &'a (dyn Fn(Bytes) -> Bytes + Send + Sync),
}

impl Call<'_> {
    /// Why another attempt may bring more than this one; `None` if this outcome is final.
    ///
    /// `is_wanting` says that the answer succeeded, but its body cannot be used.
    pub(super) fn reason_to_repeat(
        &self,
        outcome: &Result<Response, Fault>,
        is_wanting: bool,
    ) -> Option<RetryReason> {
        match outcome {
            Ok(_) if !self.repeatable => None,
            Ok(response) if classify(response.status) == Verdict::Retryable => {
                Some(RetryReason::Status(response.status))
            }
            Ok(_) => is_wanting.then_some(RetryReason::Body),
            Err(fault) => {
                // If the answer to a form has begun, the server has acted on the form, even if the rest was
                // lost.
                let is_acted_on = self.form.is_some() && fault.is_final();
                let repeatable = fault.unsent || (self.repeatable && !is_acted_on);
                (fault.kind.is_transient() && repeatable)
                    .then(|| RetryReason::Network(fault.kind.clone()))
            }
        }
    }

    /// Waits until no further attempt is wanted.
    pub(super) async fn given_up(&self) {
        if let Some(mut give_up) = self.give_up.clone()
            && give_up.wait_for(|given_up| *given_up).await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}
