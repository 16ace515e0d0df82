//! `code = 'a' or code = 'b'`: the path's text is looked up once and compared with all the values.
//!
//! Filters ask for the same code in several spellings, for each amount of each line of a claim. If a path
//! does not lead to exactly one text, the expression runs as written: the results are the same.

use super::direct;
use super::error::ViewErrorReason as Reason;
use super::eval::{self, Scope};
use super::item::{Item, Scalar};
use super::plan::{Expr, Path, Start, Step};

/// Compares the text of a path with several values.
#[derive(Clone, Debug)]
pub(crate) struct OneOf {
    path: Path,
    texts: Vec<Box<str>>,
    /// The expression as written.
    plain: Expr,
}

/// Builds the operator `=`.
pub(super) fn equal(operands: (Expr, Expr)) -> Expr {
    let text = match &operands.1 {
        Expr::Path(Path { start: Start::Literal(Item::Text(text, of)), segments, .. })
            if segments.is_empty() && !of.is_temporal() =>
        {
            text.as_ref().into()
        }
        _ => return plain(operands),
    };
    match &operands.0 {
        Expr::Path(path) if names(path).is_some() => {
            let (path, texts) = (path.clone(), vec![text]);
            let plain = plain(operands);
            Expr::OneOf(Box::new(OneOf { path, texts, plain }))
        }
        _ => plain(operands),
    }
}

fn plain(operands: (Expr, Expr)) -> Expr {
    Expr::Equal { negated: false, operands: Box::new(operands) }
}

/// Builds the operator `or`.
pub(super) fn or(operands: (Expr, Expr)) -> Expr {
    match operands {
        (Expr::OneOf(left), Expr::OneOf(right)) if names(&left.path) == names(&right.path) => {
            let plain = Expr::Or(Box::new((left.plain, right.plain)));
            let texts = left.texts.into_iter().chain(right.texts).collect();
            Expr::OneOf(Box::new(OneOf { path: left.path, texts, plain }))
        }
        operands => Expr::Or(Box::new(operands)),
    }
}

/// The elements that a path names, if the path has nothing else.
///
/// From the same focus, two paths with the same elements are the same.
fn names<'p>(path: &'p Path) -> Option<Vec<&'p str>> {
    match (&path.start, path.segments.as_slice()) {
        (Start::Focus, [segment]) if path.direct && segment.reduce.is_none() => {
            let name = |step: &'p Step| match step {
                Step::Field(field) => Some(field.name.as_str()),
                _ => None,
            };
            segment.steps.iter().map(name).collect()
        }
        _ => None,
    }
}

impl OneOf {
    /// True or false; `None` (unknown) if the path leads to nothing.
    pub(crate) fn truth<'a>(&'a self, scope: &Scope<'_, 'a>) -> Result<Option<bool>, Reason> {
        match direct::lookup(&self.path, scope) {
            Some(None) => Ok(None),
            Some(Some(item)) => match item.scalar() {
                Scalar::Text(text, of) if !of.is_temporal() => {
                    Ok(Some(self.texts.iter().any(|wanted| **wanted == *text)))
                }
                _ => eval::truth(&self.plain, scope),
            },
            None => eval::truth(&self.plain, scope),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::view::{View, json};

    /// The number of rows that pass a filter.
    fn rows(criteria: &str, resource: &str) -> Result<u64, String> {
        let view = serde_json::json!({
            "resourceType": "ViewDefinition", "status": "active", "name": "v", "resource": "Observation",
            "select": [{
                "forEach": format!("component.where({criteria})"),
                "column": [{ "name": "id", "path": "code.text", "type": "string" }],
            }],
        });
        let view = View::from_json(&view.to_string()).unwrap();
        let node = json::parse(resource.as_bytes(), json::Limits::default()).unwrap();
        view.run(&node, &mut |_| {}).map_err(|error| format!("{:?}", error.reason))
    }

    #[test]
    fn texts_taken_together_let_through_what_each_alone_does() {
        // If the text comes before the path, the comparison is not combined with others.
        let pairs = [
            ("code.text = 'a' or code.text = 'b'", "'a' = code.text or 'b' = code.text"),
            (
                "code.text = 'a' or code.coding.code = 'b' or code.coding.code = 'a'",
                "'a' = code.text or 'b' = code.coding.code or 'a' = code.coding.code",
            ),
            (
                "(code.text = 'a' or code.text = 'b').not()",
                "('a' = code.text or 'b' = code.text).not()",
            ),
            (
                "value.ofType(dateTime) = '2020' or code.text = 'b'",
                "'2020' = value.ofType(dateTime) or 'b' = code.text",
            ),
        ];
        let components = [
            r#"{"code":{"text":"a"}}"#,
            r#"{"code":{"text":"b","coding":[{"code":"b"}]}}"#,
            r#"{"code":{"text":"c","coding":[{"code":"c"},{"code":"a"}]}}"#,
            r#"{"code":{"text":7}}"#,
            r#"{"code":{"text":null,"_text":{"extension":[{"url":"u"}]}}}"#,
            r#"{"code":{"text":["a"]}}"#,
            r#"{"code":{"text":{"a":"a"}}}"#,
            r#"{"code":{"text":true}}"#,
            r#"{"valueDateTime":"2020","code":{}}"#,
            "{}",
        ];
        for component in components {
            let text = format!(r#"{{"resourceType":"Observation","component":[{component}]}}"#);
            for (together, alone) in pairs {
                assert_eq!(rows(together, &text), rows(alone, &text), "{together}: {component}");
            }
        }
        let found = r#"{"resourceType":"Observation","component":[{"code":{"text":"b"}}]}"#;
        assert_eq!(rows(pairs[0].0, found), Ok(1));
    }
}
