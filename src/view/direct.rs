//! The fast way for the usual path, which leads from object to object with one value at each step.
//!
//! Most columns have paths like `type.coding.first().code`. In most resources, nothing on the way repeats
//! unless the path says which value to take. Then no sink and no recursion is needed. If the data does
//! repeat, [`lookup`] returns `None` and the general walk does the work: the results are the same, only
//! slower.

use super::eval::Scope;
use super::item::Item;
use super::json::Node;
use super::plan::{Expr, Path, Reduce, Segment, Start, Step};
use super::reference_key::{reference_key, resource_key};
use super::types::TypeId;

/// Whether a path has only steps that [`lookup`] can handle.
pub(crate) fn can_try(start: &Start, segments: &[Segment]) -> bool {
    let last = segments.len().saturating_sub(1);
    matches!(start, Start::Focus | Start::Resource)
        && !segments.is_empty()
        && segments.iter().enumerate().all(|(index, segment)| {
            let reduces =
                matches!(segment.reduce, None | Some(Reduce::First) | Some(Reduce::Position(_)));
            let (key, fields) = match segment.steps.split_last() {
                Some((Step::ResourceKey | Step::ReferenceKey(_), fields)) => (true, fields),
                _ => (false, segment.steps.as_slice()),
            };
            let plain = |step: &Step| match step {
                Step::Field(field) | Step::Typed { field, .. } => !field.extensions,
                _ => false,
            };
            let key_ends_it = !key || (index == last && segment.reduce.is_none());
            reduces && key_ends_it && fields.iter().all(plain)
        })
}

/// The one item of an expression that is a literal or a path that [`lookup`] can follow, as [`lookup`]
/// returns it; `None` for other expressions.
#[inline]
pub(crate) fn item<'a>(expr: &'a Expr, scope: &Scope<'_, 'a>) -> Option<Option<Item<'a>>> {
    match expr {
        Expr::Path(path) if path.direct => lookup(path, scope),
        Expr::Path(Path { start: Start::Literal(item), segments, .. }) if segments.is_empty() => {
            Some(Some(item.borrowed()))
        }
        _ => None,
    }
}

/// The one value of a path; `Some(None)` if there is none, and `None` if the general walk must look for it.
///
/// An element with extensions but without a value counts as no item here.
pub(crate) fn lookup<'a>(path: &'a Path, scope: &Scope<'_, 'a>) -> Option<Option<Item<'a>>> {
    if !path.direct {
        return None;
    }
    let (mut node, mut of) = match (&path.start, scope.focus) {
        (Start::Resource, _) => (scope.resource, TypeId::UNKNOWN),
        (Start::Focus, Some(Item::Node { node, shadow: None, of })) => (*node, *of),
        (Start::Focus, None) => return Some(None),
        _ => return None,
    };
    for segment in &path.segments {
        let mut position = match segment.reduce {
            Some(Reduce::First) => Some(0),
            Some(Reduce::Position(position)) => Some(position),
            _ => None,
        };
        let last = segment.steps.len().wrapping_sub(1);
        for (index, step) in segment.steps.iter().enumerate() {
            let is_single;
            let found = match step {
                Step::Field(field) => {
                    (of, is_single) = (field.of, field.is_single);
                    let Node::Object(members) = node else { return Some(None) };
                    match field.name.find(members) {
                        None if field.choice => return None,
                        found => found,
                    }
                }
                Step::Typed { field, specialised, base, .. } => {
                    (of, is_single) = (field.of, field.is_single);
                    let Node::Object(members) = node else { return Some(None) };
                    match field.name.find(members) {
                        None if !specialised.is_empty() => return None,
                        None if base.find(members).is_some() => return None,
                        found => found,
                    }
                }
                Step::ResourceKey => return Some(resource_key(node).map(Item::text)),
                Step::ReferenceKey(wanted) => {
                    let key = reference_key(node, wanted.as_deref(), scope.terms.bases);
                    return Some(key.map(Item::text));
                }
                _ => return None,
            };
            node = match found {
                None => return Some(None),
                Some(Node::Array(items)) if !is_single => match items.as_slice() {
                    [] => return Some(None),
                    [one] => one,
                    several if index == last => match several.get(position.take()?) {
                        Some(node) => node,
                        None => return Some(None),
                    },
                    _ => return None,
                },
                Some(one) => one,
            };
        }
        // A position that no list has used counts from a single value, so only 0 finds it.
        if position.is_some_and(|position| position > 0) {
            return Some(None);
        }
    }
    let missing = matches!(node, Node::Null);
    Some((!missing).then_some(Item::Node { node, shadow: None, of }))
}
