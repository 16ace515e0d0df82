//! Questions that the compiler asks about an expression before lowering it.

use super::ast::{Expression, PathExpression, Start, StepKind};

/// Whether an expression reads extensions anywhere.
pub(crate) fn reads_extensions(expression: &Expression) -> bool {
    any_path(expression, &|path| {
        path.steps.iter().any(|step| match &step.kind {
            StepKind::Field(name) | StepKind::Call { name, .. } => name == "extension",
            StepKind::Index(_) => false,
        })
    })
}

/// Whether an expression uses `%name` anywhere.
pub(crate) fn uses_variable(expression: &Expression, wanted: &str) -> bool {
    any_path(
        expression,
        &|path| matches!(&path.start, Start::Variable { name, .. } if name == wanted),
    )
}

fn any_path(expression: &Expression, test: &dyn Fn(&PathExpression) -> bool) -> bool {
    match expression {
        Expression::Negative { operand, .. } => any_path(operand, test),
        Expression::Binary { operands, .. } => {
            any_path(&operands.0, test) || any_path(&operands.1, test)
        }
        Expression::Path(path) => {
            test(path)
                || matches!(&path.start, Start::Group(inner) if any_path(inner, test))
                || path.steps.iter().any(|step| match &step.kind {
                    StepKind::Field(_) => false,
                    StepKind::Call { arguments, .. } => {
                        arguments.iter().any(|argument| any_path(argument, test))
                    }
                    StepKind::Index(index) => any_path(index, test),
                })
        }
    }
}
