//! What granted scopes allow to read. Source: SMART App Launch 2.2, scopes for clinical data
//! (`patient/Observation.rs`), and version 1 (`patient/*.read`), which 1upHealth documents.

/// Whether a scope string allows to search a type.
///
/// `None`, or a string without any clinical scope, tells nothing: then everything is asked for
/// and the server decides.
pub fn grants_read(scope: Option<&str>, resource_type: &str) -> bool {
    let clinical: Vec<Clinical<'_>> =
        scope.unwrap_or_default().split_whitespace().filter_map(parse).collect();
    clinical.is_empty()
        || clinical.iter().any(|scope| {
            scope.reads && (scope.resource_type == "*" || scope.resource_type == resource_type)
        })
}

struct Clinical<'a> {
    resource_type: &'a str,
    reads: bool,
}

fn parse(scope: &str) -> Option<Clinical<'_>> {
    let (context, rest) = scope.split_once('/')?;
    if !matches!(context, "patient" | "user" | "system") {
        return None;
    }
    let (resource_type, rights) = rest.split_once('.')?;
    let rights = rights.split('?').next().unwrap_or_default();
    let reads = match rights {
        "read" | "*" => true,
        "write" => false,
        // Version 2: a subset of cruds, in this order; s is search.
        rights => rights.contains('s'),
    };
    Some(Clinical { resource_type, reads })
}

#[cfg(test)]
mod tests {
    use super::grants_read;

    #[test]
    fn scopes_of_both_versions_are_understood() {
        for (scope, resource_type, expected) in [
            ("patient/*.read", "Observation", true),
            ("user/*.*", "Observation", true),
            ("launch/patient openid patient/Patient.read", "Patient", true),
            ("launch/patient openid patient/Patient.read", "Coverage", false),
            ("patient/Coverage.rs", "Coverage", true),
            ("patient/Coverage.cruds?x=y", "Coverage", true),
            ("patient/Coverage.r", "Coverage", false),
            ("patient/*.write", "Coverage", false),
            ("openid launch/patient", "Coverage", true),
            ("", "Coverage", true),
        ] {
            assert_eq!(
                grants_read(Some(scope), resource_type),
                expected,
                "{scope} {resource_type}"
            );
        }
        assert!(grants_read(None, "Coverage"));
    }
}
