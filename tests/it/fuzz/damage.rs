//! Ways to damage a resource, as a payer's software or somebody hostile might.

use payersync::view::json::{Member, Node};
use proptest::prelude::*;
use std::borrow::Cow;

/// No error may repeat it.
pub(crate) const CANARY: &str = "c4n4ry-\u{1f426}";

/// Numbers that JSON allows and few programs expect.
const NUMBERS: &[&str] = &[
    "1e400",
    "-0.000",
    "1E-999999999",
    "123456789012345678901234567890.00000000000000000001",
    "9223372036854775808",
    "-9223372036854775808",
    "0",
    "1e19",
    "2.50",
];

/// Texts that are not what an element expects.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\u{0}",
    "\u{202e}\u{feff}a\u{301}\u{1f468}\u{200d}\u{1f469}",
    "'; DROP TABLE resource; --",
    "#",
    "#prov1",
    "Patient/",
    "/",
    "Patient/1/_history/",
    "urn:uuid:",
    "9999999999-99-99T99:99:99.999999999999+99:99",
    "2024-02-30",
    "-1-1-1",
    CANARY,
];

/// One kind of damage; the numbers choose among what there is.
#[derive(Debug, Clone)]
pub(crate) enum Damage {
    Drop,
    /// The element again, under the same name or in its array.
    Twice,
    /// Another element's value in its place.
    Swap(u32),
    Null,
    Bool(bool),
    Number(usize),
    Text(usize),
    Empty(bool),
    /// An array around it, this deep.
    Wrapped(u8),
    /// Inside of itself, this deep.
    Nested(u8),
    /// Its array's elements, this often.
    Many(u16),
    Long(u16),
    Unknown,
    /// `_name` beside it, well-formed or not.
    Shadow(bool),
    Reversed,
}

/// Any damage.
pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        1 => Just(Damage::Drop),
        1 => Just(Damage::Twice),
        3 => any::<u32>().prop_map(Damage::Swap),
        1 => Just(Damage::Null),
        1 => any::<bool>().prop_map(Damage::Bool),
        2 => (0..NUMBERS.len()).prop_map(Damage::Number),
        2 => (0..TEXTS.len()).prop_map(Damage::Text),
        1 => any::<bool>().prop_map(Damage::Empty),
        1 => (1..70_u8).prop_map(Damage::Wrapped),
        1 => (1..70_u8).prop_map(Damage::Nested),
        1 => (2..300_u16).prop_map(Damage::Many),
        1 => any::<u16>().prop_map(Damage::Long),
        1 => Just(Damage::Unknown),
        1 => any::<bool>().prop_map(Damage::Shadow),
        1 => Just(Damage::Reversed),
    ]
}

/// How many elements there are, each a place for damage.
pub(crate) fn places(node: &Node<'_>) -> usize {
    match node {
        Node::Array(items) => items.iter().map(places).sum::<usize>() + 1,
        Node::Object(members) => {
            members.iter().map(|member| places(&member.value)).sum::<usize>() + 1
        }
        _ => 1,
    }
}

/// The element of a number, in the order of the text.
fn place<'n, 'a>(node: &'n Node<'a>, number: &mut usize) -> Option<&'n Node<'a>> {
    if *number == 0 {
        return Some(node);
    }
    *number -= 1;
    match node {
        Node::Array(items) => items.iter().find_map(|item| place(item, number)),
        Node::Object(members) => members.iter().find_map(|member| place(&member.value, number)),
        _ => None,
    }
}

/// Damages the element of a number, if it is not the resource itself.
pub(crate) fn apply<'a>(root: &mut Node<'a>, number: usize, damage: &Damage) {
    let donor = match damage {
        Damage::Swap(other) => {
            let mut other = *other as usize % places(root);
            place(root, &mut other).cloned()
        }
        _ => None,
    };
    let mut number = number % places(root);
    below(root, &mut number, &mut |parent, at| match parent {
        Node::Array(items) => in_array(items, at, damage, donor.as_ref()),
        Node::Object(members) => in_object(members, at, damage, donor.as_ref()),
        _ => {}
    });
}

/// As [`apply`], where the element is a member and not one of an array.
pub(crate) fn in_objects_only(root: &mut Node<'_>, number: usize, damage: &Damage) {
    let mut number = number % places(root);
    below(root, &mut number, &mut |parent, at| {
        if let Node::Object(members) = parent {
            in_object(members, at, damage, None);
        }
    });
}

