//! Sends messages if a run fails, a consent is about to end, or all is complete again.
//!
//! A channel (a command, a webhook, a mailbox) is told the same trouble once, and again after a period.
//! It is told of a recovery only if it was told of the trouble. What has been told is kept in the home. A
//! message that could not be delivered is tried again by the next run. Messages have names of plans,
//! numbers, dates, exit codes, the machine and the home's folder. They have no name of a person or
//! connection, no id and no token.
//!
//! Nothing here prints or fails a run: problems are returned as sentences for people.

mod decide;
mod memory;
mod notice;
mod program;

pub use decide::{ConnectionResult, ConsentEnd, RunResult};
pub(crate) use memory::FILE_NAME;
pub use notice::{Event, Notice, NoticeOrigin};

use crate::{
    config::{NotifySettings, SecretUrl, Settings, WebhookFormat},
    exit_code::ExitCode,
    http::{Get, HttpClient, HttpError, HttpOptions, Origin, OriginHeaders, PostText, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use decide::{Policy, decide, forget};
use memory::Remembering;
use secrecy::SecretString;
use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{task::spawn_blocking, time::timeout};
use url::Url;

/// The longest time for all messages at the end of a run.
const PATIENCE: Duration = Duration::from_secs(90);

/// Sends messages to everybody whom `[notify]` names.
#[derive(Debug, Clone)]
pub struct Notifier {
    home: PathBuf,
    host: String,
    settings: NotifySettings,
    /// Made when it is first needed: a command and a mailbox are told without it.
    http: Arc<OnceLock<HttpClient>>,
}

/// A channel for messages.
#[derive(Debug, Clone, Copy)]
enum Channel {
    Command,
    Webhook,
    Mail,
}

impl Channel {
    const ALL: [Channel; 3] = [Channel::Command, Channel::Webhook, Channel::Mail];

    /// The channel's key in the configuration.
    fn key(self) -> &'static str {
        match self {
            Channel::Command => "command",
            Channel::Webhook => "webhook",
            Channel::Mail => "mail_to",
        }
    }
}

/// The kind of a ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ping {
    Start,
    Success,
    Fail,
}

impl Notifier {
    /// A notifier for these settings; `None` if they name nobody. `host` is the machine's name.
    pub fn new(settings: &Settings, host: String) -> Option<Notifier> {
        if settings.notify.is_silent() {
            return None;
        }
        let (home, settings) = (settings.home.clone(), settings.notify.clone());
        Some(Notifier { home, host, settings, http: Arc::default() })
    }

