//! Evaluates a compiled expression on one item.
//!
//! Each value is pushed into a sink as it is found, so nothing is collected on the way. A sink that has
//! seen enough stops the search.

use std::cell::Cell;
use std::ops::ControlFlow::{self, Break, Continue};

use super::direct;
use super::error::ViewErrorReason as Reason;
use super::item::{Item, Scalar};
use super::json::Node;
use super::operators;
use super::plan::{Expr, Path, Reduce, Segment, Start};
use super::sum;
use super::walk::walk;
use crate::reference::ServerBases;

/// The most criteria of `where()` for one resource. A criterion that looks through a whole list for each
/// entry of the list takes quadratic time, and the sender chooses the length of the list. A claim of 999
/// lines with twenty amounts each needs about a sixth of this.
const CRITERIA_LIMIT: u64 = 32_000_000;

/// The number of criteria of `where()` that a run has evaluated.
pub(crate) type Criteria = Cell<u64>;

/// The resource of a run, its conditions, and its count of criteria.
pub(crate) type Given<'s, 'a> = (&'a Node<'a>, Terms<'a>, &'s Criteria);

/// Whether the sink wants more items.
pub(crate) type Outcome = Result<ControlFlow<()>, Reason>;
pub(crate) type Sink<'s, 'a> = &'s mut dyn FnMut(Item<'a>) -> Outcome;

/// Everything that an expression can refer to.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'s, 'a> {
    pub(crate) resource: &'a Node<'a>,
    /// The bases for references, and how a value of a wrong type is treated.
    pub(crate) terms: Terms<'a>,
    /// The node of the select; `None` in the row of nulls of a `forEachOrNull`.
    pub(crate) context: Option<&'s Item<'a>>,
    /// `$this`.
    pub(crate) focus: Option<&'s Item<'a>>,
    pub(crate) row_index: i64,
    criteria: &'s Criteria,
}

/// Conditions of a run, besides the resource.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// The bases for references.
    pub(crate) bases: &'a ServerBases,
    /// Whether a value of a wrong type is an error, as in the standard.
    pub(crate) is_strict: bool,
}

impl<'s, 'a> Scope<'s, 'a> {
    /// The scope of a select at this node.
    pub(crate) fn on(
        (resource, terms, criteria): Given<'s, 'a>,
        item: Option<&'s Item<'a>>,
        row_index: i64,
    ) -> Self {
        Scope { resource, terms, context: item, focus: item, row_index, criteria }
    }

    /// Whether an item fulfils a criterion of `where()`.
    ///
    /// # Errors
    /// The run has evaluated too many criteria, or this one cannot be evaluated.
    pub(crate) fn fulfils(&self, criterion: &'a Expr, item: &Item<'a>) -> Result<bool, Reason> {
        let count = self.criteria.get() + 1;
        self.criteria.set(count);
        if count > CRITERIA_LIMIT {
            return Err(Reason::TooManyCriteria);
        }
        let truth = truth(criterion, &Scope { focus: Some(item), ..*self })?;
        Ok(truth == Some(true))
    }
}

/// Pushes every item of the expression's result.
pub(crate) fn each<'a>(expr: &'a Expr, scope: &Scope<'_, 'a>, out: Sink<'_, 'a>) -> Outcome {
    each_place(expr, scope, &mut |item| if item.is_gap() { Ok(Continue(())) } else { out(item) })
}

