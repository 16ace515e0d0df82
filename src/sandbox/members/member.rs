//! One synthetic member: the identity, and the shared resources that the member's claims name.
//!
//! A member is only three numbers and a flag. Everything else is computed when it is needed, so a population
//! of any size needs no memory.

use super::rng::Rng;
use chrono::NaiveDate;

/// The fields of the consent page's identity form.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// The date of birth in the format of the form, MM/DD/YYYY.
    pub birth_date: String,
    /// The number on the insurance card.
    pub member_id: String,
    /// Five-digit postal code.
    pub zip: String,
}

impl std::fmt::Debug for Identity {
    /// Shows nothing: tests of the client search its logs for these names.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// The number that stands for everybody: the owner of Organizations, Practitioners and Locations.
pub(super) const EVERYBODY: u32 = u32::MAX;

const DEMO_MEMBER_ID: &str = "123456789123";
const FIRST_MEMBER_ID: u64 = 200_000_000_000;
const FIRST_PATIENT_ID: u64 = 48_210_000_000_017;

pub(super) const PAYERS: u32 = 2;
const ORGANIZATIONS: u32 = 40;
const PRACTITIONERS: u32 = 60;
const LOCATIONS: u32 = 24;

/// A member by number, within one seeded population.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) struct Member {
    pub(super) seed: u64,
    pub(super) number: u32,
    pub(super) claims: u32,
    /// Whether ids are unique across members.
    pub(super) unique_ids: bool,
    /// Whether some resources are rich.
    pub(super) rich: bool,
}

const FIRST_NAMES: [(&str, &str); 12] = [
    ("Ana", "female"),
    ("Ben", "male"),
    ("Carla", "female"),
    ("David", "male"),
    ("Elena", "female"),
    ("Farid", "male"),
    ("Grace", "female"),
    ("Hugo", "male"),
    ("Ines", "female"),
    ("José", "male"),
    ("Kim", "other"),
    ("Lena", "female"),
];
const LAST_NAMES: [&str; 12] = [
    "Abbott", "Barnes", "Castillo", "Dawson", "Egan", "Farrow", "Greene", "Hollis", "Ibarra",
    "Jensen", "O'Neill", "Müller",
];
const TOWNS: [(&str, &str, &str); 5] = [
    ("Boston", "MA", "021"),
    ("Albany", "NY", "122"),
    ("Dayton", "OH", "454"),
    ("Austin", "TX", "787"),
    ("Fresno", "CA", "937"),
];

impl Member {
    pub(super) fn everybody(self) -> Member {
        Member { number: EVERYBODY, ..self }
    }

    /// The random choices for one topic and index of this member's data.
    pub(super) fn rng(&self, topic: &str, index: u32) -> Rng {
        Rng::new(self.seed, self.number, topic, index)
    }

    /// The identity that the member enters. Member 0 is the demo member of the developer documentation.
    pub(in crate::sandbox) fn identity(&self) -> Identity {
        if self.number == 0 {
            return Identity {
                first_name: "John".to_string(),
                last_name: "Allen".to_string(),
                birth_date: "10/19/1950".to_string(),
                member_id: DEMO_MEMBER_ID.to_string(),
                zip: "02114".to_string(),
            };
        }
        let mut rng = self.rng("identity", 0);
        let (first_name, _) = *rng.pick(&FIRST_NAMES);
        let last_name = *rng.pick(&LAST_NAMES);
        let (month, day, year) = (rng.between(1, 12), rng.between(1, 28), rng.between(1938, 2004));
        Identity {
            first_name: first_name.to_string(),
            last_name: last_name.to_string(),
            birth_date: format!("{month:02}/{day:02}/{year}"),
            member_id: format!("{}", FIRST_MEMBER_ID + u64::from(self.number) * 1009),
            zip: format!("{}{:02}", self.town().2, rng.between(1, 60)),
        }
    }

    pub(super) fn birth_date(&self) -> NaiveDate {
        NaiveDate::parse_from_str(&self.identity().birth_date, "%m/%d/%Y").unwrap_or(NaiveDate::MIN)
    }

