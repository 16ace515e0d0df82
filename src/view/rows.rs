//! Runs a view on one resource and makes its rows.
//!
//! Each select writes its cells into the one row buffer and then runs the next select; the last one
//! pushes the row. Only the current row is stored, so memory does not grow with the number of rows.

use std::ops::ControlFlow::Continue;

use super::compiled::{Cell, Iteration, Placed, Plan, ROW_LIMIT, Select, View};
use super::direct;
use super::error::{ViewError, ViewErrorReason as Reason};
use super::eval::{Criteria, Given, Scope, Terms, each, each_place, operand};
use super::item::{Item, Scalar};
use super::json::Node;
use super::value::{Value, value_of};

/// The most steps of `forEach` and `repeat` for one resource, whether they give rows or not.
const ITERATION_LIMIT: u64 = 16 * ROW_LIMIT;
/// Deeper than any resource can be nested; each level of `repeat` goes at least one level down.
const REPEAT_DEPTH_LIMIT: usize = 160;

/// What runs after a select: its siblings, then the output of the row.
type Next<'n, 'a> = &'n mut dyn FnMut(&mut Run<'_, 'a>) -> Result<(), Reason>;

struct Run<'s, 'a> {
    given: Given<'s, 'a>,
    row: Vec<Value<'a>>,
    rows: u64,
    iterations: u64,
    /// The expression that caused an error; set where the error arises.
    blame: Option<&'a Placed>,
    sink: &'s mut dyn FnMut(&[Value<'a>]),
}

/// Runs the plan of a view on a resource of the view's type.
pub(crate) fn run<'a>(
    (view, plan): (&'a View, &'a Plan),
    resource: &'a Node<'a>,
    terms: Terms<'a>,
    sink: &mut dyn FnMut(&[Value<'a>]),
) -> Result<u64, ViewError> {
    let criteria = Criteria::new(0);
    let mut run = Run {
        given: (resource, terms, &criteria),
        row: Vec::new(),
        rows: 0,
        iterations: 0,
        blame: None,
        sink,
    };
    let result = run.view(view, plan);
    result.map(|()| run.rows).map_err(|reason| ViewError {
        view: view.name.as_str().into(),
        element: run.blame.map_or("select", |placed| &placed.element).into(),
        path: run.blame.map_or("", |placed| &placed.path).into(),
        reason,
    })
}

impl<'a> Run<'_, 'a> {
    fn view(&mut self, view: &'a View, plan: &'a Plan) -> Result<(), Reason> {
        let root = Item::node(self.given.0);
        let scope = Scope::on(self.given, Some(&root), 0);
        for filter in &plan.filters {
            let passed = passes(filter, &scope);
            if !self.blamed(filter, passed)? {
                return Ok(());
            }
        }
        self.row.resize(view.columns.len(), Value::Null);
        self.select(&plan.root, &scope, &mut |run| run.push())
    }

    fn push(&mut self) -> Result<(), Reason> {
        if self.rows == ROW_LIMIT {
            return Err(Reason::TooManyRows);
        }
        self.rows += 1;
        (self.sink)(&self.row);
        Ok(())
    }

    fn blamed<T>(&mut self, at: &'a Placed, result: Result<T, Reason>) -> Result<T, Reason> {
        if result.is_err() && self.blame.is_none() {
            self.blame = Some(at);
        }
        result
    }

    fn iterate(&mut self) -> Result<(), Reason> {
        self.iterations += 1;
        if self.iterations > ITERATION_LIMIT { Err(Reason::TooManyRows) } else { Ok(()) }
    }

    fn select(
        &mut self,
        select: &'a Select,
        scope: &Scope<'_, 'a>,
        next: Next<'_, 'a>,
    ) -> Result<(), Reason> {
        match &select.iteration {
            Iteration::Once => self.body(select, scope, next),
            Iteration::Each { source, or_null } => {
                let mut index = 0;
                let mut rows = false;
                let result = each_place(&source.expr, scope, &mut |item| {
                    self.iterate()?;
                    let scope = Scope::on(self.given, Some(&item), index);
                    index += 1;
                    if !item.is_gap() {
                        rows = true;
                        self.body(select, &scope, next)?;
                    }
                    Ok(Continue(()))
                });
                let _ = self.blamed(source, result)?;
                if !rows && *or_null {
                    self.row[select.slots.clone()].fill(Value::Null);
                    self.row_indexes(select, &Scope::on(self.given, None, 0))?;
                    next(self)?;
                }
                Ok(())
            }
            Iteration::Repeat(sources) => {
                let mut repeat = Repeat { sources, select, index: 0 };
                repeat.below(self, scope, 0, next)
            }
        }
    }

    /// Fills the cells of a select for one node, then runs its nested selects and unions.
    fn body(
        &mut self,
        select: &'a Select,
        scope: &Scope<'_, 'a>,
        next: Next<'_, 'a>,
    ) -> Result<(), Reason> {
        for cell in &select.columns {
            self.cell(cell, scope)?;
        }
        self.join(&select.selects, &select.unions, scope, next)
    }

    fn join(
        &mut self,
        selects: &'a [Select],
        unions: &'a [Select],
        scope: &Scope<'_, 'a>,
        next: Next<'_, 'a>,
    ) -> Result<(), Reason> {
        if let Some((first, rest)) = selects.split_first() {
            return self.select(first, scope, &mut |run| run.join(rest, unions, scope, next));
        }
        if unions.is_empty() {
            return next(self);
        }
        unions.iter().try_for_each(|branch| self.select(branch, scope, next))
    }

    fn cell(&mut self, cell: &'a Cell, scope: &Scope<'_, 'a>) -> Result<(), Reason> {
        let value = if cell.collection { collection(cell, scope) } else { one(cell, scope) };
        let value = match value {
            Err(Reason::WrongType) if !scope.terms.is_strict => Ok(Value::Mistyped(None)),
            value => value,
        };
        self.row[cell.slot] = self.blamed(&cell.source, value)?;
        Ok(())
    }

    /// Fills the cells that read `%rowIndex` in a row of nulls: by the standard, it is 0 there and not null.
    fn row_indexes(&mut self, select: &'a Select, scope: &Scope<'_, 'a>) -> Result<(), Reason> {
        for cell in select.columns.iter().filter(|cell| cell.reads_row_index) {
            self.cell(cell, scope)?;
        }
        let plain = |nested: &&Select| matches!(nested.iteration, Iteration::Once);
        select.selects.iter().filter(plain).try_for_each(|nested| self.row_indexes(nested, scope))
    }
}

