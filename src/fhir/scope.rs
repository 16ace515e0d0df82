//! What granted scopes allow to search. Source: SMART App Launch 2.2, scopes for clinical data
//! (`patient/Observation.rs?category=…`), and version 1 (`patient/*.read`), which 1upHealth
//! documents.

use crate::r4::{edits, is_r4_type};

/// How much of a type a consent covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// The whole type. Also if the scopes do not tell: then the type is asked for, and the server decides.
    Whole,
    /// Only the resources that these searches find (version 2's granular scopes).
    Part(Vec<String>),
    /// The whole type, by reads alone: version 2's right `r` without `s`.
    ReadOnly,
    /// Nothing of the type.
    Nothing,
}

/// How much of a type a scope string covers.
///
/// No scope, a string without any clinical scope, and a string with a clinical scope that cannot be
/// read (`a,b`, `a%20b`, JSON in place of text) tell nothing: the type counts as covered.
pub fn granted(scope: Option<&str>, resource_type: &str) -> Granted {
    let parsed: Result<Vec<Option<Clinical<'_>>>, Unreadable> =
        scope.unwrap_or_default().split_whitespace().map(parse).collect();
    let Ok(parsed) = parsed else { return Granted::Whole };
    let clinical: Vec<Clinical<'_>> = parsed.into_iter().flatten().collect();
    if clinical.is_empty() {
        return Granted::Whole;
    }
    let (mut parts, mut may_be_read) = (Vec::new(), false);
    for scope in clinical {
        let names_it = scope.resource_type == "*" || scope.resource_type == resource_type;
        match scope.only {
            _ if !names_it => {}
            None if scope.searches => return Granted::Whole,
            None => may_be_read |= scope.reads,
            Some(query) if scope.searches => parts.push(query.to_owned()),
            Some(_) => {}
        }
    }
    match parts.is_empty() {
        false => Granted::Part(parts),
        true if may_be_read => Granted::ReadOnly,
        true => Granted::Nothing,
    }
}

/// Whether a scope that covers a part of a type names the type itself, and not all types at once.
///
/// A scope for all types is no word that the plan serves this one.
pub fn names_part_of(scope: Option<&str>, resource_type: &str) -> bool {
    scope.unwrap_or_default().split_whitespace().any(|scope| {
        let names_it = |it: Clinical<'_>| {
            it.resource_type == resource_type && it.searches && it.only.is_some()
        };
        parse(scope).ok().flatten().is_some_and(names_it)
    })
}

/// Scopes that are not about data and that SMART App Launch 2.2 and OpenID Connect know.
const OTHERS: [&str; 11] = [
    "openid",
    "fhirUser",
    "profile",
    "email",
    "address",
    "phone",
    "launch",
    "launch/patient",
    "launch/encounter",
    "offline_access",
    "online_access",
];

/// The scopes that look like scopes of data and cannot be read, and those that misspell a known scope by a
/// letter or two. Other unknown scopes are left out: a plan may have scopes of its own.
pub fn unreadable_scopes(scope: &str) -> Vec<&str> {
    let is_misspelt = |word: &str| {
        !OTHERS.contains(&word)
            && OTHERS.iter().any(|known| edits(known, word) <= 1 + known.len() / 8)
    };
    let is_unreadable = |word: &&str| match parse(word) {
        Ok(Some(_)) => false,
        Ok(None) => is_misspelt(word),
        Err(Unreadable) => true,
    };
    scope.split_whitespace().filter(is_unreadable).collect()
}

/// A scope that is about clinical data and follows neither version.
struct Unreadable;

struct Clinical<'a> {
    resource_type: &'a str,
    reads: bool,
    searches: bool,
    /// The search parameters that limit the scope.
    only: Option<&'a str>,
}

/// The kinds of access that clinical scopes are for.
const CONTEXTS: [&str; 3] = ["patient/", "user/", "system/"];
/// The beginning of a scope that is written as a URI (SMART App Launch 2.2, "URI representation of
/// scopes").
const URI_PREFIX: &str = "http://smarthealthit.org/fhir/scopes/";

