//! How a plan wants its types searched for, if the bare type is not enough.
//!
//! A member's token makes `GET {base}/{type}` safe, and 1upHealth documents it. Others want the patient
//! named (US Core: `patient`), or also a category, and some let a type be read by id alone (CARIN for
//! Blue Button promises no more for Patient, Organization and Practitioner).

use url::Url;

/// The placeholder in a query for the id of the member's Patient.
const PATIENT: &str = "{patient}";
/// The placeholder [`PATIENT`], as it is written in the path of a URL.
const PATIENT_IN_PATH: &str = "%7Bpatient%7D";
/// The operation on a Patient that brings everything about it (FHIR R4, Patient, "Fetch Patient Record").
const EVERYTHING: &str = "$everything";

/// The search of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchRule {
    /// The whole type, without a query: `bare`.
    Bare,
    /// No search: resources named by stored resources or by the consent are read by id: `read`.
    Read,
    /// By these queries, each a search of its own. Together they find the whole type.
    Queries(Vec<SearchQuery>),
}

/// The query of a search, such as `patient={patient}&category=laboratory`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    text: String,
    pairs: Vec<(String, String)>,
    /// Whether the query is the Patient's `$everything`, asked for the type, instead of a search of the type.
    is_everything: bool,
}

/// Why a text is not a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchRuleError {
    /// The text is empty.
    #[error(
        "is empty; write \"bare\", \"read\", \"everything\" or a query such as \"patient={PATIENT}\""
    )]
    Empty,
    /// A part of the query is not `name=value`.
    #[error("has {0:?}, which is not name=value")]
    NoPair(String),
    /// A name that no search parameter has, such as a path before the query.
    #[error(
        "has a parameter {0:?}, which no search has; write the query alone, such as \"patient={PATIENT}\""
    )]
    NoName(String),
    /// A placeholder other than `{patient}`.
    #[error("has {0:?}; the only placeholder is {PATIENT}")]
    UnknownPlaceholder(String),
    /// A parameter that the walk itself sets.
    #[error("sets {0}, which the walk sets by itself")]
    Reserved(&'static str),
    /// A parameter that identifies a person, with a value other than the placeholder. The text of a rule
    /// gets into the ledger and logs, where nobody may be named. The value is not repeated.
    #[error(
        "sets {0} to another value than {PATIENT}; a rule must not name a person, write \"{0}={PATIENT}\""
    )]
    NamesSomebody(String),
    /// `bare`, `read` or `everything` among several queries.
    #[error("has {0:?} among queries; it must be the only entry")]
    NotAlone(String),
    /// The same query twice.
    #[error("has {0:?} twice")]
    Twice(String),
}

/// Parameters that only the walk itself sets.
const RESERVED: [&str; 2] = ["_lastUpdated", "_sort"];

/// Parameters that change what comes along or how it is sent, and not which resources are found.
const NO_CHOICE: [&str; 8] =
    ["_count", "_elements", "_format", "_include", "_pretty", "_revinclude", "_summary", "_total"];

/// Search parameters that say who somebody is: those of references to a Patient, and those of
/// Patient itself (FHIR R4, Patient, "Search Parameters").
const PERSONAL: [&str; 24] = [
    "patient",
    "subject",
    "beneficiary",
    "individual",
    "member",
    "subscriber",
    "policy-holder",
    "payment-patient",
    "entity",
    "recipient",
    "source",
    "author",
    "_id",
    "identifier",
    "name",
    "family",
    "given",
    "phonetic",
    "birthdate",
    "death-date",
    "phone",
    "email",
    "telecom",
    "link",
];

impl SearchRule {
    /// Reads a rule as it is typed: one text, or several queries.
    pub fn parse(texts: &[String]) -> Result<SearchRule, SearchRuleError> {
        match texts {
            [] => return Err(SearchRuleError::Empty),
            [word] if word == "bare" => return Ok(SearchRule::Bare),
            [word] if word == "read" => return Ok(SearchRule::Read),
            [word] if word == "everything" => {
                return Ok(SearchRule::Queries(vec![SearchQuery::everything()]));
            }
            _ => {}
        }
        let stands_alone = |text: &&String| matches!(text.as_str(), "bare" | "read" | "everything");
        if let Some(word) = texts.iter().find(stands_alone) {
            return Err(SearchRuleError::NotAlone(word.clone()));
        }
        let mut queries = Vec::new();
        for text in texts {
            let query = SearchQuery::parse(text)?;
            if queries.contains(&query) {
                return Err(SearchRuleError::Twice(text.clone()));
            }
            queries.push(query);
        }
        Ok(SearchRule::Queries(queries))
    }
}

impl SearchRule {
    /// The first query of the rule, or `bare`, that does not name the patient and so asks for everybody's
    /// resources; `None` if each query names the patient.
    pub(super) fn query_for_everybody(&self) -> Option<&str> {
        match self {
            SearchRule::Bare => Some("bare"),
            SearchRule::Read => None,
            SearchRule::Queries(queries) => {
                let mut queries = queries.iter();
                queries.find(|query| !query.names_patient()).map(SearchQuery::as_str)
            }
        }
    }

