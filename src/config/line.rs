//! Finds the line of a key in the text of payersync.toml.

use toml::de::DeTable;

/// The 1-based line of a key such as `plans.acme.fhir_url`, or of the table that should have it.
pub(super) fn line_of(text: &str, key: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let start = start_of(document.get_ref(), key)?;
    Some(text.get(..start)?.matches('\n').count() + 1)
}

/// The byte at which the key, or the innermost existing table on the way to it, begins.
fn start_of(table: &DeTable<'_>, key: &str) -> Option<usize> {
    let found = table.iter().filter_map(|(name, value)| {
        let rest = key.strip_prefix(&**name.get_ref())?;
        let rest = if rest.is_empty() { rest } else { rest.strip_prefix('.')? };
        let within = value.get_ref().as_table().and_then(|table| start_of(table, rest));
        Some((name.get_ref().len(), within.unwrap_or(name.span().start)))
    });
    // The name of a plan may have a dot in it, so the longest name that fits is used.
    found.max().map(|(_, start)| start)
}