/// Finds an element's parent and its position there.
fn below<'a>(
    node: &mut Node<'a>,
    number: &mut usize,
    found: &mut dyn FnMut(&mut Node<'a>, usize),
) -> bool {
    let count = match node {
        Node::Array(items) => items.len(),
        Node::Object(members) => members.len(),
        _ => 0,
    };
    for at in 0..count {
        if *number <= 1 {
            found(node, at);
            return true;
        }
        *number -= 1;
        let child = match node {
            Node::Array(items) => &mut items[at],
            Node::Object(members) => &mut members[at].value,
            _ => return false,
        };
        if below(child, number, found) {
            return true;
        }
    }
    false
}

fn in_array<'a>(items: &mut Vec<Node<'a>>, at: usize, damage: &Damage, donor: Option<&Node<'a>>) {
    match damage {
        Damage::Drop => drop(items.remove(at)),
        Damage::Twice | Damage::Unknown | Damage::Shadow(_) => items.insert(at, items[at].clone()),
        Damage::Many(times) => {
            items.extend(std::iter::repeat_n(items[at].clone(), usize::from(*times)));
        }
        Damage::Reversed => items.reverse(),
        _ => value(&mut items[at], damage, donor),
    }
}

fn in_object<'a>(
    members: &mut Vec<Member<'a>>,
    at: usize,
    damage: &Damage,
    donor: Option<&Node<'a>>,
) {
    let key = members[at].key.clone();
    match damage {
        Damage::Drop => drop(members.remove(at)),
        Damage::Twice => {
            let copy = members[at].clone();
            members.insert(at, copy);
        }
        Damage::Unknown => {
            let name = Cow::Borrowed("unknownElement");
            let value = Node::Object(vec![Member::new(key, members[at].value.clone())]);
            members.insert(at, Member::new(name, value));
        }
        Damage::Shadow(is_sound) => {
            let text = |text| Node::String(Cow::Borrowed(text));
            let extension = Node::Object(vec![
                Member::new(Cow::Borrowed("url"), text("http://hl7.org/fhir/x")),
                Member::new(Cow::Borrowed("valueCode"), text("unknown")),
            ]);
            let list = if *is_sound { Node::Array(vec![extension]) } else { extension };
            let shadow = Node::Object(vec![Member::new(Cow::Borrowed("extension"), list)]);
            members.insert(at, Member::new(Cow::Owned(format!("_{key}")), shadow));
        }
        Damage::Reversed => members.reverse(),
        Damage::Many(times) if !matches!(members[at].value, Node::Array(_)) => {
            let copies = vec![members[at].value.clone(); usize::from(*times)];
            members[at].value = Node::Array(copies);
        }
        _ => value(&mut members[at].value, damage, donor),
    }
}

fn value<'a>(node: &mut Node<'a>, damage: &Damage, donor: Option<&Node<'a>>) {
    match damage {
        Damage::Swap(_) => {
            if let Some(donor) = donor {
                *node = donor.clone();
            }
        }
        Damage::Null => *node = Node::Null,
        Damage::Bool(value) => *node = Node::Bool(*value),
        Damage::Number(at) => *node = Node::Number(NUMBERS[*at]),
        Damage::Text(at) => *node = Node::String(Cow::Borrowed(TEXTS[*at])),
        Damage::Empty(true) => *node = Node::Object(Vec::new()),
        Damage::Empty(false) => *node = Node::Array(Vec::new()),
        Damage::Wrapped(depth) => {
            for _ in 0..*depth {
                let inner = std::mem::replace(node, Node::Null);
                *node = Node::Array(vec![inner]);
            }
        }
        Damage::Nested(depth) => nest(node, *depth),
        Damage::Many(times) => {
            if let Node::Array(items) = node {
                let whole: Vec<Node<'a>> = items.iter().take(3).cloned().collect();
                whole.iter().for_each(|item| {
                    items.extend(std::iter::repeat_n(item.clone(), usize::from(*times)));
                });
            }
        }
        Damage::Long(length) => {
            *node = Node::String(Cow::Owned(CANARY.repeat(usize::from(*length))));
        }
        _ => {}
    }
}

/// Puts an object into itself, under each of its names in turn; anything else into arrays.
fn nest(node: &mut Node<'_>, depth: u8) {
    for level in 0..depth {
        let inner = node.clone();
        match node {
            Node::Object(members) if !members.is_empty() && places(&inner) < 20_000 => {
                let at = usize::from(level) % members.len();
                members[at].value = Node::Array(vec![inner]);
            }
            _ => return,
        }
    }
}
