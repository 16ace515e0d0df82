//! A cache with the texts of resources that were requested recently.
//!
//! A resource that nobody changes has the same text each time, and making the text takes longer than
//! sending it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The size limit of all texts, in bytes: some members' records, whatever the size of the population.
const MOST_BYTES: usize = 8 << 20;

/// The owner's number, the type, and the resource's number among the owner's resources.
pub(crate) type Key = (u32, &'static str, u32);

/// The cached texts, as many as fit.
#[derive(Default)]
pub(crate) struct KeptTexts(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    texts: HashMap<Key, Arc<str>>,
    bytes: usize,
}

impl KeptTexts {
    /// The text of a resource; it is made if it is not in the cache.
    pub(crate) fn get_or_make(&self, key: Key, make: impl FnOnce() -> String) -> Arc<str> {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = kept().texts.get(&key) {
            return Arc::clone(text);
        }
        // The text is made without holding the lock, so that other requests are answered meanwhile.
        let text: Arc<str> = make().into();
        if text.len() > MOST_BYTES {
            return text;
        }
        let mut kept = kept();
        if kept.bytes + text.len() > MOST_BYTES {
            *kept = Kept::default();
        }
        if kept.texts.insert(key, Arc::clone(&text)).is_none() {
            kept.bytes += text.len();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_text_is_not_made_again() {
        let texts = KeptTexts::default();
        assert_eq!(&*texts.get_or_make((0, "Goal", 1), || "one".to_owned()), "one");
        assert_eq!(&*texts.get_or_make((0, "Goal", 1), || panic!("made again")), "one");
        assert_eq!(&*texts.get_or_make((1, "Goal", 1), || "other".to_owned()), "other");
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let texts = KeptTexts::default();
        let size = MOST_BYTES / 3;
        for number in 0..10 {
            texts.get_or_make((0, "Binary", number), || "x".repeat(size));
            let kept = texts.0.lock().unwrap();
            assert_eq!(kept.bytes, kept.texts.len() * size);
            assert!(kept.bytes <= MOST_BYTES);
            assert!(kept.texts.contains_key(&(0, "Binary", number)));
        }
    }
}
