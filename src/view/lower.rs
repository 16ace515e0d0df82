//! Turns the tree of an expression into its plan: functions, types and constants are resolved here.
//!
//! Anything that is not supported is an error here, with its position. Nothing unknown reaches a row.

use std::collections::BTreeMap;

use super::boundary::Boundary;
use super::elements::{Element, Structure};
use super::item::Item;
use super::json::Name;
use super::one_of;
use super::path::{
    BinaryOperator, Expression, Literal, Lowered, PathError, PathExpression, Start as AstStart,
    Step as AstStep, StepKind, reads_extensions,
};
use super::plan::{
    Arithmetic, Comparison, Expr, Field, OfType, Path, Reduce, Segment, Start, Step,
};
use super::type_name::{resource_argument, type_argument, typed};
use super::types::TypeId;

const FUNCTIONS: &str = "functions are where, exists, empty, hasValue, not, first, extension, \
    ofType, join, sum, lowBoundary, highBoundary, getResourceKey, getReferenceKey";

/// The parts of a definition that its expressions can refer to.
pub(crate) struct Lowering<'d> {
    pub(crate) resource: &'d str,
    pub(crate) constants: &'d BTreeMap<String, Item<'static>>,
    /// Whether extensions of primitives are read from the result (`forEach`).
    pub(crate) extensions_follow: bool,
    /// The structure that `$this` refers to.
    pub(crate) focus: Structure,
    /// The structure that `%context` refers to: the node of the select.
    pub(crate) context: Structure,
}

