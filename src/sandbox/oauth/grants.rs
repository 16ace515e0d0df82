//! Codes, access tokens and refresh tokens, and which of them are still valid.
//!
//! The time is an argument, so that a test can advance it. No request is answered here.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What a member consented to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Consent {
    pub(crate) member: u32,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    /// The PKCE challenge (S256), if the client sent one.
    pub(crate) challenge: Option<String>,
}

/// Why a code or a refresh token is invalid. The reason never says whose it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Unknown, used or revoked.
    Invalid,
    Expired,
}

/// An access token and a refresh token, as issued together.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) scope: String,
    pub(crate) member: u32,
}

#[derive(Clone)]
struct Held {
    member: u32,
    scope: String,
    grant: u64,
    expires: Instant,
}

/// Everything that was issued and is remembered.
#[derive(Default)]
pub(crate) struct Grants {
    codes: HashMap<String, (Consent, Instant)>,
    access: HashMap<String, Held>,
    refresh: HashMap<String, Held>,
    /// Refresh tokens that were replaced by rotation, with their grants.
    spent: HashMap<String, u64>,
    issued: u64,
}

/// The lifetimes of an access and a refresh token. Without a refresh lifetime, there is no refresh token.
#[derive(Clone, Copy)]
pub(crate) struct Lifetimes {
    pub(crate) access: Duration,
    pub(crate) refresh: Option<Duration>,
}

impl Grants {
    /// Every remembered token, including those that are no longer valid.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.access.keys().chain(self.refresh.keys()).chain(self.spent.keys()).cloned().collect()
    }

    pub(in crate::sandbox) fn issue_code(&mut self, consent: Consent, now: Instant) -> String {
        let code = secret("sandbox-code");
        self.codes.insert(code.clone(), (consent, now));
        code
    }

    /// The consent that the code stands for; the code remains valid.
    pub(crate) fn code(
        &self,
        code: &str,
        lifetime: Duration,
        now: Instant,
    ) -> Result<&Consent, Refusal> {
        let (consent, issued) = self.codes.get(code).ok_or(Refusal::Invalid)?;
        if now.duration_since(*issued) >= lifetime {
            return Err(Refusal::Expired);
        }
        Ok(consent)
    }

    /// Uses up the code and issues the first pair of tokens of a new grant.
    pub(in crate::sandbox) fn spend_code(
        &mut self,
        code: &str,
        lifetimes: Lifetimes,
        now: Instant,
    ) -> Option<Issued> {
        let (consent, _) = self.codes.remove(code)?;
        self.issued += 1;
        Some(self.issue(consent.member, consent.scope, self.issued, lifetimes, now))
    }

    /// The scope of a valid refresh token.
    pub(super) fn refresh_scope(&self, token: &str, now: Instant) -> Result<&str, Refusal> {
        let held = self.refresh.get(token).ok_or(Refusal::Invalid)?;
        if now >= held.expires {
            return Err(Refusal::Expired);
        }
        Ok(&held.scope)
    }

    /// Uses up the refresh token for good, and issues the next pair.
    pub(crate) fn rotate(
        &mut self,
        token: &str,
        lifetimes: Lifetimes,
        now: Instant,
    ) -> Option<Issued> {
        let held = self.refresh.remove(token)?;
        self.spent.insert(token.to_string(), held.grant);
        Some(self.issue(held.member, held.scope, held.grant, lifetimes, now))
    }

    /// A new access token; the refresh token stays valid.
    pub(crate) fn extend(&mut self, token: &str, access: Duration, now: Instant) -> Option<Issued> {
        let held = self.refresh.get(token)?.clone();
        let lifetimes = Lifetimes { access, refresh: None };
        Some(self.issue(held.member, held.scope, held.grant, lifetimes, now))
    }

    fn issue(
        &mut self,
        member: u32,
        scope: String,
        grant: u64,
        lifetimes: Lifetimes,
        now: Instant,
    ) -> Issued {
        let held = |expires| Held { member, scope: scope.clone(), grant, expires: now + expires };
        let access_token = secret("sandbox-access");
        self.access.insert(access_token.clone(), held(lifetimes.access));
        let refresh_token = lifetimes.refresh.map(|lifetime| {
            let token = secret("sandbox-refresh");
            self.refresh.insert(token.clone(), held(lifetime));
            token
        });
        Issued { access_token, refresh_token, scope, member }
    }

    /// The member that a valid access token stands for.
    pub(crate) fn member(&self, access_token: &str, now: Instant) -> Option<u32> {
        let held = self.access.get(access_token)?;
        (now < held.expires).then_some(held.member)
    }

    /// Whether the access token's scope covers data, and not only an identity or a launch.
    pub(crate) fn grants_data(&self, access_token: &str) -> bool {
        self.access.get(access_token).is_some_and(|held| {
            let mut scopes = held.scope.split_ascii_whitespace();
            scopes.any(|scope| scope.starts_with("patient/") || scope.starts_with("user/"))
        })
    }

    pub(crate) fn expire_access(&mut self, access_token: &str) {
        self.access.remove(access_token);
    }

    pub(crate) fn expire_all_access(&mut self) {
        self.access.clear();
    }

    pub(crate) fn revoke_all_refresh(&mut self) {
        self.refresh.clear();
    }

    /// Ends the grant of a used-up refresh token, with everything that was issued under it.
    pub(super) fn revoke_grant_of_spent(&mut self, token: &str) {
        if let Some(grant) = self.spent.get(token).copied() {
            self.refresh.retain(|_, held| held.grant != grant);
            self.access.retain(|_, held| held.grant != grant);
        }
    }
}

