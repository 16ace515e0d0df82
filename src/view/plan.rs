//! The compiled form of an expression, which [`eval`](super::eval) runs.
//!
//! A path is cut into segments. The steps of a segment map one item to any number of items. A segment
//! ends where the whole collection is reduced to at most one item (`first()`, `exists()`), so evaluation
//! needs no intermediate collections.

use super::boundary::Boundary;
use super::item::Item;
use super::json::Name;
use super::one_of::OneOf;
use super::types::{Family, TypeId};

#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Path(Path),
    And(Box<(Expr, Expr)>),
    Or(Box<(Expr, Expr)>),
    OneOf(Box<OneOf>),
    Equal { negated: bool, operands: Box<(Expr, Expr)> },
    Compare { comparison: Comparison, operands: Box<(Expr, Expr)> },
    Arithmetic { operation: Arithmetic, operands: Box<(Expr, Expr)> },
    Concatenate(Box<(Expr, Expr)>),
    Union(Box<(Expr, Expr)>),
    In(Box<(Expr, Expr)>),
    Negative(Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) start: Start,
    pub(crate) segments: Vec<Segment>,
    /// Whether [`direct`](super::direct) can try this path.
    pub(crate) direct: bool,
    /// Whether the path's last element can exist without a value, with extensions only.
    pub(crate) bare: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Start {
    /// `$this`, also if nothing is written.
    Focus,
    /// `%resource`.
    Resource,
    /// `%context`: the node of the select.
    Context,
    /// `%rowIndex`.
    RowIndex,
    /// A literal or a constant of the view.
    Literal(Item<'static>),
    /// `{}`.
    Empty,
    Group(Box<Expr>),
}

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) steps: Vec<Step>,
    /// `None` only in the last segment of a path.
    pub(crate) reduce: Option<Reduce>,
}

/// Maps one item to any number of items.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Field(Field),
    /// `value.ofType(Quantity)`, which reads `valueQuantity`, or `valueAge`, since an age is a quantity.
    Typed {
        field: Field,
        specialised: Vec<Field>,
        base: Name,
        of: OfType,
    },
    /// `Patient` at the start of a path.
    ResourceType(String),
    OfType(OfType),
    Where(Box<Expr>),
    Extension(String),
    ResourceKey,
    ReferenceKey(Option<String>),
    Boundary(Boundary),
}

/// An element's name, resolved as far as the definition allows.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: Name,
    /// The element's type, if its name tells.
    pub(crate) of: TypeId,
    /// Whether the element is a primitive that FHIR defines as not repeating: a list is then not a valid
    /// value.
    pub(crate) is_single: bool,
    /// Whether FHIR defines the element as a choice, so that `value` finds `valueString`.
    pub(crate) choice: bool,
    /// `_name`, which has the extensions of a primitive; `None` for an element that has members.
    pub(crate) shadow: Option<Name>,
    /// Whether a later step of the path reads these extensions.
    pub(crate) extensions: bool,
}

/// The argument of `ofType()`.
#[derive(Clone, Debug)]
pub(crate) struct OfType {
    pub(crate) name: String,
    /// The data type; unknown for a resource type.
    pub(crate) data_type: TypeId,
    /// The data type and those that specialise it.
    pub(crate) family: Family,
}

impl OfType {
    /// Whether the type does not determine an item's elements.
    pub(crate) fn is_abstract(&self) -> bool {
        let abstract_names = ["BackboneElement", "DomainResource", "Element", "Resource"];
        abstract_names.contains(&self.name.as_str())
    }

    /// Whether this asks for a resource of the given type.
    pub(crate) fn is_resource(&self, resource_type: &str) -> bool {
        match self.name.as_str() {
            "Resource" => true,
            "DomainResource" => !matches!(resource_type, "Binary" | "Bundle" | "Parameters"),
            name => name == resource_type,
        }
    }
}

/// Reduces a collection to at most one item.
#[derive(Clone, Debug)]
pub(crate) enum Reduce {
    First,
    Position(usize),
    Index(Box<Expr>),
    Exists,
    Empty,
    Not,
    HasValue,
    Join(String),
    Sum,
}
