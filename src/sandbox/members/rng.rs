//! Random choices that are always the same for the same place in the data.
//!
//! A stream is identified by (seed, member, topic, index), so a resource can be computed without those
//! before it. The clock and the system are never used as a seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// The stream of choices for one place in the data.
pub(in crate::sandbox) struct Rng(ChaCha8Rng);

impl Rng {
    pub(in crate::sandbox) fn new(seed: u64, member: u32, topic: &str, index: u32) -> Rng {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..12].copy_from_slice(&member.to_le_bytes());
        key[12..16].copy_from_slice(&index.to_le_bytes());
        key[16..24].copy_from_slice(&fnv1a(topic).to_le_bytes());
        Rng(ChaCha8Rng::from_seed(key))
    }

    /// A number in `0..bound`; 0 when the bound is 0.
    pub(in crate::sandbox) fn below(&mut self, bound: u32) -> u32 {
        // Multiply-shift: its bias is far too small to show in a synthetic population.
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// A number in `low..=high`.
    pub(in crate::sandbox) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    pub(in crate::sandbox) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    pub(in crate::sandbox) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u32) as usize]
    }

    pub(in crate::sandbox) fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from(b"0123456789abcdef"[self.below(16) as usize])).collect()
    }

    pub(in crate::sandbox) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }
}

/// FNV-1a is used because the standard hasher does not promise stable values.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_gives_one_stream() {
        assert_eq!(Rng::new(1, 2, "x", 3).hex(16), Rng::new(1, 2, "x", 3).hex(16));
    }

    #[test]
    fn each_part_of_the_place_changes_the_stream() {
        let here = Rng::new(1, 2, "x", 3).hex(16);
        for other in [
            Rng::new(2, 2, "x", 3),
            Rng::new(1, 3, "x", 3),
            Rng::new(1, 2, "y", 3),
            Rng::new(1, 2, "x", 4),
        ] {
            let mut other = other;
            assert_ne!(other.hex(16), here);
        }
    }

    #[test]
    fn between_includes_both_ends() {
        let mut rng = Rng::new(1, 0, "between", 0);
        let seen: std::collections::BTreeSet<u32> = (0..200).map(|_| rng.between(3, 5)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [3, 4, 5]);
    }
}
