//! 1upHealth's demo environment, which the payer imitates without `--like`. Its rules are built into the
//! code.

use crate::sandbox::like::rule::{Paths, Ruleset, at};

pub(in crate::sandbox::like) static ONE_UP: Ruleset = Ruleset {
    name: "1uphealth",
    title: "1upHealth, demo environment",
    preset: None,
    settings: &[],
    paths: Paths {
        authorize: "/oauth2/authorize/test",
        token: "/oauth2/token",
        discovery: None,
        fhir: &[at("/r4")],
    },
    rules: &[],
};
