//! Takes one item through the steps of a path: navigation, filters, keys.
//!
//! As long as a step gives one item, the loop continues with it. Only arrays of several elements need
//! recursion, so its depth is bounded by the number of steps in the expression.

use std::ops::ControlFlow::{self, Break, Continue};

use super::boundary;
use super::error::ViewErrorReason as Reason;
use super::eval::{Outcome, Scope, Sink};
use super::item::{Item, Scalar};
use super::json::{Member, Node, find};
use super::plan::{Field, OfType, Step};
use super::reference_key::{reference_key, resource_key};
use super::types::TypeId;

/// Takes one item through the steps and pushes each result.
pub(crate) fn walk<'a>(
    mut steps: &'a [Step],
    mut item: Item<'a>,
    scope: &Scope<'_, 'a>,
    out: Sink<'_, 'a>,
) -> Outcome {
    while let Some((step, rest)) = steps.split_first() {
        let next = match step {
            Step::Field(field) => match item.members() {
                Some(members) => match field.name.find(members) {
                    Some(node) => child(node, field, members, rest, scope, out)?,
                    None => without_value(members, field, rest, scope, out)?,
                },
                None => return Ok(Continue(())),
            },
            Step::Typed { field, specialised, base, of } => match item.members() {
                Some(members) => match typed(members, field, specialised) {
                    Some((field, Some(node))) => child(node, field, members, rest, scope, out)?,
                    Some((field, None)) => without_value(members, field, rest, scope, out)?,
                    None => {
                        let Some(node) = base.find(members) else { return Ok(Continue(())) };
                        let plain = |item: Item<'a>| match is_of_type(&item, of) {
                            true => walk(rest, item, scope, out),
                            false => Ok(Continue(())),
                        };
                        return each_element(node, TypeId::UNKNOWN, plain);
                    }
                },
                None => return Ok(Continue(())),
            },
            Step::Extension(url) => return extensions(&item, url, rest, scope, out),
            Step::Where(criterion) if scope.fulfils(criterion, &item)? => Next::Item(item),
            Step::Where(_) => Next::Done(Continue(())),
            Step::OfType(of) if is_of_type(&item, of) => Next::Item(item),
            Step::OfType(_) => Next::Done(Continue(())),
            Step::ResourceType(name) if has_resource_type(&item, name) => Next::Item(item),
            Step::ResourceType(_) => Next::Done(Continue(())),
            Step::ResourceKey => text_of_node(&item, resource_key),
            Step::ReferenceKey(wanted) => text_of_node(&item, |node| {
                reference_key(node, wanted.as_deref(), scope.terms.bases)
            }),
            Step::Boundary(end) => bound(&item, *end),
        };
        match next {
            Next::Item(one) => item = one,
            Next::Done(flow) => return Ok(flow),
        }
        steps = rest;
    }
    out(item)
}

/// The typed spelling of a choice that is present, with its value if it has one.
fn typed<'a>(
    members: &'a [Member<'a>],
    field: &'a Field,
    specialised: &'a [Field],
) -> Option<(&'a Field, Option<&'a Node<'a>>)> {
    std::iter::once(field).chain(specialised).find_map(|field| {
        let found = field.name.find(members);
        let bare = || field.shadow.as_ref().is_some_and(|name| name.find(members).is_some());
        (found.is_some() || bare()).then_some((field, found))
    })
}

/// The result of a step: one item, with which the loop continues, or the end, since all was pushed.
enum Next<'a> {
    Item(Item<'a>),
    Done(ControlFlow<()>),
}

/// The value of a field: one item, or the elements of an array.
#[inline]
fn child<'a>(
    node: &'a Node<'a>,
    field: &'a Field,
    members: &'a [Member<'a>],
    rest: &'a [Step],
    scope: &Scope<'_, 'a>,
    out: Sink<'_, 'a>,
) -> Result<Next<'a>, Reason> {
    let shadow = field.shadow.as_ref().and_then(|name| name.find(members));
    match node {
        Node::Array(items) if items.len() != 1 && !field.is_single => {
            for (index, node) in items.iter().enumerate() {
                let shadow = shadow.and_then(|shadow| element(shadow, index));
                let item = Item::Node { node, shadow, of: field.of };
                if walk(rest, item, scope, out)?.is_break() {
                    return Ok(Next::Done(Break(())));
                }
            }
            Ok(Next::Done(Continue(())))
        }
        Node::Array(items) if !field.is_single => {
            let shadow = shadow.and_then(|shadow| element(shadow, 0));
            Ok(items.first().map_or(Next::Done(Continue(())), |node| {
                Next::Item(Item::Node { node, shadow, of: field.of })
            }))
        }
        _ => Ok(Next::Item(Item::Node { node, shadow, of: field.of })),
    }
}

/// The extensions of an element of an array; `None` if the element has none.
fn element<'a>(shadow: &'a Node<'a>, index: usize) -> Option<&'a Node<'a>> {
    shadow.as_array()?.get(index).filter(|node| !node.is_null())
}

static NULL: Node<'static> = Node::Null;