/// Pushes every item of the expression's result, including gaps: nulls that keep a place in an array.
pub(crate) fn each_place<'a>(expr: &'a Expr, scope: &Scope<'_, 'a>, out: Sink<'_, 'a>) -> Outcome {
    match expr {
        Expr::Path(path) => each_of_path(path, scope, out),
        Expr::Union(operands) => operators::union(&operands.0, &operands.1, scope, out),
        Expr::And(_)
        | Expr::Or(_)
        | Expr::OneOf(_)
        | Expr::Equal { .. }
        | Expr::Compare { .. }
        | Expr::In(_) => match truth(expr, scope)? {
            Some(value) => out(Item::Boolean(value)),
            None => Ok(Continue(())),
        },
        Expr::Arithmetic { operation, operands } => {
            push(operators::arithmetic(*operation, operands, scope)?, out)
        }
        Expr::Concatenate(operands) => push(operators::concatenate(operands, scope)?, out),
        Expr::Negative(operand) => push(operators::negative(operand, scope)?, out),
    }
}

fn push<'a>(item: Option<Item<'a>>, out: Sink<'_, 'a>) -> Outcome {
    item.map_or(Ok(Continue(())), out)
}

/// The only item of the result, if there is one.
///
/// # Errors
/// The result has several items.
pub(crate) fn single<'a>(
    expr: &'a Expr,
    scope: &Scope<'_, 'a>,
) -> Result<Option<Item<'a>>, Reason> {
    let mut found = None;
    let outcome = each(expr, scope, &mut |item| {
        if found.is_some() {
            return Err(Reason::ManyValuesForOperator);
        }
        found = Some(item);
        Ok(Continue(()))
    });
    outcome.map(|_| found)
}

/// The only value of the result, if there is one; an element that has only extensions has no value.
pub(crate) fn operand<'a>(
    expr: &'a Expr,
    scope: &Scope<'_, 'a>,
) -> Result<Option<Item<'a>>, Reason> {
    Ok(single(expr, scope)?.filter(Item::has_value))
}

/// The expression as a condition: true, false or unknown.
///
/// A single value that is not a boolean counts as true, by FHIRPath's rule for singletons.
pub(crate) fn truth<'a>(expr: &'a Expr, scope: &Scope<'_, 'a>) -> Result<Option<bool>, Reason> {
    match expr {
        Expr::And(operands) => match truth(&operands.0, scope)? {
            Some(false) => Ok(Some(false)),
            left => Ok(match (left, truth(&operands.1, scope)?) {
                (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }),
        },
        Expr::Or(operands) => match truth(&operands.0, scope)? {
            Some(true) => Ok(Some(true)),
            left => Ok(match (left, truth(&operands.1, scope)?) {
                (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            }),
        },
        Expr::OneOf(one_of) => one_of.truth(scope),
        Expr::Equal { negated, operands } => {
            let equal = operators::equal(&operands.0, &operands.1, scope)?;
            Ok(equal.map(|equal| equal != *negated))
        }
        Expr::Compare { comparison, operands } => operators::compare(*comparison, operands, scope),
        Expr::In(operands) => operators::is_in(&operands.0, &operands.1, scope),
        _ => Ok(operand(expr, scope)?.map(|item| truth_of(&item))),
    }
}

fn truth_of(item: &Item<'_>) -> bool {
    match item.scalar() {
        Scalar::Boolean(value) => value,
        _ => true,
    }
}

fn each_of_path<'a>(path: &'a Path, scope: &Scope<'_, 'a>, out: Sink<'_, 'a>) -> Outcome {
    match direct::lookup(path, scope) {
        None => {}
        // Even without a value there may be extensions, which make the element an item.
        Some(None) if path.bare => {}
        Some(found) => return push(found, out),
    }
    let start = match &path.start {
        Start::Focus => scope.focus.cloned(),
        Start::Resource => Some(Item::node(scope.resource)),
        Start::Context => scope.context.cloned(),
        Start::RowIndex => Some(Item::Integer(scope.row_index)),
        Start::Literal(item) => Some(item.borrowed()),
        Start::Empty => None,
        Start::Group(inner) => return each_of_group(inner, &path.segments, scope, out),
    };
    each_of_segments(&path.segments, start, scope, out)
}

/// Each segment but the first gets at most one item from the segment before it.
fn each_of_segments<'a>(
    segments: &'a [Segment],
    mut current: Option<Item<'a>>,
    scope: &Scope<'_, 'a>,
    out: Sink<'_, 'a>,
) -> Outcome {
    for segment in segments {
        let Some(reduce) = &segment.reduce else {
            return current.map_or(Ok(Continue(())), |item| walk(&segment.steps, item, scope, out));
        };
        current = reduce_with(reduce, scope, &mut |sink| match current.take() {
            Some(item) => walk(&segment.steps, item, scope, sink),
            None => Ok(Continue(())),
        })?;
    }
    push(current, out)
}

