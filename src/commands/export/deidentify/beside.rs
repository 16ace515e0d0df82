//! Which columns stand beside a column and say what it is: its unit, its code system.

use super::super::kind::Column;

/// Where the unit of a quantity is, by its name: `S_unit` and `S_code` for `S_value`, or the unit of the row.
pub(super) fn units(name: &str, all: &[Column]) -> Vec<usize> {
    let stem = name.strip_suffix("value").filter(|stem| !stem.is_empty());
    let of_it = stem.map(|stem| [format!("{stem}unit"), format!("{stem}code")]);
    let of_row = ["unit", "source_units", "normalized_units"];
    let is_wanted = |name: &String| {
        of_it.as_ref().is_some_and(|of_it| of_it.contains(name)) || of_row.contains(&name.as_str())
    };
    (0..all.len()).filter(|position| is_wanted(&all[*position].name)).collect()
}

/// Where the code system of a code is, by its name: `S_system` for `S_code`, or what the marts call it.
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

/// The name without its number: `diagnosis_code_12`.
pub(super) fn stem(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_')
}
