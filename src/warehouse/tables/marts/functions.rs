//! The SQL functions that the marts' statements call, for the writer and for `verify`.

use super::{benefit, cents, codes, lineage, revision, unit, words};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{
    Connection,
    functions::{Context, FunctionFlags},
    types::ValueRef,
};

/// Registers the functions with a SQLite connection.
pub(in crate::warehouse) fn register(connection: &Connection) -> Result<(), WarehouseError> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let add = |name, arguments, function: fn(&Context<'_>) -> rusqlite::Result<Option<String>>| {
        connection.create_scalar_function(name, arguments, flags, function)
    };
    add("first_day", 1, |context| Ok(text(context, 0).and_then(words::first_day)))
        .and_then(|()| add("last_day", 1, |context| Ok(text(context, 0).and_then(words::last_day))))
        .and_then(|()| add("ndc11", 1, |context| Ok(text(context, 0).and_then(words::ndc))))
        .and_then(|()| {
            add("npi_of", 3, |context| {
                Ok(words::npi(text(context, 0), text(context, 1), text(context, 2)))
            })
        })
        .and_then(|()| {
            add("medicare_part", 1, |context| Ok(text(context, 0).and_then(words::medicare_part)))
        })
        .and_then(|()| {
            connection.create_scalar_function("frequency_of", 4, flags, |context| {
                Ok(revision::frequency(category(context), text(context, 3)))
            })
        })
        .and_then(|()| {
            add("bill_frequency", 1, |context| {
                Ok(text(context, 0).and_then(revision::bill_frequency))
            })
        })
        .and_then(|()| {
            add("type_of_bill", 1, |context| Ok(text(context, 0).and_then(revision::type_of_bill)))
        })
        .and_then(|()| {
            connection.create_scalar_function("adjustment_of", 4, flags, |context| {
                Ok(revision::adjustment(category(context), text(context, 3)))
            })
        })
        .and_then(|()| {
            add("prescription_of", 4, |context| {
                let found = revision::prescription([0, 1, 2, 3].map(|at| text(context, at)));
                Ok(found.map(str::to_owned))
            })
        })
        .and_then(|()| {
            connection.create_scalar_function("npi_is_valid", 1, flags, |context| {
                Ok(text(context, 0).map(words::npi_is_valid))
            })
        })
        .and_then(|()| {
            connection.create_scalar_function("whole_number", 1, flags, |context| {
                Ok(text(context, 0).and_then(words::whole_number))
            })
        })
        .and_then(|()| {
            add("vocabulary", 2, |context| {
                let code = text(context, 1).unwrap_or_default();
                let found = text(context, 0).and_then(|system| codes::vocabulary(system, code));
                Ok(found.map(str::to_owned))
            })
        })
        .and_then(|()| {
            add("listed_system", 2, |context| {
                Ok(both(context, |system, code| {
                    codes::listed_system(system, code).map(str::to_owned)
                }))
            })
        })
        .and_then(|()| add("listed_code", 2, |context| Ok(both(context, codes::listed_code))))
        .and_then(|()| {
            add("diagnosis_code", 2, |context| {
                Ok(text(context, 1).map(|code| codes::diagnosis(text(context, 0), code)))
            })
        })
        .and_then(|()| {
            add("claim_kind", 1, |context| {
                Ok(text(context, 0).and_then(codes::claim_kind).map(str::to_owned))
            })
        })
        .and_then(|()| {
            add("interpretation_of", 1, |context| {
                Ok(text(context, 0).and_then(codes::interpretation).map(str::to_owned))
            })
        })
        .and_then(|()| {
            add("benefit_kind", 1, |context| Ok(word(context, benefit::kind)))
                .and_then(|()| add("benefit_unit", 1, |context| Ok(word(context, benefit::unit))))
                .and_then(|()| {
                    add("benefit_network", 1, |context| Ok(word(context, benefit::network)))
                })
                .and_then(|()| add("benefit_term", 1, |context| Ok(word(context, benefit::term))))
        })
        .and_then(|()| add("unit_word", 1, |context| Ok(text(context, 0).and_then(unit::word))))
        .and_then(|()| {
            connection.create_scalar_function("same_unit", 4, flags, |context| {
                let pair = |at: usize| [text(context, at), text(context, at + 1)];
                Ok(unit::are_same(pair(0), pair(2)))
            })
        })
        .and_then(|()| {
            connection.create_scalar_function("made_at", 2, flags, |context| {
                Ok(lineage::made_at(text(context, 0), text(context, 1)))
            })
        })
        .and_then(|()| add("first_dated", -1, |context| Ok(first_dated(context))))
        .and_then(|()| {
            connection.create_scalar_function("cents_of", 1, flags, |context| {
                Ok(context.get::<Option<f64>>(0).unwrap_or(None).and_then(cents::cents))
            })
        })
        .and_then(|()| {
            connection.create_scalar_function("days_of", 3, flags, |context| {
                let value = context.get::<Option<f64>>(0).unwrap_or(None);
                Ok(words::days(value, text(context, 1), text(context, 2)))
            })
        })
        .doing("cannot register the SQL functions of the marts")
}

/// Calls `find` with a code system and a code; NULL if either is missing.
fn both(context: &Context<'_>, find: fn(&str, &str) -> Option<String>) -> Option<String> {
    find(text(context, 0)?, text(context, 1)?)
}

/// Calls `of` with the first argument.
fn word(context: &Context<'_>, of: fn(&str) -> Option<&'static str>) -> Option<String> {
    text(context, 0).and_then(of).map(str::to_owned)
}

/// The first argument that has a day; if no argument has a day, the first text.
fn first_dated(context: &Context<'_>) -> Option<String> {
    let sent = || (0..context.len()).filter_map(|at| text(context, at));
    let dated = sent().find(|text| words::first_day(text).is_some());
    dated.or_else(|| sent().next()).map(str::to_owned)
}

/// The first three arguments: the names of an entry of `supportingInfo`, or of an extension.
fn category<'a>(context: &'a Context<'_>) -> [Option<&'a str>; 3] {
    [text(context, 0), text(context, 1), text(context, 2)]
}

/// An argument that is text.
fn text<'a>(context: &'a Context<'_>, at: usize) -> Option<&'a str> {
    match context.get_raw(at) {
        ValueRef::Text(text) => std::str::from_utf8(text).ok(),
        _ => None,
    }
}
