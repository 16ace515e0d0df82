//! One table against one view.

use std::collections::HashMap;

use rusqlite::{Connection, types::Value};
use serde_json::Value as Json;

use crate::change::{CHANGES, Giver};
use crate::engine::{Answer, Engine};
use crate::reason;
use crate::spelling::{self, Steps};
use crate::totals::Totals;
use crate::warehouse::{Resource, Table};

struct Comparison<'a> {
    view: &'a str,
    engine: Engine,
    names: Vec<String>,
    columns: HashMap<String, String>,
    steps: Steps<'a>,
    totals: &'a mut Totals,
}

/// Runs a view over the resources of its type, and holds its rows against those of the table, in their order.
pub fn compare(
    warehouse: &Connection,
    view: &Json,
    steps: Steps<'_>,
    resources: &[Resource],
    totals: &mut Totals,
) {
    let name = view["name"].as_str().expect("a name");
    let engine = Engine::new(view).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut columns = HashMap::new();
    spelling::columns(view, &mut columns);
    let names = engine.columns();
    let is_key = |it: &&String| columns[*it] == "getResourceKey()";
    let key = names.iter().find(is_key).expect("a column with the resource's key");
    let table = Table::new(warehouse, name, key, &names);
    let mut comparison = Comparison { view: name, engine, names, columns, steps, totals };
    let (mut found, mut has_rows) = (0, false);
    for resource in resources {
        let ours = match table.rows(resource) {
            Ok(ours) => ours,
            Err(error) => {
                comparison.totals.unexplained(name, &format!("{}: {error}", resource.id));
                continue;
            }
        };
        found += ours.len();
        has_rows |= comparison.compare(resource, &ours) || !ours.is_empty();
    }
    if has_rows {
        totals.views.insert(name.to_owned());
    }
    totals.rows += found;
    let all = table.count(name);
    if found != all {
        totals.unexplained(name, &format!("has {all} rows, of live resources {found}"));
    }
}

impl Comparison<'_> {
    /// Compares the rows of one resource. Returns whether octofhir-sof gave any.
    fn compare(&mut self, resource: &Resource, ours: &[Vec<Value>]) -> bool {
        let id = &resource.id;
        let mut json = resource.json.clone();
        let mut answer = match self.engine.run(&json) {
            Ok(answer) => answer,
            Err(error) => {
                self.totals.unexplained(self.view, &format!("{id}: {error}"));
                return false;
            }
        };
        let has_rows = !answer.rows.is_empty();
        if answer.rows.len() != ours.len() {
            let told = format!("{id}: {} rows, theirs {}", ours.len(), answer.rows.len());
            let Some((reason, changed)) = self.undo(resource, ours.len(), answer.rows.len()) else {
                self.totals.unexplained(self.view, &told);
                return has_rows;
            };
            let rows = ours.len().abs_diff(answer.rows.len());
            self.totals.differing_rows(reason, rows, format!("{} {told}", self.view));
            json = changed;
            answer = self.engine.run(&json).expect("as before");
        }
        for (column, error) in &answer.refused {
            let told = format!("{}.{column} of {id}: `{}`", self.view, self.columns[column]);
            self.totals.uncompared(error.clone(), ours.len(), told);
        }
        self.compare_cells(resource, &json, ours, &answer);
        has_rows
    }

    /// The first change of the resource after which octofhir-sof gives as many rows as our table has.
    fn undo(
        &mut self,
        resource: &Resource,
        ours: usize,
        theirs: usize,
    ) -> Option<(&'static str, Json)> {
        let giver = if ours > theirs { Giver::Ours } else { Giver::Theirs };
        CHANGES.iter().filter(|change| change.giver == giver).find_map(|change| {
            let changed = change.of(resource, &resource.json, &self.steps);
            let answer = self.engine.run(&changed).ok()?;
            (answer.rows.len() == ours).then_some((change.reason, changed))
        })
    }

    fn compare_cells(
        &mut self,
        resource: &Resource,
        json: &Json,
        ours: &[Vec<Value>],
        answer: &Answer,
    ) {
        // What octofhir-sof answers after each change, asked for at the first cell that differs.
        let mut changed: Vec<Option<Option<Answer>>> = CHANGES.iter().map(|_| None).collect();
        for (row, (ours, theirs)) in ours.iter().zip(&answer.rows).enumerate() {
            for (name, their) in answer.columns.iter().zip(theirs) {
                self.totals.cells += 1;
                let place = self.names.iter().position(|it| it == name).expect("a column");
                let our = &ours[place];
                self.totals.values += usize::from(*our != Value::Null || !their.is_null());
                if reason::are_same(our, their) {
                    continue;
                }
                let why = reason::of_value(our, their, json).or_else(|| {
                    let giver = match (our, their) {
                        (_, Json::Null) => Giver::Ours,
                        (Value::Null, _) => Giver::Theirs,
                        _ => return None,
                    };
                    let changes = CHANGES.iter().zip(&mut changed);
                    changes.filter(|it| it.0.giver == giver).find_map(|(change, answer)| {
                        let answer = answer.get_or_insert_with(|| {
                            self.engine.run(&change.of(resource, json, &self.steps)).ok()
                        });
                        let their = answer.as_ref()?.cell(row, name)?;
                        reason::are_same(our, their).then_some(change.reason)
                    })
                });
                let path = &self.columns[name];
                let told = format!(
                    "{name} of {}, row {row}: {our:?}, theirs {their}; `{path}`",
                    resource.id
                );
                match why {
                    Some(why) => self.totals.differing_cell(why, format!("{}.{told}", self.view)),
                    None => self.totals.unexplained(self.view, &told),
                }
            }
        }
    }
}
