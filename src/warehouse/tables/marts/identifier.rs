//! Identifiers of patients, in one spelling, and whether they identify one person.

const MEDICARE: &str = "http://hl7.org/fhir/sid/us-mbi";
const SOCIAL_SECURITY: &str = "http://hl7.org/fhir/sid/us-ssn";

/// Texts that senders write if they do not have the number.
const PLACEHOLDERS: [&str; 10] = [
    "UNKNOWN",
    "UNK",
    "NONE",
    "NULL",
    "NOTAVAILABLE",
    "NOTAPPLICABLE",
    "NOTPROVIDED",
    "PENDING",
    "MISSING",
    "TEST",
];

/// An identifier of a patient.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Identifier {
    pub(super) system: String,
    pub(super) value: String,
    /// True if no two persons have this number. Any other number may be that of a whole family.
    pub(super) is_of_one_person: bool,
}

impl Identifier {
    /// Reads an identifier as sent; `None` if it identifies nobody, such as the last digits of a number.
    ///
    /// `kind` is its type, in small letters (HL7 v2 table 0203). `assigner` is its issuer, which stands for a
    /// missing system. Numbers of Medicare and of social security are recognised by their system, as URL or
    /// OID, or by their type; dashes are removed and letters made capital. A driver's license, a passport and
    /// a Medicaid number (DL, PPN, MA) belong to one person within their system.
    pub(super) fn new(
        system: Option<&str>,
        assigner: Option<&str>,
        kind: Option<&str>,
        value: &str,
    ) -> Option<Identifier> {
        let system = system.map(|it| it.trim().trim_end_matches('/')).filter(|it| !it.is_empty());
        let oid = system.map(|it| it.trim_start_matches("urn:oid:"));
        let is_of = |name: &str| system.is_some_and(|it| it.to_ascii_lowercase().ends_with(name));
        let bare: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
        let bare = bare.to_ascii_uppercase();
        if PLACEHOLDERS.contains(&bare.as_str()) {
            return None;
        }
        if is_of("us-ssn") || oid == Some("2.16.840.1.113883.4.1") || kind == Some("ss") {
            return is_social_security(&bare).then(|| of_one_person(SOCIAL_SECURITY, bare));
        }
        let is_medicare = is_of("us-mbi")
            || is_of("us-medicare")
            || is_of("/cmsmbi")
            || oid == Some("2.16.840.1.113883.4.927");
        if (is_medicare || kind == Some("mc")) && is_mbi(&bare) {
            return Some(of_one_person(MEDICARE, bare));
        }
        let is_license = oid.is_some_and(|oid| oid.starts_with("2.16.840.1.113883.4.3."));
        let assigner = assigner.map(|it| it.trim().to_lowercase()).filter(|it| !it.is_empty());
        Some(Identifier {
            system: match system {
                Some(system) => system.to_owned(),
                None => format!("of {}", assigner?),
            },
            value: value.trim().to_owned(),
            is_of_one_person: is_license || matches!(kind, Some("dl" | "ppn" | "ma")),
        })
    }
}

fn of_one_person(system: &str, value: String) -> Identifier {
    Identifier { system: system.to_owned(), value, is_of_one_person: true }
}

/// Whether a text has nine digits, not all the same, with no part all zeroes (SSA, POMS RM 10201.030).
fn is_social_security(text: &str) -> bool {
    let is_number = text.len() == 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_repeated = text.bytes().all(|byte| text.starts_with(char::from(byte)));
    is_number && !is_repeated && &text[..3] != "000" && &text[3..5] != "00" && &text[5..] != "0000"
}

