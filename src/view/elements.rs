//! The elements of each resource and data type of FHIR R4, and their types.
//!
//! The table is the standard's own (FHIR 4.0.1), with one line per structure:
//! `Medication.batch expirationDate:dateTime lotNumber:string`. `*` is a BackboneElement, and `+` an
//! Element whose structure has a line of its own. `@` names the line of another element with the same
//! structure. `[x]` is a choice, with the types it allows. `[]` is a list of primitives. Elements that
//! every element or every resource has are not repeated.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::types::TypeId;

static TABLE: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    include_str!("r4_elements.txt").lines().filter_map(|line| line.split_once(' ')).collect()
});

/// The structure of the nodes that a path has reached.
///
/// It is a resource type, a data type, an element with a structure of its own, or the types that a choice
/// allows, such as `dateTime|Period`. It is unknown for a contained resource and for anything that R4
/// lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Structure(Option<&'static str>);

/// What R4 defines about one element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element {
    pub(crate) of: TypeId,
    pub(crate) structure: Structure,
    /// The types that a choice allows, `dateTime|Period`, if the element is a choice.
    pub(crate) choice: Option<&'static str>,
    /// Whether the element is a primitive that does not repeat: a list is then not a valid value.
    pub(crate) is_single: bool,
}

impl Structure {
    pub(crate) const UNKNOWN: Structure = Structure(None);

    /// The structure of a resource or data type.
    pub(crate) fn of(name: &str) -> Structure {
        Structure(TABLE.get_key_value(name).map(|(known, _)| *known))
    }

    /// The element with this name.
    pub(crate) fn element(self, name: &str) -> Element {
        if let Some(allowed) = self.0.filter(|types| types.contains('|')) {
            return common_element(allowed, name);
        }
        let own = self.0.and_then(|structure| TABLE.get(structure));
        let elements = || own.into_iter().flat_map(|line| line.split(' '));
        let listed = elements().find_map(|element| {
            let (key, of) = element.split_once(':')?;
            match key.strip_suffix("[x]") {
                Some(choice) if choice == name => Some(Element::choice(of)),
                Some(choice) => typed_spelling(name, choice, of),
                None => (key == name).then(|| self.listed(name, of)),
            }
        });
        listed.or_else(|| self.inherited(name)).unwrap_or_else(|| unlisted(name))
    }

    /// The name of this structure and the names of its elements, if R4 certainly has no element `name` in it;
    /// otherwise `None`.
    pub(crate) fn lacks(self, name: &str) -> Option<(&'static str, Vec<&'static str>)> {
        let structure = self.0.filter(|types| !types.contains('|'))?;
        let own = TABLE.get(structure)?;
        let is_listed = own.split(' ').any(|element| {
            element.split_once(':').is_some_and(|(key, of)| match key.strip_suffix("[x]") {
                Some(choice) => choice == name || typed_spelling(name, choice, of).is_some(),
                None => key == name,
            })
        });
        let is_common =
            self.inherited(name).is_some() || ["contained", "resourceType"].contains(&name);
        if is_listed || is_common {
            return None;
        }
        let names = own.split(' ').filter_map(|element| element.split_once(':'));
        Some((structure, names.map(|(key, _)| key.trim_end_matches("[x]")).collect()))
    }

    fn listed(self, name: &str, of: &'static str) -> Element {
        let below = || Structure::of(&format!("{}.{name}", self.0.unwrap_or_default()));
        match (of, of.strip_prefix('@')) {
            ("*", _) => Element::plain(TypeId::BACKBONE_ELEMENT, below()),
            ("+", _) => Element::plain(TypeId::ELEMENT, below()),
            (_, Some(shared)) => Element::plain(TypeId::BACKBONE_ELEMENT, Structure::of(shared)),
            _ => Element::typed(of),
        }
    }

    /// The element with this name, if every element or every resource has it.
    fn inherited(self, name: &str) -> Option<Element> {
        let of_resource = self
            .0
            .is_some_and(|structure| !structure.contains('.') && TypeId::of(structure).is_none());
        Some(Element::typed(match name {
            "extension" | "modifierExtension" => "Extension",
            "id" if of_resource => "id",
            "id" => "string",
            "meta" if of_resource => "Meta",
            "text" if of_resource => "Narrative",
            "language" if of_resource => "code",
            "implicitRules" if of_resource => "uri",
            _ => return None,
        }))
    }
}