impl Lowering<'_> {
    /// The compiled expression, and the structure of its result.
    pub(crate) fn expression(&self, expression: &Expression) -> Lowered<(Expr, Structure)> {
        Ok(match expression {
            Expression::Path(path) => {
                let (path, structure) = self.path(path)?;
                (Expr::Path(path), structure)
            }
            Expression::Negative { operand, .. } => {
                let operand = self.expression(operand)?.0;
                (Expr::Negative(Box::new(operand)), Structure::UNKNOWN)
            }
            Expression::Binary { operator, operands } => {
                let (left, on_left) = self.expression(&operands.0)?;
                let (right, on_right) = self.expression(&operands.1)?;
                let same = *operator == BinaryOperator::Union && on_left == on_right;
                let structure = if same { on_left } else { Structure::UNKNOWN };
                (binary(*operator, Box::new((left, right))), structure)
            }
        })
    }

    fn path(&self, path: &PathExpression) -> Lowered<(Path, Structure)> {
        let (start, mut on) = match &path.start {
            AstStart::Focus | AstStart::This => (Start::Focus, self.focus),
            AstStart::Literal(literal) => (literal_start(literal), Structure::UNKNOWN),
            AstStart::Variable { name, position } => self.variable(name, *position)?,
            AstStart::Group(inner) => {
                let (inner, structure) = self.expression(inner)?;
                (Start::Group(Box::new(inner)), structure)
            }
        };
        let mut segments = Vec::new();
        let mut steps = Vec::new();
        let mut at = 0;
        while let Some(step) = path.steps.get(at) {
            let following = path.steps.get(at + 1..).unwrap_or_default();
            at += 1;
            match &step.kind {
                StepKind::Field(name) if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
                    let leads = at == 1 && path.start == AstStart::Focus;
                    steps.push(self.resource_type(name, step.position, leads)?);
                    on = Structure::of(name);
                }
                StepKind::Field(name) => {
                    let element = on.element(name);
                    let choice = element.choice;
                    if let (Some(allowed), Some(of)) = (choice, typed(following)?) {
                        at += 1;
                        let rest = path.steps.get(at..).unwrap_or_default();
                        on = Structure::of(&of.name);
                        steps.push(self.typed_step(name, allowed, of, rest));
                    } else {
                        on = element.structure;
                        steps.push(Step::Field(self.field(name, &element, following)));
                    }
                }
                StepKind::Index(index) => {
                    let reduce = Some(self.index(index)?);
                    segments.push(segment(&mut steps, reduce));
                }
                StepKind::Call { name, arguments } => {
                    let reduce = self.call(name, arguments, step.position, &mut steps, &mut on)?;
                    if reduce.is_some() {
                        segments.push(segment(&mut steps, reduce));
                    }
                }
            }
        }
        if !steps.is_empty() {
            segments.push(segment(&mut steps, None));
        }
        segments.shrink_to_fit();
        let direct = super::direct::can_try(&start, &segments);
        let bare = match segments.last().and_then(|last| last.steps.last()) {
            Some(Step::Field(field) | Step::Typed { field, .. }) => field.shadow.is_some(),
            _ => false,
        };
        Ok((Path { start, segments, direct, bare }, on))
    }

    fn variable(&self, name: &str, position: usize) -> Lowered<(Start, Structure)> {
        if let Some(item) = self.constants.get(name) {
            return Ok((Start::Literal(item.clone()), Structure::UNKNOWN));
        }
        match name {
            "rowIndex" => Ok((Start::RowIndex, Structure::UNKNOWN)),
            "resource" => Ok((Start::Resource, Structure::of(self.resource))),
            "context" => Ok((Start::Context, self.context)),
            _ => Err(PathError::new(position, format!("%{name} is not defined"))
                .with_hint("define it in `constant`, or use %rowIndex, %resource or %context")),
        }
    }

    fn resource_type(&self, name: &str, position: usize, leads: bool) -> Lowered<Step> {
        if leads && name == self.resource {
            return Ok(Step::ResourceType(name.to_owned()));
        }
        let message = match leads {
            true => format!("`{name}` is not the view's resource type, {}", self.resource),
            false => format!("`{name}` is not an element: names begin in lower case"),
        };
        Err(PathError::new(position, message))
    }

    fn field(&self, name: &str, element: &Element, following: &[AstStep]) -> Field {
        let of = element.of;
        let may_be_bare = of.is_primitive() || of == TypeId::UNKNOWN;
        Field {
            name: Name::new(name),
            of,
            is_single: element.is_single,
            choice: element.choice.is_some(),
            shadow: may_be_bare.then(|| Name::new(&format!("_{name}"))),
            extensions: may_be_bare && self.extensions_read(following),
        }
    }

    /// The step for a choice and a type: it reads the spellings of the choice that give the type.
    ///
    /// These spellings are the type's own, and those of its specialisations that the choice allows.
    fn typed_step(&self, base: &str, allowed: &str, of: OfType, following: &[AstStep]) -> Step {
        let spelling = |of: TypeId| {
            let (first, rest) = of.name().split_at(1);
            let name = format!("{base}{}{rest}", first.to_ascii_uppercase());
            self.field(&name, &Element::typed(of.name()), following)
        };
        let fits = |of: &TypeId| allowed.is_empty() || allowed.split('|').any(|it| it == of.name());
        let specialised = of.data_type.specialisations().filter(fits).map(spelling).collect();
        Step::Typed { field: spelling(of.data_type), specialised, base: Name::new(base), of }
    }

    /// Whether the rest of the path reads the extensions of a primitive.
    fn extensions_read(&self, following: &[AstStep]) -> bool {
        for step in following {
            match &step.kind {
                StepKind::Field(next) => return next == "extension",
                StepKind::Call { name: function, .. } if function == "extension" => return true,
                StepKind::Call { arguments, .. } if arguments.iter().any(reads_extensions) => {
                    return true;
                }
                StepKind::Call { name: function, .. }
                    if matches!(function.as_str(), "first" | "where" | "ofType") => {}
                StepKind::Call { .. } => return false,
                StepKind::Index(_) => {}
            }
        }
        self.extensions_follow
    }

    fn index(&self, index: &Expression) -> Lowered<Reduce> {
        let lowered = self.expression(index)?.0;
        if let Expr::Path(Path { start: Start::Literal(Item::Integer(value)), segments, .. }) =
            &lowered
            && let (Ok(position), true) = (usize::try_from(*value), segments.is_empty())
        {
            return Ok(Reduce::Position(position));
        }
        Ok(Reduce::Index(Box::new(lowered)))
    }

    /// Adds a function's step to the segment, or returns how the function reduces the collection.
    fn call(
        &self,
        name: &str,
        arguments: &[Expression],
        position: usize,
        steps: &mut Vec<Step>,
        on: &mut Structure,
    ) -> Lowered<Option<Reduce>> {
        let before = *on;
        if !matches!(name, "where" | "first") {
            *on = Structure::UNKNOWN;
        }
        let step = match (name, arguments) {
            ("where", [criteria]) => Step::Where(Box::new(self.criteria(criteria, before)?)),
            ("exists", []) => return Ok(Some(Reduce::Exists)),
            ("exists", [criteria]) => {
                steps.push(Step::Where(Box::new(self.criteria(criteria, before)?)));
                return Ok(Some(Reduce::Exists));
            }
            ("hasValue", []) => return Ok(Some(Reduce::HasValue)),
            ("empty", []) => return Ok(Some(Reduce::Empty)),
            ("not", []) => return Ok(Some(Reduce::Not)),
            ("first", []) => return Ok(Some(Reduce::First)),
            ("sum", []) => return Ok(Some(Reduce::Sum)),
            ("join", []) => return Ok(Some(Reduce::Join(String::new()))),
            ("join", [separator]) => {
                return self.text_argument(separator, name, position).map(Reduce::Join).map(Some);
            }
            ("extension", [url]) => {
                *on = Structure::of("Extension");
                Step::Extension(self.text_argument(url, name, position)?)
            }
            ("ofType", [argument]) => {
                let of = type_argument(argument, position)?;
                *on = if of.is_abstract() { before } else { Structure::of(&of.name) };
                Step::OfType(of)
            }
            ("getResourceKey", []) => Step::ResourceKey,
            ("getReferenceKey", []) => Step::ReferenceKey(None),
            ("getReferenceKey", [argument]) => {
                Step::ReferenceKey(Some(resource_argument(argument, position)?))
            }
            ("lowBoundary", []) => Step::Boundary(Boundary::Low),
            ("highBoundary", []) => Step::Boundary(Boundary::High),
            (
                "where" | "exists" | "empty" | "hasValue" | "not" | "first" | "join" | "sum"
                | "extension" | "ofType" | "getResourceKey" | "getReferenceKey" | "lowBoundary"
                | "highBoundary",
                _,
            ) => {
                let count = arguments.len();
                let message = format!("{name}() does not take this number of arguments: {count}");
                return Err(PathError::new(position, message));
            }
            _ => {
                let message = format!("function {name}() is not supported");
                return Err(PathError::new(position, message).with_hint(FUNCTIONS));
            }
        };
        steps.push(step);
        Ok(None)
    }

    /// Lowers a criterion: its result is a truth value, so extensions of it are never read.
    fn criteria(&self, criteria: &Expression, focus: Structure) -> Lowered<Expr> {
        let inner = Lowering { extensions_follow: false, focus, ..*self };
        inner.expression(criteria).map(|(lowered, _)| lowered)
    }

    fn text_argument(&self, argument: &Expression, name: &str, at: usize) -> Lowered<String> {
        match self.expression(argument)?.0 {
            Expr::Path(Path { start: Start::Literal(Item::Text(text, _)), segments, .. })
                if segments.is_empty() =>
            {
                Ok(text.into_owned())
            }
            _ => Err(PathError::new(at, format!("{name}() takes a string in quotes"))),
        }
    }
}