/// Reads a scope; `None` if it is not about clinical data, such as `openid` or `launch/patient`.
fn parse(scope: &str) -> Result<Option<Clinical<'_>>, Unreadable> {
    let scope = scope.strip_prefix(URI_PREFIX).unwrap_or(scope);
    let Some(rest) = CONTEXTS.iter().find_map(|context| scope.strip_prefix(context)) else {
        return if resembles_clinical(scope) { Err(Unreadable) } else { Ok(None) };
    };
    let (what, only) = match rest.split_once('?') {
        Some((what, query)) => (what, Some(query).filter(|query| !query.is_empty())),
        None => (rest, None),
    };
    if only.is_some_and(holds_another_scope) {
        return Err(Unreadable);
    }
    let (resource_type, rights) = what.split_once('.').ok_or(Unreadable)?;
    if resource_type != "*" && !is_r4_type(resource_type) {
        return Err(Unreadable);
    }
    let (reads, searches) = match rights {
        "read" | "*" => (true, true),
        "write" => (false, false),
        // Version 2: a subset of cruds; s is search.
        rights if !rights.is_empty() && rights.chars().all(|right| "cruds".contains(right)) => {
            (rights.contains('r'), rights.contains('s'))
        }
        _ => return Err(Unreadable),
    };
    Ok(Some(Clinical { resource_type, reads, searches, only }))
}

/// Whether a scope of neither version may be meant as a clinical one.
fn resembles_clinical(scope: &str) -> bool {
    let lower = scope.to_ascii_lowercase();
    if let Some((_, path)) = lower.split('?').next().unwrap_or_default().split_once("://") {
        // In the URI of a scope, a type and its rights follow the context; in another URI, a path does.
        return CONTEXTS
            .iter()
            .any(|context| path.rsplit_once(context).is_some_and(|(_, what)| what.contains('.')));
    }
    CONTEXTS.iter().any(|context| {
        let mut behind = lower.strip_prefix(context.trim_end_matches('/')).map(str::chars);
        let next = behind.as_mut().and_then(Iterator::next);
        // `patient%2F`, `patient.`, `patient:`; not `patient_id`.
        lower.contains(context)
            || next.is_some_and(|it| !it.is_alphanumeric() && !"_-".contains(it))
    })
}

