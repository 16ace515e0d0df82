//! Type names as arguments: `ofType(Quantity)`, `getReferenceKey(Patient)`.

use super::path::{
    Expression, Lowered, PathError, PathExpression, Start as AstStart, Step as AstStep, StepKind,
};
use super::plan::OfType;
use super::types::TypeId;

/// Profiles of `Quantity`, which never occur as type names in JSON. If they were taken for resource
/// types, they would silently find nothing.
const NEVER_IN_JSON: &[&str] = &["MoneyQuantity", "SimpleQuantity"];

fn field_name(step: &AstStep) -> Option<&str> {
    match &step.kind {
        StepKind::Field(name) => Some(name),
        _ => None,
    }
}

/// The data type, if the next step is `ofType()` with a data type as argument.
pub(crate) fn typed(following: &[AstStep]) -> Lowered<Option<OfType>> {
    match following.first().map(|step| (&step.kind, step.position)) {
        Some((StepKind::Call { name, arguments }, position)) if name == "ofType" => {
            let [argument] = arguments.as_slice() else { return Ok(None) };
            let of = type_argument(argument, position)?;
            Ok((of.data_type != TypeId::UNKNOWN).then_some(of))
        }
        _ => Ok(None),
    }
}

/// A type name, with or without `FHIR.` before it.
pub(crate) fn type_argument(argument: &Expression, position: usize) -> Lowered<OfType> {
    let names: Option<Vec<&str>> = match argument {
        Expression::Path(PathExpression { start: AstStart::Focus, steps }) => {
            steps.iter().map(field_name).collect()
        }
        _ => None,
    };
    let name = match names.as_deref() {
        Some([name] | ["FHIR", name]) => *name,
        _ => return Err(PathError::new(position, "expected the name of a FHIR type")),
    };
    let data_type = TypeId::of(name).unwrap_or(TypeId::UNKNOWN);
    let resource_like = name.starts_with(|first: char| first.is_ascii_uppercase())
        && TypeId::of_suffix(name).is_none_or(|of| !of.is_primitive())
        && !NEVER_IN_JSON.contains(&name);
    if data_type == TypeId::UNKNOWN && !resource_like {
        let message = format!("`{name}` is not a FHIR type that data can have");
        return Err(PathError::new(position, message).with_hint(
            "primitive types begin in lower case; for a kind of Quantity (Age, Duration \
                       …) write Quantity",
        ));
    }
    Ok(OfType { name: name.to_owned(), data_type, family: data_type.family() })
}

/// The name of a resource type that a reference can lead to.
pub(crate) fn resource_argument(argument: &Expression, position: usize) -> Lowered<String> {
    let of = type_argument(argument, position)?;
    match of.data_type == TypeId::UNKNOWN && !of.is_abstract() {
        true => Ok(of.name),
        false => Err(PathError::new(position, format!("`{}` is not a resource type", of.name))),
    }
}
