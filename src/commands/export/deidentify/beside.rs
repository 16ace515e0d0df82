//! Finds the columns that qualify another column: with its unit, its code system or its country.

use super::super::kind::Column;

/// The positions of the columns with a quantity's unit.
///
/// For `S_value` these are `S_unit` and `S_code`; columns with the unit of the whole row count as well.
pub(super) fn units(name: &str, all: &[Column]) -> Vec<usize> {
    let stem = name.strip_suffix("value").filter(|stem| !stem.is_empty());
    let of_it = stem.map(|stem| [format!("{stem}unit"), format!("{stem}code")]);
    let of_row = ["unit", "source_units", "normalized_units"];
    let is_wanted = |name: &String| {
        of_it.as_ref().is_some_and(|of_it| of_it.contains(name)) || of_row.contains(&name.as_str())
    };
    (0..all.len()).filter(|position| is_wanted(&all[*position].name)).collect()
}

/// The position of the column with a code's system: `S_system` for `S_code`, or another name that marts use.
pub(super) fn system(name: &str, all: &[Column]) -> Option<usize> {
    let wanted = match stem(name).strip_suffix("code")? {
        "" => ["system", "code_system", "code_type"].map(str::to_owned).to_vec(),
        stem if stem.ends_with("_component_") || stem.ends_with("_order_") => {
            vec![format!("{stem}type"), format!("{stem}system")]
        }
        stem => vec![format!("{stem}system"), format!("{stem}code_type")],
    };
    wanted.iter().find_map(|wanted| all.iter().position(|column| column.name == *wanted))
}

/// A column's name without its number: `diagnosis_code` for `diagnosis_code_12`.
pub(super) fn stem(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_')
}

/// The position of the column with the country of a ZIP code: `S_country` for `S_postal_code`.
pub(super) fn country(name: &str, all: &[Column]) -> Option<usize> {
    let stem = name.strip_suffix("postal_code").or_else(|| name.strip_suffix("zip_code"))?;
    all.iter().position(|column| column.name == format!("{stem}country"))
}