/// Whether a search holds a further scope, set apart by something other than a space.
fn holds_another_scope(query: &str) -> bool {
    const SEPARATORS: [&str; 7] = [",", ";", "+", "|", "%20", "%2C", "%2c"];
    CONTEXTS.iter().any(|context| {
        query
            .match_indices(context)
            .any(|(at, _)| SEPARATORS.iter().any(|separator| query[..at].ends_with(separator)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_both_versions_are_understood() {
        for (scope, resource_type, expected) in [
            ("patient/*.read", "Observation", true),
            ("user/*.*", "Observation", true),
            ("system/Observation.rs", "Observation", true),
            ("launch/patient openid patient/Patient.read", "Patient", true),
            ("launch/patient openid patient/Patient.read", "Coverage", false),
            ("patient/Coverage.rs", "Coverage", true),
            ("patient/Coverage.cruds", "Coverage", true),
            ("patient/Coverage.rs?", "Coverage", true),
            ("patient/*.write", "Coverage", false),
            ("openid launch/patient", "Coverage", true),
            ("https://x.example/patient/read patient/Goal.rs", "Coverage", false),
            ("http://smarthealthit.org/fhir/scopes/patient/*.rs patient/Goal.rs", "Coverage", true),
            ("http://smarthealthit.org/fhir/scopes/patient/Goal.rs", "Coverage", false),
            ("launch/patient patient_id patient-list fhirUser patient/Goal.rs", "Coverage", false),
            ("user/*.cruds", "Coverage", true),
            ("patient/*.cud patient/Goal.rs", "Coverage", false),
            ("patient/Goal.rs\u{a0}\n patient/Coverage.s", "Coverage", true),
            ("", "Coverage", true),
        ] {
            let expected = if expected { Granted::Whole } else { Granted::Nothing };
            assert_eq!(granted(Some(scope), resource_type), expected, "{scope} {resource_type}");
        }
        assert_eq!(granted(None, "Coverage"), Granted::Whole);
    }

    #[test]
    fn a_right_to_read_is_none_to_search() {
        for (scope, expected) in [
            ("patient/Coverage.r", Granted::ReadOnly),
            ("patient/*.cru patient/Goal.rs", Granted::ReadOnly),
            ("patient/*.r patient/Coverage.rs", Granted::Whole),
            ("patient/Coverage.r patient/Coverage.s", Granted::Whole),
            ("patient/Coverage.r patient/Coverage.rs?a=b", Granted::Part(vec!["a=b".to_owned()])),
            ("patient/Coverage.r?a=b", Granted::Nothing),
            ("patient/Coverage.cud", Granted::Nothing),
            ("patient/Goal.r", Granted::Nothing),
        ] {
            assert_eq!(granted(Some(scope), "Coverage"), expected, "{scope}");
        }
    }

    #[test]
    fn what_is_misspelt_is_found_and_what_a_plan_has_of_its_own_is_not() {
        let scope = "openid fhirUser launch/patient offline_access patient/*.read patient/Claim.rs \
                     payer:all https://h.test/scope";
        assert_eq!(unreadable_scopes(scope), [""; 0]);
        let scope = "open_id ofline_access patient/*.raed patient/Covrage.read patient.Claim.read";
        assert_eq!(unreadable_scopes(scope).len(), 5, "{:?}", unreadable_scopes(scope));
    }

    #[test]
    fn a_scope_that_cannot_be_read_is_no_statement() {
        for scope in [
            "patient/Patient.read,patient/Coverage.read",
            "patient/Patient.read, patient/Coverage.read",
            "patient/Patient.read%20patient/Coverage.read",
            "patient/Patient.read+patient/Coverage.read",
            "patient/Patient.read;patient/Coverage.read",
            r#"["patient/Patient.read","patient/Coverage.read"]"#,
            r#"["patient/Patient.read", "patient/Coverage.read"]"#,
            r#""patient/Patient.read patient/Coverage.read""#,
            "openid,patient/Patient.read",
            "Patient/Patient.read",
            "patient%2FPatient.read patient/Patient.read|patient/Coverage.read",
            "patient/Patient",
            "patient/Patient.",
            "patient/Patient.reed",
            "patient/patient.read",
            "patient/Patients.read",
            "patient/Patient.RS",
            "patient%2FCoverage.read patient/Patient.read",
            "patient.Coverage.read patient/Patient.read",
            "patient:Coverage.read patient/Patient.read",
            "USER/Coverage.read patient/Patient.read",
            "https://x.example/patient/Coverage.read patient/Patient.read",
            "patient/Patient.rs?_id=1,patient/Coverage.rs",
            "patient/Patient.rs?_id=1%20patient/Coverage.rs",
            "patient/Patient.rs?_id=1+user/Coverage.rs",
        ] {
            assert_eq!(granted(Some(scope), "Goal"), Granted::Whole, "{scope}");
        }
    }

    #[test]
    fn granular_scopes_cover_a_part_unless_a_whole_one_stands_beside_them() {
        let granular = "patient/Condition.rs?category=http://x.example|problem-list-item \
                        patient/Condition.rs?category=encounter-diagnosis patient/Patient.rs";
        let parts = ["category=http://x.example|problem-list-item", "category=encounter-diagnosis"];
        let part = Granted::Part(parts.map(str::to_owned).to_vec());
        assert_eq!(granted(Some(granular), "Condition"), part);
        assert_eq!(granted(Some(granular), "Patient"), Granted::Whole);
        assert_eq!(granted(Some(granular), "Goal"), Granted::Nothing);
        let both = format!("{granular} patient/*.read");
        assert_eq!(granted(Some(&both), "Condition"), Granted::Whole);
        // The URL of a code system may contain a context, and a scope for all types may be limited.
        let odd = "patient/*.rs?_security=https://x.example/patient/system/|a,b";
        let part =
            Granted::Part(vec!["_security=https://x.example/patient/system/|a,b".to_owned()]);
        assert_eq!(granted(Some(odd), "Condition"), part);
        assert!(names_part_of(Some(granular), "Condition"));
        assert!(!names_part_of(Some(granular), "Goal") && !names_part_of(Some(odd), "Condition"));
    }
}
