//! The answers that the configuration and this build give for the places that the papers leave open.

use crate::{
    auth::GrantKind,
    commands::{failure::Failure, vault_key, vault_key::VaultKeyPlace},
    config::{PlanSettings, Settings, WAREHOUSE_NAME},
    http::Origin,
    warehouse::WarehouseFile,
};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// The known answers, each under the bracketed words that it replaces in the templates.
///
/// # Errors
/// The configuration lacks a plan of `names`.
pub(super) fn of(
    settings: &Settings,
    names: &[String],
) -> Result<BTreeMap<String, String>, Failure> {
    let plans: Vec<&PlanSettings> = match names {
        [] => {
            let consents = |plan: &&PlanSettings| plan.grant() == GrantKind::AuthorizationCode;
            settings.plans.values().filter(consents).collect()
        }
        names => names.iter().map(|name| settings.plan(name)).collect::<Result<_, _>>()?,
    };
    let mut answers = BTreeMap::new();
    let mut answer = |place: &str, text: String| {
        if !text.is_empty() {
            answers.insert(place.to_owned(), text);
        }
    };
    for (key, value) in settings.production_access.given() {
        answer(&place_of(&key), value);
    }
    let registered = plans.iter().filter(|plan| !plan.has_placeholder_client_id());
    answer("CLIENT ID", listed(registered.map(|plan| plan.client_id())));
    let redirects = || plans.iter().map(|plan| plan.redirect_url());
    answer("REDIRECT URLS", listed(redirects().map(Url::as_str)));
    let in_production = redirects().filter(|url| {
        url.scheme() == "https" && Origin::of(url).is_ok_and(|origin| !origin.is_loopback())
    });
    answer("HTTPS REDIRECT URLS", listed(in_production.map(Url::as_str)));
    if !plans.is_empty() {
        let scopes = plans.iter().map(|plan| plan.scope().unwrap_or("the plan's default"));
        answer(
            "SCOPES",
            scopes.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("; "),
        );
        answer("TYPES", types(&plans));
    }
    answer("VERSION", env!("CARGO_PKG_VERSION").to_owned());
    let warehouse = WarehouseFile::in_clear(settings.home.join(WAREHOUSE_NAME));
    answer("ENCRYPTION", encryption(&warehouse).unwrap_or_default().to_owned());
    answer("VAULT KEY", key_place(settings).unwrap_or_default().to_owned());
    let kept = settings.keep_versions.map(|time| time.as_secs() / (24 * 60 * 60));
    answer("VERSIONS KEPT", kept.map_or("for ever".to_owned(), |days| format!("{days} days")));
    Ok(answers)
}

/// The words in brackets that a key of `[production_access]` replaces.
pub(super) fn place_of(key: &str) -> String {
    key.to_uppercase().replace('_', " ")
}

/// Each text once, sorted, in backticks.
fn listed<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let texts: BTreeSet<_> = texts.filter(|text| !text.is_empty()).collect();
    texts.into_iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}

/// The resource types that the plans are asked for.
fn types(plans: &[&PlanSettings]) -> String {
    let all = |plan: &&PlanSettings| plan.types.is_empty() || plan.types.iter().any(|it| it == "*");
    if plans.iter().any(all) {
        return "every type that the plan serves".to_owned();
    }
    let types: BTreeSet<_> =
        plans.iter().flat_map(|plan| &plan.types).map(String::as_str).collect();
    types.into_iter().collect::<Vec<_>>().join(", ")
}

/// Whether the warehouse's file is encrypted; `None` if the file does not show it.
fn encryption(warehouse: &WarehouseFile) -> Option<&'static str> {
    let can_encrypt = cfg!(feature = "encryption");
    match warehouse.lies_in_clear() {
        Some(true) => Some(
            "Not by payersync: the warehouse is a plain SQLite file. The disk's encryption protects it.",
        ),
        Some(false) if can_encrypt => {
            Some("Yes: SQLCipher, AES-256 with an HMAC per page, the key made from the vault's.")
        }
        None if !can_encrypt && !warehouse.path().exists() => Some(
            "Not by this build; a build with `--features encryption` would, with SQLCipher. The \
             disk's encryption protects it.",
        ),
        Some(false) | None => None,
    }
}

/// Where the vault's key is; `None` if any key is in the home, even an old one.
///
/// Anyone who copies such a home may get a key that opens backups of the vault.
fn key_place(settings: &Settings) -> Option<&'static str> {
    if settings.home.join("vault.key").exists() {
        return None;
    }
    match vault_key::place(&settings.home).ok()? {
        VaultKeyPlace::Home => None,
        VaultKeyPlace::File(path) if vault_key::is_below(&path, &settings.home) => None,
        VaultKeyPlace::Environment => Some("Outside the home: in the service's environment"),
        VaultKeyPlace::File(_) => Some("Outside the home: in a file of its own"),
        VaultKeyPlace::Command(_) => Some("Outside the home: a program hands it out"),
        VaultKeyPlace::Credential(_) => Some("Outside the home: a systemd credential"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_warehouses_file_says_whether_it_is_encrypted_and_not_the_build() {
        let home = tempfile::tempdir().unwrap();
        let file = WarehouseFile::in_clear(home.path().join(WAREHOUSE_NAME));
        let told = || encryption(&file).unwrap_or("open").split([' ', ':']).next();
        let can_encrypt = cfg!(feature = "encryption");
        assert_eq!(told(), Some(if can_encrypt { "open" } else { "Not" }));
        fs::write(file.path(), "").unwrap();
        assert_eq!(told(), Some("open"));
        fs::write(file.path(), "SQLite format 3\0 and so on").unwrap();
        assert_eq!(told(), Some("Not"));
        fs::write(file.path(), [7; 100]).unwrap();
        assert_eq!(told(), Some(if can_encrypt { "Yes" } else { "open" }));
    }
}
