//! The nodes of the tree, and how a member is found.

use std::borrow::Cow;
use std::fmt;

/// A JSON value that borrows from the text it was parsed from.
///
/// `Debug` shows the structure only, never a value, since resources are patient data.
#[derive(Clone, PartialEq, Eq)]
pub enum Node<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as the text that was received: `25.00` stays `25.00`.
    Number(&'a str),
    /// A string; borrowed unless it has an escape.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Node<'a>>),
    /// An object, with its members in the order received.
    Object(Vec<Member<'a>>),
}

/// One name and value of an object.
#[derive(Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// The name.
    pub key: Cow<'a, str>,
    /// The value.
    pub value: Node<'a>,
    tag: u32,
}

impl<'a> Member<'a> {
    /// A member with this name and value.
    #[inline]
    pub fn new(key: Cow<'a, str>, value: Node<'a>) -> Self {
        let tag = tag(&key);
        Self { key, value, tag }
    }
}

/// A name to search for, prepared for a fast search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    text: Box<str>,
    tag: u32,
}

impl Name {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.into(), tag: tag(text) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The value of the last member with this name.
    #[inline]
    pub(crate) fn find<'m, 'a>(&self, members: &'m [Member<'a>]) -> Option<&'m Node<'a>> {
        find_tagged(members, &self.text, self.tag)
    }
}

/// Length and three letters of a name, as a number.
///
/// It is almost always different for different names, and is compared without reading the text.
#[inline]
fn tag(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return 0 };
    let middle = bytes.get(bytes.len() / 2).unwrap_or(last);
    u32::from_le_bytes([*first, *middle, *last, bytes.len() as u8])
}

impl<'a> Node<'a> {
    /// The value of a member, if this is an object that has it.
    ///
    /// If several members have the same name, the last one is returned, as in most JSON readers. The
    /// search starts at the end, so this costs nothing.
    #[inline]
    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        match self {
            Node::Object(members) => find(members, name),
            _ => None,
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[Node<'a>]> {
        match self {
            Node::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if this is an object.
    pub fn as_object(&self) -> Option<&[Member<'a>]> {
        match self {
            Node::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Node::Null)
    }
}

/// The value of the last member with this name.
#[inline]
pub(crate) fn find<'m, 'a>(members: &'m [Member<'a>], name: &str) -> Option<&'m Node<'a>> {
    find_tagged(members, name, tag(name))
}

#[inline]
fn find_tagged<'m, 'a>(members: &'m [Member<'a>], name: &str, tag: u32) -> Option<&'m Node<'a>> {
    let found = members.iter().rev().find(|member| member.tag == tag && *member.key == *name);
    found.map(|member| &member.value)
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Null => f.write_str("Null"),
            Node::Bool(_) => f.write_str("Bool"),
            Node::Number(_) => f.write_str("Number"),
            Node::String(_) => f.write_str("String"),
            Node::Array(items) => write!(f, "Array of {}", items.len()),
            Node::Object(members) => write!(f, "Object of {}", members.len()),
        }
    }
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
