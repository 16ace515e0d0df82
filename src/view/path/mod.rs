//! FHIRPath: the lexer, the parser and the syntax tree.
//!
//! This module knows the grammar and nothing about FHIR, resources or columns.

mod ast;
mod inspect;
mod lexer;
mod parser;

pub(crate) use ast::{BinaryOperator, Expression, Literal, PathExpression, Start, Step, StepKind};
pub(crate) use inspect::{reads_extensions, uses_variable};
pub(crate) use parser::parse;

/// The place and the reason of an error in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathError {
    /// Byte position in the text.
    pub(crate) position: usize,
    /// What is wrong.
    pub(crate) message: String,
    /// What is supported instead.
    pub(crate) hint: Option<&'static str>,
}

/// A compiled part of an expression, or the error why it cannot be compiled.
pub(crate) type Lowered<T> = Result<T, PathError>;

impl PathError {
    pub(crate) fn new(position: usize, message: impl Into<String>) -> Self {
        Self { position, message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}