    /// The HTTP client. If it cannot be made, that is the problem of the channels that need it, and the next
    /// message tries again.
    fn http(&self) -> Result<&HttpClient, String> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let seconds = Duration::from_secs;
        let made = HttpClient::new(HttpOptions {
            connect_timeout: seconds(10),
            read_timeout: seconds(10),
            total_timeout: seconds(15),
            max_body_bytes: 1 << 20,
            max_attempts: 3,
            max_retry_wait: seconds(10),
            ..HttpOptions::default()
        });
        let made = made.map_err(|error| {
            format!(
                "cannot set up HTTPS on this machine: {error}; look at the package ca-certificates, \
                 SSL_CERT_FILE and HTTPS_PROXY"
            )
        })?;
        Ok(self.http.get_or_init(|| made))
    }

    /// Pings that a run has begun. Returns problems, for people.
    pub async fn begin(&self) -> Vec<String> {
        self.ping(Ping::Start).await.err().into_iter().collect()
    }

    /// Sends the messages about a run's result, if there are any. Returns problems, for people.
    pub async fn end(&self, result: &RunResult, now: DateTime<Utc>) -> Vec<String> {
        let mut problems = Vec::new();
        let ping = match result.exit_code {
            ExitCode::Complete => Ping::Success,
            _ => Ping::Fail,
        };
        let told = timeout(PATIENCE, async {
            problems.extend(self.ping(ping).await.err());
            problems.extend(self.tell(result, now).await);
        });
        if told.await.is_err() {
            problems.push(format!("notify: not finished within {} s", PATIENCE.as_secs()));
        }
        problems
    }

    /// Sends a test over every channel; returns the outcome for each.
    pub async fn test(&self, now: DateTime<Utc>) -> Vec<(&'static str, Result<(), String>)> {
        let mut results = Vec::new();
        let notice = self.placed(Notice::test(), now);
        for channel in self.channels() {
            results.push((channel.key(), self.deliver(channel, &notice).await));
        }
        if self.settings.ping.is_some() {
            results.push(("ping", self.ping(Ping::Success).await));
        }
        results
    }

    /// Checks each channel and sends nothing. Returns the key of each channel, and its problem if it has one.
    pub fn look(&self) -> Vec<(&'static str, Option<String>)> {
        let url = |place: &Option<SecretUrl>| place.as_ref()?.read().err();
        let program = |words: &[String]| {
            let name = words.first()?;
            (!program::is_found(name, &self.home)).then(|| format!("there is no program {name}"))
        };
        let mut looked: Vec<_> = self
            .channels()
            .map(|channel| {
                let problem = match channel {
                    Channel::Command => program(self.settings.command.as_deref().unwrap_or(&[])),
                    Channel::Mail => program(&self.settings.sendmail),
                    Channel::Webhook => url(&self.settings.webhook),
                };
                (channel.key(), problem)
            })
            .collect();
        if self.settings.ping.is_some() {
            looked.push(("ping", url(&self.settings.ping)));
        }
        looked
    }

    fn channels(&self) -> impl Iterator<Item = Channel> {
        let NotifySettings { command, webhook, mail_to, .. } = &self.settings;
        let is_there = [command.is_some(), webhook.is_some(), !mail_to.is_empty()];
        Channel::ALL.into_iter().zip(is_there).filter(|(_, is_there)| *is_there).map(|(it, _)| it)
    }

    async fn tell(&self, result: &RunResult, now: DateTime<Utc>) -> Vec<String> {
        if self.channels().next().is_none() {
            return Vec::new();
        }
        let home = self.home.clone();
        let forgetful = |error: &dyn std::fmt::Display| {
            let file = self.home.join(FILE_NAME);
            format!(
                "notify: cannot use {}: {error}; remove the file, and every message is sent again",
                file.display()
            )
        };
        let opened = match spawn_blocking(move || Remembering::open(&home)).await {
            Ok(opened) => opened,
            Err(error) => return vec![forgetful(&error)],
        };
        let (mut remembering, mut problems) = match opened {
            Ok(remembering) => (Some(remembering), Vec::new()),
            // It is better to send a message twice than never.
            Err(error) => (None, vec![forgetful(&error)]),
        };
        let days = |days: u32| TimeDelta::days(i64::from(days));
        let policy = Policy {
            consent: days(self.settings.consent_days),
            repeat: TimeDelta::from_std(self.settings.repeat).unwrap_or(TimeDelta::MAX),
        };
        for channel in self.channels() {
            let mut told = remembering
                .as_ref()
                .and_then(|it| it.memory.channels.get(channel.key()).cloned())
                .unwrap_or_default();
            if let Some(at) = remembering.as_ref().and_then(|it| it.forgot_at) {
                told.assume_failed(at);
            }
            let before = told.clone();
            forget(&mut told, result);
            for decision in decide(&told, result, policy, now) {
                let notice = self.placed(decision.notice, now);
                if let Err(problem) = self.deliver(channel, &notice).await {
                    problems.push(problem);
                    // Later messages build on this one; the next run sends all of them.
                    break;
                }
                told = decision.then;
            }
            if let Some(it) = remembering.as_mut().filter(|_| told != before) {
                it.memory.channels.insert(channel.key().to_owned(), told);
                if let Err(error) = it.save() {
                    let _ = it.forget(now);
                    problems.push(forgetful(&error));
                }
            }
        }
        problems
    }

    /// The notice with its origin. Only the name of the home's folder is shown: its path may name a
    /// person.
    fn placed(&self, notice: Notice, now: DateTime<Utc>) -> Notice {
        let home = self.home.file_name().unwrap_or(self.home.as_os_str()).to_string_lossy();
        notice.made(&self.host, &home, now)
    }

    async fn deliver(&self, channel: Channel, notice: &Notice) -> Result<(), String> {
        let delivered = match channel {
            Channel::Command => {
                let words = self.settings.command.clone().unwrap_or_default();
                self.run(words, notice.json()).await
            }
            Channel::Mail => {
                let text = notice.mail(&self.settings.mail_to);
                self.run(self.settings.sendmail.clone(), text).await
            }
            Channel::Webhook => match &self.settings.webhook {
                Some(place) => self.post(place, notice).await,
                None => Ok(()),
            },
        };
        delivered.map_err(|problem| format!("notify.{}: {problem}", channel.key()))
    }

    async fn run(&self, words: Vec<String>, text: String) -> Result<(), String> {
        let home = self.home.clone();
        let run = move || program::run(&words, &home, &text, program::PATIENCE);
        spawn_blocking(run).await.map_err(|error| error.to_string())?
    }

    async fn post(&self, place: &SecretUrl, notice: &Notice) -> Result<(), String> {
        let url = place.read()?;
        let (content_type, text) = match self.settings.webhook_format {
            WebhookFormat::Json => ("application/json", notice.json()),
            WebhookFormat::Slack => ("application/json", notice.slack()),
            WebhookFormat::Ntfy => ("text/plain; charset=utf-8", notice.text.clone()),
        };
        let mut headers = Origin::of(&url).ok().map(OriginHeaders::new);
        if self.settings.webhook_format == WebhookFormat::Ntfy {
            let more = [("Title", notice.title.as_str())].into_iter().chain(notice.ntfy());
            for (name, value) in more {
                let value = SecretString::from(value);
                headers = headers.map(|headers| headers.with(name, &value, false));
            }
        }
        let request = PostText { url: &url, content_type, headers: headers.as_ref(), text };
        accepted(self.http()?.post_text(request).await)
    }

    async fn ping(&self, ping: Ping) -> Result<(), String> {
        let Some(place) = &self.settings.ping else { return Ok(()) };
        let problem = |problem| format!("notify.ping: {problem}");
        let url = pinged(place.read().map_err(problem)?, ping);
        let get = Get::new(&url, "*/*");
        accepted(self.http().map_err(problem)?.get(get).await).map_err(problem)
    }
}

/// The URL of a ping, with a last segment for a beginning or a failure.
fn pinged(mut url: Url, ping: Ping) -> Url {
    let word = match ping {
        Ping::Start => "start",
        Ping::Success => return url,
        Ping::Fail => "fail",
    };
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(word);
    }
    url
}

/// Whether a server has accepted the request. The URL may be a secret, so an error shows at most its
/// host.
fn accepted(answer: Result<Response, HttpError>) -> Result<(), String> {
    match answer {
        Ok(response) if response.is_success() => Ok(()),
        Ok(response) => Err(format!("the server answered with status {}", response.status)),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_has_its_word_below_the_url_and_keeps_the_query() {
        let pinged = |text: &str, ping| pinged(Url::parse(text).unwrap(), ping).to_string();
        assert_eq!(pinged("https://h/ab?c=1", Ping::Success), "https://h/ab?c=1");
        assert_eq!(pinged("https://h/ab?c=1", Ping::Start), "https://h/ab/start?c=1");
        assert_eq!(pinged("https://h/ab/", Ping::Fail), "https://h/ab/fail");
    }
}
