//! An item of an expression's result during evaluation.

use std::borrow::Cow;
use std::fmt;

use super::json::{Member, Node};
use super::types::TypeId;

/// An item of a FHIRPath collection: a node of the resource, or a value computed from it.
///
/// `Debug` shows only the kind of item, since items of a resource are patient data.
#[derive(Clone)]
pub(crate) enum Item<'a> {
    Node {
        node: &'a Node<'a>,
        /// The sibling `_name` of a primitive `name`, if the path asked for it.
        shadow: Option<&'a Node<'a>>,
        of: TypeId,
    },
    Boolean(bool),
    Integer(i64),
    /// The text of a decimal number.
    Decimal(Cow<'a, str>),
    Text(Cow<'a, str>, TypeId),
}

/// An item as operators see it.
#[derive(Clone, Copy)]
pub(crate) enum Scalar<'s> {
    Boolean(bool),
    Integer(i64),
    /// The text of a number.
    Number(&'s str),
    Text(&'s str, TypeId),
    /// An object or an array.
    Complex(&'s Node<'s>),
    /// A null, with or without extensions.
    Nothing,
}

impl<'a> Item<'a> {
    pub(crate) fn node(node: &'a Node<'a>) -> Item<'a> {
        Item::Node { node, shadow: None, of: TypeId::UNKNOWN }
    }

    pub(crate) fn text(text: &'a str) -> Item<'a> {
        Item::Text(Cow::Borrowed(text), TypeId::STRING)
    }

    /// The same item without copying its text, which may belong to the plan.
    #[inline]
    pub(crate) fn borrowed(&'a self) -> Item<'a> {
        match self {
            Item::Decimal(text) => Item::Decimal(Cow::Borrowed(text)),
            Item::Text(text, of) => Item::Text(Cow::Borrowed(text), *of),
            Item::Boolean(value) => Item::Boolean(*value),
            Item::Integer(value) => Item::Integer(*value),
            Item::Node { node, shadow, of } => Item::Node { node, shadow: *shadow, of: *of },
        }
    }

    /// Whether this is a null that only keeps a place in an array, without value and extensions.
    ///
    /// It counts for positions in the array, and for nothing else.
    #[inline]
    pub(crate) fn is_gap(&self) -> bool {
        matches!(self, Item::Node { node: Node::Null, shadow: None, .. })
    }

    /// Whether there is a value, as opposed to extensions only or a gap.
    #[inline]
    pub(crate) fn has_value(&self) -> bool {
        !matches!(self, Item::Node { node: Node::Null, .. })
    }

    /// The members to search: those of an object, or the extensions of a primitive.
    #[inline]
    pub(crate) fn members(&self) -> Option<&'a [Member<'a>]> {
        match self {
            Item::Node { node: Node::Object(members), .. } => Some(members),
            Item::Node { shadow: Some(Node::Object(members)), .. } => Some(members),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn scalar(&self) -> Scalar<'_> {
        match self {
            Item::Node { node, of, .. } => match node {
                Node::Null => Scalar::Nothing,
                Node::Bool(value) => Scalar::Boolean(*value),
                Node::Number(text) => Scalar::Number(text),
                Node::String(text) => Scalar::Text(text, *of),
                Node::Array(_) | Node::Object(_) => Scalar::Complex(node),
            },
            Item::Boolean(value) => Scalar::Boolean(*value),
            Item::Integer(value) => Scalar::Integer(*value),
            Item::Decimal(text) => Scalar::Number(text),
            Item::Text(text, of) => Scalar::Text(text, *of),
        }
    }
}

impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scalar() {
            Scalar::Boolean(_) => "Boolean",
            Scalar::Integer(_) => "Integer",
            Scalar::Number(_) => "Number",
            Scalar::Text(..) => "Text",
            Scalar::Complex(_) => "Complex",
            Scalar::Nothing => "Nothing",
        })
    }
}
