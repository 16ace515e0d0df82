//! Checks the rows of the marts: computes them once more from the tables and compares them with the
//! stored ones.

use super::{batch, definitions, hash, is_view, make};
use crate::warehouse::{
    error::{Doing, WarehouseError},
    tables::table::{Mart, quote},
    verify::{
        checked::{Checked, Remedy},
        count::number,
    },
};
use rusqlite::Connection;

/// Compares every mart that is a table, on a connection that may write temporary tables.
///
/// If a mart is of another version, or noted as out of date for a connection, nothing is compared: the next
/// run makes such marts anew.
pub(in crate::warehouse) fn verify(
    connection: &Connection,
    marts: &[Mart],
) -> Result<Checked, WarehouseError> {
    let mut checked = Checked::new("rows of marts against the tables they are made of")
        .undone_by(Remedy::Rebuild);
    let known = definitions(connection)?;
    if marts.iter().any(|mart| known.get(&mart.name) != Some(&hash(mart))) {
        checked.note = Some(
            "not compared: the definitions of marts have changed, and the next run makes the \
             marts anew"
                .into(),
        );
        return Ok(checked);
    }
    let behind = number(
        connection,
        "SELECT count(*) FROM (SELECT connection_id FROM mart_due UNION SELECT connection_id FROM mart_due_type)",
    )?;
    if behind > 0 {
        checked.note = Some(format!(
            "not compared: connections whose marts the next run makes anew: {behind}"
        ));
        return Ok(checked);
    }
    for batch in batch::all(connection)?.iter().filter(|batch| !batch.connections.is_empty()) {
        make::beside(connection, marts, batch, || {
            marts
                .iter()
                .filter(|mart| !is_view(mart))
                .try_for_each(|mart| compare(connection, mart, &mut checked))
        })?;
    }
    Ok(checked)
}

/// Counts the rows of one mart that should not be there, and the rows that are missing.
fn compare(
    connection: &Connection,
    mart: &Mart,
    checked: &mut Checked,
) -> Result<(), WarehouseError> {
    let name = quote(&mart.name);
    let stand = format!(
        "SELECT * FROM main.{name} WHERE connection_id IN (SELECT connection_id FROM temp.mart_scope)"
    );
    let wanted = format!("SELECT * FROM temp.{name}");
    // EXCEPT treats equal rows as one; if a row is there twice, the row counts differ.
    let doing = "cannot compare the rows of a mart";
    let count = |sql: &str| -> Result<u64, WarehouseError> {
        connection
            .query_row(&format!("SELECT count(*) FROM ({sql})"), [], |row| row.get(0))
            .doing(doing)
    };
    let (standing, due) = (count(&stand)?, count(&wanted)?);
    let wrong = count(&format!("{stand} EXCEPT {wanted}"))?;
    let missing = count(&format!("{wanted} EXCEPT {stand}"))?;
    checked.count += standing;
    if wrong + missing > 0 || standing != due {
        checked.problem(|| {
            format!(
                "{}: of {standing} stored rows, {wrong} differ from the rows that its tables give; \
                 of {due} such rows, {missing} are missing",
                mart.name
            )
        });
    }
    Ok(())
}
