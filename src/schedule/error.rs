//! Why a text is not a schedule.

/// A schedule that cannot be used, with a message for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The number of fields is neither five nor six.
    #[error(
        "has {found} fields; it needs five as in crontab (minute hour day month weekday), or six with seconds first"
    )]
    Fields {
        /// How many fields there are.
        found: usize,
    },
    /// A shorthand that does not exist.
    #[error("is not a known shorthand; use @hourly, @daily, @weekly, @monthly or @yearly")]
    Shorthand,
    /// A field that cannot be read, or a value out of its bounds.
    #[error("has the {field} {text:?}; {field}s go from {first} to {last}")]
    Field {
        /// The name of the field, such as `hour`.
        field: &'static str,
        /// The text of the field.
        text: String,
        /// The smallest value of the field.
        first: u8,
        /// The largest value of the field.
        last: u8,
    },
    /// Each field is right by itself, but the crate `cron` does not accept them together.
    #[error(
        "is not understood; it needs five fields as in crontab (minute hour day month weekday)"
    )]
    Syntax,
    /// A weekday that cannot be read.
    #[error(
        "has the weekday {0:?}; weekdays are 0 to 7 (0 and 7 are Sunday) or sun to sat, as in crontab"
    )]
    Weekday(String),
    /// No date matches, as for 30 February.
    #[error("matches no day of the calendar")]
    Never,
    /// A time zone that does not exist.
    #[error("is not a time zone; use a name such as America/New_York or UTC")]
    TimeZone,
}
