//! The syntax tree of an expression. Chains of steps are flat, so a long path is not a deep tree.

/// Any FHIRPath expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Path(PathExpression),
    Negative { operand: Box<Expression>, position: usize },
    Binary { operator: BinaryOperator, operands: Box<(Expression, Expression)> },
}

/// The start of a chain, and its steps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PathExpression {
    pub(crate) start: Start,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Start {
    /// No start is written: the first step applies to the focus.
    Focus,
    This,
    Literal(Literal),
    /// `%name`.
    Variable {
        name: String,
        position: usize,
    },
    Group(Box<Expression>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Empty,
    Boolean(bool),
    Integer(i64),
    Decimal(String),
    String(String),
    /// A date, dateTime or time.
    Temporal(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) position: usize,
    pub(crate) kind: StepKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StepKind {
    Field(String),
    Call { name: String, arguments: Vec<Expression> },
    Index(Expression),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOperator {
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Concatenate,
    Union,
    In,
}
