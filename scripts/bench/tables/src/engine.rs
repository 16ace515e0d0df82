//! A ViewDefinition as octofhir-sof runs it.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use octofhir_sof::{CompiledView, ViewDefinition};
use serde_json::Value as Json;

use crate::spelling;

/// The rows of a resource, and the columns that octofhir-sof refused to evaluate, with its message.
pub struct Answer {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Json>>,
    pub refused: Vec<(String, String)>,
}

impl Answer {
    pub fn cell(&self, row: usize, column: &str) -> Option<&Json> {
        let place = self.columns.iter().position(|it| it == column)?;
        self.rows.get(row)?.get(place)
    }
}

/// A ViewDefinition, compiled whole, and in parts if octofhir-sof refuses some of its columns.
pub struct Engine {
    view: Json,
    whole: CompiledView,
    parts: HashMap<BTreeSet<String>, Result<CompiledView, String>>,
}

impl Engine {
    /// Compiles a view. Its paths are spelled so that octofhir-sof can read them.
    pub fn new(view: &Json) -> Result<Self, String> {
        let mut view = view.clone();
        spelling::spell(&mut view);
        let whole = compile(&view)?;
        Ok(Self { view, whole, parts: HashMap::new() })
    }

    pub fn columns(&self) -> Vec<String> {
        names(&self.whole)
    }

    /// Runs the view; if that fails, each column alone, then all that did not fail together.
    ///
    /// A column's rows depend on nothing but the parts of the view that it is in, and a part that loses its
    /// columns keeps its `forEach`: row numbers stay what they were.
    pub fn run(&mut self, resource: &Json) -> Result<Answer, String> {
        let columns = self.columns();
        let error = match run(&self.whole, resource) {
            Ok(rows) => return Ok(Answer { columns, rows, refused: Vec::new() }),
            Err(error) => error,
        };
        let mut refused = Vec::new();
        for column in &columns {
            let others = columns.iter().filter(|it| *it != column).cloned().collect();
            if let Err(error) = self.without(others, resource) {
                refused.push((column.clone(), error));
            }
        }
        if refused.is_empty() || refused.len() == columns.len() {
            return Err(error);
        }
        let dropped: BTreeSet<String> = refused.iter().map(|(column, _)| column.clone()).collect();
        let rows = self.without(dropped.clone(), resource)?;
        let columns = columns.into_iter().filter(|it| !dropped.contains(it)).collect();
        Ok(Answer { columns, rows, refused })
    }

    fn without(
        &mut self,
        dropped: BTreeSet<String>,
        resource: &Json,
    ) -> Result<Vec<Vec<Json>>, String> {
        let part = self.parts.entry(dropped).or_insert_with_key(|dropped| {
            let mut view = self.view.clone();
            drop_columns(&mut view, dropped);
            compile(&view)
        });
        run(part.as_ref().map_err(Clone::clone)?, resource)
    }
}

fn compile(view: &Json) -> Result<CompiledView, String> {
    let definition = ViewDefinition::from_json(view).map_err(|error| error.to_string())?;
    ready(CompiledView::compile(&definition)).map_err(|error| error.to_string())
}

fn run(view: &CompiledView, resource: &Json) -> Result<Vec<Vec<Json>>, String> {
    ready(view.execute_resource(resource)).map_err(|error| error.to_string())
}

fn names(view: &CompiledView) -> Vec<String> {
    view.columns().iter().map(|column| column.name.clone()).collect()
}

/// The evaluation is async in form only: it never waits.
fn ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

fn drop_columns(part: &mut Json, dropped: &BTreeSet<String>) {
    match part {
        Json::Array(parts) => parts.iter_mut().for_each(|part| drop_columns(part, dropped)),
        Json::Object(members) => {
            if let Some(Json::Array(columns)) = members.get_mut("column") {
                columns.retain(|it| !it["name"].as_str().is_some_and(|it| dropped.contains(it)));
            }
            members.values_mut().for_each(|part| drop_columns(part, dropped));
        }
        _ => {}
    }
}
