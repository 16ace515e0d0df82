//! One message, in the forms in which it is sent.
//!
//! It has names of plans, dates, numbers, exit codes, the machine and the home's folder. It has no name
//! of a connection, since that may be a person's name.

use crate::clock;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::fmt::Write as _;

/// The occasion of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A run ended with an exit code other than 0.
    Failure,
    /// Something that was reported as failed is complete.
    Recovery,
    /// A consent is about to end.
    ConsentEnding,
    /// A test by `payersync notify --test`.
    Test,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The occasion of the message.
    pub event: Event,
    /// The title: one line of ASCII.
    pub title: String,
    /// The text: a few lines.
    pub text: String,
    /// The command that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'static str>,
    /// The command's exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// The names of the plans concerned.
    pub plans: Vec<String>,
    /// Where and when the message was made; `None` until that is known.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub origin: Option<NoticeOrigin>,
}

/// Where and when a message was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoticeOrigin {
    /// The machine's name.
    pub host: String,
    /// The name of the home's folder.
    pub home: String,
    /// When the message was made (RFC 3339, UTC).
    pub at: String,
}

impl Notice {
    /// The message that `payersync notify --test` sends.
    pub(super) fn test() -> Notice {
        Notice {
            event: Event::Test,
            title: "payersync: a test".to_owned(),
            text:
                "This is a test. Messages like this one tell you when a sync fails, when a consent \
                is about to end, and when all is complete again."
                    .to_owned(),
            command: None,
            exit_code: None,
            plans: Vec::new(),
            origin: None,
        }
    }

    /// The same notice with its origin, which is also the last line of its text.
    pub(super) fn made(mut self, host: &str, home: &str, now: DateTime<Utc>) -> Notice {
        let minute = now.format("%Y-%m-%d %H:%M UTC");
        self.text += &format!("\nOn {host}, home {home}, {minute}.");
        let (host, home, at) = (host.to_owned(), home.to_owned(), clock::text(now));
        self.origin = Some(NoticeOrigin { host, home, at });
        self
    }

    pub(super) fn json(&self) -> String {
        // Texts and numbers can always be written as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The text in Slack's format `mrkdwn`, in which three characters are escaped.
    pub(super) fn slack(&self) -> String {
        let text = format!("*{}*\n{}", self.title, self.text);
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        serde_json::json!({ "text": text }).to_string()
    }

    /// The headers of ntfy for tag and priority (1 to 5, 3 is usual).
    pub(super) fn ntfy(&self) -> [(&'static str, &'static str); 2] {
        match self.event {
            Event::Failure => [("Tags", "rotating_light"), ("Priority", "4")],
            Event::Recovery => [("Tags", "white_check_mark"), ("Priority", "3")],
            Event::ConsentEnding => [("Tags", "hourglass"), ("Priority", "4")],
            Event::Test => [("Tags", "wave"), ("Priority", "3")],
        }
    }

    /// The message as RFC 5322 mail, for a program that sends mail.
    pub(super) fn mail(&self, to: &[String]) -> String {
        let mut mail = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(mail, "To: {}", to.join(", "));
        let _ = writeln!(mail, "Subject: {}", self.title);
        mail.push_str("Auto-Submitted: auto-generated\nMIME-Version: 1.0\n");
        mail.push_str("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n");
        let _ = writeln!(mail, "\n{}", self.text);
        mail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_mail_and_text_for_slack() {
        let notice = Notice { text: "plan <a&b>".to_owned(), ..Notice::test() };
        let mail = notice.mail(&["a@b.test".to_owned(), "c@d.test".to_owned()]);
        assert!(mail.starts_with("To: a@b.test, c@d.test\nSubject: payersync: a test\n"), "{mail}");
        assert!(mail.ends_with("8bit\n\nplan <a&b>\n"), "{mail}");
        let now = "2026-11-28T03:00:07Z".parse().unwrap();
        let told = notice.clone().made("nas", "data", now);
        assert!(told.text.ends_with("\nOn nas, home data, 2026-11-28 03:00 UTC."), "{}", told.text);
        let origin = r#""host":"nas","home":"data","at":"2026-11-28T03:00:07.000Z""#;
        assert!(told.json().contains(origin), "{}", told.json());
        assert!(notice.slack().contains(r"*payersync: a test*\nplan &lt;a&amp;b&gt;"));
    }
}