/// A new secret that begins with its kind, so that a leaked one is recognized.
fn secret(kind: &str) -> String {
    let mut bytes = [0u8; 20];
    // Without entropy the sandbox still works; its secrets protect nothing real.
    let _ = getrandom::fill(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}-{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIMES: Lifetimes =
        Lifetimes { access: Duration::from_secs(10), refresh: Some(Duration::from_secs(100)) };

    fn issued(grants: &mut Grants, now: Instant) -> Issued {
        let consent = Consent {
            member: 7,
            redirect_uri: String::new(),
            scope: "patient/*.read".to_string(),
            challenge: None,
        };
        let code = grants.issue_code(consent, now);
        grants.spend_code(&code, LIFETIMES, now).unwrap()
    }

    #[test]
    fn a_code_works_once() {
        let (mut grants, now) = (Grants::default(), Instant::now());
        let consent = Consent {
            member: 0,
            redirect_uri: String::new(),
            scope: String::new(),
            challenge: None,
        };
        let code = grants.issue_code(consent, now);
        assert!(grants.spend_code(&code, LIFETIMES, now).is_some());
        assert!(grants.spend_code(&code, LIFETIMES, now).is_none());
    }

    #[test]
    fn a_code_expires() {
        let (mut grants, now) = (Grants::default(), Instant::now());
        let consent = Consent {
            member: 0,
            redirect_uri: String::new(),
            scope: String::new(),
            challenge: None,
        };
        let code = grants.issue_code(consent, now);
        let five_minutes = Duration::from_secs(300);
        assert!(grants.code(&code, five_minutes, now).is_ok());
        let refusal = grants.code(&code, five_minutes, now + five_minutes).err();
        assert_eq!(refusal, Some(Refusal::Expired));
    }

    #[test]
    fn a_rotated_refresh_token_is_dead() {
        let (mut grants, now) = (Grants::default(), Instant::now());
        let old = issued(&mut grants, now).refresh_token.unwrap();
        let new = grants.rotate(&old, LIFETIMES, now).unwrap().refresh_token.unwrap();
        assert_eq!(grants.refresh_scope(&old, now), Err(Refusal::Invalid));
        assert!(grants.refresh_scope(&new, now).is_ok());
    }

    #[test]
    fn a_reused_refresh_token_can_end_its_grant() {
        let (mut grants, now) = (Grants::default(), Instant::now());
        let other = issued(&mut grants, now);
        let old = issued(&mut grants, now).refresh_token.unwrap();
        let new = grants.rotate(&old, LIFETIMES, now).unwrap();
        grants.revoke_grant_of_spent(&old);
        assert!(grants.refresh_scope(&new.refresh_token.unwrap(), now).is_err());
        assert_eq!(grants.member(&new.access_token, now), None);
        assert_eq!(grants.member(&other.access_token, now), Some(7));
    }

    #[test]
    fn an_access_token_expires() {
        let (mut grants, now) = (Grants::default(), Instant::now());
        let token = issued(&mut grants, now).access_token;
        assert_eq!(grants.member(&token, now), Some(7));
        assert_eq!(grants.member(&token, now + Duration::from_secs(10)), None);
    }
}
