//! `--param NAME=VALUE`: gives a parameter of the statement its value.

use crate::{
    commands::failure::Failure,
    warehouse::{Parameter, ParameterValue},
};

/// Parses the values as SQLite's own shell does.
///
/// A number, NULL or a text in quotes has its meaning in SQL; anything else is a text.
pub(super) fn parse(texts: &[String]) -> Result<Vec<Parameter>, Failure> {
    texts
        .iter()
        .map(|text| {
            let pair = text.split_once('=').filter(|(name, _)| is_name(bare(name)));
            let Some((name, value)) = pair else {
                // The text is not repeated: it may be a member's.
                return Err(Failure::misuse("a --param is not NAME=VALUE")
                    .hint("`--param member=7` is :member in the statement"));
            };
            let name = bare(name).to_owned();
            match literal(value) {
                Some(value) => Ok(Parameter { name, value }),
                None => Err(Failure::misuse(format!("--param {name} may be a number or a code"))
                    .hint(format!(
                        "`--param \"{name}='250.00'\"` is a text; a number is written in its \
                         shortest form, as in `--param {name}=250`"
                    ))),
            }
        })
        .collect()
}

fn bare(name: &str) -> &str {
    name.strip_prefix([':', '@', '$']).unwrap_or(name)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The value of a text; `None` for a decimal that is not in its shortest form, such as 250.00.
///
/// As a number, such a text would not be found in a column of codes. As a text, it would not be found in a
/// column of amounts. Nothing would tell why.
fn literal(text: &str) -> Option<ParameterValue> {
    if let Some(quoted) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        return Some(ParameterValue::Text(quoted.replace("''", "'")));
    }
    if text.eq_ignore_ascii_case("null") {
        return Some(ParameterValue::Null);
    }
    if let Ok(number) = text.parse::<i64>() {
        // A number with another spelling, such as 007, is an identifier and stays a text.
        return Some(match number.to_string() == text {
            true => ParameterValue::Integer(number),
            false => ParameterValue::Text(text.to_owned()),
        });
    }
    let is_decimal =
        text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || "-.".contains(c));
    match text.parse::<f64>() {
        Ok(number) if is_decimal => {
            (number.to_string() == text).then_some(ParameterValue::Real(number))
        }
        _ => Some(ParameterValue::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_in_sql_and_an_identifier_stays_one() {
        for (text, value) in [
            ("12", ParameterValue::Integer(12)),
            ("-0.5", ParameterValue::Real(-0.5)),
            ("007", ParameterValue::Text("007".into())),
            ("250.5", ParameterValue::Real(250.5)),
            ("'250.00'", ParameterValue::Text("250.00".into())),
            ("1.2.3", ParameterValue::Text("1.2.3".into())),
            ("'12'", ParameterValue::Text("12".into())),
            ("'O''Neill'", ParameterValue::Text("O'Neill".into())),
            ("null", ParameterValue::Null),
            ("2026-01-01", ParameterValue::Text("2026-01-01".into())),
            ("1e5", ParameterValue::Text("1e5".into())),
            ("", ParameterValue::Text(String::new())),
        ] {
            assert_eq!(literal(text), Some(value), "{text}");
        }
        let one = parse(&["$who=a=b".to_owned()]).unwrap_or_else(|_| panic!("a pair"));
        assert_eq!(one[0].name, "who");
        assert_eq!(one[0].value, ParameterValue::Text("a=b".into()));
        for wrong in ["who", "=1", ":=1", "a b=1", "code=250.00", "code=01.5"] {
            assert!(parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
