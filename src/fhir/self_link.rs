//! What a server says it searched for (R4, http.html#search: the self link).

use crate::reference::{Destination, FullUrls, ServerBases};
use std::collections::HashSet;
use url::Url;

/// The Patient that a page's self link asks for, if it names one.
///
/// Some servers answer another search than the one asked for; the self link shows it.
pub fn patient_of_self_link(
    page: &Url,
    link: &str,
    resource_type: &str,
    bases: &ServerBases,
) -> Option<String> {
    let link = page.join(link).ok()?;
    link.query_pairs().find_map(|(name, value)| {
        let name = name.split(':').next().unwrap_or_default();
        match name {
            "patient" | "subject" | "beneficiary" => {
                match bases.resolve(&value, &FullUrls::default()) {
                    Destination::Here { resource_type: "Patient", id } => Some(id.to_owned()),
                    _ => (!value.contains('/')).then(|| value.into_owned()),
                }
            }
            "_id" if resource_type == "Patient" => Some(value.into_owned()),
            _ => None,
        }
    })
}

/// The parameters asked for that a page's self link leaves out: the server did not search by them.
///
/// Returns the names without modifiers, each once, in the order asked.
pub fn left_out_of_self_link(asked: &Url, link: &str) -> Vec<String> {
    let bare = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
    let names =
        |url: &Url| -> Vec<String> { url.query_pairs().map(|(name, _)| bare(&name)).collect() };
    let Ok(link) = asked.join(link) else { return Vec::new() };
    let said = names(&link);
    let mut seen = HashSet::new();
    let mut left_out = names(asked);
    left_out.retain(|name| !said.contains(name) && seen.insert(name.clone()));
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_link_names_its_patient_with_or_without_the_type() {
        let page = Url::parse("https://x.test/r4/Coverage?_count=10").unwrap();
        let named = |link: &str, name: &str| {
            patient_of_self_link(&page, link, name, &ServerBases::default())
        };
        assert_eq!(named("?patient=Patient/7", "Coverage").as_deref(), Some("7"));
        assert_eq!(
            named("https://x.test/r4/Coverage?beneficiary=7", "Coverage").as_deref(),
            Some("7")
        );
        assert_eq!(named("?_id=7", "Patient").as_deref(), Some("7"));
        assert_eq!(named("?_id=7", "Coverage"), None);
        assert_eq!(named("?_count=10", "Coverage"), None);
    }

    #[test]
    fn what_a_self_link_leaves_out_is_named_once() {
        let asked = Url::parse("https://x.test/r4/Coverage?date=ge2020&date=lt2021&_count=10");
        let left_out = |link: &str| left_out_of_self_link(asked.as_ref().unwrap(), link);
        assert_eq!(left_out("?_count=50&date:exact=ge2020"), [""; 0]);
        assert_eq!(left_out("https://x.test/r4/Coverage?_count=10"), ["date"]);
        assert_eq!(left_out("https://x.test/r4/Coverage"), ["date", "_count"]);
        assert_eq!(left_out("http://["), [""; 0]);
        let asked =
            Url::parse("https://x.test/r4/Coverage?date=ge2020&_count=1&date=lt2021").unwrap();
        assert_eq!(left_out_of_self_link(&asked, "?x=1"), ["date", "_count"]);
    }
}
