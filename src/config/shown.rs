//! Every setting of a configuration, key by key: the value in the file, or the built-in default.

use super::{ConfigError, FILE_NAME, Settings, file::File, text::parse};
use crate::auth::GrantKind;
use std::path::Path;
use toml::{Table, Value};
use url::Url;

/// The text that is shown instead of a value that may be a secret.
const HIDDEN: &str = "(not shown)";
/// Keys whose texts may be secrets, or may name a member.
const SECRET_TEXTS: [&str; 2] = ["webhook", "ping"];
const SECRET_TABLES: [&str; 2] = ["headers", "authorize_parameters"];
const PROGRAMS: [&str; 3] = ["vault_key_command", "command", "sendmail"];
/// Keys whose values are names of environment variables with a secret.
const VARIABLES: [&str; 2] = ["client_secret_env", "access_token_env"];

/// A key with the value that is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownKey {
    /// The table of the key, such as `plans.demo`; empty at the top.
    pub section: String,
    /// The key.
    pub key: String,
    /// The key's value as TOML, without secrets.
    pub value: String,
    /// The key's value as JSON, without secrets.
    pub json: serde_json::Value,
    /// Whether the file sets the key; if not, the value is the built-in default.
    pub is_set: bool,
    /// The environment variables from which a secret is read.
    pub variables: Vec<String>,
}

/// Every key that has a value, in the order of tables: general tables, plans, connections.
///
/// # Errors
/// The same errors as [`Settings::load`], except for a missing file, which leaves everything at its default.
pub fn shown(home: &Path) -> Result<Vec<ShownKey>, ConfigError> {
    let settings = Settings::load_or_default(home)?;
    let path = home.join(FILE_NAME);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    Ok(keys(&settings, &parse(&path, &text)?, &text.parse().unwrap_or_default()))
}

fn keys(settings: &Settings, file: &File, said: &Table) -> Vec<ShownKey> {
    let mut in_force = Table::try_from(file).unwrap_or_default();
    for (name, plan) in table_mut(&mut in_force, "plans") {
        let (Value::Table(plan), Some(settings)) = (plan, settings.plans.get(name)) else {
            continue;
        };
        let mut fill = |key: &str, url: &Url| {
            plan.entry(key).or_insert_with(|| Value::String(url.to_string()));
        };
        if settings.grant() == GrantKind::AuthorizationCode {
            fill("redirect_url", settings.redirect_url());
        }
        if settings.grant().has_endpoint() {
            fill("discovery_url", &settings.discovery_url);
        }
    }
    let mut keys = Vec::new();
    section("", &in_force, Some(said), &mut keys);
    for name in ["http", "sync", "schedule", "warehouse", "notify", "production_access"] {
        if let Some(Value::Table(table)) = in_force.get(name) {
            section(name, table, table_of(said, name), &mut keys);
        }
    }
    for group in ["plans", "connections"] {
        for (name, table) in table_of(&in_force, group).into_iter().flatten() {
            let Value::Table(table) = table else { continue };
            let said = table_of(said, group).and_then(|said| table_of(said, name));
            section(&format!("{group}.{}", quoted(name)), table, said, &mut keys);
        }
    }
    keys
}

/// Adds the keys of one table; at the top level, keys that are sections are left out.
fn section(name: &str, in_force: &Table, said: Option<&Table>, keys: &mut Vec<ShownKey>) {
    let is_section = |value: &Value| name.is_empty() && value.is_table();
    for (key, value) in in_force.iter().filter(|(_, value)| !is_section(value)) {
        let is_set = said.is_some_and(|said| said.contains_key(key));
        let mut variables = Vec::new();
        collect_variables(key, value, &mut variables);
        let mut value = value.clone();
        hide(key, &mut value, is_set);
        keys.push(ShownKey {
            section: name.to_owned(),
            key: key.clone(),
            json: serde_json::to_value(&value).unwrap_or_default(),
            value: value.to_string(),
            is_set,
            variables,
        });
    }
}

fn collect_variables(key: &str, value: &Value, variables: &mut Vec<String>) {
    match value {
        Value::String(name) if key == "env" || VARIABLES.contains(&key) => {
            variables.push(name.clone());
        }
        Value::Table(table) if key == "headers" || SECRET_TEXTS.contains(&key) => {
            table.iter().for_each(|(key, value)| match value {
                Value::Table(_) => collect_variables("headers", value, variables),
                value => collect_variables(key, value, variables),
            });
        }
        _ => {}
    }
}

