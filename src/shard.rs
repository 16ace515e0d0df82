//! Which part of the connections a process looks after, and its part of what plans allow. Pure.
//!
//! Connections are independent, so N processes need no coordinator: each takes the connections whose names a
//! hash gives to it. The hash is a promise: the same name is in the same shard on every machine and in every
//! version. Growing from N to N + 1 shards moves one connection in N + 1, and each of these to the new shard.

use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// The most shards there can be.
const MOST: u32 = 10_000;

/// One of `of` shards, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// The only shard: every connection, and all that a plan allows.
    pub const WHOLE: Shard = Shard { number: 1, of: 1 };

    /// A shard by its number, counted from 1; `None` if there is no such shard.
    pub fn new(number: u32, of: u32) -> Option<Shard> {
        let exists = (1..=MOST).contains(&of) && (1..=of).contains(&number);
        exists.then_some(Shard { number, of })
    }

    /// Whether there is no other shard.
    pub fn is_whole(self) -> bool {
        self.of == 1
    }

    /// The position among the shards, counted from 0.
    pub fn position(self) -> u32 {
        self.number - 1
    }

    /// How many shards there are.
    pub fn of(self) -> u32 {
        self.of
    }

    /// The shard that a connection's name belongs to, out of all shards.
    ///
    /// The first 8 bytes of the SHA-256 of the name in UTF-8, big-endian, seed the jump consistent hash
    /// (Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014).
    pub fn owner_of(self, name: &str) -> Shard {
        let digest = Sha256::digest(name);
        let mut key = digest.iter().take(8).fold(0u64, |key, byte| key << 8 | u64::from(*byte));
        let (mut position, mut next) = (0, 0);
        while next < u64::from(self.of) {
            position = next;
            key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
            let jump = (1u64 << 31) as f64 / ((key >> 33) + 1) as f64;
            next = ((position + 1) as f64 * jump) as u64;
        }
        // The position is below `of`, which is a u32.
        Shard { number: position as u32 + 1, of: self.of }
    }

    /// Whether a connection's name belongs to this shard.
    pub fn holds(self, name: &str) -> bool {
        self.owner_of(name) == self
    }

    /// This shard's part of an amount; the parts of all shards add up to the amount.
    pub fn part_of(self, amount: u64) -> u64 {
        let of = u64::from(self.of);
        amount / of + u64::from(u64::from(self.position()) < amount % of)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let read = || {
            let (number, of) = text.split_once('/')?;
            Shard::new(number.parse().ok()?, of.parse().ok()?)
        };
        read().ok_or_else(|| format!("not a shard such as 1/4, 4/4 or 1/1 (at most {MOST} shards)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names, each with its shard out of 2, of 4, of 5 and of 60.
    const KNOWN: [(&str, u32, u32, u32, u32); 6] = [
        ("mary", 2, 2, 2, 52),
        ("john", 2, 2, 2, 56),
        ("member-000001", 2, 3, 3, 57),
        ("Zoë", 1, 1, 5, 5),
        (" ", 2, 3, 3, 58),
        ("a-very-long-name-of-a-connection-at-a-plan", 2, 2, 2, 24),
    ];

    fn shard(text: &str) -> Shard {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_is_in_the_same_shard_on_every_machine_and_in_every_version() {
        // Worked out by the program of docs/scale.md.
        for (name, of_2, of_4, of_5, of_60) in KNOWN {
            for (of, number) in [(1, 1), (2, of_2), (4, of_4), (5, of_5), (60, of_60)] {
                let owner = Shard::new(1, of).unwrap().owner_of(name);
                assert_eq!(owner, Shard::new(number, of).unwrap(), "{name}");
            }
        }
    }

    #[test]
    fn each_connection_is_in_one_shard_and_the_shards_are_about_even() {
        let names: Vec<String> = (0..8000).map(|number| format!("member-{number}")).collect();
        let mut total = 0;
        for number in 1..=8 {
            let held = names.iter().filter(|name| Shard { number, of: 8 }.holds(name)).count();
            assert!((900..1100).contains(&held), "{held}");
            total += held;
        }
        assert_eq!(total, names.len());
    }

    #[test]
    fn one_more_shard_takes_its_share_and_nothing_else_moves() {
        let names: Vec<String> = (0..5000).map(|number| format!("member-{number}")).collect();
        let moved: Vec<Shard> = names
            .iter()
            .filter(|name| shard("1/4").owner_of(name).number != shard("1/5").owner_of(name).number)
            .map(|name| shard("1/5").owner_of(name))
            .collect();
        assert!((900..1100).contains(&moved.len()), "{}", moved.len());
        assert!(moved.iter().all(|owner| *owner == shard("5/5")));
    }

    #[test]
    fn the_parts_of_an_amount_add_up_to_it() {
        for amount in [0, 1, 3, 10, 4001] {
            let parts = (1..=4).map(|number| Shard { number, of: 4 }.part_of(amount));
            assert_eq!(parts.sum::<u64>(), amount);
        }
        assert_eq!(Shard::WHOLE.part_of(7), 7);
    }

    #[test]
    fn a_shard_is_read_as_it_is_shown() {
        for text in ["1/1", "2/4", "10000/10000"] {
            assert_eq!(shard(text).to_string(), text);
        }
        for odd in ["", "1", "0/4", "5/4", "1/0", "-1/4", "1/10001", "a/b", "1/4/2", "1 /4"] {
            assert!(odd.parse::<Shard>().is_err(), "{odd}");
        }
    }
}
