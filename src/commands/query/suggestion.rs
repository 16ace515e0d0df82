//! Suggests the table or column that an unknown name may mean.

use crate::{
    alike::most_alike,
    commands::home,
    config::Settings,
    warehouse::{Names, ReadOnlyWarehouse, WarehouseError},
};

/// The hint for a statement that names an unknown table or column.
pub(super) fn suggestion(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
    sql: &str,
    error: &WarehouseError,
) -> Option<String> {
    let words = error.words()?;
    let tables = warehouse.names(Names::Tables).ok()?;
    if let Some(name) = after(&words, "no such table: ") {
        let alike = most_alike(&name, tables);
        let is_known = home::catalog(settings).is_ok_and(|catalog| {
            catalog.tables().iter().any(|table| table.name() == name)
                || catalog.marts().iter().any(|mart| mart.name == name)
        });
        return match (alike, is_known) {
            (_, true) => Some(format!("the first sync makes {name}: `payersync sync`")),
            (alike, false) => alike
                .map(|alike| format!("did you mean {alike}? `payersync tables` lists the tables")),
        };
    }
    let name = after(&words, "no such column: ")?;
    let bare = name.rsplit('.').next().unwrap_or(&name);
    let mentioned: Vec<String> = tables
        .into_iter()
        .filter(|table| words_of(sql).any(|word| word.eq_ignore_ascii_case(table)))
        .collect();
    let alike = most_alike(bare, warehouse.names(Names::Columns(&mentioned)).ok()?)?;
    Some(format!("did you mean {alike}? `payersync tables TABLE` lists a table's columns"))
}

fn words_of(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// The name that follows these words in an error message.
fn after(words: &str, before: &str) -> Option<String> {
    let (_, name) = words.split_once(before)?;
    Some(name.split([' ', '\n', ',', ';']).next().unwrap_or_default().to_owned())
}
