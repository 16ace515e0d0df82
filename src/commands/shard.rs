//! The shard that a command is about, from a flag or from the environment.

use super::{failure::Failure, tell};
use crate::{cli::ShardArgs, plural, shard::Shard, warehouse::ConnectionRow};
use std::env;

/// The variables with the shard itself, and with the number of shards.
const SHARD: &str = "PAYERSYNC_SHARD";
const SHARDS: &str = "PAYERSYNC_SHARDS";
/// The variable with the number of this pod in an indexed Job, from 0; Kubernetes sets it.
const INDEX: &str = "JOB_COMPLETION_INDEX";

/// The shard that a command is about; the shard of all connections if none is given.
///
/// # Errors
/// The text is not a shard, or the number of shards is given but not which of them this is.
pub(super) fn chosen(args: &ShardArgs) -> Result<Shard, Failure> {
    of(args, &|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
}

fn of(args: &ShardArgs, variable: &dyn Fn(&str) -> Option<String>) -> Result<Shard, Failure> {
    if let Some(shard) = args.shard {
        return Ok(shard);
    }
    if let (None, Some(text)) = (args.shards, variable(SHARD)) {
        return text.parse().map_err(|problem| {
            Failure::misuse(format!("{SHARD} is {text:?}: {problem}"))
                .hint("1/4 is the first of four shards")
        });
    }
    let of = match (args.shards, variable(SHARDS)) {
        (Some(number), _) => number.get(),
        (None, None) => return Ok(Shard::WHOLE),
        (None, Some(text)) => text.parse().map_err(|_| {
            Failure::misuse(format!("{SHARDS} is {text:?}, not a number of shards"))
                .hint(format!("set {SHARDS} to the number of the Job's completions"))
        })?,
    };
    let Some(text) = variable(INDEX) else {
        // Not every command that reads the variables has the flags.
        let elsewhere = match args.shards {
            Some(_) => "`--shard I/N` instead of `--shards`".to_owned(),
            None => format!("set {SHARD}=I/N"),
        };
        return Err(Failure::misuse(format!(
            "{INDEX} does not say which of the {of} shards this is"
        ))
        .hint(format!(
            "Kubernetes sets it in a Job with completionMode: Indexed; elsewhere {elsewhere}"
        )));
    };
    let shard = || Shard::new(text.parse::<u32>().ok()?.checked_add(1)?, of);
    shard().ok_or_else(|| {
        Failure::misuse(format!("{INDEX} is {text:?}, which is not one of the {of} shards"))
            .hint("the Job's completions must be the number of shards")
    })
}

/// Keeps the connections of a shard, and returns how many others there were.
pub(super) fn keep(shard: Shard, rows: &mut Vec<ConnectionRow>) -> usize {
    let all = rows.len();
    rows.retain(|row| shard.holds(&row.name));
    all - rows.len()
}

/// Refuses names of connections that belong to other shards.
pub(super) fn refuse_strangers(shard: Shard, names: &[String], hint: &str) -> Result<(), Failure> {
    let Some(name) = names.iter().find(|name| !shard.holds(name)) else { return Ok(()) };
    let owner = shard.owner_of(name);
    Err(Failure::misuse(format!("{name} belongs to shard {owner}, not to {shard}")).hint(hint))
}

/// Reports that the home has no connection, or none of the given `kind`.
///
/// A hash assigns names to shards, so with few connections a shard may be empty.
pub(super) fn tell_empty(shard: Shard, kind: &str) {
    tell(&format!("Shard {shard}: this home has no connection{kind} yet; there is nothing to do"));
}

/// Reports that connections of this home are left to other shards.
///
/// If no other home has these connections, nobody syncs them.
pub(super) fn tell_others(shard: Shard, others: usize) {
    if others > 0 {
        let others = plural::count(others, "connection");
        tell(&format!("Shard {shard}: {others} of this home left to other shards"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    fn said(args: &ShardArgs, variables: &[(&str, &str)]) -> String {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let told = |failure: Failure| format!("{failure}; {}", failure.what_to_do());
        of(args, &variable).map_or_else(told, |shard| shard.to_string())
    }

    #[test]
    fn a_flag_goes_before_the_environment_and_a_job_counts_from_zero() {
        let nothing = ShardArgs::default();
        let flag = ShardArgs { shard: Shard::new(2, 4), shards: None };
        let count = ShardArgs { shard: None, shards: NonZeroU32::new(4) };
        for (args, variables, expected) in [
            (&nothing, &[][..], "1/1"),
            (&nothing, &[(INDEX, "3")], "1/1"),
            (&nothing, &[(SHARD, "3/5")], "3/5"),
            (&flag, &[(SHARD, "3/5")], "2/4"),
            (&nothing, &[(SHARDS, "4"), (INDEX, "0")], "1/4"),
            (&count, &[(INDEX, "3"), (SHARD, "1/2")], "4/4"),
        ] {
            assert_eq!(said(args, variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn half_a_shard_is_a_mistake() {
        let nothing = ShardArgs::default();
        for (variables, problem) in [
            (&[(SHARD, "0/4")][..], "PAYERSYNC_SHARD is \"0/4\""),
            (&[(SHARDS, "four")], "PAYERSYNC_SHARDS is \"four\""),
            (&[(SHARDS, "4")], "JOB_COMPLETION_INDEX does not say"),
            (&[(SHARDS, "4")], "elsewhere set PAYERSYNC_SHARD=I/N"),
            (&[(SHARDS, "4"), (INDEX, "4")], "not one of the 4 shards"),
            (&[(SHARDS, "4"), (INDEX, "-1")], "not one of the 4 shards"),
        ] {
            let said = said(&nothing, variables);
            assert!(said.contains(problem), "{said}");
        }
        let count = ShardArgs { shard: None, shards: NonZeroU32::new(4) };
        let said = said(&count, &[]);
        assert!(said.contains("elsewhere `--shard I/N` instead of `--shards`"), "{said}");
    }
}
