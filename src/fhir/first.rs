//! The first elements of an array that a server wrote, so that a huge array needs no memory.

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use std::{fmt, marker::PhantomData};

/// The first `N` elements; later ones are skipped. `null` counts as an empty array.
#[derive(Debug)]
pub(super) struct First<T, const N: usize>(pub(super) Vec<T>);

impl<T, const N: usize> Default for First<T, N> {
    fn default() -> Self {
        First(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for First<T, N> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Elements(PhantomData))
    }
}

struct Elements<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Elements<T, N> {
    type Value = First<T, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(First::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while found.len() < N {
            match elements.next_element()? {
                Some(element) => found.push(element),
                None => return Ok(First(found)),
            }
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(First(found))
    }
}

#[cfg(test)]
mod tests {
    use super::First;

    fn first(json: &str) -> Option<Vec<u8>> {
        serde_json::from_str::<First<u8, 2>>(json).ok().map(|first| first.0)
    }

    #[test]
    fn elements_beyond_the_limit_are_read_over() {
        for (json, found) in [
            ("null", Some(vec![])),
            ("[]", Some(vec![])),
            ("[1]", Some(vec![1])),
            ("[1,2]", Some(vec![1, 2])),
            ("[1,2,3,{\"a\":[]}]", Some(vec![1, 2])),
            ("[1,2,3", None),
            ("[1,2,}]", None),
            ("{}", None),
            ("7", None),
        ] {
            assert_eq!(first(json), found, "{json}");
        }
    }
}
