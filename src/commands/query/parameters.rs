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
            Ok(Parameter { name: bare(name).to_owned(), value: literal(value) })
        })
        .collect()
}

fn bare(name: &str) -> &str {
    name.strip_prefix([':', '@', '$']).unwrap_or(name)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn literal(text: &str) -> ParameterValue {
    if let Some(quoted) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        return ParameterValue::Text(quoted.replace("''", "'"));
    }
    if text.eq_ignore_ascii_case("null") {
        return ParameterValue::Null;
    }
    if let Ok(number) = text.parse::<i64>() {
        // A number with another spelling, such as 007, is an identifier and stays a text.
        return match number.to_string() == text {
            true => ParameterValue::Integer(number),
            false => ParameterValue::Text(text.to_owned()),
        };
    }
    let is_decimal =
        text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || "-.".contains(c));
    match text.parse::<f64>() {
        Ok(number) if is_decimal => ParameterValue::Real(number),
        _ => ParameterValue::Text(text.to_owned()),
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
            ("'12'", ParameterValue::Text("12".into())),
            ("'O''Neill'", ParameterValue::Text("O'Neill".into())),
            ("null", ParameterValue::Null),
            ("2026-01-01", ParameterValue::Text("2026-01-01".into())),
            ("1e5", ParameterValue::Text("1e5".into())),
            ("", ParameterValue::Text(String::new())),
        ] {
            assert_eq!(literal(text), value, "{text}");
        }
        let one = parse(&["$who=a=b".to_owned()]).unwrap_or_else(|_| panic!("a pair"));
        assert_eq!(one[0].name, "who");
        assert_eq!(one[0].value, ParameterValue::Text("a=b".into()));
        for wrong in ["who", "=1", ":=1", "a b=1"] {
            assert!(parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
