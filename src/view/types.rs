//! What the engine knows of FHIR R4's types: data types, choice elements, dates.
//!
//! Facts only, and few: the engine reads JSON without structure definitions, and these tables
//! hold just what the JSON itself does not tell.

/// An index into the table of data types, or unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TypeId(u8);

impl TypeId {
    /// No type is known.
    pub(crate) const UNKNOWN: TypeId = TypeId(u8::MAX);
    pub(crate) const BOOLEAN: TypeId = TypeId(0);
    pub(crate) const DATE: TypeId = TypeId(1);
    pub(crate) const DATE_TIME: TypeId = TypeId(2);
    pub(crate) const INSTANT: TypeId = TypeId(3);
    pub(crate) const TIME: TypeId = TypeId(4);
    pub(crate) const INTEGER: TypeId = TypeId(5);
    pub(crate) const DECIMAL: TypeId = TypeId(6);
    pub(crate) const STRING: TypeId = TypeId(7);
    pub(crate) const INTEGER64: TypeId = TypeId(10);

    /// The data type with this name, as FHIR spells it.
    pub(crate) fn of(name: &str) -> Option<TypeId> {
        DATA_TYPES.iter().position(|known| *known == name).and_then(Self::at)
    }

    /// The data type that a choice element's name ends in: `Quantity` in `valueQuantity`.
    pub(crate) fn of_suffix(suffix: &str) -> Option<TypeId> {
        let matches = |known: &&str| {
            let (Some(upper), Some(lower)) = (suffix.bytes().next(), known.bytes().next()) else {
                return false;
            };
            upper == lower.to_ascii_uppercase() && suffix.get(1..) == known.get(1..)
        };
        DATA_TYPES.iter().position(matches).and_then(Self::at)
    }

    fn at(index: usize) -> Option<TypeId> {
        u8::try_from(index).ok().map(TypeId)
    }

    /// Whether values are JSON strings, numbers or booleans. Unknown counts as neither.
    pub(crate) fn is_primitive(self) -> bool {
        usize::from(self.0) < PRIMITIVES
    }

    /// Whether values are numbers in JSON.
    pub(crate) fn is_number(self) -> bool {
        self == Self::INTEGER || self == Self::DECIMAL || matches!(self.0, 8..=10)
    }

    /// Whether values are dates or times, which compare by instant and not by text.
    pub(crate) fn is_temporal(self) -> bool {
        matches!(self, Self::DATE | Self::DATE_TIME | Self::INSTANT | Self::TIME)
    }
}

/// How many entries at the start of [`DATA_TYPES`] are primitive.
const PRIMITIVES: usize = 21;

/// The order of the first eight is known to the constants above.
const DATA_TYPES: &[&str] = &[
    "boolean",
    "date",
    "dateTime",
    "instant",
    "time",
    "integer",
    "decimal",
    "string",
    "positiveInt",
    "unsignedInt",
    "integer64",
    "base64Binary",
    "canonical",
    "code",
    "id",
    "markdown",
    "oid",
    "uri",
    "url",
    "uuid",
    "xhtml",
    "Address",
    "Age",
    "Annotation",
    "Attachment",
    "CodeableConcept",
    "CodeableReference",
    "Coding",
    "ContactDetail",
    "ContactPoint",
    "Contributor",
    "Count",
    "DataRequirement",
    "Distance",
    "Dosage",
    "Duration",
    "Expression",
    "Extension",
    "HumanName",
    "Identifier",
    "Meta",
    "Money",
    "Narrative",
    "ParameterDefinition",
    "Period",
    "Population",
    "Quantity",
    "Range",
    "Ratio",
    "RatioRange",
    "Reference",
    "RelatedArtifact",
    "SampledData",
    "Signature",
    "Timing",
    "TriggerDefinition",
    "UsageContext",
];

/// Elements that FHIR R4 defines as a choice of types (`value[x]`), without the `[x]`.
///
/// For these, and only these, a plain name also finds the typed spelling; an open search would
/// let `status` find `statusDate`.
pub(crate) fn is_choice_element(name: &str) -> bool {
    CHOICE_ELEMENTS.binary_search(&name).is_ok()
}

const CHOICE_ELEMENTS: &[&str] = &[
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
    "chargeItem",
    "collected",
    "content",
    "created",
    "date",
    "deceased",
    "defaultValue",
    "detail",
    "diagnosis",
    "dose",
    "doseNumber",
    "due",
    "effective",
    "event",
    "fastingStatus",
    "fixed",
    "identified",
    "item",
    "legallyBinding",
    "location",
    "maxValue",
    "medication",
    "minValue",
    "minimumVolume",
    "module",
    "multipleBirth",
    "occurred",
    "occurrence",
    "onset",
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

/// The type of an element that is a plain `date` in FHIR R4 although most like it are `dateTime`.
///
/// Boundaries need it: a date's lower bound is a date, a dateTime's is an instant.
pub(crate) fn type_of_element(parent: Option<&str>, name: &str) -> TypeId {
    const DATES: &[&str] = &[
        "approvalDate",
        "birthDate",
        "dueDate",
        "expirationDate",
        "lastReviewDate",
        "paymentDate",
        "startDate",
        "statusDate",
    ];
    if DATES.contains(&name) || (parent == Some("payment") && name == "date") {
        return TypeId::DATE;
    }
    // A raw choice spelling such as `valueQuantity` or `servicedDate` carries its type.
    name.char_indices()
        .filter(|(_, character)| character.is_ascii_uppercase())
        .filter(|(at, _)| is_choice_element(&name[..*at]))
        .find_map(|(at, _)| TypeId::of_suffix(&name[at..]))
        .unwrap_or(TypeId::UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choice_elements_are_sorted_for_the_binary_search() {
        assert!(CHOICE_ELEMENTS.is_sorted());
    }

    #[test]
    fn the_constants_point_at_their_names() {
        for (id, name) in [
            (TypeId::BOOLEAN, "boolean"),
            (TypeId::DATE, "date"),
            (TypeId::DATE_TIME, "dateTime"),
            (TypeId::INSTANT, "instant"),
            (TypeId::TIME, "time"),
            (TypeId::INTEGER, "integer"),
            (TypeId::DECIMAL, "decimal"),
            (TypeId::STRING, "string"),
            (TypeId::INTEGER64, "integer64"),
        ] {
            assert_eq!(TypeId::of(name), Some(id), "{name}");
        }
        assert_eq!(DATA_TYPES[PRIMITIVES - 1], "xhtml");
    }

    #[test]
    fn raw_choice_spellings_carry_their_type() {
        assert_eq!(type_of_element(None, "valueDateTime"), TypeId::DATE_TIME);
        assert_eq!(type_of_element(None, "servicedDate"), TypeId::DATE);
        assert_eq!(type_of_element(None, "recordedDate"), TypeId::UNKNOWN);
        assert_eq!(type_of_element(Some("payment"), "date"), TypeId::DATE);
        assert_eq!(type_of_element(None, "date"), TypeId::UNKNOWN);
    }
}
