//! Errors of a view's definition, and errors when a view runs.
//!
//! A compile error quotes the definition, which is ours or the analyst's. A run error names the column
//! and its path but never a value, since resources are patient data.

/// A ViewDefinition that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct CompileError {
    /// Name of the view, empty if it has none.
    pub view: Box<str>,
    /// The place in the definition, such as `select[0].column[2].path`; empty for the whole definition.
    pub element: Box<str>,
    /// The FHIRPath expression, if it caused the error.
    pub expression: Option<Box<str>>,
    /// Byte position in the expression.
    pub position: Option<usize>,
    /// What is wrong.
    pub message: Box<str>,
    /// What is supported instead.
    pub hint: Option<Box<str>>,
}

impl CompileError {
    fn text(&self) -> String {
        let mut text = String::from("view ");
        text.push_str(if self.view.is_empty() { "(unnamed)" } else { &self.view });
        if !self.element.is_empty() {
            text.push_str(", ");
            text.push_str(&self.element);
        }
        text.push_str(": ");
        text.push_str(&self.message);
        if let Some(position) = self.position {
            text.push_str(&format!(" at byte {position}"));
        }
        if let Some(expression) = &self.expression {
            text.push_str(&format!(" in `{expression}`"));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!(" (hint: {hint})"));
        }
        text
    }
}

/// The error of a view that could not make rows from a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("view {view}, {element} `{path}`: {reason}")]
pub struct ViewError {
    /// Name of the view.
    pub view: Box<str>,
    /// The column's name, or an element such as `where[0]` or `select[1].forEach`.
    pub element: Box<str>,
    /// The FHIRPath expression as written; empty for limits of the whole view.
    pub path: Box<str>,
    /// What went wrong.
    pub reason: ViewErrorReason,
}

/// Why a view could not make rows from a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewErrorReason {
    /// A column without `collection: true` found several values.
    #[error("more than one value in a column that is not a collection")]
    ManyValuesInColumn,
    /// An operator or function that takes one value found several.
    #[error("more than one value where an operator needs a single one")]
    ManyValuesForOperator,
    /// An operator found a value of a type that it cannot work with.
    #[error("an operator found a value of the wrong type")]
    WrongType,
    /// The view's `where` gave something other than true or false.
    #[error("a filter of the view is not a boolean")]
    FilterNotBoolean,
    /// More rows than [`ROW_LIMIT`](super::ROW_LIMIT), or too many iterations.
    #[error("too many rows from one resource")]
    TooManyRows,
    /// Too many criteria of `where()` were evaluated: the resource has a list that is too long for them.
    #[error("too many conditions to evaluate for one resource")]
    TooManyCriteria,
    /// A `repeat` whose path does not lead deeper into the data, so that it would never end.
    #[error("repeat goes deeper than any resource")]
    RepeatTooDeep,
}