/// A parenthesised expression can pass several items to the first segment.
fn each_of_group<'a>(
    inner: &'a Expr,
    segments: &'a [Segment],
    scope: &Scope<'_, 'a>,
    out: Sink<'_, 'a>,
) -> Outcome {
    let Some((first, rest)) = segments.split_first() else { return each_place(inner, scope, out) };
    let Some(reduce) = &first.reduce else {
        return each_place(inner, scope, &mut |item| walk(&first.steps, item, scope, out));
    };
    let current = reduce_with(reduce, scope, &mut |sink| {
        each_place(inner, scope, &mut |item| walk(&first.steps, item, scope, sink))
    })?;
    each_of_segments(rest, current, scope, out)
}

/// Reduces the items of the source to at most one.
fn reduce_with<'a>(
    reduce: &'a Reduce,
    scope: &Scope<'_, 'a>,
    source: &mut dyn FnMut(Sink<'_, 'a>) -> Outcome,
) -> Result<Option<Item<'a>>, Reason> {
    let position = match reduce {
        Reduce::First => 0,
        Reduce::Position(position) => *position,
        Reduce::Index(index) => match operand(index, scope)?.as_ref().map(Item::scalar) {
            None => return Ok(None),
            Some(Scalar::Integer(index)) => match usize::try_from(index) {
                Ok(position) => position,
                Err(_) => return Ok(None),
            },
            Some(Scalar::Number(text)) => match text.parse() {
                Ok(position) => position,
                Err(_) => return Ok(None),
            },
            Some(_) => return Err(Reason::WrongType),
        },
        Reduce::Exists => return Ok(Some(Item::Boolean(any(source)?))),
        Reduce::Empty => return Ok(Some(Item::Boolean(!any(source)?))),
        Reduce::Not => {
            let mut found = None;
            let _ = source(&mut |item| match item.has_value() {
                false => Ok(Continue(())),
                true => match found.replace(truth_of(&item)) {
                    Some(_) => Err(Reason::ManyValuesForOperator),
                    None => Ok(Continue(())),
                },
            })?;
            return Ok(found.map(|value| Item::Boolean(!value)));
        }
        Reduce::HasValue => {
            let (mut count, mut primitive) = (0, false);
            let _ = source(&mut |item| {
                count += i32::from(!item.is_gap());
                primitive = !matches!(item.scalar(), Scalar::Nothing | Scalar::Complex(_));
                Ok(if count > 1 { Break(()) } else { Continue(()) })
            })?;
            return Ok(Some(Item::Boolean(count == 1 && primitive)));
        }
        Reduce::Join(separator) => {
            return operators::join(separator, source, scope.terms.is_strict);
        }
        Reduce::Sum => return sum::sum(source),
    };
    let mut left = position;
    let mut found = None;
    let _ = source(&mut |item| {
        if left == 0 {
            found = Some(item);
            return Ok(Break(()));
        }
        left -= 1;
        Ok(Continue(()))
    })?;
    Ok(found)
}

fn any<'a>(source: &mut dyn FnMut(Sink<'_, 'a>) -> Outcome) -> Result<bool, Reason> {
    let mut found = false;
    let _ = source(&mut |item| {
        found = !item.is_gap();
        Ok(if found { Break(()) } else { Continue(()) })
    })?;
    Ok(found)
}
