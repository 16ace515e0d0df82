//! Turns tokens into a tree, by the precedence of FHIRPath's grammar.
//!
//! Operators that the grammar has and the engine does not support are errors here, with a hint.

use super::PathError;
use super::ast::{BinaryOperator, Expression, Literal, PathExpression, Start, Step, StepKind};
use super::lexer::{Token, TokenKind, tokens};

/// The longest expression in bytes. Real ones stay below 500.
const MAX_LENGTH: usize = 16 * 1024;
/// The deepest nesting of parentheses, arguments and operators. Keeps recursion over the tree shallow.
const MAX_DEPTH: usize = 64;
/// The most steps in one chain.
const MAX_STEPS: usize = 256;

const OPERATORS: &str = "operators are and, or, =, !=, <, <=, >, >=, +, -, *, /, &, |, in";

pub(crate) fn parse(text: &str) -> Result<Expression, PathError> {
    if text.len() > MAX_LENGTH {
        return Err(PathError::new(0, format!("expression longer than {MAX_LENGTH} bytes")));
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
    let expression = parser.binary(0)?;
    match &parser.peek().kind {
        TokenKind::End => Ok(expression),
        _ => Err(parser.unexpected()),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser {
    /// The next token; the last token is always `End` and is never consumed.
    fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek().kind, TokenKind::Symbol(next) if next == symbol);
        if found {
            self.next += 1;
        }
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), PathError> {
        if self.accept(symbol) {
            return Ok(());
        }
        Err(PathError::new(self.peek().position, format!("expected `{symbol}`")))
    }

    fn unexpected(&self) -> PathError {
        let token = self.peek();
        let what = match &token.kind {
            TokenKind::End => "the expression ends too early".to_owned(),
            TokenKind::Word(word) => format!("unexpected `{word}`"),
            TokenKind::Symbol(symbol) => format!("unexpected `{symbol}`"),
            _ => "unexpected token".to_owned(),
        };
        PathError::new(token.position, what)
    }

    fn deeper(&mut self) -> Result<(), PathError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(PathError::new(self.peek().position, "expression is nested too deeply"));
        }
        Ok(())
    }

    /// Parses operators of at least this precedence; all associate to the left.
    fn binary(&mut self, least: u8) -> Result<Expression, PathError> {
        let depth = self.depth;
        self.deeper()?;
        let mut left = self.unary()?;
        while let Some((strength, operator)) = self.operator()? {
            if strength < least {
                break;
            }
            self.next += 1;
            // A chain of left-associative operators makes a tree as deep as the chain is long.
            self.deeper()?;
            let right = self.binary(strength + 1)?;
            left = Expression::Binary { operator, operands: Box::new((left, right)) };
        }
        self.depth = depth;
        Ok(left)
    }

    fn operator(&self) -> Result<Option<(u8, BinaryOperator)>, PathError> {
        use BinaryOperator as Op;
        let token = self.peek();
        let refuse = |name: &str| {
            Err(PathError::new(token.position, format!("operator `{name}` is not supported"))
                .with_hint(OPERATORS))
        };
        Ok(Some(match &token.kind {
            TokenKind::Symbol(symbol) => match *symbol {
                "*" => (10, Op::Multiply),
                "/" => (10, Op::Divide),
                "+" => (9, Op::Add),
                "-" => (9, Op::Subtract),
                "&" => (9, Op::Concatenate),
                "|" => (7, Op::Union),
                "<" => (6, Op::Less),
                "<=" => (6, Op::LessOrEqual),
                ">" => (6, Op::Greater),
                ">=" => (6, Op::GreaterOrEqual),
                "=" => (5, Op::Equal),
                "!=" => (5, Op::NotEqual),
                "~" | "!~" => return refuse(symbol),
                _ => return Ok(None),
            },
            TokenKind::Word(word) => match word.as_str() {
                "in" => (4, Op::In),
                "and" => (3, Op::And),
                "or" => (2, Op::Or),
                "div" | "mod" | "is" | "as" | "contains" | "xor" | "implies" => {
                    return refuse(word);
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        }))
    }

    fn unary(&mut self) -> Result<Expression, PathError> {
        let position = self.peek().position;
        if self.accept("-") {
            self.deeper()?;
            let operand = Box::new(self.unary()?);
            self.depth -= 1;
            return Ok(Expression::Negative { operand, position });
        }
        if self.accept("+") {
            return Err(PathError::new(position, "operator `+` needs a left side"));
        }
        self.chain().map(Expression::Path)
    }

    fn chain(&mut self) -> Result<PathExpression, PathError> {
        let mut steps = Vec::new();
        let start = self.start(&mut steps)?;
        loop {
            if steps.len() > MAX_STEPS {
                return Err(PathError::new(self.peek().position, "too many steps in one path"));
            }
            let position = self.peek().position;
            if self.accept(".") {
                let token = self.take();
                steps.push(match token.kind {
                    TokenKind::Word(name) => self.member(name, token.position, true)?,
                    TokenKind::Quoted(name) => self.member(name, token.position, false)?,
                    _ => return Err(PathError::new(token.position, "expected a name after `.`")),
                });
            } else if self.accept("[") {
                let index = self.binary(0)?;
                self.expect("]")?;
                steps.push(Step { position, kind: StepKind::Index(index) });
            } else {
                return Ok(PathExpression { start, steps });
            }
        }
    }

    fn start(&mut self, steps: &mut Vec<Step>) -> Result<Start, PathError> {
        let token = self.take();
        let position = token.position;
        Ok(match token.kind {
            TokenKind::String(value) => Start::Literal(Literal::String(value)),
            TokenKind::Integer(value) => Start::Literal(Literal::Integer(value)),
            TokenKind::Decimal(value) => Start::Literal(Literal::Decimal(value)),
            TokenKind::Temporal(value) => Start::Literal(Literal::Temporal(value)),
            TokenKind::Variable(name) => Start::Variable { name, position },
            TokenKind::Special(name) if name == "this" => Start::This,
            TokenKind::Special(name) => {
                return Err(PathError::new(position, format!("`${name}` is not supported"))
                    .with_hint("$this is the only variable of this kind"));
            }
            TokenKind::Word(word) => match word.as_str() {
                "true" => Start::Literal(Literal::Boolean(true)),
                "false" => Start::Literal(Literal::Boolean(false)),
                "and" | "or" | "xor" | "implies" | "div" | "mod" => {
                    self.next -= 1;
                    return Err(self.unexpected());
                }
                _ => {
                    steps.push(self.member(word, position, true)?);
                    Start::Focus
                }
            },
            TokenKind::Quoted(name) => {
                steps.push(self.member(name, position, false)?);
                Start::Focus
            }
            TokenKind::Symbol("(") => {
                let inner = self.binary(0)?;
                self.expect(")")?;
                Start::Group(Box::new(inner))
            }
            TokenKind::Symbol("{") => {
                self.expect("}")?;
                Start::Literal(Literal::Empty)
            }
            TokenKind::Symbol(_) | TokenKind::End => {
                self.next -= 1;
                return Err(self.unexpected());
            }
        })
    }

    /// Parses a name, or a call if an opening parenthesis follows.
    fn member(&mut self, name: String, position: usize, callable: bool) -> Result<Step, PathError> {
        if !callable || !self.accept("(") {
            return Ok(Step { position, kind: StepKind::Field(name) });
        }
        let mut arguments = Vec::new();
        if !self.accept(")") {
            loop {
                arguments.push(self.binary(0)?);
                if !self.accept(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        Ok(Step { position, kind: StepKind::Call { name, arguments } })
    }
}
