//! A log line as JSON, by the schema of docs/log.schema.json.

use crate::clock::{self, Clock};
use serde_json::{Map, Value};
use std::fmt::{self, Debug};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{JsonFields, Writer},
    },
    registry::LookupSpan,
};

/// The event name of a line that another crate has written, or that has no name.
const UNNAMED: &str = "log";
/// The fields that a line takes from its spans; the spans of other crates may have others.
const IDS: [&str; 2] = ["run_id", "connection_id"];

/// Formats an event as one JSON object.
///
/// The object has timestamp, level, target, event, message, the event's own fields, and the ids of its run
/// and its connection.
pub(super) struct JsonLine;

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields(mut fields) = fields;
        // The crate `log` puts the target into a field. Its other fields are paths of the build, which say
        // nothing.
        let target = match fields.remove("log.target") {
            Some(Value::String(target)) => target,
            _ => metadata.target().to_owned(),
        };
        fields.retain(|name, _| !name.starts_with("log."));
        let mut line = Map::new();
        let mut put = |key: &str, value: Value| line.insert(key.to_owned(), value);
        put("timestamp", clock::text(Clock::system().now()).into());
        put("level", metadata.level().as_str().into());
        put("target", target.into());
        put("message", fields.remove("message").unwrap_or_else(|| "".into()));
        // `tracing` names an event that has no name by its place in the source.
        let is_named = !metadata.name().starts_with("event ") && metadata.name() != "log event";
        put("event", if is_named { metadata.name() } else { UNNAMED }.into());
        match is_named {
            true => line.append(&mut fields),
            false if fields.is_empty() => {}
            false => drop(put("fields", fields.into())),
        }
        for span in context.event_scope().into_iter().flatten() {
            if let Some(written) = span.extensions().get::<FormattedFields<JsonFields>>()
                && let Ok(Value::Object(ids)) = serde_json::from_str(written)
            {
                ids.into_iter().filter(|(name, _)| IDS.contains(&&**name)).for_each(
                    |(name, id)| {
                        line.entry(name).or_insert(id);
                    },
                );
            }
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// The fields of an event as JSON.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}