/// A field that is not present under its own name: a choice under its typed name, or extensions only.
fn without_value<'a>(
    members: &'a [Member<'a>],
    field: &'a Field,
    rest: &'a [Step],
    scope: &Scope<'_, 'a>,
    out: Sink<'_, 'a>,
) -> Result<Next<'a>, Reason> {
    if field.choice {
        return choice(members, field, rest, scope, out).map(Next::Done);
    }
    match field.shadow.as_ref().and_then(|name| name.find(members)) {
        Some(Node::Array(shadows)) => {
            for shadow in shadows {
                let shadow = Some(shadow).filter(|shadow| !shadow.is_null());
                let item = Item::Node { node: &NULL, shadow, of: field.of };
                if walk(rest, item, scope, out)?.is_break() {
                    return Ok(Next::Done(Break(())));
                }
            }
            Ok(Next::Done(Continue(())))
        }
        Some(shadow) => {
            Ok(Next::Item(Item::Node { node: &NULL, shadow: Some(shadow), of: field.of }))
        }
        None => Ok(Next::Done(Continue(()))),
    }
}

/// A choice by its plain name: `onset` gives the value of `onsetAge`, and its extensions.
fn choice<'a>(
    members: &'a [Member<'a>],
    field: &Field,
    rest: &'a [Step],
    scope: &Scope<'_, 'a>,
    out: Sink<'_, 'a>,
) -> Outcome {
    let typed = |key: &str| key.strip_prefix(field.name.as_str()).and_then(TypeId::of_suffix);
    let beside = || {
        let key = |member: &'a Member<'a>| member.key.strip_prefix('_').map(|key| (key, member));
        members.iter().filter_map(key).find_map(|(key, it)| Some((typed(key)?, &it.value)))
    };
    let value = members.iter().find_map(|member| Some((typed(&member.key)?, member)));
    let Some((of, member)) = value else {
        let Some((of, shadow)) = beside() else { return Ok(Continue(())) };
        return walk(rest, Item::Node { node: &NULL, shadow: Some(shadow), of }, scope, out);
    };
    let shadow = if of.is_primitive() { beside().map(|(_, shadow)| shadow) } else { None };
    each_element(&member.value, of, |item| match item {
        Item::Node { node, of, .. } => walk(rest, Item::Node { node, shadow, of }, scope, out),
        item => walk(rest, item, scope, out),
    })
}

/// The node itself, or each element of an array.
fn each_element<'a>(
    node: &'a Node<'a>,
    of: TypeId,
    mut visit: impl FnMut(Item<'a>) -> Outcome,
) -> Outcome {
    let nodes = match node {
        Node::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    for node in nodes {
        if visit(Item::Node { node, shadow: None, of })?.is_break() {
            return Ok(Break(()));
        }
    }
    Ok(Continue(()))
}

fn extensions<'a>(
    item: &Item<'a>,
    url: &str,
    rest: &'a [Step],
    scope: &Scope<'_, 'a>,
    out: Sink<'_, 'a>,
) -> Outcome {
    let Some(list) = item.members().and_then(|members| find(members, "extension")) else {
        return Ok(Continue(()));
    };
    each_element(list, TypeId::UNKNOWN, |extension| {
        let members = extension.members().and_then(|members| find(members, "url"));
        match members.and_then(Node::as_str) {
            Some(found) if found == url => walk(rest, extension, scope, out),
            _ => Ok(Continue(())),
        }
    })
}

fn has_resource_type(item: &Item<'_>, name: &str) -> bool {
    let members = item.members().and_then(|members| find(members, "resourceType"));
    members.and_then(Node::as_str) == Some(name)
}

/// Whether an item is of the asked type.
///
/// The type that FHIR defines for its element decides. If that type is not known, the JSON decides as far
/// as it can; without evidence the answer is yes.
fn is_of_type(item: &Item<'_>, of: &OfType) -> bool {
    let wanted = of.data_type;
    if let Item::Node { of: known, .. } = item
        && *known != TypeId::UNKNOWN
    {
        return of.family.has(*known);
    }
    match item.scalar() {
        Scalar::Boolean(_) => wanted == TypeId::BOOLEAN,
        Scalar::Integer(_) | Scalar::Number(_) => wanted.is_number(),
        Scalar::Text(_, TypeId::UNKNOWN) => {
            wanted.is_primitive() && !wanted.is_number() && wanted != TypeId::BOOLEAN
        }
        Scalar::Text(_, known) => of.family.has(known),
        Scalar::Complex(node) => match node.get("resourceType").and_then(Node::as_str) {
            Some(found) => of.is_resource(found),
            None => wanted != TypeId::UNKNOWN && !wanted.is_primitive(),
        },
        Scalar::Nothing => false,
    }
}

fn text_of_node<'a>(
    item: &Item<'a>,
    read: impl FnOnce(&'a Node<'a>) -> Option<&'a str>,
) -> Next<'a> {
    match item {
        Item::Node { node, .. } => {
            read(node).map_or(Next::Done(Continue(())), |text| Next::Item(Item::text(text)))
        }
        _ => Next::Done(Continue(())),
    }
}

fn bound<'a>(item: &Item<'a>, end: boundary::Boundary) -> Next<'a> {
    let found = match item.scalar() {
        Scalar::Number(text) => {
            boundary::of_number(text, end).map(|text| Item::Decimal(text.into()))
        }
        Scalar::Integer(value) => {
            boundary::of_number(&value.to_string(), end).map(|text| Item::Decimal(text.into()))
        }
        Scalar::Text(text, of) => {
            boundary::of_text(text, of, end).map(|text| Item::Text(text.into(), of))
        }
        _ => None,
    };
    found.map_or(Next::Done(Continue(())), Next::Item)
}
