//! FHIR R4's data types, and which type specialises which.

/// A data type as an index into a table, or unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TypeId(u8);

/// A type and its specialisations, as a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Family(u128);

impl Family {
    #[inline]
    pub(crate) fn has(self, of: TypeId) -> bool {
        self.0.checked_shr(of.0.into()).is_some_and(|bits| bits & 1 == 1)
    }
}

impl TypeId {
    /// The type is not known.
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
    pub(crate) const URI: TypeId = TypeId(17);
    pub(crate) const ELEMENT: TypeId = TypeId(21);
    pub(crate) const BACKBONE_ELEMENT: TypeId = TypeId(22);
    pub(crate) const QUANTITY: TypeId = TypeId(23);

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

    /// The name, as FHIR spells it; empty if the type is unknown.
    pub(crate) fn name(self) -> &'static str {
        DATA_TYPES.get(usize::from(self.0)).copied().unwrap_or_default()
    }

    /// Whether values are JSON strings, numbers or booleans; false for an unknown type.
    pub(crate) fn is_primitive(self) -> bool {
        usize::from(self.0) < PRIMITIVES
    }

    /// Whether values are numbers in JSON.
    pub(crate) fn is_number(self) -> bool {
        self == Self::DECIMAL || self == Self::INTEGER64 || self.is(Self::INTEGER)
    }

    /// Whether values are dates or times, which compare by instant and not by text.
    pub(crate) fn is_temporal(self) -> bool {
        matches!(self, Self::DATE | Self::DATE_TIME | Self::INSTANT | Self::TIME)
    }

    /// Whether a value of this type is also a value of the type `wanted`.
    pub(crate) fn is(self, wanted: TypeId) -> bool {
        let mut this = Some(self);
        while let Some(of) = this {
            if of == wanted {
                return true;
            }
            this = of.parent();
        }
        false
    }

    /// The types that specialise this one, without itself.
    pub(crate) fn specialisations(self) -> impl Iterator<Item = TypeId> {
        (0..DATA_TYPES.len()).filter_map(Self::at).filter(move |of| *of != self && of.is(self))
    }

    /// This type and all its specialisations, as a set that is tested in one step.
    pub(crate) fn family(self) -> Family {
        let bit = |of: TypeId| 1_u128.checked_shl(of.0.into()).unwrap_or(0);
        Family(self.specialisations().fold(bit(self), |set, of| set | bit(of)))
    }

    /// The type that this one specialises.
    fn parent(self) -> Option<TypeId> {
        Some(match self.name() {
            "" | "Element" => return None,
            "code" | "id" | "markdown" => Self::STRING,
            "canonical" | "oid" | "url" | "uuid" => Self::URI,
            "positiveInt" | "unsignedInt" => Self::INTEGER,
            "Age" | "Count" | "Distance" | "Duration" => Self::QUANTITY,
            "Dosage" | "ElementDefinition" | "MarketingStatus" | "Population"
            | "ProdCharacteristic" | "ProductShelfLife" | "SubstanceAmount" | "Timing" => {
                Self::BACKBONE_ELEMENT
            }
            _ => Self::ELEMENT,
        })
    }
}

/// How many entries at the start of [`DATA_TYPES`] are primitive.
const PRIMITIVES: usize = 21;

/// The constants above are indexes into this list.
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
    "Element",
    "BackboneElement",
    "Quantity",
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
    "ElementDefinition",
    "Expression",
    "Extension",
    "HumanName",
    "Identifier",
    "MarketingStatus",
    "Meta",
    "Money",
    "Narrative",
    "ParameterDefinition",
    "Period",
    "Population",
    "ProdCharacteristic",
    "ProductShelfLife",
    "Range",
    "Ratio",
    "RatioRange",
    "Reference",
    "RelatedArtifact",
    "SampledData",
    "Signature",
    "SubstanceAmount",
    "Timing",
    "TriggerDefinition",
    "UsageContext",
];

#[cfg(test)]
mod tests {
    use super::*;

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
            (TypeId::URI, "uri"),
            (TypeId::ELEMENT, "Element"),
            (TypeId::BACKBONE_ELEMENT, "BackboneElement"),
            (TypeId::QUANTITY, "Quantity"),
        ] {
            assert_eq!(TypeId::of(name), Some(id), "{name}");
        }
        assert_eq!(DATA_TYPES[PRIMITIVES - 1], "xhtml");
    }

    #[test]
    fn a_type_is_what_it_specialises_and_not_the_reverse() {
        let is = |of: &str, wanted: &str| {
            let (of, wanted) = (TypeId::of(of).unwrap(), TypeId::of(wanted).unwrap());
            assert_eq!(wanted.family().has(of), of.is(wanted));
            of.is(wanted)
        };
        for (of, wanted) in [
            ("code", "string"),
            ("id", "string"),
            ("markdown", "string"),
            ("positiveInt", "integer"),
            ("unsignedInt", "integer"),
            ("url", "uri"),
            ("canonical", "uri"),
            ("oid", "uri"),
            ("uuid", "uri"),
            ("Age", "Quantity"),
            ("Duration", "Quantity"),
            ("Count", "Quantity"),
            ("Distance", "Quantity"),
            ("Dosage", "BackboneElement"),
            ("Timing", "Element"),
            ("date", "Element"),
        ] {
            assert!(is(of, wanted), "{of} is {wanted}");
            assert!(!is(wanted, of), "{wanted} is no {of}");
        }
        for (of, wanted) in [
            ("date", "dateTime"),
            ("instant", "dateTime"),
            ("integer", "decimal"),
            ("uri", "string"),
        ] {
            assert!(!is(of, wanted) && !is(wanted, of), "{of} and {wanted}");
        }
        assert!(!TypeId::UNKNOWN.is(TypeId::ELEMENT));
        assert!(!TypeId::ELEMENT.family().has(TypeId::UNKNOWN));
        assert!(DATA_TYPES.len() < 128);
    }
}
