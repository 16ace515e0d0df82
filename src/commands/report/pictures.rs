//! The page's pictures: a few rectangles and lines, written as SVG without a library.
//!
//! Colours are classes of the style sheet, so that both themes and the printed page have colours of their
//! own. Each picture has a title, and a table beside it shows its numbers.

use maud::{Markup, html};

const WIDTH: i64 = 720;

/// A bar of a timeline; its ends are day numbers.
pub(super) struct Span {
    pub(super) label: String,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) is_ended: bool,
}

/// A timeline with a bar for each span, each in a row of its own.
pub(super) fn timeline(title: &str, spans: &[Span], years: &[(i32, i64)], last: i64) -> Markup {
    let first = years.first().map_or(0, |(_, day)| *day);
    let x = |day: i64| (day.clamp(first, last) - first) * WIDTH / (last - first).max(1);
    let height = 24 * spans.len() as i64 + 24;
    let every = years.len() / 10 + 1;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(title) {
            @for (year, day) in years.iter().step_by(every) {
                line.grid x1=(x(*day)) x2=(x(*day)) y1="0" y2=(height - 20) {}
                text.tick x=(x(*day) + 3) y=(height - 6) { (year) }
            }
            @for (position, span) in (0_i64..).zip(spans) {
                rect class=(if span.is_ended { "bar ended" } else { "bar" }) x=(x(span.from))
                    y=(position * 24 + 4) width=((x(span.to) - x(span.from)).max(2)) height="16" rx="3" {
                    title { (span.label) }
                }
            }
        }
    }
}

/// A column of stacked values, one for each series.
pub(super) struct Stack {
    pub(super) label: String,
    pub(super) values: Vec<i64>,
    /// Whether the label is shown below the column.
    pub(super) is_marked: bool,
}

/// Stacked columns; `scale` is the text for the value of the top line.
pub(super) fn stacks(title: &str, stacks: &[Stack], scale: &str) -> Markup {
    const HEIGHT: i64 = 200;
    /// Room for the scale's text, even if its letters are large on a small screen.
    const TOP: i64 = 28;
    /// The greatest width of a label.
    const LABEL: f64 = 90.0;
    let total = |stack: &Stack| stack.values.iter().map(|value| (*value).max(0)).sum::<i64>();
    let most = stacks.iter().map(total).max().unwrap_or_default().max(1);
    let room = WIDTH as f64 / stacks.len().max(1) as f64;
    let wide = (room * 0.8).min(60.0);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + TOP + 24)) role="img" aria-label=(title) {
            line.grid x1="0" x2=(WIDTH) y1=(TOP) y2=(TOP) {}
            text.tick x="0" y=(TOP - 6) { (scale) }
            line.axis x1="0" x2=(WIDTH) y1=(HEIGHT + TOP) y2=(HEIGHT + TOP) {}
            @for (position, stack) in stacks.iter().enumerate() {
                @let left = position as f64 * room;
                @for (series, bottom, value) in piled(&stack.values) {
                    @let high = value as f64 / most as f64 * HEIGHT as f64;
                    @let low = bottom as f64 / most as f64 * HEIGHT as f64;
                    rect class=(format!("k{series}")) x=(format!("{left:.1}")) width=(format!("{wide:.1}"))
                        y=(format!("{:.1}", (HEIGHT + TOP) as f64 - low - high)) height=(format!("{high:.1}")) {}
                }
                // A label further right would be cut off, or would cover the one before it.
                @if stack.is_marked && (position == 0 || left <= WIDTH as f64 - LABEL) {
                    text.tick x=(format!("{left:.1}")) y=(HEIGHT + TOP + 20) { (stack.label) }
                }
            }
        }
    }
}

/// For each positive value: its series, the sum of the values below it, and the value itself.
fn piled(values: &[i64]) -> Vec<(usize, i64, i64)> {
    let (mut bottom, mut piled) = (0_i64, Vec::new());
    for (series, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
        piled.push((series, bottom, *value));
        bottom += value;
    }
    piled
}

/// A bar that shows how much of a limit is used.
pub(super) fn meter(title: &str, used: i64, limit: i64) -> Markup {
    // A payer may state a negative limit.
    let limit = limit.max(0);
    let wide = (used.clamp(0, limit) as f64 / limit.max(1) as f64 * 200.0).round();
    html! {
        svg.meter viewBox="0 0 200 12" role="img" aria-label=(title) {
            rect.room x="0" y="0" width="200" height="12" rx="3" {}
            rect.bar x="0" y="0" width=(wide) height="12" rx="3" {}
        }
    }
}

/// A line of results over time, oldest first, with the reference range behind it.
pub(super) fn trend(title: &str, values: &[f64], low: Option<f64>, high: Option<f64>) -> Markup {
    let ends = values.iter().copied().chain(low).chain(high).filter(|value| value.is_finite());
    let (least, most) = ends.fold((f64::MAX, f64::MIN), |(a, b), one| (a.min(one), b.max(one)));
    let span = if most > least { most - least } else { 1.0 };
    let y = |value: f64| 44.0 - (value - least) / span * 40.0;
    let step = 150.0 / (values.len().max(2) - 1) as f64;
    let points: Vec<(f64, f64)> =
        values.iter().enumerate().map(|(at, value)| (5.0 + at as f64 * step, y(*value))).collect();
    let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let (top, bottom) = (high.map_or(4.0, y), low.map_or(44.0, y));
    html! {
        svg.trend viewBox="0 0 160 48" role="img" aria-label=(title) {
            @if low.is_some() || high.is_some() {
                rect.range x="0" width="160" y=(format!("{top:.1}"))
                    height=(format!("{:.1}", (bottom - top).max(1.0))) {}
            }
            polyline.line points=(line.join(" ")) {}
            @if let Some((x, y)) = points.last() {
                circle.dot cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="3.5" {}
            }
        }
    }
}