    /// The parameters by which the queries choose among the member's resources, if each query does so.
    ///
    /// Resources that none of them chooses are not asked for. Empty if some query asks for the whole type.
    pub fn choices(&self) -> Vec<&str> {
        let SearchRule::Queries(queries) = self else { return Vec::new() };
        let each: Vec<Vec<&str>> = queries.iter().map(|query| query.choices().collect()).collect();
        if each.iter().any(Vec::is_empty) {
            return Vec::new();
        }
        let mut names = each.concat();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl SearchQuery {
    fn parse(text: &str) -> Result<SearchQuery, SearchRuleError> {
        let text = text.trim().trim_start_matches('?');
        if text.is_empty() {
            return Err(SearchRuleError::Empty);
        }
        if let Some(part) = text.split('&').find(|part| !is_pair(part)) {
            return Err(SearchRuleError::NoPair(part.to_owned()));
        }
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        for (name, value) in &pairs {
            if let Some(reserved) = RESERVED.into_iter().find(|reserved| name == reserved) {
                return Err(SearchRuleError::Reserved(reserved));
            }
            if is_personal(name) && value.strip_prefix("Patient/").unwrap_or(value) != PATIENT {
                return Err(match value.contains(['{', '}']) && !value.contains(PATIENT) {
                    true => SearchRuleError::UnknownPlaceholder(format!("{name}={value}")),
                    false => SearchRuleError::NamesSomebody(name.clone()),
                });
            }
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_-.:$".contains(c);
            if !name.contains(['{', '}']) && !name.chars().all(is_of_name) {
                return Err(SearchRuleError::NoName(name.clone()));
            }
            let rest = value.replace(PATIENT, "");
            if name.contains(['{', '}']) || rest.contains(['{', '}']) {
                return Err(SearchRuleError::UnknownPlaceholder(format!("{name}={value}")));
            }
        }
        Ok(SearchQuery { text: text.to_owned(), pairs, is_everything: false })
    }

    /// The query that names the patient in one parameter.
    pub fn by_patient(parameter: &str) -> SearchQuery {
        SearchQuery {
            text: format!("{parameter}={PATIENT}"),
            pairs: vec![(parameter.to_owned(), PATIENT.to_owned())],
            is_everything: false,
        }
    }

    /// Whether the query fetches the type by the Patient's `$everything`.
    pub fn is_everything(&self) -> bool {
        self.is_everything
    }

    /// Whether the query asks for the member's resources alone.
    fn names_patient(&self) -> bool {
        self.is_everything || self.pairs.iter().any(|(_, value)| value.contains(PATIENT))
    }

    /// The parameters that choose among the member's resources, such as `category`.
    fn choices(&self) -> impl Iterator<Item = &str> {
        let chooses = |(name, value): &&(String, String)| {
            let bare = name.split(':').next().unwrap_or(name);
            !value.contains(PATIENT) && !NO_CHOICE.contains(&bare)
        };
        self.pairs.iter().filter(chooses).map(|(name, _)| name.as_str())
    }

    /// The query that takes the type out of the Patient's `$everything`.
    fn everything() -> SearchQuery {
        SearchQuery { text: EVERYTHING.to_owned(), pairs: Vec::new(), is_everything: true }
    }

    /// The query as it was typed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Adds this query to the search of a type; a parameter of the query, such as `_count`, replaces the
    /// search's.
    pub fn on(&self, search: &Url) -> Url {
        let mut url = search.clone();
        if self.is_everything {
            let path = search.path().to_owned();
            let (base, name) = path.rsplit_once('/').unwrap_or(("", &path));
            url.set_path(&format!("{base}/Patient/{PATIENT_IN_PATH}/{EVERYTHING}"));
            // For Patient, all types are asked for; for another type, only that type.
            if name != "Patient" {
                url.query_pairs_mut().append_pair("_type", name);
            }
            return url;
        }
        let is_ours = |name: &str| self.pairs.iter().any(|(own, _)| own == name);
        let kept: Vec<_> =
            search.query_pairs().filter(|(name, _)| !is_ours(name)).map(owned).collect();
        set_pairs(&mut url, kept.iter().chain(&self.pairs));
        url
    }
}

/// Whether a parameter, without its modifier or chain, says who somebody is.
fn is_personal(name: &str) -> bool {
    let bare = name.split([':', '.']).next().unwrap_or(name);
    PERSONAL.contains(&bare) || bare.starts_with("address") || bare == "_has"
}

fn is_pair(part: &str) -> bool {
    part.split_once('=').is_some_and(|(name, value)| !name.is_empty() && !value.is_empty())
}

fn owned(
    (name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>),
) -> (String, String) {
    (name.into_owned(), value.into_owned())
}

fn set_pairs<'a>(url: &mut Url, pairs: impl Iterator<Item = &'a (String, String)>) {
    url.set_query(None);
    for (name, value) in pairs {
        url.query_pairs_mut().append_pair(name, value);
    }
}

/// Whether a search still needs the id of the Patient that it is for.
pub fn needs_patient(search: &Url) -> bool {
    search.path().contains(PATIENT_IN_PATH)
        || search.query_pairs().any(|(_, value)| value.contains(PATIENT))
}

/// Whether a URL is a Patient's `$everything`, whose answer brings other types along.
pub fn is_everything(url: &Url) -> bool {
    url.path().rsplit('/').next() == Some(EVERYTHING)
}

/// The search with the Patient's id in place of the placeholder.
pub fn for_patient(search: &Url, patient: &str) -> Url {
    let mut url = search.clone();
    let pairs: Vec<_> = search
        .query_pairs()
        .map(|(name, value)| (name.into_owned(), value.replace(PATIENT, patient)))
        .collect();
    set_pairs(&mut url, pairs.iter());
    if search.path().contains(PATIENT_IN_PATH) {
        let patient: String = url::form_urlencoded::byte_serialize(patient.as_bytes()).collect();
        url.set_path(&search.path().replace(PATIENT_IN_PATH, &patient));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(texts: &[&str]) -> Result<SearchRule, SearchRuleError> {
        SearchRule::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    fn urls(texts: &[&str]) -> Vec<String> {
        let search = Url::parse("https://h/r4/Observation?_count=100").unwrap();
        let Ok(SearchRule::Queries(queries)) = parsed(texts) else { panic!("{texts:?}") };
        queries.iter().map(|query| for_patient(&query.on(&search), "a/b&c").to_string()).collect()
    }

    #[test]
    fn a_query_names_the_patient_and_goes_before_the_usual_count() {
        assert_eq!(
            urls(&[
                "patient={patient}",
                "?subject=Patient/{patient}&category=laboratory&_count=50"
            ]),
            [
                "https://h/r4/Observation?_count=100&patient=a%2Fb%26c",
                "https://h/r4/Observation?subject=Patient%2Fa%2Fb%26c&category=laboratory&_count=50"
            ]
        );
    }

    #[test]
    fn everything_of_the_patient_is_asked_for_one_type() {
        assert_eq!(
            urls(&["everything"]),
            ["https://h/r4/Patient/a%2Fb%26c/$everything?_count=100&_type=Observation"]
        );
        let patient = Url::parse("https://h/r4/Patient").unwrap();
        let whole = SearchQuery::everything().on(&patient);
        assert_eq!(for_patient(&whole, "a").as_str(), "https://h/r4/Patient/a/$everything");
        let search = Url::parse("https://h/r4/Observation").unwrap();
        let url = SearchQuery::everything().on(&search);
        assert!(needs_patient(&url) && is_everything(&url) && !is_everything(&search));
    }

    #[test]
    fn queries_that_choose_are_told_from_those_that_ask_for_the_whole_type() {
        for (texts, expected) in [
            (&["bare"][..], &[][..]),
            (&["read"], &[]),
            (&["everything"], &[]),
            (&["patient={patient}&_count=50&_revinclude:iterate=Provenance:target"], &[]),
            (&["patient={patient}&_format=json&_elements=id"], &[]),
            (&["subject=Patient/{patient}&category=laboratory"], &["category"]),
            (
                &["patient={patient}&category=a&_tag=t", "patient={patient}&category=b"],
                &["_tag", "category"],
            ),
            (&["patient={patient}&category=a", "patient={patient}"], &[]),
        ] {
            assert_eq!(parsed(texts).unwrap().choices(), expected, "{texts:?}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for (texts, problem) in [
            (&[][..], SearchRuleError::Empty),
            (&[" "], SearchRuleError::Empty),
            (&["patient"], SearchRuleError::NoPair("patient".into())),
            (&["patient={patient}&category="], SearchRuleError::NoPair("category=".into())),
            (&["patient={member}"], SearchRuleError::UnknownPlaceholder("patient={member}".into())),
            (&["patient=17"], SearchRuleError::NamesSomebody("patient".into())),
            (&["patient={patient},17"], SearchRuleError::NamesSomebody("patient".into())),
            (
                &["subject:Patient=Patient/17&category=laboratory"],
                SearchRuleError::NamesSomebody("subject:Patient".into()),
            ),
            (
                &["patient.identifier=W1234&code=x"],
                SearchRuleError::NamesSomebody("patient.identifier".into()),
            ),
            (&["address-city=Springfield"], SearchRuleError::NamesSomebody("address-city".into())),
            (&["{patient}=1"], SearchRuleError::UnknownPlaceholder("{patient}=1".into())),
            (&["_lastUpdated=gt2020"], SearchRuleError::Reserved("_lastUpdated")),
            (&["bare", "patient={patient}"], SearchRuleError::NotAlone("bare".into())),
            (&["everything", "read"], SearchRuleError::NotAlone("everything".into())),
            (&["a=b", "c=d", "a=b"], SearchRuleError::Twice("a=b".into())),
        ] {
            assert_eq!(parsed(texts), Err(problem), "{texts:?}");
        }
        assert_eq!(parsed(&["bare"]), Ok(SearchRule::Bare));
        assert_eq!(parsed(&["read"]), Ok(SearchRule::Read));
    }
}