struct Repeat<'a> {
    sources: &'a [Placed],
    select: &'a Select,
    index: i64,
}

impl<'a> Repeat<'a> {
    /// Visits every node below, parents before children.
    fn below(
        &mut self,
        run: &mut Run<'_, 'a>,
        scope: &Scope<'_, 'a>,
        depth: usize,
        next: Next<'_, 'a>,
    ) -> Result<(), Reason> {
        for source in self.sources {
            let result = if depth == REPEAT_DEPTH_LIMIT {
                Err(Reason::RepeatTooDeep)
            } else {
                each(&source.expr, scope, &mut |item| {
                    run.iterate()?;
                    let scope = Scope::on(run.given, Some(&item), self.index);
                    self.index += 1;
                    run.body(self.select, &scope, next)?;
                    self.below(run, &scope, depth + 1, next)?;
                    Ok(Continue(()))
                })
            };
            let _ = run.blamed(source, result)?;
        }
        Ok(())
    }
}

/// Whether the resource passes a filter, which must be a boolean; empty drops the resource.
fn passes<'a>(filter: &'a Placed, scope: &Scope<'_, 'a>) -> Result<bool, Reason> {
    match operand(&filter.expr, scope)?.as_ref().map(Item::scalar) {
        None => Ok(false),
        Some(Scalar::Boolean(value)) => Ok(value),
        Some(_) => Err(Reason::FilterNotBoolean),
    }
}

fn one<'a>(cell: &'a Cell, scope: &Scope<'_, 'a>) -> Result<Value<'a>, Reason> {
    if let Some(found) = direct::item(&cell.source.expr, scope) {
        return Ok(found.map_or(Value::Null, |item| value_of(item, cell.declared)));
    }
    let mut value = None;
    let outcome = each(&cell.source.expr, scope, &mut |item| {
        if !item.has_value() {
            return Ok(Continue(()));
        }
        if value.is_some() {
            return Err(Reason::ManyValuesInColumn);
        }
        value = Some(value_of(item, cell.declared));
        Ok(Continue(()))
    });
    outcome.map(|_| value.unwrap_or(Value::Null))
}

/// The values as a JSON array. A member that is not of the column's type is left out, and is listed in
/// [`Value::Partial`].
fn collection<'a>(cell: &'a Cell, scope: &Scope<'_, 'a>) -> Result<Value<'a>, Reason> {
    let mut out = String::from("[");
    let mut mistyped = Vec::new();
    let _ = each(&cell.source.expr, scope, &mut |item| {
        if !item.has_value() {
            return Ok(Continue(()));
        }
        match value_of(item, cell.declared) {
            Value::Mistyped(at) => mistyped.push(at),
            value => {
                if out.len() > 1 {
                    out.push(',');
                }
                out.push_str(&value.to_json());
            }
        }
        Ok(Continue(()))
    })?;
    out.push(']');
    Ok(if mistyped.is_empty() { Value::Json(out) } else { Value::Partial(out, mistyped) })
}