impl Element {
    const UNKNOWN: Element = Element::plain(TypeId::UNKNOWN, Structure::UNKNOWN);

    const fn plain(of: TypeId, structure: Structure) -> Element {
        Element { of, structure, choice: None, is_single: false }
    }

    /// An element with this data type.
    pub(crate) fn typed(of: &str) -> Element {
        let (of, is_list) = of.strip_suffix("[]").map_or((of, false), |of| (of, true));
        let data_type = TypeId::of(of).unwrap_or(TypeId::UNKNOWN);
        let is_single = data_type.is_primitive() && !is_list;
        Element { is_single, ..Element::plain(data_type, Structure::of(of)) }
    }

    const fn choice(types: &'static str) -> Element {
        let structure = if types.is_empty() { None } else { Some(types) };
        Element { choice: Some(types), structure: Structure(structure), ..Element::UNKNOWN }
    }
}

/// The element with this name in the allowed types of a choice, if they agree on its type.
fn common_element(allowed: &str, name: &str) -> Element {
    let mut found = allowed.split('|').filter_map(|of| {
        let listed = TABLE
            .get(of)?
            .split(' ')
            .any(|element| element.split_once(':').is_some_and(|(key, _)| key == name));
        listed.then(|| Structure::of(of).element(name))
    });
    let Some(first) = found.next() else {
        return Structure::UNKNOWN.inherited(name).unwrap_or_else(|| unlisted(name));
    };
    let agree = found.all(|other| (other.of, other.structure) == (first.of, first.structure));
    match agree {
        // The structures may agree on the type and still differ in whether it repeats.
        true => Element { is_single: false, ..first },
        false => Element::UNKNOWN,
    }
}

/// The element for a name like `valueQuantity`, which is the choice `value[x]` with its type.
fn typed_spelling(name: &str, choice: &str, types: &'static str) -> Option<Element> {
    let of = TypeId::of_suffix(name.strip_prefix(choice)?)?;
    let name = of.name();
    types.split('|').any(|allowed| allowed == name).then(|| Element::typed(name))
}

/// An element of an unknown structure.
///
/// A plain name also finds the typed spelling only if the name is a choice somewhere in R4: otherwise
/// `status` would find `statusDate`. A name that looks like a typed spelling may be an element of its own:
/// `usedCode` of Procedure is a list of concepts. So the guess never says that an element does not repeat.
fn unlisted(name: &str) -> Element {
    if CHOICES.binary_search(&name).is_ok() {
        return Element::choice("");
    }
    name.char_indices()
        .filter(|(at, character)| {
            character.is_ascii_uppercase() && CHOICES.binary_search(&&name[..*at]).is_ok()
        })
        .find_map(|(at, _)| TypeId::of_suffix(&name[at..]))
        .map_or(Element::UNKNOWN, |of| Element { is_single: false, ..Element::typed(of.name()) })
}