/// Whether a text has the MBI's digits and letters in their places (CMS, Understanding the MBI format).
fn is_mbi(text: &str) -> bool {
    const FORM: [u8; 11] = *b"CANNANNAANN";
    let fits = |(byte, form): (u8, u8)| match form {
        b'C' => matches!(byte, b'1'..=b'9'),
        b'N' => byte.is_ascii_digit(),
        _ => byte.is_ascii_uppercase(),
    };
    // The third and the sixth character may be a letter or a digit.
    let either = |at: usize, byte: u8| matches!(at, 2 | 5) && byte.is_ascii_uppercase();
    text.len() == FORM.len()
        && text.bytes().zip(FORM).enumerate().all(|(at, pair)| fits(pair) || either(at, pair.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(system: &str, kind: &str, value: &str) -> Option<(String, String, bool)> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (system, kind) = (some(system), some(kind));
        let it = Identifier::new(system.as_deref(), None, kind.as_deref(), value)?;
        Some((it.system, it.value, it.is_of_one_person))
    }

    fn one(system: &str, value: &str) -> Option<(String, String, bool)> {
        Some((system.to_owned(), value.to_owned(), true))
    }

    #[test]
    fn a_number_of_one_person_is_known_by_url_oid_or_type() {
        for (system, kind, value) in [
            ("http://hl7.org/fhir/sid/us-mbi/", "", "1S00E00AA00"),
            ("http://hl7.org/fhir/sid/us-mbi", "mc", "1S00-E00-AA00"),
            ("http://hl7.org/fhir/sid/us-medicare", "", "1S00E00AA00"),
            ("https://hl7.org/fhir/sid/us-mbi", "", " 1s00e00aa00 "),
            ("http://terminology.hl7.org/NamingSystem/cmsMBI", "", "1S00E00AA00"),
            ("urn:oid:2.16.840.1.113883.4.927", "", "1S00E00AA00"),
            ("2.16.840.1.113883.4.927", "", "1S00E00AA00"),
            ("https://payer.example/medicare", "mc", "1S00E00AA00"),
            ("", "mc", "1S00E00AA00"),
        ] {
            assert_eq!(of(system, kind, value), one(MEDICARE, "1S00E00AA00"), "{system} {kind}");
        }
        for (system, kind) in [
            ("http://hl7.org/fhir/sid/us-ssn", ""),
            ("urn:oid:2.16.840.1.113883.4.1", ""),
            ("urn:oid:2.16.840.1.113883.4.1", "ss"),
            ("", "ss"),
        ] {
            for value in ["123-45-6789", "123456789", "123 45 6789"] {
                assert_eq!(of(system, kind, value), one(SOCIAL_SECURITY, "123456789"));
            }
        }
        let license = "urn:oid:2.16.840.1.113883.4.3.25";
        assert_eq!(of(license, "", "S1"), one(license, "S1"));
        for kind in ["dl", "ppn", "ma"] {
            assert_eq!(of("https://state.example", kind, "S1"), one("https://state.example", "S1"));
        }
    }

    #[test]
    fn what_may_be_a_familys_number_is_not_of_one_person() {
        for kind in ["mb", "um", "mr", "mc", ""] {
            let found = of("https://x/m/", kind, " a-1 ").unwrap();
            assert_eq!(found, ("https://x/m".to_owned(), "a-1".to_owned(), false), "{kind}");
        }
        assert_ne!(of("https://x/m", "", "A-1"), of("https://x/m", "", "a-1"));
        // Neither the OID above all licences nor an OID that only begins alike.
        assert!(!of("urn:oid:2.16.840.1.113883.4.10", "", "123456789").unwrap().2);
    }

    #[test]
    fn a_part_of_a_number_and_a_placeholder_identify_nobody() {
        for value in
            ["6789", "***-**-6789", "XXX-XX-6789", "000-00-0000", "999999999", "123-45-0000"]
        {
            assert_eq!(of("http://hl7.org/fhir/sid/us-ssn", "", value), None, "{value}");
        }
        for value in ["UNKNOWN", "unk", "None", "not-available", "NULL"] {
            assert_eq!(of("https://x/m", "mb", value), None, "{value}");
        }
        // A number without a system belongs to its assigner.
        assert_eq!(of("", "dl", "S1"), None);
        let given = Identifier::new(None, Some(" State of Ohio"), Some("dl"), "S1").unwrap();
        assert_eq!((given.system.as_str(), given.is_of_one_person), ("of state of ohio", true));
    }
}
