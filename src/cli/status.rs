//! `payersync status`.

use super::ShardArgs;
use chrono::TimeDelta;
use clap::Args;
use std::path::PathBuf;

/// `payersync status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The connections to show, type by type; all of them, in a line each, if none is named
    #[arg(conflicts_with_all = ["prometheus", "calendar"])]
    pub names: Vec<String>,
    /// Show every type of every connection
    #[arg(long, conflicts_with_all = ["prometheus", "calendar"])]
    pub all: bool,
    /// How old the last complete walk of a type may be, such as 36h or 8d [default: until the second scheduled run after it]
    #[arg(long, value_name = "AGE", value_parser = age, conflicts_with_all = ["prometheus", "calendar"])]
    pub max_age: Option<TimeDelta>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print when members must consent again, as an iCalendar file
    #[arg(long, conflicts_with_all = ["json", "prometheus"])]
    pub calendar: bool,
    /// Print metrics for node_exporter's textfile collector, or write them to a file
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "json")]
    pub prometheus: Option<Option<PathBuf>>,
    /// The part of the connections to show
    #[command(flatten)]
    pub shard: ShardArgs,
}

/// Reads an age: a whole number of minutes, hours or days.
fn age(text: &str) -> Result<TimeDelta, String> {
    let age = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number: i64 = number.parse::<u32>().ok()?.into();
        match unit {
            "m" => TimeDelta::try_minutes(number),
            "h" => TimeDelta::try_hours(number),
            "d" => TimeDelta::try_days(number),
            _ => None,
        }
    };
    age().filter(|age| !age.is_zero()).ok_or_else(|| "not an age such as 90m, 36h or 8d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_with_a_unit() {
        assert_eq!(age("90m"), Ok(TimeDelta::minutes(90)));
        assert_eq!(age("36h"), Ok(TimeDelta::hours(36)));
        assert_eq!(age("8d"), Ok(TimeDelta::days(8)));
        for odd in ["", "h", "36", "0h", "-1h", "1.5h", "36H", "1é", "99999999999d", "2w"] {
            assert!(age(odd).is_err(), "{odd}");
        }
    }
}