/// Elements that some structure of R4 defines as a choice of types, without the `[x]`.
const CHOICES: &[&str] = &[
    "abatement",
    "additive",
    "age",
    "allowed",
    "amount",
    "answer",
    "asNeeded",
    "author",
    "born",
    "bounds",
    "characteristic",
    "chargeItem",
    "code",
    "collected",
    "content",
    "created",
    "date",
    "deceased",
    "defaultValue",
    "definingSubstance",
    "definition",
    "detail",
    "diagnosis",
    "dose",
    "doseNumber",
    "due",
    "effective",
    "entity",
    "event",
    "example",
    "fastingStatus",
    "fixed",
    "identified",
    "indication",
    "item",
    "legallyBinding",
    "location",
    "manufacturer",
    "maxValue",
    "medication",
    "minValue",
    "minimumVolume",
    "module",
    "multipleBirth",
    "name",
    "occurred",
    "occurrence",
    "offset",
    "onset",
    "participantEffective",
    "pattern",
    "performed",
    "probability",
    "procedure",
    "product",
    "quantity",
    "rate",
    "reported",
    "scheduled",
    "seriesDoses",
    "serviced",
    "source",
    "start",
    "statusReason",
    "studyEffective",
    "subject",
    "substance",
    "target",
    "time",
    "timing",
    "topic",
    "used",
    "value",
    "when",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(structure: &str, name: &str) -> &'static str {
        Structure::of(structure).element(name).of.name()
    }

    #[test]
    fn elements_have_the_types_of_the_standard() {
        for (structure, name, expected) in [
            ("Patient", "birthDate", "date"),
            ("Patient", "deceasedDateTime", "dateTime"),
            ("Patient", "id", "id"),
            ("Patient", "text", "Narrative"),
            ("Patient.contact", "gender", "code"),
            ("Device", "expirationDate", "dateTime"),
            ("Medication.batch", "expirationDate", "dateTime"),
            ("Immunization", "expirationDate", "date"),
            ("ExplanationOfBenefit.payment", "date", "date"),
            ("ExplanationOfBenefit", "item", "BackboneElement"),
            ("Timing", "repeat", "Element"),
            ("Timing.repeat", "boundsPeriod", "Period"),
            ("Meta", "profile", "canonical"),
            ("Dosage", "text", "string"),
        ] {
            assert_eq!(of(structure, name), expected, "{structure}.{name}");
        }
    }

    #[test]
    fn a_primitive_repeats_where_the_standard_says_so() {
        let single = |structure, name| Structure::of(structure).element(name).is_single;
        assert!(single("Patient", "birthDate") && single("Patient", "deceasedBoolean"));
        assert!(!single("HumanName", "given") && !single("Meta", "profile"));
        assert!(!single("Patient", "name") && !single("Patient", "odd"));
        assert!(single("Observation", "valueString") && single("Claim.item", "servicedDate"));
        let guessed = |name| Structure::UNKNOWN.element(name).is_single;
        assert!(!guessed("usedCode") && !guessed("locationCode") && !guessed("valueString"));
        assert_eq!(of("HumanName", "given"), "string");
    }

    #[test]
    fn a_shared_structure_is_followed() {
        let adjudication = Structure::of("ExplanationOfBenefit.addItem").element("adjudication");
        assert_eq!(adjudication.structure.element("amount").of.name(), "Money");
        let item = Structure::of("QuestionnaireResponse.item").element("item").structure;
        assert_eq!(item.element("linkId").of.name(), "string");
    }

    #[test]
    fn a_choice_is_one_where_the_structure_says_so() {
        assert_eq!(Structure::of("Patient").element("deceased").choice, Some("boolean|dateTime"));
        assert_eq!(Structure::of("Encounter").element("location").choice, None);
        assert!(Structure::of("Claim.item").element("location").choice.is_some());
        assert!(Structure::UNKNOWN.element("value").choice.is_some());
        assert!(Structure::UNKNOWN.element("status").choice.is_none());
        let behind = Structure::of("Observation").element("value").structure;
        assert_eq!(behind.element("value").of.name(), "decimal");
        assert_eq!(behind.element("coding").of.name(), "Coding");
        assert_eq!(behind.element("start").of.name(), "dateTime");
    }

    #[test]
    fn the_table_names_only_known_types_and_all_choices() {
        let mut choices = std::collections::BTreeSet::new();
        for line in TABLE.values() {
            for (key, of) in line.split(' ').map(|element| element.split_once(':').unwrap()) {
                choices.extend(key.strip_suffix("[x]"));
                let known = |of: &str| {
                    matches!(of, "*" | "+" | "Resource")
                        || of
                            .strip_prefix('@')
                            .map_or_else(|| TypeId::of(of).is_some(), |it| TABLE.contains_key(it))
                };
                let of = of.strip_suffix("[]").unwrap_or(of);
                assert!(of.split('|').all(known), "{key}:{of}");
            }
        }
        assert_eq!(choices.into_iter().collect::<Vec<_>>(), CHOICES);
    }
}
