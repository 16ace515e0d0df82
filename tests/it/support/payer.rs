//! The embedded payer in this process, and a home that is registered with it.

use super::{Consenting, Home};
use payersync::sandbox::{Options, Sandbox};
use std::ops::Deref;
use tokio::{net::TcpListener, runtime::Runtime};

/// A sync of three types, for tests that sync a hundred times.
pub(crate) const SHORT_SYNC: [&str; 7] =
    ["sync", "--type", "Patient", "--type", "Coverage", "--type", "ExplanationOfBenefit"];

/// A running payer; its threads end with it.
pub(crate) struct Payer {
    sandbox: Sandbox,
    runtime: Runtime,
}

impl Deref for Payer {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Payer {
    pub(crate) fn start(options: Options) -> Payer {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let sandbox = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            Sandbox::start(listener, options).await.unwrap()
        });
        Payer { sandbox, runtime }
    }

    /// A payer whose members have two claims each.
    pub(crate) fn small() -> Payer {
        Payer::start(Options { claims_per_member: 2, ..Options::plain() })
    }

    /// A small payer, some of whose resources have all elements that the standard allows.
    pub(crate) fn rich() -> Payer {
        Payer::start(Options { claims_per_member: 2, ..Options::default() })
    }

    /// Writes the configuration with a plan `demo` at this payer; waits are short, pages small.
    pub(crate) fn configure(&self, home: &Home, more: &str) {
        let page_size = if more.contains("page_size") { "" } else { "page_size = 10\n" };
        // Counting unmapped paths at the end of a run has its own tests, and takes time.
        let counts = "[warehouse]\ncount_unmapped_paths = false\n";
        let counts = if more.contains("[warehouse]") { "" } else { counts };
        let text = format!(
            "{counts}[http]\ninitial_delay_milliseconds = 1\nmax_delay_seconds = 1\nread_timeout_seconds = 2\n\
             [plans.demo]\nfhir_url = {:?}\nauthorize_url = {:?}\ntoken_url = {:?}\nclient_id = {:?}\n\
             client_secret_file = \"demo.secret\"\n{page_size}requests_per_second = 1000\n{more}",
            self.fhir_url(),
            self.authorize_url(),
            self.token_url(),
            self.client_id(),
        );
        std::fs::write(home.file("payersync.toml"), text).unwrap();
        home.write_private("demo.secret", self.client_secret());
    }

    /// Connects a member at the plan `demo`, with a consent given through the command line.
    pub(crate) fn connect(&self, home: &Home, name: &str, member: u32) {
        self.connect_to(home, "demo", name, member);
    }

    /// Connects a member like [`Payer::connect`], at another plan that leads to this payer.
    pub(crate) fn connect_to(&self, home: &Home, plan: &str, name: &str, member: u32) {
        home.bring_empty_warehouse();
        let (code, said) = Consenting::start(self, home, plan, name, member, &[]).answer().end();
        assert_eq!(code, 0, "{said}");
    }

    /// Consents as a member's browser would; returns the URL to which the browser is sent.
    pub(crate) fn consent(&self, url: &str, member: u32) -> String {
        self.runtime.block_on(consent(url, self, member))
    }

    /// A new home, configured and connected as member 0.
    pub(crate) fn connected_home(&self) -> Home {
        self.connected_home_with("")
    }

    /// Like [`Payer::connected_home`], with more lines in the plan's section.
    pub(crate) fn connected_home_with(&self, more: &str) -> Home {
        let home = Home::new();
        self.configure(&home, more);
        self.connect(&home, "john", 0);
        home
    }
}

/// Fills in the form of the consent page.
async fn consent(url: &str, payer: &Sandbox, member: u32) -> String {
    let who = payer.identity(member);
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("first_name", &who.first_name)
        .append_pair("last_name", &who.last_name)
        .append_pair("birth_date", &who.birth_date)
        .append_pair("member_id", &who.member_id)
        .append_pair("zip", &who.zip);
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = client
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.finish())
        .send()
        .await
        .unwrap();
    answer.headers()["location"].to_str().unwrap().to_owned()
}
