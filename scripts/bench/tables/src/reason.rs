//! Why a cell of a table is not what octofhir-sof gives, where its value alone shows it.

use rusqlite::types::Value;
use serde_json::Value as Json;

/// Whether a cell of SQLite holds a value of JSON.
pub fn are_same(our: &Value, their: &Json) -> bool {
    match (our, their) {
        (Value::Null, Json::Null) => true,
        (Value::Integer(our), Json::Bool(their)) => *our == i64::from(*their),
        (Value::Integer(our), Json::Number(their)) => their.as_i64() == Some(*our),
        (Value::Real(our), Json::Number(their)) => their.as_f64() == Some(*our),
        (Value::Text(our), Json::String(their)) => our == their,
        _ => false,
    }
}

/// Why a cell differs, as far as the two values and the resource show it.
pub fn of_value(our: &Value, their: &Json, resource: &Json) -> Option<&'static str> {
    match (our, their) {
        (Value::Real(our), Json::Number(their)) if holds(resource, *our) => {
            let their = their.as_f64()?;
            if is_cut(*our, their) {
                return Some("decimal of more than 15 digits");
            }
            (their == 0.0 && our.abs() < 1e-28).then_some("decimal of more than 28 places")
        }
        (Value::Real(our), Json::String(their)) if holds(resource, *our) => {
            (their.parse() == Ok(*our) && our.abs() > 1e28)
                .then_some("decimal of more than 28 digits")
        }
        _ => None,
    }
}

/// Whether a number of the resource is this one.
fn holds(part: &Json, number: f64) -> bool {
    match part {
        Json::Array(parts) => parts.iter().any(|part| holds(part, number)),
        Json::Object(members) => members.values().any(|part| holds(part, number)),
        Json::Number(it) => it.as_f64() == Some(number),
        _ => false,
    }
}

/// Whether a number is another one as it is written, cut to 15 or 16 digits, up or down.
///
/// A double certainly keeps 15 digits, and 17 tell every two doubles apart. octofhir-sof keeps some 16, and rounds
/// twice: 384.92600000000004 becomes 384.9260000000001.
fn is_cut(number: f64, cut: f64) -> bool {
    let text = format!("{:e}", number.abs());
    let Some((mantissa, exponent)) = text.split_once('e') else { return false };
    let figures = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().expect("a number");
    (15..figures.len().min(17)).any(|digits| {
        let kept: u64 = figures[..digits].parse().expect("digits");
        let exponent = exponent + 1 - digits as i32;
        [kept, kept + 1].iter().any(|kept| format!("{kept}e{exponent}").parse() == Ok(cut.abs()))
    }) && cut.signum() == number.signum()
}