/// A segment whose vector has no spare room: a vector that grew has room for four steps, and there are
/// thousands of segments.
fn segment(steps: &mut Vec<Step>, reduce: Option<Reduce>) -> Segment {
    let mut steps = std::mem::take(steps);
    steps.shrink_to_fit();
    Segment { steps, reduce }
}

fn literal_start(literal: &Literal) -> Start {
    Start::Literal(match literal {
        Literal::Empty => return Start::Empty,
        Literal::Boolean(value) => Item::Boolean(*value),
        Literal::Integer(value) => Item::Integer(*value),
        Literal::Decimal(text) => Item::Decimal(text.clone().into()),
        Literal::String(text) => Item::Text(text.clone().into(), TypeId::STRING),
        Literal::Temporal(text) => {
            let value = text.strip_suffix('T').unwrap_or(text).to_owned();
            Item::Text(value.into(), temporal_type(text))
        }
    })
}

fn temporal_type(text: &str) -> TypeId {
    match (text.as_bytes().get(2), text.contains('T')) {
        (Some(b':'), _) => TypeId::TIME,
        (_, true) => TypeId::DATE_TIME,
        (_, false) => TypeId::DATE,
    }
}

fn binary(operator: BinaryOperator, operands: Box<(Expr, Expr)>) -> Expr {
    let compare = |comparison| move |operands| Expr::Compare { comparison, operands };
    let calculate = |operation| move |operands| Expr::Arithmetic { operation, operands };
    match operator {
        BinaryOperator::And => Expr::And(operands),
        BinaryOperator::Or => one_of::or(*operands),
        BinaryOperator::Equal => one_of::equal(*operands),
        BinaryOperator::NotEqual => Expr::Equal { negated: true, operands },
        BinaryOperator::Less => compare(Comparison::Less)(operands),
        BinaryOperator::LessOrEqual => compare(Comparison::LessOrEqual)(operands),
        BinaryOperator::Greater => compare(Comparison::Greater)(operands),
        BinaryOperator::GreaterOrEqual => compare(Comparison::GreaterOrEqual)(operands),
        BinaryOperator::Add => calculate(Arithmetic::Add)(operands),
        BinaryOperator::Subtract => calculate(Arithmetic::Subtract)(operands),
        BinaryOperator::Multiply => calculate(Arithmetic::Multiply)(operands),
        BinaryOperator::Divide => calculate(Arithmetic::Divide)(operands),
        BinaryOperator::Concatenate => Expr::Concatenate(operands),
        BinaryOperator::Union => Expr::Union(operands),
        BinaryOperator::In => Expr::In(operands),
    }
}