/// Replaces texts that may be secrets, but keeps the place of a secret (`{ env = … }`, `{ file = … }`).
fn hide(key: &str, value: &mut Value, is_set: bool) {
    let is_place = |value: &Value| value.is_table();
    match value {
        Value::String(text) if SECRET_TEXTS.contains(&key) => HIDDEN.clone_into(text),
        Value::Array(words) if PROGRAMS.contains(&key) && is_set && words.len() > 1 => {
            words.truncate(1);
            words.push(Value::String(HIDDEN.to_owned()));
        }
        Value::Table(table) if SECRET_TABLES.contains(&key) => {
            for (_, value) in table.iter_mut().filter(|(_, value)| !is_place(value)) {
                *value = Value::String(HIDDEN.to_owned());
            }
        }
        Value::Table(table) => table.iter_mut().for_each(|(key, value)| hide(key, value, is_set)),
        Value::Array(values) => values.iter_mut().for_each(|value| hide("", value, is_set)),
        Value::String(text) => without_secrets(text),
        _ => {}
    }
}

/// Removes from a URL its password, query and fragment, which may have a key in them.
fn without_secrets(text: &mut String) {
    let Ok(mut url) = Url::parse(text) else { return };
    let has_user = !url.username().is_empty() || url.password().is_some();
    if url.has_authority() && (has_user || url.query().is_some() || url.fragment().is_some()) {
        // The calls fail only for a URL that cannot have a user.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        url.set_query(None);
        url.set_fragment(None);
        *text = format!("{url} {HIDDEN}");
    }
}

/// Quotes a key, unless TOML allows it bare.
fn quoted(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    match !key.is_empty() && key.chars().all(is_bare) {
        true => key.to_owned(),
        false => Value::String(key.to_owned()).to_string(),
    }
}

fn table_of<'a>(table: &'a Table, name: &str) -> Option<&'a Table> {
    table.get(name)?.as_table()
}

fn table_mut<'a>(
    table: &'a mut Table,
    name: &str,
) -> impl Iterator<Item = (&'a String, &'a mut Value)> {
    table.get_mut(name).and_then(Value::as_table_mut).into_iter().flat_map(Table::iter_mut)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        vault_key_command = ["pass", "show", "hunter2"]
        [sync]
        overlap_hours = 48
        [notify]
        webhook = "https://hooks.test/hunter2"
        command = ["/bin/tell", "--token=hunter2"]
        ping = { env = "PING" }
        [plans."a b"]
        fhir_url = "https://user:hunter2@h.test/r4"
        authorize_url = "https://h.test/authorize#hunter2"
        token_url = "https://h.test/token?api-key=hunter2"
        redirect_url = "https://me.test/back?code=hunter2"
        client_id = "c"
        client_secret_env = "SECRET"
        headers = { x-key = "hunter2", x-other = { env = "OTHER" } }
        authorize_parameters = { hint = "hunter2" }
        [plans.ann]
        fhir_url = "https://h.test/r4"
        client_id = "c"
        [connections.ann]
        authorize_parameters = { member = "hunter2" }
    "#;

    fn shown_of(text: &str) -> Vec<ShownKey> {
        let (home, path) = (Path::new("/h"), Path::new("p"));
        let settings = Settings::parse(home, path, text).unwrap();
        keys(&settings, &parse(path, text).unwrap(), &text.parse().unwrap())
    }

    #[test]
    fn each_key_has_its_value_and_whether_the_file_says_it_and_no_secret_is_shown() {
        let keys = shown_of(TEXT);
        assert!(!format!("{keys:?}").contains("hunter2"), "{keys:#?}");
        let of = |section: &str, name: &str| {
            let found = keys.iter().find(|key| key.section == section && key.key == name);
            let found = found.unwrap_or_else(|| panic!("{section}.{name}: {keys:#?}"));
            (found.value.clone(), found.is_set)
        };
        let is = |text: &str, is_set| (text.to_owned(), is_set);
        assert_eq!(of("sync", "overlap_hours"), is("48", true));
        assert_eq!(of("sync", "strict_totals"), is("false", false));
        assert_eq!(of("", "vault_key_command"), is("[\"pass\", \"(not shown)\"]", true));
        assert_eq!(of("notify", "webhook"), is("\"(not shown)\"", true));
        assert_eq!(of("notify", "ping"), is("{ env = \"PING\" }", true));
        assert_eq!(of("notify", "sendmail").0, "[\"/usr/sbin/sendmail\", \"-t\", \"-i\"]");
        let plan = "plans.\"a b\"";
        assert_eq!(of(plan, "fhir_url"), is("\"https://h.test/r4 (not shown)\"", true));
        assert_eq!(of(plan, "token_url"), is("\"https://h.test/token (not shown)\"", true));
        assert_eq!(of(plan, "page_size"), is("100", false));
        let redirect = "\"http://127.0.0.1:8971/callback/ann\"";
        assert_eq!(of("plans.ann", "redirect_url"), is(redirect, false));
        let variables: Vec<&String> = keys.iter().flat_map(|key| &key.variables).collect();
        assert_eq!(variables, ["PING", "SECRET", "OTHER"]);
    }

    #[test]
    fn without_a_file_everything_is_built_in() {
        let keys = shown_of("");
        assert!(keys.len() > 20 && keys.iter().all(|key| !key.is_set), "{keys:#?}");
    }
}
