//! What is said about a file while it is read.

use std::cell::RefCell;
use std::sync::Arc;

use super::problem::{Position, Problem, Problems, Warning};

/// Collects what is said about a file while it is read.
#[derive(Debug)]
pub(super) struct Report {
    file: Arc<str>,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Warning>>,
}

impl Report {
    pub(super) fn new(file: &str) -> Self {
        Self { file: Arc::from(file), problems: RefCell::default(), warnings: RefCell::default() }
    }

    pub(super) fn problem(&self, at: Position, path: String, message: impl Into<String>) {
        let problem = self.note(at, path, message);
        self.problems.borrow_mut().push(problem);
    }

    pub(super) fn warning(&self, at: Position, path: String, message: impl Into<String>) {
        let warning = Warning(self.note(at, path, message));
        self.warnings.borrow_mut().push(warning);
    }

    fn note(&self, at: Position, path: String, message: impl Into<String>) -> Problem {
        let file = Arc::clone(&self.file);
        Problem { file, position: Some(at), path, message: message.into() }
    }

    /// The warnings in order, unless there are problems.
    pub(super) fn finish(self) -> Result<Vec<Warning>, Problems> {
        if let Some(problems) = Problems::of(self.problems.into_inner()) {
            return Err(problems);
        }
        let mut warnings = self.warnings.into_inner();
        warnings.sort_by(|a, b| (a.0.position, &a.0.path).cmp(&(b.0.position, &b.0.path)));
        Ok(warnings)
    }
}
