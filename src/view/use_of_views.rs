//! How a view is used: compile a definition, and run it on a resource.

use super::compiled::{Plan, View};
use super::definition::ViewDefinition;
use super::error::{CompileError, ViewError};
use super::eval::Terms;
use super::json::Node;
use super::value::Value;
use super::{compile, outline, rows};
use crate::reference::ServerBases;
use std::sync::LazyLock;

impl View {
    /// Compiles a definition.
    ///
    /// # Errors
    /// The definition is not a valid ViewDefinition, or needs something that is not supported.
    pub fn compile(definition: &ViewDefinition) -> Result<View, CompileError> {
        compile::view(definition)
    }

    /// Reads and compiles a definition from its JSON text.
    ///
    /// # Errors
    /// The same errors as [`View::compile`]; also if the text is not the JSON of a ViewDefinition.
    pub fn from_json(text: &str) -> Result<View, CompileError> {
        compile::text(text)
    }

    /// A view for a definition that is part of this build; its expressions are compiled when it first runs.
    ///
    /// Most commands run only a few of hundreds of views, and compiling them all would take longer than
    /// everything else in a small command.
    ///
    /// # Errors
    /// The text is not a ViewDefinition with a resource and a type for each column. Expressions are not
    /// checked here: a test compiles all definitions of this build.
    pub fn outline(text: &'static str) -> Result<View, CompileError> {
        outline::view(text)
    }

    fn plan(&self) -> &Plan {
        self.plan.get_or_init(|| {
            let compiled = View::from_json(self.text).ok().and_then(|view| view.plan.into_inner());
            compiled.expect("a test compiles every definition of this build")
        })
    }

    /// Like [`View::run_at`], for a server whose base is not known: only relative references have a key.
    ///
    /// # Errors
    /// The same errors as [`View::run_at`].
    pub fn run<'a>(
        &'a self,
        resource: &'a Node<'a>,
        sink: &mut dyn FnMut(&[Value<'a>]),
    ) -> Result<u64, ViewError> {
        static NOWHERE: LazyLock<ServerBases> = LazyLock::new(ServerBases::default);
        self.run_at(&NOWHERE, resource, sink)
    }

    /// Pushes the view's rows of one resource into `sink`, and returns how many there were.
    ///
    /// `bases` are the bases of the resource's server: a reference has a key if it is relative or begins
    /// with one of them.
    ///
    /// The slice has one value per column and is reused between rows; its values borrow from the
    /// resource and from the view. A resource of another type gives no rows.
    ///
    /// # Errors
    /// The resource does not fit the view, such as by two values in a single-valued column. Rows pushed
    /// before the error must be discarded.
    pub fn run_at<'a>(
        &'a self,
        bases: &'a ServerBases,
        resource: &'a Node<'a>,
        sink: &mut dyn FnMut(&[Value<'a>]),
    ) -> Result<u64, ViewError> {
        self.rows(resource, Terms { bases, is_strict: true }, sink)
    }

    /// Like [`View::run_at`], for filling tables: a value of a wrong type costs only its own cell.
    ///
    /// In the standard, such as for `join()` of a number, this is an error. Here the cell is
    /// [`Value::Mistyped`].
    ///
    /// # Errors
    /// The same errors as [`View::run_at`].
    pub fn fill_at<'a>(
        &'a self,
        bases: &'a ServerBases,
        resource: &'a Node<'a>,
        sink: &mut dyn FnMut(&[Value<'a>]),
    ) -> Result<u64, ViewError> {
        self.rows(resource, Terms { bases, is_strict: false }, sink)
    }

    fn rows<'a>(
        &'a self,
        resource: &'a Node<'a>,
        terms: Terms<'a>,
        sink: &mut dyn FnMut(&[Value<'a>]),
    ) -> Result<u64, ViewError> {
        match resource.get("resourceType").and_then(Node::as_str) == Some(&self.resource) {
            true => rows::run((self, self.plan()), resource, terms, sink),
            false => Ok(0),
        }
    }
}
