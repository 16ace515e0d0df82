//! `payersync connect`, step by step, so that a test can come between two of them.

use super::{Home, Payer};
use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStderr, Command, Stdio},
};

/// A `connect` whose member has consented; the answer has not been given yet.
pub(crate) struct Consenting {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
    /// Where the browser was sent.
    pub(crate) redirect: String,
}

impl Consenting {
    /// Starts `connect` and has the member consent; `more` goes before the command.
    pub(crate) fn start(
        payer: &Payer,
        home: &Home,
        plan: &str,
        name: &str,
        member: u32,
        more: &[&str],
    ) -> Consenting {
        let command = ["connect", name, "--plan", plan, "--code", "-"];
        let command = [more, &command].concat();
        Consenting::start_with(home, &command, |url| payer.consent(url, member))
    }

    /// Starts a `connect` whose member does what `consent` does with the URL.
    pub(crate) fn start_with(
        home: &Home,
        command: &[&str],
        consent: impl FnOnce(&str) -> String,
    ) -> Consenting {
        Consenting::start_command(home.command(command), consent)
    }

    /// Starts a `connect` with a prepared command.
    pub(crate) fn start_command(
        mut command: Command,
        consent: impl FnOnce(&str) -> String,
    ) -> Consenting {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let url = loop {
            let mut line = String::new();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "no URL was shown: {said}");
            said.push_str(&line);
            // The URL is alone on its line, or a value of a JSON line.
            let url = line
                .find("http")
                .map(|start| &line[start..])
                .filter(|_| line.contains("response_type="));
            if let Some(url) = url.and_then(|rest| rest.split(['"', '\n']).next()) {
                break url.to_owned();
            }
        };
        let redirect = consent(&url);
        Consenting { child, stderr, said, redirect }
    }

    /// The authorization code in the redirect.
    pub(crate) fn code(&self) -> String {
        let url = url::Url::parse(&self.redirect).unwrap();
        let code = url.query_pairs().find(|(name, _)| name == "code").unwrap().1;
        code.into_owned()
    }

    /// Pastes the redirect.
    pub(crate) fn answer(mut self) -> Consenting {
        let redirect = self.redirect.clone();
        writeln!(self.child.stdin.take().unwrap(), "{redirect}").unwrap();
        self
    }

    /// Kills the process with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end; returns the exit code and the output of both streams.
    pub(crate) fn end(mut self) -> (i32, String) {
        self.stderr.read_to_string(&mut self.said).unwrap();
        self.child.stdout.take().unwrap().read_to_string(&mut self.said).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), self.said)
    }
}
