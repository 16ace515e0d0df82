//! `[notify]`: who is told when something is wrong.

use super::{
    error::ConfigError,
    header_text::{HeaderText, SecretPlace},
    secret_source::SecretSource,
};
use crate::http::Origin;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::{path::Path, time::Duration};
use url::{ParseError, Url};

const LONGEST_DAYS: u32 = 365;

/// The section as typed.
#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    command: Option<Vec<String>>,
    webhook: Option<HeaderText>,
    webhook_format: WebhookFormat,
    mail_to: Vec<String>,
    sendmail: Vec<String>,
    ping: Option<HeaderText>,
    consent_days: u32,
    repeat_days: u32,
}

impl Default for Section {
    fn default() -> Section {
        Section {
            command: None,
            webhook: None,
            webhook_format: WebhookFormat::Json,
            mail_to: Vec::new(),
            sendmail: ["/usr/sbin/sendmail", "-t", "-i"].map(str::to_owned).into(),
            ping: None,
            consent_days: 14,
            repeat_days: 7,
        }
    }
}

/// The format of a webhook's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WebhookFormat {
    /// The message as a JSON object.
    Json,
    /// A text with the headers of <https://docs.ntfy.sh/publish/>.
    Ntfy,
    /// `{"text": …}`, as Slack's incoming webhooks and those like them take it.
    Slack,
}

/// Who is told, over which channels, and how often.
#[derive(Debug, Clone)]
pub struct NotifySettings {
    /// A program that gets each message, with its arguments.
    pub command: Option<Vec<String>>,
    /// The URL to which messages are posted.
    pub webhook: Option<SecretUrl>,
    /// The format of the posted messages.
    pub webhook_format: WebhookFormat,
    /// The mail addresses that get each message.
    pub mail_to: Vec<String>,
    /// The program that sends mail, with its arguments.
    pub sendmail: Vec<String>,
    /// The URL that is requested when a run begins and ends.
    pub ping: Option<SecretUrl>,
    /// How many days before its end a consent is announced for the first time; 0 for never.
    pub consent_days: u32,
    /// After how long the same trouble is reported again.
    pub repeat: Duration,
}

impl NotifySettings {
    pub(super) fn new(
        section: Section,
        home: &Path,
        path: &Path,
    ) -> Result<NotifySettings, ConfigError> {
        let refuse = |key: &str, problem: String| ConfigError::Value {
            path: path.into(),
            line: None,
            key: format!("notify.{key}"),
            problem,
        };
        let names_no_program = |words: &[String]| words.first().is_none_or(String::is_empty);
        for (key, words) in
            [("command", &section.command), ("sendmail", &Some(section.sendmail.clone()))]
        {
            if words.as_ref().is_some_and(|words| names_no_program(words)) {
                return Err(refuse(key, "names no program".to_owned()));
            }
        }
        let days =
            [("consent_days", section.consent_days, 0), ("repeat_days", section.repeat_days, 1)];
        for (key, days, least) in days {
            if !(least..=LONGEST_DAYS).contains(&days) {
                let bounds = format!("is {days}, and must be between {least} and {LONGEST_DAYS}");
                return Err(refuse(key, bounds));
            }
        }
        let is_mailbox = |text: &String| {
            text.contains('@') && text.chars().all(|c| c.is_ascii_graphic() && c != ',' && c != ';')
        };
        if !section.mail_to.iter().all(is_mailbox) {
            let problem = "has a text that is not a mailbox such as operator@example.com";
            return Err(refuse("mail_to", problem.to_owned()));
        }
        let url = |key: &'static str, text| {
            SecretUrl::new(key, text, home).map_err(|problem| refuse(key, problem))
        };
        Ok(NotifySettings {
            command: section.command,
            webhook: section.webhook.map(|text| url("webhook", text)).transpose()?,
            webhook_format: section.webhook_format,
            mail_to: section.mail_to,
            sendmail: section.sendmail,
            ping: section.ping.map(|text| url("ping", text)).transpose()?,
            consent_days: section.consent_days,
            repeat: Duration::from_secs(u64::from(section.repeat_days) * 24 * 60 * 60),
        })
    }

    /// Whether no channel is configured.
    pub fn is_silent(&self) -> bool {
        let is_without_channel =
            self.command.is_none() && self.webhook.is_none() && self.mail_to.is_empty();
        is_without_channel && self.ping.is_none()
    }
}

/// A URL that may be a secret.
///
/// If it is a secret, only its place is stored; the URL itself is read when it is needed.
#[derive(Debug, Clone)]
pub struct SecretUrl(Place);

#[derive(Debug, Clone)]
enum Place {
    Open(Url),
    Secret(SecretSource),
}

impl SecretUrl {
    fn new(key: &'static str, text: HeaderText, home: &Path) -> Result<SecretUrl, String> {
        match text {
            HeaderText::Open(text) => checked(&text).map(|url| SecretUrl(Place::Open(url))),
            HeaderText::Secret(SecretPlace { env, file }) => {
                let problem = "names neither or both of env and file; keep one";
                match SecretSource::of(&format!("URL of notify.{key}"), key, env, file, home) {
                    Ok(Some(source)) => Ok(SecretUrl(Place::Secret(source))),
                    Ok(None) => Err(problem.to_owned()),
                    Err(wrong) => Err(wrong.problem(problem)),
                }
            }
        }
    }

    /// Reads the URL.
    ///
    /// # Errors
    /// The reason why it cannot be read or used, for people; never with the URL itself.
    pub fn read(&self) -> Result<Url, String> {
        match &self.0 {
            Place::Open(url) => Ok(url.clone()),
            Place::Secret(source) => match source.read("") {
                Ok(text) => checked(text.expose_secret())
                    .map_err(|problem| format!("{} {problem}", source.place())),
                Err(ConfigError::Secret { problem, .. }) => Err(problem),
                Err(ConfigError::SecretFile { source, .. }) => Err(source.to_string()),
                Err(error) => Err(error.to_string()),
            },
        }
    }
}

/// Checks that a text is a URL to which something can be sent; an error does not repeat the text.
fn checked(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| match error {
        ParseError::RelativeUrlWithoutBase => {
            "is not a URL: it must begin with https://".to_owned()
        }
        error => format!("is not a URL: {error}"),
    })?;
    match Origin::of(&url) {
        Ok(origin) if origin.is_protected() => Ok(url),
        _ => Err("is neither https nor http on this machine".to_owned()),
    }
}
