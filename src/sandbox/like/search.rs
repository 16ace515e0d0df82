//! Applies a platform's rules to a search.

use super::{Like, Paging, Rule, refusal::Refusal};
use crate::sandbox::pairs::Pairs;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The parameter within a cursor that holds the position of its page.
const FROM: &str = "_from";

/// Parameters by which a search names the patient.
const PERSONAL: [&str; 3] = ["patient", "subject", "beneficiary"];

/// Types that are not about a patient.
const NOBODYS: [&str; 7] = [
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Location",
    "Medication",
    "InsurancePlan",
    "MedicationKnowledge",
];

/// A search with the parameters of its first page, and the position of the requested page.
pub(in crate::sandbox) struct Unfolded {
    pub(in crate::sandbox) pairs: Pairs,
    /// The number of resources before the page, if the request's cursor contains it.
    pub(in crate::sandbox) from: Option<u32>,
}

impl Like {
    /// The search that a link stands for; `None` if this server did not make the link.
    pub(in crate::sandbox) fn unfold(self, pairs: Pairs) -> Option<Unfolded> {
        match self.paging() {
            Paging::Opaque(name) => match pairs.get(name) {
                Some(cursor) => {
                    let query = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
                    let pairs = Pairs::parse(&query);
                    let from = pairs.get(FROM)?.parse().ok()?;
                    Some(Unfolded { pairs: pairs.without(&[FROM]), from: Some(from) })
                }
                None => Some(Unfolded { pairs, from: None }),
            },
            Paging::Offset(name) => {
                let from = match pairs.get(name) {
                    Some(number) => Some(number.parse().ok()?),
                    None => None,
                };
                Some(Unfolded { pairs: pairs.without(&[name]), from })
            }
            Paging::AfterId | Paging::None => Some(Unfolded { pairs, from: None }),
        }
    }

    /// The query of the page that begins at a position of a search.
    pub(in crate::sandbox) fn query_from(self, pairs: &Pairs, from: u32) -> String {
        let mut query = pairs.encode_without(&[]);
        match self.paging() {
            Paging::Opaque(name) => {
                let folded = query.append_pair(FROM, &from.to_string()).finish();
                format!("{name}={}", URL_SAFE_NO_PAD.encode(folded))
            }
            Paging::Offset(name) => query.append_pair(name, &from.to_string()).finish(),
            Paging::AfterId | Paging::None => query.finish(),
        }
    }

    /// The refusal of a search, if a rule demands one; `is_first` is false for a later page.
    pub(in crate::sandbox) fn search_refusal(
        self,
        name: &str,
        pairs: &Pairs,
        is_first: bool,
    ) -> Option<Refusal> {
        let has = |names: &[&str]| names.iter().any(|name| pairs.get(name).is_some());
        self.find(|rule| match rule {
            Rule::Searches(types, refusal) => (!types.contains(&name)).then_some(*refusal),
            Rule::OnlyRevincluded(only, refusal) => (*only == name).then_some(*refusal),
            Rule::Needs { types, any_of, refusal } => {
                let is_meant = match types.is_empty() {
                    true => !NOBODYS.contains(&name),
                    false => types.contains(&name),
                };
                (is_meant && !has(any_of)).then_some(*refusal)
            }
            Rule::KnowsOnly(known, refusal) => {
                let is_known = |name: &str| known.contains(&name);
                let is_strange = pairs.iter().any(|(name, _)| !is_known(name));
                (is_first && is_strange).then_some(*refusal)
            }
            _ => None,
        })
    }

    /// The number of resources on a page; an error with the largest number if the requested one is refused.
    ///
    /// If no fact says how many, a page has 10, so that there are several pages.
    pub(in crate::sandbox) fn page_size(
        self,
        name: &str,
        pairs: &Pairs,
        asked: Option<u32>,
    ) -> Result<u32, u32> {
        let (default, most) = self
            .find(|rule| match rule {
                Rule::Count { types, default, most }
                    if types.is_empty() || types.contains(&name) =>
                {
                    Some((*default, *most))
                }
                _ => None,
            })
            .unwrap_or(if self.paging() == Paging::AfterId { (10, 100) } else { (10, 10) });
        let refused = self.find(|rule| match rule {
            Rule::CountRefused(most) => Some(*most),
            _ => None,
        });
        let by_id = pairs.get("_id").is_some();
        if self.paging() == Paging::None {
            return Ok(u32::MAX);
        }
        match (asked, refused) {
            (Some(asked), Some(most)) if asked > most => Err(most),
            (Some(_), _) if by_id && self.has(|rule| matches!(rule, Rule::NoCountWithId)) => {
                Ok(default)
            }
            (Some(asked), _) => Ok(asked.min(most)),
            (None, _) => Ok(default),
        }
    }

    /// The parameters that filter resources by a code.
    pub(in crate::sandbox) fn filters(self) -> &'static [&'static str] {
        self.find(|rule| match rule {
            Rule::Filters(names) => Some(*names),
            _ => None,
        })
        .unwrap_or_default()
    }
}

/// The id of the patient that a search names.
pub(in crate::sandbox) fn named_patient<'a>(name: &str, pairs: &'a Pairs) -> Option<&'a str> {
    let named = PERSONAL.iter().find_map(|parameter| pairs.get(parameter));
    let named = named.or_else(|| pairs.get("_id").filter(|_| name == "Patient"))?;
    Some(named.strip_prefix("Patient/").unwrap_or(named))
}
