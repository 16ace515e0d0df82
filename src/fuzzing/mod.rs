//! The fuzz targets: one for each reader of bytes from outside, with the properties that must always hold.
//!
//! They are built for the tests, which feed them damaged seeds, and, with the feature `fuzzing`, for the
//! coverage-guided fuzzer in `tests/fuzz`. They are not part of the product.

mod answers;
mod backups;
mod expressions;
mod pages;
#[cfg(test)]
mod tests;

/// A function that takes any bytes and panics if a property does not hold.
pub type Target = fn(&[u8]);

/// The names of the targets, which are also the folders of their seeds in `tests/fuzz/seeds`.
pub const TARGETS: [(&str, Target); 8] = [
    ("bundle", pages::bundle),
    ("json", pages::json),
    ("import", crate::commands::any_import),
    ("fhirpath", expressions::fhirpath),
    ("token", answers::token),
    ("retry-after", answers::wait),
    ("callback", answers::callback),
    ("restore", backups::restored),
];
