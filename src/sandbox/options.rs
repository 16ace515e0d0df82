//! What a test or a demonstration may choose about the sandbox.

use super::{faults::fault::Fault, like::Like};
use std::time::Duration;

/// How the sandbox behaves; the default is a healthy payer with one member.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many members can sign in. They cost nothing until somebody asks for one.
    pub members: u32,
    /// The population: the same seed gives the same bytes.
    pub seed: u64,
    /// ExplanationOfBenefits per member, for volume.
    pub claims_per_member: u32,
    /// The platform that it behaves like.
    pub like: Like,
    /// The client's public keys, a JSON Web Key Set, where the platform wants it to sign.
    pub client_keys: Option<String>,
    /// The server's name in absolute references, e.g. `https://api.example`; `None`: the origin
    /// that it listens at.
    pub named_origin: Option<String>,
    /// How long each page is held back.
    pub page_delay: Duration,
    /// Whether a balancer is in front, so that a search's later pages are at the server that gave its
    /// first one, which a cookie names.
    pub sticky: bool,
    /// What goes wrong from the start; `Sandbox::set_faults` changes it later.
    pub faults: Vec<Fault>,
    /// How long an access token works; the answer rounds it down to whole seconds.
    pub access_token_lifetime: Duration,
    /// How long a refresh token works; without a value none is issued.
    pub refresh_token_lifetime: Option<Duration>,
    /// How long an authorization code works.
    pub code_lifetime: Duration,
    /// Size of the body of `Fault::HugePage`, in bytes.
    pub huge_page_bytes: usize,
    /// Empty entries that `Fault::ManyEntries` adds.
    pub many_entries: usize,
    /// What the body of `Fault::GzipBomb` unpacks to, in bytes.
    pub gzip_bomb_bytes: u64,
    /// How long `Fault::StalledBody` keeps the connection open.
    pub stall: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            members: 1,
            seed: 1,
            claims_per_member: 40,
            like: Like::default(),
            client_keys: None,
            named_origin: None,
            page_delay: Duration::ZERO,
            sticky: false,
            faults: Vec::new(),
            // The payer answers 7199: two hours less the fraction of a second it took.
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
