//! The options that a test or a demonstration can set.

use super::{faults::fault::Fault, like::Like};
use std::time::Duration;

/// The options of the sandbox; by default it is a healthy payer with one member.
#[derive(Clone, Debug)]
pub struct Options {
    /// The number of members who can sign in. A member costs nothing until somebody asks for the data.
    pub members: u32,
    /// Determines the population: the same seed gives the same bytes.
    pub seed: u64,
    /// The number of ExplanationOfBenefits per member.
    pub claims_per_member: u32,
    /// Whether a few resources of each type have all elements that the standard allows. They fill most child
    /// tables, and they take most of the time of a member's first sync.
    pub rich: bool,
    /// The platform that the sandbox imitates.
    pub like: Like,
    /// The client's public keys as a JSON Web Key Set, if the platform wants the client to sign.
    pub client_keys: Option<String>,
    /// The server's origin in absolute references, such as `https://api.example`.
    ///
    /// `None` stands for the origin that it listens at.
    pub named_origin: Option<String>,
    /// How long each page is delayed.
    pub page_delay: Duration,
    /// Whether a load balancer is imitated.
    ///
    /// Then the later pages of a search are only at the server that gave the first page, which a cookie
    /// names.
    pub sticky: bool,
    /// The faults at the start; `Sandbox::set_faults` changes them later.
    pub faults: Vec<Fault>,
    /// How long an access token is valid; the answer rounds this down to whole seconds.
    pub access_token_lifetime: Duration,
    /// How long a refresh token is valid; with `None`, none is issued.
    pub refresh_token_lifetime: Option<Duration>,
    /// How long an authorization code is valid.
    pub code_lifetime: Duration,
    /// The size of the body of `Fault::HugePage`, in bytes.
    pub huge_page_bytes: usize,
    /// The number of empty entries that `Fault::ManyEntries` adds.
    pub many_entries: usize,
    /// The unpacked size of the body of `Fault::GzipBomb`, in bytes.
    pub gzip_bomb_bytes: u64,
    /// How long `Fault::StalledBody` keeps the connection open.
    pub stall: Duration,
}

impl Options {
    /// The default options without rich resources: for whoever looks at requests and not at tables.
    pub fn plain() -> Options {
        Options { rich: false, ..Options::default() }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            members: 1,
            seed: 1,
            claims_per_member: 40,
            rich: true,
            like: Like::default(),
            client_keys: None,
            named_origin: None,
            page_delay: Duration::ZERO,
            sticky: false,
            faults: Vec::new(),
            // The payer answers 7199: two hours minus the fraction of a second that the answer took.
            access_token_lifetime: Duration::from_secs(7199),
            refresh_token_lifetime: Some(Duration::from_secs(14 * 24 * 3600)),
            code_lifetime: Duration::from_secs(5 * 60),
            huge_page_bytes: 80 << 20,
            many_entries: 1_000_000,
            gzip_bomb_bytes: 1 << 30,
            stall: Duration::from_secs(120),
        }
    }
}