    pub(super) fn gender(&self) -> &'static str {
        let first_name = self.identity().first_name;
        FIRST_NAMES
            .iter()
            .find(|(name, _)| *name == first_name)
            .map_or("male", |(_, gender)| gender)
    }

    /// City, state and the first three digits of the postal code.
    pub(super) fn town(&self) -> (&'static str, &'static str, &'static str) {
        if self.number == 0 { TOWNS[0] } else { *self.rng("town", 0).pick(&TOWNS) }
    }

    pub(in crate::sandbox) fn patient_id(&self) -> String {
        format!("{}", FIRST_PATIENT_ID + u64::from(self.number) * 1009)
    }

    /// The numbers of the Organizations that this member's data names: all payers, then providers.
    pub(super) fn organizations(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..PAYERS).collect();
        numbers.extend(self.window("organizations", PAYERS, ORGANIZATIONS, 6));
        numbers
    }

    pub(super) fn providers(&self) -> Vec<u32> {
        self.organizations().split_off(PAYERS as usize)
    }

    pub(super) fn payer(&self) -> u32 {
        self.number % PAYERS
    }

    pub(super) fn practitioners(&self) -> Vec<u32> {
        self.window("practitioners", 0, PRACTITIONERS, 9)
    }

    pub(super) fn locations(&self) -> Vec<u32> {
        self.window("locations", 0, LOCATIONS, 4)
    }

    /// A range of `width` numbers within `low..high`. The ranges of different members overlap.
    fn window(&self, topic: &str, low: u32, high: u32, width: u32) -> Vec<u32> {
        let start = low + self.rng(topic, 0).below(high - low - width + 1);
        (start..start + width).collect()
    }
}

/// The number of the member whose insurance card has this id; `None` if no card has it.
pub(in crate::sandbox) fn number_of_member_id(member_id: &str) -> Option<u32> {
    if member_id == DEMO_MEMBER_ID {
        return Some(0);
    }
    let distance = member_id.parse::<u64>().ok()?.checked_sub(FIRST_MEMBER_ID)?;
    distance.is_multiple_of(1009).then(|| u32::try_from(distance / 1009).ok())?
}

/// The number of the member whose Patient has this id.
pub(in crate::sandbox) fn number_of_patient_id(id: &str) -> Option<u32> {
    let distance = id.parse::<u64>().ok()?.checked_sub(FIRST_PATIENT_ID)?;
    distance.is_multiple_of(1009).then(|| u32::try_from(distance / 1009).ok())?
}

/// A National Provider Identifier for the given number: ten digits with a valid check digit.
pub(super) fn npi(kind: u32, number: u32) -> String {
    let nine = 120_000_000 + kind * 10_000_000 + number * 1013;
    let digits: Vec<u32> = format!("80840{nine}").bytes().map(|b| u32::from(b - b'0')).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(
            |(position, digit)| {
                if position % 2 == 1 { *digit } else { digit * 2 / 10 + digit * 2 % 10 }
            },
        )
        .sum();
    format!("{nine}{}", (10 - sum % 10) % 10)
}

pub(super) fn organization_id(number: u32) -> String {
    npi(0, number)
}

pub(super) fn practitioner_id(number: u32) -> String {
    npi(1, number)
}

pub(super) fn location_id(number: u32) -> String {
    format!("location-{number:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_zero_is_the_documented_demo_member() {
        let identity =
            Member { seed: 9, number: 0, claims: 1, unique_ids: false, rich: true }.identity();
        assert_eq!(identity.last_name, "Allen");
        assert_eq!(identity.birth_date, "10/19/1950");
    }

    #[test]
    fn an_npi_carries_its_check_digit() {
        // With the prefix 80840, the ten digits pass the Luhn check.
        assert_eq!(npi(0, 0).len(), 10);
        let digits: Vec<u32> =
            format!("80840{}", npi(1, 7)).bytes().map(|b| u32::from(b - b'0')).collect();
        let sum: u32 = digits
            .iter()
            .rev()
            .enumerate()
            .map(|(i, d)| if i % 2 == 0 { *d } else { d * 2 / 10 + d * 2 % 10 })
            .sum();
        assert_eq!(sum % 10, 0);
    }

    #[test]
    fn an_identity_does_not_print() {
        let identity =
            Member { seed: 1, number: 0, claims: 1, unique_ids: false, rich: true }.identity();
        assert!(!format!("{identity:?}").contains("Allen"));
    }
}
